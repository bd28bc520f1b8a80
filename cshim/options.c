/* options.c: the command line, by libfuse's own parser: same words, same errors. */
#include "shim.h"

#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* args that libfuse owns, from argv; on success *argv is what is left, to be freed with gf_free_args. */
static int args_from(struct fuse_args *args, int argc, char **argv)
{
	memset(args, 0, sizeof(*args));
	for (int i = 0; i < argc; i++) {
		if (fuse_opt_add_arg(args, argv[i]) != 0)
			return -1;
	}
	return 0;
}

static int give_back(struct fuse_args *args, int *argc, char ***argv, int rc)
{
	if (rc != 0) {
		fuse_opt_free_args(args);
		return rc;
	}
	*argc = args->argc;
	*argv = args->argv;
	return 0;
}

void gf_free_args(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);

	args.allocated = 1;
	fuse_opt_free_args(&args);
}

/*
 * Parses n templates as fuse_opt_parse does. Template i writes to data + offsets[i]. What they match is taken out of argv,
 * which is given back as a new one.
 */
int gf_parse_options(int *argc, char ***argv, void *data, const char *const *templates, const uint64_t *offsets,
		     const int *values, int n)
{
	struct fuse_args args;
	struct fuse_opt *opts = calloc((size_t)n + 1, sizeof(*opts));
	int rc = -1;

	if (opts == NULL)
		return -1;
	for (int i = 0; i < n; i++) {
		opts[i].templ = templates[i];
		opts[i].offset = offsets[i];
		opts[i].value = values[i];
	}
	if (args_from(&args, *argc, *argv) == 0)
		rc = fuse_opt_parse(&args, data, opts, NULL);
	free(opts);
	return give_back(&args, argc, argv, rc);
}

int gf_parse_cmdline(int *argc, char ***argv, struct gf_cmdline *out)
{
	struct fuse_args args;
	struct fuse_cmdline_opts opts;
	int rc;

	memset(&opts, 0, sizeof(opts));
	rc = args_from(&args, *argc, *argv);
	if (rc == 0)
		rc = fuse_parse_cmdline(&args, &opts);
	*out = (struct gf_cmdline){
		.foreground = opts.foreground,
		.debug = opts.debug,
		.singlethread = opts.singlethread,
		.show_help = opts.show_help,
		.show_version = opts.show_version,
		.clone_fd = opts.clone_fd,
		.max_idle_threads = opts.max_idle_threads,
		.max_threads = opts.max_threads,
		.mountpoint = opts.mountpoint,
	};
	return give_back(&args, argc, argv, rc);
}

/* libfuse prints to C's stdout, which nobody flushes when a Go program ends. */
void gf_print_help(void)
{
	fuse_cmdline_help();
	fuse_lowlevel_help();
	fflush(stdout);
}

/* The same with the options of the high-level library and its modules. */
void gf_print_lib_help(void)
{
	struct fuse_args none = FUSE_ARGS_INIT(0, NULL);

	printf("FUSE options:\n");
	fuse_cmdline_help();
	fuse_lib_help(&none);
	fflush(stdout);
}

void gf_print_version(void)
{
	printf("FUSE library version %s\n", fuse_pkgversion());
	fuse_lowlevel_version();
	fflush(stdout);
}
