package fusetest

import "fmt"

// Opcode is the number of a FUSE request, enum fuse_opcode in C.
type Opcode uint32

// The requests of the FUSE protocol up to 7.45.
const (
	OpLookup          Opcode = 1
	OpForget          Opcode = 2 // no reply
	OpGetattr         Opcode = 3
	OpSetattr         Opcode = 4
	OpReadlink        Opcode = 5
	OpSymlink         Opcode = 6
	OpMknod           Opcode = 8
	OpMkdir           Opcode = 9
	OpUnlink          Opcode = 10
	OpRmdir           Opcode = 11
	OpRename          Opcode = 12
	OpLink            Opcode = 13
	OpOpen            Opcode = 14
	OpRead            Opcode = 15
	OpWrite           Opcode = 16
	OpStatfs          Opcode = 17
	OpRelease         Opcode = 18
	OpFsync           Opcode = 20
	OpSetxattr        Opcode = 21
	OpGetxattr        Opcode = 22
	OpListxattr       Opcode = 23
	OpRemovexattr     Opcode = 24
	OpFlush           Opcode = 25
	OpInit            Opcode = 26
	OpOpendir         Opcode = 27
	OpReaddir         Opcode = 28
	OpReleasedir      Opcode = 29
	OpFsyncdir        Opcode = 30
	OpGetlk           Opcode = 31
	OpSetlk           Opcode = 32
	OpSetlkw          Opcode = 33
	OpAccess          Opcode = 34
	OpCreate          Opcode = 35
	OpInterrupt       Opcode = 36 // no reply, but for EAGAIN and ENOSYS
	OpBmap            Opcode = 37
	OpDestroy         Opcode = 38
	OpIoctl           Opcode = 39
	OpPoll            Opcode = 40
	OpNotifyReply     Opcode = 41 // no reply
	OpBatchForget     Opcode = 42 // no reply
	OpFallocate       Opcode = 43
	OpReaddirplus     Opcode = 44
	OpRename2         Opcode = 45
	OpLseek           Opcode = 46
	OpCopyFileRange   Opcode = 47
	OpSetupmapping    Opcode = 48 // virtiofs only
	OpRemovemapping   Opcode = 49 // virtiofs only
	OpSyncfs          Opcode = 50
	OpTmpfile         Opcode = 51
	OpStatx           Opcode = 52
	OpCopyFileRange64 Opcode = 53
	OpCuseInit        Opcode = 4096
)

var opcodeNames = map[Opcode]string{
	OpLookup: "LOOKUP", OpForget: "FORGET", OpGetattr: "GETATTR", OpSetattr: "SETATTR", OpReadlink: "READLINK",
	OpSymlink: "SYMLINK", OpMknod: "MKNOD", OpMkdir: "MKDIR", OpUnlink: "UNLINK", OpRmdir: "RMDIR", OpRename: "RENAME",
	OpLink: "LINK", OpOpen: "OPEN", OpRead: "READ", OpWrite: "WRITE", OpStatfs: "STATFS", OpRelease: "RELEASE",
	OpFsync: "FSYNC", OpSetxattr: "SETXATTR", OpGetxattr: "GETXATTR", OpListxattr: "LISTXATTR",
	OpRemovexattr: "REMOVEXATTR", OpFlush: "FLUSH", OpInit: "INIT", OpOpendir: "OPENDIR", OpReaddir: "READDIR",
	OpReleasedir: "RELEASEDIR", OpFsyncdir: "FSYNCDIR", OpGetlk: "GETLK", OpSetlk: "SETLK", OpSetlkw: "SETLKW",
	OpAccess: "ACCESS", OpCreate: "CREATE", OpInterrupt: "INTERRUPT", OpBmap: "BMAP", OpDestroy: "DESTROY",
	OpIoctl: "IOCTL", OpPoll: "POLL", OpNotifyReply: "NOTIFY_REPLY", OpBatchForget: "BATCH_FORGET",
	OpFallocate: "FALLOCATE", OpReaddirplus: "READDIRPLUS", OpRename2: "RENAME2", OpLseek: "LSEEK",
	OpCopyFileRange: "COPY_FILE_RANGE", OpSetupmapping: "SETUPMAPPING", OpRemovemapping: "REMOVEMAPPING",
	OpSyncfs: "SYNCFS", OpTmpfile: "TMPFILE", OpStatx: "STATX", OpCopyFileRange64: "COPY_FILE_RANGE_64",
}

// String returns the C name, such as FUSE_LOOKUP.
func (op Opcode) String() string {
	if op == OpCuseInit {
		return "CUSE_INIT"
	}
	if name, ok := opcodeNames[op]; ok {
		return "FUSE_" + name
	}
	return fmt.Sprintf("FUSE_%d", uint32(op))
}

// HasReply reports whether the kernel waits for an answer to such a request.
func (op Opcode) HasReply() bool {
	switch op {
	case OpForget, OpBatchForget, OpNotifyReply, OpInterrupt:
		return false
	}
	return true
}

// NotifyCode is the kind of a notification, enum fuse_notify_code in C.
type NotifyCode int32

