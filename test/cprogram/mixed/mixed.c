#include "mixed.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "_cgo_export.h"

int mixed_called;
void *mixed_userdata, *mixed_init_userdata, *mixed_destroy_userdata;
char mixed_retrieved[100];
int mixed_keep;
fuse_req_t mixed_kept;

/* ---- what is answered: see recorder.Attr, recorder.Entry and so on ---- */

static const struct stat attr = {
	.st_ino = 0x1122334455667788,
	.st_size = 0x22334455667788,
	.st_blocks = 0x3344556677,
	.st_atim = {INT64_C(1) << 33, 111},
	.st_mtim = {-5, 222},
	.st_ctim = {77, 999999999},
	.st_mode = S_IFREG | 06751,
	.st_nlink = 3,
	.st_uid = 1001,
	.st_gid = 1002,
	.st_blksize = 8192,
};

static struct stat attributes(void)
{
	struct stat st = attr;

	st.st_rdev = makedev(8, 17);
	return st;
}

static struct fuse_entry_param entry(void)
{
	return (struct fuse_entry_param){
		.ino = 0x5566778899, .generation = 0x66778899aabb, .attr = attributes(), .attr_timeout = 1.25, .entry_timeout = 2.5};
}

static void open_reply(struct fuse_file_info *fi)
{
	fi->fh = 0x778899aabbcc;
	fi->direct_io = fi->keep_cache = fi->nonseekable = fi->cache_readdir = fi->noflush = 1;
}

static void listing(fuse_req_t req, size_t size, uint64_t off, int plus)
{
	char buf[4096], name[20];
	size_t used = 0, n;

	for (uint64_t i = off; i < 10; i++) {
		struct stat st = attributes();
		struct fuse_entry_param e = entry();

		snprintf(name, sizeof(name), "entry %d", (int)i);
		st.st_ino = 1000 + i;
		e.ino += i;
		n = plus ? fuse_add_direntry_plus(req, buf + used, size - used, name, &e, (off_t)i + 1)
			 : fuse_add_direntry(req, buf + used, size - used, name, &st, (off_t)i + 1);
		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, buf, used);
}

static void xattr(fuse_req_t req, size_t size, const char *value, size_t len)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (size < len)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, len);
}

static void pattern(fuse_req_t req, size_t size, int is_ioctl)
{
	char buf[4096];
	size_t n = (size + 1) / 2;

	for (size_t i = 0; i < n; i++)
		buf[i] = (char)('a' + i % 26);
	if (is_ioctl)
		fuse_reply_ioctl(req, -7, buf, n);
	else
		fuse_reply_buf(req, buf, n);
}

static void ioctl_reply(fuse_req_t req, size_t size, uint64_t cmd)
{
	const struct iovec iov[] = {{(char *)"in ", 3}, {(char *)"pieces", 6}};

	if (cmd == 1)
		pattern(req, size, 1);
	else if (cmd == 2)
		fuse_reply_ioctl_iov(req, 8, iov, 2);
	else
		fuse_reply_ioctl(req, 9, NULL, 0);
}

static int is_one_of(const char *op, const char *list)
{
	const char *at = strstr(list, op);
	size_t n = strlen(op);

	return at != NULL && at[-1] == ' ' && at[n] == ' ';
}

