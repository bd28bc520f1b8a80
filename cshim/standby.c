/*
 * standby.c: the thread that looks after the others.
 *
 * It wakes in ticks: short ones while something happens, longer ones the longer nothing has (each wakes a core). Who has been in a handler
 * for the whole of a tick is no longer active, and when nobody is, the standby reads, and another one becomes the standby. When
 * requests keep queueing, one more thread may be active: up to half the cores, or more where handlers wait rather than work. After a
 * while without that, one less. When the session is idle, the standby sleeps until a reader wakes it.
 */
#include "pool.h"

#include <sys/resource.h>

#define TICK_MIN 100000		 /* ns */
#define TICK_MAX 12800000	 /* ns */
#define CALM_TO_TICK 16		 /* so many ticks long has nothing happened */
#define TICKS_TO_GROW 3		 /* with requests that wait */
#define CALM_TO_SHRINK 100000000 /* ns */
#define IDLE_TO_SLEEP 50000000	 /* ns without a request */

static void sleep_ns(struct worker *w, int64_t ns)
{
	struct timespec t = gf_from_now(ns);

	pthread_cond_timedwait(&w->cond, &w->pool->lock, &t);
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
	if (gf_active(p) == 0)
		return true;
	if (p->reading > 0 || gf_wait_poll(p->session, 0) != 1) {
		p->queued = 0;
		return false;
	}
	if (p->queued++ == 0)
		p->since = sample(p);
	return p->queued > TICKS_TO_GROW && grow(p, handlers_wait(p) ? p->max_threads : p->cpus / 2);
}

/* How long the next tick is to be, when nothing has happened for that long. */
static int64_t tick_after(int64_t calm)
{
	int64_t tick = calm / CALM_TO_TICK;

	return tick < TICK_MIN ? TICK_MIN : tick > TICK_MAX ? TICK_MAX : tick;
}

/* There are no requests: sleeps until a reader has one. */
static void sleep_until_needed(struct gf_pool *p, struct worker *w)
{
	p->readers = 1;
	p->standby_asleep = true;
	while (!p->stop && p->standby_asleep)
		pthread_cond_wait(&w->cond, &p->lock);
}

/* The standby's rest. It returns when the thread should read, or stop. */
void gf_stand_by(struct gf_pool *p, struct worker *w)
{
	int64_t calm = 0, idle = 0; /* ns */

	while (!p->stop) {
		uint64_t seq = p->seq;
		int64_t tick = tick_after(calm);

		sleep_ns(w, tick);
		if (p->stop || reader_wanted(p))
			return;
		if ((calm + tick) / CALM_TO_SHRINK > calm / CALM_TO_SHRINK && p->readers > 1)
			p->readers--;
		calm += tick;
		idle = p->seq == seq ? idle + tick : 0;
		if (idle >= IDLE_TO_SLEEP) {
			sleep_until_needed(p, w);
			calm = idle = 0;
		}
	}
}

void gf_wake_standby(struct gf_pool *p)
{
	if (!p->standby_asleep)
		return;
	p->standby_asleep = false;
	pthread_cond_signal(&p->standby->cond);
}
