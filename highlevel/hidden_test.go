package highlevel

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

var hiddenName = regexp.MustCompile(`^/\.fuse_hidden[0-9a-f]{16}$`)

// hidden returns the only file, which must be a hidden one.
func (r *rig) hidden() string {
	r.t.Helper()
	list := r.mem.list()
	if len(list) != 1 || !hiddenName.MatchString(list[0]) {
		r.t.Fatalf("files: got %v, want one that is hidden", list)
	}
	return list[0]
}

func TestHidden_UnlinkOfAnOpenFileRenamesItUntilItsLastRelease(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	f := r.lookup(1, "f")
	first, second := r.open(f), r.open(f)
	r.want(0, fusetest.Unlink(1, "f"))
	name := r.hidden()
	same(t, "path of the open file", r.path(f), name)
	same(t, "links, of which the hidden name is none", r.getattr(f).Nlink, 0)
	r.want(syscall.ENOENT, fusetest.Lookup(1, "f"))
	r.mem.took()
	r.want(0, fusetest.Read(f, fusetest.ReadIn{Fh: first, Size: 10}))
	r.release(f, first)
	sameList(t, "calls", r.mem.took(), []string{"read " + name, "release " + name})
	r.release(f, second)
	sameList(t, "calls at the last release", r.mem.took(), []string{"release " + name, "unlink " + name})
	sameList(t, "files", r.mem.list(), nil)
	same(t, "path", r.path(f), syscall.ESTALE.Error())
}

func TestHidden_RenameOverAnOpenFileHidesIt(t *testing.T) {
	r := newRig(t, newMemFS().put("a", "b"))
	a, b := r.lookup(1, "a"), r.lookup(1, "b")
	fh := r.open(b)
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	same(t, "path of the source", r.path(a), "/b")
	if p := r.path(b); !hiddenName.MatchString(p) {
		t.Errorf("path of what was open: got %q, want a hidden one", p)
	}
	same(t, "files", len(r.mem.list()), 2)
	r.release(b, fh)
	sameList(t, "files", r.mem.list(), []string{"/b"})
}

// TestHidden_AFailedRenameLeavesTheTarget: C leaves it hidden, which is to say that it removes it.
func TestHidden_AFailedRenameLeavesTheTarget(t *testing.T) {
	r := newRig(t, newMemFS().put("a", "b"))
	b := r.lookup(1, "b")
	fh := r.open(b)
	r.mem.setBefore(func(op, path string) error {
		if op == "rename" && path == "/a" {
			return syscall.ENOSPC
		}
		return nil
	})
	r.want(syscall.ENOSPC, fusetest.Rename(1, 1, "a", "b"))
	sameList(t, "files", r.mem.list(), []string{"/a", "/b"})
	same(t, "path", r.path(b), "/b")
	same(t, "links", r.getattr(b).Nlink, 1)
	r.release(b, fh)
	sameList(t, "files after release", r.mem.list(), []string{"/a", "/b"})
}

// Nor is the target lost where it is closed while the rename that fails is under way: with NullpathOK a release waits for nobody.
func TestHidden_AFailedRenameLeavesTheTargetThatIsClosedMeanwhile(t *testing.T) {
	for errno, want := range map[syscall.Errno][]string{syscall.ENOSPC: {"/a", "/b"}, 0: {"/b"}} {
		r := newRig(t, newMemFS().put("a", "b"), func(_ *Operations, cfg *Config) { cfg.NullpathOK = true })
		b := r.lookup(1, "b")
		fh := r.open(b)
		var closing uint64
		r.mem.setBefore(func(op, path string) error {
			if op != "rename" || path != "/a" {
				return nil
			}
			closing = r.send(fusetest.Release(b, fusetest.ReleaseIn{Fh: fh}))
			fusetest.Eventually(t, testTimeout, "the release", func() bool { return r.opens(b) == 0 })
			if errno != 0 {
				return errno
			}
			return nil
		})
		r.want(errno, fusetest.Rename(1, 1, "a", "b"))
		r.answer(closing, 0)
		sameList(t, "files", r.mem.list(), want)
	}
}

// TestHidden_ARenameToAnotherNameOfTheFileKeepsBoth, as POSIX says. In C the second name is hidden, and the first one lost.
func TestHidden_ARenameToAnotherNameOfTheFileKeepsBoth(t *testing.T) {
	r := newRig(t, newMemFS().put("a"), func(_ *Operations, cfg *Config) { cfg.UseIno = true })
	a := r.lookup(1, "a")
	b := r.entry(fusetest.Link(1, a, "b")).NodeID
	fh := r.open(b)
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	sameList(t, "files", r.mem.list(), []string{"/a", "/b"})
	same(t, "what the kernel has under the new name", r.lookup(1, "b"), a)
	same(t, "and under the old one", r.lookup(1, "a"), b)
	same(t, "links", r.getattr(b).Nlink, 2)
	r.want(0, fusetest.Read(b, fusetest.ReadIn{Fh: fh, Size: 10}))
	r.release(b, fh)
	sameList(t, "files after release", r.mem.list(), []string{"/a", "/b"})
}

func TestHidden_NullpathOKUnlinksByPathAllTheSame(t *testing.T) {
	r := newRig(t, newMemFS().put("d/f"), func(_ *Operations, cfg *Config) { cfg.NullpathOK = true })
	d, f := r.walk("d"), r.walk("d/f")
	fh := r.open(f)
	r.want(0, fusetest.Unlink(d, "f"))
	r.want(0, fusetest.Rename(1, 1, "d", "e"))
	r.release(f, fh)
	calls := r.mem.took()
	if last := calls[len(calls)-1]; !strings.HasPrefix(last, "unlink /e/.fuse_hidden") {
		t.Errorf("last call: got %q, want unlink /e/.fuse_hidden...", last)
	}
	sameList(t, "files", r.mem.list(), []string{"/e"})
}