void mixed_answer(fuse_req_t req, const char *op, size_t size, uint64_t number)
{
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 512, .f_blocks = UINT64_C(1) << 40, .f_bfree = UINT64_C(1) << 39, .f_bavail = UINT64_C(1) << 38,
			     .f_files = UINT64_C(1) << 37, .f_ffree = UINT64_C(1) << 36, .f_namemax = 250};
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1000, .l_pid = 4321};
	struct stat attr = attributes();
	struct fuse_entry_param e = entry();
	struct fuse_file_info fi = {0};

	open_reply(&fi);
	if (is_one_of(op, " Lookup Mknod Mkdir Symlink Link "))
		fuse_reply_entry(req, &e);
	else if (is_one_of(op, " Create Tmpfile "))
		fuse_reply_create(req, &e, &fi);
	else if (is_one_of(op, " Getattr Setattr "))
		fuse_reply_attr(req, &attr, 3.75);
	else if (is_one_of(op, " Open Opendir "))
		fuse_reply_open(req, &fi);
	else if (is_one_of(op, " Write WriteBuf CopyFileRange "))
		fuse_reply_write(req, size - 1);
	else if (strcmp(op, "Readlink") == 0)
		fuse_reply_readlink(req, "../where/it is");
	else if (strcmp(op, "Read") == 0)
		pattern(req, size, 0);
	else if (is_one_of(op, " Readdir Readdirplus "))
		listing(req, size, number, strcmp(op, "Readdirplus") == 0);
	else if (strcmp(op, "Statfs") == 0)
		fuse_reply_statfs(req, &st);
	else if (strcmp(op, "Getxattr") == 0)
		xattr(req, size, "value of user.a", 15);
	else if (strcmp(op, "Listxattr") == 0)
		xattr(req, size, "user.a\0user.b\0", 14);
	else if (strcmp(op, "Getlk") == 0)
		fuse_reply_lock(req, &lock);
	else if (strcmp(op, "Bmap") == 0)
		fuse_reply_bmap(req, number + 0x100000000);
	else if (strcmp(op, "Ioctl") == 0)
		ioctl_reply(req, size, number);
	else if (strcmp(op, "Poll") == 0)
		fuse_reply_poll(req, POLLIN | POLLPRI);
	else if (strcmp(op, "Lseek") == 0)
		fuse_reply_lseek(req, (off_t)(number + 0x100000000));
	else if (is_one_of(op, " Forget ForgetMulti "))
		fuse_reply_none(req);
	else
		fuse_reply_err(req, 0);
}

struct later {
	fuse_req_t req;
	char op[20];
	size_t size;
	uint64_t number;
};

static void *answer_later(void *arg)
{
	struct later *l = arg;

	mixed_answer(l->req, l->op, l->size, l->number);
	free(l);
	return NULL;
}

void mixed_answer_later(fuse_req_t req, const char *op, size_t size, uint64_t number)
{
	struct later *l = calloc(1, sizeof(*l));
	pthread_t thread;

	if (l == NULL)
		abort();
	l->req = req;
	strncpy(l->op, op, sizeof(l->op) - 1);
	l->size = size;
	l->number = number;
	if (pthread_create(&thread, NULL, answer_later, l) != 0)
		abort();
	pthread_detach(thread);
}

/* ---- two tables: X answers in C, A has Go adopt the request ---- */

static void x(fuse_req_t req, const char *op, size_t size, uint64_t number)
{
	__atomic_add_fetch(&mixed_called, 1, __ATOMIC_SEQ_CST);
	mixed_userdata = fuse_req_userdata(req);
	if (mixed_keep && strcmp(op, "Getattr") == 0)
		mixed_kept = req;
	else
		mixed_answer(req, op, size, number);
}

static void a(fuse_req_t req, const char *op, size_t size, uint64_t number)
{
	(void)size;
	(void)number;
	mixedAdopt(req, (char *)op);
}

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define INO fuse_req_t req, fuse_ino_t ino
#define NAME fuse_req_t req, fuse_ino_t parent, const char *name
#define FI struct fuse_file_info *fi

