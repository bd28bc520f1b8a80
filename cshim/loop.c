/*
 * loop.c: libfuse's own loop, for -o clone_fd.
 *
 * A reply must go to the fd that the request came from, and libfuse keeps the cloned fds to itself: only its own
 * loop can serve them. Everything else is served by pool.c.
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct loop {
	struct gf_session *session;
	struct fuse_loop_config *config;
};

static void *loop_main(void *arg)
{
	struct loop *l = arg;
	int rc = fuse_session_loop_mt(l->session->se, l->config);
	uint64_t handle = l->session->handle;

	fuse_loop_cfg_destroy(l->config);
	free(l);
	gfEnded(handle, rc < 0 ? -rc : 0);
	return NULL;
}

/* Starts libfuse's loop on a thread of its own. gfEnded(handle, errno) is called when it has ended, and all its threads with it. */
int gf_loop_mt_start(struct gf_session *s, int clone_fd, unsigned max_threads, unsigned max_idle)
{
	struct loop *l = calloc(1, sizeof(*l));
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (l == NULL)
		return -ENOMEM;
	l->session = s;
	l->config = fuse_loop_cfg_create();
	if (l->config == NULL) {
		free(l);
		return -ENOMEM;
	}
	fuse_loop_cfg_set_clone_fd(l->config, (unsigned)clone_fd);
	fuse_loop_cfg_set_max_threads(l->config, max_threads);
	fuse_loop_cfg_set_idle_threads(l->config, max_idle);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, loop_main, l);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		fuse_loop_cfg_destroy(l->config);
		free(l);
	}
	return -rc;
}
