/* A process that is forked after Go has been started in it: fork WHAT. */
#include <go-libfuse3.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "hosttest.h"
#include "kernel.h"

static struct fuse_lowlevel_ops ops = {
	.init = gf_ll_init,
	.destroy = gf_ll_destroy,
	.lookup = gf_ll_lookup,
	.forget = gf_ll_forget,
	.retrieve_reply = gf_ll_retrieve_reply,
	.poll = gf_ll_poll,
};
static struct fuse_operations paths = {
	.init = gf_hl_init,
	.destroy = gf_hl_destroy,
	.getattr = gf_hl_getattr,
};

/* Serves, and returns the errno of a lookup. */
static int serve(void)
{
	const struct {
		uint64_t fh, kh;
		uint32_t flags, events;
	} poll = {1, 2, 1, 1};
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	struct kernel k;
	int err;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "fork");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL && gf_bind(se, &ops, &k, "ll") == 0);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	kernel_init(&k);
	kernel_lookup(&k, "x");
	kernel_send(&k, 2, 1, "12345678", 8); /* FORGET */
	kernel_send(&k, 40, 1, &poll, sizeof(poll));
	for (int i = 0; i < 4; i++)
		serve_one(se);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	err = kernel_answer(&k, NULL, 0);
	CHECK(kernel_answer(&k, NULL, 0) == (err ? err : ENOSYS));
	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return err;
}

static int serve_paths(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct kernel k;
	struct fuse *f;
	int err;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "fork");
	f = fuse_new(&args, &paths, sizeof(paths), NULL);
	CHECK(f != NULL && fuse_mount(f, k.mountpoint) == 0);
	kernel_init(&k);
	kernel_lookup(&k, "x");
	for (int i = 0; i < 2; i++)
		serve_one(fuse_get_session(f));
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	err = kernel_answer(&k, NULL, 0);
	kernel_close(&k);
	fuse_unmount(f);
	fuse_destroy(f);
	fuse_opt_free_args(&args);
	return err;
}

/* Runs f in a child process, and returns what waitpid says of it. */
static int in_child(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(f());
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static int start(void)
{
	return gf_start() == -ENOTSUP ? 3 : 4;
}

static int own_export(void)
{
	return host_add(1, 2);
}

static int grandchild(void)
{
	return WEXITSTATUS(in_child(serve));
}

static void check(int status, int want)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != want) {
		fprintf(stderr, "status %#x, want exit code %d\n", (unsigned)status, want);
		exit(1);
	}
}

int main(void)
{
	int status;

	/* Children of a process without Go each have their own. */
	check(in_child(serve), 0);
	check(in_child(serve_paths), 0);
	check(in_child(own_export), 3);
	check(in_child(grandchild), 0);

	CHECK(host_add(1, 2) == 3); /* starts Go */
	CHECK(gf_start() == 0);
	check(in_child(start), 3);
	check(in_child(serve), EIO);
	check(in_child(serve_paths), EIO);
	check(in_child(grandchild), EIO);
	status = in_child(own_export);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

	/* All is well in the process itself. */
	CHECK(serve() == 0);
	CHECK(serve_paths() == 0);
	return 0;
}
