/*
 * hl.c: members of struct fuse_operations for C programs, as ops.c has those of struct fuse_lowlevel_ops. libfuse's high-level library is the C program's; Go
 * gets paths. (Programs in Go have package highlevel, which does not need it.)
 */
#include "shim.h"
#include "_cgo_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ioctl.h> /* musl has no _IOC_SIZE of its own */
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The session of the operation that this thread is in: it goes by its struct fuse, which libfuse has as userdata. */
static struct gf_session *here(void)
{
	struct fuse_context *ctx = fuse_get_context();

	return ctx == NULL ? NULL : gf_hl_host_of(ctx->fuse);
}

/* Has Go do it. Returns 0 or a negative errno. */
static int run(struct gf_call *c)
{
	const struct fuse_context *ctx = fuse_get_context();
	struct gf_session *s = here();

	if (s == NULL) {
		fuse_pollhandle_destroy(c->ph);
		return -EIO;
	}
	c->session = s->handle;
	c->uid = ctx->uid;
	c->gid = ctx->gid;
	c->pid = (uint32_t)ctx->pid;
	c->umask = ctx->umask;
	return -gf_call_go(s, c);
}

#define CALL(OP, ...) struct gf_call c = {.op = GF_HL_##OP, __VA_ARGS__}
#define PATH(s) .name = (s), .name_len = (s) == NULL ? 0 : strlen(s)
#define NAME2(s) .name2 = (s), .name2_len = (s) == NULL ? 0 : strlen(s)

static struct gf_file *file(struct gf_file *to, const struct fuse_file_info *fi)
{
	if (fi == NULL)
		return NULL;
	gf_file_get(to, fi);
	return to;
}

/* What the filesystem has put into fi. */
static int opened(int rc, struct fuse_file_info *fi, const struct gf_file *f)
{
	if (rc == 0)
		gf_file_put(fi, f);
	return rc;
}

static int counted(int rc, const struct gf_call *c)
{
	return rc == 0 ? (int)c->count : rc;
}

int gf_hl_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(GETATTR, PATH(path), .fi = file(&f, fi));
	int rc = run(&c);

	if (rc == 0)
		gf_stat_put(st, &c.stat);
	return rc;
}

int gf_hl_readlink(const char *path, char *buf, size_t size)
{
	CALL(READLINK, PATH(path), .out = buf, .out_cap = size);
	return run(&c);
}

int gf_hl_mknod(const char *path, mode_t mode, dev_t rdev)
{
	CALL(MKNOD, PATH(path), .mode = mode, .arg = rdev);
	return run(&c);
}

int gf_hl_mkdir(const char *path, mode_t mode)
{
	CALL(MKDIR, PATH(path), .mode = mode);
	return run(&c);
}

int gf_hl_unlink(const char *path)
{
	CALL(UNLINK, PATH(path));
	return run(&c);
}

int gf_hl_rmdir(const char *path)
{
	CALL(RMDIR, PATH(path));
	return run(&c);
}

int gf_hl_symlink(const char *target, const char *path)
{
	CALL(SYMLINK, PATH(path), NAME2(target));
	return run(&c);
}

int gf_hl_rename(const char *from, const char *to, unsigned int flags)
{
	CALL(RENAME, PATH(from), NAME2(to), .flags = flags);
	return run(&c);
}

int gf_hl_link(const char *from, const char *to)
{
	CALL(LINK, PATH(from), NAME2(to));
	return run(&c);
}

