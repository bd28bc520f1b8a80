package highlevel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// readdirFunc is what a test has for Readdir.
type readdirFunc func(fill FillDir, off int64, flags ReaddirFlags) error

// newDirRig serves a root that readdir lists.
func newDirRig(t testing.TB, readdir readdirFunc, change ...func(*Operations, *Config)) (*rig, uint64) {
	t.Helper()
	r := newRig(t, newMemFS(), append([]func(*Operations, *Config){func(ops *Operations, _ *Config) {
		ops.Readdir = func(_ context.Context, _ string, fill FillDir, off int64, _ *FileInfo, flags ReaddirFlags) error {
			return readdir(fill, off, flags)
		}
	}}, change...)...)
	return r, r.opendir(1)
}

func (r *rig) opendir(ino uint64) uint64 {
	r.t.Helper()
	o, err := r.want(0, fusetest.Opendir(ino, fusetest.OpenIn{})).Open()
	if err != nil {
		r.t.Fatal(err)
	}
	return o.Fh
}

func (r *rig) readdir(fh, off uint64, size uint32) []fusetest.Dirent {
	r.t.Helper()
	list, err := r.want(0, fusetest.Readdir(1, fusetest.ReadIn{Fh: fh, Offset: off, Size: size})).Dirents()
	if err != nil {
		r.t.Error(err)
	}
	return list
}

func (r *rig) readdirplus(fh, off uint64, size uint32) []fusetest.DirentPlus {
	r.t.Helper()
	list, err := r.want(0, fusetest.Readdirplus(1, fusetest.ReadIn{Fh: fh, Offset: off, Size: size})).DirentsPlus()
	if err != nil {
		r.t.Error(err)
	}
	return list
}

func direntNames(list []fusetest.Dirent) string {
	var all []string
	for _, d := range list {
		all = append(all, d.Name)
	}
	return strings.Join(all, " ")
}

func plusNames(list []fusetest.DirentPlus) string {
	var all []string
	for _, d := range list {
		all = append(all, d.Name)
	}
	return strings.Join(all, " ")
}

var file = Stat{Mode: unix.S_IFREG | 0o644, Nlink: 1, Ino: 4711, Size: 5}

// atOnce lists names without offsets, withOffsets with 10, 20 and so on.
func atOnce(names ...string) readdirFunc {
	return func(fill FillDir, _ int64, _ ReaddirFlags) error {
		for _, n := range names {
			if !fill(n, &file, 0, FillDirPlus) {
				return fmt.Errorf("no room for %q without an offset", n)
			}
		}
		return nil
	}
}

func withOffsets(names ...string) readdirFunc {
	return func(fill FillDir, off int64, _ ReaddirFlags) error {
		for i := int(off / 10); i < len(names); i++ {
			if !fill(names[i], &file, int64(i+1)*10, FillDirPlus) {
				break
			}
		}
		return nil
	}
}

// direntRoom is room for n entries with names of up to 8 bytes, direntPlusRoom with attributes.
func direntRoom(n uint32) uint32     { return n * 32 }
func direntPlusRoom(n uint32) uint32 { return n * 160 }

func TestReaddir_BothModesListInPieces(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   readdirFunc
		step uint64
	}{{"all at once", atOnce("a", "b", "c", "d", "e"), 1}, {"with offsets", withOffsets("a", "b", "c", "d", "e"), 10}} {
		t.Run(c.name, func(t *testing.T) {
			r, fh := newDirRig(t, c.fn)
			list := r.readdir(fh, 0, direntRoom(2))
			same(t, "first piece", direntNames(list), "a b")
			same(t, "offset of the second entry", list[1].Off, 2*c.step)
			same(t, "type", list[0].Type, unix.DT_REG)
			same(t, "second piece", direntNames(r.readdir(fh, 2*c.step, direntRoom(2))), "c d")
			same(t, "third piece", direntNames(r.readdir(fh, 4*c.step, direntRoom(2))), "e")
			same(t, "the end", direntNames(r.readdir(fh, 5*c.step, direntRoom(2))), "")
			same(t, "seekdir back", direntNames(r.readdir(fh, 1*c.step, direntRoom(9))), "b c d e")
			same(t, "rewinddir", direntNames(r.readdir(fh, 0, direntRoom(9))), "a b c d e")
			same(t, "far behind the end", direntNames(r.readdir(fh, 1000, direntRoom(9))), "")
		})
	}
}

