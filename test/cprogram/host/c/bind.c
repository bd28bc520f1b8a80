/* gf_bind, gf_hl_bind, and who ends a session; libfuse's log; what Go knows of the process. */
#include <go-libfuse3.h>
#include <errno.h>

#include "hosttest.h"
#include "kernel.h"

static int logged;
static const char *last = "";

static void log_func(enum fuse_log_level level, const char *format, va_list ap)
{
	(void)level;
	(void)ap;
	logged++;
	last = format;
}

static void check_errors(struct fuse_session *se, const struct fuse_lowlevel_ops *ops)
{
	struct fuse_lowlevel_ops endless = *ops;
	int data[4];

	endless.destroy = NULL;
	CHECK(gf_bind(NULL, ops, data, "ll") == -EINVAL);
	CHECK(gf_bind(se, NULL, data, "ll") == -EINVAL);
	CHECK(gf_bind(se, &endless, data, "ll") == -EINVAL);
	CHECK(gf_hl_bind(NULL, "hl") == -EINVAL);
	CHECK(gf_bind(se, ops, data, "ll") == 0);
	CHECK(gf_bind(se, ops, data, "ll") == -EEXIST);
	CHECK(gf_bind(se, ops, data + 1, NULL) == 0);
	gf_ll_destroy(data);
	CHECK(gf_bind(se, ops, data, "ll") == 0);
	gf_ll_destroy(data);
	gf_ll_destroy(data + 1);
	gf_ll_destroy(data + 2); /* nothing is there */
}

int main(void)
{
	static const struct fuse_lowlevel_ops ops = {
		.init = gf_ll_init,
		.destroy = gf_ll_destroy,
		.readlink = gf_ll_readlink,
	};
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	char target[100];
	struct kernel k;

	fuse_set_log_func(log_func);
	kernel_open(&k);
	fuse_opt_add_arg(&args, "bind");
	fuse_opt_add_arg(&args, "-d");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL);
	check_errors(se, &ops);

	setenv("HOST_TEST", "is known", 1); /* before Go starts */
	CHECK(gf_bind(se, &ops, &k, "ll") == 0);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	kernel_init(&k);
	kernel_readlink(&k);
	serve_one(se);
	serve_one(se);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	CHECK(kernel_answer(&k, target, sizeof(target)) == 0);
	printf("%s\n", target);
	fflush(stdout);

	/* The log is the program's: -d has said something of both requests, and Go has left it alone. */
	CHECK(logged > 2);
	logged = 0;
	fuse_log(FUSE_LOG_ERR, "mine");
	CHECK(logged == 1 && strcmp(last, "mine") == 0);
	host_log(); /* until Go asks for it */
	fuse_log(FUSE_LOG_ERR, "Go's\n");
	CHECK(logged == 1);

	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return 0;
}
