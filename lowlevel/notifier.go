package lowlevel

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// ErrInHandler: the call could wait for the very request that the caller is handling, or for one that the caller's thread would have to
// read. Use [Request.AfterReply], another goroutine, or a [NotifyQueue].
var ErrInHandler = errors.New("called from a handler that has not replied")

// ErrNotCached: the kernel does not know the inode or the name, so there was nothing to do. It is no failure.
var ErrNotCached = errors.New("not in the kernel's cache")

// Notifier sends notifications: messages to the kernel that answer no request, of what has changed behind its back. Each method
// sends one, and returns when the kernel has done what it says.
//
// Its methods may be called from any goroutine, many at a time. Most of them wait for locks that the kernel holds while it waits for
// an answer of this very filesystem: each says for which. So they must not be called while holding a lock that a handler needs, and from a handler that
// has not replied they return ErrInHandler at once, whether or not they would have blocked this time. In a handler that has detached and replied they work as long as another
// thread is left to read requests (never with SingleThread).
//
// Between Mount and Serve nobody answers requests: what has to wait for one waits until Serve is called.
//
// Errors of all methods, besides their own:
//
//   - ErrInHandler: see above;
//   - ErrNotMounted: before Mount has returned;
//   - ErrClosed: after the session's end, or when it ends meanwhile;
//   - *UnsupportedError (errors.ErrUnsupported): kernel, libfuse or mount cannot do it. Nothing weaker or harsher is done instead;
//   - with WithContext, the context's error.
//
// Also from C known as "fuse: writing device: ..." on stderr: libfuse prints errors other than ENOENT. See SetLogger.
type Notifier struct {
	s   *Session
	ctx context.Context // nil: wait as long as it takes
}

// Notifier returns the session's notifier.
func (s *Session) Notifier() *Notifier { return &Notifier{s: s} }

// WithContext returns a Notifier whose methods return when ctx ends, with its error, whatever the kernel does. There is no way to call a message
// back: one that still waits in the kernel stays there with its thread, and may take effect later; [Notifier.Blocked] counts
// them. What was lent to such a call, such as the data of Store, must be left alone until Blocked is 0.
//
// Each call costs a goroutine.
func (n *Notifier) WithContext(ctx context.Context) *Notifier { return &Notifier{n.s, ctx} }

// Blocked returns how many calls of the session's notifiers were given up by their callers, and still wait in the kernel.
func (n *Notifier) Blocked() int { return int(n.s.blocked.Load()) }

// send sends a message, and waits unless the context ends.
func (n *Notifier) send(m *message) error {
	if err := n.s.admit(m.kind); err != nil {
		return err
	}
	defer n.s.dismiss(m.kind)
	if n.ctx == nil {
		return n.s.notify(m)
	}
	return n.sendAside(*m)
}

// sendAside sends a message from another goroutine.
func (n *Notifier) sendAside(m message) error {
	if err := n.ctx.Err(); err != nil {
		return err
	}
	s := n.s
	if !s.calls.enter() { // for the goroutine, which may stay longer than the caller
		return ErrClosed
	}
	var given atomic.Bool // by whoever is first: the caller gives up, or the message is through
	done := make(chan error, 1)
	go func() {
		defer s.calls.leave()
		err := s.notify(&m)
		if given.CompareAndSwap(false, true) {
			done <- err
			return
		}
		s.blocked.Add(-1)
	}()
	select {
	case err := <-done:
		return err
	case <-n.ctx.Done():
	}
	s.blocked.Add(1)
	if given.CompareAndSwap(false, true) {
		return n.ctx.Err()
	}
	s.blocked.Add(-1)
	return <-done
}

// admit checks that a message can be sent, and keeps the C session there until dismiss.
func (s *Session) admit(k kind) error {
	if !s.calls.enter() {
		return ErrClosed
	}
	err := s.mayNotify(k)
	if err != nil {
		s.calls.leave()
	}
	return err
}

func (s *Session) mayNotify(k kind) error {
	if err := s.allows(k); err != nil {
		return err
	}
	if kinds[k].blocks {
		return s.checkHandler()
	}
	return nil
}

func (s *Session) dismiss(k kind) {
	if kinds[k].blocks {
		s.handlerDone()
	}
	s.calls.leave()
}

// canNotify checks all but who calls.
func (s *Session) canNotify(k kind) error {
	if !s.calls.enter() {
		return ErrClosed
	}
	defer s.calls.leave()
	return s.allows(k)
}

// allows is canNotify for those who have entered calls: the C session is there.
func (s *Session) allows(k kind) error {
	s.mu.Lock()
	state, conn := s.state, s.conn
	s.mu.Unlock()
	switch {
	case state == stateClosed:
		return ErrClosed
	case state != stateMounted, s.adopted && !s.c.Inited():
		return ErrNotMounted
	case k == kindRetrieve && !s.c.CanRetrieve():
		return &UnsupportedError{kinds[k].feature, MountLacks, s.retrieveLacks()}
	}
	return k.supported(&conn)
}

// retrieveLacks says what a C program must do for Retrieve.
func (s *Session) retrieveLacks() string {
	if s.bound {
		return "gf_ll_retrieve_reply in the C program's operations"
	}
	return "gf_bind in the C program, with gf_ll_retrieve_reply in its operations"
}

// checkHandler refuses calls from handlers that have not replied, and those that would take the last thread that can read
// requests: the kernel may have to get one answered first. Otherwise handlerDone must follow.
func (s *Session) checkHandler() error {
	call := s.c.CallHere()
	if call == nil {
		if s.c.Here() { // in a handler of C's: there is no telling whether it has replied
			return ErrInHandler
		}
		return nil
	}
	if !s.replied(call) {
		return ErrInHandler
	}
	if int(s.handlersNotifying.Add(1)) >= s.maxThreads() {
		s.handlersNotifying.Add(-1)
		return ErrInHandler
	}
	return nil
}

// maxThreads returns how many threads may serve the session. Of one that a C program runs it is not known: it may be one.
func (s *Session) maxThreads() int {
	if s.adopted {
		return 1
	}
	return s.cfg.maxThreads()
}

func (s *Session) handlerDone() {
	if s.c.CallHere() != nil {
		s.handlersNotifying.Add(-1)
	}
}

// replied reports whether the kernel no longer waits for an answer to a call that is still in its handler.
func (s *Session) replied(call *cshim.Call) bool {
	if call.Op >= cshim.OpCount { // of libfuse's high-level library, which answers after it
		return false
	}
	p, ok := s.detached.Load(call)
	return ok && p.(*pendingReply).over() || noReply(call.Op)
}

// notify sends a message, and gives errors their names.
func (s *Session) notify(m *message) error {
	err := m.send(s)
	switch {
	case err == nil || m.ofFile:
		return err
	case errors.Is(err, syscall.ENOENT):
		select {
		case <-s.ended:
			return ErrClosed
		default:
			return ErrNotCached
		}
	case goneErrno(err):
		return ErrClosed
	case errors.Is(err, syscall.ENOSYS):
		return &UnsupportedError{kinds[m.kind].feature, LibraryLacks, ""}
	case errors.Is(err, syscall.EINVAL) && kinds[m.kind].bare:
		return &UnsupportedError{kinds[m.kind].feature, KernelLacks, "FUSE protocol " + needProto(kinds[m.kind].minor)}
	}
	return err
}

// goneErrno reports whether an error says that nobody is at the other end.
func goneErrno(err error) bool {
	for _, gone := range []Errno{syscall.EBADF, syscall.ENODEV, syscall.ENOTCONN, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPIPE, syscall.EPERM} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}
