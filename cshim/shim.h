/*
 * shim.h: what C and Go say to each other in go-libfuse3.
 *
 * The structs are mirrored in Go (call.go); sizes and offsets are compared when the Go side is compiled.
 */
#ifndef GF_SHIM_H
#define GF_SHIM_H

#include "version.h"

#include "go-libfuse3.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* ---- the table of operations: one row each, in the order of struct fuse_lowlevel_ops ---- */

#define GF_OPS(X)                                                              \
	X(LOOKUP, lookup)                                                      \
	X(FORGET, forget)                                                      \
	X(GETATTR, getattr)                                                    \
	X(SETATTR, setattr)                                                    \
	X(READLINK, readlink)                                                  \
	X(MKNOD, mknod)                                                        \
	X(MKDIR, mkdir)                                                        \
	X(UNLINK, unlink)                                                      \
	X(RMDIR, rmdir)                                                        \
	X(SYMLINK, symlink)                                                    \
	X(RENAME, rename)                                                      \
	X(LINK, link)                                                          \
	X(OPEN, open)                                                          \
	X(READ, read)                                                          \
	X(WRITE, write)                                                        \
	X(FLUSH, flush)                                                        \
	X(RELEASE, release)                                                    \
	X(FSYNC, fsync)                                                        \
	X(OPENDIR, opendir)                                                    \
	X(READDIR, readdir)                                                    \
	X(RELEASEDIR, releasedir)                                              \
	X(FSYNCDIR, fsyncdir)                                                  \
	X(STATFS, statfs)                                                      \
	X(SETXATTR, setxattr)                                                  \
	X(GETXATTR, getxattr)                                                  \
	X(LISTXATTR, listxattr)                                                \
	X(REMOVEXATTR, removexattr)                                            \
	X(ACCESS, access)                                                      \
	X(CREATE, create)                                                      \
	X(GETLK, getlk)                                                        \
	X(SETLK, setlk)                                                        \
	X(BMAP, bmap)                                                          \
	X(IOCTL, ioctl)                                                        \
	X(POLL, poll)                                                          \
	X(WRITE_BUF, write_buf)                                                \
	X(RETRIEVE_REPLY, retrieve_reply)                                      \
	X(FORGET_MULTI, forget_multi)                                          \
	X(FLOCK, flock)                                                        \
	X(FALLOCATE, fallocate)                                                \
	X(READDIRPLUS, readdirplus)                                            \
	X(COPY_FILE_RANGE, copy_file_range)                                    \
	X(LSEEK, lseek)                                                        \
	GF_OPS_317(X)                                                          \
	GF_OPS_318(X)                                                          \
	GF_OPS_319(X)

/* Go numbers the operations in this order too, with the newer ones at the end on every version. */
enum gf_op {
#define X(id, name) GF_OP_##id,
	GF_OPS(X)
#undef X
	GF_OP_COUNT
};

/* The members of struct fuse_operations that C programs may have from Go, numbered behind those */
#define GF_HL_OPS(X)                                                           \
	X(INIT) X(GETATTR) X(READLINK) X(MKNOD) X(MKDIR) X(UNLINK) X(RMDIR) X(SYMLINK) X(RENAME) X(LINK) X(CHMOD) X(CHOWN) X(TRUNCATE)   \
	X(OPEN) X(READ) X(WRITE) X(STATFS) X(FLUSH) X(RELEASE) X(FSYNC) X(SETXATTR) X(GETXATTR) X(LISTXATTR) X(REMOVEXATTR)               \
	X(OPENDIR) X(READDIR) X(RELEASEDIR) X(FSYNCDIR) X(ACCESS) X(CREATE) X(LOCK) X(UTIMENS) X(BMAP) X(IOCTL) X(POLL)                  \
	X(WRITE_BUF) X(READ_BUF) X(FLOCK) X(FALLOCATE) X(COPY_FILE_RANGE) X(LSEEK) X(STATX) X(SYNCFS)

enum gf_hl_op {
	GF_HL_BEFORE = 0xff,
#define X(id) GF_HL_##id,
	GF_HL_OPS(X)
#undef X
	GF_HL_END
};