func TestHidden_HardRemoveRemovesAtOnce(t *testing.T) {
	r := newRig(t, newMemFS().put("f", "a", "b"), func(_ *Operations, cfg *Config) { cfg.HardRemove = true })
	f, b := r.lookup(1, "f"), r.lookup(1, "b")
	fh, fhB := r.open(f), r.open(b)
	r.want(0, fusetest.Unlink(1, "f"))
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	sameList(t, "files", r.mem.list(), []string{"/b"})
	r.mem.took()
	r.want(0, fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 10}))
	r.want(0, fusetest.Flush(f, fusetest.FlushIn{Fh: fh}))
	r.release(f, fh)
	r.release(b, fhB)
	sameList(t, "calls for files without a name", r.mem.took(), []string{"read", "flush", "release", "release"})
	r.want(syscall.ESTALE, fusetest.Open(f, fusetest.OpenIn{}))
	r.want(syscall.ESTALE, fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrMode}))
}

func TestHidden_NamesInUseAreLeftAlone(t *testing.T) {
	mem := newMemFS().put("f")
	r := newRig(t, mem)
	f := r.lookup(1, "f")
	fh := r.open(f)
	taken := 0
	r.mem.setBefore(func(op, path string) error {
		if op == "getattr" && strings.HasPrefix(path, "/.fuse_hidden") && taken < 3 {
			taken++
			r.mem.put(path)
		}
		return nil
	})
	r.want(0, fusetest.Unlink(1, "f"))
	same(t, "files: three that were there, and the hidden one", len(r.mem.list()), 4)
	r.release(f, fh)
	same(t, "files after release", len(r.mem.list()), 3)
}

func TestHidden_NoFreeNameIsBusy(t *testing.T) {
	r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) {
		getattr := ops.Getattr
		ops.Getattr = func(ctx context.Context, path string, fi *FileInfo) (Stat, error) {
			if strings.HasPrefix(path, "/.fuse_hidden") {
				path = "/"
			}
			return getattr(ctx, path, fi)
		}
	})
	f := r.lookup(1, "f")
	fh := r.open(f)
	r.mem.took()
	r.want(syscall.EBUSY, fusetest.Unlink(1, "f"))
	same(t, "tries", len(r.mem.took()), hiddenTries)
	sameList(t, "files", r.mem.list(), []string{"/f"})
	r.release(f, fh)
}

func TestHidden_DestroyRemovesWhatIsStillOpen(t *testing.T) {
	r := newRig(t, newMemFS().put("f", "g"))
	for _, name := range []string{"f", "g"} {
		r.open(r.lookup(1, name))
		r.want(0, fusetest.Unlink(1, name))
	}
	same(t, "files before", len(r.mem.list()), 2)
	if err := r.Close(); err != nil { // the session's end: nothing has been released
		t.Error(err)
	}
	sameList(t, "files after", r.mem.list(), nil)
	r.fs.tree = newTree() // for the rig's end: there was no forget
}

func TestHidden_ReopenedBetweenStaysUntilReleasedAgain(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	f := r.lookup(1, "f")
	fh := r.open(f)
	r.want(0, fusetest.Unlink(1, "f"))
	again := r.open(f) // as through /proc/PID/fd
	r.release(f, fh)
	r.hidden()
	r.release(f, again)
	sameList(t, "files", r.mem.list(), nil)
}

func TestHidden_ADirectoryIsNeverHidden(t *testing.T) {
	r := newRig(t, newMemFS().put("d/"))
	d := r.lookup(1, "d")
	o, err := r.want(0, fusetest.Opendir(d, fusetest.OpenIn{})).Open()
	if err != nil {
		t.Fatal(err)
	}
	r.want(0, fusetest.Rmdir(1, "d"))
	sameList(t, "files", r.mem.list(), nil)
	r.want(0, fusetest.Releasedir(d, fusetest.ReleaseIn{Fh: o.Fh}))
}

func TestHidden_WithoutRenameAnOpenFileCannotBeRemoved(t *testing.T) {
	r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) { ops.Rename = nil })
	f := r.lookup(1, "f")
	fh := r.open(f)
	r.want(syscall.ENOSYS, fusetest.Unlink(1, "f"))
	r.release(f, fh)
	r.want(0, fusetest.Unlink(1, "f"))
	same(t, "files", fmt.Sprint(r.mem.list()), "[]")
}

// C shows the names of hidden files.
func TestHidden_IsNotListed(t *testing.T) {
	r := newRig(t, newMemFS().put("f", "g"))
	f := r.lookup(1, "f")
	fh := r.open(f)
	r.want(0, fusetest.Unlink(1, "f"))
	dh := r.opendir(1)
	same(t, "listed", direntNames(r.readdir(dh, 0, 4096)), direntNames([]fusetest.Dirent{{Name: "."}, {Name: ".."}, {Name: "g"}}))
	for _, e := range r.readdirplus(dh, 0, 4096) {
		if strings.HasPrefix(e.Name, ".fuse_hidden") {
			t.Errorf("listed with attributes: %s", e.Name)
		}
	}
	r.want(0, fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: dh}))
	r.release(f, fh)
}