func TestReaddir_ANewOffsetFirst(t *testing.T) {
	r, fh := newDirRig(t, atOnce("a", "b", "c"))
	same(t, "from 1 on", direntNames(r.readdir(fh, 1, direntRoom(9))), "b c")
}

func TestReaddir_TheListIsKeptUntilItIsRewound(t *testing.T) {
	list := []string{"a", "b", "c"}
	calls := 0
	r, fh := newDirRig(t, func(fill FillDir, off int64, flags ReaddirFlags) error {
		calls++
		return atOnce(list...)(fill, off, flags)
	})
	r.readdir(fh, 0, direntRoom(1))
	list = []string{"b", "new"}
	same(t, "the rest", direntNames(r.readdir(fh, 1, direntRoom(9))), "b c")
	same(t, "calls", calls, 1)
	other := r.opendir(1)
	same(t, "another handle", direntNames(r.readdir(other, 0, direntRoom(9))), "b new")
	same(t, "rewound", direntNames(r.readdir(fh, 0, direntRoom(9))), "b new")
	same(t, "calls", calls, 3)
	r.want(0, fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: fh}))
	r.want(0, fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: other}))
	same(t, "a new handle", r.opendir(1), other) // numbers are used again
}

// TestReaddir_EntriesComeAndGoWhileItIsListed: with offsets the filesystem is asked for each piece.
func TestReaddir_EntriesComeAndGoWhileItIsListed(t *testing.T) {
	list := []string{"a", "b", "c", "d"}
	r, fh := newDirRig(t, func(fill FillDir, off int64, flags ReaddirFlags) error {
		return withOffsets(list...)(fill, off, flags)
	})
	same(t, "before", direntNames(r.readdir(fh, 0, direntRoom(2))), "a b")
	list = []string{"a", "b", "d", "new"}
	same(t, "after", direntNames(r.readdir(fh, 20, direntRoom(9))), "d new")
}

func TestReaddir_ABufferThatIsTooSmallIsEmpty(t *testing.T) {
	for _, fn := range []readdirFunc{atOnce("a", "b"), withOffsets("a", "b")} {
		r, fh := newDirRig(t, fn)
		same(t, "no room", direntNames(r.readdir(fh, 0, 16)), "")
		same(t, "no room with attributes", plusNames(r.readdirplus(fh, 0, 150)), "")
		same(t, "nodes (the root)", r.fs.tree.inodes.len(), 1)
		same(t, "room", direntNames(r.readdir(fh, 0, direntRoom(2))), "a b")
	}
}

// TestReaddir_NothingAfterAFullBuffer: a shorter name that would fit must not come before the long one.
func TestReaddir_NothingAfterAFullBuffer(t *testing.T) {
	r, fh := newDirRig(t, func(fill FillDir, _ int64, _ ReaddirFlags) error {
		for i, n := range []string{"a", strings.Repeat("long", 20), "b"} {
			fill(n, &file, int64(i+1), 0) // does not look at what fill says
		}
		return nil
	})
	same(t, "entries", direntNames(r.readdir(fh, 0, direntRoom(2))), "a")
}

func TestReaddir_Errors(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   readdirFunc
		want syscall.Errno
	}{
		{"offsets after none", func(fill FillDir, _ int64, _ ReaddirFlags) error {
			fill("a", &file, 0, 0)
			if fill("b", &file, 1, 0) {
				t.Error("fill takes an offset after an entry without")
			}
			return nil
		}, syscall.EIO},
		{"none after offsets", func(fill FillDir, _ int64, _ ReaddirFlags) error {
			fill("a", &file, 1, FillDirPlus)
			fill("b", &file, 0, 0)
			return nil
		}, syscall.EIO},
		{"unknown flag", func(fill FillDir, _ int64, _ ReaddirFlags) error {
			if fill("a", &file, 0, 1<<7) {
				t.Error("fill takes an unknown flag")
			}
			fill("b", &file, 0, 0)
			return nil
		}, syscall.EIO},
		{"name with a slash", atOnce("a/b"), syscall.EIO},
		{"no name", withOffsets("x", ""), syscall.EIO},
		{"error of the operation", func(FillDir, int64, ReaddirFlags) error { return syscall.EACCES }, syscall.EACCES},
		{"error after entries", func(fill FillDir, _ int64, _ ReaddirFlags) error {
			fill("a", &file, 1, FillDirPlus)
			fill("b", &file, 2, FillDirPlus)
			return syscall.ENXIO
		}, syscall.ENXIO},
		{"panic after entries", func(fill FillDir, _ int64, _ ReaddirFlags) error {
			fill("a", &file, 1, FillDirPlus)
			panic("a panic that the test wants")
		}, syscall.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			fn := c.fn
			r, fh := newDirRig(t, func(fill FillDir, off int64, flags ReaddirFlags) error { return fn(fill, off, flags) })
			r.want(c.want, fusetest.Readdir(1, fusetest.ReadIn{Fh: fh, Size: 4096}))
			r.want(c.want, fusetest.Readdirplus(1, fusetest.ReadIn{Fh: fh, Size: 4096}))
			same(t, "nodes (the root): no lookup is counted", r.fs.tree.inodes.len(), 1)
			fn = atOnce("fine")
			same(t, "the next one", direntNames(r.readdir(fh, 0, 4096)), "fine")
		})
	}
}

