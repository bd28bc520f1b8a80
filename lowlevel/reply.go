package lowlevel

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// Reply answers a request that was detached, once, from any goroutine. Its methods are those of C's fuse_reply_*. None of them
// blocks for long. Each returns
//
//   - ErrReplied: there was a reply before;
//   - ErrWrongReply: such a request is not answered like that (the request is still to be answered);
//   - ErrClosed: the session has ended and has answered for you;
//   - an errno: the kernel did not take the reply. ENOENT: the request is gone, and with it what the reply would have
//     given the kernel: a lookup it would have counted, a file handle it would release. The request is answered then, too.
//
// A Reply that nobody holds any more is answered EIO, and logged.
type Reply struct {
	p *pendingReply
}

// pendingReply is what a session knows of a detached request.
type pendingReply struct {
	session *Session
	req     cshim.Req
	op      uint32
	fi      FileInfo

	mu    sync.Mutex // watch, after, state
	watch *watch
	after []func()
	state replyState
}

type replyState int

const (
	replyPending replyState = iota
	replySent
	replyByClose
	replyHandedOver // to C, which has answered or will
)

// newReply takes the reply over from r. The session must not hold the Reply itself: it is to be noticed when nobody else does.
func newReply(r *Request) *Reply {
	p := &pendingReply{session: r.session, req: r.req, op: r.op, fi: r.file, watch: r.watch, after: r.after}
	p.session.pending.add(p)
	reply := &Reply{p}
	runtime.AddCleanup(reply, (*pendingReply).dropped, p)
	return reply
}

// dropped is called when nobody holds the Reply any more.
func (p *pendingReply) dropped() {
	if p.send(kindErr, p.giveUp) == nil {
		p.session.log().Error("fuse: a request was detached, but never answered; answered EIO", "op", opName(p.op))
	}
}

// giveUp answers EIO.
func (p *pendingReply) giveUp() error {
	if noReply(p.op) {
		p.req.None()
		return nil
	}
	return p.req.Err(int32(unix.EIO))
}

func (p *pendingReply) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch == nil {
		if p.state != replyPending {
			ctx, cancel := context.WithCancel(p.session.ctx)
			cancel()
			return ctx
		}
		p.watch = newWatch(p.session, p.req)
	}
	return p.watch.ctx
}

func (p *pendingReply) addAfter(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = append(p.after, f)
}

// send answers by f, if it is not too late and kind is right.
func (p *pendingReply) send(kind replyKind, f func() error) error {
	if kind&validReplies[p.op] == 0 {
		return fmt.Errorf("%w: %s", ErrWrongReply, opName(p.op))
	}
	p.mu.Lock()
	if p.state != replyPending {
		defer p.mu.Unlock()
		if p.state == replyByClose {
			return ErrClosed
		}
		return ErrReplied
	}
	p.state = replySent
	p.mu.Unlock()
	return p.finish(f)
}

// finish answers by f. The state has been changed before, so nobody else does.
func (p *pendingReply) finish(f func() error) error {
	p.watch.stop()
	err := f()
	p.session.pending.remove(p)
	for _, f := range p.after {
		go f()
	}
	return err
}

// over reports whether the kernel is known to wait for it no longer.
func (p *pendingReply) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == replySent || p.state == replyByClose
}

// abandon answers for whoever has not, since the session is being closed.
func (p *pendingReply) abandon() {
	p.mu.Lock()
	mine := p.state == replyPending
	if mine {
		p.state = replyByClose
	}
	p.mu.Unlock()
	if mine {
		_ = p.finish(p.giveUp)
	}
}

// replyKind is a set of ways to answer.
type replyKind uint32

const (
	kindErr replyKind = 1 << iota
	kindNone
	kindEntry
	kindCreate
	kindAttr
	kindReadlink
	kindOpen
	kindWrite
	kindBuf
	kindStatfs
	kindXattr
	kindLock
	kindBmap
	kindIoctl
	kindPoll
	kindLseek
	kindStatx
)

