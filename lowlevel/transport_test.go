package lowlevel_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pipe is a Transport in memory. Its other end is the test, which plays the kernel.
type pipe struct {
	requests chan []byte
	replies  chan []byte
	closed   chan struct{}
	once     sync.Once
	closes   atomic.Int32
	writeErr error
}

func newPipe() *pipe {
	return &pipe{requests: make(chan []byte, 1000), replies: make(chan []byte, 1000), closed: make(chan struct{})}
}

func (p *pipe) ReadRequest(buf []byte) (int, error) {
	select {
	case req, ok := <-p.requests:
		if !ok {
			return 0, io.EOF
		}
		return copy(buf, req), nil
	case <-p.closed:
		return 0, os.ErrClosed
	}
}

func (p *pipe) WriteReply(b []byte) error {
	if p.writeErr != nil && len(b) < 64 { // not INIT's
		return p.writeErr
	}
	p.replies <- append([]byte(nil), b...)
	return nil
}

func (p *pipe) Close() error {
	p.closes.Add(1)
	p.once.Do(func() { close(p.closed) })
	return nil
}

var pipeUnique uint64 = 1000

// send sends a request, and returns its number.
func (p *pipe) send(r *fusetest.Request) uint64 {
	pipeUnique++
	r.Unique = pipeUnique
	p.requests <- r.Bytes()
	return r.Unique
}

// answer is a reply as it came over the pipe.
type answer struct {
	errno  int32
	unique uint64
	body   []byte
}

func (p *pipe) next(t *testing.T) answer {
	t.Helper()
	select {
	case b := <-p.replies:
		require.GreaterOrEqual(t, len(b), fusetest.OutHeaderSize)
		require.EqualValues(t, len(b), binary.NativeEndian.Uint32(b), "length in the header")
		return answer{int32(binary.NativeEndian.Uint32(b[4:])), binary.NativeEndian.Uint64(b[8:]), b[16:]}
	case <-time.After(10 * time.Second):
		t.Fatal("no reply came")
		return answer{}
	}
}

func (p *pipe) wantClosed(t *testing.T) {
	t.Helper()
	fusetest.Eventually(t, 10*time.Second, "the transport is closed", func() bool { return p.closes.Load() > 0 })
}

// mountPipe has a session served over a pipe. What is returned ends it, and checks that everything has gone well.
func mountPipe(t *testing.T, ops *lowlevel.Ops, cfg lowlevel.Config) (*pipe, *lowlevel.Session, chan error) {
	t.Helper()
	p, s := newPipe(), newSession(t, ops, cfg)
	p.send(fusetest.DefaultInit().Request())
	require.NoError(t, s.MountTransport(p))
	init, err := fusetest.ParseInitOut(p.next(t).body)
	require.NoError(t, err)
	require.EqualValues(t, 7, init.Major)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return p, s, served
}

func TestMountTransport_RequestsAndReplies(t *testing.T) {
	fusetest.CheckLeaks(t)
	p, s, served := mountPipe(t, oneFile(), lowlevel.Config{})
	unique := p.send(fusetest.Lookup(1, "f"))
	got := p.next(t)
	assert.Equal(t, unique, got.unique)
	entry, err := fusetest.ParseEntryOut(got.body)
	require.NoError(t, err)
	assert.EqualValues(t, fileIno, entry.NodeID)

	p.send(fusetest.Lookup(1, "nothing"))
	assert.EqualValues(t, -int32(unix.ENOENT), p.next(t).errno)

	require.NoError(t, s.Close())
	require.NoError(t, <-served)
	p.wantClosed(t)
}

// Requests are told apart although a stream carries them, however many are under way.
func TestMountTransport_ManyRequestsAtOnce(t *testing.T) {
	p, _, _ := mountPipe(t, oneFile(), lowlevel.Config{SingleThread: true})
	want := map[uint64]bool{}
	for range 300 {
		want[p.send(fusetest.Lookup(1, "f"))] = true
	}
	for range 300 {
		got := p.next(t)
		assert.Zero(t, got.errno)
		assert.True(t, want[got.unique], "an answer to %d", got.unique)
		delete(want, got.unique)
	}
}

