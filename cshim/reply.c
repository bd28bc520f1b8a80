/* reply.c: answers to the kernel: after a handler has returned (gf_answer), and one by one for replies that come later. */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

/* ---- memory for the data of replies: one block a thread, kept from request to request ---- */

#define SCRATCH_KEEP (4u << 20)	 /* a bigger block is given back with the next smaller request */
#define SCRATCH_MAX (256u << 20) /* no FUSE kernel asks for more (65535 pages) */

struct scratch {
	void *mem;
	size_t cap;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static __thread struct scratch *scratch;

static void scratch_free(void *p)
{
	struct scratch *s = p;

	free(s->mem);
	free(s);
}

static void scratch_init(void)
{
	pthread_key_create(&scratch_key, scratch_free);
}

/* Page aligned, so that a handler may read into it from a file opened with O_DIRECT. */
void *gf_scratch(size_t size)
{
	if (size > SCRATCH_MAX)
		return NULL;
	if (scratch == NULL) {
		pthread_once(&scratch_once, scratch_init);
		scratch = calloc(1, sizeof(*scratch));
		if (scratch == NULL)
			return NULL;
		pthread_setspecific(scratch_key, scratch);
	}
	if (size > scratch->cap || (scratch->cap > SCRATCH_KEEP && size <= SCRATCH_KEEP)) {
		free(scratch->mem);
		scratch->cap = (size + 4095) & ~(size_t)4095;
		if (posix_memalign(&scratch->mem, 4096, scratch->cap) != 0) {
			scratch->mem = NULL;
			scratch->cap = 0;
		}
	}
	return scratch->mem;
}

/* ---- the replies that need a conversion ---- */

/* The kernel refuses a reply with an errno beyond 511, and its caller would wait for ever. */
int gf_reply_err(fuse_req_t req, int err)
{
	return fuse_reply_err(req, err >= 0 && err <= 511 ? err : EIO);
}

int gf_reply_entry(fuse_req_t req, const struct gf_entry *e)
{
	struct fuse_entry_param p;

	gf_entry_put(&p, e);
	return fuse_reply_entry(req, &p);
}

int gf_reply_create(fuse_req_t req, const struct gf_entry *e, const struct gf_file *f)
{
	struct fuse_entry_param p;
	struct fuse_file_info fi;

	memset(&fi, 0, sizeof(fi));
	gf_entry_put(&p, e);
	gf_file_put(&fi, f);
	return fuse_reply_create(req, &p, &fi);
}

int gf_reply_attr(fuse_req_t req, const struct gf_stat *st, int64_t timeout)
{
	struct stat attr;

	gf_stat_put(&attr, st);
	return fuse_reply_attr(req, &attr, gf_seconds(timeout));
}

int gf_reply_open(fuse_req_t req, const struct gf_file *f)
{
	struct fuse_file_info fi;

	memset(&fi, 0, sizeof(fi));
	gf_file_put(&fi, f);
	return fuse_reply_open(req, &fi);
}

int gf_reply_statfs(fuse_req_t req, const struct gf_statfs *st)
{
	struct statvfs v;

	gf_statfs_put(&v, st);
	return fuse_reply_statfs(req, &v);
}

int gf_reply_lock(fuse_req_t req, const struct gf_lock *l)
{
	struct flock f;

	gf_lock_put(&f, l);
	return fuse_reply_lock(req, &f);
}

int gf_reply_statx(fuse_req_t req, void *stx, int64_t timeout)
{
#if GF_HAVE_STATX
	int rc = fuse_reply_statx(req, 0, stx, gf_seconds(timeout));

	/* A libfuse built without statx neither replies nor frees the request. */
	return rc == -ENOSYS ? fuse_reply_err(req, ENOSYS) : rc;
#else
	(void)stx;
	(void)timeout;
	return fuse_reply_err(req, ENOSYS);
#endif
}

/* ---- data in pieces ---- */

/* A fuse_bufvec on the heap, or NULL. Its memory is that of the pieces. */
static struct fuse_bufvec *bufvec_new(const struct gf_buf *bufs, size_t n)
{
	struct fuse_bufvec *v = calloc(1, sizeof(*v) + n * sizeof(v->buf[0]));

