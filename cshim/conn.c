/* conn.c: the INIT request: what libfuse, kernel, command line and filesystem agree on. */
#include "shim.h"
#include "_cgo_export.h"

#include <sys/socket.h>

/*
 * Until 3.16 capabilities are 32 bits; then there is a second pair of 64 bits, and libfuse wants only one pair of
 * them changed.
 */
static uint64_t get_capable(const struct fuse_conn_info *conn)
{
#if GF_HAVE_WANT_EXT
	return conn->capable_ext | conn->capable;
#else
	return conn->capable;
#endif
}

static uint64_t get_want(const struct fuse_conn_info *conn)
{
#if GF_HAVE_WANT_EXT
	return conn->want_ext | conn->want;
#else
	return conn->want;
#endif
}

static void set_want(struct fuse_conn_info *conn, uint64_t old, uint64_t want)
{
#if GF_HAVE_WANT_EXT
	for (uint64_t bit = 1; bit != 0; bit <<= 1) {
		if (want & ~old & bit)
			fuse_set_feature_flag(conn, bit);
		if (old & ~want & bit)
			fuse_unset_feature_flag(conn, bit);
	}
#else
	(void)old;
	conn->want = (unsigned)want;
#endif
}

/* FUSE over io_uring stays off: its threads do not keep the promises of Detach, Context and Close. */
static void no_uring(struct fuse_conn_info *conn)
{
#ifdef FUSE_CAP_OVER_IO_URING
	if (get_want(conn) & FUSE_CAP_OVER_IO_URING)
		fuse_unset_feature_flag(conn, FUSE_CAP_OVER_IO_URING);
#else
	(void)conn;
#endif
}

void gf_conn_get(struct gf_conn *to, const struct fuse_conn_info *conn)
{
	*to = (struct gf_conn){
		.capable = get_capable(conn),
		.want = get_want(conn),
		.proto_major = conn->proto_major,
		.proto_minor = conn->proto_minor,
		.max_write = conn->max_write,
		.max_read = conn->max_read,
		.max_readahead = conn->max_readahead,
		.max_background = conn->max_background,
		.congestion_threshold = conn->congestion_threshold,
		.time_gran = conn->time_gran,
#if GF_HAVE_PASSTHROUGH
		.max_backing_stack_depth = conn->max_backing_stack_depth,
#endif
#if GF_HAVE_NO_INTERRUPT
		.no_interrupt = conn->no_interrupt,
#endif
#if GF_HAVE_REQUEST_TIMEOUT
		.request_timeout = conn->request_timeout,
#endif
	};
}

void gf_conn_put(struct fuse_conn_info *conn, const struct gf_conn *from)
{
	conn->max_write = from->max_write;
	conn->max_read = from->max_read;
	conn->max_readahead = from->max_readahead;
	conn->max_background = from->max_background;
	conn->congestion_threshold = from->congestion_threshold;
	conn->time_gran = from->time_gran;
#if GF_HAVE_PASSTHROUGH
	conn->max_backing_stack_depth = from->max_backing_stack_depth;
#endif
#if GF_HAVE_NO_INTERRUPT
	conn->no_interrupt = from->no_interrupt;
#endif
#if GF_HAVE_REQUEST_TIMEOUT
	conn->request_timeout = (uint16_t)from->request_timeout;
#endif
	set_want(conn, get_want(conn), from->want);
}

#define SPLICE_CAPS (FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE)

/* A socket takes messages of limited size. What a read returns is limited by max_write, too. */
static uint32_t fit_socket(const struct gf_session *s, uint32_t max_write)
{
	int sndbuf;
	socklen_t len = sizeof(sndbuf);

	if (!s->socket || getsockopt(gf_session_fd(s), SOL_SOCKET, SO_SNDBUF, &sndbuf, &len) != 0)
		return max_write;
	sndbuf -= 8192; /* headers, and what the kernel adds */
	return sndbuf > 4096 && (uint32_t)sndbuf < max_write ? (uint32_t)sndbuf & ~(uint32_t)4095 : max_write;
}

void gf_conn_init(struct gf_session *s, struct fuse_conn_info *conn)
{
	struct gf_conn c;
	uint32_t max_write = fit_socket(s, conn->max_write); /* libfuse does not look again whether it fits its buffers */

	if (s->conn_opts != NULL)
		fuse_apply_conn_info_opts(s->conn_opts, conn);
	if (s->base_init != NULL)
		s->base_init(s->userdata, conn);
	no_uring(conn);
	gf_conn_get(&c, conn);
	if (s->socket) /* which splice(2) does not treat as messages */
		c.capable &= ~(uint64_t)SPLICE_CAPS;
	c.want &= c.capable | ~(uint64_t)SPLICE_CAPS;
	gfInit(s->handle, &c);
	gf_conn_put(conn, &c);
	if (conn->max_write > max_write)
		conn->max_write = max_write;
#ifdef FUSE_CAP_SETXATTR_EXT /* 3.15 */
	s->setxattr_ext = c.want & FUSE_CAP_SETXATTR_EXT;
#endif
	s->splice = c.want & FUSE_CAP_SPLICE_READ;
	s->conn = conn;
	s->inited = true;
}
