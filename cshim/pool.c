/*
 * pool.c: the threads that serve a session.
 *
 * One client is served best by one thread: each further one that waits for requests is woken by them, on another core, where it
 * has gone cold. Many clients are, too, as long as handlers are fast: what they need is the other cores. (Go's runtime, moreover, lets as many
 * threads run as there are cores, and to wait for one's turn costs more than a request.) Therefore only `readers` threads are active at a
 * time, at first one, and a thread that comes back from a handler while enough others are goes to rest.
 *
 * The price is that nobody reads while that one thread is in a handler. One of the resting threads, the standby, looks
 * after that: it wakes every TICK_MIN to TICK_MAX (short ticks notice what is short, long ones cost little). Who has been in a
 * handler for the whole of a tick is no longer active, and when nobody is, the standby reads. When requests keep queueing, one more thread may be active: up to half
 * the cores, or more where handlers wait rather than work. After a while without that, one less. When the session is idle, the standby sleeps until a reader wakes it.
 *
 * Threads are made when there is none left to rest, up to max_threads, and end when more than max_idle are idle.
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TICK_MIN 100000		/* ns */
#define TICK_MAX 1600000	/* ns: TICK_MIN, doubled a few times */
#define TICKS_TO_SLEEP 20	/* without a request */
#define TICKS_TO_GROW 3		/* with requests that wait */
#define TICKS_TO_SHRINK 100
#define TRIES_TO_END 10000	/* for threads that are in no handler, TICK_MAX each */

struct worker {
	struct worker *next;
	struct gf_pool *pool;
	pthread_t thread;
	pthread_cond_t cond;
	struct gf_input input;
	struct gf_wait wait;
	bool begin_resting, reading, resting, done;
	bool busy, slow;    /* in a handler; and counted as such in the pool */
	unsigned busy_since; /* the tick */
};

/* What had happened until some time. */
struct sample {
	int64_t ns, cpu_ns;
	uint64_t requests, sleeps;
};

struct gf_pool {
	struct gf_session *session;
	pthread_mutex_t lock;
	pthread_cond_t ended; /* a worker is done */
	struct worker *workers;
	struct worker *standby;
	bool standby_asleep;
	bool stop;
	bool reported; /* gfEnded was called */
	int max_threads, max_idle, cpus;
	int alive;     /* threads that are not done */
	int reading;   /* of these, in gf_receive */
	int busy;      /* of these, in a handler */
	int slow;      /* of these, for a tick or longer */
	int readers;   /* how many may be active at a time */
	unsigned tick; /* counts them */
	int queued;    /* ticks in a row at which requests waited, with nobody to read them */
	struct sample since; /* the first of these */
	uint64_t seq;  /* requests received */
	size_t payload;
};

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

static struct timespec from_now(long ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ns / 1000000000;
	t.tv_nsec += ns % 1000000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void sleep_ns(struct worker *w, long ns)
{
	struct timespec t = from_now(ns);

	pthread_cond_timedwait(&w->cond, &w->pool->lock, &t);
}

/* How many threads read, or are about to. */
static int active(const struct gf_pool *p)
{
	return p->reading + p->busy - p->slow;
}

static void note_slow_handlers(struct gf_pool *p)
{
	for (struct worker *w = p->workers; w != NULL; w = w->next) {
		if (!w->busy || w->slow || w->busy_since == p->tick)
			continue;
		w->slow = true;
		p->slow++;
	}
	p->tick++;
}

static bool grow(struct gf_pool *p, int most)
{
	p->queued = 0;
	if (p->readers >= most || p->readers >= p->max_threads - 1) /* one stays behind as the standby */
		return false;
	p->readers++;
	return true;
}

static int64_t ns_of(const struct timeval *t)
{
	return (t->tv_sec * INT64_C(1000000) + t->tv_usec) * 1000;
}

static struct sample sample(const struct gf_pool *p)
{
	struct rusage used = {0};

	getrusage(RUSAGE_SELF, &used);
	return (struct sample){
		.ns = gf_now_ns(),
		.cpu_ns = ns_of(&used.ru_utime) + ns_of(&used.ru_stime),
		.requests = p->seq,
		.sleeps = (uint64_t)used.ru_nvcsw,
	};
}

/* Do handlers spend their time waiting? Then the process sleeps at least once a request, and leaves cores to others. */
static bool handlers_wait(const struct gf_pool *p)
{
	struct sample now = sample(p);

	return now.sleeps - p->since.sleeps >= now.requests - p->since.requests &&
	       now.cpu_ns - p->since.cpu_ns < (now.ns - p->since.ns) * p->cpus / 2;
}

/* At the end of a tick: is a thread missing among those that read? */
static bool reader_wanted(struct gf_pool *p)
{
	note_slow_handlers(p);
	if (active(p) == 0)
		return true;
	if (p->reading > 0 || gf_wait_poll(p->session, 0) != 1) {
		p->queued = 0;
		return false;
	}
	if (p->queued++ == 0)
		p->since = sample(p);
	return p->queued > TICKS_TO_GROW && grow(p, handlers_wait(p) ? p->max_threads : p->cpus / 2);
}

/* The standby's rest. It returns when the thread should read, or stop. */
static void stand_by(struct gf_pool *p, struct worker *w)
{
	long tick = TICK_MIN;
	int idle = 0, calm = 0;

	while (!p->stop) {
		uint64_t seq = p->seq;

		sleep_ns(w, tick);
		if (p->stop || reader_wanted(p))
			return;
		tick = tick < TICK_MAX ? tick * 2 : TICK_MIN;
		if (++calm % TICKS_TO_SHRINK == 0 && p->readers > 1)
			p->readers--;
		idle = p->seq == seq ? idle + 1 : 0;
		if (idle < TICKS_TO_SLEEP)
			continue;
		p->readers = 1;
		p->standby_asleep = true;
		while (!p->stop && p->standby_asleep)
			pthread_cond_wait(&w->cond, &p->lock);
		idle = 0;
		tick = TICK_MIN;
	}
}

static void wake_standby(struct gf_pool *p)
{
	if (!p->standby_asleep)
		return;
	p->standby_asleep = false;
	pthread_cond_signal(&p->standby->cond);
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
	stand_by(p, w);
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

/* Works on a request, without the lock. */
static void work(struct gf_pool *p, struct worker *w)
{
	begin_work(p, w);
	if (p->reading == 0) {
		wake_standby(p);
		if (p->standby == NULL)
			call_standby(p);
	}
	pthread_mutex_unlock(&p->lock);
	gf_process(p->session, &w->input);
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

		if (active(p) >= p->readers && p->max_threads > 1)
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
	wake_standby(p); /* which may have to read now */
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

static bool before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Waits for all threads to end, after gf_pool_stop or the session's own end. 0: they have. -ETIMEDOUT: some are still in a handler. */
int gf_pool_join(struct gf_session *s, int timeout_ms)
{
	struct gf_pool *p = s->pool;
	struct timespec end = from_now(timeout_ms * 1000000L);
	int rc, tries = 0;

	if (p == NULL)
		return 0;
	gf_interrupt_begin();
	pthread_mutex_lock(&p->lock);
	while (p->alive > 0) {
		struct timespec now = from_now(0), again = from_now(TICK_MAX);

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
