package cshim

// #include "shim.h"
import "C"

import "unsafe"

// Call is one request: the Go view of struct gf_call. It lives on the stack of a C thread and is valid while
// [Handler.Dispatch] runs.
type Call struct {
	Session           uint64
	Req               Req
	Unique            uint64
	UID, GID          uint32
	PID, Umask        uint32
	Op                uint32
	Reply             uint32
	Ino, Ino2         uint64
	Name, Name2       *byte
	NameLen, Name2Len uint64
	Off, Off2         int64
	Size, Arg         uint64
	Mode, Flags       uint32
	In                unsafe.Pointer
	InLen             uint64
	File, File2       unsafe.Pointer
	PollHandle        PollHandle
	Out               *byte
	OutCap            uint64
	Count             uint64
	Timeout           int64
	After             uint64
	Result            [SizeofEntry]byte
}

// Req is a fuse_req_t, PollHandle a struct fuse_pollhandle: addresses of C memory that Go only carries.
type (
	Req        struct{ p unsafe.Pointer }
	PollHandle struct{ p unsafe.Pointer }
)

// ReqOf and Pointer are between a Req and a fuse_req_t.
func ReqOf(p unsafe.Pointer) Req { return Req{p} }

// Pointer returns the fuse_req_t.
func (r Req) Pointer() unsafe.Pointer { return r.p }

// PollHandleOf makes a PollHandle of a struct fuse_pollhandle *.
func PollHandleOf(p unsafe.Pointer) PollHandle { return PollHandle{p} }

// Pointer returns the struct fuse_pollhandle *.
func (p PollHandle) Pointer() unsafe.Pointer { return p.p }

// IsNil reports whether there is no handle.
func (p PollHandle) IsNil() bool { return p.p == nil }

// Entry, Stat and so on are where a handler's result goes: Call.Result, or the reply functions' argument, as the type
// whose layout SizeofX stands for.
const (
	SizeofStat   = C.sizeof_struct_gf_stat
	SizeofEntry  = C.sizeof_struct_gf_entry
	SizeofFile   = C.sizeof_struct_gf_file
	SizeofStatfs = C.sizeof_struct_gf_statfs
	SizeofLock   = C.sizeof_struct_gf_lock
)

// The two views of a call have the same size, and end alike.
var _ = [1]struct{}{}[unsafe.Sizeof(Call{})-C.sizeof_struct_gf_call]

// Operations, numbered as enum gf_op does on the newest libfuse.
const (
	OpLookup uint32 = iota
	OpForget
	OpGetattr
	OpSetattr
	OpReadlink
	OpMknod
	OpMkdir
	OpUnlink
	OpRmdir
	OpSymlink
	OpRename
	OpLink
	OpOpen
	OpRead
	OpWrite
	OpFlush
	OpRelease
	OpFsync
	OpOpendir
	OpReaddir
	OpReleasedir
	OpFsyncdir
	OpStatfs
	OpSetxattr
	OpGetxattr
	OpListxattr
	OpRemovexattr
	OpAccess
	OpCreate
	OpGetlk
	OpSetlk
	OpBmap
	OpIoctl
	OpPoll
	OpWriteBuf
	OpRetrieveReply
	OpForgetMulti
	OpFlock
	OpFallocate
	OpReaddirplus
	OpCopyFileRange
	OpLseek
	OpTmpfile
	OpStatx
	OpSyncfs
	OpCount
)

// In a set of operations: the handler has something to say to these, too.
const (
	OpsInit    = uint64(C.GF_OPS_INIT)
	OpsDestroy = uint64(C.GF_OPS_DESTROY)
)

// OpsHere is how many of the operations the installed libfuse has: those below it.
const OpsHere = uint32(C.GF_OP_COUNT)

// ReplyDetached as Call.Reply: somebody else answers.
const ReplyDetached = uint32(C.GF_REPLY_DETACHED)

// ConnInfo is the Go view of struct gf_conn.
type ConnInfo struct {
	Capable, Want          uint64
	ProtoMajor, ProtoMinor uint32
	MaxWrite, MaxRead      uint32
	MaxReadahead           uint32
	MaxBackground          uint32
	CongestionThreshold    uint32
	TimeGran               uint32
	MaxBackingStackDepth   uint32
	RequestTimeout         uint32
	NoInterrupt            uint32
	_                      uint32
}

var _ = [1]struct{}{}[unsafe.Sizeof(ConnInfo{})-C.sizeof_struct_gf_conn]
