/* kernel.h: as much of a kernel as these programs need: requests go in at one end of a socket, answers come out. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ends the program, unless ok. */
#define CHECK(ok)                                                                       \
	do {                                                                            \
		if (!(ok)) {                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok); \
			exit(9);                                                        \
		}                                                                       \
	} while (0)

struct kernel {
	int fd, server; /* both ends */
	char mountpoint[32];
	uint64_t unique;
};

struct in_header {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid, padding;
};

struct out_header {
	uint32_t len;
	int32_t error;
	uint64_t unique;
};

static inline void kernel_open(struct kernel *k)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
	k->fd = fds[0];
	k->server = fds[1];
	k->unique = 0;
	snprintf(k->mountpoint, sizeof(k->mountpoint), "/dev/fd/%d", k->server);
}

static inline void kernel_send(struct kernel *k, uint32_t opcode, uint64_t nodeid, const void *body, size_t size)
{
	char message[512] = {0};
	struct in_header h = {(uint32_t)(sizeof(h) + size), opcode, k->unique += 2, nodeid, 0, 0, (uint32_t)getpid(), 0};

	memcpy(message, &h, sizeof(h));
	memcpy(message + sizeof(h), body, size);
	CHECK(send(k->fd, message, h.len, MSG_NOSIGNAL) == (ssize_t)h.len);
}

static inline void kernel_init(struct kernel *k)
{
	const struct {
		uint32_t major, minor, readahead, flags, flags2, unused[11];
	} in = {7, 31, 1 << 17, 0, 0, {0}};

	kernel_send(k, 26, 0, &in, 16);
}

static inline void kernel_lookup(struct kernel *k, const char *name)
{
	kernel_send(k, 1, 1, name, strlen(name) + 1);
}

static inline void kernel_readlink(struct kernel *k)
{
	kernel_send(k, 5, 2, "", 0);
}

/* The next answer, notifications left out; its errno, and its body. */
static inline int kernel_answer(struct kernel *k, char *body, size_t size)
{
	char message[1 << 16];
	struct out_header h;

	do {
		ssize_t n = recv(k->fd, message, sizeof(message), 0);

		CHECK(n >= (ssize_t)sizeof(h));
		memcpy(&h, message, sizeof(h));
		n -= sizeof(h);
		if (size > 0) {
			n = n < (ssize_t)size - 1 ? n : (ssize_t)size - 1;
			memcpy(body, message + sizeof(h), (size_t)n);
			body[n] = '\0';
		}
	} while (h.unique == 0);
	return -h.error;
}

static inline void kernel_close(struct kernel *k)
{
	close(k->fd);
}

#ifdef FUSE_USE_VERSION
/* Has libfuse work on the next request. */
static inline void serve_one(struct fuse_session *se)
{
	struct fuse_buf buf = {.mem = NULL};

	CHECK(fuse_session_receive_buf(se, &buf) > 0);
	fuse_session_process_buf(se, &buf);
	free(buf.mem);
}
#endif

#endif
