package highlevel

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestTree_EveryReplyWithAnEntryCountsALookup(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	ino := r.lookup(1, "f")
	same(t, "the same file again", r.lookup(1, "f"), ino)
	same(t, "count after two lookups", r.nlookup(ino), 2)
	for _, req := range []*fusetest.Request{
		fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFIFO | 0o600}, "pipe"),
		fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFREG | 0o600}, "file"),
		fusetest.Mkdir(1, fusetest.MkdirIn{Mode: 0o700}, "dir"),
		fusetest.Symlink(1, "symlink", "target"),
		fusetest.Link(1, ino, "link"),
	} {
		e := r.entry(req)
		same(t, req.Opcode.String()+": count", r.nlookup(e.NodeID), 1)
		same(t, req.Opcode.String()+": st_ino", e.Attr.Ino, e.NodeID)
	}
	e, o, err := r.want(0, fusetest.Create(1, fusetest.CreateIn{Flags: unix.O_RDWR, Mode: 0o600}, "created")).Create()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "CREATE: count", r.nlookup(e.NodeID), 1)
	r.release(e.NodeID, o.Fh)
}

func TestTree_AFailedOperationCountsNothing(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	r.want(syscall.ENOENT, fusetest.Lookup(1, "none"))
	r.want(syscall.EEXIST, fusetest.Mkdir(1, fusetest.MkdirIn{}, "f"))
	r.want(syscall.ENOTDIR, fusetest.Lookup(r.lookup(1, "f"), "below"))
	r.want(syscall.ESTALE, fusetest.Lookup(4242, "below"))
	r.want(syscall.ESTALE, fusetest.Getattr(4242, fusetest.GetattrIn{}))
	same(t, "nodes (root and f)", r.fs.tree.inodes.len(), 2)
}

func TestTree_ForgetDropsTheNodeAtZero(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	ino := r.lookup(1, "f")
	r.lookup(1, "f")
	r.lookup(1, "f")
	r.forget(ino, 2, func(n *node) bool { return n.nlookup == 1 })
	same(t, "path with one lookup left", r.path(ino), "/f")
	r.forget(ino, 1, nil)
	r.want(syscall.ESTALE, fusetest.Getattr(ino, fusetest.GetattrIn{}))
	if again := r.lookup(1, "f"); again == ino {
		t.Errorf("the number %d was given out twice", ino)
	}
}

func TestTree_ForgetOfMoreThanThereIsDropsTheNode(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	ino := r.lookup(1, "f")
	r.uncounted(ino, 1)
	r.counted(ino)
	r.forget(ino, 1, nil)
	_ = r.Send(fusetest.Forget(ino, 7)) // a node that is gone, and the root
	_ = r.Send(fusetest.Forget(1, 1<<40))
	same(t, "mode of the root", r.getattr(1).Mode, unix.S_IFDIR|0o755)
	ino = r.lookup(1, "f")
	_ = r.Send(fusetest.Forget(ino, 99))
	r.uncounted(ino, 1)
}

func TestTree_BatchForgetDropsAll(t *testing.T) {
	r := newRig(t, newMemFS().put("a/x", "a/y", "b"))
	var items []fusetest.ForgetOne
	for _, p := range []string{"a/x", "a/y", "b"} {
		items = append(items, fusetest.ForgetOne{NodeID: r.walk(p), Nlookup: 1})
	}
	a := r.lookup(1, "a") // with those of walk three
	for _, it := range items {
		r.uncounted(it.NodeID, 1)
	}
	r.uncounted(a, 3)
	if err := r.Send(fusetest.BatchForget(append(items, fusetest.ForgetOne{NodeID: a, Nlookup: 3})...)); err != nil {
		t.Fatal(err)
	}
}

func TestTree_ADirectoryStaysWhileAChildIsKnown(t *testing.T) {
	r := newRig(t, newMemFS().put("a/b/f"))
	a := r.lookup(1, "a")
	b := r.lookup(a, "b")
	f := r.lookup(b, "f")
	r.forget(b, 1, func(n *node) bool { return n.nlookup == 0 })
	r.forget(a, 1, func(n *node) bool { return n.nlookup == 0 })
	same(t, "path of the file", r.path(f), "/a/b/f")
	r.getattr(f)
	sameList(t, "calls", r.mem.took()[3:], []string{"getattr /a/b/f"})
	r.forget(f, 1, nil)
	same(t, "nodes (the root)", r.fs.tree.inodes.len(), 1)
}

func TestTree_HardLinksAreNodesOfTheirOwn(t *testing.T) {
	r := newRig(t, newMemFS().put("f", "d/"))
	f, d := r.lookup(1, "f"), r.lookup(1, "d")
	e := r.entry(fusetest.Link(d, f, "g"))
	if e.NodeID == f {
		t.Errorf("both names have node %d", f)
	}
	same(t, "links", e.Attr.Nlink, 2)
	r.want(0, fusetest.Unlink(1, "f"))
	same(t, "path of the other name", r.path(e.NodeID), "/d/g")
	same(t, "links", r.getattr(e.NodeID).Nlink, 1)
	r.want(syscall.ESTALE, fusetest.Getattr(f, fusetest.GetattrIn{}))
}

