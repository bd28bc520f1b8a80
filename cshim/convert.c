/* convert.c: between libfuse's structs and the ones that Go can read. */
#include "shim.h"

#include <string.h>
#include <sys/stat.h>

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
