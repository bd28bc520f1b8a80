/* squashfuse_ll, with three handlers in Go: see ../main.go. Everything here is what it would be without Go, but for the lines with gf_. */
#define FUSE_USE_VERSION 312
#include <go-libfuse3.h>
#include <squashfuse/ll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fuse_lowlevel_ops ops = {
	.init = gf_ll_init,
	.destroy = gf_ll_destroy,
	.readlink = gf_ll_readlink,
	.listxattr = gf_ll_listxattr,
	.getxattr = gf_ll_getxattr,
	.lookup = sqfs_ll_op_lookup,
	.forget = sqfs_ll_op_forget,
	.getattr = sqfs_ll_op_getattr,
	.opendir = sqfs_ll_op_opendir,
	.readdir = sqfs_ll_op_readdir,
	.releasedir = sqfs_ll_op_releasedir,
	.open = sqfs_ll_op_open,
	.create = sqfs_ll_op_create,
	.read = sqfs_ll_op_read,
	.release = sqfs_ll_op_release,
	.statfs = stfs_ll_op_statfs,
};

struct options {
	char *image;
	unsigned long offset;
};

static const struct fuse_opt spec[] = {{"offset=%lu", offsetof(struct options, offset), 0}, FUSE_OPT_END};

/* The first argument that is no option is the archive. */
static int process(void *data, const char *arg, int key, struct fuse_args *out)
{
	struct options *o = data;

	(void)out;
	if (key != FUSE_OPT_KEY_NONOPT || o->image != NULL)
		return 1;
	o->image = strdup(arg);
	return o->image != NULL ? 0 : -1;
}

static int serve(struct fuse_session *se, const struct fuse_cmdline_opts *opts, sqfs_ll *ll)
{
	int rc = 1;

	if (fuse_set_signal_handlers(se) != 0)
		return 1;
	if (fuse_session_mount(se, opts->mountpoint) == 0) {
		if (fuse_daemonize(opts->foreground) == 0)
			rc = fuse_session_loop(se);
		fuse_session_unmount(se);
	} else {
		gf_ll_destroy(ll); /* libfuse does not where there was no INIT */
	}
	fuse_remove_signal_handlers(se);
	return rc;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts opts;
	struct options o = {0};
	struct fuse_session *se;
	sqfs_ll *ll;
	int rc = 1;

	if (fuse_opt_parse(&args, &o, spec, process) != 0 || fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	if (o.image == NULL || opts.mountpoint == NULL) {
		fprintf(stderr, "usage: %s [options] ARCHIVE MOUNTPOINT\n", argv[0]);
		return 1;
	}
	ll = sqfs_ll_open(o.image, o.offset);
	if (ll == NULL)
		return 1; /* it has said why */
	se = fuse_session_new(&args, &ops, sizeof(ops), ll);
	if (se != NULL) {
		rc = serve(se, &opts, ll);
		fuse_session_destroy(se);
	}
	sqfs_ll_destroy(ll);
	free(ll);
	free(o.image);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
