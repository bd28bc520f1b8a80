package lowlevel

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Transport carries a session's messages over something that is no file descriptor of the kernel's: the counterpart of struct
// fuse_custom_io. Its methods are called by goroutines of the session, one at a time each; ReadRequest and WriteReply run side by side.
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
// distributed): messages are passed on through a socket. For a socket itself, MountFD does without that.
//
// Implements:
//
//	int fuse_session_custom_io(struct fuse_session *se, const struct fuse_custom_io *io, int fd);
func (s *Session) MountTransport(t Transport) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errors.Join(&OpError{Op: "mount", Err: err}, t.Close())
	}
	ours := os.NewFile(uintptr(pair[0]), "transport")
	go pumpRequests(t, ours)
	go pumpReplies(t, ours)
	return s.MountFD(pair[1])
}

// pumpRequests passes requests on to the session until either side has ended.
func pumpRequests(t Transport, session *os.File) {
	buf := make([]byte, 256*os.Getpagesize()+os.Getpagesize())
	for {
		n, err := t.ReadRequest(buf)
		if err == nil {
			_, err = session.Write(buf[:n])
		}
		if err != nil {
			shutdownWrite(session)
			return
		}
	}
}

// shutdownWrite closes half of the connection: what has been read is still answered. It does nothing once pumpReplies has closed it.
func shutdownWrite(session *os.File) {
	conn, err := session.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) })
}

// pumpReplies passes replies on to the transport, and closes everything at the end of the session.
func pumpReplies(t Transport, session *os.File) {
	defer t.Close()
	defer session.Close()
	var buf []byte
	for {
		var err error
		if buf, err = readMessage(session, buf); err != nil {
			return
		}
		if t.WriteReply(buf) != nil {
			return
		}
	}
}

// outHeaderSize is the size of struct fuse_out_header, which begins with the length of the message.
const outHeaderSize = 16

// readMessage reads one message from a stream into buf, or a larger one.
func readMessage(r io.Reader, buf []byte) ([]byte, error) {
	buf = append(buf[:0], make([]byte, outHeaderSize)...)
	if _, err := io.ReadFull(r, buf); err != nil {
		return nil, err
	}
	size := binary.NativeEndian.Uint32(buf)
	if size < outHeaderSize {
		return nil, unix.EPROTO
	}
	if int(size) > cap(buf) {
		buf = append(make([]byte, 0, size), buf...)
	}
	buf = buf[:size]
	_, err := io.ReadFull(r, buf[outHeaderSize:])
	return buf, err
}
