/* store.c: data for the kernel's page cache, by FUSE_NOTIFY_STORE. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOTIFY_STORE = 4 };

/* struct fuse_notify_store_out */
struct store_out {
	uint64_t nodeid, offset;
	uint32_t size, padding;
};

/* The data goes from where it is, by one writev(2): NO_SPLICE says so to libfuse. */
int gf_notify_store(struct gf_session *s, uint64_t ino, int64_t off, void *mem, uint32_t size)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(size);
	struct gf_buf buf = {.mem = mem, .size = size};

	if (s->adopted)
		return gf_notify_storev(s, ino, off, &buf, 1);
	v.buf[0].mem = mem;
	return fuse_lowlevel_notify_store(s->se, ino, off, &v, FUSE_BUF_NO_SPLICE);
}

/*
 * Data in up to IOV_MAX - 2 pieces of memory, less than 4 GiB. libfuse would copy them together first, so they are written
 * from here.
 */
int gf_notify_storev(struct gf_session *s, uint64_t ino, int64_t off, const struct gf_buf *bufs, size_t n)
{
	struct store_out out = {.nodeid = ino, .offset = (uint64_t)off};
	struct iovec iov[IOV_MAX];
	size_t size = 0;

	if (n + 2 > IOV_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		iov[i + 2].iov_base = bufs[i].mem;
		iov[i + 2].iov_len = bufs[i].size;
		size += bufs[i].size;
	}
	out.size = (uint32_t)size;
	iov[1].iov_base = &out;
	iov[1].iov_len = sizeof(out);
	return gf_notify_writev(s, NOTIFY_STORE, iov, (int)n + 2);
}

/* ---- from a file ---- */

#define CHUNK (1u << 20) /* the most that a pipe holds, unless the administrator has set another limit */
#define PAGE 4096u

/*
 * Two pipes: the message begins with its size, which is known only once the data is in a pipe. They are of the call, not of the
 * thread: libfuse keeps one with each thread that ever spliced, and Go's threads are many and live long.
 */
struct pipes {
	int data[2], message[2];
	size_t room; /* bytes of data that surely fit */
};

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->data[i] >= 0)
			close(p->data[i]);
		if (p->message[i] >= 0)
			close(p->message[i]);
	}
}

static int pipes_open(struct pipes *p)
{
	int a, b;

	*p = (struct pipes){{-1, -1}, {-1, -1}, 0};
	if (pipe2(p->data, O_CLOEXEC) != 0 || pipe2(p->message, O_CLOEXEC) != 0)
		return -errno;
	fcntl(p->data[1], F_SETPIPE_SZ, CHUNK); /* if not, it stays at 64 KiB */
	fcntl(p->message[1], F_SETPIPE_SZ, CHUNK);
	a = fcntl(p->data[1], F_GETPIPE_SZ);
	b = fcntl(p->message[1], F_GETPIPE_SZ);
	if (a < 0 || b < 0)
		return -errno;
	/* A page for the header, and one since the data need not begin at a page. */
	p->room = (size_t)(a < b ? a : b) - 2 * PAGE;
	return 0;
}

static ssize_t splice_all(int from, int to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t rc = splice(from, NULL, to, NULL, n - done, 0);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return rc < 0 ? -errno : -EIO;
		done += (size_t)rc;
	}
	return (ssize_t)done;
}

/* Sends the n bytes that are in p->data. */
static int splice_message(struct gf_session *s, struct pipes *p, uint64_t ino, int64_t off, size_t n)
{
	struct { /* struct fuse_out_header and struct fuse_notify_store_out */
		uint32_t len;
		int32_t error;
		uint64_t unique;
		struct store_out out;
	} h = {.error = NOTIFY_STORE, .out = {.nodeid = ino, .offset = (uint64_t)off, .size = (uint32_t)n}};
	ssize_t rc;

	h.len = (uint32_t)(sizeof(h) + n);
	if (write(p->message[1], &h, sizeof(h)) != sizeof(h))
		return -errno;
	rc = splice_all(p->data[0], p->message[1], n);
	if (rc < 0)
		return (int)rc;
	/* The kernel takes a message whole or not at all. */
	return gf_notify_end(s, splice(p->message[0], NULL, gf_notify_begin(s), NULL, h.len, 0));
}

/* Where a file's data goes through on its way. */
struct way {
	struct pipes pipes;
	void *mem; /* not NULL: the file cannot be spliced */
	size_t cap;
};

/* Puts up to n bytes of the file into the pipe or into memory. Returns how many; 0 at the end of the file. */
static ssize_t fetch(struct way *w, const struct gf_buf *from, loff_t *pos, size_t n)
{
	bool seek = from->flags & FUSE_BUF_FD_SEEK;
	ssize_t got;

	if (w->mem == NULL) {
		if (n > w->pipes.room)
			n = w->pipes.room;
		got = splice(from->fd, seek ? pos : NULL, w->pipes.data[1], NULL, n, 0);
		if (got >= 0 || errno != EINVAL)
			return got < 0 ? -errno : got;
		w->mem = malloc(w->cap);
		if (w->mem == NULL)
			return -ENOMEM;
	}
	if (n > w->cap)
		n = w->cap;
	got = seek ? pread(from->fd, w->mem, n, *pos) : read(from->fd, w->mem, n);
	if (got < 0)
		return -errno;
	*pos += got;
	return got;
}

/*
 * Stores from->size bytes of a file, fewer where it ends before; *done says how many, also on failure, and *of_file whether it was the
 * file that failed. What cannot be spliced, or is to go to a socket, goes through memory. Messages end with a page, since the kernel does
 * not keep a part of a page that it has not cached.
 */
int gf_notify_store_fd(struct gf_session *s, uint64_t ino, int64_t off, const struct gf_buf *from, uint64_t *done, bool *of_file)
{
	struct way w = {.cap = s->socket ? 64 << 10 : CHUNK};
	loff_t pos = from->pos;
	ssize_t rc = pipes_open(&w.pipes);

	*done = 0;
	*of_file = false;
	if (rc == 0 && s->socket) {
		w.mem = malloc(w.cap);
		rc = w.mem == NULL ? -ENOMEM : 0;
	}
	while (rc >= 0 && *done < from->size) {
		size_t most = (w.mem ? w.cap : w.pipes.room) - ((uint64_t)off + *done) % PAGE, left = from->size - *done;
		ssize_t n = fetch(&w, from, &pos, left < most ? left : most);

		if (n == -EINTR)
			continue;
		rc = n;
		*of_file = n < 0;
		if (n <= 0)
			break;
		rc = w.mem ? gf_notify_store(s, ino, off + (int64_t)*done, w.mem, (uint32_t)n)
			   : splice_message(s, &w.pipes, ino, off + (int64_t)*done, (size_t)n);
		if (rc == 0)
			*done += (uint64_t)n;
	}
	free(w.mem);
	pipes_close(&w.pipes);
	return rc < 0 ? (int)rc : 0;
}
