/*
 * go-libfuse3.h: filesystems in Go for programs in C.
 *
 * Members of the tables that fuse_session_new() and fuse_new() take, to be put where a function of your own would be:
 *
 *	static const struct fuse_lowlevel_ops ops = {
 *		.init = gf_ll_init,
 *		.destroy = gf_ll_destroy,
 *		.lookup = gf_ll_lookup,	// in Go
 *		.read = my_read,	// in C
 *	};
 *
 * All else is the program's own, in the order it always had: fuse_session_new(), fuse_set_signal_handlers(), fuse_session_mount(),
 * fuse_daemonize(), the loop. Go is started by the first request, or by gf_start(). See docs/c-program.md.
 *
 * MIT licence. Needs libfuse 3.14 or newer.
 */
#ifndef GO_LIBFUSE3_H
#define GO_LIBFUSE3_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif

#include <fuse.h>
#include <fuse_lowlevel.h>

#if FUSE_USE_VERSION < 35
#error "go-libfuse3.h needs FUSE_USE_VERSION 35 or newer (312 is a good choice)"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts Go, if it does not run yet. Returns 0, or -ENOTSUP in a process that was forked after Go had been started: no Go survives that.
 *
 * It need not be called: any function of Go's, also one of the package's own, starts Go if that is needed. So none of them may come before fuse_daemonize(), which forks.
 */
int gf_start(void);

/*
 * Tells Go of a session, before it is mounted: how it is to be reached (notifications need it), the table and the userdata that fuse_session_new()
 * was given, and by which filesystem (lowlevel.Export's name) Go serves it; NULL: the only one that there is.
 *
 * It is needed for notifications, for more than one filesystem, and nothing else. It does not start Go. Sessions with the same userdata are one to Go.
 *
 * .destroy must be gf_ll_destroy, or a function of yours that calls it. For Retrieve in Go, .retrieve_reply must be gf_ll_retrieve_reply, or a function of yours that calls it for the cookies that it
 * does not know.
 *
 * Returns 0, -EINVAL (se or ops is NULL, or the table has no .destroy), -EEXIST (that userdata has a session), or -ENOMEM.
 */
int gf_bind(struct fuse_session *se, const struct fuse_lowlevel_ops *ops, void *userdata, const char *filesystem);

/*
 * The members. A member that the Go filesystem does not have answers ENOSYS.
 *
 * gf_ll_init and gf_ll_destroy may be called by functions of yours. gf_ll_destroy must be called before the session's memory goes, which fuse_session_destroy() does; if the session
 * ends before its INIT, where libfuse does not, by you.
 */
void gf_ll_init(void *userdata, struct fuse_conn_info *conn);
void gf_ll_destroy(void *userdata);
void gf_ll_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void gf_ll_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void gf_ll_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void gf_ll_readlink(fuse_req_t req, fuse_ino_t ino);
void gf_ll_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void gf_ll_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void gf_ll_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void gf_ll_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void gf_ll_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void gf_ll_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname, unsigned flags);
void gf_ll_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);
void gf_ll_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void gf_ll_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi);
void gf_ll_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void gf_ll_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void gf_ll_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void gf_ll_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void gf_ll_statfs(fuse_req_t req, fuse_ino_t ino);
void gf_ll_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
void gf_ll_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void gf_ll_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void gf_ll_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
void gf_ll_access(fuse_req_t req, fuse_ino_t ino, int mask);
void gf_ll_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
void gf_ll_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock);
void gf_ll_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep);
void gf_ll_bmap(fuse_req_t req, fuse_ino_t ino, size_t blocksize, uint64_t idx);
void gf_ll_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg, struct fuse_file_info *fi, unsigned flags,
		 const void *in_buf, size_t in_bufsz, size_t out_bufsz);
void gf_ll_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
void gf_ll_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *bufv, off_t off, struct fuse_file_info *fi);
void gf_ll_retrieve_reply(fuse_req_t req, void *cookie, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv);
void gf_ll_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void gf_ll_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);
void gf_ll_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *fi);
void gf_ll_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void gf_ll_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			   off_t off_out, struct fuse_file_info *fi_out, size_t len, int flags);
void gf_ll_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
#if FUSE_VERSION >= 317
void gf_ll_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi);
#endif
#if FUSE_VERSION >= 318
void gf_ll_statx(fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi);
#endif
#if FUSE_VERSION >= 319
void gf_ll_syncfs(fuse_req_t req, fuse_ino_t ino);
#endif

