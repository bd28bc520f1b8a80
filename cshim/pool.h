/*
 * pool.h: the threads that serve a session, for pool.c and standby.c only.
 *
 * One client is served best by one thread: each further one that waits for requests is woken by them, on another core, where it
 * has gone cold. Many clients are, too, as long as handlers are fast: what they need is the other cores. (Go's runtime, moreover, lets as many
 * threads run as there are cores, and to wait for one's turn costs more than a request.) Therefore only `readers` threads are active at a
 * time, at first one, and a thread that comes back from a handler while enough others are goes to rest.
 *
 * The price is that nobody reads while that one thread is in a handler. One of the resting threads, the standby, looks
 * after that (standby.c).
 *
 * Threads are made when there is none left to rest, up to max_threads, and end when more than max_idle are idle.
 */
#ifndef GF_POOL_H
#define GF_POOL_H

#include "shim.h"

#include <pthread.h>
#include <time.h>

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
	unsigned calls;	     /* gf_calls_here() when it last looked at the clock */
	int64_t paused_ns;   /* when it last paused */
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

/* How many threads read, or are about to. */
static inline int gf_active(const struct gf_pool *p)
{
	return p->reading + p->busy - p->slow;
}

struct timespec gf_from_now(int64_t ns);

/* ---- standby.c: all with the lock held ---- */

void gf_stand_by(struct gf_pool *p, struct worker *w);
void gf_wake_standby(struct gf_pool *p);

#endif
