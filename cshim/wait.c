/*
 * wait.c: how a thread waits for a request.
 *
 * The descriptor does not block: most requests are there already when a thread looks for the next one, and that takes one system
 * call. Who has to wait does so in poll(2). A request wakes all who do; pool.c sees to it that they are few.
 *
 * A thread that goes to sleep must be woken for the next request, and where its core has gone to sleep too, as in most virtual machines, that
 * takes longer than the request. A client that does one thing after the other sends the next request within microseconds of the
 * reply: as long as they come that fast, the thread looks for them for a moment (SPIN) before it sleeps.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#define SPIN 50000		/* ns to look for the next request before sleeping */
#define SPIN_GAP (3 * SPIN)	/* a wait shorter than this, with the time to wake up, could have been spent looking */
#define SPIN_TRIES 8		/* waits that decide whether to look or not to */
#define SPIN_PATIENCE (1 << 16) /* the most that doubt can grow to */

/* Of a socket it is not changed: a write(2) must block there. */
void gf_set_blocking(const struct gf_session *s, bool blocking)
{
	int fd = fuse_session_fd(s->se);
	int flags = fcntl(fd, F_GETFL);

	if (!s->socket && flags >= 0)
		fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

void gf_wait_init(struct gf_wait *w, bool alone)
{
	w->alone = alone;
	w->spins = false;
	w->contrary = 0;
	w->patience = SPIN_TRIES;
}

/* Waits for a request that long; -1: for ever. 1: there is one, or the end. */
int gf_wait_poll(const struct gf_session *s, int timeout_ms)
{
	struct pollfd fd = {.fd = fuse_session_fd(s->se), .events = POLLIN};

	return poll(&fd, 1, timeout_ms);
}

int64_t gf_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* One more wait was, or was not, as it is now taken to be. */
static void learn(struct gf_wait *w, bool as_taken)
{
	w->contrary = as_taken ? 0 : w->contrary + 1;
	if (w->contrary < (w->spins ? SPIN_TRIES : w->patience))
		return;
	if (w->spins && w->patience < SPIN_PATIENCE)
		w->patience *= 2;
	w->spins = !w->spins;
	w->contrary = 0;
}

/* Looks for a request for a moment. Who wants this core, perhaps the client itself, gets it. */
static int spin(struct gf_session *s, struct gf_wait *w, struct gf_input *in)
{
	int64_t end = gf_now_ns() + SPIN;
	int n;

	do {
		sched_yield();
		n = gf_receive(s, in);
	} while (n == -EAGAIN && gf_now_ns() < end);
	learn(w, n != -EAGAIN);
	return n;
}

static void sleep_until_request(const struct gf_session *s, struct gf_wait *w)
{
	int64_t start = gf_now_ns();

	gf_wait_poll(s, -1); /* a signal ends it, and gf_receive tells of failures */
	if (!w->spins && !w->alone)
		learn(w, gf_now_ns() - start > SPIN_GAP);
}

/* As gf_receive, but waits for a request. -EAGAIN: another thread was faster. */
int gf_wait_receive(struct gf_session *s, struct gf_wait *w, struct gf_input *in)
{
	int n = gf_receive(s, in);

	if (n == -EAGAIN && w->spins)
		n = spin(s, w, in);
	if (n != -EAGAIN)
		return n;
	sleep_until_request(s, w);
	return gf_receive(s, in);
}