#define HANDLERS(X)                                                                                                            \
	static void X##_lookup(NAME) { X(req, "Lookup", 0, 0); }                                                               \
	static void X##_forget(INO, uint64_t nlookup) { X(req, "Forget", 0, 0); }                                              \
	static void X##_getattr(INO, FI) { X(req, "Getattr", 0, 0); }                                                          \
	static void X##_setattr(INO, struct stat *st, int to_set, FI) { X(req, "Setattr", 0, 0); }                             \
	static void X##_readlink(INO) { X(req, "Readlink", 0, 0); }                                                            \
	static void X##_mknod(NAME, mode_t mode, dev_t rdev) { X(req, "Mknod", 0, 0); }                                        \
	static void X##_mkdir(NAME, mode_t mode) { X(req, "Mkdir", 0, 0); }                                                    \
	static void X##_unlink(NAME) { X(req, "Unlink", 0, 0); }                                                               \
	static void X##_rmdir(NAME) { X(req, "Rmdir", 0, 0); }                                                                 \
	static void X##_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name) { X(req, "Symlink", 0, 0); } \
	static void X##_rename(NAME, fuse_ino_t newparent, const char *newname, unsigned flags) { X(req, "Rename", 0, 0); }    \
	static void X##_link(INO, fuse_ino_t newparent, const char *newname) { X(req, "Link", 0, 0); }                         \
	static void X##_open(INO, FI) { X(req, "Open", 0, 0); }                                                                \
	static void X##_read(INO, size_t size, off_t off, FI) { X(req, "Read", size, (uint64_t)off); }                         \
	static void X##_write_buf(INO, struct fuse_bufvec *buf, off_t off, FI) { X(req, "WriteBuf", fuse_buf_size(buf), 0); }  \
	static void X##_flush(INO, FI) { X(req, "Flush", 0, 0); }                                                              \
	static void X##_release(INO, FI) { X(req, "Release", 0, 0); }                                                          \
	static void X##_fsync(INO, int datasync, FI) { X(req, "Fsync", 0, 0); }                                                \
	static void X##_opendir(INO, FI) { X(req, "Opendir", 0, 0); }                                                          \
	static void X##_readdir(INO, size_t size, off_t off, FI) { X(req, "Readdir", size, (uint64_t)off); }                   \
	static void X##_releasedir(INO, FI) { X(req, "Releasedir", 0, 0); }                                                    \
	static void X##_fsyncdir(INO, int datasync, FI) { X(req, "Fsyncdir", 0, 0); }                                          \
	static void X##_statfs(INO) { X(req, "Statfs", 0, 0); }                                                                \
	static void X##_setxattr(INO, const char *name, const char *value, size_t size, int flags) { X(req, "Setxattr", 0, 0); } \
	static void X##_getxattr(INO, const char *name, size_t size) { X(req, "Getxattr", size, 0); }                          \
	static void X##_listxattr(INO, size_t size) { X(req, "Listxattr", size, 0); }                                          \
	static void X##_removexattr(INO, const char *name) { X(req, "Removexattr", 0, 0); }                                    \
	static void X##_access(INO, int mask) { X(req, "Access", 0, 0); }                                                      \
	static void X##_create(NAME, mode_t mode, FI) { X(req, "Create", 0, 0); }                                              \
	static void X##_getlk(INO, FI, struct flock *lock) { X(req, "Getlk", 0, 0); }                                          \
	static void X##_setlk(INO, FI, struct flock *lock, int sleep) { X(req, "Setlk", 0, 0); }                               \
	static void X##_bmap(INO, size_t blocksize, uint64_t idx) { X(req, "Bmap", 0, idx); }                                  \
	static void X##_ioctl(INO, unsigned cmd, void *arg, FI, unsigned flags, const void *in, size_t in_size, size_t out_size) \
	{                                                                                                                      \
		X(req, "Ioctl", out_size, cmd);                                                                                \
	}                                                                                                                      \
	static void X##_poll(INO, FI, struct fuse_pollhandle *ph)                                                              \
	{                                                                                                                      \
		fuse_pollhandle_destroy(ph);                                                                                   \
		X(req, "Poll", 0, 0);                                                                                          \
	}                                                                                                                      \
	static void X##_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets) { X(req, "ForgetMulti", 0, 0); } \
	static void X##_flock(INO, FI, int op) { X(req, "Flock", 0, 0); }                                                      \
	static void X##_fallocate(INO, int mode, off_t offset, off_t length, FI) { X(req, "Fallocate", 0, 0); }                \
	static void X##_readdirplus(INO, size_t size, off_t off, FI) { X(req, "Readdirplus", size, (uint64_t)off); }           \
	static void X##_copy_file_range(fuse_req_t req, fuse_ino_t ino, off_t off, FI, fuse_ino_t ino2, off_t off2,            \
					struct fuse_file_info *fi2, size_t len, int flags)                                             \
	{                                                                                                                      \
		X(req, "CopyFileRange", len, 0);                                                                               \
	}                                                                                                                      \
	static void X##_lseek(INO, off_t off, int whence, FI) { X(req, "Lseek", 0, (uint64_t)off); }

