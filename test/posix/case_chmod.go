package main

import "golang.org/x/sys/unix"

var chmodCases = []testCase{
	{"chmod/changes_mode", chmodChangesMode},
	{"chmod/all_bits", chmodAllBits},
	{"chmod/ctime", chmodCtime},
	{"chmod/sgid_of_foreign_group", chmodForeignGroup},
	{"chmod/owner_only", chmodOwnerOnly},
	{"chmod/sticky_on_files", chmodStickyOnFiles},
	{"chmod/nofollow", chmodNofollow},
	{"chmod/open_file", chmodOpenFile},
	{"chmod/write_clears_suid", writeClearsSUID},
	{"chmod/truncate_clears_suid", truncateClearsSUID},
}

func chmodChangesMode(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.chmod("f", 0o111))
		t.stat("f", isKind(kind), isMode(0o111))

		t.ok(root.symlink("f", "l"))
		before := t.peek("l").Mode & 0o7777
		t.ok(root.chmod("l", 0o222))
		t.stat("l", isMode(0o222))
		t.stat("f", isMode(0o222))
		t.lstat("l", isMode(before))
		t.ok(root.unlink("l"))
		t.remove(kind, "f")
	}
}

// Every bit of a mode comes back, set by root and by the owner.
func chmodAllBits(t *T) {
	for _, kind := range []string{Regular, Dir, Fifo} {
		t.createFor(kind, "f", owner.uid, owner.gids[0])
		for bit := uint32(1); bit <= 0o4000; bit <<= 1 {
			for _, w := range []who{root, owner} {
				t.ok(w.chmod("f", bit))
				t.stat("f", isMode(bit))
				t.ok(w.chmod("f", 0o7777&^bit))
				t.stat("f", isMode(0o7777&^bit))
			}
		}
		t.remove(kind, "f")
	}
}

func chmodCtime(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		c := stamps("f", "c")
		t.updates(c, c, func() { t.ok(root.chmod("f", 0o111)) })
		t.keeps(stamps("f", "m"), func() { t.ok(root.chmod("f", 0o444)) })
		t.keeps(stamps("f", "cm"), func() { t.want(nobody.chmod("f", 0o111), unix.EPERM) })
		t.stat("f", isMode(0o444))
		t.remove(kind, "f")
	}
}

// A user who is not in the file's group cannot set its SGID bit: it is dropped without an error.
func chmodForeignGroup(t *T) {
	t.createFor(Regular, "f", 65534, 65534)
	t.ok(root.chmod("f", 0o755))
	t.ok(owner.chmod("f", 0o2755))
	t.stat("f", isMode(0o2755))
	t.ok(owner.chmod("f", 0o755))
	t.stat("f", isMode(0o755))
	foreign := asUser(65534, 65533)
	t.ok(foreign.chmod("f", 0o2755))
	t.stat("f", isMode(0o755))
	member := asUser(65534, 65533, 65534)
	t.ok(member.chmod("f", 0o2755))
	t.stat("f", isMode(0o2755))
	t.ok(foreign.chmod("f", 0o6777))
	t.stat("f", isMode(0o4777))
	t.ok(root.chmod("f", 0o6777))
	t.stat("f", isMode(0o6777))
	t.remove(Regular, "f")
}

func chmodOwnerOnly(t *T) {
	t.createFor(Dir, "d", 65534, 65534)
	for _, kind := range modeKinds {
		t.createFor(kind, "d/f", 65534, 65534)
		t.ok(owner.symlink("f", "d/l"))
		for _, p := range []string{"d/f", "d/l"} {
			t.ok(root.chown("d/f", 65534, 65534))
			t.ok(owner.chmod(p, 0o642))
			t.stat("d/f", isMode(0o642), isOwner(65534, 65534))
			t.want(other.chmod(p, 0o641), unix.EPERM)
			t.stat("d/f", isMode(0o642), isOwner(65534, 65534))
			t.ok(root.chown(p, 0, 0))
			t.want(owner.chmod(p, 0o641), unix.EPERM)
			t.stat("d/f", isMode(0o642), isOwner(0, 0))
			t.ok(root.chmod(p, 0o640))
			t.stat("d/f", isMode(0o640), isOwner(0, 0))
		}
		t.ok(root.unlink("d/l"))
		t.remove(kind, "d/f")
	}
	t.ok(root.rmdir("d"))
}