func TestReaddir_AnUnknownHandleIsBad(t *testing.T) {
	r, _ := newDirRig(t, atOnce())
	for _, fh := range []uint64{2, 99, 1 << 40, ^uint64(0)} {
		r.want(syscall.EBADF, fusetest.Readdir(1, fusetest.ReadIn{Fh: fh, Size: 4096}))
	}
	r.want(0, fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: ^uint64(0)}))
}

// Where Opendir has said ENOSYS, the kernel lists without a handle.
func TestReaddir_WithoutOpendir(t *testing.T) {
	r, fh := newDirRig(t, atOnce())
	want := direntNames(r.readdir(fh, 0, 4096))
	var list []fusetest.Dirent
	for off := uint64(0); ; off = list[len(list)-1].Off {
		some := r.readdir(0, off, 64)
		if len(some) == 0 {
			break
		}
		list = append(list, some...)
	}
	same(t, "listed", direntNames(list), want)
}

func TestReaddir_TheFilesystemSeesItsOwnHandle(t *testing.T) {
	var got []uint64
	see := func(fi *FileInfo) { got = append(got, uint64(fi.Fh)) }
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		ops.Opendir = func(_ context.Context, _ string, fi *FileInfo) error { fi.Fh = 4321; return nil }
		ops.Readdir = func(_ context.Context, _ string, _ FillDir, _ int64, fi *FileInfo, _ ReaddirFlags) error {
			see(fi)
			return nil
		}
		ops.Fsyncdir = func(_ context.Context, _ string, _ bool, fi *FileInfo) error { see(fi); return nil }
		ops.Releasedir = func(_ context.Context, _ string, fi *FileInfo) error { see(fi); return nil }
	})
	fh := r.opendir(1)
	r.readdir(fh, 0, 4096)
	r.want(0, fusetest.Fsyncdir(1, fusetest.FsyncIn{Fh: fh}))
	r.want(0, fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: fh}))
	sameList(t, "handles", got, []uint64{4321, 4321, 4321})
}

func TestReaddir_OneAtATimeForAHandle(t *testing.T) {
	running, most := make(chan int, 1), 0
	running <- 0
	r, fh := newDirRig(t, func(fill FillDir, off int64, flags ReaddirFlags) error {
		n := <-running + 1
		most = max(most, n)
		running <- n
		err := withOffsets("a")(fill, off, flags)
		running <- <-running - 1
		return err
	})
	var sent []uint64
	for range 20 {
		sent = append(sent, r.send(fusetest.Readdir(1, fusetest.ReadIn{Fh: fh, Size: 4096})))
	}
	for _, u := range sent {
		r.answer(u, 0)
	}
	same(t, "at a time", most, 1)
}

func TestReaddir_Numbers(t *testing.T) {
	for _, c := range []struct {
		name              string
		useIno, readdir   bool
		plain, nil, known uint64
	}{
		{"by default unknown", false, false, unknownIno, unknownIno, unknownIno},
		{"use_ino: the filesystem's", true, false, 4711, unknownIno, 4711},
		{"readdir_ino: those that are known", false, true, unknownIno, unknownIno, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, fh := newDirRig(t, func(fill FillDir, _ int64, _ ReaddirFlags) error {
				fill("plain", &file, 0, 0)
				fill("nil", nil, 0, FillDirPlus)
				fill("known", &file, 0, 0)
				return nil
			}, func(_ *Operations, cfg *Config) { cfg.UseIno, cfg.ReaddirIno = c.useIno, c.readdir })
			r.mem.put("known")
			same(t, "the only inode", r.lookup(1, "known"), 2)
			want := []uint64{c.plain, c.nil, c.known}
			var plain, plus []uint64
			for _, d := range r.readdir(fh, 0, 4096) {
				plain = append(plain, d.Ino)
			}
			for _, d := range r.readdirplus(fh, 0, 4096) {
				plus = append(plus, d.Ino)
				same(t, "node of "+d.Name, d.Entry.NodeID, 0)
			}
			sameList(t, "READDIR", plain, want)
			sameList(t, "READDIRPLUS without attributes", plus, want)
		})
	}
}

