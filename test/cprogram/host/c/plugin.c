/* A program that loads the library late: plugin LIBRARY... Each has a Go of its own. */
#include <go-libfuse3.h>
#include <dlfcn.h>

#include "kernel.h"

/* What dlsym returns, as a function. */
static void *symbol(void *library, const char *name)
{
	void *p = dlsym(library, name);

	if (p == NULL)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(p != NULL);
	return p;
}

#define LOAD(to, library, name) (*(void **)&(to) = symbol(library, name))

static void serve(void *library)
{
	int (*bind)(struct fuse_session *, const struct fuse_lowlevel_ops *, void *, const char *);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops = {0};
	struct fuse_session *se;
	struct kernel k;

	LOAD(bind, library, "gf_bind");
	LOAD(ops.init, library, "gf_ll_init");
	LOAD(ops.destroy, library, "gf_ll_destroy");
	LOAD(ops.lookup, library, "gf_ll_lookup");
	kernel_open(&k);
	fuse_opt_add_arg(&args, "plugin");
	se = fuse_session_new(&args, &ops, sizeof(ops), &k);
	CHECK(se != NULL && bind(se, &ops, &k, "ll") == 0);
	CHECK(fuse_session_mount(se, k.mountpoint) == 0);
	kernel_init(&k);
	kernel_lookup(&k, "x");
	kernel_lookup(&k, "fault");
	kernel_lookup(&k, "late");
	for (int i = 0; i < 4; i++)
		serve_one(se);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	CHECK(kernel_answer(&k, NULL, 0) == 5);
	CHECK(kernel_answer(&k, NULL, 0) == 0);
	kernel_close(&k);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
}

int main(int argc, char *argv[])
{
	void *libraries[8];

	for (int i = 1; i < argc; i++) {
		libraries[i] = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		if (libraries[i] == NULL)
			fprintf(stderr, "%s\n", dlerror());
		CHECK(libraries[i] != NULL);
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 1; i < argc; i++)
			serve(libraries[i]);
	}
	return 0;
}
