/* receive.c: one request from the fd into memory, and into libfuse. */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern __thread uint64_t gf_unique;

/* struct fuse_in_header and the sizes of the protocol, which libfuse keeps to itself */
struct in_header {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid, padding;
};

/* opcodes */
enum { FORGET = 2, WRITE = 16, INTERRUPT = 36, NOTIFY_REPLY = 41, BATCH_FORGET = 42 };

#define HEADERS (sizeof(struct in_header) + 40) /* with struct fuse_write_in */
#define SLACK 4096				/* libfuse's FUSE_BUFFER_HEADER_SIZE */
#define GUARD 64 /* zeros behind each request: a string that lacks its end finds it there */

/*
 * Room for a request with payload bytes of data. It is laid out so that the data of a WRITE begins on a page boundary: a
 * handler may pass it to a file opened with O_DIRECT.
 */
int gf_input_alloc(struct gf_input *in, size_t payload)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (page + payload + SLACK + page - 1) / page * page;

	memset(in, 0, sizeof(*in));
	if (posix_memalign(&in->block, page, size) != 0)
		return -ENOMEM;
	in->mem = (char *)in->block + page - HEADERS;
	in->cap = size - (page - HEADERS) - GUARD;
	return 0;
}

void gf_input_free(struct gf_input *in)
{
	free(in->block);
	free(in->pipe_mem);
	memset(in, 0, sizeof(*in));
}

/* Does an error say that nobody is at the other end? ENODEV: unmounted. ECONNABORTED: aborted under the read. ECONNRESET: a socket's peer is gone. */
bool gf_gone(int err)
{
	return err == ENODEV || err == ECONNABORTED || err == ECONNRESET;
}

/*
 * Splicing saves a copy of the data of large writes, and costs an additional system call for all else. So a thread splices as
 * long as that is what it gets: a stream of large writes.
 */
#define SPLICE_MIN (64 << 10)

static int receive_by_splice(struct gf_session *s, struct gf_input *in)
{
	int n;

	in->buf.mem = in->pipe_mem; /* for small requests; libfuse allocates it, for it alone knows how much it will read */
	in->buf.flags = 0;
	n = fuse_session_receive_buf(s->se, &in->buf);
	in->pipe_mem = in->buf.mem;
	in->stream_of_writes = n >= SPLICE_MIN;
	return n;
}

static int receive_by_read(struct gf_session *s, struct gf_input *in)
{
	struct in_header h;
	int fd = fuse_session_fd(s->se);
	ssize_t n = s->socket ? recv(fd, in->mem, in->cap, MSG_DONTWAIT) : read(fd, in->mem, in->cap);

	if (n < 0) /* ENOENT: the request was interrupted before it was read */
		return errno == ENOENT ? -EINTR : -errno;
	memset((char *)in->mem + n, 0, GUARD);
	memset(&in->buf, 0, sizeof(in->buf));
	in->buf.mem = in->mem;
	in->buf.size = (size_t)n;
	if (s->splice && n >= SPLICE_MIN) {
		memcpy(&h, in->mem, sizeof(h));
		in->stream_of_writes = h.opcode == WRITE;
	}
	return (int)n;
}

/*
 * Receives a request into in->buf. Returns its size, 0 at the end (unmounted, aborted, peer gone), -EINTR or -EAGAIN for
 * another try, or another negative errno. With a socket it does not block, with another descriptor if that does not.
 */
int gf_receive(struct gf_session *s, struct gf_input *in)
{
	int n = s->splice && in->stream_of_writes ? receive_by_splice(s, in) : receive_by_read(s, in);

	return n < 0 && gf_gone(-n) ? 0 : n;
}

/* Reads the header of a request in memory. False: there is not even that. */
static bool header(const struct gf_input *in, struct in_header *h)
{
	if (in->buf.size < sizeof(*h))
		return false;
	memcpy(h, in->buf.mem, sizeof(*h));
	return true;
}

/* The thread that has sent the request. 0: not known, as it is in a pipe. */
uint32_t gf_input_client(const struct gf_input *in)
{
	struct in_header h;

	return !(in->buf.flags & FUSE_BUF_IS_FD) && header(in, &h) ? h.pid : 0;
}

static bool no_answer(uint32_t opcode)
{
	return opcode == FORGET || opcode == INTERRUPT || opcode == NOTIFY_REPLY || opcode == BATCH_FORGET;
}

/* Answers EIO to a request. */
static void refuse(struct gf_session *s, const struct in_header *h)
{
	struct {
		uint32_t len;
		int32_t error;
		uint64_t unique;
	} out = {sizeof(out), -EIO, h->unique};

	if (no_answer(h->opcode))
		return;
	if (write(gf_session_fd(s), &out, sizeof(out)) < 0)
		return; /* the peer is gone: the next receive tells */
}

/* Answers EIO to the next request, for a session that nobody serves. It must be there. Returns 0 or a negative errno; -EINVAL: in is too small. */
int gf_refuse_next(struct gf_session *s, struct gf_input *in)
{
	struct in_header h;
	ssize_t n = read(gf_session_fd(s), in->mem, in->cap);

	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(h))
		return -ENOTCONN;
	memcpy(&h, in->mem, sizeof(h));
	refuse(s, &h);
	return 0;
}

/* Lets libfuse work on the request. A request that cannot be right is refused, for libfuse trusts what it reads. */
void gf_process(struct gf_session *s, struct gf_input *in)
{
	struct gf_session *before;

	if (!(in->buf.flags & FUSE_BUF_IS_FD)) {
		struct in_header h;

		if (!header(in, &h))
			return;
		if (h.unique == 0 && !no_answer(h.opcode))
			return; /* its answer would be taken for a notification */
		if (!gf_check_request(s, in->buf.mem, in->buf.size)) {
			refuse(s, &h);
			return;
		}
		/* Where C retrieves, too, it is not known what is expected. */
		if (s->socket && h.opcode == NOTIFY_REPLY && s->base_retrieve_reply == NULL && !gf_retrieve_expected(s, h.unique))
			return;
		gf_unique = h.unique;
	}
	before = gf_session_enter(s);
	fuse_session_process_buf(s->se, &in->buf);
	gf_session_enter(before);
	gf_unique = 0;
}
