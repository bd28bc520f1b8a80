/* session.c: the life of a session, from its options to its end. */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void session_free(struct gf_session *s)
{
	if (s->wake[0] >= 0) {
		close(s->wake[0]);
		close(s->wake[1]);
	}
	free(s->conn_opts);
	free(s);
}

/* The table of a session: what Go has, and what only C has, which is called without Go's knowledge. */
static void make_table(struct gf_session *s, struct fuse_lowlevel_ops *table, uint64_t ops, const struct gf_base *base)
{
	memset(table, 0, sizeof(*table));
	if (base->ops != NULL) {
		memcpy(table, base->ops, base->size < sizeof(*table) ? base->size : sizeof(*table));
		s->userdata = base->userdata;
		s->base_retrieve_reply = table->retrieve_reply;
		if (!(ops & GF_OPS_INIT))
			s->base_init = table->init;
		if (!(ops & GF_OPS_DESTROY))
			s->base_destroy = table->destroy;
	}
	gf_ops_fill(table, ops);
}

/*
 * A session for the operations in the bit set ops, over those of base, with argv as for fuse_session_new. NULL: libfuse has said why, through
 * its log.
 */
struct gf_session *gf_session_new(int argc, char **argv, uint64_t ops, const struct gf_base *base, uint64_t handle)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops table;
	struct gf_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->handle = handle;
	s->fd = s->wake[0] = s->wake[1] = -1;
	s->userdata = s;
	make_table(s, &table, ops, base);
	for (int i = 0; i < argc; i++) {
		if (fuse_opt_add_arg(&args, argv[i]) != 0)
			goto fail;
	}
	if (pipe2(s->wake, O_CLOEXEC) != 0)
		goto fail;
	s->conn_opts = fuse_parse_conn_info_opts(&args);
	if (s->conn_opts == NULL)
		goto fail;
	s->se = fuse_session_new(&args, &table, sizeof(table), s->userdata);
	if (s->se == NULL)
		goto fail;
	gf_sessions_add(s);
	fuse_opt_free_args(&args);
	return s;
fail:
	fuse_opt_free_args(&args);
	session_free(s);
	return NULL;
}

/* fuse_session_mount changes the environment and global state of libfuse. */
static pthread_mutex_t mount_lock = PTHREAD_MUTEX_INITIALIZER;

int gf_session_mount(struct gf_session *s, const char *mountpoint)
{
	int type, rc;
	socklen_t len = sizeof(type);

	pthread_mutex_lock(&mount_lock);
	rc = fuse_session_mount(s->se, mountpoint);
	pthread_mutex_unlock(&mount_lock);
	if (rc == 0 && getsockopt(fuse_session_fd(s->se), SOL_SOCKET, SO_TYPE, &type, &len) == 0) {
		s->socket = true;
	}
	return rc;
}

int gf_session_fd(const struct gf_session *s)
{
	return s->adopted ? s->fd : fuse_session_fd(s->se);
}

/* Waits for a request. 1: there is one. 0: gf_session_cancel_handshake was called. */
static int wait_request(struct gf_session *s)
{
	struct pollfd p[2] = {
		{.fd = fuse_session_fd(s->se), .events = POLLIN},
		{.fd = s->wake[0], .events = POLLIN},
	};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			return 0;
		if (p[0].revents)
			return 1;
	}
}

/*
 * Receives and answers requests until INIT is done. 0: it is. -EPROTO: the two sides do not agree. -ECANCELED: cancelled.
 * -ENOTCONN: the other side is gone.
 */
int gf_session_handshake(struct gf_session *s)
{
	struct gf_input in;
	int rc = gf_input_alloc(&in, 1 << 16);

	while (rc == 0 && !s->inited) {
		int n = wait_request(s);

		if (n <= 0) {
			rc = n == 0 ? -ECANCELED : n;
			break;
		}
		n = gf_receive(s, &in);
		if (n == -EINTR || n == -EAGAIN)
			continue;
		if (n <= 0) {
			rc = n == 0 ? -ENOTCONN : n;
			break;
		}
		gf_process(s, &in);
		if (fuse_session_exited(s->se))
			rc = -EPROTO;
	}
	if (rc == 0 && fuse_session_exited(s->se))
		rc = -EPROTO;
	gf_input_free(&in);
	return rc;
}

void gf_session_cancel_handshake(struct gf_session *s)
{
	if (write(s->wake[1], "", 1) < 0)
		return; /* the pipe is full: it has been said */
}

/* After this libfuse no longer complains of replies that find nobody. */
void gf_session_exit(struct gf_session *s)
{
	fuse_session_exit(s->se);
}

/* Ends what waits for a socket's peer, which nothing else can. */
void gf_session_hang_up(struct gf_session *s)
{
	if (s->socket)
		shutdown(fuse_session_fd(s->se), SHUT_RDWR);
}

/* A descriptor on which poll(2) reports an error. Better one that nobody gets a SIGPIPE from, who writes to it too late. */
static int open_broken(void)
{
	int p[2], fd = open("/dev/fuse", O_RDWR | O_CLOEXEC); /* not mounted */

	if (fd >= 0)
		return fd;
	if (pipe2(p, O_CLOEXEC) != 0)
		return -1;
	close(p[0]);
	return p[1];
}

static int replace_fd(int fd, int by)
{
	int rc = by < 0 ? -1 : dup3(by, fd, O_CLOEXEC);
	int err = errno;

	if (by >= 0)
		close(by);
	return rc < 0 ? -err : 0;
}

/*
 * Closes the session's fd, and that only: fuse_session_unmount() would also unmount whatever is at the mountpoint now,
 * which need not be ours any more. It does not where poll(2) reports an error on the fd: so it is given such a one.
 */
int gf_session_sever(struct gf_session *s)
{
	int fd = fuse_session_fd(s->se);
	int rc;

	if (fd < 0)
		return 0;
	rc = replace_fd(fd, open_broken());
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&mount_lock);
	fuse_session_unmount(s->se);
	pthread_mutex_unlock(&mount_lock);
	/* What was mounted as /dev/fd/N, some versions leave open until the session is destroyed. */
	fd = fuse_session_fd(s->se);
	return fd < 0 ? 0 : replace_fd(fd, open("/dev/null", O_RDWR | O_CLOEXEC));
}

void gf_session_destroy(struct gf_session *s)
{
	struct gf_session *before = gf_session_enter(s);

	fuse_session_destroy(s->se);
	gf_session_enter(before);
	gf_sessions_remove(s);
	gf_pool_free(s);
	gf_retrieves_free(s);
	session_free(s);
}
