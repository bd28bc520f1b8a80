package highlevel

import (
	"context"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// Types that both layers share.
type (
	Stat         = lowlevel.Stat
	Statfs       = lowlevel.Statfs
	FileInfo     = lowlevel.FileInfo
	FileHandle   = lowlevel.FileHandle
	FileLock     = lowlevel.FileLock
	BufVec       = lowlevel.BufVec
	ConnInfo     = lowlevel.ConnInfo
	PollHandle   = lowlevel.PollHandle
	RenameFlags  = lowlevel.RenameFlags
	XattrFlags   = lowlevel.XattrFlags
	FlockOp      = lowlevel.FlockOp
	IoctlFlags   = lowlevel.IoctlFlags
	Ino          = lowlevel.Ino
	NotifyQueue  = lowlevel.NotifyQueue
	QueueConfig  = lowlevel.QueueConfig
	MountOptions = lowlevel.MountOptions
)

// KeepID as uid or gid of Chown leaves it as it is: (uid_t)-1 in C.
const KeepID = ^uint32(0)

// Operations is a filesystem by paths: struct fuse_operations in C, each member under its C name. All members may be nil.
//
// A path begins with "/", and names a file below the mountpoint; the root is "/". While an operation runs, what its path names is not renamed or removed through the
// mount: who tries waits. Where a file is open, its operations get fi, with what Open has put into fi.Fh; with Config.NullpathOK they get the path "", and
// nobody waits for them.
//
// ctx is the request's: [CallerOf] says who asks, and ctx is cancelled by an interrupt and at the session's end. It is valid until the operation
// returns. Operations run at the same time, on as many threads as the session has.
//
// They return errors as lowlevel's handlers do: an errno, or one that [lowlevel.ToErrno] maps. What is said of nil is what C does for NULL; unless something
// else is said, that is ENOSYS.
type Operations struct {
	// Init is called once, before anything else. What it returns, operations get by PrivateData(ctx).
	//
	//	void *(*init) (struct fuse_conn_info *conn, struct fuse_config *cfg);
	Init func(conn *ConnInfo, cfg *Config) (privateData any)

	// Destroy is called once, after everything else.
	//
	//	void (*destroy) (void *private_data);
	Destroy func(privateData any)

	// Getattr returns the attributes of a file; Stat.Ino counts only with Config.UseIno. fi is nil unless the file is open. It is called
	// after every operation that makes a name, too.
	//
	//	int (*getattr) (const char *, struct stat *, struct fuse_file_info *fi);
	Getattr func(ctx context.Context, path string, fi *FileInfo) (Stat, error)

	// Readlink returns the target of a symbolic link.
	//
	//	int (*readlink) (const char *, char *, size_t);
	Readlink func(ctx context.Context, path string) (string, error)

	// Mknod makes a file that is no directory and no link. Regular files are made by Create, where there is one.
	//
	//	int (*mknod) (const char *, mode_t, dev_t);
	Mknod func(ctx context.Context, path string, mode uint32, rdev uint64) error

	// Mkdir makes a directory.
	//
	//	int (*mkdir) (const char *, mode_t);
	Mkdir func(ctx context.Context, path string, mode uint32) error

	// Unlink removes a name that is no directory. Of an open file it is not called: see Config.HardRemove.
	//
	//	int (*unlink) (const char *);
	Unlink func(ctx context.Context, path string) error

	// Rmdir removes a directory.
	//
	//	int (*rmdir) (const char *);
	Rmdir func(ctx context.Context, path string) error

	// Symlink makes a symbolic link at path.
	//
	//	int (*symlink) (const char *, const char *);
	Symlink func(ctx context.Context, target, path string) error

	// Rename renames. Flags that it does not know it must answer with EINVAL.
	//
	//	int (*rename) (const char *, const char *, unsigned int flags);
	Rename func(ctx context.Context, oldPath, newPath string, flags RenameFlags) error

	// Link makes another name for a file.
	//
	// Nil: ENOSYS; EPERM with newer kernels (6.18 is one).
	//
	//	int (*link) (const char *, const char *);
	Link func(ctx context.Context, oldPath, newPath string) error

	// Chmod changes permission bits. fi is nil unless the file is open; so it is for Chown, Truncate and Utimens.
	//
	//	int (*chmod) (const char *, mode_t, struct fuse_file_info *fi);
	Chmod func(ctx context.Context, path string, mode uint32, fi *FileInfo) error

	// Chown changes the owner, the group or both: KeepID leaves one alone.
	//
	//	int (*chown) (const char *, uid_t, gid_t, struct fuse_file_info *fi);
	Chown func(ctx context.Context, path string, uid, gid uint32, fi *FileInfo) error

	// Truncate changes the size.
	//
	//	int (*truncate) (const char *, off_t, struct fuse_file_info *fi);
	Truncate func(ctx context.Context, path string, size int64, fi *FileInfo) error

	// Open opens a file; it may set fi.Fh, fi.DirectIO, fi.KeepCache and so on.
	//
	// Nil: any file can be opened.
	//
	//	int (*open) (const char *, struct fuse_file_info *);
	Open func(ctx context.Context, path string, fi *FileInfo) error

	// Read fills dst with what is at off, and returns how much: less than len(dst) only at the end of the file. io.EOF may be returned with it.
	//
	// Nil: ReadBuf is used.
	//
	//	int (*read) (const char *, char *, size_t, off_t, struct fuse_file_info *);
	Read func(ctx context.Context, path string, dst []byte, off int64, fi *FileInfo) (int, error)

	// Write writes data, which is borrowed until it returns, and returns how much: all of it, unless there is an error or fi.DirectIO.
	//
	// Nil: WriteBuf is used.
	//
	//	int (*write) (const char *, const char *, size_t, off_t, struct fuse_file_info *);
	Write func(ctx context.Context, path string, data []byte, off int64, fi *FileInfo) (int, error)

	// Statfs describes the filesystem.
	//
	// Nil: names of up to 255 bytes, blocks of 512.
	//
	//	int (*statfs) (const char *, struct statvfs *);
	Statfs func(ctx context.Context, path string) (Statfs, error)

	// Flush is called for each close of a file descriptor, maybe several times for an open file, maybe not at all.
	//
	//	int (*flush) (const char *, struct fuse_file_info *);
	Flush func(ctx context.Context, path string, fi *FileInfo) error

	// Release ends an open file: once for each Open and Create. Its error is seen by nobody.
	//
	// Nil: nothing to do.
	//
	//	int (*release) (const char *, struct fuse_file_info *);
	Release func(ctx context.Context, path string, fi *FileInfo) error

	// Fsync writes a file to where it is kept; with datasync its data only.
	//
	//	int (*fsync) (const char *, int, struct fuse_file_info *);
	Fsync func(ctx context.Context, path string, datasync bool, fi *FileInfo) error

	// Setxattr sets an extended attribute. value is borrowed until it returns.
	//
	//	int (*setxattr) (const char *, const char *, const char *, size_t, int);
	Setxattr func(ctx context.Context, path, name string, value []byte, flags XattrFlags) error

	// Getxattr copies an extended attribute to dst, and returns its size. With an empty dst only that; ERANGE where it does not fit. See lowlevel.XattrValue.
	//
	//	int (*getxattr) (const char *, const char *, char *, size_t);
	Getxattr func(ctx context.Context, path, name string, dst []byte) (int, error)

	// Listxattr is Getxattr for the list of names, each with a NUL behind it.
	//
	//	int (*listxattr) (const char *, char *, size_t);
	Listxattr func(ctx context.Context, path string, dst []byte) (int, error)

	// Removexattr removes an extended attribute.
	//
	//	int (*removexattr) (const char *, const char *);
	Removexattr func(ctx context.Context, path, name string) error

	// Opendir opens a directory; it may set fi.Fh, fi.CacheReaddir and fi.KeepCache.
	//
	// Nil: any directory can be opened.
	//
	//	int (*opendir) (const char *, struct fuse_file_info *);
	Opendir func(ctx context.Context, path string, fi *FileInfo) error

	// Readdir lists a directory by calling fill for each entry, "." and ".." among them, in one of two ways:
	//
	//   - all of it, with 0 as offset: the list is kept until the directory is closed or rewound, and off counts for nothing;
	//   - from the entry that off names on, with the offset of the next entry each time (any number but 0), until fill returns false.
	//
	// Nil: ENOSYS, nothing is listed.
	//
	//	int (*readdir) (const char *, void *, fuse_fill_dir_t, off_t, struct fuse_file_info *, enum fuse_readdir_flags);
	Readdir func(ctx context.Context, path string, fill FillDir, off int64, fi *FileInfo, flags ReaddirFlags) error

	// Releasedir ends an open directory.
	//
	// Nil: nothing to do.
	//
	//	int (*releasedir) (const char *, struct fuse_file_info *);
	Releasedir func(ctx context.Context, path string, fi *FileInfo) error

	// Fsyncdir is Fsync for a directory.
	//
	//	int (*fsyncdir) (const char *, int, struct fuse_file_info *);
	Fsyncdir func(ctx context.Context, path string, datasync bool, fi *FileInfo) error

	// Access checks whether the caller may do what mask (unix.R_OK ...) says. Not called with default_permissions.
	//
	//	int (*access) (const char *, int);
	Access func(ctx context.Context, path string, mask uint32) error

	// Create makes a regular file and opens it.
	//
	// Nil: Mknod and Open are called instead.
	//
	//	int (*create) (const char *, mode_t, struct fuse_file_info *);
	Create func(ctx context.Context, path string, mode uint32, fi *FileInfo) error

	// Lock is fcntl(2)'s F_GETLK, F_SETLK or F_SETLKW, which cmd says, for fi.LockOwner. F_GETLK answers in lock. F_SETLKW may wait, as long as ctx is not cancelled:
	// it takes no thread from other operations.
	//
	// Nil: the kernel does it, for this machine.
	//
	//	int (*lock) (const char *, struct fuse_file_info *, int cmd, struct flock *);
	Lock func(ctx context.Context, path string, fi *FileInfo, cmd int, lock *FileLock) error

	// Utimens sets times. Nsec may be unix.UTIME_NOW or unix.UTIME_OMIT.
	//
	//	int (*utimens) (const char *, const struct timespec tv[2], struct fuse_file_info *fi);
	Utimens func(ctx context.Context, path string, atime, mtime unix.Timespec, fi *FileInfo) error

	// Bmap maps a block of a file to one of the device, for filesystems on one (-o blkdev).
	//
	// Nil: block 0.
	//
	//	int (*bmap) (const char *, size_t blocksize, uint64_t *idx);
	Bmap func(ctx context.Context, path string, blocksize int, idx uint64) (uint64, error)

	// Ioctl is ioctl(2). data has what the caller gives, and takes what it gets, as large as cmd says.
	//
	//	int (*ioctl) (const char *, unsigned int cmd, void *arg, struct fuse_file_info *, unsigned int flags, void *data);
	Ioctl func(ctx context.Context, path string, cmd uint32, arg uint64, fi *FileInfo, flags IoctlFlags, data []byte) (int32, error)

	// Poll returns which of fi.PollEvents are there. ph, if not nil, is to be kept and notified when that changes; a newer one replaces it.
	//
	//	int (*poll) (const char *, struct fuse_file_info *, struct fuse_pollhandle *ph, unsigned *reventsp);
	Poll func(ctx context.Context, path string, fi *FileInfo, ph *PollHandle) (revents uint32, err error)

	// WriteBuf is Write for data that may be in a pipe: see lowlevel.BufCopy. Only if Write is nil.
	//
	//	int (*write_buf) (const char *, struct fuse_bufvec *buf, off_t off, struct fuse_file_info *);
	WriteBuf func(ctx context.Context, path string, buf BufVec, off int64, fi *FileInfo) (int, error)

	// ReadBuf is Read for data that may be in a file: it is spliced if CapSpliceWrite is enabled in Init. Only if Read is nil.
	//
	//	int (*read_buf) (const char *, struct fuse_bufvec **bufp, size_t size, off_t off, struct fuse_file_info *);
	ReadBuf func(ctx context.Context, path string, size int, off int64, fi *FileInfo) (BufVec, error)

	// Flock is flock(2), for fi.LockOwner. Without FlockNonblock it may wait, as Lock may.
	//
	// Nil: the kernel does it, for this machine.
	//
	//	int (*flock) (const char *, struct fuse_file_info *, int op);
	Flock func(ctx context.Context, path string, fi *FileInfo, op FlockOp) error

	// Fallocate is fallocate(2).
	//
	//	int (*fallocate) (const char *, int, off_t, off_t, struct fuse_file_info *);
	Fallocate func(ctx context.Context, path string, mode uint32, off, length int64, fi *FileInfo) error

	// CopyFileRange copies from file to file, and returns how much.
	//
	//	ssize_t (*copy_file_range) (const char *path_in, struct fuse_file_info *fi_in, off_t offset_in, const char *path_out,
	//	                            struct fuse_file_info *fi_out, off_t offset_out, size_t size, int flags);
	CopyFileRange func(ctx context.Context, pathIn string, fiIn *FileInfo, offIn int64, pathOut string, fiOut *FileInfo, offOut int64, size uint64, flags uint32) (uint64, error)

	// Lseek finds data or holes: unix.SEEK_DATA, unix.SEEK_HOLE.
	//
	//	off_t (*lseek) (const char *, off_t off, int whence, struct fuse_file_info *);
	Lseek func(ctx context.Context, path string, off int64, whence int, fi *FileInfo) (int64, error)

	// Statx is Getattr for statx(2), with more attributes.
	//
	// Nil: Getattr is called.
	//
	// Since: libfuse 3.18.
	//
	//	int (*statx) (const char *path, int flags, int mask, struct statx *stxbuf, struct fuse_file_info *fi);
	Statx func(ctx context.Context, path string, flags, mask uint32, fi *FileInfo) (unix.Statx_t, error)

	// Syncfs writes everything to where it is kept.
	//
	// Since: libfuse 3.19.
	//
	//	int (*syncfs) (const char *path);
	Syncfs func(ctx context.Context, path string) error

	// Tmpfile makes a file without a name in directory dir, and opens it. All that is called for it later has the path "". C has no
	// such member.
	//
	// Since: libfuse 3.17.
	Tmpfile func(ctx context.Context, dir string, mode uint32, fi *FileInfo) (Stat, error)
}

// FillDir takes an entry of a listing: fuse_fill_dir_t in C. Of st, which may be nil, the type counts, and Ino with Config.UseIno; with FillDirPlus all of it. It returns false when
// there is no room (then the entry is not taken), or the entry is no good: Readdir must return then.
type FillDir func(name string, st *Stat, off int64, flags FillDirFlags) bool

// FillDirFlags are enum fuse_fill_dir_flags in C.
type FillDirFlags uint32

// FillDirPlus says that st has all attributes (FUSE_FILL_DIR_PLUS). It is for listings with ReaddirPlus.
const FillDirPlus FillDirFlags = 1 << 1

// ReaddirFlags are enum fuse_readdir_flags in C.
type ReaddirFlags uint32

// ReaddirPlus says that the kernel wants all attributes of the entries (FUSE_READDIR_PLUS).
const ReaddirPlus ReaddirFlags = 1 << 0
