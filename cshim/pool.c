/* pool.c: threads come, read requests, work on them, rest, and go. Why there are so few of them that read: pool.h. */
#include "pool.h"
#include "_cgo_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_TO_END 10000	/* for threads that are in no handler, JOIN_TICK each */
#define JOIN_TICK 1600000	/* ns */
#define PAUSE 5000000		/* ns: half the time after which Go's scheduler steps in */
#define CALLS_TO_PAUSE 32	/* into Go, before the clock is looked at */

static int add_worker(struct gf_pool *p, bool begin_resting);

/* ---- resting ---- */

/* Makes a resting thread the standby, or a new one. Called when there is none. */
static void call_standby(struct gf_pool *p)
{
	if (p->max_threads == 1 || p->stop)
		return;
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (w->resting) {
			pthread_cond_signal(&w->cond);
			return;
		}
	}
	if (p->alive < p->max_threads)
		add_worker(p, true);
}

/* Waits until this thread should read, or stop. */
static void rest(struct gf_pool *p, struct worker *w)
{
	while (!p->stop && p->standby != NULL) {
		w->resting = true;
		pthread_cond_wait(&w->cond, &p->lock);
		w->resting = false;
	}
	if (p->stop)
		return;
	p->standby = w;
	gf_stand_by(p, w);
	p->standby = NULL;
	p->standby_asleep = false;
	call_standby(p);
}

/* ---- working ---- */

/* Too many threads without work? */
static bool superfluous(const struct gf_pool *p)
{
	int idle = p->alive - p->busy - (p->standby != NULL);

	return p->max_idle >= 0 && p->alive > 1 && idle > p->max_idle;
}

/* Ends the pool: no thread reads again. Those that do are to be interrupted by who waits for them. */
static void stop_locked(struct gf_pool *p)
{
	p->stop = true;
	for (struct worker *w = p->workers; w != NULL; w = w->next)
		pthread_cond_signal(&w->cond);
}

/* The session has ended by itself. */
static void report_end(struct gf_pool *p, int err)
{
	bool first = !p->reported && !p->stop;

	p->reported = true;
	stop_locked(p);
	if (!first)
		return;
	pthread_mutex_unlock(&p->lock);
	gfEnded(p->session->handle, err);
	pthread_mutex_lock(&p->lock);
}

static void begin_work(struct gf_pool *p, struct worker *w)
{
	p->seq++;
	p->busy++;
	w->busy = true;
	w->busy_since = p->tick;
}

static void end_work(struct gf_pool *p, struct worker *w)
{
	p->busy--;
	p->slow -= w->slow;
	w->busy = w->slow = false;
}

/*
 * Lets Go's scheduler see a pause now and then. Without one for 10 ms, it interrupts the thread with signals and takes its processor away, and
 * looks every 20 us for more to do. (Calls are counted, not requests: a thread that serves C handlers only has never been in Go.)
 */
static void pause_sometimes(struct worker *w)
{
	unsigned calls = gf_calls_here();
	int64_t now;

	if (calls - w->calls < CALLS_TO_PAUSE)
		return;
	w->calls = calls;
	now = gf_now_ns();
	if (now - w->paused_ns < PAUSE)
		return;
	w->paused_ns = now;
	gfPause();
}

/* Works on a request, without the lock. */
static void work(struct gf_pool *p, struct worker *w)
{
	begin_work(p, w);
	if (p->reading == 0) {
		gf_wake_standby(p);
		if (p->standby == NULL)
			call_standby(p);
	}
	pthread_mutex_unlock(&p->lock);
	gf_process(p->session, &w->input);
	pause_sometimes(w);
	pthread_mutex_lock(&p->lock);
	end_work(p, w);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct gf_pool *p = w->pool;

	pthread_setname_np(pthread_self(), "fuse-worker");
	pthread_mutex_lock(&p->lock);
	if (w->begin_resting)
		rest(p, w);
	while (!p->stop) {
		int n;

		if (gf_active(p) >= p->readers && p->max_threads > 1)
			rest(p, w);
		if (p->stop)
			break;
		w->reading = true;
		p->reading++;
		pthread_mutex_unlock(&p->lock);
		n = gf_wait_receive(p->session, &w->wait, &w->input);
		pthread_mutex_lock(&p->lock);
		w->reading = false;
		p->reading--;

		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0) {
			report_end(p, -n);
			break;
		}
		work(p, w);
		if (fuse_session_exited(p->session->se))
			report_end(p, 0);
		if (superfluous(p))
			break;
	}
	w->done = true;
	p->alive--;
	gf_wake_standby(p); /* which may have to read now */
	pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- threads ---- */

