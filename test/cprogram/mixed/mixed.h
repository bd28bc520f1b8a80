/* mixed.h: handlers in C for all operations, which answer as those of package recorder do. */
#ifndef MIXED_H
#define MIXED_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdint.h>

extern const struct fuse_lowlevel_ops mixed_all;   /* answer in C */
extern const struct fuse_lowlevel_ops mixed_adopt; /* have Go answer, on a goroutine */

/* Answers a request of an operation, from this thread or from another one. size is how much room there is, or how much data came. */
void mixed_answer(fuse_req_t req, const char *op, size_t size, uint64_t number);
void mixed_answer_later(fuse_req_t req, const char *op, size_t size, uint64_t number);

/* How many requests handlers in C have been called for, and userdata of the last. */
extern int mixed_called;
extern void *mixed_userdata;

/* What init and destroy have been called with. */
extern void *mixed_init_userdata, *mixed_destroy_userdata;

/* Retrieves in C: sends the notification, and what has come of it. */
int mixed_retrieve(struct fuse_session *se, uint64_t ino, size_t size, int64_t off);
extern char mixed_retrieved[100];

/* Keeps requests of getattr instead of answering them. */
extern int mixed_keep;
extern fuse_req_t mixed_kept;

/* A session of C's alone, on fd: mixed_adopt's handlers, on this thread, until it ends. */
int mixed_serve(int fd);

/* Structs with something in each field that there is, and whether all are as they should be. */
void mixed_file_fill(struct fuse_file_info *fi);
int mixed_file_check(const struct fuse_file_info *fi);
void mixed_entry_fill(struct fuse_entry_param *e);
int mixed_entry_check(const struct fuse_entry_param *e);
void mixed_statvfs_fill(void *st);
int mixed_statvfs_check(const void *st);
void mixed_lock_fill(void *l);
int mixed_lock_check(const void *l);
void mixed_conn_fill(struct fuse_conn_info *conn);
struct fuse_bufvec *mixed_bufvec(int fd);

#endif
