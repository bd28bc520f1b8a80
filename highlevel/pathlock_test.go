package highlevel

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestPathLock_ThePathOfARunningOperationStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(r *rig, a, b uint64) *fusetest.Request
	}{
		{"rename of the directory", func(r *rig, _, _ uint64) *fusetest.Request { return fusetest.Rename(1, 1, "a", "z") }},
		{"rename of the directory below", func(r *rig, a, _ uint64) *fusetest.Request { return fusetest.Rename(a, 1, "b", "z") }},
		{"rename of the file", func(r *rig, _, b uint64) *fusetest.Request { return fusetest.Rename(b, b, "f", "z") }},
		{"rename over the file", func(r *rig, _, b uint64) *fusetest.Request { return fusetest.Rename(b, b, "g", "f") }},
		{"unlink of the file", func(r *rig, _, b uint64) *fusetest.Request { return fusetest.Unlink(b, "f") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("a/b/f", "a/b/g"))
			a := r.lookup(1, "a")
			b := r.lookup(a, "b")
			f := r.lookup(b, "f")
			r.lookup(b, "g")
			fh := r.open(f)
			g := r.hold("read /a/b/f")
			read := r.send(fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 4}))
			g.wait(t)
			write := r.send(c.write(r, a, b))
			r.waiters(1)
			same(t, "path while Read runs", r.path(f), "/a/b/f")
			g.pass()
			r.answer(read, 0)
			r.answer(write, 0)
			if p := r.path(f); p == "/a/b/f" {
				t.Errorf("path after: got %q, want another one", p)
			}
			r.release(f, fh)
		})
	}
}

func TestPathLock_ABlockedReadBlocksNothingUnrelated(t *testing.T) {
	r := newRig(t, newMemFS().put("a/f", "a/g", "b/x", "b/y"))
	a, b := r.lookup(1, "a"), r.lookup(1, "b")
	f, x := r.lookup(a, "f"), r.lookup(b, "x")
	fh := r.open(f)
	g := r.hold("read /a/f")
	read := r.send(fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 4}))
	g.wait(t)
	r.want(0, fusetest.Rename(b, b, "x", "z"))
	r.want(0, fusetest.Rename(1, 1, "b", "c"))
	r.want(0, fusetest.Rename(a, a, "g", "h"))
	r.want(0, fusetest.Unlink(a, "h"))
	r.want(0, fusetest.Link(a, x, "link"))
	r.want(0, fusetest.Mkdir(a, fusetest.MkdirIn{}, "dir"))
	r.getattr(f)
	g.pass()
	r.answer(read, 0)
	r.release(f, fh)
}

func TestPathLock_WithNullpathOKABlockedReadBlocksNothing(t *testing.T) {
	r := newRig(t, newMemFS().put("a/f", "a/g"), func(_ *Operations, cfg *Config) { cfg.NullpathOK = true })
	a := r.lookup(1, "a")
	f := r.lookup(a, "f")
	r.lookup(a, "g")
	fh := r.open(f)
	g := r.hold("read ")
	read := r.send(fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 4}))
	g.wait(t)
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	r.want(0, fusetest.Rename(a, a, "f", "h"))
	r.want(0, fusetest.Rename(a, a, "g", "h"))
	g.pass()
	r.answer(read, 0)
	r.release(f, fh)
	sameList(t, "files", r.mem.list(), []string{"/b", "/b/h"})
}

// TestPathLock_AWaitingWriterIsNotStarved: who comes after it waits, so that readers run out.
func TestPathLock_AWaitingWriterIsNotStarved(t *testing.T) {
	r := newRig(t, newMemFS().put("a/f", "b/g"))
	f, other := r.walk("a/f"), r.walk("b/g")
	g := r.hold("getattr /a/f")
	first := r.send(fusetest.Getattr(f, fusetest.GetattrIn{}))
	g.wait(t)
	rename := r.send(fusetest.Rename(1, 1, "a", "z"))
	r.waiters(1)
	var later []uint64
	for range 3 {
		later = append(later, r.send(fusetest.Getattr(f, fusetest.GetattrIn{})))
	}
	r.waiters(4)
	r.getattr(other) // elsewhere nobody waits
	g.pass()
	r.answer(first, 0)
	r.answer(rename, 0)
	for _, u := range later {
		r.answer(u, 0)
	}
	calls := r.mem.took()
	sameList(t, "calls", calls[len(calls)-4:], []string{"rename /a /z", "getattr /z/f", "getattr /z/f", "getattr /z/f"})
}

// TestPathLock_WaitersAreServedInOrder: also a reader that waits between writers.
func TestPathLock_WaitersAreServedInOrder(t *testing.T) {
	r := newRig(t, newMemFS().put("a/f"))
	f := r.walk("a/f")
	g := r.hold("rename /a")
	rename := r.send(fusetest.Rename(1, 1, "a", "b"))
	g.wait(t)
	// The kernel never renames what is being renamed, so the test waits for locks itself.
	order := make(chan string, 4)
	for i, w := range []want{{ino: Ino(f)}, {ino: 1, name: "b", write: true}, {ino: Ino(f)}, {ino: 1, name: "b", write: true}} {
		go func() {
			h, err := r.fs.tree.one(w)
			order <- fmt.Sprintf("%d %s %v", i, h.path, err)
			r.fs.tree.release(h)
		}()
		r.waiters(i + 1)
	}
	g.pass()
	r.answer(rename, 0)
	for i, want := range []string{"0 /b/f <nil>", "1 /b <nil>", "2 /b/f <nil>", "3 /b <nil>"} {
		same(t, fmt.Sprint("turn ", i), <-order, want)
	}
}