int gf_hl_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(CHMOD, PATH(path), .mode = mode, .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(CHOWN, PATH(path), .arg = uid, .size = gid, .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(TRUNCATE, PATH(path), .off = size, .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_open(const char *path, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(OPEN, PATH(path), .fi = file(&f, fi));
	return opened(run(&c), fi, &f);
}

int gf_hl_read(const char *path, char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(READ, PATH(path), .out = buf, .out_cap = size, .off = off, .fi = file(&f, fi));
	return counted(run(&c), &c);
}

int gf_hl_write(const char *path, const char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(WRITE, PATH(path), .in = buf, .in_len = size, .off = off, .fi = file(&f, fi));
	return counted(run(&c), &c);
}

int gf_hl_statfs(const char *path, struct statvfs *st)
{
	CALL(STATFS, PATH(path));
	int rc = run(&c);

	if (rc == 0)
		gf_statfs_put(st, &c.statfs);
	return rc;
}

int gf_hl_flush(const char *path, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FLUSH, PATH(path), .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_release(const char *path, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(RELEASE, PATH(path), .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FSYNC, PATH(path), .flags = (uint32_t)datasync, .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_setxattr(const char *path, const char *name, const char *value, size_t size, int flags)
{
	CALL(SETXATTR, PATH(path), NAME2(name), .in = value, .in_len = size, .flags = (uint32_t)flags);
	return run(&c);
}

int gf_hl_getxattr(const char *path, const char *name, char *buf, size_t size)
{
	CALL(GETXATTR, PATH(path), NAME2(name), .out = buf, .out_cap = size);
	return counted(run(&c), &c);
}

int gf_hl_listxattr(const char *path, char *buf, size_t size)
{
	CALL(LISTXATTR, PATH(path), .out = buf, .out_cap = size);
	return counted(run(&c), &c);
}

int gf_hl_removexattr(const char *path, const char *name)
{
	CALL(REMOVEXATTR, PATH(path), NAME2(name));
	return run(&c);
}

int gf_hl_opendir(const char *path, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(OPENDIR, PATH(path), .fi = file(&f, fi));
	return opened(run(&c), fi, &f);
}

/* Where the entries of a listing go. */
struct gf_filler {
	fuse_fill_dir_t fill;
	void *buf;
};

int gf_hl_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi,
		  enum fuse_readdir_flags flags)
{
	struct gf_file f;
	struct gf_filler filler = {fill, buf};
	CALL(READDIR, PATH(path), .in = &filler, .off = off, .flags = flags, .fi = file(&f, fi));
	return run(&c);
}

/* Called by Go for an entry. false: there is no room for it. */
bool gf_hl_fill(const void *filler, const char *name, size_t len, const struct gf_stat *st, int64_t off, uint32_t flags)
{
	const struct gf_filler *f = filler;
	struct stat attr;
	char text[4096];

	if (len >= sizeof(text))
		return false;
	memcpy(text, name, len);
	text[len] = '\0';
	if (st != NULL)
		gf_stat_put(&attr, st);
	return f->fill(f->buf, text, st == NULL ? NULL : &attr, off, (enum fuse_fill_dir_flags)flags) == 0;
}

int gf_hl_releasedir(const char *path, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(RELEASEDIR, PATH(path), .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_fsyncdir(const char *path, int datasync, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FSYNCDIR, PATH(path), .flags = (uint32_t)datasync, .fi = file(&f, fi));
	return run(&c);
}

int gf_hl_access(const char *path, int mask)
{
	CALL(ACCESS, PATH(path), .flags = (uint32_t)mask);
	return run(&c);
}

int gf_hl_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(CREATE, PATH(path), .mode = mode, .fi = file(&f, fi));
	return opened(run(&c), fi, &f);
}

int gf_hl_lock(const char *path, struct fuse_file_info *fi, int cmd, struct flock *lock)
{
	struct gf_file f;
	CALL(LOCK, PATH(path), .fi = file(&f, fi), .flags = (uint32_t)cmd);
	int rc;

	gf_lock_get(&c.lock, lock);
	rc = run(&c);
	if (rc == 0)
		gf_lock_put(lock, &c.lock);
	return rc;
}

int gf_hl_utimens(const char *path, const struct timespec tv[2], struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(UTIMENS, PATH(path), .fi = file(&f, fi));
	c.stat.atim[0] = tv[0].tv_sec;
	c.stat.atim[1] = tv[0].tv_nsec;
	c.stat.mtim[0] = tv[1].tv_sec;
	c.stat.mtim[1] = tv[1].tv_nsec;
	return run(&c);
}

int gf_hl_bmap(const char *path, size_t blocksize, uint64_t *idx)
{
	CALL(BMAP, PATH(path), .size = blocksize, .arg = *idx);
	int rc = run(&c);

	if (rc == 0)
		*idx = c.count;
	return rc;
}

int gf_hl_ioctl(const char *path, unsigned int cmd, void *arg, struct fuse_file_info *fi, unsigned int flags, void *data)
{
	struct gf_file f;
	CALL(IOCTL, PATH(path), .mode = cmd, .arg = (uintptr_t)arg, .fi = file(&f, fi), .flags = flags, .out = data,
	     .out_cap = data == NULL ? 0 : _IOC_SIZE(cmd));
	return counted(run(&c), &c);
}

int gf_hl_poll(const char *path, struct fuse_file_info *fi, struct fuse_pollhandle *ph, unsigned *revents)
{
	struct gf_file f;
	CALL(POLL, PATH(path), .fi = file(&f, fi), .ph = ph);
	int rc = run(&c);

	if (rc == 0)
		*revents = (unsigned)c.count;
	return rc;
}

int gf_hl_write_buf(const char *path, struct fuse_bufvec *buf, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(WRITE_BUF, PATH(path), .in = buf, .off = off, .fi = file(&f, fi));
	return counted(run(&c), &c);
}

int gf_hl_read_buf(const char *path, struct fuse_bufvec **bufp, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(READ_BUF, PATH(path), .size = size, .off = off, .fi = file(&f, fi));
	int rc = run(&c);

	if (rc == 0)
		*bufp = c.out; /* Go has made it on C's heap: libfuse frees it */
	return rc;
}

int gf_hl_flock(const char *path, struct fuse_file_info *fi, int op)
{
	struct gf_file f;
	CALL(FLOCK, PATH(path), .fi = file(&f, fi), .flags = (uint32_t)op);
	return run(&c);
}

int gf_hl_fallocate(const char *path, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(FALLOCATE, PATH(path), .mode = (uint32_t)mode, .off = off, .off2 = len, .fi = file(&f, fi));
	return run(&c);
}

ssize_t gf_hl_copy_file_range(const char *path_in, struct fuse_file_info *fi_in, off_t off_in, const char *path_out,
			      struct fuse_file_info *fi_out, off_t off_out, size_t size, int flags)
{
	struct gf_file in, out;
	CALL(COPY_FILE_RANGE, PATH(path_in), NAME2(path_out), .off = off_in, .off2 = off_out, .fi = file(&in, fi_in),
	     .fi2 = file(&out, fi_out), .size = size, .flags = (uint32_t)flags);
	int rc = run(&c);

	return rc == 0 ? (ssize_t)c.count : rc;
}

off_t gf_hl_lseek(const char *path, off_t off, int whence, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(LSEEK, PATH(path), .off = off, .flags = (uint32_t)whence, .fi = file(&f, fi));
	int rc = run(&c);

	return rc == 0 ? (off_t)c.count : rc;
}

#if GF_HAVE_STATX
int gf_hl_statx(const char *path, int flags, int mask, struct statx *stx, struct fuse_file_info *fi)
{
	struct gf_file f;
	CALL(STATX, PATH(path), .flags = (uint32_t)flags, .mode = (uint32_t)mask, .fi = file(&f, fi), .out = stx,
	     .out_cap = sizeof(*stx));
	return run(&c);
}
#endif

#if GF_HAVE_SYNCFS
int gf_hl_syncfs(const char *path)
{
	CALL(SYNCFS, PATH(path));
	return run(&c);
}
#endif

/* ---- struct fuse_config ---- */

static void config_get(struct gf_config *to, const struct fuse_config *from)
{
	*to = (struct gf_config){
		.set_gid = from->set_gid,
		.gid = from->gid,
		.set_uid = from->set_uid,
		.uid = from->uid,
		.set_mode = from->set_mode,
		.umask = from->umask,
		.entry_timeout = from->entry_timeout,
		.negative_timeout = from->negative_timeout,
		.attr_timeout = from->attr_timeout,
		.remember = from->remember,
		.hard_remove = from->hard_remove,
		.use_ino = from->use_ino,
		.readdir_ino = from->readdir_ino,
		.direct_io = from->direct_io,
		.kernel_cache = from->kernel_cache,
		.auto_cache = from->auto_cache,
		.no_rofd_flush = from->no_rofd_flush,
		.ac_attr_timeout_set = from->ac_attr_timeout_set,
		.ac_attr_timeout = from->ac_attr_timeout,
		.nullpath_ok = from->nullpath_ok,
#if GF_HAVE_PARALLEL_DIRECT_WRITES
		.parallel_direct_writes = from->parallel_direct_writes,
		.fmask = from->fmask,
		.dmask = from->dmask,
#endif
	};
}

static void config_put(struct fuse_config *to, const struct gf_config *from)
{
	to->set_gid = from->set_gid;
	to->gid = from->gid;
	to->set_uid = from->set_uid;
	to->uid = from->uid;
	to->set_mode = from->set_mode;
	to->umask = from->umask;
	to->entry_timeout = from->entry_timeout;
	to->negative_timeout = from->negative_timeout;
	to->attr_timeout = from->attr_timeout;
	to->remember = from->remember;
	to->hard_remove = from->hard_remove;
	to->use_ino = from->use_ino;
	to->readdir_ino = from->readdir_ino;
	to->direct_io = from->direct_io;
	to->kernel_cache = from->kernel_cache;
	to->auto_cache = from->auto_cache;
	to->no_rofd_flush = from->no_rofd_flush;
	to->ac_attr_timeout_set = from->ac_attr_timeout_set;
	to->ac_attr_timeout = from->ac_attr_timeout;
	to->nullpath_ok = from->nullpath_ok;
#if GF_HAVE_PARALLEL_DIRECT_WRITES
	to->parallel_direct_writes = from->parallel_direct_writes;
	to->fmask = from->fmask;
	to->dmask = from->dmask;
#endif
}

void *gf_hl_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	struct gf_config config;
	CALL(INIT, .in = conn, .out = &config);

	config_get(&config, cfg);
	gf_signals_onstack();
	if (run(&c) == 0)
		config_put(cfg, &config);
	return fuse_get_context()->private_data;
}

void gf_hl_destroy(void *private_data)
{
	(void)private_data;
	gf_ll_destroy(fuse_get_context()->fuse);
}

/* ---- what Go asks of an operation that it is in ---- */

int gf_hl_groups(int size, uint32_t *list)
{
	return fuse_getgroups(size, (gid_t *)list);
}

int gf_hl_interrupted(void)
{
	return fuse_interrupted();
}
