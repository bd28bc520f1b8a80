package lowlevel

import (
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// What C and Go handlers of one session give each other.

// COps is a table of C handlers, for [Config]: a filesystem that is ported one function at a time keeps in C what it has not got in Go yet. Requests of its operations never come to Go.
type COps struct {
	// Ops is a const struct fuse_lowlevel_ops *. It is copied. For each operation, a handler in Go prevails; Init and Destroy as well.
	Ops unsafe.Pointer
	// Size is its size: C.sizeof_struct_fuse_lowlevel_ops.
	Size uintptr
	// Userdata is what the C handlers get from fuse_req_userdata, C's init and destroy as their argument. It must not point to Go memory (a cgo.Handle will do). With Config.CloneFD, no two sessions may
	// have the same.
	Userdata unsafe.Pointer
}

func (c COps) base() cshim.Base { return cshim.Base(c) }

// set returns the operations that there are, as a bit set.
func (c COps) set() uint64 {
	if c.Ops == nil {
		return 0
	}
	return cshim.OpsOf(c.Ops, c.Size)
}

// C returns the session as C has it, a struct fuse_session *, for C handlers that notify, and for functions that neither run nor end it. It must not be used after Close.
func (s *Session) C() unsafe.Pointer { return s.c.Pointer() }

// C returns the request as C has it, a fuse_req_t, for functions that do not answer it, such as fuse_req_ctx. It is valid until the handler returns.
func (r *Request) C() unsafe.Pointer {
	r.check()
	return r.req.Pointer()
}

// HandOver gives the request to C, which answers it, now or later, from any thread; it must, and before the session is destroyed. From here on Go has nothing to do
// with it: what the handler returns is ignored, its context has ended. A handler that passes the request on to one in C is
//
//	Getattr: func(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
//		C.my_getattr(C.fuse_req_t(req.HandOver()), C.fuse_ino_t(ino), nil)
//		return lowlevel.Stat{}, 0, nil
//	}
//
// It returns nil where the request was answered already (Detach).
func (r *Request) HandOver() unsafe.Pointer { return r.Detach().HandOver() }

// HandOver gives the request to C, which answers it: see [Request.HandOver]. It returns nil where it was answered already, or the session has ended and has answered.
func (r *Reply) HandOver() unsafe.Pointer {
	p := r.p
	p.mu.Lock()
	if p.state != replyPending {
		p.mu.Unlock()
		return nil
	}
	p.state = replyHandedOver
	p.mu.Unlock()
	p.watch.stop()
	p.session.pending.remove(p)
	return p.req.Pointer()
}

// AdoptRequest takes a request over from a C handler, a fuse_req_t: C has not answered it, and no longer will. The Reply answers it, once, from any goroutine; it takes every kind of
// answer, as it does not know the operation. It must be called before the C handler returns, and once for a request.
//
// If nobody answers by the end of the session, and Go has made that or serves it (gf_bind), it is answered EIO. Otherwise it must be answered before the session is destroyed.
func AdoptRequest(req unsafe.Pointer) *Reply {
	r := Request{session: strays, req: cshim.ReqOf(req), op: opUnknown}
	if b, ok := cshim.HandlerOfRequest(r.req).(bridge); ok {
		r.session = b.Session
	}
	return newReply(&r)
}

// strays is the session of requests of sessions that Go does not know.
var strays = newSession(new(Ops), Config{})

// opUnknown is the operation of a request that came to C.
const opUnknown = cshim.OpCount

// C structs are in memory of the caller's, who has them from a package that he has imported as "C". All fields are converted, those that only the kernel sets, too.

// FromC sets fi to a const struct fuse_file_info *.
func (fi *FileInfo) FromC(p unsafe.Pointer) { cshim.FileFromC(unsafe.Pointer(fi), p) }

// ToC sets a struct fuse_file_info * to fi.
func (fi *FileInfo) ToC(p unsafe.Pointer) { cshim.FileToC(p, unsafe.Pointer(fi)) }

// FromC sets st to a const struct stat *.
func (st *Stat) FromC(p unsafe.Pointer) { cshim.StatFromC(unsafe.Pointer(st), p) }

// ToC sets a struct stat * to st.
func (st *Stat) ToC(p unsafe.Pointer) { cshim.StatToC(p, unsafe.Pointer(st)) }

// FromC sets e to a const struct fuse_entry_param *.
func (e *EntryParam) FromC(p unsafe.Pointer) { cshim.EntryFromC(unsafe.Pointer(e), p) }

// ToC sets a struct fuse_entry_param * to e.
func (e *EntryParam) ToC(p unsafe.Pointer) { cshim.EntryToC(p, unsafe.Pointer(e)) }

// FromC sets st to a const struct statvfs *.
func (st *Statfs) FromC(p unsafe.Pointer) { cshim.StatfsFromC(unsafe.Pointer(st), p) }

// ToC sets a struct statvfs * to st.
func (st *Statfs) ToC(p unsafe.Pointer) { cshim.StatfsToC(p, unsafe.Pointer(st)) }

// FromC sets l to a const struct flock *.
func (l *FileLock) FromC(p unsafe.Pointer) { cshim.LockFromC(unsafe.Pointer(l), p) }

// ToC sets a struct flock * to l.
func (l *FileLock) ToC(p unsafe.Pointer) { cshim.LockToC(p, unsafe.Pointer(l)) }

// FromC sets c to a struct fuse_conn_info *, such as C's init gets.
func (c *ConnInfo) FromC(p unsafe.Pointer) {
	*c = ConnInfo{}
	cshim.ConnFromC(&c.c, p)
}

// ToC changes a struct fuse_conn_info * as c was changed.
func (c *ConnInfo) ToC(p unsafe.Pointer) { cshim.ConnToC(p, &c.c) }

// BufVecFromC returns what is left of a struct fuse_bufvec *. Its memory is C's.
func BufVecFromC(p unsafe.Pointer) BufVec { return bufVec(nil, cshim.BufsFromC(p)) }

// ToC returns a struct fuse_bufvec * with a copy of v's memory; all of it is C's (malloc), as the high-level read_buf wants it. nil: out of memory.
func (v BufVec) ToC() unsafe.Pointer { return cshim.BufsToC(cBufs(v)) }

// AdoptPollHandle takes over a struct fuse_pollhandle * from a C handler: it is Go's to notify and to close. It is closed when the session is, at the latest.
func (s *Session) AdoptPollHandle(ph unsafe.Pointer) *PollHandle {
	return newPollHandle(s, cshim.PollHandleOf(ph))
}
