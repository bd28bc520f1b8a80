package lowlevel_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const fileIno = lowlevel.Ino(2)

// oneFile is a filesystem with a file "f" that has no end.
func oneFile() *lowlevel.Ops {
	stat := func(ino lowlevel.Ino) lowlevel.Stat {
		if ino == lowlevel.RootIno {
			return lowlevel.Stat{Ino: 1, Mode: unix.S_IFDIR | 0o755, Nlink: 2}
		}
		return lowlevel.Stat{Ino: 2, Mode: unix.S_IFREG | 0o644, Nlink: 1, Size: 1 << 40}
	}
	return &lowlevel.Ops{
		Lookup: func(_ *lowlevel.Request, _ lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
			if name != "f" {
				return lowlevel.EntryParam{}, unix.ENOENT
			}
			return lowlevel.EntryParam{Ino: fileIno, Attr: stat(fileIno)}, nil
		},
		Getattr: func(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
			return stat(ino), 0, nil
		},
		Open: func(_ *lowlevel.Request, _ lowlevel.Ino, fi *lowlevel.FileInfo) error {
			fi.DirectIO = true
			return nil
		},
		Read: func(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, _ int64, _ *lowlevel.FileInfo) (int, error) {
			return len(dst), nil
		},
	}
}

// mounted is a session on a real mount, with Serve running.
type mounted struct {
	*lowlevel.Session
	dir    string
	cancel context.CancelFunc
	served chan error
}

func mountConfig(t *testing.T, ops *lowlevel.Ops, cfg lowlevel.Config) *mounted {
	t.Helper()
	fusetest.RequireFUSE(t)
	m := &mounted{Session: newSession(t, ops, cfg), dir: t.TempDir(), served: make(chan error, 1)}
	fusetest.Watchdog(t, time.Minute, m.dir)
	t.Cleanup(func() { _ = m.Close() })
	require.NoError(t, m.Mount(m.dir))
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() { m.served <- m.Serve(ctx) }()
	return m
}

// wait returns what Serve returned.
func (m *mounted) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-m.served:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Serve has not returned within 10 s")
		return nil
	}
}

func (m *mounted) isMounted(t *testing.T) bool {
	t.Helper()
	info, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	return containsField(string(info), m.dir)
}

func TestSession_StatesAreErrors(t *testing.T) {
	_, err := lowlevel.New(nil, lowlevel.Config{})
	require.ErrorIs(t, err, unix.EINVAL)

	s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
	require.ErrorIs(t, s.Serve(context.Background()), lowlevel.ErrNotMounted)
	require.ErrorIs(t, s.Unmount(), lowlevel.ErrNotMounted)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "Close again")
	require.ErrorIs(t, s.Mount(t.TempDir()), lowlevel.ErrClosed)
	require.ErrorIs(t, s.Serve(context.Background()), lowlevel.ErrClosed)
	require.ErrorIs(t, s.Unmount(), lowlevel.ErrClosed)
}

func TestSession_MountAndServeOnlyOnce(t *testing.T) {
	m := mountConfig(t, oneFile(), lowlevel.Config{})
	fusetest.Run(t, 5*time.Second, "stat", filepath.Join(m.dir, "f"))
	require.ErrorIs(t, m.Mount(t.TempDir()), lowlevel.ErrMounted)
	require.ErrorIs(t, m.Serve(context.Background()), lowlevel.ErrServing)
}