/*
 * The same for struct fuse_operations, with filesystems of highlevel.Export. Which one serves a struct fuse, gf_hl_bind says; it is needed where there are several. .destroy must be gf_hl_destroy or a
 * function of yours that calls it; without an INIT, call gf_ll_destroy(f) before fuse_destroy(f). private_data stays what fuse_new() or fuse_main() was given.
 */
int gf_hl_bind(struct fuse *f, const char *filesystem);

void *gf_hl_init(struct fuse_conn_info *conn, struct fuse_config *cfg);
void gf_hl_destroy(void *private_data);
int gf_hl_getattr(const char *path, struct stat *st, struct fuse_file_info *fi);
int gf_hl_readlink(const char *path, char *buf, size_t size);
int gf_hl_mknod(const char *path, mode_t mode, dev_t rdev);
int gf_hl_mkdir(const char *path, mode_t mode);
int gf_hl_unlink(const char *path);
int gf_hl_rmdir(const char *path);
int gf_hl_symlink(const char *target, const char *path);
int gf_hl_rename(const char *from, const char *to, unsigned int flags);
int gf_hl_link(const char *from, const char *to);
int gf_hl_chmod(const char *path, mode_t mode, struct fuse_file_info *fi);
int gf_hl_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi);
int gf_hl_truncate(const char *path, off_t size, struct fuse_file_info *fi);
int gf_hl_open(const char *path, struct fuse_file_info *fi);
int gf_hl_read(const char *path, char *buf, size_t size, off_t off, struct fuse_file_info *fi);
int gf_hl_write(const char *path, const char *buf, size_t size, off_t off, struct fuse_file_info *fi);
int gf_hl_statfs(const char *path, struct statvfs *st);
int gf_hl_flush(const char *path, struct fuse_file_info *fi);
int gf_hl_release(const char *path, struct fuse_file_info *fi);
int gf_hl_fsync(const char *path, int datasync, struct fuse_file_info *fi);
int gf_hl_setxattr(const char *path, const char *name, const char *value, size_t size, int flags);
int gf_hl_getxattr(const char *path, const char *name, char *buf, size_t size);
int gf_hl_listxattr(const char *path, char *buf, size_t size);
int gf_hl_removexattr(const char *path, const char *name);
int gf_hl_opendir(const char *path, struct fuse_file_info *fi);
int gf_hl_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off, struct fuse_file_info *fi,
		  enum fuse_readdir_flags flags);
int gf_hl_releasedir(const char *path, struct fuse_file_info *fi);
int gf_hl_fsyncdir(const char *path, int datasync, struct fuse_file_info *fi);
int gf_hl_access(const char *path, int mask);
int gf_hl_create(const char *path, mode_t mode, struct fuse_file_info *fi);
int gf_hl_lock(const char *path, struct fuse_file_info *fi, int cmd, struct flock *lock);
int gf_hl_utimens(const char *path, const struct timespec tv[2], struct fuse_file_info *fi);
int gf_hl_bmap(const char *path, size_t blocksize, uint64_t *idx);
int gf_hl_ioctl(const char *path, unsigned int cmd, void *arg, struct fuse_file_info *fi, unsigned int flags, void *data);
int gf_hl_poll(const char *path, struct fuse_file_info *fi, struct fuse_pollhandle *ph, unsigned *revents);
int gf_hl_write_buf(const char *path, struct fuse_bufvec *buf, off_t off, struct fuse_file_info *fi);
int gf_hl_read_buf(const char *path, struct fuse_bufvec **bufp, size_t size, off_t off, struct fuse_file_info *fi);
int gf_hl_flock(const char *path, struct fuse_file_info *fi, int op);
int gf_hl_fallocate(const char *path, int mode, off_t off, off_t len, struct fuse_file_info *fi);
ssize_t gf_hl_copy_file_range(const char *path_in, struct fuse_file_info *fi_in, off_t off_in, const char *path_out,
			      struct fuse_file_info *fi_out, off_t off_out, size_t size, int flags);
off_t gf_hl_lseek(const char *path, off_t off, int whence, struct fuse_file_info *fi);
#if FUSE_VERSION >= 318
int gf_hl_statx(const char *path, int flags, int mask, struct statx *stx, struct fuse_file_info *fi);
#endif
#if FUSE_VERSION >= 319
int gf_hl_syncfs(const char *path);
#endif

#ifdef __cplusplus
}
#endif

#endif
