package main

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// aged sets all times of an inode to 1000, so that it shows which of them an operation changes.
func (k *kernel) aged(inos ...lowlevel.Ino) {
	for _, ino := range inos {
		n := k.fs.table.get(ino)
		n.mu.Lock()
		n.atime, n.mtime, n.ctime = unix.Timespec{Sec: 1000}, unix.Timespec{Sec: 1000}, unix.Timespec{Sec: 1000}
		n.mu.Unlock()
	}
}

// touched tells which times have changed since aged: a string of the letters a, m and c.
func (k *kernel) touched(ino lowlevel.Ino) string {
	st, got := k.stat(ino), ""
	for _, c := range []struct {
		letter string
		time   unix.Timespec
	}{{"a", st.Atim}, {"m", st.Mtim}, {"c", st.Ctim}} {
		if c.time.Sec != 1000 {
			got += c.letter
		}
	}
	return got
}

func TestTimes_OfEachOperation(t *testing.T) {
	fi := new(lowlevel.FileInfo)
	for _, c := range []struct {
		name            string
		op              func(k *kernel, f, g lowlevel.Ino) error
		root, dir, f, g string // which times of theirs it changes
	}{
		{"create", func(k *kernel, _, _ lowlevel.Ino) error { k.mkfile(root, "x"); return nil }, "mc", "", "", ""},
		{"mkdir", func(k *kernel, _, _ lowlevel.Ino) error { k.mkdir(root, "x"); return nil }, "mc", "", "", ""},
		{"link", func(k *kernel, f, _ lowlevel.Ino) error { k.got(k.fs.link(k.req, f, root, "x")); return nil }, "mc", "", "c", ""},
		{"unlink", func(k *kernel, _, _ lowlevel.Ino) error { return k.fs.unlink(k.req, root, "f") }, "mc", "", "c", ""},
		{"rmdir", func(k *kernel, _, _ lowlevel.Ino) error { return k.fs.rmdir(k.req, root, "dir") }, "mc", "c", "", ""},
		{"rename", func(k *kernel, _, _ lowlevel.Ino) error { return k.rename(root, "f", root, "x", 0) }, "mc", "", "c", ""},
		{"rename away", func(k *kernel, _, _ lowlevel.Ino) error { return k.rename(root, "f", k.find(root, "dir"), "x", 0) }, "mc", "mc", "c", ""},
		{"rename over", func(k *kernel, _, _ lowlevel.Ino) error { return k.rename(root, "f", root, "g", 0) }, "mc", "", "c", "c"},
		{"exchange", func(k *kernel, _, _ lowlevel.Ino) error {
			return k.rename(root, "f", root, "g", lowlevel.RenameExchange)
		}, "mc", "", "c", "c"},
		{"readdir", func(k *kernel, _, _ lowlevel.Ino) error { k.list(root); return nil }, "a", "", "", ""},
		{"read", func(k *kernel, f, _ lowlevel.Ino) error { k.read(f); return nil }, "", "", "a", ""},
		{"write", func(k *kernel, f, _ lowlevel.Ino) error { k.write(f, "x", 0); return nil }, "", "", "mc", ""},
		{"truncate", func(k *kernel, f, _ lowlevel.Ino) error {
			_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{}, lowlevel.SetAttrSize, nil)
			return err
		}, "", "", "mc", ""},
		{"chmod", func(k *kernel, f, _ lowlevel.Ino) error {
			_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{Mode: 0o600}, lowlevel.SetAttrMode, nil)
			return err
		}, "", "", "c", ""},
		{"chown to nobody new", func(k *kernel, f, _ lowlevel.Ino) error {
			_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{}, 0, nil)
			return err
		}, "", "", "c", ""},
		{"touch -a", func(k *kernel, f, _ lowlevel.Ino) error {
			_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{}, lowlevel.SetAttrAtime|lowlevel.SetAttrAtimeNow, nil)
			return err
		}, "", "", "ac", ""},
		{"touch -m", func(k *kernel, f, _ lowlevel.Ino) error {
			_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{}, lowlevel.SetAttrMtime|lowlevel.SetAttrMtimeNow, nil)
			return err
		}, "", "", "mc", ""},
		{"fallocate", func(k *kernel, f, _ lowlevel.Ino) error { return k.fs.fallocate(k.req, f, 0, 0, 1, fi) }, "", "", "mc", ""},
		{"setxattr", func(k *kernel, f, _ lowlevel.Ino) error { return k.fs.setxattr(k.req, f, "user.x", nil, 0) }, "", "", "c", ""},
		{"copy", func(k *kernel, f, g lowlevel.Ino) error {
			_, err := k.fs.copyFileRange(k.req, f, 0, fi, g, 0, fi, 4, 0)
			return err
		}, "", "", "a", "mc"},
	} {
		k := newKernel(t, options{})
		f, g, dir := k.mkfile(root, "f"), k.mkfile(root, "g"), k.mkdir(root, "dir")
		k.write(f, "data", 0)
		k.aged(root, dir, f, g)
		k.noError(c.op(k, f, g))
		for _, w := range []struct {
			who  string
			ino  lowlevel.Ino
			want string
		}{{"root", root, c.root}, {"dir", dir, c.dir}, {"f", f, c.f}, {"g", g, c.g}} {
			if got := k.touched(w.ino); got != w.want {
				t.Errorf("%s: times of %s that changed: got %q, want %q", c.name, w.who, got, w.want)
			}
		}
	}
}