func TestSession_BadMountpoint(t *testing.T) {
	fusetest.RequireFUSE(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s := newSession(t, oneFile(), lowlevel.Config{})
	defer s.Close()

	require.ErrorIs(t, s.Mount(filepath.Join(dir, "missing")), unix.ENOENT)
	require.ErrorIs(t, s.Mount(file), unix.ENOTDIR)
	err := s.Mount("/dev/fd/9999")
	require.ErrorContains(t, err, "Invalid file descriptor")
	require.NoError(t, s.Mount(dir), "after failures it may be tried again")
}

func TestSession_UnknownOptionIsInLibfusesWords(t *testing.T) {
	_, err := lowlevel.New(oneFile(), lowlevel.Config{Args: []string{"prog", "-o", "nonsense"}})
	var said *lowlevel.LibraryError
	require.ErrorAs(t, err, &said)
	require.Contains(t, said.Text, "unknown option(s): `-o nonsense'")
}

// The ways to end a session, idle and in use. Each must take less than 100 ms, and leave nothing.
func TestSession_Stops(t *testing.T) {
	ways := map[string]func(t *testing.T, m *mounted){
		"context": func(_ *testing.T, m *mounted) { m.cancel() },
		"Unmount": func(t *testing.T, m *mounted) { require.NoError(t, m.Unmount()) },
		"Close":   func(t *testing.T, m *mounted) { require.NoError(t, m.Close()) },
		"umount":  func(t *testing.T, m *mounted) { require.NoError(t, unix.Unmount(m.dir, unix.MNT_DETACH)) },
	}
	configs := map[string]lowlevel.Config{
		"pool":     {},
		"single":   {SingleThread: true},
		"clone_fd": {CloneFD: true},
	}
	for how, stop := range ways {
		for kind, cfg := range configs {
			t.Run(how+"/"+kind+"/idle", func(t *testing.T) { stopsInTime(t, cfg, stop, false) })
			if how != "umount" { // which leaves a mount in use to its users
				t.Run(how+"/"+kind+"/busy", func(t *testing.T) { stopsInTime(t, cfg, stop, true) })
			}
		}
	}
}

// The best of several tries counts: what is measured is how long stopping takes, not what else the machine has to do.
func stopsInTime(t *testing.T, cfg lowlevel.Config, stop func(*testing.T, *mounted), busy bool) {
	fusetest.RequireRoot(t)
	best := time.Hour
	for range 3 {
		best = min(best, timeToStop(t, cfg, stop, busy))
	}
	assert.Less(t, best, 100*time.Millisecond, "time to stop")
}

func timeToStop(t *testing.T, cfg lowlevel.Config, stop func(*testing.T, *mounted), busy bool) time.Duration {
	fusetest.CheckLeaks(t)
	ops := oneFile()
	var destroyed atomic.Int32
	ops.Destroy = func() { destroyed.Add(1) }
	m := mountConfig(t, ops, cfg)
	fusetest.Run(t, 5*time.Second, "ls", filepath.Join(m.dir, "f"))
	if busy {
		keepBusy(t, filepath.Join(m.dir, "f"))
	}
	start := time.Now()
	stop(t, m)
	require.NoError(t, m.wait(t))
	took := time.Since(start)
	require.NoError(t, m.Close())
	assert.EqualValues(t, 1, destroyed.Load(), "calls of Destroy")
	assert.False(t, m.isMounted(t), "still mounted")
	return took
}

// keepBusy starts a process that reads file without end, and waits until it does.
func keepBusy(t *testing.T, file string) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer null.Close()
	p, err := os.StartProcess("/bin/cat", []string{"cat", file}, &os.ProcAttr{Files: []*os.File{null, null, null}})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = p.Kill()
		_, _ = p.Wait()
	})
	fusetest.Eventually(t, 5*time.Second, "cat has the file open", func() bool {
		fds, _ := os.ReadDir(filepath.Join("/proc", itoa(p.Pid), "fd"))
		for _, fd := range fds {
			if to, _ := os.Readlink(filepath.Join("/proc", itoa(p.Pid), "fd", fd.Name())); to == file {
				return true
			}
		}
		return false
	})
}

func TestSession_ManyTimesLeavesNothing(t *testing.T) {
	fusetest.RequireRoot(t)
	fusetest.CheckLeaks(t)
	for range 20 {
		m := mountConfig(t, oneFile(), lowlevel.Config{})
		fusetest.Run(t, 5*time.Second, "stat", filepath.Join(m.dir, "f"))
		require.NoError(t, m.Close())
	}
}

