/*
 * A filesystem in C that calls Go at each step of its session's life (hook). With HOW=bound, Go has some of its handlers, too; with HOW=retrieve, all that it takes to retrieve.
 */
#include <go-libfuse3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adopttest.h"

static struct fuse_session *session;

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {.ino = 2, .attr.st_ino = 2, .attr.st_mode = S_IFREG | 0644};

	(void)parent;
	(void)name;
	hook((char *)"handler", session);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = {.st_ino = ino, .st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644, .st_nlink = 1};

	(void)fi;
	fuse_reply_attr(req, &st, 0);
}

/* A request that is never answered. */
static void access_forgotten(fuse_req_t req, fuse_ino_t ino, int mask)
{
	(void)req;
	(void)ino;
	(void)mask;
}

static struct fuse_lowlevel_ops ops = {
	.lookup = lookup,
	.getattr = getattr,
	.access = access_forgotten,
};

static int is(const char *how)
{
	const char *value = getenv("HOW");

	return value != NULL && strcmp(value, how) == 0;
}

static void add_go(void)
{
	ops.init = gf_ll_init;
	ops.destroy = gf_ll_destroy;
	ops.readlink = gf_ll_readlink;
	if (is("retrieve"))
		ops.retrieve_reply = gf_ll_retrieve_reply;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	int rc = 1, bound;

	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	bound = is("bound") || is("retrieve");
	if (bound)
		add_go();
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (session == NULL)
		return 1;
	if (bound && (rc = gf_bind(session, &ops, NULL, NULL)) != 0)
		fprintf(stderr, "gf_bind: %s\n", strerror(-rc));
	hook((char *)"new", session);
	if (fuse_session_mount(session, opts.mountpoint) == 0) {
		hook((char *)"mounted", session);
		rc = opts.singlethread ? fuse_session_loop(session) : fuse_session_loop_mt(session, NULL);
		hook((char *)"looped", session);
		fuse_session_unmount(session);
		hook((char *)"unmounted", session);
	}
	fuse_session_destroy(session);
	hook((char *)"destroyed", session);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
