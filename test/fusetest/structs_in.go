package fusetest

// This file: the structs at the head of requests, field for field as in the kernel's fuse.h. Fields named Padding,
// Dummy or Unused can be set to see that a server ignores them.

// GetattrIn is struct fuse_getattr_in.
type GetattrIn struct {
	Flags uint32 // GetattrFh
	Dummy uint32
	Fh    uint64
}

// SetattrIn is struct fuse_setattr_in.
type SetattrIn struct {
	Valid     uint32 // FattrMode and so on
	Padding   uint32
	Fh        uint64
	Size      uint64
	LockOwner uint64
	Atime     uint64
	Mtime     uint64
	Ctime     uint64
	AtimeNsec uint32
	MtimeNsec uint32
	CtimeNsec uint32
	Mode      uint32
	Unused4   uint32
	UID       uint32
	GID       uint32
	Unused5   uint32
}

// MknodIn is struct fuse_mknod_in.
type MknodIn struct {
	Mode    uint32
	Rdev    uint32
	Umask   uint32
	Padding uint32
}

// MkdirIn is struct fuse_mkdir_in.
type MkdirIn struct {
	Mode  uint32
	Umask uint32
}

// Rename2In is struct fuse_rename2_in.
type Rename2In struct {
	Newdir  uint64
	Flags   uint32
	Padding uint32
}

// OpenIn is struct fuse_open_in, for OPEN and OPENDIR.
type OpenIn struct {
	Flags     uint32 // of open(2)
	OpenFlags uint32 // OpenKillSUIDGID
}

// CreateIn is struct fuse_create_in, for CREATE and TMPFILE.
type CreateIn struct {
	Flags     uint32 // of open(2)
	Mode      uint32
	Umask     uint32
	OpenFlags uint32 // OpenKillSUIDGID
}

// ReadIn is struct fuse_read_in, for READ, READDIR and READDIRPLUS.
type ReadIn struct {
	Fh        uint64
	Offset    uint64
	Size      uint32
	ReadFlags uint32 // ReadLockowner
	LockOwner uint64
	Flags     uint32 // of the open file
	Padding   uint32
}

// WriteIn is struct fuse_write_in.
type WriteIn struct {
	Fh         uint64
	Offset     uint64
	Size       uint32 // [Write] fills it in where it is 0
	WriteFlags uint32 // WriteCache and so on
	LockOwner  uint64
	Flags      uint32 // of the open file
	Padding    uint32
}

// ReleaseIn is struct fuse_release_in, for RELEASE and RELEASEDIR.
type ReleaseIn struct {
	Fh           uint64
	Flags        uint32
	ReleaseFlags uint32 // ReleaseFlush, ReleaseFlockUnlock
	LockOwner    uint64
}

// FsyncIn is struct fuse_fsync_in, for FSYNC and FSYNCDIR.
type FsyncIn struct {
	Fh         uint64
	FsyncFlags uint32 // FsyncFdatasync
	Padding    uint32
}

// SetxattrIn is struct fuse_setxattr_in. On the wire SetxattrFlags and Padding are there only with InitSetxattrExt.
type SetxattrIn struct {
	Size          uint32 // [Setxattr] fills it in where it is 0
	Flags         uint32 // of setxattr(2)
	SetxattrFlags uint32 // SetxattrACLKillSGID
	Padding       uint32
}

// GetxattrIn is struct fuse_getxattr_in, for GETXATTR and LISTXATTR.
type GetxattrIn struct {
	Size    uint32 // 0 asks for the size
	Padding uint32
}

// FlushIn is struct fuse_flush_in.
type FlushIn struct {
	Fh        uint64
	Unused    uint32
	Padding   uint32
	LockOwner uint64
}

// FileLock is struct fuse_file_lock.
type FileLock struct {
	Start uint64
	End   uint64 // inclusive; math.MaxInt64 is the end of the file
	Type  uint32 // unix.F_RDLCK and so on
	PID   uint32
}

// LkIn is struct fuse_lk_in, for GETLK, SETLK and SETLKW.
type LkIn struct {
	Fh      uint64
	Owner   uint64
	Lk      FileLock
	LkFlags uint32 // LkFlock
	Padding uint32
}

// AccessIn is struct fuse_access_in.
type AccessIn struct {
	Mask    uint32
	Padding uint32
}

// BmapIn is struct fuse_bmap_in.
type BmapIn struct {
	Block     uint64
	Blocksize uint32
	Padding   uint32
}

// IoctlIn is struct fuse_ioctl_in.
type IoctlIn struct {
	Fh      uint64
	Flags   uint32 // IoctlDir and so on
	Cmd     uint32
	Arg     uint64
	InSize  uint32 // [Ioctl] fills it in where it is 0
	OutSize uint32
}

// PollIn is struct fuse_poll_in.
type PollIn struct {
	Fh     uint64
	Kh     uint64 // the kernel's name for who waits
	Flags  uint32 // PollScheduleNotify
	Events uint32 // unix.POLLIN and so on
}

// NotifyRetrieveIn is struct fuse_notify_retrieve_in, for NOTIFY_REPLY.
type NotifyRetrieveIn struct {
	Dummy1 uint64
	Offset uint64
	Size   uint32 // [NotifyReply] fills it in where it is 0
	Dummy2 uint32
	Dummy3 uint64
	Dummy4 uint64
}

// ForgetOne is struct fuse_forget_one, an item of BATCH_FORGET.
type ForgetOne struct {
	NodeID  uint64
	Nlookup uint64
}

// BatchForgetIn is struct fuse_batch_forget_in.
type BatchForgetIn struct {
	Count uint32
	Dummy uint32
}

// FallocateIn is struct fuse_fallocate_in.
type FallocateIn struct {
	Fh      uint64
	Offset  uint64
	Length  uint64
	Mode    uint32 // unix.FALLOC_FL_*
	Padding uint32
}

// LseekIn is struct fuse_lseek_in.
type LseekIn struct {
	Fh      uint64
	Offset  uint64
	Whence  uint32
	Padding uint32
}

// CopyFileRangeIn is struct fuse_copy_file_range_in.
type CopyFileRangeIn struct {
	FhIn      uint64
	OffIn     uint64
	NodeIDOut uint64
	FhOut     uint64
	OffOut    uint64
	Len       uint64
	Flags     uint64
}

// StatxIn is struct fuse_statx_in.
type StatxIn struct {
	GetattrFlags uint32 // GetattrFh
	Reserved     uint32
	Fh           uint64
	SxFlags      uint32 // unix.AT_STATX_*
	SxMask       uint32 // unix.STATX_*
}
