/*
 * ops.c: the callbacks that libfuse calls, one of a few lines for each member of struct fuse_lowlevel_ops.
 *
 * Each writes its arguments into a gf_call and runs it. No policy here: that is Go's. C programs use them, too (go-libfuse3.h).
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

__thread uint64_t gf_unique;	   /* of the request that this thread has received; 0: not known */

/* The Go handlers that this thread is in, the innermost first. */
struct frame {
	const struct gf_session *session;
	const struct gf_call *call;
	const struct frame *outer;
};
static __thread const struct frame *handlers_here;
static __thread unsigned calls_here;

int gf_in_handler(void)
{
	return handlers_here != NULL;
}

/* The call of this session that this thread is in, or NULL. */
const void *gf_call_here(const struct gf_session *s)
{
	const struct frame *f = handlers_here;

	while (f != NULL && f->session->se != s->se)
		f = f->outer;
	return f == NULL ? NULL : f->call;
}

/* How often this thread has called Go for a request. It wraps around. */
unsigned gf_calls_here(void)
{
	return calls_here;
}

/* Has Go work on a call. */
int gf_call_go(const struct gf_session *s, struct gf_call *c)
{
	const struct frame here = {s, c, handlers_here};
	int err;

	calls_here++;
	handlers_here = &here;
	err = gfDispatch(c);
	handlers_here = here.outer;
	return err;
}

/* Hands the request to Go, and answers it as Go says. */
static void run(struct gf_call *c, fuse_req_t req)
{
	const struct gf_session *s = gf_session_of(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	c->req = req;
	if (s == NULL) {
		fuse_pollhandle_destroy(c->ph);
		gf_answer(NULL, c, EIO);
		return;
	}
	c->session = s->handle;
	c->unique = gf_unique;
	c->uid = ctx->uid;
	c->gid = ctx->gid;
	c->pid = ctx->pid;
	c->umask = ctx->umask;

	if (c->out_cap > 0) {
		c->out = gf_scratch(c->out_cap);
		if (c->out == NULL) {
			fuse_reply_err(req, ENOMEM);
			return;
		}
	}

	gf_answer(s, c, gf_call_go(s, c));
}

/* The arguments that nearly every operation has. */
#define CALL(OP, REPLY, ...) struct gf_call c = {.op = GF_OP_##OP, .reply = GF_REPLY_##REPLY, __VA_ARGS__}
#define NAME(s) .name = (s), .name_len = strlen(s)
#define NAME2(s) .name2 = (s), .name2_len = strlen(s)

/* fi as Go reads it; NULL stays NULL. */
static struct gf_file *file(struct gf_file *to, const struct fuse_file_info *fi)
{
	if (fi == NULL)
		return NULL;
	gf_file_get(to, fi);
	return to;
}

void gf_ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	CALL(LOOKUP, ENTRY, .ino = parent, NAME(name));
	run(&c, req);
}

void gf_ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	CALL(FORGET, NONE, .ino = ino, .arg = nlookup);
	run(&c, req);
}

void gf_ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(GETATTR, ATTR, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(SETATTR, ATTR, .ino = ino, .flags = (uint32_t)to_set, .fi = file(&f, fi));
	gf_stat_get(&c.stat, attr);
	run(&c, req);
}

void gf_ll_readlink(fuse_req_t req, fuse_ino_t ino)
{
	CALL(READLINK, READLINK, .ino = ino, .out_cap = 4096);
	run(&c, req);
}

void gf_ll_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	CALL(MKNOD, ENTRY, .ino = parent, NAME(name), .mode = mode, .arg = rdev);
	run(&c, req);
}

void gf_ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	CALL(MKDIR, ENTRY, .ino = parent, NAME(name), .mode = mode);
	run(&c, req);
}

void gf_ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	CALL(UNLINK, ERR, .ino = parent, NAME(name));
	run(&c, req);
}

void gf_ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	CALL(RMDIR, ERR, .ino = parent, NAME(name));
	run(&c, req);
}

void gf_ll_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	CALL(SYMLINK, ENTRY, .ino = parent, NAME(name), NAME2(link));
	run(&c, req);
}

