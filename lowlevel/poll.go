package lowlevel

import (
	"runtime"
	"sync"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// PollHandle stands for a caller of poll(2) or the like that waits for a file: struct fuse_pollhandle in C. Its methods may be
// called from any goroutine.
type PollHandle struct {
	p *pollHandle
}

// pollHandle is what the session knows of a PollHandle.
type pollHandle struct {
	session *Session
	mu      sync.Mutex
	c       cshim.PollHandle
	closed  bool
}

// newPollHandle returns nil for NULL.
func newPollHandle(s *Session, c cshim.PollHandle) *PollHandle {
	if c.IsNil() {
		return nil
	}
	p := &pollHandle{session: s, c: c}
	s.polls.Store(p, nil)
	ph := &PollHandle{p}
	runtime.AddCleanup(ph, (*pollHandle).close, p)
	return ph
}

// Notify wakes whoever polls the file: the kernel then asks Poll again. The handle stays usable. It does not block, and
// may be called from a handler.
//
// Errors: ErrClosed after Close or after the session's end.
//
// Implements:
//
//	int fuse_lowlevel_notify_poll(struct fuse_pollhandle *ph);
func (h *PollHandle) Notify() error {
	defer runtime.KeepAlive(h)
	p := h.p
	if !p.session.calls.enter() {
		return ErrClosed
	}
	defer p.session.calls.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	err := p.c.Notify()
	if goneErrno(err) {
		return ErrClosed
	}
	return err
}

// Close frees the handle. Closing it again does nothing. A handle that nobody holds any more is closed by itself, and so
// is each when the session is closed.
//
// Implements:
//
//	void fuse_pollhandle_destroy(struct fuse_pollhandle *ph);
func (h *PollHandle) Close() {
	h.p.close()
	runtime.KeepAlive(h)
}

func (p *pollHandle) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	p.c.Destroy()
	p.session.polls.Delete(p)
}
