/*
 * wait.c: how a thread waits for a request.
 *
 * The descriptor does not block: most requests are there already when a thread looks for the next one, and that takes one system
 * call. Who has to wait does so in poll(2). A request wakes all who do; pool.c sees to it that they are few.
 *
 * A thread that goes to sleep must be woken for the next request, and where its core has gone to sleep too, as in most virtual machines, that
 * takes longer than the request. So it may look for the next one for a moment (SPIN) before it sleeps:
 *
 *   - When there are many clients, it has just found requests that were there already, and the next is not far.
 *   - A client that is alone, and does one thing after the other, sends the next request within microseconds of the reply. As long as
 *     it does, that is expected of it.
 *
 * When many clients wait for each other, in the kernel, none is to be expected that soon, and they need the core.
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
#define STREAK 16		/* requests of one client in a row, for it to be alone */
#define SPIN_PATIENCE (1 << 16) /* the most that doubt can grow to */

/* Of a socket it is not changed: a write(2) must block there. */
void gf_set_blocking(const struct gf_session *s, bool blocking)
{
	int fd = fuse_session_fd(s->se);
	int flags = fcntl(fd, F_GETFL);

	if (!s->socket && flags >= 0)
		fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

void gf_wait_init(struct gf_wait *w, bool one_core)
{
	w->one_core = one_core;
	w->client = 0;
	w->streak = 0;
	w->found = false;
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
static int spin(struct gf_session *s, struct gf_input *in)
{
	int64_t end = gf_now_ns() + SPIN;
	int n;

	do {
		sched_yield();
		n = gf_receive(s, in);
	} while (n == -EAGAIN && gf_now_ns() < end);
	return n;
}

static void sleep_until_request(const struct gf_session *s, struct gf_wait *w)
{
	int64_t start = gf_now_ns();

	gf_wait_poll(s, -1); /* a signal ends it, and gf_receive tells of failures */
	if (w->streak >= STREAK && !w->spins)
		learn(w, gf_now_ns() - start > SPIN_GAP);
}

/* There is no request. Looks for one if it is expected soon, then sleeps. */
static int wait_for_request(struct gf_session *s, struct gf_wait *w, struct gf_input *in)
{
	bool many = w->found, one = w->streak >= STREAK && w->spins;
	int n = -EAGAIN;

	w->found = false;
	if (!w->one_core && (many || one)) {
		n = spin(s, in);
		if (!many)
			learn(w, n != -EAGAIN);
	}
	if (n != -EAGAIN)
		return n;
	sleep_until_request(s, w);
	return gf_receive(s, in);
}

/* Who has sent the request: the client that sent those before? */
static void note_client(struct gf_wait *w, uint32_t client)
{
	if (client == 0) /* not known, or the kernel itself */
		return;
	if (client != w->client)
		w->streak = 0;
	else if (w->streak < STREAK)
		w->streak++;
	w->client = client;
}

/* As gf_receive, but waits for a request. -EAGAIN: another thread was faster. */
int gf_wait_receive(struct gf_session *s, struct gf_wait *w, struct gf_input *in)
{
	int n = gf_receive(s, in);

	if (n != -EAGAIN)
		w->found = true;
	else
		n = wait_for_request(s, w, in);
	if (n > 0)
		note_client(w, gf_input_client(in));
	return n;
}