func TestSession_SeveralAtATime(t *testing.T) {
	var all []*mounted
	for range 4 {
		all = append(all, mountConfig(t, oneFile(), lowlevel.Config{}))
	}
	var wg sync.WaitGroup
	for _, m := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			fusetest.Run(t, 10*time.Second, "head", "-c", "1000000", filepath.Join(m.dir, "f"))
		}()
	}
	wg.Wait()
	require.NoError(t, all[0].Close())
	fusetest.Run(t, 5*time.Second, "stat", filepath.Join(all[1].dir, "f"))
}

// A session must not unmount what somebody else has mounted over it.
func TestSession_LeavesForeignMountsAlone(t *testing.T) {
	fusetest.RequireRoot(t)
	m := mountConfig(t, oneFile(), lowlevel.Config{})
	require.NoError(t, unix.Mount("none", m.dir, "tmpfs", 0, ""))
	t.Cleanup(func() {
		for m.isMounted(t) {
			require.NoError(t, unix.Unmount(m.dir, unix.MNT_DETACH))
		}
	})
	require.NoError(t, m.Close())
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(m.dir, &st))
	assert.EqualValues(t, unix.TMPFS_MAGIC, st.Type, "what is on top")
}

// Nor what was mounted there after its own mount has gone: that has the same mount ID and device number.
func TestSession_LeavesTheNextMountAlone(t *testing.T) {
	fusetest.RequireRoot(t)
	fusetest.RequireFUSE(t)
	dir := t.TempDir()
	var st unix.Statx_t
	require.NoError(t, unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_MNT_ID_UNIQUE, &st))
	if st.Mask&unix.STATX_MNT_ID_UNIQUE == 0 || st.Mnt_id == 0 {
		t.Skip("nothing tells them apart before Linux 6.8, nor under qemu-user")
	}
	fusetest.Watchdog(t, time.Minute, dir)
	first, next := newSession(t, oneFile(), lowlevel.Config{}), newSession(t, oneFile(), lowlevel.Config{})
	require.NoError(t, first.Mount(dir))
	require.NoError(t, unix.Unmount(dir, 0))
	require.NoError(t, next.Mount(dir))
	require.NoError(t, first.Close())
	assert.True(t, (&mounted{Session: next, dir: dir}).isMounted(t), "the next one")
	require.NoError(t, next.Close())
}

func TestSession_AutoUnmountLeavesNothing(t *testing.T) {
	fusetest.RequireRoot(t)
	fusetest.CheckLeaks(t)
	m := mountConfig(t, oneFile(), lowlevel.Config{Mount: lowlevel.MountOptions{AutoUnmount: true, FSName: `a,b\c`}})
	info, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Contains(t, string(info), `a,b\134c`)
	require.NoError(t, m.Close())
	assert.False(t, m.isMounted(t))
}

func TestSession_CloseWhileMounting(t *testing.T) {
	fusetest.CheckLeaks(t)
	k, fd := fusetest.NewKernel(t)
	_ = k
	s := newSession(t, oneFile(), lowlevel.Config{})
	got := make(chan error, 1)
	go func() { got <- s.MountFD(fd) }() // INIT never comes
	fusetest.Eventually(t, 5*time.Second, "Mount waits for INIT", func() bool {
		stacks := make([]byte, 1<<16)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "cshim.(*Session).Handshake")
	})
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-got, lowlevel.ErrClosed)
}