/* How a request is answered when its handler has succeeded. */
enum gf_reply {
	GF_REPLY_ERR, /* fuse_reply_err(0) */
	GF_REPLY_NONE,
	GF_REPLY_DETACHED, /* by somebody else, later: the request must not be touched any more */
	GF_REPLY_ENTRY,
	GF_REPLY_CREATE,
	GF_REPLY_ATTR,
	GF_REPLY_READLINK,
	GF_REPLY_OPEN,
	GF_REPLY_WRITE,
	GF_REPLY_BUF,
	GF_REPLY_STATFS,
	GF_REPLY_LOCK,
	GF_REPLY_BMAP,
	GF_REPLY_IOCTL,
	GF_REPLY_POLL,
	GF_REPLY_LSEEK,
	GF_REPLY_STATX,
};

/* struct stat with the same types everywhere; Go: lowlevel.Stat */
struct gf_stat {
	uint64_t ino;
	int64_t size;
	int64_t blocks;
	int64_t atim[2], mtim[2], ctim[2]; /* seconds, nanoseconds */
	uint64_t rdev;
	uint32_t mode, nlink, uid, gid, blksize, pad;
};

/* struct fuse_entry_param; Go: lowlevel.EntryParam. Timeouts in nanoseconds. */
struct gf_entry {
	uint64_t ino, generation;
	struct gf_stat attr;
	int64_t attr_timeout, entry_timeout;
};

/* struct fuse_file_info without its bit fields, which neither cgo nor Go can read; Go: lowlevel.FileInfo */
struct gf_file {
	uint64_t fh, lock_owner;
	int32_t flags;
	uint32_t poll_events;
	int32_t backing_id;
	bool writepage, direct_io, keep_cache, flush, nonseekable, flock_release, cache_readdir, noflush,
		parallel_direct_writes, kill_suidgid;
	bool pad[2];
};

/* struct statvfs, the part that FUSE carries; Go: lowlevel.Statfs */
struct gf_statfs {
	uint64_t bsize, frsize, blocks, bfree, bavail, files, ffree, namemax;
};

/* struct flock; Go: lowlevel.FileLock */
struct gf_lock {
	int16_t type, whence;
	int32_t pid;
	int64_t start, len;
};

/* struct fuse_buf; Go: cshim.Buf */
struct gf_buf {
	void *mem; /* NULL: fd */
	uint64_t size;
	int64_t pos;
	int32_t fd;
	uint32_t flags;
};

/*
 * One request on its way: filled by a trampoline of ops.c, handed to Go, answered by gf_answer(). It lives on the stack
 * of the thread that runs the callback.
 */
struct gf_call {
	uint64_t session;
	fuse_req_t req;
	uint64_t unique;
	uint32_t uid, gid, pid, umask;
	uint32_t op;	/* enum gf_op */
	uint32_t reply; /* enum gf_reply; Go may change it */

	/* arguments: which ones count, and for what, depends on op */
	uint64_t ino, ino2;
	const char *name, *name2;
	uint64_t name_len, name2_len;
	int64_t off, off2;
	uint64_t size, arg;
	uint32_t mode, flags;
	const void *in; /* data, or in_len of struct gf_buf or struct fuse_forget_data */
	uint64_t in_len;
	struct gf_file *fi, *fi2;
	struct fuse_pollhandle *ph;

	/* results */
	void *out; /* out_cap bytes of the thread's own memory, for the reply's data */
	uint64_t out_cap;
	uint64_t count;	 /* how much of out, or the number that the reply carries */
	int64_t timeout; /* of attributes, in nanoseconds */
	uint64_t after;	 /* not 0: Go wants to hear of it once the reply has left */
	union {
		struct gf_entry entry;
		struct gf_stat stat;
		struct gf_statfs statfs;
		struct gf_lock lock;
	};
};

/* struct fuse_conn_info; Go: cshim.ConnInfo */
struct gf_conn {
	uint64_t capable, want;
	uint32_t proto_major, proto_minor, max_write, max_read, max_readahead, max_background, congestion_threshold, time_gran,
		max_backing_stack_depth, request_timeout, no_interrupt, pad;
};

/* struct fuse_config; Go: cshim.FuseConfig */
struct gf_config {
	int32_t set_gid, set_uid, set_mode, remember, hard_remove, use_ino, readdir_ino, direct_io, kernel_cache, auto_cache,
		no_rofd_flush, ac_attr_timeout_set, nullpath_ok, parallel_direct_writes;
	uint32_t gid, uid, umask, fmask, dmask, pad;
	double entry_timeout, negative_timeout, attr_timeout, ac_attr_timeout;
};

