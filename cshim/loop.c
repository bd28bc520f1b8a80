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

struct gf_loop {
	struct gf_session *session;
	struct fuse_loop_config *config;
	pthread_t thread;
};

static void *loop_main(void *arg)
{
	struct gf_loop *l = arg;
	int rc = fuse_session_loop_mt(l->session->se, l->config);

	gfEnded(l->session->handle, rc < 0 && !gf_gone(-rc) ? -rc : 0);
	return NULL;
}

static void loop_free(struct gf_loop *l)
{
	if (l->config != NULL)
		fuse_loop_cfg_destroy(l->config);
	free(l);
}

/* Starts libfuse's loop on a thread of its own. gfEnded(handle, errno) is called when it has ended, and all its threads with it. */
int gf_loop_start(struct gf_session *s, unsigned max_threads, unsigned max_idle)
{
	struct gf_loop *l;
	int rc;

	if (gf_session_by_userdata(s->userdata) != s)
		return -EEXIST; /* by which libfuse's threads would not know it */
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	l->session = s;
	l->config = fuse_loop_cfg_create();
	if (l->config == NULL) {
		loop_free(l);
		return -ENOMEM;
	}
	fuse_loop_cfg_set_clone_fd(l->config, 1);
	fuse_loop_cfg_set_max_threads(l->config, max_threads);
	if (max_idle != (unsigned)-1) /* no limit: the default, of which libfuse 3.14 complains */
		fuse_loop_cfg_set_idle_threads(l->config, max_idle);
	gf_stderr_guard();
	rc = gf_thread_create(&l->thread, loop_main, l);
	if (rc != 0)
		loop_free(l);
	else
		s->loop = l;
	return rc;
}

/*
 * Tells the loop to end. Since 3.18 fuse_session_exit() suffices. Before that the loop's thread stays in sem_wait() until that is
 * interrupted. To be called again until gfEnded has been called.
 */
void gf_loop_stop(struct gf_session *s)
{
	fuse_session_exit(s->se);
#if !GF_HAVE_WAKEABLE_LOOP
	if (s->loop != NULL)
		gf_interrupt(s->loop->thread);
#endif
}

/* Frees the loop, after gfEnded has been called. */
void gf_loop_join(struct gf_session *s)
{
	struct gf_loop *l = s->loop;

	if (l == NULL)
		return;
	pthread_join(l->thread, NULL);
	loop_free(l);
	s->loop = NULL;
}