func TestMountTransport_BigMessages(t *testing.T) {
	const size = 128 << 10
	ops := oneFile()
	written := make(chan int, 1)
	ops.Write = func(_ *lowlevel.Request, _ lowlevel.Ino, data []byte, _ int64, _ *lowlevel.FileInfo) (int, error) {
		written <- len(data)
		return len(data), nil
	}
	p, _, _ := mountPipe(t, ops, lowlevel.Config{})
	for range 20 {
		p.send(fusetest.Write(2, fusetest.WriteIn{}, make([]byte, size)))
		assert.Zero(t, p.next(t).errno)
		assert.Equal(t, size, <-written)
		p.send(fusetest.Read(2, fusetest.ReadIn{Size: size}))
		assert.Len(t, p.next(t).body, size)
	}
}

// The other end has no more requests: that is the end of the session, after what has been asked is answered.
func TestMountTransport_OtherEndCloses(t *testing.T) {
	fusetest.CheckLeaks(t)
	p, s, served := mountPipe(t, oneFile(), lowlevel.Config{})
	unique := p.send(fusetest.Lookup(1, "f"))
	close(p.requests)
	assert.Equal(t, unique, p.next(t).unique)
	select {
	case err := <-served:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Serve has not returned")
	}
	require.NoError(t, s.Close())
	p.wantClosed(t)
}

func TestMountTransport_OtherEndTakesNoReplies(t *testing.T) {
	fusetest.CheckLeaks(t)
	silence(t)
	p, s, served := mountPipe(t, oneFile(), lowlevel.Config{})
	p.writeErr = errors.New("line is down")
	p.send(fusetest.Lookup(1, "nothing"))
	select {
	case <-served:
	case <-time.After(10 * time.Second):
		t.Fatal("Serve has not returned")
	}
	require.NoError(t, s.Close())
	p.wantClosed(t)
}

func TestMountTransport_ClosedWhenItFails(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, oneFile(), lowlevel.Config{})
	require.NoError(t, s.Close())
	p := newPipe()
	require.ErrorIs(t, s.MountTransport(p), lowlevel.ErrClosed)
	p.wantClosed(t)
}

func TestMountTransport_EndsBeforeInit(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, oneFile(), lowlevel.Config{})
	p := newPipe()
	close(p.requests)
	require.ErrorIs(t, s.MountTransport(p), unix.ENOTCONN)
	require.NoError(t, s.Close())
	p.wantClosed(t)
}

func TestMountTransport_CloseWhileItWaitsForInit(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, oneFile(), lowlevel.Config{})
	p := newPipe()
	mounted := make(chan error, 1)
	go func() { mounted <- s.MountTransport(p) }()
	waitForHandshake(t)
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-mounted, lowlevel.ErrClosed)
	p.wantClosed(t)
}

// A transport is closed once, however the session ends.
func TestMountTransport_ClosedOnce(t *testing.T) {
	p, s, served := mountPipe(t, oneFile(), lowlevel.Config{})
	p.send(fusetest.Lookup(1, "f"))
	p.next(t)
	require.NoError(t, s.Unmount())
	require.NoError(t, <-served)
	require.NoError(t, s.Close())
	p.wantClosed(t)
	assert.EqualValues(t, 1, p.closes.Load())
}

// waitForHandshake returns once some session waits for INIT.
func waitForHandshake(t *testing.T) {
	t.Helper()
	fusetest.Eventually(t, 5*time.Second, "a session waits for INIT", func() bool {
		stacks := make([]byte, 1<<16)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "cshim.(*Session).Handshake")
	})
}

// Several threads read the same stream, and write to it.
func TestMountTransport_ManyThreads(t *testing.T) {
	const size = 128 << 10
	ops := oneFile()
	ops.Access = func(*lowlevel.Request, lowlevel.Ino, uint32) error {
		<-time.After(2 * time.Millisecond) // slow: others join in
		return nil
	}
	ops.Read = func(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
		for i := range dst {
			dst[i] = byte(off)
		}
		return len(dst), nil
	}
	p, _, _ := mountPipe(t, ops, lowlevel.Config{})
	reads := map[uint64]byte{}
	for i := range 200 {
		p.send(fusetest.Access(1, 0))
		p.send(fusetest.Lookup(1, "f"))
		reads[p.send(fusetest.Read(2, fusetest.ReadIn{Offset: uint64(i), Size: size}))] = byte(i)
	}
	for range 600 {
		got := p.next(t)
		require.Zero(t, got.errno)
		if b, ok := reads[got.unique]; ok {
			require.Equal(t, bytes.Repeat([]byte{b}, size), got.body)
		}
	}
}