/* struct fuse_cmdline_opts */
struct gf_cmdline {
	int foreground, debug, singlethread, show_help, show_version, clone_fd;
	unsigned max_idle_threads, max_threads;
	char *mountpoint;
};

/* ---- session.c ---- */

enum gf_host_state { GF_HOST_NEW, GF_HOST_OPEN, GF_HOST_FAILED };

struct gf_session {
	struct fuse_session *se;
	uint64_t handle; /* Go's name for the session */
	void *userdata;	 /* what libfuse has as such: the gf_session itself, unless there are C handlers */
	struct gf_session *next; /* in the list of sessions.c */

	/* Of a session that a C program has made and runs (host.c) */
	bool adopted;
	int fd;		  /* a descriptor of ours for the same connection, so that nothing of the C program's is touched; else -1 */
	char *filesystem; /* which of Go's; NULL: the only one */
	int host_state;	  /* enum gf_host_state */
	bool paths;	  /* it is of libfuse's high-level library */
	bool can_retrieve; /* answers to FUSE_NOTIFY_RETRIEVE come to Go */
	int notifying;	  /* how many threads are in write(2), which may wait for answers to requests */
	bool unserved;	  /* nobody answers requests any more */
	struct gf_session *next_adopted; /* in the list of host.c */

	/* What there is of C handlers for what Go may have a say in, too */
	void (*base_init)(void *userdata, struct fuse_conn_info *conn);
	void (*base_destroy)(void *userdata);
	void (*base_retrieve_reply)(fuse_req_t req, void *cookie, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv);

	struct fuse_conn_info_opts *conn_opts;
	const struct fuse_conn_info *conn; /* inside se; set by init */
	bool inited;
	bool socket;  /* the fd is a socket, with anybody at its other end */
	bool splice;  /* requests are received by splice */
	bool setxattr_ext; /* SETXATTR comes in its longer form */
	int wake[2];  /* a byte in this pipe ends gf_session_handshake */
	struct gf_pool *pool;
	struct gf_loop *loop;
	struct gf_retrieves *retrieves;
};

struct gf_base { /* C handlers under those of Go */
	const struct fuse_lowlevel_ops *ops;
	size_t size;
	void *userdata;
};

struct gf_session *gf_session_new(int argc, char **argv, uint64_t ops, const struct gf_base *base, uint64_t handle);
int gf_session_mount(struct gf_session *s, const char *mountpoint);
int gf_session_handshake(struct gf_session *s);
void gf_session_cancel_handshake(struct gf_session *s);
int gf_session_fd(const struct gf_session *s);
void gf_session_hang_up(struct gf_session *s);
int gf_session_sever(struct gf_session *s);
void gf_session_destroy(struct gf_session *s);
void gf_session_exit(struct gf_session *s);

/* ---- sessions.c: which session a request is of ---- */

void gf_sessions_add(struct gf_session *s);
void gf_sessions_remove(struct gf_session *s);
struct gf_session *gf_session_by_userdata(void *userdata);
struct gf_session *gf_session_by_se(const struct fuse_session *se);
struct gf_session *gf_session_of(fuse_req_t req);
struct gf_session *gf_session_known(fuse_req_t req);
struct gf_session *gf_session_here(void);
struct gf_session *gf_session_enter(struct gf_session *s);

/* ---- host.c: sessions that a C program runs ---- */

bool gf_session_is_open(const struct gf_session *s);
struct gf_session *gf_host_of(void *userdata);
struct gf_session *gf_hl_host_of(struct fuse *f);
struct gf_session *gf_host_of_se(struct fuse_session *se);
struct gf_session *gf_adopt(struct fuse_session *se, uint64_t handle);
void gf_release(struct gf_session *s);
bool gf_adopted_inited(struct gf_session *s);
void gf_adopted_unblock(struct gf_session *s);

/* ---- start.c: Go in a C program ---- */

bool gf_go_is_lost(void);
void gf_signals_onstack(void);

/* ---- pool.c, loop.c: the two ways to run a session ---- */

int gf_pool_start(struct gf_session *s, int max_threads, int max_idle);
void gf_pool_stop(struct gf_session *s);
int gf_pool_join(struct gf_session *s, int timeout_ms);
void gf_pool_free(struct gf_session *s);
int gf_loop_start(struct gf_session *s, unsigned max_threads, unsigned max_idle);
void gf_loop_stop(struct gf_session *s);
void gf_loop_join(struct gf_session *s);

/* ---- signal.c ---- */