// validReplies are the valid replies of each operation. An error is one for all that want an answer.
var validReplies = [opUnknown + 1]replyKind{
	opUnknown:             ^replyKind(0),
	cshim.OpLookup:        kindErr | kindEntry,
	cshim.OpForget:        kindErr | kindNone,
	cshim.OpGetattr:       kindErr | kindAttr,
	cshim.OpSetattr:       kindErr | kindAttr,
	cshim.OpReadlink:      kindErr | kindReadlink,
	cshim.OpMknod:         kindErr | kindEntry,
	cshim.OpMkdir:         kindErr | kindEntry,
	cshim.OpUnlink:        kindErr,
	cshim.OpRmdir:         kindErr,
	cshim.OpSymlink:       kindErr | kindEntry,
	cshim.OpRename:        kindErr,
	cshim.OpLink:          kindErr | kindEntry,
	cshim.OpOpen:          kindErr | kindOpen,
	cshim.OpRead:          kindErr | kindBuf,
	cshim.OpWrite:         kindErr | kindWrite,
	cshim.OpFlush:         kindErr,
	cshim.OpRelease:       kindErr,
	cshim.OpFsync:         kindErr,
	cshim.OpOpendir:       kindErr | kindOpen,
	cshim.OpReaddir:       kindErr | kindBuf,
	cshim.OpReleasedir:    kindErr,
	cshim.OpFsyncdir:      kindErr,
	cshim.OpStatfs:        kindErr | kindStatfs,
	cshim.OpSetxattr:      kindErr,
	cshim.OpGetxattr:      kindErr | kindBuf | kindXattr,
	cshim.OpListxattr:     kindErr | kindBuf | kindXattr,
	cshim.OpRemovexattr:   kindErr,
	cshim.OpAccess:        kindErr,
	cshim.OpCreate:        kindErr | kindCreate,
	cshim.OpGetlk:         kindErr | kindLock,
	cshim.OpSetlk:         kindErr,
	cshim.OpBmap:          kindErr | kindBmap,
	cshim.OpIoctl:         kindErr | kindIoctl,
	cshim.OpPoll:          kindErr | kindPoll,
	cshim.OpWriteBuf:      kindErr | kindWrite,
	cshim.OpRetrieveReply: kindErr | kindNone,
	cshim.OpForgetMulti:   kindErr | kindNone,
	cshim.OpFlock:         kindErr,
	cshim.OpFallocate:     kindErr,
	cshim.OpReaddirplus:   kindErr | kindBuf,
	cshim.OpCopyFileRange: kindErr | kindWrite,
	cshim.OpLseek:         kindErr | kindLseek,
	cshim.OpTmpfile:       kindErr | kindCreate,
	cshim.OpStatx:         kindErr | kindStatx,
	cshim.OpSyncfs:        kindErr,
}

// noReply tells the operations whose requests the kernel wants no answer to.
func noReply(op uint32) bool { return op != opUnknown && validReplies[op]&kindNone != 0 }

// Context is the request's context: see [Request.Context].
func (r *Reply) Context() context.Context { return r.p.context() }

// AfterReply has f run on a goroutine of its own once the reply has left.
func (r *Reply) AfterReply(f func()) { r.p.addAfter(f) }

// FileInfo returns the FileInfo that the request came with, as the handler left it at the time of Detach: to be passed to Open or Create.
func (r *Reply) FileInfo() FileInfo { return r.p.fi }

func (r *Reply) send(kind replyKind, f func(req cshim.Req) error) error {
	err := r.p.send(kind, func() error { return f(r.p.req) })
	runtime.KeepAlive(r)
	return err
}

// Err answers with the errno of err (see [ToErrno]); nil is success, where the request has no other reply. Requests
// without answer (Forget) are just freed.
//
// Implements:
//
//	int fuse_reply_err(fuse_req_t req, int err);
func (r *Reply) Err(err error) error {
	return r.send(kindErr, func(req cshim.Req) error {
		if noReply(r.p.op) {
			return r.p.giveUp()
		}
		return req.Err(int32(r.p.session.errno(r.p.op, err)))
	})
}

// None ends a request that the kernel wants no answer to: Forget, ForgetMulti and RetrieveReply.
//
// Implements:
//
//	void fuse_reply_none(fuse_req_t req);
func (r *Reply) None() error {
	return r.send(kindNone, func(req cshim.Req) error { req.None(); return nil })
}

// Entry answers Lookup, Mknod, Mkdir, Symlink and Link. If it succeeds, it raises the lookup count by one.
//
// Implements:
//
//	int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *e);
func (r *Reply) Entry(e *EntryParam) error {
	return r.send(kindEntry, func(req cshim.Req) error { return req.Entry(unsafe.Pointer(e)) })
}