func TestSession_StuckHandlerIsReported(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	ops := oneFile()
	ops.Getattr = func(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
		close(began)
		<-release
		return lowlevel.Stat{}, 0, unix.EIO
	}
	ops.Destroy = func() { t.Error("Destroy was called while a handler runs") }
	s := newSession(t, ops, lowlevel.Config{DrainTimeout: 50 * time.Millisecond})
	k, fd := fusetest.NewKernel(t)
	require.NoError(t, k.SendInit(fusetest.DefaultInit()))
	require.NoError(t, s.MountFD(fd))
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	require.NoError(t, k.Send(fusetest.Getattr(1, fusetest.GetattrIn{})))
	<-began

	start := time.Now()
	require.ErrorIs(t, s.Close(), lowlevel.ErrBusy)
	assert.Less(t, time.Since(start), time.Second)
	require.ErrorIs(t, <-served, lowlevel.ErrBusy)
	close(release)
}

func TestSession_HandlersFinishWithinDrainTimeout(t *testing.T) {
	began := make(chan struct{})
	ops := oneFile()
	ops.Read = func(req *lowlevel.Request, _ lowlevel.Ino, dst []byte, _ int64, _ *lowlevel.FileInfo) (int, error) {
		close(began)
		<-req.Context().Done()
		if !errors.Is(context.Cause(req.Context()), lowlevel.ErrShutdown) {
			t.Errorf("cause: got %v, want ErrShutdown", context.Cause(req.Context()))
		}
		return len(dst), nil
	}
	s := newSession(t, ops, lowlevel.Config{DrainTimeout: 50 * time.Millisecond})
	k, fd := fusetest.NewKernel(t)
	require.NoError(t, k.SendInit(fusetest.DefaultInit()))
	require.NoError(t, s.MountFD(fd))
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	read := fusetest.Read(2, fusetest.ReadIn{Size: 4096})
	require.NoError(t, k.Send(read))
	<-began
	cancel()
	require.NoError(t, <-served)
	rep, err := k.Reply(read.Unique)
	require.NoError(t, err)
	assert.Len(t, rep.Body, 4096)
	require.NoError(t, s.Close())
}

func TestSession_CloseFromHandlerIsRefused(t *testing.T) {
	var s *lowlevel.Session
	got := make(chan error, 1)
	ops := oneFile()
	ops.Access = func(*lowlevel.Request, lowlevel.Ino, uint32) error {
		got <- s.Close()
		return nil
	}
	s = newSession(t, ops, lowlevel.Config{})
	k := fusetest.Start(t, s)
	k.MustCall(t, fusetest.Access(1, 0))
	require.Error(t, <-got)
}

func TestSession_UnmountFromHandlerEndsServe(t *testing.T) {
	ops := oneFile()
	ops.Access = func(req *lowlevel.Request, _ lowlevel.Ino, _ uint32) error { return req.Session().Unmount() }
	m := mountConfig(t, ops, lowlevel.Config{})
	fusetest.Run(t, 5*time.Second, "test", "-r", m.dir)
	require.NoError(t, m.wait(t))
}

func TestSession_TwoInitsThatDoNotAgree(t *testing.T) {
	fusetest.RequireRoot(t)
	ops := oneFile()
	ops.Init = func(conn *lowlevel.ConnInfo) {
		assert.NoError(t, conn.SetMaxRead(8192)) // not what the mount says
	}
	s := newSession(t, ops, lowlevel.Config{Mount: lowlevel.MountOptions{MaxRead: 16384}})
	dir := t.TempDir()
	fusetest.Watchdog(t, time.Minute, dir)
	require.ErrorIs(t, s.Mount(dir), syscall.EPROTO)
	require.NoError(t, s.Close())
}

// Unmount without Serve has ended the session; Serve must not start threads on what is left of it.
func TestSession_ServeAfterUnmount(t *testing.T) {
	for range 20 {
		k, fd := fusetest.NewKernel(t)
		s := newSession(t, oneFile(), lowlevel.Config{})
		require.NoError(t, k.SendInit(fusetest.DefaultInit()))
		require.NoError(t, s.MountFD(fd))
		require.NoError(t, s.Unmount())
		assert.ErrorIs(t, s.Serve(context.Background()), lowlevel.ErrClosed)
		require.NoError(t, s.Close())
	}
}