void gf_interrupt_begin(void);
void gf_interrupt(pthread_t thread);
void gf_interrupt_end(void);
int gf_thread_create(pthread_t *thread, void *(*f)(void *), void *arg);

/* ---- receive.c: one request from the fd ---- */

struct gf_input {
	void *block;	  /* what to free */
	struct fuse_buf buf; /* the request */
	void *mem;	  /* in block */
	size_t cap;	  /* room at mem */
	void *pipe_mem;	  /* libfuse's own memory, where it splices */
	bool stream_of_writes;
};

int gf_input_alloc(struct gf_input *in, size_t payload);
void gf_input_free(struct gf_input *in);
int gf_receive(struct gf_session *s, struct gf_input *in);
bool gf_gone(int err);
uint32_t gf_input_client(const struct gf_input *in);
bool gf_check_request(const struct gf_session *s, const void *buf, size_t size);
int gf_refuse_next(struct gf_session *s, struct gf_input *in);
void gf_process(struct gf_session *s, struct gf_input *in);

/* ---- wait.c ---- */

struct gf_wait {
	bool one_core;	   /* there is no other */
	uint32_t client;   /* the thread that sent the last request */
	int streak;	   /* how many before that were its, too, up to STREAK */
	bool found;	   /* there have been requests without waiting, since the last wait */
	bool spins;	   /* one client sends the next request soon */
	int contrary;	   /* how many waits in a row spoke against that */
	int patience;	   /* how many must, for it to be taken so again */
};
void gf_set_blocking(const struct gf_session *s, bool blocking);
int64_t gf_now_ns(void);
void gf_wait_init(struct gf_wait *w, bool one_core);
int gf_wait_poll(const struct gf_session *s, int timeout_ms);
int gf_wait_receive(struct gf_session *s, struct gf_wait *w, struct gf_input *in);

/* ---- ops.c ---- */

/* Bits of a set of operations, besides those of enum gf_op */
#define GF_OPS_INIT (UINT64_C(1) << 62)
#define GF_OPS_DESTROY (UINT64_C(1) << 63)

/* A cookie with this bit is Go's: no address in C has it. */
#define GF_COOKIE_GO ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 1))

void gf_ops_fill(struct fuse_lowlevel_ops *ops, uint64_t mask);
uint64_t gf_ops_of(const struct fuse_lowlevel_ops *ops, size_t size);

int gf_call_go(const struct gf_session *s, struct gf_call *c);

/* ---- hl.c ---- */

bool gf_hl_fill(const void *filler, const char *name, size_t len, const struct gf_stat *st, int64_t off, uint32_t flags);
int gf_hl_groups(int size, uint32_t *list);
int gf_hl_interrupted(void);

/* ---- reply.c ---- */

void gf_answer(const struct gf_session *s, struct gf_call *c, int err);

void *gf_scratch(size_t size);
int gf_reply_err(fuse_req_t req, int err);
int gf_reply_entry(fuse_req_t req, const struct gf_entry *e);
int gf_reply_create(fuse_req_t req, const struct gf_entry *e, const struct gf_file *f);
int gf_reply_attr(fuse_req_t req, const struct gf_stat *st, int64_t timeout);
int gf_reply_open(fuse_req_t req, const struct gf_file *f);
int gf_reply_statfs(fuse_req_t req, const struct gf_statfs *st);
int gf_reply_lock(fuse_req_t req, const struct gf_lock *l);
int gf_reply_statx(fuse_req_t req, void *stx, int64_t timeout);
int gf_reply_data(fuse_req_t req, const struct gf_buf *bufs, size_t n, int flags);
int gf_reply_iov(fuse_req_t req, const struct gf_buf *bufs, size_t n);
int gf_reply_ioctl_iov(fuse_req_t req, int result, const struct gf_buf *bufs, size_t n);
int gf_reply_ioctl_retry(fuse_req_t req, const uint64_t *in, size_t n_in, const uint64_t *out, size_t n_out);
int64_t gf_buf_copy(const struct gf_buf *dst, size_t n_dst, const struct gf_buf *src, size_t n_src, int flags);
#define GF_PIECES 4 /* libfuse makes its bufvecs of one piece */
struct fuse_bufvec *gf_bufvec_copy(const struct gf_buf *bufs, size_t n);
size_t gf_bufvec_get(const struct fuse_bufvec *v, struct gf_buf out[GF_PIECES]);

/* ---- convert.c ---- */