// Create answers Create and Tmpfile. If it succeeds, it raises the lookup count by one.
//
// Implements:
//
//	int fuse_reply_create(fuse_req_t req, const struct fuse_entry_param *e, const struct fuse_file_info *fi);
func (r *Reply) Create(e *EntryParam, fi *FileInfo) error {
	return r.send(kindCreate, func(req cshim.Req) error { return req.Create(unsafe.Pointer(e), unsafe.Pointer(fi)) })
}

// Attr answers Getattr and Setattr.
//
// Implements:
//
//	int fuse_reply_attr(fuse_req_t req, const struct stat *attr, double attr_timeout);
func (r *Reply) Attr(attr *Stat, timeout time.Duration) error {
	return r.send(kindAttr, func(req cshim.Req) error { return req.Attr(unsafe.Pointer(attr), validTimeout(timeout)) })
}

// Readlink answers Readlink. A target with a NUL byte is answered EIO.
//
// Implements:
//
//	int fuse_reply_readlink(fuse_req_t req, const char *link);
func (r *Reply) Readlink(target string) error {
	return r.send(kindReadlink, func(req cshim.Req) error {
		if strings.IndexByte(target, 0) >= 0 {
			return req.Err(int32(unix.EIO))
		}
		return req.Readlink(target)
	})
}

// Open answers Open and Opendir.
//
// Implements:
//
//	int fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi);
func (r *Reply) Open(fi *FileInfo) error {
	return r.send(kindOpen, func(req cshim.Req) error { return req.Open(unsafe.Pointer(fi)) })
}

// Write answers Write, WriteBuf and CopyFileRange with a number of bytes.
//
// Implements:
//
//	int fuse_reply_write(fuse_req_t req, size_t count);
func (r *Reply) Write(n uint64) error {
	return r.send(kindWrite, func(req cshim.Req) error { return req.Write(n) })
}

// Buf answers Read, Readdir, Readdirplus, Getxattr and Listxattr with data, which must not be longer than was asked for.
//
// Implements:
//
//	int fuse_reply_buf(fuse_req_t req, const char *buf, size_t size);
func (r *Reply) Buf(p []byte) error {
	return r.send(kindBuf, func(req cshim.Req) error { return req.Buf(p) })
}

// Iov is Buf for data in pieces.
//
// Implements:
//
//	int fuse_reply_iov(fuse_req_t req, const struct iovec *iov, int count);
func (r *Reply) Iov(iov [][]byte) error {
	return r.send(kindBuf, func(req cshim.Req) error { return req.Iov(memBufs(iov)) })
}

// Data is Buf for data that may be in files. It is copied, not spliced, unless it is called by the handler's own
// goroutine before it returns: the pipes that splice needs belong to the threads that serve.
//
// Implements:
//
//	int fuse_reply_data(fuse_req_t req, struct fuse_bufvec *bufv, enum fuse_buf_copy_flags flags);
func (r *Reply) Data(v BufVec, flags BufCopyFlags) error {
	if !inHandler() {
		flags |= BufNoSplice
	}
	return r.send(kindBuf, func(req cshim.Req) error { return req.Data(cBufs(v), uint32(flags)) })
}

// Statfs answers Statfs.
//
// Implements:
//
//	int fuse_reply_statfs(fuse_req_t req, const struct statvfs *stbuf);
func (r *Reply) Statfs(st *Statfs) error {
	return r.send(kindStatfs, func(req cshim.Req) error { return req.Statfs(unsafe.Pointer(st)) })
}

// Xattr answers Getxattr and Listxattr whose dst was empty, with a size.
//
// Implements:
//
//	int fuse_reply_xattr(fuse_req_t req, size_t count);
func (r *Reply) Xattr(size uint64) error {
	return r.send(kindXattr, func(req cshim.Req) error { return req.Xattr(size) })
}

// Lock answers Getlk.
//
// Implements:
//
//	int fuse_reply_lock(fuse_req_t req, const struct flock *lock);
func (r *Reply) Lock(l *FileLock) error {
	return r.send(kindLock, func(req cshim.Req) error { return req.Lock(unsafe.Pointer(l)) })
}

// Bmap answers Bmap with a block.
//
// Implements:
//
//	int fuse_reply_bmap(fuse_req_t req, uint64_t idx);
func (r *Reply) Bmap(idx uint64) error {
	return r.send(kindBmap, func(req cshim.Req) error { return req.Bmap(idx) })
}

