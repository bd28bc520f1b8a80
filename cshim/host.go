package cshim

// #include "shim.h"
import "C"

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// Sessions that a C program makes and runs.

// Adopt makes a Session for the notification of a struct fuse_session. ENOTCONN: it is not mounted.
func Adopt(se unsafe.Pointer, h Handler) (*Session, error) {
	id := register(h)
	s, err := C.gf_adopt((*C.struct_fuse_session)(se), C.uint64_t(id))
	if s == nil {
		unregister(id)
		return nil, err
	}
	return &Session{c: s, id: id}, nil
}

// Release frees what Adopt has made.
func (s *Session) Release() {
	C.gf_release(s.c)
	unregister(s.id)
}

// Unserved tells whether nobody answers the requests of an adopted session any more.
func (s *Session) Unserved() bool { return bool(s.c.unserved) }

// Unblock ends the notifications of such a session.
func (s *Session) Unblock() { C.gf_adopted_unblock(s.c) }

// Inited tells whether an adopted session has had its INIT.
func (s *Session) Inited() bool { return bool(C.gf_adopted_inited(s.c)) }

// CanRetrieve tells whether the answers to Retrieve come to Go.
func (s *Session) CanRetrieve() bool { return bool(s.c.can_retrieve) || !bool(s.c.adopted) }

// Here tells whether the calling thread is between the receiving of a request of this session and the next one: in a handler, of C's perhaps.
func (s *Session) Here() bool { return C.gf_session_here() == s.c }

// Pointer returns the struct fuse_session.
func (s *Session) Pointer() unsafe.Pointer { return unsafe.Pointer(s.c.se) }

// Userdata returns what C handlers get as such.
func (s *Session) Userdata() unsafe.Pointer { return s.c.userdata }

// HandlerOf returns the handler of a session that Go was told of as se, which opens its filesystem; nil: there is none, or it is one by paths.
func HandlerOf(se unsafe.Pointer) Handler {
	s := C.gf_host_of_se((*C.struct_fuse_session)(se))
	if s == nil {
		return nil
	}
	return handler(s.handle)
}

// HandlerOfRequest returns the handler of the session that a fuse_req_t is of, or nil.
func HandlerOfRequest(r Req) Handler {
	s := C.gf_session_known(r.c())
	if s == nil {
		return nil
	}
	return handler(s.handle)
}

// Opener returns what serves a session that a C program runs, by the filesystem of that name; nil: there is none.
type Opener func(s *Session, name string) Handler

// The openers are those of packages lowlevel and highlevel.
var opener, pathOpener atomic.Pointer[Opener]

// OnOpen sets what serves inodes.
func OnOpen(f Opener) { opener.Store(&f) }

// OnOpenPaths sets what serves paths: operations from OpHL on.
func OnOpenPaths(f Opener) { pathOpener.Store(&f) }

//export gfOpenFilesystem
func gfOpenFilesystem(c *C.struct_gf_session, paths C.bool, name *C.char, n C.size_t) C.uint64_t {
	open := opener.Load()
	if paths {
		open = pathOpener.Load()
	}
	if open == nil {
		return math.MaxUint64
	}
	s := &Session{c: c}
	h := (*open)(s, C.GoStringN(name, C.int(n)))
	if h == nil {
		return math.MaxUint64
	}
	s.id = register(h)
	return C.uint64_t(s.id)
}

// Unregister is the end of a session that a C program runs: the handler is not called again.
func (s *Session) Unregister() { unregister(s.id) }

//export gfStarted
func gfStarted() {}
