package cshim

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"syscall"
	"unsafe"
)

// Session is a struct gf_session: a struct fuse_session with what serves it.
type Session struct {
	c  *C.struct_gf_session
	id uint64
}

// argv returns args as C has them, and how to free it.
func argv(args []string) (C.int, **C.char, func()) {
	p := C.calloc(C.size_t(len(args)+1), C.size_t(unsafe.Sizeof(uintptr(0)))) // zeroed: a write barrier reads what was there
	list := unsafe.Slice((**C.char)(p), len(args)+1)
	for i, a := range args {
		list[i] = C.CString(a)
	}
	list[len(args)] = nil
	return C.int(len(args)), (**C.char)(p), func() {
		for _, a := range list[:len(args)] {
			C.free(unsafe.Pointer(a))
		}
		C.free(p)
	}
}

// Base is C handlers under those of Go: a struct fuse_lowlevel_ops, its size, and what fuse_req_userdata returns to them.
type Base struct {
	Ops      unsafe.Pointer
	Size     uintptr
	Userdata unsafe.Pointer
}

// OpsOf returns the operations that a struct fuse_lowlevel_ops of that size has, as a set.
func OpsOf(ops unsafe.Pointer, size uintptr) uint64 {
	return uint64(C.gf_ops_of((*C.struct_fuse_lowlevel_ops)(ops), C.size_t(size)))
}

// NewSession makes a session whose requests of the operations in the set ops go to h, others to base. On failure it returns nil and
// what libfuse says.
func NewSession(args []string, ops uint64, base Base, h Handler) (*Session, string) {
	argc, cargs, free := argv(args)
	defer free()
	id := register(h)
	cbase := C.struct_gf_base{
		ops:      (*C.struct_fuse_lowlevel_ops)(base.Ops),
		size:     C.size_t(base.Size),
		userdata: base.Userdata,
	}
	var s *C.struct_gf_session
	said := captured(func() { s = C.gf_session_new(argc, cargs, C.uint64_t(ops), &cbase, C.uint64_t(id)) })
	if s == nil {
		unregister(id)
		return nil, said
	}
	return &Session{c: s, id: id}, ""
}

// errno turns a negative errno into an error.
func errno(rc C.int) error {
	if rc < 0 {
		return syscall.Errno(-rc)
	}
	return nil
}

// Mount mounts at dir. On failure it returns false, and what libfuse says.
func (s *Session) Mount(dir string) (ok bool, said string) {
	p := C.CString(dir)
	defer C.free(unsafe.Pointer(p))
	var rc C.int
	said = captured(func() { rc = C.gf_session_mount(s.c, p) })
	return rc == 0, said
}

// Handshake serves until INIT is done. EPROTO: the two sides do not agree. ECANCELED: cancelled. ENOTCONN: the
// other side is gone.
func (s *Session) Handshake() error { return errno(C.gf_session_handshake(s.c)) }

// CancelHandshake ends Handshake.
func (s *Session) CancelHandshake() { C.gf_session_cancel_handshake(s.c) }

// FD returns the session's fd, or -1.
func (s *Session) FD() int { return int(C.gf_session_fd(s.c)) }

// Exit sets libfuse's exit flag.
func (s *Session) Exit() { C.gf_session_exit(s.c) }

// HangUp ends what waits for the peer of a socket. For /dev/fuse it does nothing.
func (s *Session) HangUp() { C.gf_session_hang_up(s.c) }

// Sever closes the fd, without an unmount. No thread may use the session meanwhile.
func (s *Session) Sever() error { return errno(C.gf_session_sever(s.c)) }

// Destroy ends the session and frees it. It calls Handler.Destroy, if it has called Handler.Init.
func (s *Session) Destroy() {
	C.gf_session_destroy(s.c)
	unregister(s.id)
}

// StartPool serves on up to maxThreads threads. maxIdle < 0: no limit.
func (s *Session) StartPool(maxThreads, maxIdle int) error {
	return errno(C.gf_pool_start(s.c, C.int(maxThreads), C.int(maxIdle)))
}

// StopPool ends the reading of requests.
func (s *Session) StopPool() { C.gf_pool_stop(s.c) }

// JoinPool waits for the threads to end, and reports whether they have.
func (s *Session) JoinPool(ms int) bool { return C.gf_pool_join(s.c, C.int(ms)) == 0 }

// StartLoop serves by libfuse's fuse_session_loop_mt, with an fd for each thread.
func (s *Session) StartLoop(maxThreads, maxIdle uint32) error {
	return errno(C.gf_loop_start(s.c, C.uint(maxThreads), C.uint(maxIdle)))
}

// StopLoop tells that loop to end; again and again, until Handler.Ended is called. It takes effect between InterruptBegin and InterruptEnd.
func (s *Session) StopLoop() { C.gf_loop_stop(s.c) }

// InterruptBegin makes system calls of C threads interruptible.
func InterruptBegin() { C.gf_interrupt_begin() }

// InterruptEnd ends that.
func InterruptEnd() { C.gf_interrupt_end() }

// JoinLoop waits for the loop's thread, after Handler.Ended was called.
func (s *Session) JoinLoop() { C.gf_loop_join(s.c) }

// InHandler tells whether the calling thread is inside a handler.
func InHandler() bool { return C.gf_in_handler() != 0 }

// CallHere returns the call of this session that the calling thread is in, or nil.
func (s *Session) CallHere() *Call { return (*Call)(C.gf_call_here(s.c)) }