// Ioctl answers Ioctl with a result and the data that the command passes out.
//
// Implements:
//
//	int fuse_reply_ioctl(fuse_req_t req, int result, const void *buf, size_t size);
func (r *Reply) Ioctl(result int32, out []byte) error {
	return r.send(kindIoctl, func(req cshim.Req) error { return req.Ioctl(result, out) })
}

// IoctlIov is Ioctl for data in pieces.
//
// Implements:
//
//	int fuse_reply_ioctl_iov(fuse_req_t req, int result, const struct iovec *iov, int count);
func (r *Reply) IoctlIov(result int32, iov [][]byte) error {
	return r.send(kindIoctl, func(req cshim.Req) error { return req.IoctlIov(result, memBufs(iov)) })
}

// IoctlRetry asks for the same ioctl again with other pieces of the caller's memory; only with IoctlUnrestricted.
//
// Implements:
//
//	int fuse_reply_ioctl_retry(fuse_req_t req, const struct iovec *in_iov, size_t in_count,
//	                           const struct iovec *out_iov, size_t out_count);
func (r *Reply) IoctlRetry(iov *IoctlRetryIov) error {
	return r.send(kindIoctl, func(req cshim.Req) error { return req.IoctlRetry(pairs(iov.In), pairs(iov.Out)) })
}

// Poll answers Poll with the events that are there.
//
// Implements:
//
//	int fuse_reply_poll(fuse_req_t req, unsigned revents);
func (r *Reply) Poll(revents uint32) error {
	return r.send(kindPoll, func(req cshim.Req) error { return req.Poll(revents) })
}

// Lseek answers Lseek with an offset.
//
// Implements:
//
//	int fuse_reply_lseek(fuse_req_t req, off_t off);
func (r *Reply) Lseek(off int64) error {
	return r.send(kindLseek, func(req cshim.Req) error { return req.Lseek(off) })
}

// Statx answers Statx.
//
// Since: libfuse 3.18.
//
// Implements:
//
//	int fuse_reply_statx(fuse_req_t req, int flags, struct statx *statx, double attr_timeout);
func (r *Reply) Statx(stx *unix.Statx_t, timeout time.Duration) error {
	return r.send(kindStatx, func(req cshim.Req) error { return req.Statx(unsafe.Pointer(stx), validTimeout(timeout)) })
}

// replySet holds the requests of a session that are detached and not answered.
type replySet struct {
	mu sync.Mutex
	m  map[*pendingReply]struct{}
	// empty is closed when there are none left, if somebody waits for that.
	empty chan struct{}
}

func (s *replySet) add(p *pendingReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[*pendingReply]struct{})
	}
	s.m[p] = struct{}{}
}

func (s *replySet) remove(p *pendingReply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, p)
	if len(s.m) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// wait waits until all are answered, and reports whether they are.
func (s *replySet) wait(d time.Duration) bool {
	s.mu.Lock()
	if len(s.m) == 0 {
		s.mu.Unlock()
		return true
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.mu.Unlock()
	select {
	case <-empty:
		return true
	case <-time.After(d):
		return false
	}
}

// abandon answers all that are left, and waits for those that are being answered.
func (s *replySet) abandon() {
	s.mu.Lock()
	left := make([]*pendingReply, 0, len(s.m))
	for p := range s.m {
		left = append(left, p)
	}
	s.mu.Unlock()
	for _, p := range left {
		p.abandon()
	}
	s.wait(time.Minute)
}

// cBufs returns v as C has it.
func cBufs(v BufVec) []cshim.Buf {
	out := make([]cshim.Buf, len(v))
	for i := range v {
		b := &v[i]
		out[i] = cshim.Buf{Size: uint64(b.size()), Pos: b.Pos, FD: int32(b.FD), Flags: uint32(b.Flags)}
		if b.Mem != nil {
			out[i].Mem = unsafe.Pointer(unsafe.SliceData(b.Mem))
			out[i].Flags = 0
		} else {
			out[i].Flags |= cshim.BufIsFD
		}
	}
	return out
}

func memBufs(iov [][]byte) []cshim.Buf {
	out := make([]cshim.Buf, len(iov))
	for i, p := range iov {
		out[i] = cshim.Buf{Mem: unsafe.Pointer(unsafe.SliceData(p)), Size: uint64(len(p))}
	}
	return out
}

func pairs(iov []IoctlIovec) []uint64 {
	out := make([]uint64, 0, 2*len(iov))
	for _, v := range iov {
		out = append(out, v.Base, v.Len)
	}
	return out
}
