// Package mixed has handlers in C, for tests that mix them with handlers in Go in one session.
package mixed

/*
#cgo pkg-config: fuse3
#cgo CFLAGS: -D_GNU_SOURCE -std=gnu11
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <fcntl.h>
#include "mixed.h"
*/
import "C"

import (
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Table is the table of C handlers, with a userdata.
func Table(userdata unsafe.Pointer) lowlevel.COps {
	return lowlevel.COps{Ops: unsafe.Pointer(&C.mixed_all), Size: C.sizeof_struct_fuse_lowlevel_ops, Userdata: userdata}
}

// Adopting is the table of C handlers that leave the answer to Go.
func Adopting(userdata unsafe.Pointer) lowlevel.COps {
	return lowlevel.COps{Ops: unsafe.Pointer(&C.mixed_adopt), Size: C.sizeof_struct_fuse_lowlevel_ops, Userdata: userdata}
}

// SizeUpToLookup is the size of a table that ends with lookup.
const SizeUpToLookup = 3 * unsafe.Sizeof(uintptr(0))

// Userdata is memory of C's.
func Userdata() unsafe.Pointer { return C.malloc(8) }

// Answer has C answer, later on another thread if that is asked for.
func Answer(req unsafe.Pointer, op string, size int, number uint64, later bool) {
	name := C.CString(op)
	defer C.free(unsafe.Pointer(name))
	if later {
		C.mixed_answer_later(C.fuse_req_t(req), name, C.size_t(size), C.uint64_t(number))
		return
	}
	C.mixed_answer(C.fuse_req_t(req), name, C.size_t(size), C.uint64_t(number))
}

// Called returns how many requests handlers in C were called for since the last time, and the userdata of the last.
func Called() (int, unsafe.Pointer) {
	n := C.mixed_called
	C.mixed_called = 0
	return int(n), C.mixed_userdata
}

// InitAndDestroy returns what C's init and destroy have got, and forgets it.
func InitAndDestroy() (init, destroy unsafe.Pointer) {
	init, destroy = C.mixed_init_userdata, C.mixed_destroy_userdata
	C.mixed_init_userdata, C.mixed_destroy_userdata = nil, nil
	return init, destroy
}

// Retrieve has C retrieve, Retrieved returns what has come of it.
func Retrieve(se unsafe.Pointer, ino uint64, size int, off int64) int {
	return int(C.mixed_retrieve((*C.struct_fuse_session)(se), C.uint64_t(ino), C.size_t(size), C.int64_t(off)))
}

// Retrieved returns what C has retrieved.
func Retrieved() string { return C.GoString(&C.mixed_retrieved[0]) }

// Keep has the next getattr kept in C.
func Keep(on bool) {
	C.mixed_keep = 0
	if on {
		C.mixed_keep = 1
	}
}

// Kept returns it.
func Kept() unsafe.Pointer { return unsafe.Pointer(C.mixed_kept) }

// Serve serves a session of C's alone.
func Serve(fd int) int { return int(C.mixed_serve(C.int(fd))) }

// OnAdopt gets the requests of Adopting.
var OnAdopt func(req unsafe.Pointer, op string)

//export mixedAdopt
func mixedAdopt(req C.fuse_req_t, op *C.char) { OnAdopt(unsafe.Pointer(req), C.GoString(op)) }

// A Struct is one that C fills and checks.
type Struct struct {
	Size  uintptr
	Fill  func(p unsafe.Pointer)
	Check func(p unsafe.Pointer) bool
}

// The structs.
var (
	File = Struct{
		C.sizeof_struct_fuse_file_info, func(p unsafe.Pointer) { C.mixed_file_fill((*C.struct_fuse_file_info)(p)) },
		func(p unsafe.Pointer) bool { return C.mixed_file_check((*C.struct_fuse_file_info)(p)) != 0 },
	}
	Entry = Struct{
		C.sizeof_struct_fuse_entry_param, func(p unsafe.Pointer) { C.mixed_entry_fill((*C.struct_fuse_entry_param)(p)) },
		func(p unsafe.Pointer) bool { return C.mixed_entry_check((*C.struct_fuse_entry_param)(p)) != 0 },
	}
	Statfs = Struct{
		C.sizeof_struct_statvfs, func(p unsafe.Pointer) { C.mixed_statvfs_fill(p) },
		func(p unsafe.Pointer) bool { return C.mixed_statvfs_check(p) != 0 },
	}
	Lock = Struct{
		C.sizeof_struct_flock, func(p unsafe.Pointer) { C.mixed_lock_fill(p) },
		func(p unsafe.Pointer) bool { return C.mixed_lock_check(p) != 0 },
	}
)

// Alloc returns memory of C's.
func Alloc(size uintptr) unsafe.Pointer { return C.calloc(1, C.size_t(size)) }

// Free frees it.
func Free(p unsafe.Pointer) { C.free(p) }

// AttrOf is the struct stat in a struct fuse_entry_param.
func AttrOf(e unsafe.Pointer) unsafe.Pointer {
	return unsafe.Pointer(&(*C.struct_fuse_entry_param)(e).attr)
}

// Conn is a struct fuse_conn_info.
func Conn() unsafe.Pointer {
	p := (*C.struct_fuse_conn_info)(C.calloc(1, C.sizeof_struct_fuse_conn_info))
	C.mixed_conn_fill(p)
	return unsafe.Pointer(p)
}

// ConnFields returns what can be changed in it.
func ConnFields(p unsafe.Pointer) (maxWrite, maxReadahead, maxBackground, timeGran uint32) {
	c := (*C.struct_fuse_conn_info)(p)
	return uint32(c.max_write), uint32(c.max_readahead), uint32(c.max_background), uint32(c.time_gran)
}

// BufVec is a struct fuse_bufvec, of memory and of a file, of which a part has been used.
func BufVec(fd int) unsafe.Pointer { return unsafe.Pointer(C.mixed_bufvec(C.int(fd))) }
