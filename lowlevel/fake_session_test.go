package lowlevel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// TestFake_ConcurrentRequests: many at a time, with every kind of thread.
func TestFake_ConcurrentRequests(t *testing.T) {
	fusetest.CheckLeaks(t)
	ops := &lowlevel.Ops{
		Read: func(r request, node ino, dst []byte, off int64, _ file) (int, error) {
			if off%2 == 0 {
				return copy(dst, fmt.Sprint(node, off)), nil
			}
			rep, n := r.Detach(), off
			go func() { _ = rep.Buf([]byte(fmt.Sprint(node, n))) }()
			return 0, nil
		},
	}
	for name, cfg := range map[string]lowlevel.Config{
		"default": {}, "single": {SingleThread: true}, "many": {MaxThreads: 32, MaxIdleThreads: 2}, "least": {MaxIdleThreads: lowlevel.LeastIdle},
	} {
		t.Run(name, func(t *testing.T) {
			k := serveConfig(t, ops, cfg)
			var wg sync.WaitGroup
			for g := range uint64(8) {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := range uint64(100) {
						r, err := k.Call(fusetest.Read(g, fusetest.ReadIn{Offset: i, Size: 64}))
						if want := fmt.Sprint(g, i); err != nil || string(r.Body) != want {
							t.Errorf("got %v, %v, want %q", r, err, want)
							return
						}
					}
				}()
			}
			wg.Wait()
		})
	}
}

// TestFake_BlockedHandlers: as long as fewer than MaxThreads handlers are blocked, others get through.
func TestFake_BlockedHandlers(t *testing.T) {
	const threads = 4
	release := make(chan struct{})
	k := serveConfig(t, &lowlevel.Ops{Unlink: func(request, ino, string) error {
		<-release
		return nil
	}}, lowlevel.Config{MaxThreads: threads})
	var blocked []uint64
	for range threads - 1 {
		blocked = append(blocked, send(t, k, fusetest.Unlink(1, "n")))
		settle(t, k)
	}
	close(release)
	for _, u := range blocked {
		wantReply(t, k, "unlink", u, 0)
	}
}

// TestFake_BigMessages: as large as is negotiated.
func TestFake_BigMessages(t *testing.T) {
	fusetest.RequireRoot(t) // others do not get a socket buffer for 1 MiB
	size := 256 * os.Getpagesize()
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	ops := &lowlevel.Ops{
		Read: func(_ request, _ ino, dst []byte, _ int64, _ file) (int, error) { return copy(dst, data), nil },
		Write: func(_ request, _ ino, p []byte, _ int64, _ file) (int, error) {
			if !bytes.Equal(p, data) {
				t.Error("the data has changed on the way")
			}
			return len(p), nil
		},
	}
	p := fusetest.DefaultInit()
	p.Flags |= fusetest.InitMaxPages
	k := startInit(t, ops, lowlevel.Config{}, p)
	r := k.MustCall(t, fusetest.Write(1, fusetest.WriteIn{}, data))
	wantBytes(t, "write", r.Bytes(), okMessage(r.Unique, u32(uint32(size), 0)))
	if r = k.MustCall(t, fusetest.Read(1, fusetest.ReadIn{Size: uint32(size)})); !bytes.Equal(r.Body, data) {
		t.Errorf("read: got %v", r)
	}
}

// TestFake_WriteDataIsAligned, so that it may go to a file opened with O_DIRECT.
func TestFake_WriteDataIsAligned(t *testing.T) {
	var at []uintptr
	k := serve(t, &lowlevel.Ops{Write: func(_ request, _ ino, p []byte, _ int64, _ file) (int, error) {
		at = append(at, address(p)%uintptr(os.Getpagesize()))
		return len(p), nil
	}})
	for _, n := range []int{1, 512, 4096, 65536} {
		k.MustCall(t, fusetest.Write(1, fusetest.WriteIn{}, make([]byte, n)))
	}
	if !slices.Equal(at, []uintptr{0, 0, 0, 0}) {
		t.Errorf("offsets in the page: got %v, want zeros", at)
	}
}

