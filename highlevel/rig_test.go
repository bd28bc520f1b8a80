package highlevel

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// rig is a filesystem with a fake kernel that remembers its lookups. At the end of the test it forgets them all, and the tree must be empty.
type rig struct {
	*fusetest.Served
	t   testing.TB
	fs  *FS
	mem *memFS

	mu     sync.Mutex
	counts map[uint64]uint64
}

const testTimeout = 20 * time.Second

// newRig serves mem, changed by change.
func newRig(t testing.TB, mem *memFS, change ...func(ops *Operations, cfg *Config)) *rig {
	t.Helper()
	fusetest.Watchdog(t, time.Minute, "")
	ops, cfg := mem.ops(), DefaultConfig()
	for _, c := range change {
		c(ops, &cfg)
	}
	f := New(ops, cfg)
	session, err := lowlevel.New(f.Ops(), lowlevel.Config{MaxThreads: 32})
	if err != nil {
		t.Fatal(err)
	}
	f.session.Store(session)
	r := &rig{t: t, fs: f, mem: mem, counts: map[uint64]uint64{}}
	r.Served = fusetest.Start(t, session)
	t.Cleanup(r.end)
	return r
}

// end forgets everything.
func (r *rig) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ino, n := range r.counts {
		if ino != 1 {
			_ = r.Send(fusetest.Forget(ino, n))
		}
	}
	if r.fs.tree.keeps { // they are kept: that is tested elsewhere
		return
	}
	fusetest.Eventually(r.t, testTimeout, "an empty tree", func() bool {
		t := r.fs.tree
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.inodes.len() == 1 && t.names.len() == 0 && len(t.waiting) == 0 && t.root.children == 0 && t.root.lock == 0
	})
}

func (r *rig) counted(ino uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ino != 0 {
		r.counts[ino]++
	}
}

// uncounted has the rig not forget what the test has forgotten.
func (r *rig) uncounted(ino, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[ino] -= n; r.counts[ino] == 0 {
		delete(r.counts, ino)
	}
}

// call sends a request and counts the lookups in the reply.
func (r *rig) call(req *fusetest.Request) fusetest.Reply {
	r.t.Helper()
	reply, err := r.Call(req)
	if err != nil {
		r.t.Error(err)
		return fusetest.Reply{Errno: 9999}
	}
	r.note(reply)
	return reply
}

func (r *rig) note(reply fusetest.Reply) {
	if reply.Errno != 0 {
		return
	}
	switch reply.Op {
	case fusetest.OpLookup, fusetest.OpMknod, fusetest.OpMkdir, fusetest.OpSymlink, fusetest.OpLink:
		e, _ := reply.Entry()
		r.counted(e.NodeID)
	case fusetest.OpCreate, fusetest.OpTmpfile:
		e, _, _ := reply.Create()
		r.counted(e.NodeID)
	case fusetest.OpReaddirplus:
		list, _ := reply.DirentsPlus()
		for _, d := range list {
			r.counted(d.Entry.NodeID)
		}
	}
}

// want sends a request and checks its errno.
func (r *rig) want(errno syscall.Errno, req *fusetest.Request) fusetest.Reply {
	r.t.Helper()
	reply := r.call(req)
	if reply.Errno != errno {
		r.t.Errorf("%v: got %v, want errno %d (%v)", req.Opcode, reply, int(errno), errno)
	}
	return reply
}

// entry sends a request that makes or finds a name.
func (r *rig) entry(req *fusetest.Request) fusetest.EntryOut {
	r.t.Helper()
	e, err := r.want(0, req).Entry()
	if err != nil {
		r.t.Fatalf("%v: %v", req.Opcode, err)
	}
	return e
}

func (r *rig) lookup(parent uint64, name string) uint64 {
	r.t.Helper()
	return r.entry(fusetest.Lookup(parent, name)).NodeID
}

// walk looks up a path.
func (r *rig) walk(path string) uint64 {
	r.t.Helper()
	ino := uint64(1)
	for name := range elements(path) {
		ino = r.lookup(ino, name)
	}
	return ino
}

func (r *rig) open(ino uint64) uint64 {
	r.t.Helper()
	o, err := r.want(0, fusetest.Open(ino, fusetest.OpenIn{Flags: unix.O_RDWR})).Open()
	if err != nil {
		r.t.Fatal(err)
	}
	return o.Fh
}

func (r *rig) release(ino, fh uint64) {
	r.t.Helper()
	r.want(0, fusetest.Release(ino, fusetest.ReleaseIn{Fh: fh}))
}

