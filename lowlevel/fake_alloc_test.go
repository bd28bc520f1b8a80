package lowlevel_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// rawKernel sends and receives with two system calls a request, and allocates nothing.
type rawKernel struct {
	t      testing.TB
	fd     int
	unique uint64
	buf    [1 << 17]byte
}

// startRaw serves ops to a rawKernel.
func startRaw(t testing.TB, ops *lowlevel.Ops) *rawKernel {
	t.Helper()
	kernelFD, serverFD, err := fusetest.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, ops, lowlevel.Config{})
	k := &rawKernel{t: t, fd: kernelFD, unique: 2}
	if _, err := unix.Write(k.fd, fusetest.DefaultInit().Request().WithUnique(k.unique).Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(serverFD); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Read(k.fd, k.buf[:]); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		_ = unix.Close(k.fd)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return k
}

// send sends a request with a new number.
func (k *rawKernel) send(msg []byte) {
	k.unique += 2
	binary.NativeEndian.PutUint64(msg[8:], k.unique)
	if _, err := unix.Write(k.fd, msg); err != nil {
		k.t.Fatal(err)
	}
}

// call sends a request and returns how long the reply is.
func (k *rawKernel) call(msg []byte) int {
	k.send(msg)
	n, err := unix.Read(k.fd, k.buf[:])
	if err != nil {
		k.t.Fatal(err)
	}
	if e := int32(binary.NativeEndian.Uint32(k.buf[4:])); e != 0 || binary.NativeEndian.Uint64(k.buf[8:]) != k.unique {
		k.t.Fatalf("reply: %x, error %d", k.buf[:n], e)
	}
	return n
}

// allocOps are handlers that do not allocate.
func allocOps() *lowlevel.Ops {
	data := make([]byte, 1<<16)
	return &lowlevel.Ops{
		Lookup: func(request, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil },
		Getattr: func(request, ino, file) (lowlevel.Stat, time.Duration, error) {
			return someStat, time.Second, nil
		},
		Open:    func(_ request, _ ino, f file) error { f.Fh = 7; return nil },
		Read:    func(_ request, _ ino, dst []byte, _ int64, _ file) (int, error) { return copy(dst, data), nil },
		Write:   func(_ request, _ ino, p []byte, _ int64, _ file) (int, error) { return copy(data, p), nil },
		Release: func(request, ino, file) error { return nil },
		Forget:  func(request, ino, uint64) {},
	}
}

// hotRequests are those that must not allocate, and how long their replies are.
func hotRequests() []struct {
	name string
	req  *fusetest.Request
	want int
} {
	return []struct {
		name string
		req  *fusetest.Request
		want int
	}{
		{"lookup", fusetest.Lookup(1, "a name of a file"), 144},
		{"getattr", fusetest.Getattr(1, fusetest.GetattrIn{Flags: fusetest.GetattrFh}), 120},
		{"open", fusetest.Open(1, fusetest.OpenIn{}), 32},
		{"read", fusetest.Read(1, fusetest.ReadIn{Size: 1 << 16}), 16 + 1<<16},
		{"write", fusetest.Write(1, fusetest.WriteIn{}, make([]byte, 1<<16)), 24},
		{"release", fusetest.Release(1, fusetest.ReleaseIn{}), 16},
	}
}

// TestFake_NoAllocations counts what all of the process allocates while requests go through, so it allows for a few by others.
func TestFake_NoAllocations(t *testing.T) {
	if sanitized {
		t.Skip("the sanitizers allocate")
	}
	const n = 2000
	k := startRaw(t, allocOps())
	getattr := fusetest.Getattr(1, fusetest.GetattrIn{}).Bytes()
	forget := fusetest.Forget(1, 1).Bytes()
	for _, tt := range hotRequests() {
		msg := tt.req.Bytes()
		wantNone(t, tt.name, n, func() {
			if got := k.call(msg); got != tt.want {
				t.Fatalf("%s: got %d bytes, want %d", tt.name, got, tt.want)
			}
		})
	}
	wantNone(t, "forget", n, func() {
		k.send(forget)
		k.call(getattr) // so that they do not pile up
	})
}

// wantNone runs f n times and fails if there was an allocation in more than one run of twenty: what the rest of the process does counts,
// too.
func wantNone(t *testing.T, what string, n int, f func()) {
	t.Helper()
	for range 100 { // what is made once
		f()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	got := after.Mallocs - before.Mallocs
	t.Logf("%s: %d allocations in %d requests", what, got, n)
	if got > uint64(n)/20 {
		t.Errorf("%s: %d allocations in %d requests, want none", what, got, n)
	}
}

func BenchmarkFake(b *testing.B) {
	for _, tt := range hotRequests() {
		b.Run(tt.name, func(b *testing.B) {
			k := startRaw(b, allocOps())
			msg := tt.req.Bytes()
			b.ReportAllocs()
			for b.Loop() {
				k.call(msg)
			}
		})
	}
}
