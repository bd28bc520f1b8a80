package fusetest

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// bufferSize is how many bytes of messages a socket should hold: a reply of 1 MiB, and some.
const bufferSize = 4 << 20

// maxMessage is the longest message that a server may send: 256 pages of data and a header, rounded up.
const maxMessage = 1<<20 + 64<<10

// Socketpair returns both ends of the socket that stands in for /dev/fuse: the kernel's and the server's. Each read returns one
// message, as it does from /dev/fuse. Both descriptors are in blocking mode and close-on-exec. [New] uses it; it is
// for tests and benchmarks that want to speak the protocol byte by byte.
//
// A message must fit into the socket's buffer: 4 MiB for root (which may exceed net.core.wmem_max), else twice wmem_max,
// which is 416 KiB unless set otherwise.
func Socketpair() (kernel, server int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		if err := growBuffers(fd); err != nil {
			_ = unix.Close(fds[0])
			_ = unix.Close(fds[1])
			return -1, -1, err
		}
	}
	return fds[0], fds[1], nil
}

func growBuffers(fd int) error {
	for _, opt := range [][2]int{{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}, {unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt[0], bufferSize) == nil {
			continue // allowed with CAP_NET_ADMIN
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt[1], bufferSize); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

// conn is the kernel's end of the socket.
type conn struct {
	file *os.File // non-blocking: Close ends a Read
	raw  syscall.RawConn
	buf  []byte
}

func newConn(fd int) (*conn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	c := &conn{file: os.NewFile(uintptr(fd), "fake kernel"), buf: make([]byte, maxMessage)}
	var err error
	if c.raw, err = c.file.SyscallConn(); err != nil {
		_ = c.file.Close()
		return nil, err
	}
	return c, nil
}

// write sends one message.
func (c *conn) write(msg []byte) error {
	ordered()
	var err error
	werr := c.raw.Write(func(fd uintptr) bool {
		err = unix.Send(int(fd), msg, unix.MSG_NOSIGNAL)
		return !errors.Is(err, unix.EAGAIN)
	})
	if werr != nil {
		return werr
	}
	return os.NewSyscallError("send", err)
}

// errServerClosed means that the server has closed its end.
var errServerClosed = errors.New("the server has closed its end")

// read receives one message. It is valid until the next call.
func (c *conn) read() ([]byte, error) {
	var n int
	var err error
	rerr := c.raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), c.buf, unix.MSG_TRUNC) // MSG_TRUNC: tell the message's true length
		return !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case rerr != nil:
		return nil, rerr
	case errors.Is(err, unix.ECONNRESET): // closed with messages unread
		return nil, errServerClosed
	case err != nil:
		return nil, os.NewSyscallError("recv", err)
	case n == 0:
		return nil, errServerClosed
	case n > len(c.buf):
		return nil, fmt.Errorf("a message of %d bytes is longer than a server may send (%d)", n, len(c.buf))
	}
	ordered()
	return c.buf[:n], nil
}
