package notifyqueue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const (
	dirs     = 16 // d0, d1, ...
	files    = 16 // in each: f0, f1, ...
	fileSize = 64 << 10
	forever  = time.Hour
)

func dirIno(d int) lowlevel.Ino     { return lowlevel.Ino(10 + d) }
func fileIno(d, f int) lowlevel.Ino { return lowlevel.Ino(1000 + 100*d + f) }

// A testFS is mounted; the kernel may keep for ever what it knows. Lookups of "held" are not answered until release is closed.
type testFS struct {
	*lowlevel.Session
	dir     string
	held    chan lowlevel.Ino // the directory of a Lookup that is held
	release chan struct{}
	served  chan error

	mu   sync.Mutex
	made map[string]lowlevel.Ino // directories that clients have made: "10/made1"
	last lowlevel.Ino

	// queue, if there is one, gets a notification about what is being worked on from some handlers.
	queue   atomic.Pointer[lowlevel.NotifyQueue]
	refused atomic.Uint64 // by a full queue
}

func (f *testFS) ops(writeback bool) *lowlevel.Ops {
	return &lowlevel.Ops{
		Init: func(c *lowlevel.ConnInfo) {
			if writeback {
				_ = c.Enable(lowlevel.CapWritebackCache) // every kernel has it
			}
		},
		Lookup:  f.lookup,
		Getattr: f.getattr,
		Setattr: func(req *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.Stat, _ lowlevel.SetAttr, fi *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
			return f.getattr(req, ino, fi)
		},
		Readdir: f.readdir,
		Read: func(_ *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
			f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalInodeRange(ino, off, 4096) })
			n := min(len(dst), max(0, int(fileSize-off)))
			clear(dst[:n])
			return n, nil
		},
		Write: func(_ *lowlevel.Request, ino lowlevel.Ino, data []byte, _ int64, _ *lowlevel.FileInfo) (int, error) {
			f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalInode(ino) })
			return len(data), nil
		},
		Mkdir: f.mkdir,
		Rmdir: f.rmdir,
	}
}

// notify queues in one of four handlers.
func (f *testFS) notify(put func(q *lowlevel.NotifyQueue) error) {
	q := f.queue.Load()
	if q == nil || rand.N(4) != 0 {
		return
	}
	if err := put(q); err != nil {
		f.refused.Add(1)
	}
}

func stat(ino lowlevel.Ino) lowlevel.Stat {
	if ino >= 1000 && ino < 1<<20 {
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o644, Nlink: 1, Size: fileSize}
	}
	return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 2}
}

func (f *testFS) lookup(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if name == "held" {
		f.held <- parent
		select {
		case <-f.release:
		case <-req.Context().Done():
		}
		return lowlevel.EntryParam{}, syscall.ENOENT
	}
	f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalEntry(parent, name) })
	// An Ino of 0 is a name that does not exist.
	return entry(f.find(parent, name)), nil
}

func entry(ino lowlevel.Ino) lowlevel.EntryParam {
	return lowlevel.EntryParam{Ino: ino, Attr: stat(ino), AttrTimeout: forever, EntryTimeout: forever}
}

func (f *testFS) find(parent lowlevel.Ino, name string) lowlevel.Ino {
	n, err := strconv.Atoi(name[1:])
	switch {
	case err == nil && name[0] == 'd' && parent == lowlevel.RootIno && n < dirs:
		return dirIno(n)
	case err == nil && name[0] == 'f' && parent >= dirIno(0) && parent < dirIno(dirs) && n < files:
		return fileIno(int(parent-dirIno(0)), n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made[fmt.Sprint(parent, "/", name)]
}

func (f *testFS) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	return stat(ino), forever, nil
}

func (f *testFS) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalInode(ino) })
	for i := off; i < files; i++ {
		st := stat(fileIno(0, int(i)))
		if !dst.Add(fmt.Sprint("f", i), &st, i+1) {
			break
		}
	}
	return nil
}

func (f *testFS) mkdir(_ *lowlevel.Request, parent lowlevel.Ino, name string, _ uint32) (lowlevel.EntryParam, error) {
	f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalEntry(parent, name) })
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fmt.Sprint(parent, "/", name)
	if f.made[key] != 0 {
		return lowlevel.EntryParam{}, syscall.EEXIST
	}
	f.last++
	f.made[key] = f.last
	return entry(f.last), nil
}

func (f *testFS) rmdir(_ *lowlevel.Request, parent lowlevel.Ino, name string) error {
	f.notify(func(q *lowlevel.NotifyQueue) error { return q.InvalEntry(parent, name) })
	f.mu.Lock()
	defer f.mu.Unlock()
	key := fmt.Sprint(parent, "/", name)
	if f.made[key] == 0 {
		return syscall.ENOENT
	}
	delete(f.made, key)
	return nil
}

// mount mounts a filesystem. The test must end with all it has caused being over.
func mount(t *testing.T, limit time.Duration, writeback bool) *testFS {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	f := newFS(t)
	fusetest.Watchdog(t, limit, f.dir)
	f.serve(t, writeback)
	return f
}

func newFS(t testing.TB) *testFS {
	return &testFS{
		dir: t.TempDir(), held: make(chan lowlevel.Ino, 100), release: make(chan struct{}), served: make(chan error, 1),
		made: map[string]lowlevel.Ino{}, last: 1 << 20,
	}
}

func (f *testFS) serve(t testing.TB, writeback bool) {
	t.Helper()
	var err error
	if f.Session, err = lowlevel.New(f.ops(writeback), lowlevel.Config{MaxThreads: 40}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Mount(f.dir); err != nil {
		t.Fatal(err)
	}
	go func() { f.served <- f.Serve(context.Background()) }()
}

// end closes the session, and checks that it comes to a good end.
func (f *testFS) end(t *testing.T) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-f.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if m, err := fusetest.FindMount(f.dir); m != nil || err != nil {
		t.Errorf("still mounted: %v, %v", m, err)
	}
}

// block has a process look up "held" in a directory: the kernel holds its lock until the Lookup is answered.
func (f *testFS) block(t *testing.T, d int) *client {
	t.Helper()
	c := start(t, "stat", fmt.Sprintf("%s/d%d/held", f.dir, d))
	select {
	case ino := <-f.held:
		if ino != dirIno(d) {
			t.Fatalf("the Lookup is in %d, want %d", ino, dirIno(d))
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the Lookup does not come")
	}
	return c
}

// unblock answers the Lookups, and waits for the process.
func (f *testFS) unblock(t *testing.T, clients ...*client) {
	t.Helper()
	close(f.release)
	for _, c := range clients {
		select {
		case <-c.end:
		case <-time.After(20 * time.Second):
			t.Fatal("the client does not end")
		}
		if !strings.Contains(c.out.String(), "No such file") {
			t.Errorf("the client said %q", c.out)
		}
	}
}

// warm has the kernel know all files.
func (f *testFS) warm(t *testing.T) {
	t.Helper()
	names := fmt.Sprintf("%s/d{0..%d}/f{0..%d}", f.dir, dirs-1, files-1)
	fusetest.Run(t, 30*time.Second, "bash", "-c", "stat "+names+" > /dev/null")
}
