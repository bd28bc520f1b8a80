package cshim

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"unsafe"
)

// The replies to a request that was detached. Each frees the request, also when it fails: after that, req is gone. The
// pointers are to Go values with the layout of the C struct that is named.

func (r Req) c() C.fuse_req_t { return C.fuse_req_t(r.p) }

// Err replies with an errno, 0 for success. Beyond 511 the kernel would take no reply: it becomes EIO.
func (r Req) Err(e int32) error { return errno(C.gf_reply_err(r.c(), C.int(e))) }

// None frees the request without a reply.
func (r Req) None() { C.fuse_reply_none(r.c()) }

// Entry takes a struct gf_entry.
func (r Req) Entry(e unsafe.Pointer) error {
	return errno(C.gf_reply_entry(r.c(), (*C.struct_gf_entry)(e)))
}

// Create takes a struct gf_entry and a struct gf_file.
func (r Req) Create(e, f unsafe.Pointer) error {
	return errno(C.gf_reply_create(r.c(), (*C.struct_gf_entry)(e), (*C.struct_gf_file)(f)))
}

// Attr takes a struct gf_stat.
func (r Req) Attr(st unsafe.Pointer, timeout int64) error {
	return errno(C.gf_reply_attr(r.c(), (*C.struct_gf_stat)(st), C.int64_t(timeout)))
}

// Open takes a struct gf_file.
func (r Req) Open(f unsafe.Pointer) error {
	return errno(C.gf_reply_open(r.c(), (*C.struct_gf_file)(f)))
}

// Statfs takes a struct gf_statfs.
func (r Req) Statfs(st unsafe.Pointer) error {
	return errno(C.gf_reply_statfs(r.c(), (*C.struct_gf_statfs)(st)))
}

// Lock takes a struct gf_lock.
func (r Req) Lock(l unsafe.Pointer) error {
	return errno(C.gf_reply_lock(r.c(), (*C.struct_gf_lock)(l)))
}

// Statx takes a struct statx.
func (r Req) Statx(stx unsafe.Pointer, timeout int64) error {
	return errno(C.gf_reply_statx(r.c(), stx, C.int64_t(timeout)))
}

// Readlink replies with a string, which must not contain NUL.
func (r Req) Readlink(target string) error {
	p := C.CString(target)
	defer C.free(unsafe.Pointer(p))
	return errno(C.fuse_reply_readlink(r.c(), p))
}

// Buf replies with data.
func (r Req) Buf(p []byte) error {
	return errno(C.fuse_reply_buf(r.c(), (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.size_t(len(p))))
}

func (r Req) Write(n uint64) error { return errno(C.fuse_reply_write(r.c(), C.size_t(n))) }

// Xattr replies with the size of an attribute.
func (r Req) Xattr(n uint64) error { return errno(C.fuse_reply_xattr(r.c(), C.size_t(n))) }

// Bmap replies with a block.
func (r Req) Bmap(idx uint64) error { return errno(C.fuse_reply_bmap(r.c(), C.uint64_t(idx))) }

// Poll replies with events.
func (r Req) Poll(revents uint32) error { return errno(C.fuse_reply_poll(r.c(), C.uint(revents))) }

// Lseek replies with an offset.
func (r Req) Lseek(off int64) error { return errno(C.fuse_reply_lseek(r.c(), C.off_t(off))) }

// Ioctl replies with a result and data.
func (r Req) Ioctl(result int32, p []byte) error {
	return errno(C.fuse_reply_ioctl(r.c(), C.int(result), unsafe.Pointer(unsafe.SliceData(p)), C.size_t(len(p))))
}

// Buf is the Go view of struct gf_buf. Mem nil: FD.
type Buf struct {
	Mem   unsafe.Pointer
	Size  uint64
	Pos   int64
	FD    int32
	Flags uint32
}

var _ = [1]struct{}{}[unsafe.Sizeof(Buf{})-C.sizeof_struct_gf_buf]

// Flags of Buf.
const BufIsFD = uint32(C.FUSE_BUF_IS_FD)

// pinned returns bufs for C, with their memory held in place until free is called: cgo allows no Go pointer inside memory
// that it is given unless it is pinned.
func pinned(bufs []Buf) (*C.struct_gf_buf, C.size_t, func()) {
	var p runtime.Pinner
	for i := range bufs {
		if bufs[i].Mem != nil {
			p.Pin(bufs[i].Mem)
		}
	}
	return (*C.struct_gf_buf)(unsafe.Pointer(unsafe.SliceData(bufs))), C.size_t(len(bufs)), p.Unpin
}

// Data replies with pieces of memory and files.
func (r Req) Data(bufs []Buf, flags uint32) error {
	p, n, free := pinned(bufs)
	defer free()
	return errno(C.gf_reply_data(r.c(), p, n, C.int(flags)))
}

// Iov replies with pieces of memory.
func (r Req) Iov(bufs []Buf) error {
	p, n, free := pinned(bufs)
	defer free()
	return errno(C.gf_reply_iov(r.c(), p, n))
}

// IoctlIov replies with a result and pieces of memory.
func (r Req) IoctlIov(result int32, bufs []Buf) error {
	p, n, free := pinned(bufs)
	defer free()
	return errno(C.gf_reply_ioctl_iov(r.c(), C.int(result), p, n))
}

// IoctlRetry takes pairs of address and length.
func (r Req) IoctlRetry(in, out []uint64) error {
	pairs := func(v []uint64) (*C.uint64_t, C.size_t) {
		return (*C.uint64_t)(unsafe.SliceData(v)), C.size_t(len(v) / 2)
	}
	pi, ni := pairs(in)
	po, no := pairs(out)
	return errno(C.gf_reply_ioctl_retry(r.c(), pi, ni, po, no))
}

// BufCopy moves data and returns how much.
func BufCopy(dst, src []Buf, flags uint32) (int64, error) {
	pd, nd, freeDst := pinned(dst)
	defer freeDst()
	ps, ns, freeSrc := pinned(src)
	defer freeSrc()
	n := C.gf_buf_copy(pd, nd, ps, ns, C.int(flags))
	if n < 0 {
		return 0, errno(C.int(n))
	}
	return int64(n), nil
}

// Groups puts the caller's supplementary groups into list, and returns how many there are.
func (r Req) Groups(list []uint32) (int, error) {
	n := C.gf_req_groups(r.c(), C.int(len(list)), (*C.uint32_t)(unsafe.SliceData(list)))
	return int(n), errno(n)
}

// Interrupted tells whether the kernel has interrupted the request.
func (r Req) Interrupted() bool { return C.fuse_req_interrupted(r.c()) != 0 }

// Watch has Handler.Interrupted(id) called on an interrupt; right away, if there was one.
func (r Req) Watch(id uint64) { C.gf_req_watch(r.c(), C.uint64_t(id)) }

// Unwatch ends Watch; it waits for a running call.
func (r Req) Unwatch() { C.gf_req_unwatch(r.c()) }

// Notify wakes who polls.
func (p PollHandle) Notify() error {
	return errno(C.fuse_lowlevel_notify_poll((*C.struct_fuse_pollhandle)(p.p)))
}

// Destroy frees the handle.
func (p PollHandle) Destroy() {
	C.fuse_pollhandle_destroy((*C.struct_fuse_pollhandle)(p.p))
}
