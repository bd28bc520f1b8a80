/* convert.c: structs with something in each field. */
#include "mixed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

void mixed_file_fill(struct fuse_file_info *fi)
{
	memset(fi, 0, sizeof(*fi));
	fi->flags = O_RDWR | O_APPEND;
	fi->writepage = fi->direct_io = fi->keep_cache = fi->flush = fi->nonseekable = fi->flock_release = fi->cache_readdir = fi->noflush = 1;
#if FUSE_VERSION >= 317
	fi->parallel_direct_writes = 1;
	fi->backing_id = 0x01020304;
#endif
	fi->fh = 0x1122334455667788;
	fi->lock_owner = 0x99aabbccddeeff00;
	fi->poll_events = 0x55667788;
}

int mixed_file_check(const struct fuse_file_info *fi)
{
	struct fuse_file_info want;

	mixed_file_fill(&want);
#ifdef GF_HAVE_KILL_SUIDGID
	want.kill_suidgid = 1;
#endif
	return memcmp(fi, &want, sizeof(want)) == 0;
}

static void stat_fill(struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = 0x1122334455667788;
	st->st_mode = S_IFREG | 07777;
	st->st_nlink = 2;
	st->st_uid = 3;
	st->st_gid = 4;
	st->st_rdev = 5;
	st->st_size = 0x66778899aabb;
	st->st_blksize = 7;
	st->st_blocks = 0x8899aabbccdd;
	st->st_atim.tv_sec = -9;
	st->st_atim.tv_nsec = 10;
	st->st_mtim.tv_sec = INT64_C(1) << 40;
	st->st_mtim.tv_nsec = 11;
	st->st_ctim.tv_sec = 12;
	st->st_ctim.tv_nsec = 999999999;
}

void mixed_entry_fill(struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = 0x2233445566778899;
	e->generation = 0x33445566778899aa;
	stat_fill(&e->attr);
	e->attr_timeout = 1.5;
	e->entry_timeout = 1e9; /* for ever is 292 years in Go */
}

int mixed_entry_check(const struct fuse_entry_param *e)
{
	struct fuse_entry_param want;

	mixed_entry_fill(&want);
	return e->ino == want.ino && e->generation == want.generation && e->attr_timeout == want.attr_timeout &&
	       e->entry_timeout == want.entry_timeout && memcmp(&e->attr, &want.attr, sizeof(want.attr)) == 0;
}

void mixed_statvfs_fill(void *p)
{
	struct statvfs *st = p;

	memset(st, 0, sizeof(*st));
	st->f_bsize = 0x100000001;
	st->f_frsize = 0x100000002;
	st->f_blocks = 0x100000003;
	st->f_bfree = 0x100000004;
	st->f_bavail = 0x100000005;
	st->f_files = 0x100000006;
	st->f_ffree = 0x100000007;
	st->f_namemax = 0x100000008;
}

int mixed_statvfs_check(const void *st)
{
	struct statvfs want;

	mixed_statvfs_fill(&want);
	return memcmp(st, &want, sizeof(want)) == 0;
}

void mixed_lock_fill(void *p)
{
	struct flock *l = p;

	memset(l, 0, sizeof(*l));
	l->l_type = F_WRLCK;
	l->l_whence = SEEK_END;
	l->l_start = -0x112233445566;
	l->l_len = 0x223344556677;
	l->l_pid = 0x11223344;
}

int mixed_lock_check(const void *l)
{
	struct flock want;

	mixed_lock_fill(&want);
	return memcmp(l, &want, sizeof(want)) == 0;
}

void mixed_conn_fill(struct fuse_conn_info *conn)
{
	memset(conn, 0, sizeof(*conn));
	conn->proto_major = 7;
	conn->proto_minor = 31;
	conn->max_write = 0x20000;
	conn->max_read = 0x30000;
	conn->max_readahead = 0x40000;
	conn->capable = FUSE_CAP_ASYNC_READ | FUSE_CAP_WRITEBACK_CACHE;
	conn->want = FUSE_CAP_ASYNC_READ;
	conn->max_background = 50;
	conn->congestion_threshold = 60;
	conn->time_gran = 70;
}

/* Some memory and a file, of which a part has been used already. */
struct fuse_bufvec *mixed_bufvec(int fd)
{
	static char memory[] = "used memory";
	struct fuse_bufvec *v = calloc(1, sizeof(*v) + sizeof(struct fuse_buf));

	if (v == NULL)
		abort();
	v->count = 2;
	v->off = 5;
	v->buf[0].mem = memory;
	v->buf[0].size = sizeof(memory) - 1;
	v->buf[1].fd = fd;
	v->buf[1].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	v->buf[1].pos = 3;
	v->buf[1].size = 4;
	return v;
}