// The notifications of the FUSE protocol up to 7.45.
const (
	NotifyPoll       NotifyCode = 1
	NotifyInvalInode NotifyCode = 2
	NotifyInvalEntry NotifyCode = 3
	NotifyStore      NotifyCode = 4
	NotifyRetrieve   NotifyCode = 5
	NotifyDelete     NotifyCode = 6
	NotifyResend     NotifyCode = 7
	NotifyIncEpoch   NotifyCode = 8
	NotifyPrune      NotifyCode = 9
)

var notifyNames = [...]string{
	"", "POLL", "INVAL_INODE", "INVAL_ENTRY", "STORE", "RETRIEVE", "DELETE", "RESEND", "INC_EPOCH", "PRUNE",
}

// String returns the C name, such as FUSE_NOTIFY_DELETE.
func (c NotifyCode) String() string {
	if c > 0 && int(c) < len(notifyNames) {
		return "FUSE_NOTIFY_" + notifyNames[c]
	}
	return fmt.Sprintf("FUSE_NOTIFY_%d", int32(c))
}

// InitFlags are what kernel and server negotiate in INIT, the FUSE_* flags of the kernel's header (not libfuse's FUSE_CAP_*,
// which number them differently). On the wire they are two fields, flags and flags2.
type InitFlags uint64

// The flags of INIT up to protocol 7.45. InitExt says that bits 32 and up are there.
const (
	InitAsyncRead InitFlags = 1 << iota
	InitPosixLocks
	InitFileOps
	InitAtomicOTrunc
	InitExportSupport
	InitBigWrites
	InitDontMask
	InitSpliceWrite
	InitSpliceMove
	InitSpliceRead
	InitFlockLocks
	InitHasIoctlDir
	InitAutoInvalData
	InitDoReaddirplus
	InitReaddirplusAuto
	InitAsyncDIO
	InitWritebackCache
	InitNoOpenSupport
	InitParallelDirops
	InitHandleKillpriv
	InitPosixACL
	InitAbortError
	InitMaxPages
	InitCacheSymlinks
	InitNoOpendirSupport
	InitExplicitInvalData
	InitMapAlignment
	InitSubmounts
	InitHandleKillprivV2
	InitSetxattrExt
	InitExt
	InitReserved
	InitSecurityCtx
	InitHasInodeDAX
	InitCreateSuppGroup
	InitHasExpireOnly
	InitDirectIOAllowMmap
	InitPassthrough
	InitNoExportSupport
	InitHasResend
	InitAllowIdmap
	InitOverIOUring
	InitRequestTimeout
)

// Flags inside requests.
const (
	GetattrFh           = 1 << 0 // GetattrIn.Flags: Fh is valid
	FattrMode           = 1 << 0 // SetattrIn.Valid: which fields are valid
	FattrUID            = 1 << 1
	FattrGID            = 1 << 2
	FattrSize           = 1 << 3
	FattrAtime          = 1 << 4
	FattrMtime          = 1 << 5
	FattrFh             = 1 << 6
	FattrAtimeNow       = 1 << 7
	FattrMtimeNow       = 1 << 8
	FattrLockowner      = 1 << 9
	FattrCtime          = 1 << 10
	FattrKillSUIDGID    = 1 << 11
	OpenKillSUIDGID     = 1 << 0 // OpenIn.OpenFlags, CreateIn.OpenFlags
	ReadLockowner       = 1 << 1 // ReadIn.ReadFlags: LockOwner is valid
	WriteCache          = 1 << 0 // WriteIn.WriteFlags: from the page cache, Fh is guessed
	WriteLockowner      = 1 << 1 // LockOwner is valid
	WriteKillSUIDGID    = 1 << 2
	ReleaseFlush        = 1 << 0 // ReleaseIn.ReleaseFlags
	ReleaseFlockUnlock  = 1 << 1
	FsyncFdatasync      = 1 << 0 // FsyncIn.FsyncFlags
	LkFlock             = 1 << 0 // LkIn.LkFlags: flock(2), not fcntl(2)
	SetxattrACLKillSGID = 1 << 0 // SetxattrIn.SetxattrFlags
	IoctlCompat         = 1 << 0 // IoctlIn.Flags
	IoctlUnrestricted   = 1 << 1
	IoctlRetry          = 1 << 2
	Ioctl32bit          = 1 << 3
	IoctlDir            = 1 << 4
	IoctlCompatX32      = 1 << 5
	PollScheduleNotify  = 1 << 0 // PollIn.Flags: tell when the file becomes ready
)

// Flags inside replies and notifications.
const (
	FopenDirectIO             = 1 << 0 // OpenOut.OpenFlags
	FopenKeepCache            = 1 << 1
	FopenNonseekable          = 1 << 2
	FopenCacheDir             = 1 << 3
	FopenStream               = 1 << 4
	FopenNoflush              = 1 << 5
	FopenParallelDirectWrites = 1 << 6
	FopenPassthrough          = 1 << 7
	ExpireOnly                = 1 << 0 // InvalEntryOut.Flags: expire, do not invalidate
)
