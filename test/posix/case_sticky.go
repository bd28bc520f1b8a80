package main

import (
	"slices"

	"golang.org/x/sys/unix"
)

var stickyCases = []testCase{
	{"sticky/rename_source", stickyRenameSource},
	{"sticky/rename_source_directory", stickyRenameSourceDir},
	{"sticky/rename_target", stickyRenameTarget},
	{"sticky/rename_target_directory", stickyRenameTargetDir},
	{"sticky/unlink", stickyUnlink},
	{"sticky/rmdir", stickyRmdir},
	{"sticky/exchange", stickyExchange},
	{"sticky/root", stickyRoot},
}

// A stake says who owns a sticky directory and the file in it, seen by the user "owner" who acts: he may when one of them is his.
type stake struct {
	dir, file int
}

func (s stake) mayRemove() bool { return s.dir == owner.uid || s.file == owner.uid }

var stakes = []stake{
	{65534, 65534}, {65534, 0}, {65534, 65533}, {0, 65534}, {65533, 65534}, {0, 0}, {65533, 65533}, {0, 65533}, {65533, 0},
}

var denied = []unix.Errno{unix.EACCES, unix.EPERM}

// stickyDir makes a directory with mode 1777 for a user, and "plain", one that the acting user owns.
func (t *T) stickyDirs() {
	t.ok(root.mkdir("sticky", 0o755), root.chmod("sticky", 0o1777))
	t.createFor(Dir, "plain", 65534, 65534)
}

func stickyRenameSource(t *T) {
	t.stickyDirs()
	for _, kind := range fileKinds {
		for _, s := range stakes {
			t.ok(root.chown("sticky", s.dir, s.dir))
			t.createFor(kind, "sticky/a", s.file, s.file)
			ino := t.ino("sticky/a")
			for _, target := range slices.Concat([]string{None}, fileKinds) {
				t.createFor(target, "plain/b", 65534, 65534)
				t.renameOutAndBack(s, target, ino)
			}
			t.ok(root.unlink("sticky/a"))
		}
	}
}

func (t *T) renameOutAndBack(s stake, target string, ino uint64) {
	if s.mayRemove() {
		t.ok(owner.rename("sticky/a", "plain/b"))
		t.gone("sticky/a")
		t.lstat("plain/b", isIno(ino), isOwner(s.file, s.file))
		t.ok(owner.rename("plain/b", "sticky/a"))
		t.lstat("sticky/a", isIno(ino))
		t.gone("plain/b")
		return
	}
	t.want(owner.rename("sticky/a", "plain/b"), denied...)
	t.lstat("sticky/a", isIno(ino), isOwner(s.file, s.file))
	if target == None {
		t.gone("plain/b")
		return
	}
	t.lstat("plain/b", isKind(target), isOwner(65534, 65534))
	t.ok(root.unlink("plain/b"))
}

// A directory moved to another parent must be writable too: its owner only may, here.
func stickyRenameSourceDir(t *T) {
	t.stickyDirs()
	for _, s := range stakes {
		for _, there := range []bool{false, true} {
			t.ok(root.chown("sticky", s.dir, s.dir))
			t.createFor(Dir, "sticky/a", s.file, s.file)
			ino := t.ino("sticky/a")
			if there {
				t.ok(owner.mkdir("plain/b", 0o755))
			}
			if s.file == owner.uid {
				t.ok(owner.rename("sticky/a", "plain/b"))
				t.gone("sticky/a")
				t.lstat("plain/b", isKind(Dir), isIno(ino), isOwner(s.file, s.file))
				t.ok(root.rmdir("plain/b"))
				continue
			}
			t.want(owner.rename("sticky/a", "plain/b"), denied...)
			t.lstat("sticky/a", isIno(ino), isOwner(s.file, s.file))
			if there {
				t.lstat("plain/b", isKind(Dir), isOwner(65534, 65534))
				t.ok(root.rmdir("plain/b"))
			} else {
				t.gone("plain/b")
			}
			t.renameInPlace(s, ino)
			t.ok(root.rmdir("sticky/a"))
		}
	}
}

func (t *T) renameInPlace(s stake, ino uint64) {
	if !s.mayRemove() {
		t.want(owner.rename("sticky/a", "sticky/c"), denied...)
		return
	}
	t.ok(owner.rename("sticky/a", "sticky/c"))
	t.gone("sticky/a")
	t.lstat("sticky/c", isIno(ino), isOwner(s.file, s.file))
	t.ok(owner.mkdir("sticky/a", 0o755), owner.rename("sticky/c", "sticky/a"))
	t.lstat("sticky/a", isIno(ino))
	t.gone("sticky/c")
}