// Linux lets anyone set the sticky bit of his files.
func chmodStickyOnFiles(t *T) {
	for _, kind := range modeKinds {
		t.createFor(kind, "f", 65534, 65534)
		t.ok(root.chmod("f", 0o640))
		t.ok(root.symlink("f", "l"))
		for _, w := range []who{root, owner} {
			t.ok(w.chmod("f", 0o1644))
			t.stat("f", isMode(0o1644))
			t.ok(w.chmod("l", 0o1640))
			t.stat("f", isMode(0o1640))
			t.ok(w.chmod("f", 0o600))
			t.stat("f", isMode(0o600))
		}
		t.ok(root.unlink("l"))
		t.remove(kind, "f")
	}
}

func chmodNofollow(t *T) {
	t.create(Regular, "f")
	if root.lchmod("f", 0o600).errno() == unix.ENOSYS {
		t.skip("this kernel has no fchmodat2")
	}
	t.remove(Regular, "f")
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.lchmod("f", 0o1621))
		t.lstat("f", isMode(0o1621))
		t.want(nobody.lchmod("f", 0o111), unix.EPERM)
		t.lstat("f", isMode(0o1621))
		t.remove(kind, "f")
	}
	t.create(Regular, "f")
	t.ok(root.symlink("f", "l"))
	t.want(root.lchmod("l", 0o600), unix.EOPNOTSUPP)
	t.stat("f", isMode(0o644))
	t.ok(root.unlink("l"), root.unlink("f"))
}

func chmodOpenFile(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.fchmod(fd, 0o4711))
	t.fstat(fd, isMode(0o4711))
	t.stat("f", isMode(0o4711))
	t.want(nobody.fchmod(fd, 0o600), unix.EPERM)
	t.fstat(fd, isMode(0o4711))
	t.ok(root.unlink("f"), root.fchmod(fd, 0o600))
	t.fstat(fd, isMode(0o600), isNlink(0))

	dir, c := root.openFD(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	defer closeFD(dir)
	t.ok(c, root.fchmod(dir, 0o1711))
	t.stat(".", isMode(0o1711))
	t.ok(root.fchmod(dir, 0o755))
}

// Writing by a user without CAP_FSETID takes SUID away, and SGID where group may execute.
func writeClearsSUID(t *T) {
	rows := []struct {
		mode, after uint32
		flags       int
	}{
		{0o4777, 0o777, unix.O_WRONLY},
		{0o2777, 0o777, unix.O_RDWR},
		{0o6777, 0o777, unix.O_RDWR},
		{0o4666, 0o666, unix.O_WRONLY},
		{0o1777, 0o1777, unix.O_WRONLY},
	}
	for _, row := range rows {
		for _, w := range []who{owner, other} {
			t.createFor(Regular, "f", 65534, 65534)
			t.ok(root.chmod("f", row.mode))
			fd, c := w.openFD("f", row.flags, 0)
			t.ok(c, w.write(fd, []byte("x"), 0))
			t.fstat(fd, isMode(row.after), isSize(1))
			closeFD(fd)
			t.stat("f", isMode(row.after), isSize(1))
			t.ok(root.unlink("f"))
		}
	}
	t.create(Regular, "f")
	t.ok(root.chmod("f", 0o6777))
	fd, c := root.openFD("f", unix.O_WRONLY, 0)
	t.ok(c, root.write(fd, []byte("x"), 0))
	closeFD(fd)
	t.stat("f", isMode(0o6777), isSize(1))
	t.ok(root.unlink("f"))
}

func truncateClearsSUID(t *T) {
	shrink := func(w who) call { return w.truncate("f", 3) }
	fshrink := func(w who) call {
		fd, c := w.openFD("f", unix.O_RDWR, 0)
		defer closeFD(fd)
		if c.err != nil {
			return c
		}
		return w.ftruncate(fd, 3)
	}
	otrunc := func(w who) call { return w.open("f", unix.O_WRONLY|unix.O_TRUNC, 0) }
	for _, cut := range []func(who) call{shrink, fshrink, otrunc} {
		for _, mode := range []uint32{0o4777, 0o2777, 0o6777} {
			t.createFor(Regular, "f", 65534, 65534)
			t.ok(root.chmod("f", mode))
			t.ok(cut(owner))
			t.stat("f", isMode(0o777))
			t.ok(root.unlink("f"))
		}
	}
}
