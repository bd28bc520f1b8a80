package lowlevel

import "golang.org/x/sys/unix"

// SetAttr says which attributes [Ops.Setattr] is to change: FUSE_SET_ATTR_* in C.
type SetAttr uint32

// The attributes that the kernel asks to change. Those of C's FUSE_SET_ATTR_* that libfuse never delivers (FORCE, FILE,
// KILL_PRIV, OPEN, TIMES_SET, TOUCH) have no counterpart.
const (
	SetAttrMode     SetAttr = 1 << 0  // FUSE_SET_ATTR_MODE
	SetAttrUID      SetAttr = 1 << 1  // FUSE_SET_ATTR_UID
	SetAttrGID      SetAttr = 1 << 2  // FUSE_SET_ATTR_GID
	SetAttrSize     SetAttr = 1 << 3  // FUSE_SET_ATTR_SIZE
	SetAttrAtime    SetAttr = 1 << 4  // FUSE_SET_ATTR_ATIME
	SetAttrMtime    SetAttr = 1 << 5  // FUSE_SET_ATTR_MTIME
	SetAttrAtimeNow SetAttr = 1 << 7  // FUSE_SET_ATTR_ATIME_NOW: to the current time, together with SetAttrAtime
	SetAttrMtimeNow SetAttr = 1 << 8  // FUSE_SET_ATTR_MTIME_NOW: to the current time, together with SetAttrMtime
	SetAttrCtime    SetAttr = 1 << 10 // FUSE_SET_ATTR_CTIME: sent with CapWritebackCache
	SetAttrKillSUID SetAttr = 1 << 11 // FUSE_SET_ATTR_KILL_SUID: drop setuid and setgid bits (kernel: KILL_SUIDGID)
	SetAttrKillSGID SetAttr = 1 << 12 // FUSE_SET_ATTR_KILL_SGID: no kernel sends it
)

// String returns the C names of the flags.
func (s SetAttr) String() string { return flagString(uint64(s), setAttrNames) }

// RenameFlags are the flags of renameat2(2).
type RenameFlags uint32

const (
	RenameNoreplace RenameFlags = unix.RENAME_NOREPLACE // fail with EEXIST where the target exists
	RenameExchange  RenameFlags = unix.RENAME_EXCHANGE  // exchange two existing entries
	RenameWhiteout  RenameFlags = unix.RENAME_WHITEOUT  // leave a whiteout at the source
)

// String returns the C names of the flags.
func (f RenameFlags) String() string { return flagString(uint64(f), renameNames) }

// XattrFlags are the flags of setxattr(2).
type XattrFlags uint32

const (
	XattrCreate  XattrFlags = unix.XATTR_CREATE  // fail with EEXIST where the attribute exists
	XattrReplace XattrFlags = unix.XATTR_REPLACE // fail with ENODATA where it does not
)

// String returns the C names of the flags.
func (f XattrFlags) String() string { return flagString(uint64(f), xattrNames) }

// FlockOp is the operation of flock(2): FlockShared, FlockExclusive or FlockUnlock, with or without FlockNonblock.
type FlockOp uint32

const (
	FlockShared    FlockOp = unix.LOCK_SH
	FlockExclusive FlockOp = unix.LOCK_EX
	FlockUnlock    FlockOp = unix.LOCK_UN
	FlockNonblock  FlockOp = unix.LOCK_NB // fail with EAGAIN instead of waiting
)

// String returns the C names of the flags.
func (f FlockOp) String() string { return flagString(uint64(f), flockNames) }

// IoctlFlags say how an ioctl came in: FUSE_IOCTL_* in C.
type IoctlFlags uint32

const (
	IoctlCompat       IoctlFlags = 1 << 0 // FUSE_IOCTL_COMPAT: a 32-bit program on a 64-bit kernel
	IoctlUnrestricted IoctlFlags = 1 << 1 // FUSE_IOCTL_UNRESTRICTED: sizes are not those of cmd, retry is allowed (CUSE)
	IoctlRetry        IoctlFlags = 1 << 2 // FUSE_IOCTL_RETRY: a retry with iovecs
	IoctlDir          IoctlFlags = 1 << 4 // FUSE_IOCTL_DIR: the file is a directory
)

// String returns the C names of the flags.
func (f IoctlFlags) String() string { return flagString(uint64(f), ioctlNames) }