func TestTree_ARemovedNodeLivesUntilItIsForgotten(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	old := r.lookup(1, "f")
	r.want(0, fusetest.Unlink(1, "f"))
	r.mem.put("f")
	if now := r.lookup(1, "f"); now == old {
		t.Errorf("a new file has the number %d of the removed one", old)
	}
	same(t, "path of the removed one", r.path(old), syscall.ESTALE.Error())
	r.forget(old, 1, nil)
}

func TestTree_RenameMovesWhatIsBelow(t *testing.T) {
	r := newRig(t, newMemFS().put("a/b/f", "c/"))
	f, b, a, c := r.walk("a/b/f"), r.walk("a/b"), r.walk("a"), r.walk("c")
	r.want(0, fusetest.Rename(a, c, "b", "moved"))
	same(t, "path of the file", r.path(f), "/c/moved/f")
	same(t, "path of its directory", r.path(b), "/c/moved")
	r.want(0, fusetest.Rename(1, 1, "c", "d"))
	r.getattr(f)
	sameList(t, "files", r.mem.list(), []string{"/a", "/d", "/d/moved", "/d/moved/f"})
}

func TestTree_RenameOverTakesTheName(t *testing.T) {
	r := newRig(t, newMemFS().put("a", "b"))
	a, b := r.lookup(1, "a"), r.lookup(1, "b")
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	same(t, "path of the source", r.path(a), "/b")
	same(t, "path of what was replaced", r.path(b), syscall.ESTALE.Error())
	same(t, "lookup", r.lookup(1, "b"), a)
	r.want(syscall.ENOENT, fusetest.Lookup(1, "a"))
}

func TestTree_RenameNoreplaceFailsAndChangesNothing(t *testing.T) {
	r := newRig(t, newMemFS().put("a", "b"))
	a, b := r.lookup(1, "a"), r.lookup(1, "b")
	fh := r.open(b)
	r.want(syscall.EEXIST, fusetest.Rename2(1, fusetest.Rename2In{Newdir: 1, Flags: unix.RENAME_NOREPLACE}, "a", "b"))
	same(t, "path of the source", r.path(a), "/a")
	same(t, "path of the target, which is open", r.path(b), "/b")
	sameList(t, "files", r.mem.list(), []string{"/a", "/b"})
	r.want(0, fusetest.Rename2(1, fusetest.Rename2In{Newdir: 1, Flags: unix.RENAME_NOREPLACE}, "a", "c"))
	same(t, "path of the source", r.path(a), "/c")
	r.release(b, fh)
}

func TestTree_RenameExchange(t *testing.T) {
	exchange := func(dir uint64) fusetest.Rename2In {
		return fusetest.Rename2In{Newdir: dir, Flags: unix.RENAME_EXCHANGE}
	}
	r := newRig(t, newMemFS().put("a/x", "b/d/y", "b/unknown"))
	a, b := r.walk("a"), r.walk("b")
	x, d, y := r.walk("a/x"), r.walk("b/d"), r.walk("b/d/y")
	fh := r.open(x)
	r.want(0, fusetest.Rename2(a, exchange(b), "x", "d"))
	same(t, "path of the file, which is open", r.path(x), "/b/d")
	same(t, "path of the directory", r.path(d), "/a/x")
	same(t, "path below it", r.path(y), "/a/x/y")
	r.want(0, fusetest.Rename2(b, exchange(b), "d", "unknown"))
	same(t, "path after an exchange with a name nobody has looked up", r.path(x), "/b/unknown")
	r.release(x, fh)
	sameList(t, "files", r.mem.list(), []string{"/a", "/a/x", "/a/x/y", "/b", "/b/d", "/b/unknown"})
}

func TestTree_LookupOfDotAndDotDot(t *testing.T) {
	r := newRig(t, newMemFS().put("a/b/f"))
	a, b, f := r.walk("a"), r.walk("a/b"), r.walk("a/b/f")
	for _, c := range []struct {
		ino  uint64
		name string
		want uint64
	}{{b, ".", b}, {b, "..", a}, {a, "..", 1}, {1, ".", 1}, {f, "..", b}} {
		before := r.nlookup(c.want)
		same(t, fmt.Sprintf("%s of %d", c.name, c.ino), r.lookup(c.ino, c.name), c.want)
		same(t, "lookups more", r.nlookup(c.want)-before, 1)
	}
	r.want(syscall.ENOENT, fusetest.Lookup(1, ".."))
	r.want(syscall.ESTALE, fusetest.Lookup(4242, "."))
	r.want(syscall.ESTALE, fusetest.Lookup(4242, ".."))
	r.want(0, fusetest.Unlink(b, "f"))
	r.want(syscall.ESTALE, fusetest.Lookup(f, "."))
	r.want(syscall.ESTALE, fusetest.Lookup(f, ".."))
}

func TestTree_PathOfAHundredLevels(t *testing.T) {
	path, mem := "", newMemFS()
	for i := range 100 {
		path += fmt.Sprintf("/directory%03d", i)
	}
	r := newRig(t, mem.put(path+"/"))
	same(t, "path", r.path(r.walk(path)), path)
}