// TestPathLock_AFreeNameIsNotHeldUpByAWaitingRename, whose other name is busy.
func TestPathLock_AFreeNameIsNotHeldUpByAWaitingRename(t *testing.T) {
	r := newRig(t, newMemFS().put("x", "y"))
	x, y := r.lookup(1, "x"), r.lookup(1, "y")
	g := r.hold("getattr /y")
	busy := r.send(fusetest.Getattr(y, fusetest.GetattrIn{}))
	g.wait(t)
	rename := r.send(fusetest.Rename(1, 1, "x", "y"))
	r.waiters(1)
	r.getattr(x)
	g.pass()
	r.answer(busy, 0)
	r.answer(rename, 0)
}

func TestPathLock_ANewNameIsLockedToo(t *testing.T) {
	r := newRig(t, newMemFS().put("x"))
	r.lookup(1, "x")
	g := r.hold("rename /x")
	rename := r.send(fusetest.Rename(1, 1, "x", "y"))
	g.wait(t)
	second := r.send(fusetest.Unlink(1, "y"))
	r.waiters(1)
	g.pass()
	r.answer(rename, 0)
	r.answer(second, 0)
	sameList(t, "files", r.mem.list(), nil)
}

// TestPathLock_NestedRenamesAreRefused: the kernel does not send them. In C they wait for themselves, and block others for ever.
func TestPathLock_NestedRenamesAreRefused(t *testing.T) {
	r := newRig(t, newMemFS().put("a/b/c/f", "a/g"))
	a, b, c := r.walk("a"), r.walk("a/b"), r.walk("a/b/c")
	for _, n := range []struct {
		from     uint64
		name     string
		to       uint64
		newName  string
		want     syscall.Errno
		whatever string
	}{
		{1, "a", a, "x", syscall.EINVAL, "into itself"},
		{1, "a", a, "b", syscall.EINVAL, "over its child"},
		{1, "a", c, "x", syscall.EINVAL, "far below itself"},
		{c, "f", 1, "a", syscall.ENOTEMPTY, "over what it is in"},
		{b, "c", a, "b", syscall.ENOTEMPTY, "over its directory"},
		{1, "a", 1, "a", syscall.EINVAL, "to its own name"},
		{1, "none", 1, "none", syscall.EINVAL, "to its own name, which is unknown"},
	} {
		r.want(n.want, fusetest.Rename(n.from, n.to, n.name, n.newName))
		r.want(n.want, fusetest.Rename2(n.from, fusetest.Rename2In{Newdir: n.to, Flags: 2}, n.name, n.newName))
	}
	same(t, "nothing is locked", r.getattr(c).Mode&0o777, 0o755)
	r.want(0, fusetest.Rename(1, 1, "a", "z"))
}

// TestPathLock_NestedByTheTimeOfItsTurn: what was to be waited for has moved one directory into the other.
func TestPathLock_NestedByTheTimeOfItsTurn(t *testing.T) {
	r := newRig(t, newMemFS().put("a/f", "b/"))
	a, b := r.walk("a"), r.walk("b")
	g := r.hold("rename /b")
	first := r.send(fusetest.Rename(1, a, "b", "b"))
	g.wait(t)
	second := r.send(fusetest.Rename(1, b, "a", "a"))
	r.waiters(1)
	g.pass()
	r.answer(first, 0)
	r.answer(second, syscall.EINVAL)
	same(t, "path", r.path(b), "/a/b")
}

func TestPathLock_OneOfTwoOpenFilesWithoutAName(t *testing.T) {
	r, got := newCopyRig(t)
	f, g := r.lookup(1, "f"), r.lookup(1, "g")
	fh, gh := r.open(f), r.open(g)
	r.want(0, fusetest.Unlink(1, "g"))
	for range 2 { // a lock that is given back twice shows the second time
		r.want(0, fusetest.CopyFileRange(f, fusetest.CopyFileRangeIn{FhIn: fh, NodeIDOut: g, FhOut: gh, Len: 3}))
		same(t, "paths", <-got, "/f ")
		r.want(0, fusetest.CopyFileRange(g, fusetest.CopyFileRangeIn{FhIn: gh, NodeIDOut: f, FhOut: fh, Len: 3}))
		same(t, "paths", <-got, " /f")
	}
	r.release(g, gh)
	r.release(f, fh)
	r.want(0, fusetest.Rename(1, 1, "f", "h"))
}

func TestPathLock_UnknownInodesAreStale(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	f := r.lookup(1, "f")
	for _, req := range []*fusetest.Request{
		fusetest.Rename(77, 1, "a", "b"), fusetest.Rename(1, 77, "a", "b"), fusetest.Link(77, f, "x"), fusetest.Link(1, 77, "x"),
		fusetest.Unlink(77, "x"), fusetest.Open(77, fusetest.OpenIn{}), fusetest.Read(77, fusetest.ReadIn{Size: 1}),
	} {
		r.want(syscall.ESTALE, req)
	}
}