void gf_ll_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
			 unsigned flags)
{
	CALL(RENAME, ERR, .ino = parent, NAME(name), .ino2 = newparent, NAME2(newname), .flags = flags);
	run(&c, req);
}

void gf_ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	CALL(LINK, ENTRY, .ino = ino, .ino2 = newparent, NAME2(newname));
	run(&c, req);
}

void gf_ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(OPEN, OPEN, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(READ, BUF, .ino = ino, .out_cap = size, .off = off, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
			struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(WRITE, WRITE, .ino = ino, .in = buf, .in_len = size, .off = off, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *bufv, off_t off,
			    struct fuse_file_info *fi)
{
	struct gf_file f;
	struct gf_buf pieces[GF_PIECES];
	CALL(WRITE_BUF, WRITE, .ino = ino, .in = pieces, .in_len = gf_bufvec_get(bufv, pieces), .off = off,
	     .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FLUSH, ERR, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(RELEASE, ERR, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FSYNC, ERR, .ino = ino, .flags = (uint32_t)datasync, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(OPENDIR, OPEN, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(READDIR, BUF, .ino = ino, .out_cap = size, .off = off, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(READDIRPLUS, BUF, .ino = ino, .out_cap = size, .off = off, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(RELEASEDIR, ERR, .ino = ino, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FSYNCDIR, ERR, .ino = ino, .flags = (uint32_t)datasync, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_statfs(fuse_req_t req, fuse_ino_t ino)
{
	CALL(STATFS, STATFS, .ino = ino);
	run(&c, req);
}

/*
 * Upstream libfuse 3.13.0 to 3.14.0 compute name and value 8 bytes too far (Debian's 3.14.0-4 does not). They are right if
 * and only if size and flags, as the kernel sent them, stand directly before the name.
 */
#if FUSE_VERSION == 314
static void repair_setxattr(const char **name, const char **value, size_t size, int flags)
{
	uint32_t sent[2];

	memcpy(sent, *name - sizeof(sent), sizeof(sent));
	if (sent[0] == size && sent[1] == (uint32_t)flags)
		return;
	*name -= 8;
	*value = *name + strlen(*name) + 1;
}
#else
#define repair_setxattr(name, value, size, flags) ((void)0)
#endif

void gf_ll_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	repair_setxattr(&name, &value, size, flags);
	CALL(SETXATTR, ERR, .ino = ino, NAME(name), .in = value, .in_len = size, .flags = (uint32_t)flags);
	run(&c, req);
}

void gf_ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	CALL(GETXATTR, BUF, .ino = ino, NAME(name), .out_cap = size);
	run(&c, req);
}

void gf_ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	CALL(LISTXATTR, BUF, .ino = ino, .out_cap = size);
	run(&c, req);
}

void gf_ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	CALL(REMOVEXATTR, ERR, .ino = ino, NAME(name));
	run(&c, req);
}

void gf_ll_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	CALL(ACCESS, ERR, .ino = ino, .flags = (uint32_t)mask);
	run(&c, req);
}

void gf_ll_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(CREATE, CREATE, .ino = parent, NAME(name), .mode = mode, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	struct gf_file f;
	CALL(GETLK, LOCK, .ino = ino, .fi = file(&f, fi));
	gf_lock_get(&c.lock, lock);
	run(&c, req);
}

void gf_ll_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep)
{
	struct gf_file f;
	CALL(SETLK, ERR, .ino = ino, .fi = file(&f, fi), .flags = (uint32_t)sleep);
	gf_lock_get(&c.lock, lock);
	run(&c, req);
}

void gf_ll_bmap(fuse_req_t req, fuse_ino_t ino, size_t blocksize, uint64_t idx)
{
	CALL(BMAP, BMAP, .ino = ino, .size = blocksize, .arg = idx);
	run(&c, req);
}

void gf_ll_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
			unsigned flags, const void *in_buf, size_t in_bufsz, size_t out_bufsz)
{
	struct gf_file f;
	CALL(IOCTL, IOCTL, .ino = ino, .mode = cmd, .arg = (uintptr_t)arg, .fi = file(&f, fi), .flags = flags,
	     .in = in_buf, .in_len = in_bufsz, .out_cap = out_bufsz);
	run(&c, req);
}

void gf_ll_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct gf_file f;
	CALL(POLL, POLL, .ino = ino, .fi = file(&f, fi), .ph = ph);
	run(&c, req);
}

void gf_ll_retrieve_reply(fuse_req_t req, void *cookie, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv)
{
	const struct gf_session *s = gf_session_of(req);
	struct gf_buf pieces[GF_PIECES];

	if (!((uintptr_t)cookie & GF_COOKIE_GO)) { /* C has asked */
		if (s != NULL && s->base_retrieve_reply != NULL)
			s->base_retrieve_reply(req, cookie, ino, offset, bufv);
		else
			fuse_reply_none(req);
		return;
	}
	CALL(RETRIEVE_REPLY, NONE, .ino = ino, .arg = (uintptr_t)cookie & ~GF_COOKIE_GO, .off = offset, .in = pieces,
	     .in_len = gf_bufvec_get(bufv, pieces));
	run(&c, req);
}

void gf_ll_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	CALL(FORGET_MULTI, NONE, .in = forgets, .in_len = count);
	run(&c, req);
}

