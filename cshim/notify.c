/*
 * notify.c: messages to the kernel that answer no request: through libfuse where it has a function, else written to the session's
 * fd as they go over the wire. For a session that a C program may destroy at any time, all are written.
 *
 * Each returns 0 or a negative errno. Each may block in the kernel; nothing ends that but what it waits for.
 */
#include "shim.h"

#include <errno.h>
#include <string.h>

/* Codes of the messages that are written. */
enum {
	NOTIFY_INVAL_INODE = 2,
	NOTIFY_INVAL_ENTRY = 3,
	NOTIFY_DELETE = 6,
	NOTIFY_RESEND = 7,
	NOTIFY_INC_EPOCH = 8,
	NOTIFY_PRUNE = 9,
};

enum { EXPIRE_ONLY = 1 }; /* flag of NOTIFY_INVAL_ENTRY */

/* struct fuse_out_header, which libfuse keeps to itself */
struct out_header {
	uint32_t len;
	int32_t error;
	uint64_t unique;
};

/* Writes a message whose parts are iov[1] to iov[n - 1]; iov[0] is for its header. */
int gf_notify_writev(struct gf_session *s, int code, struct iovec *iov, int n)
{
	struct out_header h = {.error = code};
	size_t len = sizeof(h);

	for (int i = 1; i < n; i++)
		len += iov[i].iov_len;
	h.len = (uint32_t)len;
	iov[0].iov_base = &h;
	iov[0].iov_len = sizeof(h);
	return gf_notify_end(s, writev(gf_notify_begin(s), iov, n));
}

/* Around what sends a message to an fd: who ends the session must know of it. */
int gf_notify_begin(struct gf_session *s)
{
	__atomic_add_fetch(&s->notifying, 1, __ATOMIC_SEQ_CST);
	return gf_session_fd(s);
}

int gf_notify_end(struct gf_session *s, ssize_t rc)
{
	int err = rc < 0 ? -errno : 0;

	__atomic_sub_fetch(&s->notifying, 1, __ATOMIC_SEQ_CST);
	return err;
}

/* Writes a message of one part. */
static int write_message(struct gf_session *s, int code, void *part, size_t size)
{
	struct iovec iov[2] = {[1] = {part, size}};

	return gf_notify_writev(s, code, iov, 2);
}

int gf_notify_inval_inode(struct gf_session *s, uint64_t ino, int64_t off, int64_t len)
{
	struct { /* struct fuse_notify_inval_inode_out */
		uint64_t ino;
		int64_t off, len;
	} out = {ino, off, len};

	if (s->adopted)
		return write_message(s, NOTIFY_INVAL_INODE, &out, sizeof(out));
	return fuse_lowlevel_notify_inval_inode(s->se, ino, off, len);
}

/* Names come without an end, as Go has them. The messages have one byte more than the length says: the NUL. */
struct name {
	char text[4096];
};

static int name_put(struct name *to, const char *name, size_t len)
{
	if (len >= sizeof(to->text))
		return -ENAMETOOLONG;
	memcpy(to->text, name, len);
	to->text[len] = '\0';
	return 0;
}

static int write_entry(struct gf_session *s, uint64_t parent, struct name *n, size_t len, uint32_t flags)
{
	struct { /* struct fuse_notify_inval_entry_out */
		uint64_t parent;
		uint32_t namelen, flags;
	} out = {parent, (uint32_t)len, flags};
	struct iovec iov[3] = {
		[1] = {&out, sizeof(out)},
		[2] = {n->text, len + 1},
	};

	return gf_notify_writev(s, NOTIFY_INVAL_ENTRY, iov, 3);
}

int gf_notify_inval_entry(struct gf_session *s, uint64_t parent, const char *name, size_t len)
{
	struct name n;
	int rc = name_put(&n, name, len);

	if (rc != 0)
		return rc;
	if (s->adopted)
		return write_entry(s, parent, &n, len, 0);
	return fuse_lowlevel_notify_inval_entry(s->se, parent, n.text, len);
}

int gf_notify_expire_entry(struct gf_session *s, uint64_t parent, const char *name, size_t len)
{
	struct name n;
	int rc = name_put(&n, name, len);

	if (rc != 0)
		return rc;
	if (s->adopted)
		return write_entry(s, parent, &n, len, EXPIRE_ONLY);
#if GF_HAVE_EXPIRE_FLAGS
	return fuse_lowlevel_notify_expire_entry(s->se, parent, n.text, len, FUSE_LL_EXPIRE_ONLY);
#else
	return fuse_lowlevel_notify_expire_entry(s->se, parent, n.text, len);
#endif
}

static int write_delete(struct gf_session *s, uint64_t parent, uint64_t child, struct name *n, size_t len)
{
	struct { /* struct fuse_notify_delete_out */
		uint64_t parent, child;
		uint32_t namelen, padding;
	} out = {parent, child, (uint32_t)len, 0};
	struct iovec iov[3] = {
		[1] = {&out, sizeof(out)},
		[2] = {n->text, len + 1},
	};

	return gf_notify_writev(s, NOTIFY_DELETE, iov, 3);
}

int gf_notify_delete(struct gf_session *s, uint64_t parent, uint64_t child, const char *name, size_t len)
{
	struct name n;
	int rc = name_put(&n, name, len);

	if (rc != 0)
		return rc;
	if (s->adopted)
		return write_delete(s, parent, child, &n, len);
	return fuse_lowlevel_notify_delete(s->se, parent, child, n.text, len);
}

/* No libfuse has a function for it. */
int gf_notify_resend(struct gf_session *s)
{
	struct iovec iov[1];

	return gf_notify_writev(s, NOTIFY_RESEND, iov, 1);
}

int gf_notify_increment_epoch(struct gf_session *s)
{
	struct iovec iov[1];

#if GF_HAVE_INCREMENT_EPOCH
	if (!s->adopted)
		return fuse_lowlevel_notify_increment_epoch(s->se);
#endif
	return gf_notify_writev(s, NOTIFY_INC_EPOCH, iov, 1);
}

int gf_notify_prune(struct gf_session *s, uint64_t *inos, uint32_t n)
{
	struct { /* struct fuse_notify_prune_out */
		uint32_t count, padding;
		uint64_t spare;
	} out = {.count = n};
	struct iovec iov[3] = {
		[1] = {&out, sizeof(out)},
		[2] = {inos, n * sizeof(*inos)},
	};

#if GF_HAVE_PRUNE
	if (!s->adopted)
		return fuse_lowlevel_notify_prune(s->se, inos, n);
#endif
	return gf_notify_writev(s, NOTIFY_PRUNE, iov, 3);
}
