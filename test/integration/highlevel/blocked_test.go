package highlevel

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// slowFS has files whose Read takes until somebody lets it go, or the request is interrupted. It writes down what happens.
type slowFS struct {
	mu    sync.Mutex
	names map[string]uint32 // path -> mode
	log   []string
	let   chan struct{}
	cause error // of the interrupted Read
}

func newSlowFS() *slowFS {
	return &slowFS{let: make(chan struct{}), names: map[string]uint32{
		"/": unix.S_IFDIR | 0o755, "/d": unix.S_IFDIR | 0o755, "/d/slow": unix.S_IFREG | 0o644, "/d/other": unix.S_IFREG | 0o644, "/f": unix.S_IFREG | 0o644,
	}}
}

func (fs *slowFS) note(what string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.log = append(fs.log, what)
}

// noted waits until something has happened.
func (fs *slowFS) noted(t *testing.T, what string) {
	t.Helper()
	fusetest.Eventually(t, time.Minute, what, func() bool { return slices.Contains(fs.events(), what) })
}

func (fs *slowFS) events() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Clone(fs.log)
}

func (fs *slowFS) ops() *highlevel.Operations {
	return &highlevel.Operations{
		Getattr: func(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
			fs.mu.Lock()
			defer fs.mu.Unlock()
			mode, ok := fs.names[path]
			if !ok && path != "" {
				return highlevel.Stat{}, unix.ENOENT
			}
			return highlevel.Stat{Mode: mode, Nlink: 1, Size: 100}, nil
		},
		Rename: func(_ context.Context, from, to string, _ highlevel.RenameFlags) error {
			fs.mu.Lock()
			defer fs.mu.Unlock()
			for path, mode := range fs.names {
				if path == from || strings.HasPrefix(path, from+"/") {
					delete(fs.names, path)
					fs.names[to+strings.TrimPrefix(path, from)] = mode
				}
			}
			fs.log = append(fs.log, "rename "+from+" "+to)
			return nil
		},
		Open: func(_ context.Context, path string, fi *highlevel.FileInfo) error {
			fi.DirectIO = true
			if strings.HasSuffix(path, "slow") {
				fi.Fh = 1
			}
			return nil
		},
		Read: func(ctx context.Context, _ string, dst []byte, off int64, fi *highlevel.FileInfo) (int, error) {
			if fi.Fh != 1 || off > 0 {
				return 0, nil
			}
			fs.note("read begins")
			defer fs.note("read ends")
			select {
			case <-fs.let:
				return copy(dst, "done\n"), nil
			case <-ctx.Done():
				fs.mu.Lock()
				defer fs.mu.Unlock()
				fs.cause = context.Cause(ctx)
				return 0, ctx.Err()
			}
		},
	}
}

// mount mounts it, with nullpath_ok or without.
func (fs *slowFS) mount(t *testing.T, nullpath bool) (dir string) {
	t.Helper()
	cfg := highlevel.DefaultConfig()
	cfg.NullpathOK = nullpath
	return mountFS(t, fs.ops(), highlevel.WithConfig(cfg))
}

// start starts a command; its end is sent to the channel.
func start(t *testing.T, name string, args ...string) (*exec.Cmd, <-chan error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, ended
}

// A Read that blocks keeps nobody from renaming other files; and with NullpathOK not even its own.
func TestBlockedRead_OthersGoOn(t *testing.T) {
	for _, nullpath := range []bool{false, true} {
		t.Run(fmt.Sprintf("nullpath_ok %v", nullpath), func(t *testing.T) {
			fs := newSlowFS()
			dir := fs.mount(t, nullpath)
			_, read := start(t, "cat", filepath.Join(dir, "d/slow"))
			fs.noted(t, "read begins")
			fusetest.Run(t, time.Minute, "mv", filepath.Join(dir, "d/other"), filepath.Join(dir, "d/moved"))
			fusetest.Run(t, time.Minute, "mv", filepath.Join(dir, "f"), filepath.Join(dir, "d/f"))
			_, rename := start(t, "mv", "-T", filepath.Join(dir, "d"), filepath.Join(dir, "e"))
			want := []string{"read begins", "rename /d/other /d/moved", "rename /f /d/f"}
			if nullpath {
				want = append(want, "rename /d /e", "read ends")
				fs.noted(t, "rename /d /e")
				close(fs.let)
			} else {
				want = append(want, "read ends", "rename /d /e")
				close(fs.let)
				fs.noted(t, "rename /d /e")
			}
			for what, ended := range map[string]<-chan error{"read": read, "rename": rename} {
				if err := within(t, what, func() error { return <-ended }); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if got := fs.events(); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A signal to who reads, also one that kills it, ends the Read and what waits for it.
func TestBlockedRead_SignalsEndIt(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGKILL} {
		for _, nullpath := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, nullpath_ok %v", sig, nullpath), func(t *testing.T) { signalEndsRead(t, sig, nullpath) })
		}
	}
}

func signalEndsRead(t *testing.T, sig unix.Signal, nullpath bool) {
	fs := newSlowFS()
	dir := fs.mount(t, nullpath)
	cmd, read := start(t, "cat", filepath.Join(dir, "d/slow"))
	fs.noted(t, "read begins")
	_, rename := start(t, "mv", "-T", filepath.Join(dir, "d"), filepath.Join(dir, "e"))
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	err := within(t, "read", func() error { return <-read })
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(interface{ Signal() unix.Signal }).Signal() != sig {
		t.Errorf("the reader ended with %v", err)
	}
	if err := within(t, "rename", func() error { return <-rename }); err != nil {
		t.Errorf("rename: %v", err)
	}
	fs.noted(t, "read ends")
	if fs.cause != lowlevel.ErrInterrupted {
		t.Errorf("got cause %v, want %v", fs.cause, lowlevel.ErrInterrupted)
	}
}

// The session's end ends it, too.
func TestBlockedRead_UnmountEndsIt(t *testing.T) {
	fs := newSlowFS()
	dir := mountpoint(t)
	m, err := highlevel.Mount(context.Background(), dir, fs.ops(), highlevel.WithSession(lowlevel.Config{DrainTimeout: 50 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	_, read := start(t, "cat", filepath.Join(dir, "d/slow"))
	fs.noted(t, "read begins")
	if err := within(t, "Unmount", m.Unmount); err != nil {
		t.Error(err)
	}
	if err := within(t, "read", func() error { return <-read }); err == nil {
		t.Error("the reader ended well")
	}
	if fs.cause != lowlevel.ErrShutdown {
		t.Errorf("got cause %v, want %v", fs.cause, lowlevel.ErrShutdown)
	}
}
