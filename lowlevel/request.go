package lowlevel

import (
	"context"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// Request is a request of the kernel, as its handler sees it: fuse_req_t and struct fuse_ctx in C. It is valid until the
// handler returns, also when it was detached.
type Request struct {
	// UID, GID and PID are those of the thread that made the system call, as the filesystem's user namespace has them. They
	// are not valid for a Write with FileInfo.Writepage, nor for a Release, Forget or read-ahead.
	UID, GID uint32
	PID      uint32
	// Umask is the caller's umask, in Mknod, Mkdir, Create and Tmpfile.
	Umask uint32

	session *Session
	req     cshim.Req
	unique  uint64
	op      uint32
	call    *cshim.Call // to tell it by; the handler may be over

	mu    sync.Mutex // watch, reply, after, over
	watch *watch
	reply *Reply
	after []func()
	over  bool // the handler has returned

	// What handlers get pointers to.
	file, file2 FileInfo
	stat        Stat
	lock        FileLock
	dir         DirPlusBuf
	vec         [1]Buf
}

var requests = sync.Pool{New: func() any { return new(Request) }}

// newRequest returns a Request for a call.
func newRequest(s *Session, c *cshim.Call) *Request {
	r := requests.Get().(*Request)
	r.UID, r.GID, r.PID, r.Umask = c.UID, c.GID, c.PID, c.Umask
	r.session, r.req, r.unique, r.op, r.call = s, c.Req, c.Unique, c.Op, c
	r.file = FileInfo{} // what Reply.FileInfo returns where there is none
	return r
}

// release gives r back. With the build tag fusedebug it is not used again, so that a handler that kept it is found out.
func (r *Request) release() {
	if debug {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = true
		return
	}
	r.watch, r.reply, r.after = nil, nil, nil
	r.vec[0].Mem = nil
	requests.Put(r)
}

func (r *Request) check() {
	if debug && r.over {
		panic("lowlevel: Request used after its handler has returned")
	}
}

// Session returns the session that the request came on.
func (r *Request) Session() *Session { return r.session }

// Unique returns the kernel's number of the request, 0 where it is not known (data that was received by splice, -o
// clone_fd). It is the number that -d prints.
func (r *Request) Unique() uint64 { return r.unique }

// uniqueResend marks the copy of a request: FUSE_UNIQUE_RESEND.
const uniqueResend = 1 << 63

// Resent reports whether the request is a copy of one that was sent before and not answered, since [Notifier.Resend] was called, by this process or one
// before it. Its Unique is that of the first with the highest bit set. What the request asks for may have been done already.
func (r *Request) Resent() bool { return r.unique&uniqueResend != 0 }

// Groups returns the caller's supplementary groups. It reads them from /proc, so it must be called before the
// request is answered, and costs some system calls.
//
// Errors: EIO where /proc does not tell, such as for a caller that is gone.
//
// Implements:
//
//	int fuse_req_getgroups(fuse_req_t req, int size, gid_t list[]);
func (r *Request) Groups() ([]uint32, error) {
	r.check()
	list := make([]uint32, 32)
	for {
		n, err := r.req.Groups(list)
		if err != nil {
			return nil, err
		}
		if n <= len(list) {
			return list[:n], nil
		}
		list = make([]uint32, n)
	}
}

// Interrupted reports whether the kernel has interrupted the request: its caller got a signal.
//
// Implements:
//
//	int fuse_req_interrupted(fuse_req_t req);
func (r *Request) Interrupted() bool {
	r.check()
	return r.req.Interrupted()
}

// Context returns a context that is cancelled when the kernel interrupts the request (context.Cause: ErrInterrupted), when
// the session is being closed (ErrShutdown), and when the request has been answered. It is made when first asked for and
// costs nothing otherwise. A handler that returns its error answers EINTR.
//
// Go programs as clients get signals without being asked (SIGURG): a filesystem that can finish quickly should rather do so.
//
// Implements:
//
//	void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void *data);
func (r *Request) Context() context.Context {
	r.check()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply != nil {
		return r.reply.Context()
	}
	if r.watch == nil {
		r.watch = newWatch(r.session, r.req)
	}
	return r.watch.ctx
}

// AfterReply has f run on a goroutine of its own once the reply has left. It may be called several times. That is the place for
// notifications that concern what the request has changed.
func (r *Request) AfterReply(f func()) {
	r.check()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply != nil {
		r.reply.p.addAfter(f)
		return
	}
	r.after = append(r.after, f)
}

// Detach takes the reply over from the handler: what the handler returns is ignored, and the Reply must be used instead, once,
// now or later, from any goroutine. Calling it again returns the same Reply.
//
// What the handler was lent is still valid only until it returns.
func (r *Request) Detach() *Reply {
	r.check()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reply == nil {
		r.reply = newReply(r)
		r.session.detached.Store(r.call, r.reply.p)
		r.watch, r.after = nil, nil
	}
	return r.reply
}

// watch turns interrupts of a request into the end of a context.
type watch struct {
	session *Session
	req     cshim.Req
	id      uint64
	ctx     context.Context
	cancel  context.CancelCauseFunc
}

func newWatch(s *Session, req cshim.Req) *watch {
	w := &watch{session: s, req: req}
	w.ctx, w.cancel = context.WithCancelCause(s.ctx)
	w.id = s.watches.add(w)
	req.Watch(w.id)
	return w
}

// stop must come before the reply. It is nil-safe.
func (w *watch) stop() {
	if w == nil {
		return
	}
	w.req.Unwatch()
	w.session.watches.take(w.id)
	w.cancel(context.Canceled)
}

// numbered keeps values under numbers that C can carry.
type numbered[T any] struct {
	mu   sync.Mutex
	next uint64
	m    map[uint64]T
}

func (n *numbered[T]) add(v T) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		n.m = make(map[uint64]T)
	}
	n.next++
	n.m[n.next] = v
	return n.next
}

func (n *numbered[T]) get(id uint64) (T, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.m[id]
	return v, ok
}

func (n *numbered[T]) takeAll() map[uint64]T {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.m
	n.m = nil
	return m
}

func (n *numbered[T]) take(id uint64) (T, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.m[id]
	delete(n.m, id)
	return v, ok
}

// XattrValue answers a Getxattr or Listxattr with value: it copies it to dst and returns its length. With an empty dst the length
// is what was asked for; where value does not fit, the error is ERANGE.
func XattrValue(dst, value []byte) (int, error) {
	if len(dst) == 0 {
		return len(value), nil
	}
	if len(value) > len(dst) {
		return 0, unix.ERANGE
	}
	return copy(dst, value), nil
}

// BufCopy moves data from src to dst, from file to file or pipe by splice(2) where that can be done, and returns how many bytes
// it has moved: less than asked for at the end of a file or after an error halfway.
//
// Implements:
//
//	ssize_t fuse_buf_copy(struct fuse_bufvec *dst, struct fuse_bufvec *src, enum fuse_buf_copy_flags flags);
func BufCopy(dst, src BufVec, flags BufCopyFlags) (int, error) {
	n, err := cshim.BufCopy(cBufs(dst), cBufs(src), uint32(flags))
	return int(n), err
}

// validTimeout keeps what C makes of a timeout the same as what Go means.
func validTimeout(d time.Duration) int64 { return int64(max(d, 0)) }
