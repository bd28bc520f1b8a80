package lowlevel

// FileInfo carries what is known of an open file: the counterpart of struct fuse_file_info. What libfuse fills in depends
// on the operation, as noted; other fields are zero.
type FileInfo struct {
	// Fh is the filesystem's own name for the open file. Out: Open, Create, Opendir, Tmpfile. In: everything on
	// that file.
	Fh FileHandle
	// LockOwner is set in Getlk, Setlk, Flock, Flush, Read and Write (mandatory locks), and in Release where FlockRelease is.
	LockOwner LockOwner
	// Flags are the flags of open(2). In: Open, Create, Opendir, Tmpfile, Read, Write, Release, Releasedir.
	Flags int32
	// PollEvents are the events asked for. In: Poll.
	PollEvents uint32
	// BackingID names a backing file for FUSE passthrough; 0: none. Out: Open, Create. Since: libfuse 3.17.
	BackingID int32

	// Writepage says that a Write comes from the page cache: the request's UID, GID and PID are not valid then.
	Writepage bool
	// DirectIO bypasses the page cache for this open file. Out: Open, Create.
	DirectIO bool
	// KeepCache keeps what the page cache holds of the file (or the listing cache of the directory) from before. Out: Open, Create, Opendir.
	KeepCache bool
	// Flush says that the operation stands for a flush too. In: Flush, Release.
	Flush bool
	// Nonseekable makes the file not seekable. Out: Open, Create, Opendir.
	Nonseekable bool
	// FlockRelease says that the flock locks of LockOwner are to be dropped. In: Release.
	FlockRelease bool
	// CacheReaddir lets the kernel cache the listing. Out: Opendir. Without KeepCache the next Opendir drops it. While the directory is being changed, a listing can mix what the kernel has cached
	// with what is new (Linux 6.18): it is for directories that rest.
	CacheReaddir bool
	// Noflush says that no Flush is needed on close. Out: Open, Create.
	Noflush bool
	// ParallelDirectWrites allows several direct writes at a time. Out: Open, Create. Since: libfuse 3.17.
	ParallelDirectWrites bool
	// KillSUIDGID asks to drop the setuid and setgid bits. In: Open, Create, Write. Since: libfuse 3.18.3.
	KillSUIDGID bool
	_           [2]bool
}
