package lowlevel

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Transport carries a session's messages over something that is no file descriptor of the kernel's: the counterpart of struct
// fuse_custom_io. Its methods are called by goroutines of the session, one at a time each; ReadRequest and WriteReply run side by side. An
// error of either ends the session, and is what Serve returns.
type Transport interface {
	// ReadRequest puts the next request, with its header, into buf, and returns its length. buf is large enough for any. io.EOF: there are no more.
	ReadRequest(buf []byte) (int, error)
	// WriteReply sends a reply or a notification, with its header. p is borrowed.
	WriteReply(p []byte) error
	// Close is called when the session ends. It must make a ReadRequest that waits return.
	Close() error
}

// MountTransport is Mount for a transport, which may have anything at its other end that speaks the kernel's part of the protocol. The session
// takes it over, also on failure. It works with every libfuse, also those whose fuse_session_custom_io refuses (3.18.3 as
// distributed): messages are passed on through a socket. Users other than root can make the socket's buffer only as large as
// net.core.wmem_max; MaxWrite is lowered to what fits.
//
// Implements:
//
//	int fuse_session_custom_io(struct fuse_session *se, const struct fuse_custom_io *io, int fd);
func (s *Session) MountTransport(t Transport) error {
	pair, err := messagePair()
	if err != nil {
		return errors.Join(&OpError{Op: "mount", Err: err}, t.Close())
	}
	ours := os.NewFile(uintptr(pair[0]), "transport")
	requestsDone := make(chan struct{})
	go func() {
		defer close(requestsDone)
		s.transportEnds(pumpRequests(t, ours))
		// Half of it is closed: what has been read is still answered.
		_ = unix.Shutdown(pair[0], unix.SHUT_WR)
	}()
	go func() {
		s.transportEnds(pumpReplies(t, ours))
		_ = t.Close() // which ends the requests
		<-requestsDone
		_ = ours.Close()
	}()
	return s.mountFD(pair[1])
}

// messagePair returns two ends of a connection that keeps messages apart, and has room for the largest of them if that is allowed.
func messagePair() ([2]int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return pair, err
	}
	for _, fd := range pair {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*maxMessage()) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 2*maxMessage())
		}
	}
	return pair, nil
}

// maxMessage is the size of the largest request or reply: 256 pages of data, and headers.
func maxMessage() int { return 257 * os.Getpagesize() }

// transportEnds remembers why the transport has ended, if that is not just its end.
func (s *Session) transportEnds(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) || s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transportErr == nil {
		s.transportErr = err
	}
}

// pumpRequests passes requests on to the session until either side has ended.
func pumpRequests(t Transport, session io.Writer) error {
	buf := make([]byte, maxMessage())
	for {
		n, err := t.ReadRequest(buf)
		if err != nil {
			return err
		}
		if _, err := session.Write(buf[:n]); err != nil {
			return io.EOF // the session's own end
		}
	}
}

// pumpReplies passes replies on to the transport until either side has ended.
func pumpReplies(t Transport, session io.Reader) error {
	buf := make([]byte, maxMessage())
	for {
		n, err := session.Read(buf)
		if err != nil {
			return io.EOF // the session's own end
		}
		if err := t.WriteReply(buf[:n]); err != nil {
			return err
		}
	}
}

// streamTransport is a stream of messages, each of which begins with its length.
type streamTransport struct{ *os.File }

// inHeaderSize is the size of struct fuse_in_header.
const inHeaderSize = 40

func (t streamTransport) ReadRequest(buf []byte) (int, error) {
	if _, err := io.ReadFull(t, buf[:inHeaderSize]); err != nil {
		return 0, err
	}
	size := binary.NativeEndian.Uint32(buf)
	if size < inHeaderSize || uint64(size) > uint64(len(buf)) {
		return 0, unix.EPROTO
	}
	_, err := io.ReadFull(t, buf[inHeaderSize:size])
	return int(size), err
}

func (t streamTransport) WriteReply(p []byte) error {
	_, err := t.Write(p)
	return err
}

// newStreamTransport takes fd over. It is made non-blocking, so that Close ends a Read that waits.
func newStreamTransport(fd int) (Transport, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return streamTransport{os.NewFile(uintptr(fd), "stream")}, nil
}

// isStream reports whether fd is a stream socket.
func isStream(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind == unix.SOCK_STREAM
}