void gf_stat_put(struct stat *to, const struct gf_stat *from);
void gf_stat_get(struct gf_stat *to, const struct stat *from);
double gf_seconds(int64_t ns);
void gf_entry_put(struct fuse_entry_param *to, const struct gf_entry *from);
void gf_entry_get(struct gf_entry *to, const struct fuse_entry_param *from);
struct statvfs;
void gf_statfs_put(struct statvfs *to, const struct gf_statfs *from);
void gf_statfs_get(struct gf_statfs *to, const struct statvfs *from);
void gf_lock_put(struct flock *to, const struct gf_lock *from);
void gf_lock_get(struct gf_lock *to, const struct flock *from);
void gf_file_put_all(struct fuse_file_info *to, const struct gf_file *from);
void gf_file_put(struct fuse_file_info *to, const struct gf_file *from);
void gf_file_get(struct gf_file *to, const struct fuse_file_info *from);
unsigned gf_file_layout(void);

/* ---- request.c ---- */

int gf_req_groups(fuse_req_t req, int size, uint32_t *list);
void gf_req_watch(fuse_req_t req, uint64_t id);
void gf_req_unwatch(fuse_req_t req);
int gf_in_handler(void);
unsigned gf_calls_here(void);
const void *gf_call_here(const struct gf_session *s);

/* ---- notify.c ---- */

int gf_notify_inval_inode(struct gf_session *s, uint64_t ino, int64_t off, int64_t len);
int gf_notify_inval_entry(struct gf_session *s, uint64_t parent, const char *name, size_t len);
int gf_notify_expire_entry(struct gf_session *s, uint64_t parent, const char *name, size_t len);
int gf_notify_delete(struct gf_session *s, uint64_t parent, uint64_t child, const char *name, size_t len);
int gf_notify_resend(struct gf_session *s);
int gf_notify_increment_epoch(struct gf_session *s);
int gf_notify_prune(struct gf_session *s, uint64_t *inos, uint32_t n);
int gf_notify_writev(struct gf_session *s, int code, struct iovec *iov, int n);
int gf_notify_begin(struct gf_session *s);
int gf_notify_end(struct gf_session *s, ssize_t rc);

/* ---- store.c: FUSE_NOTIFY_STORE ---- */

int gf_notify_store(struct gf_session *s, uint64_t ino, int64_t off, void *mem, uint32_t size);
int gf_notify_storev(struct gf_session *s, uint64_t ino, int64_t off, const struct gf_buf *bufs, size_t n);
int gf_notify_store_fd(struct gf_session *s, uint64_t ino, int64_t off, const struct gf_buf *from, uint64_t *done, bool *of_file);

/* ---- retrieve.c: FUSE_NOTIFY_RETRIEVE ---- */

bool gf_retrieve_expected(struct gf_session *s, uint64_t unique);
void gf_retrieves_free(struct gf_session *s);
int gf_notify_retrieve(struct gf_session *s, uint64_t ino, size_t size, off_t off, uint64_t cookie);

/* ---- conn.c ---- */

void gf_conn_init(struct gf_session *s, struct fuse_conn_info *conn);
void gf_conn_get(struct gf_conn *to, const struct fuse_conn_info *conn);
void gf_conn_put(struct fuse_conn_info *conn, const struct gf_conn *from);

/* ---- undo.c ---- */

void gf_undo(const struct gf_session *s, const struct gf_call *c);

/* ---- options.c ---- */

int gf_parse_options(int *argc, char ***argv, void *data, const char *const *templates, const uint64_t *offsets,
		     const int *values, int n);
int gf_parse_cmdline(int *argc, char ***argv, struct gf_cmdline *out);
void gf_free_args(int argc, char **argv);
void gf_print_help(void);
void gf_print_lib_help(void);
void gf_print_version(void);

/* ---- iconv.c ---- */

struct gf_iconv;
int gf_iconv_open(const char *to, const char *from, struct gf_iconv **out);
void gf_iconv_close(struct gf_iconv *c);
int gf_iconv_convert(struct gf_iconv *c, const char *in, size_t inlen, char *out, size_t *outlen);
char *gf_codeset(void);

/* ---- log.c ---- */

struct gf_capture {
	size_t len;
	char text[1024];
};

void gf_log_install(void);
void gf_log_capture(struct gf_capture *c);
void gf_log_to_go(bool on);
int gf_stderr_capture(bool on);
void gf_stderr_guard(void);

#endif