	if (v == NULL)
		return NULL;
	v->count = n;
	for (size_t i = 0; i < n; i++) {
		v->buf[i].size = bufs[i].size;
		v->buf[i].flags = (enum fuse_buf_flags)bufs[i].flags;
		v->buf[i].mem = bufs[i].mem;
		v->buf[i].fd = bufs[i].fd;
		v->buf[i].pos = bufs[i].pos;
	}
	return v;
}

/* A fuse_bufvec whose memory is on the heap, too, as libfuse's high-level library frees it; or NULL. */
struct fuse_bufvec *gf_bufvec_copy(const struct gf_buf *bufs, size_t n)
{
	struct fuse_bufvec *v = bufvec_new(bufs, n);

	for (size_t i = 0; v != NULL && i < n; i++) {
		if (bufs[i].mem == NULL)
			continue;
		v->buf[i].mem = malloc(bufs[i].size ? bufs[i].size : 1);
		if (v->buf[i].mem == NULL) {
			while (i-- > 0)
				free(v->buf[i].mem);
			free(v);
			return NULL;
		}
		memcpy(v->buf[i].mem, bufs[i].mem, bufs[i].size);
	}
	return v;
}

/* What is left of a fuse_bufvec, as pieces. Returns how many there are. */
size_t gf_bufvec_get(const struct fuse_bufvec *v, struct gf_buf out[GF_PIECES])
{
	size_t n = 0;

	for (size_t i = v->idx; i < v->count && n < GF_PIECES; i++, n++) {
		size_t skip = i == v->idx ? v->off : 0;
		bool is_fd = v->buf[i].flags & FUSE_BUF_IS_FD;

		out[n] = (struct gf_buf){
			.mem = is_fd ? NULL : (char *)v->buf[i].mem + skip,
			.size = v->buf[i].size - skip,
			.pos = v->buf[i].pos + (off_t)skip,
			.fd = v->buf[i].fd,
			.flags = v->buf[i].flags,
		};
	}
	return n;
}

int gf_reply_data(fuse_req_t req, const struct gf_buf *bufs, size_t n, int flags)
{
	struct fuse_bufvec *v = bufvec_new(bufs, n);
	int rc;

	if (v == NULL)
		return fuse_reply_err(req, ENOMEM);
	rc = fuse_reply_data(req, v, (enum fuse_buf_copy_flags)flags);
	free(v);
	return rc;
}

int64_t gf_buf_copy(const struct gf_buf *dst, size_t n_dst, const struct gf_buf *src, size_t n_src, int flags)
{
	struct fuse_bufvec *d = bufvec_new(dst, n_dst);
	struct fuse_bufvec *s = bufvec_new(src, n_src);
	ssize_t rc = -ENOMEM;

	if (d != NULL && s != NULL)
		rc = fuse_buf_copy(d, s, (enum fuse_buf_copy_flags)flags);
	free(d);
	free(s);
	return rc;
}

static struct iovec *iovec_new(const struct gf_buf *bufs, size_t n)
{
	struct iovec *iov = calloc(n + 1, sizeof(*iov));

