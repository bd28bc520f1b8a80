/* convert.c: between libfuse's structs and the ones that Go can read. */
#include "shim.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

void gf_stat_put(struct stat *to, const struct gf_stat *from)
{
	memset(to, 0, sizeof(*to));
	to->st_ino = from->ino;
	to->st_size = from->size;
	to->st_blocks = from->blocks;
	to->st_atim.tv_sec = from->atim[0];
	to->st_atim.tv_nsec = from->atim[1];
	to->st_mtim.tv_sec = from->mtim[0];
	to->st_mtim.tv_nsec = from->mtim[1];
	to->st_ctim.tv_sec = from->ctim[0];
	to->st_ctim.tv_nsec = from->ctim[1];
	to->st_rdev = from->rdev;
	to->st_mode = from->mode;
	to->st_nlink = from->nlink;
	to->st_uid = from->uid;
	to->st_gid = from->gid;
	to->st_blksize = from->blksize;
}

void gf_stat_get(struct gf_stat *to, const struct stat *from)
{
	*to = (struct gf_stat){
		.ino = from->st_ino,
		.size = from->st_size,
		.blocks = from->st_blocks,
		.atim = {from->st_atim.tv_sec, from->st_atim.tv_nsec},
		.mtim = {from->st_mtim.tv_sec, from->st_mtim.tv_nsec},
		.ctim = {from->st_ctim.tv_sec, from->st_ctim.tv_nsec},
		.rdev = from->st_rdev,
		.mode = from->st_mode,
		.nlink = from->st_nlink,
		.uid = from->st_uid,
		.gid = from->st_gid,
		.blksize = from->st_blksize,
	};
}

double gf_seconds(int64_t ns)
{
	return ns <= 0 ? 0 : (double)ns / 1e9;
}

/* For ever is more than a number of nanoseconds can say. */
static int64_t nanoseconds(double s)
{
	if (!(s > 0))
		return 0;
	return s < 9.2e9 ? (int64_t)(s * 1e9) : INT64_MAX;
}

void gf_entry_put(struct fuse_entry_param *to, const struct gf_entry *from)
{
	to->ino = from->ino;
	to->generation = from->generation;
	to->attr_timeout = gf_seconds(from->attr_timeout);
	to->entry_timeout = gf_seconds(from->entry_timeout);
	gf_stat_put(&to->attr, &from->attr);
}

void gf_entry_get(struct gf_entry *to, const struct fuse_entry_param *from)
{
	to->ino = from->ino;
	to->generation = from->generation;
	to->attr_timeout = nanoseconds(from->attr_timeout);
	to->entry_timeout = nanoseconds(from->entry_timeout);
	gf_stat_get(&to->attr, &from->attr);
}

void gf_statfs_put(struct statvfs *to, const struct gf_statfs *from)
{
	memset(to, 0, sizeof(*to));
	to->f_bsize = from->bsize;
	to->f_frsize = from->frsize ? from->frsize : from->bsize;
	to->f_blocks = from->blocks;
	to->f_bfree = from->bfree;
	to->f_bavail = from->bavail;
	to->f_files = from->files;
	to->f_ffree = from->ffree;
	to->f_namemax = from->namemax;
}

void gf_statfs_get(struct gf_statfs *to, const struct statvfs *from)
{
	*to = (struct gf_statfs){
		.bsize = from->f_bsize,
		.frsize = from->f_frsize,
		.blocks = from->f_blocks,
		.bfree = from->f_bfree,
		.bavail = from->f_bavail,
		.files = from->f_files,
		.ffree = from->f_ffree,
		.namemax = from->f_namemax,
	};
}

void gf_lock_put(struct flock *to, const struct gf_lock *from)
{
	memset(to, 0, sizeof(*to));
	to->l_type = from->type;
	to->l_whence = from->whence;
	to->l_start = from->start;
	to->l_len = from->len;
	to->l_pid = from->pid;
}

void gf_lock_get(struct gf_lock *to, const struct flock *from)
{
	*to = (struct gf_lock){
		.type = from->l_type,
		.whence = from->l_whence,
		.pid = from->l_pid,
		.start = from->l_start,
		.len = from->l_len,
	};
}

/* Only what the filesystem may set: the rest stays as libfuse has it. */
void gf_file_put(struct fuse_file_info *to, const struct gf_file *from)
{
	to->fh = from->fh;
	to->direct_io = from->direct_io;
	to->keep_cache = from->keep_cache;
	to->nonseekable = from->nonseekable;
	to->cache_readdir = from->cache_readdir;
	to->noflush = from->noflush;
#if GF_HAVE_PARALLEL_DIRECT_WRITES
	to->parallel_direct_writes = from->parallel_direct_writes;
#endif
#if GF_HAVE_PASSTHROUGH
	to->backing_id = from->backing_id;
#endif
}

/* All of it, as a handler in C would get it. */
void gf_file_put_all(struct fuse_file_info *to, const struct gf_file *from)
{
	memset(to, 0, sizeof(*to));
	gf_file_put(to, from);
	to->lock_owner = from->lock_owner;
	to->flags = from->flags;
	to->poll_events = from->poll_events;
	to->writepage = from->writepage;
	to->flush = from->flush;
	to->flock_release = from->flock_release;
#if GF_HAVE_KILL_SUIDGID
	to->kill_suidgid = from->kill_suidgid;
#endif
}

void gf_file_get(struct gf_file *to, const struct fuse_file_info *from)
{
	*to = (struct gf_file){
		.fh = from->fh,
		.lock_owner = from->lock_owner,
		.flags = from->flags,
		.poll_events = from->poll_events,
		.writepage = from->writepage,
		.direct_io = from->direct_io,
		.keep_cache = from->keep_cache,
		.flush = from->flush,
		.nonseekable = from->nonseekable,
		.flock_release = from->flock_release,
		.cache_readdir = from->cache_readdir,
		.noflush = from->noflush,
#if GF_HAVE_PARALLEL_DIRECT_WRITES
		.parallel_direct_writes = from->parallel_direct_writes,
#endif
#if GF_HAVE_KILL_SUIDGID
		.kill_suidgid = from->kill_suidgid,
#endif
#if GF_HAVE_PASSTHROUGH
		.backing_id = from->backing_id,
#endif
	};
}

/*
 * The bit of the flag word in which this compilation has fi->flush. libfuse 3.14.1 to 3.16.2 have it elsewhere than
 * 3.14.0 and 3.17, under one version number and one soname: only measuring tells.
 */
unsigned gf_file_layout(void)
{
	struct fuse_file_info fi;
	uint32_t word;

	memset(&fi, 0, sizeof(fi));
	fi.flush = 1;
	memcpy(&word, (const char *)&fi + sizeof(fi.flags), sizeof(word));
	return (unsigned)__builtin_ctz(word);
}
