package main

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// kernel plays the kernel's part: it calls handlers directly, and remembers what it has looked up, so that it can forget it.
type kernel struct {
	t    *testing.T
	fs   *memfs
	req  *lowlevel.Request
	refs map[lowlevel.Ino]uint64
}

func newKernel(t *testing.T, o options) *kernel {
	t.Helper()
	if o.Size == "" {
		o.Size = "1m"
	}
	fs := new(memfs)
	if err := fs.setup(&o); err != nil {
		t.Fatal(err)
	}
	return &kernel{t, fs, &lowlevel.Request{}, make(map[lowlevel.Ino]uint64)}
}

func (k *kernel) noError(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

// got takes over an entry that a handler has returned.
func (k *kernel) got(e lowlevel.EntryParam, err error) lowlevel.Ino {
	k.t.Helper()
	k.noError(err)
	if e.Ino != 0 {
		k.refs[e.Ino]++
	}
	return e.Ino
}

func (k *kernel) mkfile(parent lowlevel.Ino, name string) lowlevel.Ino {
	k.t.Helper()
	return k.got(k.fs.createFile(k.req, parent, name, 0o644, new(lowlevel.FileInfo)))
}

func (k *kernel) mkdir(parent lowlevel.Ino, name string) lowlevel.Ino {
	k.t.Helper()
	return k.got(k.fs.mkdir(k.req, parent, name, 0o755))
}

// find returns the inode of a name, 0 if there is none.
func (k *kernel) find(parent lowlevel.Ino, name string) lowlevel.Ino {
	k.t.Helper()
	return k.got(k.fs.lookup(k.req, parent, name))
}

func (k *kernel) stat(ino lowlevel.Ino) lowlevel.Stat {
	k.t.Helper()
	st, _, err := k.fs.getattr(k.req, ino, nil)
	k.noError(err)
	return st
}

func (k *kernel) write(ino lowlevel.Ino, data string, off int64) {
	k.t.Helper()
	n, err := k.fs.write(k.req, ino, []byte(data), off, new(lowlevel.FileInfo))
	if n != len(data) || err != nil {
		k.t.Fatalf("write: got %d, %v", n, err)
	}
}

func (k *kernel) read(ino lowlevel.Ino) string {
	k.t.Helper()
	buf := make([]byte, 1<<16)
	n, err := k.fs.read(k.req, ino, buf, 0, new(lowlevel.FileInfo))
	k.noError(err)
	return string(buf[:n])
}

func (k *kernel) list(dir lowlevel.Ino) map[string]lowlevel.Ino {
	k.t.Helper()
	all := make(map[string]lowlevel.Ino)
	k.noError(k.fs.list(dir, 0, func(name string, n *inode, _ int64) bool {
		all[name] = n.ino
		return true
	}))
	return all
}

func (k *kernel) forget(ino lowlevel.Ino) {
	k.fs.forget(k.req, ino, k.refs[ino])
	delete(k.refs, ino)
}

func (k *kernel) forgetAll() {
	var all []lowlevel.ForgetData
	for ino, n := range k.refs {
		all = append(all, lowlevel.ForgetData{Ino: ino, Nlookup: n})
	}
	k.fs.forgetMulti(k.req, all)
	clear(k.refs)
}

// checkEmpty wants nothing to be left but the root.
func (k *kernel) checkEmpty() {
	k.t.Helper()
	k.forgetAll()
	if got := k.fs.space.used.Load(); got != 0 {
		k.t.Errorf("space in use at the end: %d", got)
	}
	if got := k.fs.inodes.used.Load(); got != 1 {
		k.t.Errorf("inodes in use at the end: %d, want the root only", got)
	}
	if got := len(k.fs.table.all.m); got != 1 {
		k.t.Errorf("inodes in the table at the end: %d, want the root only", got)
	}
	if st := k.stat(root); st.Nlink != 2 {
		k.t.Errorf("links of the root at the end: %d, want 2", st.Nlink)
	}
}

const root = lowlevel.RootIno

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestUnlink_OpenFileLivesUntilForgotten(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	k.write(f, "hello", 0)
	k.noError(k.fs.unlink(k.req, root, "f"))
	if k.find(root, "f") != 0 {
		t.Error("the name is still there")
	}
	if got := k.read(f); got != "hello" {
		t.Errorf("read after unlink: got %q", got)
	}
	k.write(f, "more", 1<<16)
	if st := k.stat(f); st.Nlink != 0 || st.Size != 1<<16+4 {
		t.Errorf("after unlink: got %d links and size %d", st.Nlink, st.Size)
	}
	k.forget(f)
	if _, err := k.fs.node(f); !errors.Is(err, unix.ESTALE) {
		t.Errorf("after forget: got %v, want ESTALE", err)
	}
	k.checkEmpty()
}

func TestForget_NamedFileStays(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	k.write(f, "hello", 0)
	k.forget(f)
	if got := k.find(root, "f"); got != f {
		t.Fatalf("lookup: got %d, want %d", got, f)
	}
	if got := k.read(f); got != "hello" {
		t.Errorf("read: got %q", got)
	}
	k.noError(k.fs.unlink(k.req, root, "f"))
	k.checkEmpty()
}

func TestLink_CountsAndTimes(t *testing.T) {
	k := newKernel(t, options{Size: "1m", NrInodes: "3"})
	f := k.mkfile(root, "a")
	if got := k.got(k.fs.link(k.req, f, root, "b")); got != f {
		t.Errorf("link: got inode %d, want %d", got, f)
	}
	if st := k.stat(f); st.Nlink != 2 {
		t.Errorf("links: got %d, want 2", st.Nlink)
	}
	_, err := k.fs.link(k.req, f, root, "b")
	wantErr(t, "link to an existing name", err, unix.EEXIST)
	_, err = k.fs.link(k.req, root, root, "c")
	wantErr(t, "link to a directory", err, unix.EPERM)
	_, err = k.fs.link(k.req, f, root, "c")
	wantErr(t, "a link more than there are inodes", err, unix.ENOSPC)
	k.noError(k.fs.unlink(k.req, root, "a"))
	k.got(k.fs.link(k.req, f, root, "c"))
	k.noError(k.fs.unlink(k.req, root, "b"))
	k.noError(k.fs.unlink(k.req, root, "c"))
	_, err = k.fs.link(k.req, f, root, "d")
	wantErr(t, "link of a removed file", err, unix.ENOENT)
	k.checkEmpty()
}

func TestTmpfile_MayGetAName(t *testing.T) {
	k := newKernel(t, options{})
	f := k.got(k.fs.tmpfile(k.req, root, 0o600, new(lowlevel.FileInfo)))
	k.write(f, "x", 0)
	if st := k.stat(f); st.Nlink != 0 || st.Mode != unix.S_IFREG|0o600 {
		t.Errorf("got %d links, mode %o", st.Nlink, st.Mode)
	}
	k.got(k.fs.link(k.req, f, root, "f"))
	k.forgetAll()
	if got := k.read(k.find(root, "f")); got != "x" {
		t.Errorf("read: got %q", got)
	}
	k.noError(k.fs.unlink(k.req, root, "f"))
	k.got(k.fs.tmpfile(k.req, root, 0o600, new(lowlevel.FileInfo)))
	k.checkEmpty()
}

func TestMkdir_LinkCounts(t *testing.T) {
	k := newKernel(t, options{})
	d := k.mkdir(root, "d")
	e := k.mkdir(d, "e")
	for _, c := range []struct {
		ino  lowlevel.Ino
		want uint32
	}{{root, 3}, {d, 3}, {e, 2}} {
		if got := k.stat(c.ino).Nlink; got != c.want {
			t.Errorf("links of %d: got %d, want %d", c.ino, got, c.want)
		}
	}
	if got := k.list(e); got["."] != e || got[".."] != d || len(got) != 2 {
		t.Errorf("listing: got %v", got)
	}
	wantErr(t, "rmdir of a full directory", k.fs.rmdir(k.req, root, "d"), unix.ENOTEMPTY)
	wantErr(t, "unlink of a directory", k.fs.unlink(k.req, root, "d"), unix.EISDIR)
	k.noError(k.fs.rmdir(k.req, d, "e"))
	if st := k.stat(e); st.Nlink != 0 {
		t.Errorf("links of a removed directory: %d", st.Nlink)
	}
	_, err := k.fs.mkdir(k.req, e, "x", 0o755)
	wantErr(t, "mkdir in a removed directory", err, unix.ENOENT)
	_, err = k.fs.lookup(k.req, e, "..")
	wantErr(t, "parent of a removed directory", err, unix.ESTALE)
	if got := k.list(e); len(got) != 0 {
		t.Errorf("listing of a removed directory: %v", got)
	}
	k.noError(k.fs.rmdir(k.req, root, "d"))
	k.checkEmpty()
}

func TestLookup_ByNumber(t *testing.T) {
	k := newKernel(t, options{})
	d := k.mkdir(root, "d")
	f := k.mkfile(d, "f")
	k.forgetAll()
	if got := k.find(f, "."); got != f {
		t.Errorf("'.' of a file: got %d, want %d", got, f)
	}
	if got := k.find(d, ".."); got != root {
		t.Errorf("'..': got %d, want the root", got)
	}
	_, err := k.fs.lookup(k.req, 999, ".")
	wantErr(t, "unknown number", err, unix.ESTALE)
	_, err = k.fs.lookup(k.req, f, "x")
	wantErr(t, "name in a file", err, unix.ENOTDIR)
}

func TestNames_TooLong(t *testing.T) {
	k := newKernel(t, options{})
	long := string(make([]byte, nameMax+1))
	_, err := k.fs.lookup(k.req, root, long)
	wantErr(t, "lookup", err, unix.ENAMETOOLONG)
	_, err = k.fs.mkdir(k.req, root, long, 0o755)
	wantErr(t, "mkdir", err, unix.ENAMETOOLONG)
	k.mkfile(root, long[1:])
	wantErr(t, "rename", k.fs.rename(k.req, root, long[1:], root, long, 0), unix.ENAMETOOLONG)
	wantErr(t, "unlink", k.fs.unlink(k.req, root, long), unix.ENAMETOOLONG)
	_, err = k.fs.symlink(k.req, string(make([]byte, unix.PathMax)), root, "l")
	wantErr(t, "symlink", err, unix.ENAMETOOLONG)
}

func TestMknod_Types(t *testing.T) {
	k := newKernel(t, options{})
	for name, mode := range map[string]uint32{
		"reg": unix.S_IFREG, "fifo": unix.S_IFIFO, "sock": unix.S_IFSOCK, "chr": unix.S_IFCHR, "blk": unix.S_IFBLK,
	} {
		ino := k.got(k.fs.mknod(k.req, root, name, mode|0o640, unix.Mkdev(4, 5)))
		st := k.stat(ino)
		if st.Mode != mode|0o640 || st.Nlink != 1 {
			t.Errorf("%s: mode %o, %d links", name, st.Mode, st.Nlink)
		}
		isDevice := mode == unix.S_IFCHR || mode == unix.S_IFBLK
		if want := unix.Mkdev(4, 5); isDevice != (st.Rdev == want) {
			t.Errorf("%s: rdev %x", name, st.Rdev)
		}
		k.noError(k.fs.unlink(k.req, root, name))
	}
	_, err := k.fs.mknod(k.req, root, "x", unix.S_IFDIR|0o755, 0)
	wantErr(t, "mknod of a directory", err, unix.EINVAL)
	k.checkEmpty()
}

func TestCreate_Owner(t *testing.T) {
	k := newKernel(t, options{UID: "5", GID: "6", Mode: "2775"})
	if st := k.stat(root); st.UID != 5 || st.GID != 6 || st.Mode != unix.S_IFDIR|0o2775 {
		t.Fatalf("root: %d:%d %o", st.UID, st.GID, st.Mode)
	}
	k.req = &lowlevel.Request{UID: 7, GID: 8}
	if st := k.stat(k.mkfile(root, "f")); st.UID != 7 || st.GID != 6 || st.Mode != unix.S_IFREG|0o644 {
		t.Errorf("file in a setgid directory: %d:%d %o", st.UID, st.GID, st.Mode)
	}
	d := k.mkdir(root, "d")
	if st := k.stat(d); st.GID != 6 || st.Mode != unix.S_IFDIR|0o2755 {
		t.Errorf("directory in a setgid directory: group %d, mode %o", st.GID, st.Mode)
	}
	_, _, err := k.fs.setattr(k.req, d, &lowlevel.Stat{Mode: 0o755}, lowlevel.SetAttrMode, nil)
	k.noError(err)
	if st := k.stat(k.mkfile(d, "f")); st.UID != 7 || st.GID != 8 {
		t.Errorf("file in a plain directory: %d:%d", st.UID, st.GID)
	}
}

func TestCreate_NoSetgidProgramForOthers(t *testing.T) {
	k := newKernel(t, options{GID: "6", Mode: "2777"})
	for _, c := range []struct {
		gid  uint32
		mode uint32
		want uint32
	}{{6, 0o2755, 0o2755}, {6, 0o2644, 0o2644}} {
		k.req = &lowlevel.Request{UID: 7, GID: c.gid}
		ino := k.got(k.fs.createFile(k.req, root, "f", c.mode, new(lowlevel.FileInfo)))
		if got := k.stat(ino).Mode & 0o7777; got != c.want {
			t.Errorf("group %d, mode %o: got %o, want %o", c.gid, c.mode, got, c.want)
		}
		k.noError(k.fs.unlink(k.req, root, "f"))
	}
}

func TestNrInodes(t *testing.T) {
	k := newKernel(t, options{NrInodes: "2"})
	k.mkfile(root, "a")
	_, err := k.fs.mkdir(k.req, root, "b", 0o755)
	wantErr(t, "one too many", err, unix.ENOSPC)
	st, err := k.fs.statfs(k.req, root)
	k.noError(err)
	if st.Files != 2 || st.Ffree != 0 {
		t.Errorf("statfs: %d of %d inodes free", st.Ffree, st.Files)
	}
	k.noError(k.fs.unlink(k.req, root, "a"))
	k.checkEmpty()
}

func TestSymlink_TakesSpace(t *testing.T) {
	k := newKernel(t, options{Size: "4k", NrInodes: "100"})
	long := string(make([]byte, 2000))
	l := k.got(k.fs.symlink(k.req, long, root, "a"))
	k.got(k.fs.symlink(k.req, long, root, "b"))
	_, err := k.fs.symlink(k.req, long, root, "c")
	wantErr(t, "a third one", err, unix.ENOSPC)
	if got, err := k.fs.readlink(k.req, l); got != long || err != nil {
		t.Errorf("readlink: got %d bytes, %v", len(got), err)
	}
	_, err = k.fs.readlink(k.req, root)
	wantErr(t, "readlink of a directory", err, unix.EINVAL)
	k.noError(k.fs.unlink(k.req, root, "a"))
	k.noError(k.fs.unlink(k.req, root, "b"))
	k.checkEmpty()
}
