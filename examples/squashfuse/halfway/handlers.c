/* handlers.c: the table of squashfuse_ll's main(), without what has been ported. The functions are in libsquashfuse_ll. */
#include "handlers.h"

#include <stdlib.h>

/* squashfuse_ll does this at the end of its main(), which is Go's now. */
static void destroy(void *userdata)
{
	sqfs_ll_destroy(userdata);
	free(userdata);
}

const struct fuse_lowlevel_ops handlers = {
	.destroy = destroy,
	.lookup = sqfs_ll_op_lookup,
	.forget = sqfs_ll_op_forget,
	.getattr = sqfs_ll_op_getattr,
	.opendir = sqfs_ll_op_opendir,
	.readdir = sqfs_ll_op_readdir,
	.releasedir = sqfs_ll_op_releasedir,
	.open = sqfs_ll_op_open,
	.create = sqfs_ll_op_create,
	.release = sqfs_ll_op_release,
	.statfs = stfs_ll_op_statfs,
};
