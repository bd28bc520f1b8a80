package lowlevel

import (
	"time"

	"golang.org/x/sys/unix"
)

// Ops is the table of handlers of a filesystem, the counterpart of struct fuse_lowlevel_ops: one field a member, in
// C's order. Fill in what the filesystem implements:
//
//	ops := &lowlevel.Ops{Lookup: fs.lookup, Getattr: fs.getattr, Read: fs.read}
//
// A nil field stays NULL in the C table, so the default that libfuse and the kernel document for it applies. Each
// field's comment says what that default is.
//
// # Replies
//
// A handler replies by returning. A nil error sends the returned values, any other error is sent as an errno (see
// [ToErrno]); a panic is logged with its stack and answered EIO (runtime.Goexit, as in testing.T.FailNow, cannot be caught and ends
// the process). Exactly one reply is sent. A handler that cannot answer
// before it returns calls [Request.Detach] and answers later.
//
// # Concurrency
//
// Handlers run concurrently, on up to Config.MaxThreads threads, unless Config.SingleThread is set. Requests for one
// inode are not ordered among each other, except where the kernel holds a lock (e.g. it sends no two changes of one
// directory at a time).
//
// # Memory
//
// A *Request, *FileInfo, *Stat argument and every []byte or BufVec argument is borrowed: it is valid until the handler
// returns, also when the request is detached. Strings are ordinary Go strings and may be kept.
//
// # Lookup counts
//
// Lookup, Mknod, Mkdir, Symlink, Link, Create and Tmpfile raise the lookup count of the inode they return by one, each
// entry of a Readdirplus reply other than "." and ".." likewise. The inode number must stay valid until Forget has
// brought the count back to zero.
//
// Where the kernel does not take a handler's reply any more (after an abort or [Notifier.Resend]), these lookups do not count, and what was
// opened would never be released: then Forget, Release and Releasedir are called at once, as if the kernel had asked for that. So they are not for a reply that was
// detached: [Reply] returns the error, and it is for you to undo what you did.
type Ops struct {
	// Init is called once, when the kernel has sent its INIT request, before any other handler. It may look at conn
	// and change what is negotiated; conn is valid until Init returns. Options of the command line (-o max_write= and
	// so on) have been applied already.
	//
	//	void (*init) (void *userdata, struct fuse_conn_info *conn);
	Init func(conn *ConnInfo)

	// Destroy is called once, after the last request, on the goroutine that closes the session (or for a fuseblk mount on
	// the thread that reads the kernel's DESTROY). It is not called when Init was not.
	//
	//	void (*destroy) (void *userdata);
	Destroy func()

	// Lookup finds name in directory parent. It raises the lookup count of the inode by one. An EntryParam whose Ino is
	// zero is a negative entry: the kernel remembers for EntryTimeout that there is no such name. Where the filesystem
	// is exported by NFS, name may be "." and "..".
	//
	// Nil: ENOSYS, nothing but the root can be reached.
	//
	//	void (*lookup) (fuse_req_t req, fuse_ino_t parent, const char *name);
	Lookup func(req *Request, parent Ino, name string) (EntryParam, error)

	// Forget lowers the lookup count of ino by nlookup. There is no reply. The kernel sends no forgets when the
	// filesystem is unmounted: Destroy stands for them all.
	//
	// Nil: forgets are dropped.
	//
	//	void (*forget) (fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
	Forget func(req *Request, ino Ino, nlookup uint64)

	// Getattr returns the attributes of ino and for how long the kernel may cache them. fi is nil unless the request
	// came from an open file and the kernel passed its handle on.
	//
	// Nil: ENOSYS.
	//
	//	void (*getattr) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Getattr func(req *Request, ino Ino, fi *FileInfo) (Stat, time.Duration, error)

	// Setattr changes those attributes of ino that toSet names, and returns all of them as they are now. Only the named
	// fields of attr are valid. fi is nil unless the change was made through an open file (ftruncate).
	//
	// Nil: ENOSYS.
	//
	//	void (*setattr) (fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
	Setattr func(req *Request, ino Ino, attr *Stat, toSet SetAttr, fi *FileInfo) (Stat, time.Duration, error)

	// Readlink returns the target of a symbolic link: at most 4095 bytes, without NUL.
	//
	// Nil: ENOSYS.
	//
	//	void (*readlink) (fuse_req_t req, fuse_ino_t ino);
	Readlink func(req *Request, ino Ino) (string, error)

	// Mknod creates a file of the type in mode: regular, device (rdev), FIFO or socket. Unless CapDontMask was wanted,
	// the kernel has applied the caller's umask to mode. It raises the lookup count by one.
	//
	// Nil: ENOSYS.
	//
	//	void (*mknod) (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
	Mknod func(req *Request, parent Ino, name string, mode uint32, rdev uint64) (EntryParam, error)

	// Mkdir creates a directory. mode carries permission bits only. It raises the lookup count by one.
	//
	// Nil: ENOSYS.
	//
	//	void (*mkdir) (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
	Mkdir func(req *Request, parent Ino, name string, mode uint32) (EntryParam, error)

	// Unlink removes a name that is no directory. The inode lives on while its lookup count is not zero.
	//
	// Nil: ENOSYS.
	//
	//	void (*unlink) (fuse_req_t req, fuse_ino_t parent, const char *name);
	Unlink func(req *Request, parent Ino, name string) error

	// Rmdir removes an empty directory.
	//
	// Nil: ENOSYS.
	//
	//	void (*rmdir) (fuse_req_t req, fuse_ino_t parent, const char *name);
	Rmdir func(req *Request, parent Ino, name string) error

	// Symlink creates name as a symbolic link to target. It raises the lookup count by one.
	//
	// Nil: ENOSYS.
	//
	//	void (*symlink) (fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
	Symlink func(req *Request, target string, parent Ino, name string) (EntryParam, error)

	// Rename moves an entry. Without flags an existing target is replaced. A filesystem that does not know a flag
	// returns EINVAL; the kernel has checked that RenameNoreplace and RenameExchange are not given together.
	//
	// Nil: ENOSYS.
	//
	//	void (*rename) (fuse_req_t req, fuse_ino_t parent, const char *name,
	//	                fuse_ino_t newparent, const char *newname, unsigned int flags);
	Rename func(req *Request, parent Ino, name string, newparent Ino, newname string, flags RenameFlags) error

	// Link gives ino another name. It raises the lookup count by one.
	//
	// Nil: ENOSYS; the caller gets EPERM from newer kernels (6.18 is one).
	//
	//	void (*link) (fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);
	Link func(req *Request, ino, newparent Ino, newname string) (EntryParam, error)

	// Open opens a file. fi.Flags holds the flags of open(2) without O_CREAT, O_EXCL and O_NOCTTY. The handler may set
	// fi.Fh, DirectIO, KeepCache, Nonseekable, Noflush, ParallelDirectWrites and BackingID.
	//
	// Nil, or ENOSYS where CapNoOpenSupport was wanted: opening succeeds with Fh 0; after ENOSYS the kernel asks no
	// more and sends no Release either. Then O_TRUNC reaches nobody, unless CapAtomicOTrunc is disabled in Init: with it the kernel leaves truncating to Open.
	//
	//	void (*open) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Open func(req *Request, ino Ino, fi *FileInfo) error

	// Read fills dst with data from off on and returns how many bytes it has put there. dst is as long as the request
	// asks for. Fewer bytes than that mean end of file (unless the file was opened with DirectIO); io.EOF as error is
	// a short read as well, no failure.
	//
	// Nil: ReadBuf is called if set, else ENOSYS.
	//
	//	void (*read) (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
	Read func(req *Request, ino Ino, dst []byte, off int64, fi *FileInfo) (int, error)

	// ReadBuf is Read for data that the filesystem has somewhere already: it returns up to size bytes as memory or as
	// pieces of open files. Where CapSpliceWrite is on, file data is spliced to the kernel without passing through
	// memory. The buffers must stay valid until the handler's reply is sent; [Request.AfterReply] tells when. It is
	// C's read with fuse_reply_data as the reply, used only if Read is nil.
	//
	//	int fuse_reply_data(fuse_req_t req, struct fuse_bufvec *bufv, enum fuse_buf_copy_flags flags);
	ReadBuf func(req *Request, ino Ino, size int, off int64, fi *FileInfo) (BufVec, error)

	// Write writes data at off and returns how many bytes it has written. Fewer than len(data) make a short write(2) for the caller, but
	// are lost where the data comes from the page cache (fi.Writepage): return an error then. data is borrowed. It begins on a page boundary of memory, so that it may be passed to
	// a file opened with O_DIRECT.
	//
	// Nil: ENOSYS. Not called where WriteBuf is set.
	//
	//	void (*write) (fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	//	               struct fuse_file_info *fi);
	Write func(req *Request, ino Ino, data []byte, off int64, fi *FileInfo) (int, error)

	// WriteBuf is Write with the data as a BufVec, which may name a pipe instead of memory: [BufCopy] moves it to a file
	// by splice(2). Setting it turns CapSpliceRead on by default; a thread splices while it gets large writes. buf must be consumed before the handler returns.
	//
	// Nil: Write is called.
	//
	//	void (*write_buf) (fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *bufv, off_t off,
	//	                   struct fuse_file_info *fi);
	WriteBuf func(req *Request, ino Ino, buf BufVec, off int64, fi *FileInfo) (int, error)

	// Flush is called on each close(2) of a descriptor of an open file, so more than once for a file that was dup'ed.
	// Its error is what close returns. fi.LockOwner names whose POSIX locks to drop.
	//
	// Nil, or ENOSYS: success, not asked again.
	//
	//	void (*flush) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Flush func(req *Request, ino Ino, fi *FileInfo) error

	// Release is called once for each Open and Create that was answered, when the last descriptor and mapping are gone.
	// Nobody waits for it, its error is ignored.
	//
	// Nil: success.
	//
	//	void (*release) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Release func(req *Request, ino Ino, fi *FileInfo) error

	// Fsync writes a file's data, and unless datasync is set its metadata, to storage.
	//
	// Nil, or ENOSYS: success, not asked again.
	//
	//	void (*fsync) (fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
	Fsync func(req *Request, ino Ino, datasync bool, fi *FileInfo) error

	// Opendir opens a directory. The handler may set fi.Fh, CacheReaddir, KeepCache and Nonseekable.
	//
	// Nil: success with Fh 0. ENOSYS where CapNoOpendirSupport was wanted: success, listings cached, not asked again.
	//
	//	void (*opendir) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Opendir func(req *Request, ino Ino, fi *FileInfo) error

	// Readdir adds entries to dst, beginning with the one that off names, until Add reports that the buffer is full or
	// there are no more. Nothing added is the end of the directory. off is 0 for the first entry, else the offset that
	// Add was given with the last entry that was sent. "." and ".." may be left out.
	//
	// Nil: ENOSYS.
	//
	//	void (*readdir) (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
	Readdir func(req *Request, ino Ino, dst *DirBuf, off int64, fi *FileInfo) error

	// Releasedir is called once for each Opendir that was answered. Its error is ignored.
	//
	// Nil: success.
	//
	//	void (*releasedir) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
	Releasedir func(req *Request, ino Ino, fi *FileInfo) error

	// Fsyncdir is Fsync for a directory.
	//
	// Nil, or ENOSYS: success, not asked again.
	//
	//	void (*fsyncdir) (fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
	Fsyncdir func(req *Request, ino Ino, datasync bool, fi *FileInfo) error

	// Statfs returns figures about the filesystem. ino is 0 where the kernel did not say.
	//
	// Nil: names of up to 255 bytes, blocks of 512 bytes, everything else zero.
	//
	//	void (*statfs) (fuse_req_t req, fuse_ino_t ino);
	Statfs func(req *Request, ino Ino) (Statfs, error)

	// Setxattr sets an extended attribute. value is borrowed.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	//	void (*setxattr) (fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
	Setxattr func(req *Request, ino Ino, name string, value []byte, flags XattrFlags) error

	// Getxattr puts the value of an extended attribute into dst and returns its length. With an empty dst the length is
	// all that is asked for. A value that does not fit: return its length (answered ERANGE) or ERANGE. No such
	// attribute: ENODATA. [XattrValue] does all this for a value in memory.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	//	void (*getxattr) (fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
	Getxattr func(req *Request, ino Ino, name string, dst []byte) (int, error)

	// Listxattr puts the names of the extended attributes, each ended by a NUL byte, into dst. Sizes as for Getxattr.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	//	void (*listxattr) (fuse_req_t req, fuse_ino_t ino, size_t size);
	Listxattr func(req *Request, ino Ino, dst []byte) (int, error)

	// Removexattr removes an extended attribute. No such attribute: ENODATA.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	//	void (*removexattr) (fuse_req_t req, fuse_ino_t ino, const char *name);
	Removexattr func(req *Request, ino Ino, name string) error

	// Access checks whether the caller may access ino as mask says (R_OK, W_OK, X_OK or F_OK). It is not called where
	// the filesystem is mounted with default_permissions.
	//
	// Nil, or ENOSYS: access is allowed, not asked again.
	//
	//	void (*access) (fuse_req_t req, fuse_ino_t ino, int mask);
	Access func(req *Request, ino Ino, mask uint32) error

	// Create creates a regular file and opens it. fi as for Open; O_EXCL may be set. Unless CapDontMask was wanted, the
	// kernel has applied the caller's umask to mode. It raises the lookup count by one.
	//
	// Nil, or ENOSYS: the kernel calls Mknod and Open instead, from then on.
	//
	//	void (*create) (fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi);
	Create func(req *Request, parent Ino, name string, mode uint32, fi *FileInfo) (EntryParam, error)

	// Getlk tests for a POSIX record lock. The handler leaves lock as it is but for Type = F_UNLCK where the lock could
	// be set, or fills in the lock that stands in the way. fi.LockOwner tells owners apart.
	//
	// Nil (Getlk or Setlk): the kernel keeps POSIX locks itself, local to this mount.
	//
	//	void (*getlk) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock);
	Getlk func(req *Request, ino Ino, fi *FileInfo, lock *FileLock) error

	// Setlk sets or (F_UNLCK) removes a POSIX record lock. With sleep it waits until it can; the wait ends with EINTR
	// when req.Context() is done. Detach such a request, or every thread may end up waiting.
	//
	// Nil: see Getlk.
	//
	//	void (*setlk) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep);
	Setlk func(req *Request, ino Ino, fi *FileInfo, lock *FileLock, sleep bool) error

	// Bmap maps a block of a file to a block of the device. It is asked for only on mounts made with -o blkdev.
	//
	// Nil, or ENOSYS: block 0 for the caller where the mount is not -o blkdev.
	//
	//	void (*bmap) (fuse_req_t req, fuse_ino_t ino, size_t blocksize, uint64_t idx);
	Bmap func(req *Request, ino Ino, blocksize int, idx uint64) (uint64, error)

	// Ioctl carries out an ioctl(2). in holds the data that the command passes in, out is as long as what it passes out,
	// both as encoded in cmd; both are borrowed. arg is the caller's argument as it came. No such command: ENOTTY.
	//
	// Nil, or ENOSYS: ENOTTY.
	//
	//	void (*ioctl) (fuse_req_t req, fuse_ino_t ino, unsigned int cmd, void *arg, struct fuse_file_info *fi,
	//	               unsigned flags, const void *in_buf, size_t in_bufsz, size_t out_bufsz);
	Ioctl func(req *Request, ino Ino, cmd uint32, arg uint64, fi *FileInfo, flags IoctlFlags,
		in, out []byte) (IoctlReply, error)

	// Poll returns which of the events in fi.PollEvents (POLLIN and so on) are there now. ph is nil unless the caller
	// waits: then the handler keeps ph, and calls ph.Notify when that has changed. A newer handle of the same
	// open file replaces the one before, which must be closed.
	//
	// A Go program that opens files of its own mount must not run a filesystem that has Poll: see the package comment.
	//
	// Nil, or ENOSYS: the file is always ready, not asked again.
	//
	//	void (*poll) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph);
	Poll func(req *Request, ino Ino, fi *FileInfo, ph *PollHandle) (revents uint32, err error)

	// RetrieveReply brings what an earlier notify_retrieve asked for. There is no reply. buf must be consumed before the
	// handler returns.
	//
	// Nil: the data is dropped.
	//
	//	void (*retrieve_reply) (fuse_req_t req, void *cookie, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv);
	RetrieveReply func(req *Request, cookie uint64, ino Ino, off int64, buf BufVec)

	// ForgetMulti is Forget for many inodes at once. forgets is borrowed.
	//
	// Nil: Forget is called for each.
	//
	//	void (*forget_multi) (fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
	ForgetMulti func(req *Request, forgets []ForgetData)

	// Flock carries out flock(2). A blocking lock waits as Setlk does.
	//
	// Nil: the kernel keeps flock locks itself, local to this mount.
	//
	//	void (*flock) (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);
	Flock func(req *Request, ino Ino, fi *FileInfo, op FlockOp) error

	// Fallocate allocates, punches out or zeroes a range of a file, as mode (unix.FALLOC_FL_*) says.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	//	void (*fallocate) (fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
	//	                   struct fuse_file_info *fi);
	Fallocate func(req *Request, ino Ino, mode uint32, off, length int64, fi *FileInfo) error

	// Readdirplus is Readdir with the attributes of each entry, as Lookup would return them: it raises the lookup
	// count of every entry it sends but "." and "..". An entry whose Ino is 0 carries no attributes and counts no lookup.
	//
	// Nil: Readdir is used.
	//
	//	void (*readdirplus) (fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
	Readdirplus func(req *Request, ino Ino, dst *DirPlusBuf, off int64, fi *FileInfo) error

	// CopyFileRange copies up to length bytes from one file to another, without the data passing through the kernel.
	// It returns how many it has copied. flags is 0 so far.
	//
	// Nil, or ENOSYS: the kernel copies by reading and writing, not asked again.
	//
	//	void (*copy_file_range) (fuse_req_t req, fuse_ino_t ino_in, off_t off_in, struct fuse_file_info *fi_in,
	//	                         fuse_ino_t ino_out, off_t off_out, struct fuse_file_info *fi_out,
	//	                         size_t len, int flags);
	CopyFileRange func(req *Request, inoIn Ino, offIn int64, fiIn *FileInfo,
		inoOut Ino, offOut int64, fiOut *FileInfo, length uint64, flags uint32) (uint64, error)

	// Lseek finds data or holes: whence is unix.SEEK_DATA or unix.SEEK_HOLE. Nothing there: ENXIO.
	//
	// Nil, or ENOSYS: the kernel takes every file as one piece of data.
	//
	//	void (*lseek) (fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
	Lseek func(req *Request, ino Ino, off int64, whence int, fi *FileInfo) (int64, error)

	// Tmpfile creates a regular file without a name in directory parent, and opens it. It raises the lookup count by one.
	//
	// Nil, or ENOSYS: EOPNOTSUPP, not asked again.
	//
	// Since: libfuse 3.17, FUSE protocol 7.37; never called before.
	//
	//	void (*tmpfile) (fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi);
	Tmpfile func(req *Request, parent Ino, mode uint32, fi *FileInfo) (EntryParam, error)

	// Statx returns the extended attributes of ino, as mask (unix.STATX_*) asks for, and for how long the kernel may
	// cache them. fi is nil unless the request came from an open file.
	//
	// Nil, or ENOSYS: Getattr is called instead.
	//
	// Since: libfuse 3.18, FUSE protocol 7.39; never called before.
	//
	//	void (*statx) (fuse_req_t req, fuse_ino_t ino, int flags, int mask, struct fuse_file_info *fi);
	Statx func(req *Request, ino Ino, flags, mask uint32, fi *FileInfo) (unix.Statx_t, time.Duration, error)

	// Syncfs writes everything that ino's filesystem has in memory to storage. The kernel sends it on fuseblk mounts only.
	//
	// Nil, or ENOSYS: success, not asked again.
	//
	// Since: libfuse 3.19, FUSE protocol 7.34; never called before.
	//
	//	void (*syncfs) (fuse_req_t req, fuse_ino_t ino);
	Syncfs func(req *Request, ino Ino) error
}
