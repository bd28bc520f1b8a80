/* Serves a lookup in the foreground (IN_FOREGROUND), or in a child, as fuse_daemonize() makes one, and prints its errno. */
#include <go-libfuse3.h>
#include <sys/wait.h>

#include "kernel.h"

static int serve(void)
{
	static const struct fuse_lowlevel_ops ops = {
		.init = gf_ll_init,
		.destroy = gf_ll_destroy,
		.lookup = gf_ll_lookup,
	};
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	struct kernel k;
	int err;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "plain");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL && gf_bind(se, &ops, &k, "ll") == 0);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	kernel_init(&k);
	kernel_lookup(&k, "x");
	serve_one(se);
	serve_one(se);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	err = kernel_answer(&k, NULL, 0);
	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return err;
}

int main(void)
{
#ifdef IN_FOREGROUND
	printf("%d\n", serve());
#else
	int status;

	if (fork() == 0)
		_exit(serve());
	CHECK(wait(&status) > 0 && WIFEXITED(status));
	printf("%d\n", WEXITSTATUS(status));
#endif
	return 0;
}