func TestSetattr_TakesTimesAsTheyCome(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	want := lowlevel.Stat{Atim: unix.Timespec{Sec: -5, Nsec: 1}, Mtim: unix.Timespec{Sec: 1, Nsec: 999999999}, Ctim: unix.Timespec{Sec: 3}}
	st, _, err := k.fs.setattr(k.req, f, &want, lowlevel.SetAttrAtime|lowlevel.SetAttrMtime|lowlevel.SetAttrCtime, nil)
	k.noError(err)
	if st.Atim != want.Atim || st.Mtim != want.Mtim || st.Ctim != want.Ctim {
		t.Errorf("got %v %v %v", st.Atim, st.Mtim, st.Ctim)
	}
}

func TestWrite_LeavesTimesToTheKernelsCache(t *testing.T) {
	k := newKernel(t, options{})
	k.fs.writeback = true
	f := k.mkfile(root, "f")
	k.aged(f)
	if _, err := k.fs.write(k.req, f, []byte("x"), 0, &lowlevel.FileInfo{Writepage: true}); err != nil {
		t.Fatal(err)
	}
	if got := k.touched(f); got != "" {
		t.Errorf("times that changed: got %q, want none", got)
	}
}

func TestRead_NotesTheTimeOnlyWhenItMatters(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	k.aged(f)
	n := k.fs.table.get(f)
	if _, err := k.fs.read(k.req, f, nil, 0, &lowlevel.FileInfo{Flags: unix.O_NOATIME}); err != nil || k.touched(f) != "" {
		t.Errorf("O_NOATIME: %v, times that changed: %q", err, k.touched(f))
	}
	n.atime = now()
	n.atime.Sec -= 60
	recent := n.atime
	k.read(f)
	if n.atime != recent {
		t.Error("a time later than that of the last change was changed")
	}
	n.atime.Sec -= 24 * 60 * 60
	k.read(f)
	if n.atime.Sec <= recent.Sec {
		t.Error("a time of yesterday was left")
	}
}

func TestSetattr_Resize(t *testing.T) {
	k := newKernel(t, options{})
	resize := func(ino lowlevel.Ino, size int64) error {
		_, _, err := k.fs.setattr(k.req, ino, &lowlevel.Stat{Size: size}, lowlevel.SetAttrSize, nil)
		return err
	}
	f := k.mkfile(root, "f")
	fifo := k.got(k.fs.mknod(k.req, root, "fifo", unix.S_IFIFO, 0))
	k.noError(resize(f, 1<<40))
	wantErr(t, "directory", resize(root, 0), unix.EISDIR)
	wantErr(t, "fifo", resize(fifo, 0), unix.EINVAL)
	wantErr(t, "too large", resize(f, maxFileSize+1), unix.EFBIG)
	wantErr(t, "negative", resize(f, -1), unix.EINVAL)
	if st := k.stat(f); st.Size != 1<<40 || st.Blocks != 0 {
		t.Errorf("size %d, %d blocks", st.Size, st.Blocks)
	}
}

func TestSetattr_KillSUID(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	for mode, want := range map[uint32]uint32{0o6755: 0o755, 0o6745: 0o2745, 0o644: 0o644} {
		_, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{Mode: mode}, lowlevel.SetAttrMode, nil)
		k.noError(err)
		st, _, err := k.fs.setattr(k.req, f, &lowlevel.Stat{}, lowlevel.SetAttrKillSUID, nil)
		k.noError(err)
		if st.Mode&0o7777 != want {
			t.Errorf("%o: got %o, want %o", mode, st.Mode&0o7777, want)
		}
	}
}
