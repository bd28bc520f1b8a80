package main

import "golang.org/x/sys/unix"

var chownCases = []testCase{
	{"chown/root_changes_owner", chownByRoot},
	{"chown/owner_changes_group", chownGroup},
	{"chown/nothing_to_change", chownNothing},
	{"chown/suid_after_root", chownSUIDByRoot},
	{"chown/suid_after_owner", chownSUIDByOwner},
	{"chown/ctime", chownCtime},
	{"chown/refused", chownRefused},
	{"chown/refused_keeps_ctime", chownRefusedCtime},
	{"chown/only_one_id", chownOnlyOne},
	{"chown/open_file", chownOpenFile},
}

// A way is how a test reaches the file f: by chown directly, by chown through the symlink l, by lchown.
type way struct {
	name  string
	path  string
	chown func(w who, p string, uid, gid int) call
}

func waysOf(kind string) []way {
	self := way{"lchown", "f", who.lchown}
	if kind == Symlink {
		return []way{self}
	}
	return []way{{"chown", "f", who.chown}, {"through symlink", "l", who.chown}, self}
}

// eachWay runs f for each kind of file and way to it, with a new file f and, where it can be followed, a symlink l.
func eachWay(t *T, f func(kind string, v way)) {
	for _, kind := range allKinds {
		for _, v := range waysOf(kind) {
			t.create(kind, "f")
			t.ok(root.symlink("f", "l"))
			before := t.peek("l")
			f(kind, v)
			t.lstat("l", isOwner(int(before.Uid), int(before.Gid)), isMode(before.Mode&0o7777))
			t.ok(root.unlink("l"))
			t.remove(kind, "f")
		}
	}
}

func (v way) owned(t *T, checks ...check) {
	t.lstat("f", checks...)
	if v.path == "l" {
		t.stat("l", checks...)
	}
}

func chownByRoot(t *T) {
	eachWay(t, func(kind string, v way) {
		t.ok(v.chown(root, v.path, 123, 456))
		v.owned(t, isKind(kind), isOwner(123, 456))
		t.ok(v.chown(root, v.path, 0, 0))
		v.owned(t, isKind(kind), isOwner(0, 0))
		t.ok(v.chown(root, v.path, 0x7ffffffe, 0x7ffffffd))
		v.owned(t, isOwner(0x7ffffffe, 0x7ffffffd))
	})
}

// The owner may give his file to any group he is in.
func chownGroup(t *T) {
	w := asUser(65534, 65532, 65531)
	eachWay(t, func(_ string, v way) {
		t.ok(v.chown(root, v.path, 65534, 65533))
		v.owned(t, isOwner(65534, 65533))
		t.ok(v.chown(w, v.path, -1, 65532))
		v.owned(t, isOwner(65534, 65532))
		t.ok(v.chown(w, v.path, 65534, 65531))
		v.owned(t, isOwner(65534, 65531))
		t.ok(v.chown(w, v.path, 65534, -1))
		v.owned(t, isOwner(65534, 65531))
	})
}

func chownNothing(t *T) {
	eachWay(t, func(_ string, v way) {
		t.ok(v.chown(owner, v.path, -1, -1))
		v.owned(t, isOwner(0, 0))
		t.ok(v.chown(root, v.path, -1, -1))
		v.owned(t, isOwner(0, 0))
	})
}

// Linux takes SUID and SGID away at any chown of a file that is not a directory; POSIX leaves it open for root.
func chownSUIDByRoot(t *T) {
	eachWay(t, func(kind string, v way) {
		if kind == Symlink {
			return
		}
		for _, ids := range [][2]int{{65532, 65531}, {0, 0}} {
			t.ok(v.chown(root, v.path, 65534, 65533), root.chmod(v.path, 0o6555))
			v.owned(t, isMode(0o6555), isOwner(65534, 65533))
			t.ok(v.chown(root, v.path, ids[0], ids[1]))
			v.owned(t, isMode(0o6555, 0o555), isOwner(ids[0], ids[1]))
		}
	})
}