void gf_ll_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct gf_file f;
	CALL(FLOCK, ERR, .ino = ino, .fi = file(&f, fi), .flags = (uint32_t)op);
	run(&c, req);
}

void gf_ll_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
			    struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FALLOCATE, ERR, .ino = ino, .mode = (uint32_t)mode, .off = offset, .off2 = length, .fi = file(&f, fi));
	run(&c, req);
}

void gf_ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in,
				  fuse_ino_t ino_out, off_t off_out, struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct gf_file in, out;
	CALL(COPY_FILE_RANGE, WRITE, .ino = ino_in, .off = off_in, .fi = file(&in, fi_in), .ino2 = ino_out,
	     .off2 = off_out, .fi2 = file(&out, fi_out), .size = len, .flags = (uint32_t)flags);
	run(&c, req);
}

void gf_ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(LSEEK, LSEEK, .ino = ino, .off = off, .flags = (uint32_t)whence, .fi = file(&f, fi));
	run(&c, req);
}

#if GF_HAVE_TMPFILE
void gf_ll_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(TMPFILE, CREATE, .ino = parent, .mode = mode, .fi = file(&f, fi));
	run(&c, req);
}
#endif

#if GF_HAVE_STATX
void gf_ll_statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(STATX, STATX, .ino = ino, .flags = (uint32_t)flags, .mode = (uint32_t)mask, .fi = file(&f, fi),
	     .out_cap = sizeof(struct statx));
	run(&c, req);
}
#endif

#if GF_HAVE_SYNCFS
void gf_ll_syncfs(fuse_req_t req, fuse_ino_t ino)
{
	CALL(SYNCFS, ERR, .ino = ino);
	run(&c, req);
}
#endif

/* An operation without a Go handler stays as it is. NULL: libfuse's and the kernel's documented default applies. */
void gf_ops_fill(struct fuse_lowlevel_ops *ops, uint64_t mask)
{
	ops->init = gf_ll_init;
	ops->destroy = gf_ll_destroy;
#define X(id, name)                                                            \
	if (mask & (UINT64_C(1) << GF_OP_##id))                                \
		ops->name = gf_ll_##name;
	GF_OPS(X)
#undef X
}

/* The operations that a table of C has. */
uint64_t gf_ops_of(const struct fuse_lowlevel_ops *table, size_t size)
{
	struct fuse_lowlevel_ops ops;
	uint64_t mask = 0;

	memset(&ops, 0, sizeof(ops));
	memcpy(&ops, table, size < sizeof(ops) ? size : sizeof(ops));
#define X(id, name)                                                            \
	if (ops.name != NULL)                                                  \
		mask |= UINT64_C(1) << GF_OP_##id;
	GF_OPS(X)
#undef X
	return mask;
}
