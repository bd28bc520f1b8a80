/*
 * A program that leaves everything to Go: its table has every member that there is. The environment says which filesystem of Go's (FILESYSTEM, "": the
 * only one), and what else is to be done differently (HOW).
 */
#include <go-libfuse3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fuse_lowlevel_ops ops = {
	.init = gf_ll_init,
	.destroy = gf_ll_destroy,
	.lookup = gf_ll_lookup,
	.forget = gf_ll_forget,
	.getattr = gf_ll_getattr,
	.setattr = gf_ll_setattr,
	.readlink = gf_ll_readlink,
	.mknod = gf_ll_mknod,
	.mkdir = gf_ll_mkdir,
	.unlink = gf_ll_unlink,
	.rmdir = gf_ll_rmdir,
	.symlink = gf_ll_symlink,
	.rename = gf_ll_rename,
	.link = gf_ll_link,
	.open = gf_ll_open,
	.read = gf_ll_read,
	.write = gf_ll_write,
	.flush = gf_ll_flush,
	.release = gf_ll_release,
	.fsync = gf_ll_fsync,
	.opendir = gf_ll_opendir,
	.readdir = gf_ll_readdir,
	.releasedir = gf_ll_releasedir,
	.fsyncdir = gf_ll_fsyncdir,
	.statfs = gf_ll_statfs,
	.setxattr = gf_ll_setxattr,
	.getxattr = gf_ll_getxattr,
	.listxattr = gf_ll_listxattr,
	.removexattr = gf_ll_removexattr,
	.access = gf_ll_access,
	.create = gf_ll_create,
	.getlk = gf_ll_getlk,
	.setlk = gf_ll_setlk,
	.bmap = gf_ll_bmap,
	.ioctl = gf_ll_ioctl,
	.poll = gf_ll_poll,
	.write_buf = gf_ll_write_buf,
	.retrieve_reply = gf_ll_retrieve_reply,
	.forget_multi = gf_ll_forget_multi,
	.flock = gf_ll_flock,
	.fallocate = gf_ll_fallocate,
	.readdirplus = gf_ll_readdirplus,
	.copy_file_range = gf_ll_copy_file_range,
	.lseek = gf_ll_lseek,
#if FUSE_VERSION >= 317
	.tmpfile = gf_ll_tmpfile,
#endif
#if FUSE_VERSION >= 318
	.statx = gf_ll_statx,
#endif
#if FUSE_VERSION >= 319
	.syncfs = gf_ll_syncfs,
#endif
};

static int is(const char *how)
{
	const char *value = getenv("HOW");

	return value != NULL && strcmp(value, how) == 0;
}

static int serve(struct fuse_session *se, const struct fuse_cmdline_opts *opts)
{
	int rc = 1;

	if (fuse_set_signal_handlers(se) != 0)
		return 1;
	if (fuse_session_mount(se, opts->mountpoint) == 0) {
		if (fuse_daemonize(opts->foreground) == 0)
			rc = opts->singlethread ? fuse_session_loop(se) : fuse_session_loop_mt(se, NULL);
		fuse_session_unmount(se);
	}
	fuse_remove_signal_handlers(se);
	return rc;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	const char *filesystem = getenv("FILESYSTEM");
	struct fuse_cmdline_opts opts;
	struct fuse_session *se;
	int rc = 0;

	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	if (is("write"))
		ops.write_buf = NULL;
	if (is("no init"))
		ops.init = NULL;
	if (is("Go started"))
		gf_start();
	se = fuse_session_new(&args, &ops, sizeof(ops), &opts);
	if (se == NULL)
		return 1;
	if (!is("unbound"))
		rc = gf_bind(se, &ops, &opts, filesystem == NULL || filesystem[0] == '\0' ? NULL : filesystem);
	if (rc != 0)
		fprintf(stderr, "gf_bind: %s\n", strerror(-rc));
	else
		rc = serve(se, &opts);
	gf_ll_destroy(&opts); /* also where there was no INIT; fuse_session_destroy() calls it again, for nothing */
	fuse_session_destroy(se);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
