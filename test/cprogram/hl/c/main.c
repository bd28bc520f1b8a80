/*
 * A program that leaves everything to Go: its table has every member that there is. The environment says which filesystem of Go's (FILESYSTEM, "": the
 * only one), and what else is to be done differently (HOW).
 */
#include <go-libfuse3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fuse_operations ops = {
	.init = gf_hl_init,
	.destroy = gf_hl_destroy,
	.getattr = gf_hl_getattr,
	.readlink = gf_hl_readlink,
	.mknod = gf_hl_mknod,
	.mkdir = gf_hl_mkdir,
	.unlink = gf_hl_unlink,
	.rmdir = gf_hl_rmdir,
	.symlink = gf_hl_symlink,
	.rename = gf_hl_rename,
	.link = gf_hl_link,
	.chmod = gf_hl_chmod,
	.chown = gf_hl_chown,
	.truncate = gf_hl_truncate,
	.open = gf_hl_open,
	.read = gf_hl_read,
	.write = gf_hl_write,
	.statfs = gf_hl_statfs,
	.flush = gf_hl_flush,
	.release = gf_hl_release,
	.fsync = gf_hl_fsync,
	.setxattr = gf_hl_setxattr,
	.getxattr = gf_hl_getxattr,
	.listxattr = gf_hl_listxattr,
	.removexattr = gf_hl_removexattr,
	.opendir = gf_hl_opendir,
	.readdir = gf_hl_readdir,
	.releasedir = gf_hl_releasedir,
	.fsyncdir = gf_hl_fsyncdir,
	.access = gf_hl_access,
	.create = gf_hl_create,
	.lock = gf_hl_lock,
	.utimens = gf_hl_utimens,
	.bmap = gf_hl_bmap,
	.ioctl = gf_hl_ioctl,
	.poll = gf_hl_poll,
	.write_buf = gf_hl_write_buf,
	.read_buf = gf_hl_read_buf,
	.flock = gf_hl_flock,
	.fallocate = gf_hl_fallocate,
	.copy_file_range = gf_hl_copy_file_range,
	.lseek = gf_hl_lseek,
#if FUSE_VERSION >= 318
	.statx = gf_hl_statx,
#endif
#if FUSE_VERSION >= 319
	.syncfs = gf_hl_syncfs,
#endif
};

static int private_data; /* the C program's own, which it keeps */

static int is(const char *how)
{
	const char *value = getenv("HOW");

	return value != NULL && strcmp(value, how) == 0;
}

static void *init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	void *mine = gf_hl_init(conn, cfg);

	if (mine != &private_data)
		fprintf(stderr, "private_data is not what fuse_new() was given\n");
	return mine;
}

static void destroy(void *data)
{
	if (data != &private_data)
		fprintf(stderr, "private_data is not what init() has returned\n");
	gf_hl_destroy(data);
}

static int serve(struct fuse *f, const struct fuse_cmdline_opts *opts)
{
	int rc = 1;

	if (fuse_set_signal_handlers(fuse_get_session(f)) != 0)
		return 1;
	if (fuse_mount(f, opts->mountpoint) == 0) {
		if (fuse_daemonize(opts->foreground) == 0)
			rc = opts->singlethread ? fuse_loop(f) : fuse_loop_mt(f, NULL);
		fuse_unmount(f);
	}
	fuse_remove_signal_handlers(fuse_get_session(f));
	return rc;
}

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	const char *filesystem = getenv("FILESYSTEM");
	struct fuse_cmdline_opts opts;
	struct fuse *f;
	int rc = 0;

	if (fuse_parse_cmdline(&args, &opts) != 0)
		return 1;
	if (is("plain"))
		ops.write_buf = NULL, ops.read_buf = NULL;
	ops.init = init;
	ops.destroy = destroy;
	f = fuse_new(&args, &ops, sizeof(ops), &private_data);
	if (f == NULL)
		return 1;
	if (!is("unbound"))
		rc = gf_hl_bind(f, filesystem == NULL || filesystem[0] == '\0' ? NULL : filesystem);
	if (rc != 0)
		fprintf(stderr, "gf_hl_bind: %s\n", strerror(-rc));
	else
		rc = serve(f, &opts);
	if (is("destroyed"))
		gf_ll_destroy(f);
	fuse_destroy(f);
	free(opts.mountpoint);
	fuse_opt_free_args(&args);
	return rc ? 1 : 0;
}
