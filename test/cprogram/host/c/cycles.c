/* Makes and destroys sessions, again and again, and looks at what is left: cycles KIND. */
#include <go-libfuse3.h>
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>

#include "hosttest.h"
#include "kernel.h"

static struct fuse_lowlevel_ops ops = {
	.init = gf_ll_init,
	.destroy = gf_ll_destroy,
	.lookup = gf_ll_lookup,
	.forget = gf_ll_forget,
};
static struct fuse_operations paths = {
	.init = gf_hl_init,
	.destroy = gf_hl_destroy,
	.getattr = gf_hl_getattr,
};
static struct fuse_lowlevel_ops none;

static void quiet(enum fuse_log_level level, const char *format, va_list ap)
{
	(void)level;
	(void)format;
	(void)ap;
}

static void ask(struct kernel *k)
{
	kernel_init(k);
	kernel_lookup(k, "x");
	kernel_lookup(k, "late");
}

static void answered(struct kernel *k, int want)
{
	CHECK(kernel_answer(k, NULL, 0) == 0);
	CHECK(kernel_answer(k, NULL, 0) == want);
	CHECK(kernel_answer(k, NULL, 0) == want);
}

/* A session with handlers in Go. */
static void cycle_bound(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	struct kernel k;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "cycles");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL && gf_bind(se, &ops, &k, "ll") == 0);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	ask(&k);
	for (int i = 0; i < 3; i++)
		serve_one(se);
	answered(&k, 0);
	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
}

static void *asking(void *arg)
{
	struct kernel *k = arg;

	kernel_init(k);
	CHECK(kernel_answer(k, NULL, 0) == 0);
	kernel_lookup(k, "x");
	kernel_lookup(k, "late");
	CHECK(kernel_answer(k, NULL, 0) == 0);
	CHECK(kernel_answer(k, NULL, 0) == 0);
	kernel_close(k);
	return NULL;
}

/* The same, not bound, and served by libfuse's threads. */
static void cycle_loop(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	pthread_t asker;
	struct kernel k;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "cycles");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	CHECK(pthread_create(&asker, NULL, asking, &k) == 0);
	CHECK(fuse_session_loop_mt(se, NULL) != 0); /* ended by the end of the requests */
	CHECK(pthread_join(asker, NULL) == 0);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
}

/* A session that ends before its INIT. */
static void cycle_early(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;

	fuse_opt_add_arg(&args, "cycles");
	se = fuse_session_new(&args, &ops, sizeof(ops), &args);
	CHECK(se != NULL && gf_bind(se, &ops, &args, "ll") == 0);
	gf_ll_destroy(&args);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
}

/* A session of C's alone, which Go notifies. */
static void cycle_adopted(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	struct kernel k;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "cycles");
	se = fuse_session_new(&args, &none, sizeof(none), NULL);
	CHECK(se != NULL);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	ask(&k);
	serve_one(se);
	CHECK(host_adopt(se) == 0);
	for (int i = 0; i < 2; i++)
		serve_one(se);
	answered(&k, 38);
	CHECK(host_release() == 0);
	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
}

/* A session of libfuse's high-level library. */
static void cycle_paths(void)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct kernel k;
	struct fuse *f;

	kernel_open(&k);
	fuse_opt_add_arg(&args, "cycles");
	f = fuse_new(&args, &paths, sizeof(paths), NULL);
	CHECK(f != NULL && gf_hl_bind(f, "hl") == 0);
	CHECK(fuse_mount(f, k.mountpoint) == 0);
	ask(&k);
	for (int i = 0; i < 3; i++)
		serve_one(fuse_get_session(f));
	answered(&k, 0);
	kernel_close(&k);
	fuse_unmount(f);
	fuse_destroy(f);
	fuse_opt_free_args(&args);
}

static const struct {
	const char *name;
	void (*cycle)(void);
} kinds[] = {
	{"bound", cycle_bound}, {"loop", cycle_loop}, {"early", cycle_early}, {"adopted", cycle_adopted}, {"paths", cycle_paths},
};

/* ---- what there is ---- */

struct resources {
	int fds, threads, goroutines;
	size_t c, go;
};

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	CHECK(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static struct resources look(void)
{
	struct resources r;

	r.go = host_heap(&r.goroutines);
	r.fds = entries("/proc/self/fd");
	r.threads = entries("/proc/self/task");
	r.c = mallinfo2().uordblks;
	return r;
}

static bool grown(const struct resources *a, const struct resources *b)
{
	/* Go makes a thread more now and then, and keeps it. Its heap has a few caches. */
	return b->fds > a->fds || b->threads > a->threads + 4 || b->goroutines > a->goroutines || b->c > a->c + 16384 || b->go > a->go + 65536;
}

static void show(const char *when, const struct resources *r)
{
	printf("%s: %d files, %d threads, %d goroutines, %zu bytes of C's, %zu of Go's\n", when, r->fds, r->threads, r->goroutines, r->c, r->go);
}

int main(int argc, char *argv[])
{
	struct resources before, after;
	size_t i;

	fuse_set_log_func(quiet);
	for (i = 0; argc < 2 || strcmp(argv[1], kinds[i].name) != 0; i++)
		CHECK(i + 1 < sizeof(kinds) / sizeof(kinds[0]));
	for (int n = 0; n < 30; n++)
		kinds[i].cycle();
	before = look();
	for (int n = 0; n < 100; n++)
		kinds[i].cycle();
	for (int n = 0; n < 200; n++) { /* threads take a while to go */
		after = look();
		if (!grown(&before, &after))
			return 0;
		usleep(10000);
	}
	show("before", &before);
	show("after", &after);
	return 1;
}
