package highlevel

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// What the kernel asks of a directory that somebody still uses, after rmdir or after a rename has put another one in its place.
func TestRemoved_DirectoryStaysOneForThoseWhoUseIt(t *testing.T) {
	for what, remove := range map[string]func(r *rig){
		"rmdir": func(r *rig) { r.want(0, fusetest.Rmdir(1, "d")) },
		"rename": func(r *rig) {
			r.lookup(1, "e")
			r.want(0, fusetest.Rename(1, 1, "e", "d"))
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, newMemFS().put("d/", "e/"), func(ops *Operations, _ *Config) {
				ops.Fsyncdir = func(context.Context, string, bool, *FileInfo) error { return syscall.EIO }
			})
			d := r.lookup(1, "d")
			before := r.getattr(d)
			remove(r)
			r.mem.took()

			want := before
			want.Nlink = 0
			same(t, "attributes", r.getattr(d), want)
			r.want(syscall.ENOENT, fusetest.Lookup(d, "x"))
			r.want(syscall.ENOENT, fusetest.Mkdir(d, fusetest.MkdirIn{Mode: 0o755}, "x"))
			r.want(syscall.ENOENT, fusetest.Unlink(d, "x"))
			r.want(syscall.ENOENT, fusetest.Rename(d, 1, "x", "y"))
			r.want(syscall.ESTALE, fusetest.Setattr(d, fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o700}))

			o, err := r.want(0, fusetest.Opendir(d, fusetest.OpenIn{})).Open()
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.want(0, fusetest.Readdir(d, fusetest.ReadIn{Fh: o.Fh, Size: 4096})).Dirents()
			if err != nil || len(list) != 0 {
				t.Errorf("entries: got %v (%v), want none", list, err)
			}
			r.want(0, fusetest.Fsyncdir(d, fusetest.FsyncIn{Fh: o.Fh}))
			r.want(0, fusetest.Releasedir(d, fusetest.ReleaseIn{Fh: o.Fh}))
			sameList(t, "calls: the filesystem knows nothing of it", r.mem.took(), nil)
		})
	}
}

// A newer libfuse asks by Statx.
func TestRemoved_Statx(t *testing.T) {
	r := newRig(t, newMemFS().put("d/"), func(ops *Operations, _ *Config) {
		ops.Statx = func(_ context.Context, path string, _, _ uint32, _ *FileInfo) (unix.Statx_t, error) {
			return unix.Statx_t{}, fmt.Errorf("asked for %q", path)
		}
	})
	d := r.lookup(1, "d")
	r.mem.edit("/d", func(n *memNode) { n.Size, n.Mtim = 4096, unix.Timespec{Sec: -5, Nsec: 7} })
	before := r.getattr(d)
	r.want(0, fusetest.Rmdir(1, "d"))
	stx, _, err := r.fs.statx(nil, Ino(d), 0, unix.STATX_BASIC_STATS, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "number", stx.Ino, d)
	same(t, "mode", uint32(stx.Mode), before.Mode)
	same(t, "links", stx.Nlink, 0)
	same(t, "size", stx.Size, 4096)
	same(t, "mtime", stx.Mtime, unix.StatxTimestamp{Sec: -5, Nsec: 7})
	_, _, err = r.fs.statx(nil, 4711, 0, 0, nil)
	same(t, "of what is not known", err, error(syscall.ESTALE))
}

// Nobody is asked for the attributes of what is no directory, or of what the kernel does not know.
func TestRemoved_NothingIsAskedOfOthers(t *testing.T) {
	r := newRig(t, newMemFS().put("a", "b", "d/"))
	r.lookup(1, "a")
	b := r.lookup(1, "b")
	r.mem.took()
	r.want(0, fusetest.Rename(1, 1, "a", "b"))
	r.want(0, fusetest.Rmdir(1, "d"))
	sameList(t, "calls", r.mem.took(), []string{"rename /a /b", "rmdir /d"})
	r.want(syscall.ESTALE, fusetest.Getattr(b, fusetest.GetattrIn{}))
}

// A filesystem that lists nothing can be mounted on a file.
func TestOpsAt_OnAFileOnlyWhatListsNothingIsAFile(t *testing.T) {
	file := t.TempDir() + "/file"
	fusetest.Run(t, testTimeout, "touch", file)
	lists := newMemFS().ops()
	for _, c := range []struct {
		what  string
		ops   *Operations
		where string
		want  bool
	}{
		{"a filesystem with Readdir, on a file", lists, file, true},
		{"one without, on a file", &Operations{}, file, false},
		{"one without, on a directory", &Operations{}, t.TempDir(), true},
		{"one without, on a descriptor", &Operations{}, "/dev/null", true},
	} {
		same(t, c.what+": has Lookup", New(c.ops, DefaultConfig()).opsAt(c.where).Lookup != nil, c.want)
	}
}