func stickyRenameTarget(t *T) {
	t.stickyDirs()
	for _, kind := range fileKinds {
		for _, s := range stakes {
			t.ok(root.chown("sticky", s.dir, s.dir))
			t.createFor(kind, "plain/a", 65534, 65534)
			ino := t.ino("plain/a")
			for _, target := range fileKinds {
				t.createFor(target, "sticky/b", s.file, s.file)
				if s.mayRemove() {
					t.ok(owner.rename("plain/a", "sticky/b"))
					t.gone("plain/a")
					t.lstat("sticky/b", isIno(ino), isKind(kind))
					t.ok(owner.rename("sticky/b", "plain/a"))
					t.lstat("plain/a", isIno(ino))
					t.gone("sticky/b")
					continue
				}
				t.want(owner.rename("plain/a", "sticky/b"), denied...)
				t.lstat("plain/a", isIno(ino))
				t.lstat("sticky/b", isKind(target), isOwner(s.file, s.file))
				t.ok(root.unlink("sticky/b"))
			}
			t.ok(root.unlink("plain/a"))
		}
	}
}

func stickyRenameTargetDir(t *T) {
	t.stickyDirs()
	for _, s := range stakes {
		t.ok(root.chown("sticky", s.dir, s.dir), owner.mkdir("plain/a", 0o755))
		t.createFor(Dir, "sticky/b", s.file, s.file)
		ino := t.ino("plain/a")
		if s.mayRemove() {
			t.ok(owner.rename("plain/a", "sticky/b"))
			t.gone("plain/a")
			t.lstat("sticky/b", isKind(Dir), isIno(ino), isOwner(65534, 65534))
			t.ok(root.rmdir("sticky/b"))
			continue
		}
		t.want(owner.rename("plain/a", "sticky/b"), denied...)
		t.lstat("plain/a", isIno(ino))
		t.lstat("sticky/b", isKind(Dir), isOwner(s.file, s.file))
		t.ok(root.rmdir("plain/a"), root.rmdir("sticky/b"))
	}
}

func stickyUnlink(t *T) {
	t.stickyDirs()
	for _, kind := range fileKinds {
		t.removeMatrix(kind)
	}
}

func stickyRmdir(t *T) {
	t.stickyDirs()
	t.removeMatrix(Dir)
}

func (t *T) removeMatrix(kind string) {
	for _, s := range stakes {
		for _, mode := range []uint32{0o1777, 0o777} {
			t.ok(root.chown("sticky", s.dir, s.dir), root.chmod("sticky", mode))
			t.createFor(kind, "sticky/f", s.file, s.file)
			same := []check{isKind(kind), isOwner(s.file, s.file)}
			t.lstat("sticky/f", same...)
			if s.mayRemove() || mode == 0o777 {
				t.ok(owner.remove(kind, "sticky/f"))
				t.gone("sticky/f")
				continue
			}
			t.want(owner.remove(kind, "sticky/f"), denied...)
			t.lstat("sticky/f", same...)
			t.remove(kind, "sticky/f")
		}
	}
	t.ok(root.chmod("sticky", 0o1777))
}

// An exchange removes on both sides.
func stickyExchange(t *T) {
	t.needRename(unix.RENAME_EXCHANGE)
	t.stickyDirs()
	for _, s := range stakes {
		t.ok(root.chown("sticky", s.dir, s.dir))
		t.createFor(Regular, "sticky/a", s.file, s.file)
		t.createFor(Fifo, "plain/b", 65534, 65534)
		want := denied
		if s.mayRemove() {
			want = []unix.Errno{0}
		}
		t.want(owner.rename2("sticky/a", "plain/b", unix.RENAME_EXCHANGE), want...)
		kind := Regular
		if s.mayRemove() {
			kind = Fifo
		}
		t.lstat("sticky/a", isKind(kind))
		t.want(owner.rename2("plain/b", "sticky/a", unix.RENAME_EXCHANGE), want...)
		t.lstat("sticky/a", isKind(Regular))
		t.ok(root.unlink("sticky/a"), root.unlink("plain/b"))
	}
}

func stickyRoot(t *T) {
	t.stickyDirs()
	t.ok(root.chown("sticky", 65533, 65533))
	for _, kind := range allKinds {
		t.createFor(kind, "sticky/f", 65534, 65534)
		t.ok(root.rename("sticky/f", "plain/f"), root.rename("plain/f", "sticky/f"), root.remove(kind, "sticky/f"))
		t.gone("sticky/f", "plain/f")
	}
}