#define TABLE(X)                                                                                                               \
	.lookup = X##_lookup, .forget = X##_forget, .getattr = X##_getattr, .setattr = X##_setattr, .readlink = X##_readlink,    \
	.mknod = X##_mknod, .mkdir = X##_mkdir, .unlink = X##_unlink, .rmdir = X##_rmdir, .symlink = X##_symlink,                \
	.rename = X##_rename, .link = X##_link, .open = X##_open, .read = X##_read, .write_buf = X##_write_buf,                  \
	.flush = X##_flush, .release = X##_release, .fsync = X##_fsync, .opendir = X##_opendir, .readdir = X##_readdir,          \
	.releasedir = X##_releasedir, .fsyncdir = X##_fsyncdir, .statfs = X##_statfs, .setxattr = X##_setxattr,                  \
	.getxattr = X##_getxattr, .listxattr = X##_listxattr, .removexattr = X##_removexattr, .access = X##_access,              \
	.create = X##_create, .getlk = X##_getlk, .setlk = X##_setlk, .bmap = X##_bmap, .ioctl = X##_ioctl, .poll = X##_poll,    \
	.forget_multi = X##_forget_multi, .flock = X##_flock, .fallocate = X##_fallocate, .readdirplus = X##_readdirplus,        \
	.copy_file_range = X##_copy_file_range, .lseek = X##_lseek

HANDLERS(x)
HANDLERS(a)

static void init(void *userdata, struct fuse_conn_info *conn)
{
	mixed_init_userdata = userdata;
	conn->max_readahead = 0x4000;
	conn->time_gran = 100;
}

static void destroy(void *userdata)
{
	mixed_destroy_userdata = userdata;
}

static void retrieve_reply(fuse_req_t req, void *cookie, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv)
{
	char data[50] = "";
	struct fuse_bufvec to = FUSE_BUFVEC_INIT(sizeof(data) - 1);

	to.buf[0].mem = data;
	fuse_buf_copy(&to, bufv, 0);
	snprintf(mixed_retrieved, sizeof(mixed_retrieved), "%s %d %d %s", (const char *)cookie, (int)ino, (int)offset, data);
	fuse_reply_none(req);
}

const struct fuse_lowlevel_ops mixed_all = {.init = init, .destroy = destroy, .retrieve_reply = retrieve_reply, TABLE(x)};
const struct fuse_lowlevel_ops mixed_adopt = {TABLE(a)};

int mixed_retrieve(struct fuse_session *se, uint64_t ino, size_t size, int64_t off)
{
	return fuse_lowlevel_notify_retrieve(se, ino, size, off, (void *)"C's cookie");
}

int mixed_serve(int fd)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *se;
	char mountpoint[30];
	int rc;

	fuse_opt_add_arg(&args, "mixed");
	se = fuse_session_new(&args, &mixed_adopt, sizeof(mixed_adopt), &args);
	snprintf(mountpoint, sizeof(mountpoint), "/dev/fd/%d", fd);
	if (se == NULL || fuse_session_mount(se, mountpoint) != 0)
		return -1;
	rc = fuse_session_loop(se);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	fuse_opt_free_args(&args);
	return rc;
}
