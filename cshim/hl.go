package cshim

// #include "shim.h"
import "C"

import "unsafe"

// Members of struct fuse_operations in Go, for C programs: see hl.c. Their calls use the same [Call], with paths as names.

// Operations by paths, as enum gf_hl_op has them.
const (
	HLInit uint32 = iota + C.GF_HL_BEFORE + 1
	HLGetattr
	HLReadlink
	HLMknod
	HLMkdir
	HLUnlink
	HLRmdir
	HLSymlink
	HLRename
	HLLink
	HLChmod
	HLChown
	HLTruncate
	HLOpen
	HLRead
	HLWrite
	HLStatfs
	HLFlush
	HLRelease
	HLFsync
	HLSetxattr
	HLGetxattr
	HLListxattr
	HLRemovexattr
	HLOpendir
	HLReaddir
	HLReleasedir
	HLFsyncdir
	HLAccess
	HLCreate
	HLLock
	HLUtimens
	HLBmap
	HLIoctl
	HLPoll
	HLWriteBuf
	HLReadBuf
	HLFlock
	HLFallocate
	HLCopyFileRange
	HLLseek
	HLStatx
	HLSyncfs
	HLEnd
)

var _ = [1]struct{}{}[HLEnd-C.GF_HL_END]

// FuseConfig is the Go view of struct gf_config.
type FuseConfig struct {
	SetGID, SetUID, SetMode, Remember, HardRemove, UseIno, ReaddirIno, DirectIO, KernelCache, AutoCache,
	NoRofdFlush, ACAttrTimeoutSet, NullpathOK, ParallelDirectWrites int32
	GID, UID, Umask, Fmask, Dmask, _                          uint32
	EntryTimeout, NegativeTimeout, AttrTimeout, ACAttrTimeout float64
}

var _ = [1]struct{}{}[unsafe.Sizeof(FuseConfig{})-C.sizeof_struct_gf_config]

// Fill takes an entry of a listing: filler is Call.In, st nil or a struct gf_stat. False: there is no room.
func Fill(filler unsafe.Pointer, name string, st unsafe.Pointer, off int64, flags uint32) bool {
	p, n := chars(name)
	return bool(C.gf_hl_fill(filler, p, n, (*C.struct_gf_stat)(st), C.int64_t(off), C.uint32_t(flags)))
}

// HLGroups is fuse_getgroups: Req.Groups for an operation that this thread is in.
func HLGroups(list []uint32) (int, error) {
	n := C.gf_hl_groups(C.int(len(list)), (*C.uint32_t)(unsafe.SliceData(list)))
	return int(n), errno(n)
}

// HLInterrupted is fuse_interrupted.
func HLInterrupted() bool { return C.gf_hl_interrupted() != 0 }

// BufsFromC returns the pieces of a struct fuse_bufvec that are left.
func BufsFromC(v unsafe.Pointer) []Buf {
	pieces := make([]Buf, C.GF_PIECES)
	n := C.gf_bufvec_get((*C.struct_fuse_bufvec)(v), (*C.struct_gf_buf)(unsafe.Pointer(&pieces[0])))
	return pieces[:n]
}

// BufsToC returns a struct fuse_bufvec on C's heap, with its memory there, too; nil: out of memory.
func BufsToC(bufs []Buf) unsafe.Pointer {
	p, n, free := pinned(bufs)
	defer free()
	return unsafe.Pointer(C.gf_bufvec_copy(p, n))
}

// ConnFromC and ConnToC convert a struct fuse_conn_info.
func ConnFromC(to *ConnInfo, from unsafe.Pointer) {
	C.gf_conn_get((*C.struct_gf_conn)(unsafe.Pointer(to)), (*C.struct_fuse_conn_info)(from))
}

func ConnToC(to unsafe.Pointer, from *ConnInfo) {
	C.gf_conn_put((*C.struct_fuse_conn_info)(to), (*C.struct_gf_conn)(unsafe.Pointer(from)))
}
