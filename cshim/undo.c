/*
 * undo.c: what the kernel owes for a reply, where it has not taken it.
 *
 * A request that was sent again, or whose connection was aborted, takes no reply. A lookup in that reply does not count then, and what it opened
 * is never released: the kernel does not know of it. The handler has returned and cannot be told; but it has handlers that take lookups and open
 * files back. So they get the requests that the kernel would have sent later, through libfuse like those. (libfuse's own high-level library does the same.)
 */
#include "shim.h"

#include <string.h>

enum { FORGET = 2, RELEASE = 18, RELEASEDIR = 29 };

/* struct fuse_in_header and what follows it */
struct message {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid, padding;
	union {
		struct {
			uint64_t nlookup;
		} forget;
		struct {
			uint64_t fh;
			uint32_t flags, release_flags;
			uint64_t lock_owner;
		} release;
	};
};

static void send(const struct gf_session *s, const struct gf_call *c, struct message *m, size_t arg)
{
	struct fuse_buf buf = {.mem = m, .size = offsetof(struct message, forget) + arg};

	m->len = (uint32_t)buf.size;
	m->unique = c->unique; /* no request has it any more: the answer to a release goes nowhere */
	fuse_session_process_buf(s->se, &buf);
}

static void forget(const struct gf_session *s, const struct gf_call *c, uint64_t ino)
{
	struct message m = {.opcode = FORGET, .nodeid = ino, .forget = {.nlookup = 1}};

	if (ino != 0)
		send(s, c, &m, sizeof(m.forget));
}

static void release(const struct gf_session *s, const struct gf_call *c, uint32_t opcode, uint64_t ino)
{
	struct message m = {
		.opcode = opcode,
		.nodeid = ino,
		.release = {.fh = c->fi->fh, .flags = (uint32_t)c->fi->flags},
	};

	send(s, c, &m, sizeof(m.release));
}

/* Each entry is a struct fuse_entry_out, which begins with the inode, and a struct fuse_dirent. Those of "." and ".." count no lookup. */
static void forget_listed(const struct gf_session *s, const struct gf_call *c)
{
	enum { ENTRY = 128, NAMELEN = ENTRY + 16, NAME = ENTRY + 24 };
	const char *p = c->out, *end = p + c->count;

	while (end - p >= NAME) {
		uint64_t ino;
		uint32_t len;

		memcpy(&ino, p, sizeof(ino));
		memcpy(&len, p + NAMELEN, sizeof(len));
		if ((size_t)(end - p) < NAME + (size_t)len)
			return;
		if (len > 2 || memcmp(p + NAME, "..", len) != 0)
			forget(s, c, ino);
		p += (NAME + (size_t)len + 7) & ~(size_t)7;
	}
}

/* Undoes what a reply has promised that could not be sent. The request is gone. */
void gf_undo(const struct gf_session *s, const struct gf_call *c)
{
	if (s == NULL || s->se == NULL)
		return; /* a C program's, which has not told of it (gf_bind) */
	switch ((enum gf_reply)c->reply) {
	case GF_REPLY_ENTRY:
		forget(s, c, c->entry.ino);
		break;
	case GF_REPLY_CREATE:
		release(s, c, RELEASE, c->entry.ino);
		forget(s, c, c->entry.ino);
		break;
	case GF_REPLY_OPEN:
		release(s, c, c->op == GF_OP_OPENDIR ? RELEASEDIR : RELEASE, c->ino);
		break;
	case GF_REPLY_BUF:
		if (c->op == GF_OP_READDIRPLUS)
			forget_listed(s, c);
		break;
	default:
		break;
	}
}