func chownSUIDByOwner(t *T) {
	w := asUser(65534, 65533, 65532)
	eachWay(t, func(kind string, v way) {
		if kind == Symlink {
			return
		}
		cleared := isMode(0o555)
		if kind == Dir {
			cleared = isMode(0o6555, 0o555) // Linux keeps them on directories
		}
		t.ok(v.chown(root, v.path, 65534, 65533), root.chmod(v.path, 0o6555))
		v.owned(t, isMode(0o6555), isOwner(65534, 65533))
		t.ok(v.chown(w, v.path, 65534, 65532))
		v.owned(t, cleared, isOwner(65534, 65532))
		t.ok(root.chmod(v.path, 0o6555))
		v.owned(t, isMode(0o6555), isOwner(65534, 65532))
		t.ok(v.chown(w, v.path, -1, 65533))
		v.owned(t, cleared, isOwner(65534, 65533))
		t.ok(root.chmod(v.path, 0o6555))
		t.ok(v.chown(w, v.path, -1, -1))
		v.owned(t, isMode(0o6555, 0o555), isOwner(65534, 65533))
		// SGID without execute by group is not a privilege (once: mandatory locking), and stays with a member of the group.
		if kind == Regular {
			t.ok(root.chmod(v.path, 0o4644), v.chown(w, v.path, 65534, 65532))
			v.owned(t, isMode(0o644), isOwner(65534, 65532))
		}
	})
}

func chownCtime(t *T) {
	eachWay(t, func(_ string, v way) {
		c := stamps("f", "c")
		t.updates(c, c, func() { t.ok(v.chown(root, v.path, 65534, 65533)) })
		v.owned(t, isOwner(65534, 65533))
		t.updates(c, c, func() { t.ok(v.chown(asUser(65534, 65532), v.path, 65534, 65532)) })
		v.owned(t, isOwner(65534, 65532))
		t.keeps(stamps("f", "m"), func() { t.ok(v.chown(root, v.path, 65533, 65531)) })
		v.owned(t, isOwner(65533, 65531))
	})
}

func chownRefused(t *T) {
	eachWay(t, func(_ string, v way) {
		t.ok(v.chown(root, v.path, 65534, 65534))
		t.want(v.chown(owner, v.path, 65533, 65533), unix.EPERM)
		t.want(v.chown(other, v.path, 65534, 65534), unix.EPERM)
		t.want(v.chown(other, v.path, 65533, 65533), unix.EPERM)
		t.want(v.chown(owner, v.path, -1, 65533), unix.EPERM)
		t.want(v.chown(owner, v.path, 65533, -1), unix.EPERM)
		t.want(v.chown(other, v.path, -1, 65533), unix.EPERM)
		v.owned(t, isOwner(65534, 65534))
	})
}

func chownRefusedCtime(t *T) {
	eachWay(t, func(_ string, v way) {
		t.keeps(stamps("f", "cm"), func() {
			t.want(v.chown(nobody, v.path, 65534, -1), unix.EPERM)
			t.want(v.chown(owner, v.path, -1, 65534), unix.EPERM)
			t.want(v.chown(owner, v.path, 65534, 65534), unix.EPERM)
		})
		v.owned(t, isOwner(0, 0))
	})
}

func chownOnlyOne(t *T) {
	eachWay(t, func(_ string, v way) {
		t.ok(v.chown(root, v.path, 77, -1))
		v.owned(t, isOwner(77, 0))
		t.ok(v.chown(root, v.path, -1, 88))
		v.owned(t, isOwner(77, 88))
		t.ok(v.chown(root, v.path, 0, -1))
		v.owned(t, isOwner(0, 88))
	})
}

func chownOpenFile(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.fchown(fd, 65534, 65533))
	t.fstat(fd, isOwner(65534, 65533))
	t.stat("f", isOwner(65534, 65533))
	t.want(other.fchown(fd, 65533, 65533), unix.EPERM)
	t.ok(asUser(65534, 65533, 65532).fchown(fd, -1, 65532))
	t.fstat(fd, isOwner(65534, 65532))
	t.ok(root.unlink("f"), root.fchown(fd, 1, 2))
	t.fstat(fd, isOwner(1, 2), isNlink(0))
}