func (r *rig) getattr(ino uint64) fusetest.Attr {
	r.t.Helper()
	a, err := r.want(0, fusetest.Getattr(ino, fusetest.GetattrIn{})).Attr()
	if err != nil {
		r.t.Error(err)
	}
	return a.Attr
}

// forget takes lookups back, and waits until the node is as ok says; nil: gone.
func (r *rig) forget(ino, n uint64, ok func(n *node) bool) {
	r.t.Helper()
	if err := r.Send(fusetest.Forget(ino, n)); err != nil {
		r.t.Fatal(err)
	}
	r.uncounted(ino, n)
	fusetest.Eventually(r.t, testTimeout, "a forget", func() bool {
		r.fs.tree.mu.Lock()
		defer r.fs.tree.mu.Unlock()
		nd := r.fs.tree.inodes.inode(Ino(ino))
		if ok == nil || nd == nil {
			return ok == nil && nd == nil
		}
		return ok(nd)
	})
}

// nlookup returns the lookup count that the tree has for an inode, 0 where it knows none.
func (r *rig) nlookup(ino uint64) uint64 {
	r.fs.tree.mu.Lock()
	defer r.fs.tree.mu.Unlock()
	if n := r.fs.tree.inodes.inode(Ino(ino)); n != nil {
		return n.nlookup
	}
	return 0
}

// opens returns how often a file is open.
func (r *rig) opens(ino uint64) int32 {
	r.fs.tree.mu.Lock()
	defer r.fs.tree.mu.Unlock()
	return r.fs.tree.inodes.inode(Ino(ino)).opens
}

// path returns the path that the tree has for an inode, or the error.
func (r *rig) path(ino uint64) string {
	r.fs.tree.mu.Lock()
	defer r.fs.tree.mu.Unlock()
	n, err := r.fs.tree.node(Ino(ino))
	if err != nil {
		return err.Error()
	}
	p, err := r.fs.tree.path(n, "")
	if err != nil {
		return err.Error()
	}
	return p
}

// send sends a request whose answer is taken later.
func (r *rig) send(req *fusetest.Request) uint64 {
	r.t.Helper()
	if err := r.Send(req); err != nil {
		r.t.Fatal(err)
	}
	return req.Unique
}

// answer waits for the answer to a request that was sent.
func (r *rig) answer(unique uint64, errno syscall.Errno) fusetest.Reply {
	r.t.Helper()
	reply, err := r.Reply(unique)
	if err != nil {
		r.t.Fatal(err)
	}
	r.note(reply)
	if reply.Errno != errno {
		r.t.Errorf("got %v, want errno %d (%v)", reply, int(errno), errno)
	}
	return reply
}

// waiters waits until so many operations wait for paths.
func (r *rig) waiters(n int) {
	r.t.Helper()
	fusetest.Eventually(r.t, testTimeout, "operations that wait for a path", func() bool {
		r.fs.tree.mu.Lock()
		defer r.fs.tree.mu.Unlock()
		return len(r.fs.tree.waiting) == n
	})
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func sameList[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

// gate holds operations up.
type gate struct {
	entered chan string
	open    chan struct{}
	once    sync.Once
}

// hold holds up the operations on the paths, named "op /path", until the gate is opened; the test's end opens it.
func (r *rig) hold(calls ...string) *gate {
	g := &gate{entered: make(chan string, 64), open: make(chan struct{})}
	r.mem.setBefore(func(op, path string) error {
		if slices.Contains(calls, op+" "+path) {
			g.entered <- op + " " + path
			<-g.open
		}
		return nil
	})
	r.t.Cleanup(g.pass)
	return g
}

func (g *gate) pass() { g.once.Do(func() { close(g.open) }) }

// wait waits until an operation has come.
func (g *gate) wait(t testing.TB) {
	t.Helper()
	select {
	case <-g.entered:
	case <-time.After(testTimeout):
		t.Fatal("the operation has not been called")
	}
}

// newCopyRig serves f and g with HardRemove; the paths of CopyFileRange are sent to the channel.
func newCopyRig(t testing.TB) (*rig, chan string) {
	got := make(chan string, 8)
	r := newRig(t, newMemFS().put("f", "g"), func(ops *Operations, cfg *Config) {
		cfg.HardRemove = true
		ops.CopyFileRange = func(_ context.Context, in string, _ *FileInfo, _ int64, out string, _ *FileInfo, _ int64, size uint64, _ uint32) (uint64, error) {
			got <- in + " " + out
			return size, nil
		}
	})
	return r, got
}