// TestFake_PollNotify: the bytes of a wake-up, and what a handle says when its time is over.
func TestFake_PollNotify(t *testing.T) {
	handles := make(chan *lowlevel.PollHandle, 2)
	k := serve(t, &lowlevel.Ops{Poll: func(_ request, _ ino, _ file, ph *lowlevel.PollHandle) (uint32, error) {
		handles <- ph
		return 0, nil
	}})
	in := fusetest.PollIn{Kh: big, Flags: fusetest.PollScheduleNotify, Events: unix.POLLIN}
	k.MustCall(t, fusetest.Poll(1, in))
	ph := <-handles
	for range 2 {
		if err := ph.Notify(); err != nil {
			t.Fatal(err)
		}
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "notification", n.Bytes(), cat(u32(24, 1), u64(0, big)))
	}
	ph.Close()
	ph.Close()
	if err := ph.Notify(); err == nil {
		t.Error("Notify after Close: no error")
	}
	k.MustCall(t, fusetest.Poll(1, in))
	ph = <-handles
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := ph.Notify(); err == nil {
		t.Error("Notify after the session: no error")
	}
	ph.Close()
}

// TestFake_Groups are those of the process that the request names.
func TestFake_Groups(t *testing.T) {
	want, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []uint32, 1)
	k := serve(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		list, err := r.Groups()
		got <- list
		return err
	}})
	r := k.MustCall(t, fusetest.Unlink(1, "n"))
	list := <-got
	if r.Errno != 0 || len(list) != len(want) {
		t.Errorf("got %v, %v, want %v", list, r, want)
	}
	r = k.MustCall(t, fusetest.Unlink(1, "n").As(0, 0, 1<<30))
	if <-got; r.Errno != unix.EIO {
		t.Errorf("groups of nobody: got %v, want EIO", r)
	}
}

// TestFake_KernelGone: the end of the connection ends Serve without an error, busy or not.
func TestFake_KernelGone(t *testing.T) {
	fusetest.CheckLeaks(t)
	for _, busy := range []bool{false, true} {
		ended := make(chan struct{})
		entered := make(chan struct{}, 1)
		s := newSession(t, &lowlevel.Ops{
			Unlink: func(r request, _ ino, _ string) error {
				entered <- struct{}{}
				return waitContext(r.Context())
			},
			Destroy: func() { close(ended) },
		}, lowlevel.Config{DrainTimeout: time.Second})
		k, err := fusetest.Connect(s, fusetest.DefaultInit())
		if err != nil {
			t.Fatal(err)
		}
		if busy {
			send(t, k, fusetest.Unlink(1, "n"))
			<-entered
		}
		if err := k.Kernel.Close(); err != nil {
			t.Error(err)
		}
		if err := k.WaitServe(10 * time.Second); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := k.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("Destroy was not called")
		}
	}
}

// TestFake_StopsWithin100ms when idle, from any goroutine, and leaves nothing. The median counts: the machine may have other
// things to do.
func TestFake_StopsWithin100ms(t *testing.T) {
	fusetest.CheckLeaks(t)
	var took []time.Duration
	for range 20 {
		s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
		k, err := fusetest.Connect(s, fusetest.DefaultInit())
		if err != nil {
			t.Fatal(err)
		}
		settle(t, k)
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		took = append(took, time.Since(began))
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(took)
	t.Logf("Close took %v to %v", took[0], took[len(took)-1])
	if d := took[len(took)/2]; d > 100*time.Millisecond && !sanitized {
		t.Errorf("Close took %v, want at most 100 ms", d)
	}
}

// TestFake_ServeEndsByContext, and a second one is refused.
func TestFake_ServeEndsByContext(t *testing.T) {
	s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
	if err := s.Serve(context.Background()); err == nil {
		t.Error("Serve before Mount: no error")
	}
	k := fusetest.Start(t, s)
	settle(t, k)
	if err := s.Serve(context.Background()); err == nil {
		t.Error("second Serve: no error")
	}
	settle(t, k)
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Serve(context.Background()); err == nil {
		t.Error("Serve after Close: no error")
	}
}

// TestFake_MountFDAfterClose must not touch what Close has freed, and takes the descriptor over all the same.
func TestFake_MountFDAfterClose(t *testing.T) {
	s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	k, fd := fusetest.NewKernel(t)
	if err := s.MountFD(fd); !errors.Is(err, lowlevel.ErrClosed) {
		t.Errorf("MountFD after Close: got %v, want ErrClosed", err)
	}
	select {
	case <-k.Done():
	case <-time.After(10 * time.Second):
		t.Error("MountFD has not closed the descriptor")
	}
}
