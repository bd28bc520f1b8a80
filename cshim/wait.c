/*
 * wait.c: how a thread waits for a request.
 *
 * The descriptor does not block: most requests are there already when a thread looks for the next one, and that takes one system
 * call. Who has to wait does so in poll(2). A request wakes all who do; pool.c sees to it that they are few.
 *
 * To look for the next request for a while before sleeping does not pay, not even in a virtual machine, where it takes long to wake a core: who sleeps is woken on the
 * client's core, which has nothing to do until the reply, and both stay there.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

/* Of a socket it is not changed: a write(2) must block there. */
void gf_set_blocking(const struct gf_session *s, bool blocking)
{
	int fd = fuse_session_fd(s->se);
	int flags = fcntl(fd, F_GETFL);

	if (!s->socket && flags >= 0)
		fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/* Waits for a request that long; -1: for ever. Is there one, or the end? */
bool gf_wait(const struct gf_session *s, int timeout_ms)
{
	struct pollfd fd = {.fd = fuse_session_fd(s->se), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

/* As gf_receive, but waits for a request. -EAGAIN: another thread was faster. */
int gf_wait_receive(struct gf_session *s, struct gf_input *in)
{
	int n = gf_receive(s, in);

	if (n != -EAGAIN)
		return n;
	gf_wait(s, -1); /* a signal ends it, and gf_receive tells of failures */
	return gf_receive(s, in);
}
