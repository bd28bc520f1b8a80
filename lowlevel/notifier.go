package lowlevel

import (
	"errors"
	"syscall"
)

// ErrInHandler: the call could wait for the very request that the caller is handling. Use [Request.AfterReply].
var ErrInHandler = errors.New("called from a handler that has not replied")

// ErrNotCached: the kernel does not know the inode.
var ErrNotCached = errors.New("not in the kernel's cache")

// Notifier sends messages to the kernel that answer no request. Its methods may be called from any goroutine, but not from handlers.
type Notifier struct {
	s *Session
}

// Notifier returns the session's notifier.
func (s *Session) Notifier() *Notifier { return &Notifier{s} }

// StartRetrieve asks the kernel for what it has cached of a file: size bytes from off on, at most what one request can carry. The
// data comes to [Ops.RetrieveReply], with the cookie, and ends before the first page that is not cached.
//
// It waits for locks of the file's pages, which reads and writes of them hold.
//
// Errors: ErrInHandler; ErrNotCached; EINVAL where ino is no regular file; ErrNotMounted; ErrClosed.
//
// Implements:
//
//	int fuse_lowlevel_notify_retrieve(struct fuse_session *se, fuse_ino_t ino, size_t size, off_t offset, void *cookie);
func (n *Notifier) StartRetrieve(ino Ino, off int64, size uint32, cookie uint64) error {
	return n.send("FUSE_NOTIFY_RETRIEVE", 15, func() error {
		return n.s.c.Retrieve(uint64(ino), uint64(size), off, cookie)
	})
}

// send sends a notification that the kernel knows since minor protocol version minor.
func (n *Notifier) send(feature string, minor uint32, f func() error) error {
	if inHandler() {
		return ErrInHandler
	}
	conn, mounted := n.s.Conn()
	switch {
	case !n.s.use():
		return ErrClosed
	case !mounted:
		n.s.unuse()
		return ErrNotMounted
	}
	defer n.s.unuse()
	if conn.ProtoMinor() < minor {
		return &UnsupportedError{feature, KernelLacks, "FUSE protocol " + needProto(minor)}
	}
	return notifyError(f())
}

// notifyError gives the errnos of notifications their names.
func notifyError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return ErrNotCached
	case errors.Is(err, syscall.EBADF), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENOTCONN):
		return ErrClosed
	}
	return err
}