static void worker_free(struct worker *w)
{
	pthread_cond_destroy(&w->cond);
	gf_input_free(&w->input);
	free(w);
}

/* Joins the threads that are done. Called with the lock held. */
static void reap(struct gf_pool *p)
{
	struct worker **at = &p->workers;

	while (*at != NULL) {
		struct worker *w = *at;

		if (!w->done) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		/* It only has its thread-local data to free, for which it needs no lock of ours. */
		pthread_join(w->thread, NULL);
		worker_free(w);
	}
}

static void cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

/* Called with the lock held. */
static int add_worker(struct gf_pool *p, bool begin_resting)
{
	struct worker *w;
	int rc;

	reap(p);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	w->pool = p;
	w->begin_resting = begin_resting;
	cond_init(&w->cond);
	gf_wait_init(&w->wait, p->cpus < 2);
	rc = gf_input_alloc(&w->input, p->payload);
	if (rc == 0)
		rc = gf_thread_create(&w->thread, worker_main, w);
	if (rc != 0) {
		worker_free(w);
		return rc;
	}
	w->next = p->workers;
	p->workers = w;
	p->alive++;
	return 0;
}

/*
 * Starts to serve the session, after the handshake. gfEnded(handle, errno) is called when it ends by itself. max_idle < 0: no
 * limit.
 */
int gf_pool_start(struct gf_session *s, int max_threads, int max_idle)
{
	struct gf_pool *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->session = s;
	p->max_threads = max_threads < 1 ? 1 : max_threads;
	p->max_idle = max_idle;
	p->readers = 1;
	p->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	p->payload = s->conn->max_write;
	pthread_mutex_init(&p->lock, NULL);
	cond_init(&p->ended);
	s->pool = p;
	gf_set_blocking(s, false);
	pthread_mutex_lock(&p->lock);
	rc = add_worker(p, false);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* No request is read after this. Handlers go on. */
void gf_pool_stop(struct gf_session *s)
{
	struct gf_pool *p = s->pool;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	stop_locked(p);
	pthread_mutex_unlock(&p->lock);
}

/* Gets those out of gf_receive that are in it, or were about to be. */
static void interrupt_readers(struct gf_pool *p)
{
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (w->reading)
			gf_interrupt(w->thread);
	}
}

/* On the clock of the conditions. */
struct timespec gf_from_now(int64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ns / 1000000000;
	t.tv_nsec += ns % 1000000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static bool before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Waits for all threads to end, after gf_pool_stop or the session's own end. 0: they have. -ETIMEDOUT: some are still in a handler. */
int gf_pool_join(struct gf_session *s, int timeout_ms)
{
	struct gf_pool *p = s->pool;
	struct timespec end = gf_from_now(timeout_ms * 1000000L);
	int rc, tries = 0;

	if (p == NULL)
		return 0;
	gf_interrupt_begin();
	pthread_mutex_lock(&p->lock);
	while (p->alive > 0) {
		struct timespec now = gf_from_now(0), again = gf_from_now(JOIN_TICK);

		/* The time is for handlers. Threads without one end soon, whatever the time. */
		if (before(&end, &now) && (p->busy > 0 || ++tries > TRIES_TO_END))
			break;
		interrupt_readers(p);
		pthread_cond_timedwait(&p->ended, &p->lock, &again);
	}
	reap(p);
	rc = p->alive > 0 ? -ETIMEDOUT : 0;
	if (rc == 0)
		gf_set_blocking(s, true); /* as it was found: others may have it, too */
	pthread_mutex_unlock(&p->lock);
	gf_interrupt_end();
	return rc;
}

void gf_pool_free(struct gf_session *s)
{
	struct gf_pool *p = s->pool;

	if (p == NULL)
		return;
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->lock);
	free(p);
	s->pool = NULL;
}
