// Command hello_ll_uds is libfuse's example of that name in Go: the filesystem of hello_ll, served not to the kernel but to
// whoever connects to a Unix socket and speaks the kernel's part of the FUSE protocol. Whatever can carry messages can be used
// like this: a lowlevel.Transport takes the place of /dev/fuse (custom I/O, in C).
//
//	hello_ll_uds --socket=/tmp/hello.sock   # waits for one client, and serves it
//	go test -v ./examples/hello_ll_uds      # client_test.go is such a client
//
// The filesystem itself is in hello.go.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// options are the program's own.
type options struct {
	Socket string `fuse:"--socket=%s"`
}

const defaultSocket = "/tmp/libfuse-hello-ll.sock"

const help = `usage: %s [options]

    -h   --help            print help
    -V   --version         print version
    -d   -o debug          enable debug output (implies -f)
    --socket=PATH          serve on PATH
                           (default: ` + defaultSocket + `)
    -o allow_other         allow access by all users
    -o allow_root          allow access by root
    -o auto_unmount        auto unmount on process termination
`

func main() { os.Exit(run()) }

func run() int {
	opts := options{Socket: defaultSocket}
	cl, err := lowlevel.ParseCmdline(os.Args, &opts)
	if err != nil {
		return failed(err)
	}
	switch {
	case cl.ShowHelp:
		fmt.Printf(help, os.Args[0])
		return 0
	case cl.ShowVersion:
		lowlevel.PrintVersion()
		return 0
	}
	s, err := lowlevel.New(ops, lowlevel.Config{Args: cl.Args, SingleThread: true})
	if err != nil {
		return failed(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if conn := accept(ctx, opts.Socket); conn != nil {
		err = serve(ctx, s, conn)
	}
	return failed(errors.Join(err, s.Close()))
}

// serve serves the filesystem to the client until either side ends it.
func serve(ctx context.Context, s *lowlevel.Session, conn net.Conn) error {
	// MountTransport waits for the client's INIT. A signal ends that.
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	if err := s.MountTransport(stream{conn}); err != nil {
		return err
	}
	return s.Serve(ctx)
}

// failed says what went wrong, unless libfuse has said so already. The exit code is 1 even if nothing did, as it is in C: it would take an
// unmount to end well.
func failed(err error) int {
	var said *lowlevel.LibraryError
	if err != nil && !errors.As(err, &said) && !errors.Is(err, lowlevel.ErrClosed) {
		fmt.Fprintln(os.Stderr, "hello_ll_uds:", err)
	}
	return 1
}

// accept waits for the first client, and lets no other in. On failure it says why and returns nil.
func accept(ctx context.Context, path string) net.Conn {
	if most := len(unix.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		fmt.Printf("Socket path may not be longer than %d characters\n", most)
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, unix.ENOENT) {
		fmt.Printf("Could not delete previous socket file entry at %s. Error: %s\n", path, reason(err))
		return nil
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		fmt.Printf("Could not bind socket. Error: %s\n", reason(err))
		return nil
	}
	l.SetUnlinkOnClose(false) // the next run removes it
	defer func() { _ = l.Close() }()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()

	fmt.Printf("Awaiting connection on socket at %s...\n", path)
	conn, err := l.Accept()
	if ctx.Err() != nil {
		err = unix.EINTR
	}
	if err != nil {
		fmt.Printf("Could not accept connection. Error: %s\n", reason(err))
		return nil
	}
	fmt.Println("Accepted connection!")
	return conn
}

// reason is what C's strerror says.
func reason(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// stream carries messages over a connection that does not keep them apart. Each begins with its length.
type stream struct{ net.Conn }

// headerSize is the size of struct fuse_in_header.
const headerSize = 40

// ReadRequest reads one request.
func (s stream) ReadRequest(buf []byte) (int, error) {
	if _, err := io.ReadFull(s, buf[:headerSize]); err != nil {
		return 0, err
	}
	size := int64(binary.NativeEndian.Uint32(buf))
	if size < headerSize || size > int64(len(buf)) {
		return 0, unix.EPROTO
	}
	_, err := io.ReadFull(s, buf[headerSize:size])
	return int(size), err
}

// WriteReply sends a reply.
func (s stream) WriteReply(p []byte) error {
	_, err := s.Write(p)
	return err
}
