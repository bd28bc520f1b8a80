package lowlevel_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// wantAll checks that every notification has the same error, and soon: none may block.
func wantAll(t *testing.T, when string, n notifier, want error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, tt := range withContext(refusable(t)) {
			if err := tt.call(n); !errors.Is(err, want) {
				t.Errorf("%s %s: got error %v, want %v", tt.name, when, err, want)
			}
		}
	}()
	waitFor(t, done, "all notifications "+when)
}

func TestNotifier_BeforeMount(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	wantAll(t, "before Mount", s.Notifier(), lowlevel.ErrNotMounted)

	k, fd := fusetest.NewKernel(t)
	mounted := make(chan error, 1)
	go func() { mounted <- s.MountFD(fd) }()
	wantAll(t, "before INIT", s.Notifier(), lowlevel.ErrNotMounted)
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	wantError(t, "Mount", mounted, nil)
	if _, err := k.InitReply(); err != nil {
		t.Fatal(err)
	}
	if n, ok := k.TryNotification(); ok {
		t.Errorf("got %v, want nothing on the wire", n)
	}
	if err := s.Notifier().InvalInode(1); err != nil {
		t.Errorf("before Serve: got error %v", err)
	}
	if _, err := k.Notification(10 * time.Second); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantAll(t, "after Close", s.Notifier(), lowlevel.ErrClosed)
}

func TestNotifier_NeverMounted(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, "after Close", s.Notifier(), lowlevel.ErrClosed)
}

func TestNotifier_MountFailed(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); err == nil {
		t.Fatal("MountFD without a kernel: got no error")
	}
	wantAll(t, "after a failed mount", s.Notifier(), lowlevel.ErrClosed)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, "after Close", s.Notifier(), lowlevel.ErrClosed)
}

// endings are the ways in which a session that is served ends.
var endings = map[string]func(t *testing.T, s *lowlevel.Session, k *fusetest.Served){
	"Close": func(t *testing.T, s *lowlevel.Session, _ *fusetest.Served) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	},
	"Unmount": func(t *testing.T, s *lowlevel.Session, k *fusetest.Served) {
		if err := s.Unmount(); err != nil {
			t.Error(err)
		}
		if err := k.WaitServe(10 * time.Second); err != nil {
			t.Error(err)
		}
	},
	"context": func(t *testing.T, _ *lowlevel.Session, k *fusetest.Served) {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	},
	"the kernel's end": func(t *testing.T, _ *lowlevel.Session, k *fusetest.Served) {
		if err := k.Kernel.Close(); err != nil {
			t.Error(err)
		}
	},
}

func TestNotifier_AfterTheEnd(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			fusetest.CheckLeaks(t)
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			settle(t, k) // Serve has begun
			end(t, s, k)
			wantAll(t, "after "+name, s.Notifier(), lowlevel.ErrClosed)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			wantAll(t, "after Close", s.Notifier(), lowlevel.ErrClosed)
		})
	}
}

// The kernel went away before anybody read from it.
func TestNotifier_KernelGoneBeforeServe(t *testing.T) {
	k, fd := fusetest.NewKernel(t)
	s := newSession(t, oneFile(), lowlevel.Config{})
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	wantAll(t, "after the kernel's end", s.Notifier(), lowlevel.ErrClosed)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestPollHandle_NotifyAfterTheEnd(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			ops := oneFile()
			handles := make(chan *lowlevel.PollHandle, 1)
			ops.Poll = func(req request, _ ino, _ file, ph *lowlevel.PollHandle) (uint32, error) {
				if err := ph.Notify(); err != nil {
					t.Errorf("in a handler: got error %v", err)
				}
				handles <- ph
				return unix.POLLIN, nil
			}
			s := newSession(t, ops, lowlevel.Config{SingleThread: true})
			k := fusetest.Start(t, s)
			k.MustCall(t, fusetest.Poll(2, fusetest.PollIn{Kh: 7, Flags: fusetest.PollScheduleNotify}))
			end(t, s, k)
			ph := <-handles
			if err := ph.Notify(); !errors.Is(err, lowlevel.ErrClosed) {
				t.Errorf("after the end: got error %v, want %v", err, lowlevel.ErrClosed)
			}
			ph.Close()
		})
	}
}

// Before Serve nobody answers a lookup, and so nobody ends what waits for it. Close does.
func TestNotifier_CloseBeforeServe(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	fusetest.CheckLeaks(t)
	dir := t.TempDir()
	fusetest.Watchdog(t, 30*time.Second, dir)
	s := newSession(t, oneFile(), lowlevel.Config{DrainTimeout: 200 * time.Millisecond})
	if err := s.Mount(dir); err != nil {
		t.Fatal(err)
	}
	client := exec.Command("stat", filepath.Join(dir, "f"))
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = client.Process.Kill()
		_ = client.Wait()
	}()
	fusetest.Eventually(t, 10*time.Second, "the client waits for its lookup", func() bool {
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", client.Process.Pid))
		return string(wchan) == "request_wait_answer"
	})
	results := make(chan error, 1)
	go func() { results <- s.Notifier().InvalEntry(lowlevel.RootIno, "f") }()
	waitInSend(t, "gf_notify_inval_entry")
	if err := s.Close(); err != nil {
		t.Errorf("Close: got error %v", err)
	}
	select {
	case err := <-results:
		if err != nil && !errors.Is(err, lowlevel.ErrNotCached) && !errors.Is(err, lowlevel.ErrClosed) {
			t.Errorf("InvalEntry: got error %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("InvalEntry still waits after Close")
	}
}
