package lowlevel_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// deafKernel is a fake kernel that reads what it is sent only when told to, with room for a few messages in between.
type deafKernel struct {
	t        testing.TB
	session  *lowlevel.Session
	fd       int // the kernel's end
	serverFD int
	served   chan error
	buf      [1 << 18]byte
}

// startDeaf serves ops to a deafKernel.
func startDeaf(t testing.TB, ops *lowlevel.Ops, cfg lowlevel.Config) *deafKernel {
	t.Helper()
	k := startRoomy(t, newSession(t, ops, cfg))
	if err := unix.SetsockoptInt(k.serverFD, unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // the least there is
		t.Fatal(err)
	}
	return k
}

// startRoomy serves a session to a deafKernel with as much room as the fake kernel has.
func startRoomy(t testing.TB, s *lowlevel.Session) *deafKernel {
	t.Helper()
	k := &deafKernel{t: t, session: s, served: make(chan error, 1)}
	var err error
	if k.fd, k.serverFD, err = fusetest.Socketpair(); err != nil {
		t.Fatal(err)
	}
	k.send(fusetest.DefaultInit().Request().WithUnique(2))
	if err := s.MountFD(k.serverFD); err != nil {
		t.Fatal(err)
	}
	k.read()
	go func() { k.served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		k.hangUp()
		_ = s.Close()
		<-k.served
	})
	return k
}

func (k *deafKernel) send(r *fusetest.Request) {
	k.t.Helper()
	if _, err := unix.Write(k.fd, r.Bytes()); err != nil {
		k.t.Fatal(err)
	}
}

// read takes one message, which is valid until the next call.
func (k *deafKernel) read() []byte {
	k.t.Helper()
	n, err := unix.Read(k.fd, k.buf[:])
	if err != nil {
		k.t.Fatal(err)
	}
	return k.buf[:n]
}

// fill fills the socket's buffer, so that the next one who sends has to wait.
func (k *deafKernel) fill() {
	k.t.Helper()
	for {
		err := unix.Send(k.serverFD, noticeBytes(fusetest.NotifyResend), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			return
		default:
			k.t.Fatal(err)
		}
	}
}

// drain takes what is there.
func (k *deafKernel) drain() {
	k.t.Helper()
	for {
		n, _, err := unix.Recvfrom(k.fd, k.buf[:], unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			return
		case err != nil && err != unix.EINTR:
			k.t.Fatal(err)
		case n == 0 && err == nil:
			k.t.Fatal("the server has closed its end")
		}
	}
}

// hangUp closes the kernel's end. Doing so again does nothing.
func (k *deafKernel) hangUp() {
	if k.fd >= 0 {
		_ = unix.Close(k.fd)
		k.fd = -1
	}
}

// waitInSend waits until a goroutine is in that function of cshim's C.
func waitInSend(t testing.TB, function string) {
	t.Helper()
	fusetest.Eventually(t, 10*time.Second, "somebody is in "+function, func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "_Cfunc_"+function+"(")
	})
}