func TestReaddirplus_CountsWhatFits(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   readdirFunc
		step uint64
	}{{"all at once", atOnce(".", "..", "a", "b", "c"), 1}, {"with offsets", withOffsets(".", "..", "a", "b", "c"), 10}} {
		t.Run(c.name, func(t *testing.T) {
			r, fh := newDirRig(t, c.fn)
			list := r.readdirplus(fh, 0, direntPlusRoom(4))
			same(t, "entries", plusNames(list), ". .. a b")
			same(t, "nodes (the root, a, b)", r.fs.tree.inodes.len(), 3)
			for _, d := range list[:2] {
				same(t, "node of "+d.Name, d.Entry.NodeID, 0)
			}
			for _, d := range list[2:] {
				same(t, "count of "+d.Name, r.nlookup(d.Entry.NodeID), 1)
				same(t, "st_ino of "+d.Name, d.Entry.Attr.Ino, d.Entry.NodeID)
				same(t, "d_ino of "+d.Name, d.Ino, d.Entry.NodeID)
				same(t, "size", d.Entry.Attr.Size, 5)
				same(t, "entry timeout", d.Entry.EntryValid, 1)
				same(t, "attr timeout", d.Entry.AttrValid, 1)
			}
			same(t, "the rest", plusNames(r.readdirplus(fh, 4*c.step, 4096)), "c")
			again := r.readdirplus(fh, 0, 4096)
			same(t, "count after listing it twice", r.nlookup(again[2].Entry.NodeID), 2)
		})
	}
}

func TestReaddirplus_AttributesAreDressed(t *testing.T) {
	r, fh := newDirRig(t, atOnce("a"), func(_ *Operations, cfg *Config) {
		cfg.UseIno, cfg.SetUID, cfg.UID, cfg.SetMode, cfg.Umask = true, true, 99, true, 0o77
	})
	e := r.readdirplus(fh, 0, 4096)[0]
	same(t, "st_ino", e.Entry.Attr.Ino, 4711)
	same(t, "d_ino", e.Ino, 4711)
	same(t, "uid", e.Entry.Attr.UID, 99)
	same(t, "mode", e.Entry.Attr.Mode, unix.S_IFREG|0o700)
}

// TestReaddirplus_AListThatIsOutOfDateGivesNoAttributes: C's newer versions bring back, for the time of the timeouts, what has been removed since.
func TestReaddirplus_AListThatIsOutOfDateGivesNoAttributes(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(r *rig)
		old  bool
	}{
		{"nothing done", func(*rig) {}, false},
		{"reads", func(r *rig) {
			f := r.lookup(1, "f")
			fh := r.open(f)
			r.want(0, fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 1}))
			r.release(f, fh)
			r.getattr(f)
		}, false},
		{"unlink", func(r *rig) { r.want(0, fusetest.Unlink(1, "f")) }, true},
		{"rename", func(r *rig) { r.want(0, fusetest.Rename(1, 1, "f", "x")) }, true},
		{"mkdir", func(r *rig) { r.want(0, fusetest.Mkdir(1, fusetest.MkdirIn{}, "d")) }, true},
		{"write", func(r *rig) {
			f := r.lookup(1, "f")
			fh := r.open(f)
			r.want(0, fusetest.Write(f, fusetest.WriteIn{Fh: fh}, []byte("x")))
			r.release(f, fh)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, fh := newDirRig(t, atOnce("e", "f", "g"))
			r.mem.put("e", "f", "g")
			first := r.readdirplus(fh, 0, direntPlusRoom(1))
			if first[0].Entry.NodeID == 0 {
				t.Error("the first piece has no attributes")
			}
			c.do(r)
			rest := r.readdirplus(fh, 1, 4096)
			same(t, "names", plusNames(rest), "f g")
			for _, d := range rest {
				same(t, "no node: "+d.Name, d.Entry.NodeID == 0, c.old)
				same(t, "type", d.Type, unix.DT_REG)
			}
			fresh := r.readdirplus(fh, 0, 4096)
			same(t, "no node after rewinddir", slices.ContainsFunc(fresh, func(d fusetest.DirentPlus) bool { return d.Entry.NodeID == 0 }), false)
		})
	}
}