	for (size_t i = 0; iov != NULL && i < n; i++) {
		iov[i].iov_base = bufs[i].mem;
		iov[i].iov_len = bufs[i].size;
	}
	return iov;
}

int gf_reply_iov(fuse_req_t req, const struct gf_buf *bufs, size_t n)
{
	struct iovec *iov = iovec_new(bufs, n);
	int rc;

	if (iov == NULL)
		return fuse_reply_err(req, ENOMEM);
	rc = fuse_reply_iov(req, iov, (int)n);
	free(iov);
	return rc;
}

int gf_reply_ioctl_iov(fuse_req_t req, int result, const struct gf_buf *bufs, size_t n)
{
	struct iovec *iov = iovec_new(bufs, n);
	int rc;

	if (iov == NULL)
		return fuse_reply_err(req, ENOMEM);
	rc = fuse_reply_ioctl_iov(req, result, iov, (int)n);
	free(iov);
	return rc;
}

/* in and out: pairs of an address in the caller and a length. */
int gf_reply_ioctl_retry(fuse_req_t req, const uint64_t *in, size_t n_in, const uint64_t *out, size_t n_out)
{
	struct iovec *iov = calloc(n_in + n_out + 1, sizeof(*iov));
	int rc;

	if (iov == NULL)
		return fuse_reply_err(req, ENOMEM);
	for (size_t i = 0; i < n_in + n_out; i++) {
		const uint64_t *pair = i < n_in ? in + 2 * i : out + 2 * (i - n_in);

		iov[i].iov_base = (void *)(uintptr_t)pair[0];
		iov[i].iov_len = pair[1];
	}
	rc = fuse_reply_ioctl_retry(req, iov, n_in, iov + n_in, n_out);
	free(iov);
	return rc;
}

/* ---- after a handler ---- */

/* A size query is answered with the size, and no data is no buffer. */
static int reply_buf(const struct gf_call *c)
{
	bool xattr = c->op == GF_OP_GETXATTR || c->op == GF_OP_LISTXATTR;

	if (xattr && c->out_cap == 0)
		return fuse_reply_xattr(c->req, c->count);
	if (c->count > c->out_cap)
		return fuse_reply_err(c->req, xattr ? ERANGE : EIO);
	return fuse_reply_buf(c->req, c->out, c->count);
}

static int reply_ok(const struct gf_call *c)
{
	switch ((enum gf_reply)c->reply) {
	case GF_REPLY_NONE:
		fuse_reply_none(c->req);
		return 0;
	case GF_REPLY_DETACHED:
		return 0;
	case GF_REPLY_ENTRY:
		return gf_reply_entry(c->req, &c->entry);
	case GF_REPLY_CREATE:
		return gf_reply_create(c->req, &c->entry, c->fi);
	case GF_REPLY_ATTR:
		return gf_reply_attr(c->req, &c->stat, c->timeout);
	case GF_REPLY_READLINK:
		return fuse_reply_readlink(c->req, c->out);
	case GF_REPLY_OPEN:
		return gf_reply_open(c->req, c->fi);
	case GF_REPLY_WRITE:
		return fuse_reply_write(c->req, c->count);
	case GF_REPLY_BUF:
		return reply_buf(c);
	case GF_REPLY_STATFS:
		return gf_reply_statfs(c->req, &c->statfs);
	case GF_REPLY_LOCK:
		return gf_reply_lock(c->req, &c->lock);
	case GF_REPLY_BMAP:
		return fuse_reply_bmap(c->req, c->count);
	case GF_REPLY_IOCTL:
		return fuse_reply_ioctl(c->req, (int)c->arg, c->out, c->count);
	case GF_REPLY_POLL:
		return fuse_reply_poll(c->req, (unsigned)c->count);
	case GF_REPLY_LSEEK:
		return fuse_reply_lseek(c->req, (off_t)c->count);
	case GF_REPLY_STATX:
		return gf_reply_statx(c->req, c->out, c->timeout);
	case GF_REPLY_ERR:
		break;
	}
	return fuse_reply_err(c->req, 0);
}

/* Under the build tag fusedebug, memory that was only lent to the handler loses its content, so that who kept it notices. */
#ifdef GF_POISON
static void poison_pieces(const struct gf_buf *bufs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bufs[i].mem != NULL)
			memset(bufs[i].mem, 0xdb, bufs[i].size);
	}
}

static void poison(const struct gf_call *c)
{
	if (c->out != NULL)
		memset(c->out, 0xdb, c->out_cap);
	if (c->op == GF_OP_WRITE_BUF || c->op == GF_OP_RETRIEVE_REPLY)
		poison_pieces(c->in, c->in_len);
	else if (c->op == GF_OP_WRITE || c->op == GF_OP_SETXATTR || (c->op == GF_OP_IOCTL && c->in != NULL))
		memset((void *)c->in, 0xdb, c->in_len);
}
#else
#define poison(c) ((void)0)
#endif

void gf_answer(const struct gf_session *s, struct gf_call *c, int err)
{
	if (c->reply != GF_REPLY_DETACHED) {
		if (err != 0 && c->reply != GF_REPLY_NONE)
			gf_reply_err(c->req, err);
		else if (reply_ok(c) != 0)
			gf_undo(s, c);
	}
	if (c->after != 0)
		gfAfterReply(c->session, c->after);
	poison(c);
}
