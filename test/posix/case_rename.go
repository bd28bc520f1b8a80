package main

import (
	"golang.org/x/sys/unix"
)

var renameCases = []testCase{
	{"rename/keeps_file", renameKeepsFile},
	{"rename/directory", renameDirectory},
	{"rename/symlink", renameSymlink},
	{"rename/over_existing", renameOver},
	{"rename/kinds_do_not_mix", renameMix},
	{"rename/not_empty", renameNotEmpty},
	{"rename/into_itself", renameIntoItself},
	{"rename/same_file", renameSame},
	{"rename/dot", renameDot},
	{"rename/times", renameTimes},
	{"rename/refused_keeps_times", renameRefused},
	{"rename/multiply_linked_target", renameLinkedTarget},
	{"rename/dot_dot_follows", renameDotDot},
	{"rename/parent_permission", renameParentPermission},
	{"rename/needs_write_on_directory", renameForeignDirectory},
	{"rename/noreplace", renameNoreplace},
	{"rename/exchange", renameExchange},
	{"rename/open_files", renameOpen},
	{"rename/deep_tree", renameDeep},
}

func renameKeepsFile(t *T) {
	for _, kind := range plainKinds {
		t.create(kind, "a")
		same := []check{isKind(kind), isMode(t.peek("a").Mode & 0o7777), isIno(t.ino("a"))}
		t.lstat("a", append(same, isNlink(1))...)
		t.ok(root.rename("a", "b"))
		t.gone("a")
		t.lstat("b", append(same, isNlink(1))...)
		t.ok(root.link("b", "a"))
		t.lstat("a", append(same, isNlink(2))...)
		t.lstat("b", append(same, isNlink(2))...)
		t.ok(root.rename("b", "c"))
		t.lstat("a", append(same, isNlink(2))...)
		t.gone("b")
		t.lstat("c", append(same, isNlink(2))...)
		t.ok(root.unlink("a"), root.unlink("c"))
	}
}

func renameDirectory(t *T) {
	t.ok(root.mkdir("a", 0o751))
	t.create(Regular, "a/f")
	ino := t.ino("a")
	t.ok(root.rename("a", "b"))
	t.gone("a", "a/f")
	t.lstat("b", isKind(Dir), isIno(ino), isMode(0o751), isNlink(2))
	t.lstat("b/f", isKind(Regular))
	t.ok(root.mkdir("c", 0o700), root.rename("b", "c"))
	t.gone("b")
	t.lstat("c", isIno(ino), isMode(0o751))
	t.lstat("c/f", isKind(Regular))
	t.stat(".", isNlink(3))
}

func renameSymlink(t *T) {
	t.create(Regular, "f")
	t.ok(root.symlink("f", "l"))
	link, file := t.ino("l"), t.ino("f")
	t.stat("l", isKind(Regular), isIno(file))
	t.ok(root.rename("l", "m"))
	t.gone("l")
	t.lstat("m", isKind(Symlink), isIno(link))
	t.stat("m", isKind(Regular), isIno(file))
	t.ok(root.mkdir("d", 0o755), root.symlink("d", "n"), root.rename("n", "o"))
	t.lstat("o", isKind(Symlink))
	t.lstat("d", isKind(Dir))
	t.ok(root.rename("f", "m")) // replaces the symlink, not what it named
	t.lstat("m", isKind(Regular), isIno(file))
}

// Any file may take the name of any other file.
func renameOver(t *T) {
	for _, from := range fileKinds {
		for _, to := range fileKinds {
			t.create(from, "a")
			t.create(to, "b")
			ino := t.ino("a")
			t.ok(root.rename("a", "b"))
			t.gone("a")
			t.lstat("b", isKind(from), isIno(ino), isNlink(1))
			t.ok(root.unlink("b"))
		}
	}
}

func renameMix(t *T) {
	t.ok(root.mkdir("d", 0o755))
	ino := t.ino("d")
	for _, kind := range fileKinds {
		t.create(kind, "f")
		t.want(root.rename("d", "f"), unix.ENOTDIR)
		t.want(root.rename("f", "d"), unix.EISDIR)
		t.lstat("d", isKind(Dir), isIno(ino))
		t.lstat("f", isKind(kind))
		t.ok(root.unlink("f"))
	}
}

func renameNotEmpty(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("b", 0o755))
	for _, kind := range allKinds {
		t.create(kind, "b/f")
		t.want(root.rename("a", "b"), unix.ENOTEMPTY, unix.EEXIST)
		t.lstat("a", isKind(Dir))
		t.lstat("b", isKind(Dir))
		t.lstat("b/f", isKind(kind))
		t.remove(kind, "b/f")
	}
	t.ok(root.rename("a", "b"))
	t.gone("a")
}

func renameIntoItself(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("a/b", 0o755), root.mkdir("a/b/c", 0o755))
	for _, to := range []string{"a/x", "a/b/x", "a/b/c/x", "a/b", "a/b/c"} {
		t.want(root.rename("a", to), unix.EINVAL)
	}
	t.want(root.rename("a/b", "a/b/c"), unix.EINVAL)
	t.want(root.rename("a/b", "a"), unix.ENOTEMPTY)
	t.want(root.rename("a/b/c", "a/b"), unix.ENOTEMPTY)
	t.want(root.rename("a/b/c", "a"), unix.ENOTEMPTY)
	t.lstat("a/b/c", isKind(Dir), isNlink(2))
}

// Renaming to another name of the same file does nothing, and both names stay.
func renameSame(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "a")
		t.ok(root.rename("a", "a"), root.link("a", "b"))
		ino := t.ino("a")
		t.ok(root.rename("a", "b"))
		t.lstat("a", isKind(kind), isNlink(2), isIno(ino))
		t.lstat("b", isKind(kind), isNlink(2), isIno(ino))
		t.ok(root.unlink("a"), root.unlink("b"))
	}
	t.ok(root.mkdir("d", 0o755), root.rename("d", "d"))
	t.lstat("d", isKind(Dir))
}

func renameDot(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("a/b", 0o755))
	for _, from := range []string{".", "..", "a/.", "a/..", "a/b/.", "a/b/.."} {
		t.want(root.rename(from, "x"), unix.EINVAL, unix.EBUSY)
	}
	for _, to := range []string{".", "..", "a/.", "a/.."} {
		t.want(root.rename("a/b", to), unix.EINVAL, unix.EBUSY, unix.EEXIST, unix.ENOTEMPTY)
	}
	t.lstat("a/b", isKind(Dir))
	t.want(root.rename("missing", "x"), unix.ENOENT)
	t.want(root.rename("missing", "a"), unix.ENOENT)
}

func renameTimes(t *T) {
	t.ok(root.mkdir("d", 0o755), root.mkdir("e", 0o755))
	for _, kind := range allKinds {
		t.create(kind, "d/f")
		before := append(stamps("d", "cm"), append(stamps("e", "cm"), stamps("d/f", "c")...)...)
		after := append(stamps("d", "cm"), append(stamps("e", "cm"), stamps("e/g", "c")...)...)
		t.updates(before, after, func() { t.ok(root.rename("d/f", "e/g")) })
		if kind != Dir {
			t.keeps(stamps("e/g", "m"), func() { t.ok(root.rename("e/g", "e/g")) })
		}
		t.remove(kind, "e/g")
	}
}

func renameRefused(t *T) {
	for _, kind := range allKinds {
		t.create(kind, "f")
		t.keeps(append(stamps("f", "cm"), stamps(".", "cm")...), func() { t.want(nobody.rename("f", "g"), unix.EACCES) })
		t.gone("g")
		t.remove(kind, "f")
	}
}

func renameLinkedTarget(t *T) {
	for _, kind := range plainKinds {
		t.create(kind, "src")
		t.create(kind, "dst")
		t.ok(root.link("dst", "other"))
		c := stamps("other", "c")
		t.updates(c, c, func() { t.ok(root.rename("src", "dst")) })
		t.lstat("other", isKind(kind), isNlink(1))
		t.lstat("dst", isKind(kind), isNlink(1))
		t.ok(root.unlink("dst"), root.unlink("other"))
	}
}

func renameDotDot(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("b", 0o755), root.mkdir("a/d", 0o755))
	t.lstat("a", isNlink(3))
	t.lstat("b", isNlink(2))
	t.lstat("a/d/..", isIno(t.ino("a")))
	t.ok(root.rename("a/d", "b/e"))
	t.lstat("a", isNlink(2))
	t.lstat("b", isNlink(3))
	t.lstat("b/e/..", isIno(t.ino("b")))
	t.ok(root.mkdir("a/d", 0o755), root.rename("b/e", "a/d")) // over an empty directory
	t.lstat("a", isNlink(3))
	t.lstat("b", isNlink(2))
	t.lstat("a/d/..", isIno(t.ino("a")))
}

func renameParentPermission(t *T) {
	for _, kind := range []string{Regular, Dir, Symlink} {
		t.createFor(Dir, "a", 65534, 65534)
		t.createFor(Dir, "b", 65534, 65534)
		t.ok(owner.create(kind, "a/f"))
		t.ok(owner.rename("a/f", "b/g"), owner.rename("b/g", "a/f"))
		for _, mode := range []uint32{0o555, 0o644} {
			t.ok(root.chmod("b", mode))
			t.want(owner.rename("a/f", "b/g"), unix.EACCES)
			t.ok(root.chmod("a", mode))
			t.want(owner.rename("a/f", "a/g"), unix.EACCES)
			t.ok(root.chmod("b", 0o755))
			t.want(owner.rename("a/f", "b/g"), unix.EACCES)
			t.ok(root.chmod("a", 0o755))
		}
		t.remove(kind, "a/f")
		t.ok(root.rmdir("a"), root.rmdir("b"))
	}
}

// Moving a directory to another parent changes its "..": Linux asks for write permission on it. A rename in place does not.
func renameForeignDirectory(t *T) {
	t.ok(root.mkdir("a", 0o777), root.mkdir("b", 0o777))
	t.ok(root.mkdir("a/d", 0o700), owner.rename("a/d", "a/e"), owner.rename("a/e", "a/d"))
	t.want(owner.rename("a/d", "b/e"), unix.EACCES)
	t.lstat("a/d", isOwner(0, 0), isMode(0o700))
	t.ok(root.chmod("a/d", 0o777), owner.rename("a/d", "b/e"))
	t.lstat("b/e", isOwner(0, 0))
	t.create(Regular, "a/f")
	t.ok(owner.rename("a/f", "b/g"))
	t.lstat("b/g", isOwner(0, 0))
	t.gone("a/f", "a/d")
}

// needRename skips the test where the filesystem does not know a flag of renameat2.
func (t *T) needRename(flag uint) {
	t.create(Regular, "probe")
	if flag == unix.RENAME_EXCHANGE {
		t.create(Regular, "probe2")
	}
	switch root.rename2("probe", "probe2", flag).errno() {
	case unix.EINVAL, unix.ENOSYS:
		t.skip("no renameat2 flag %#x here", flag)
	}
	clean("probe", "probe2")
}

func renameNoreplace(t *T) {
	t.needRename(unix.RENAME_NOREPLACE)
	for _, kind := range allKinds {
		for _, to := range allKinds {
			t.create(kind, "a")
			t.create(to, "b")
			t.want(root.rename2("a", "b", unix.RENAME_NOREPLACE), unix.EEXIST)
			t.lstat("a", isKind(kind))
			t.lstat("b", isKind(to))
			t.remove(to, "b")
			t.ok(root.rename2("a", "b", unix.RENAME_NOREPLACE))
			t.gone("a")
			t.lstat("b", isKind(kind))
			t.remove(kind, "b")
		}
	}
}

func renameExchange(t *T) {
	t.needRename(unix.RENAME_EXCHANGE)
	t.ok(root.mkdir("x", 0o755), root.mkdir("y", 0o755))
	for _, kind := range allKinds {
		for _, with := range allKinds {
			t.create(kind, "x/a")
			t.create(with, "y/b")
			a, b := t.ino("x/a"), t.ino("y/b")
			t.want(root.rename2("x/a", "y/missing", unix.RENAME_EXCHANGE), unix.ENOENT)
			t.ok(root.rename2("x/a", "y/b", unix.RENAME_EXCHANGE))
			t.lstat("x/a", isKind(with), isIno(b))
			t.lstat("y/b", isKind(kind), isIno(a))
			for _, d := range []string{"x", "y"} {
				n := 2
				if inside := map[string]string{"x": with, "y": kind}[d]; inside == Dir {
					n++
				}
				t.lstat(d, isNlink(n))
			}
			t.remove(with, "x/a")
			t.remove(kind, "y/b")
		}
	}
	t.ok(root.mkdir("x/d", 0o755), root.mkdir("y/e", 0o755), root.rename2("x/d", "y/e", unix.RENAME_EXCHANGE))
	t.lstat("x/d/..", isIno(t.ino("x")))
	t.lstat("y/e/..", isIno(t.ino("y")))
	t.want(root.rename2("x/d", "y/e", unix.RENAME_EXCHANGE|unix.RENAME_NOREPLACE), unix.EINVAL)
}

// What is open follows the file, not the name.
func renameOpen(t *T) {
	t.fill("a", "A")
	t.fill("b", "B")
	fa, c := root.openFD("a", unix.O_RDWR, 0)
	defer closeFD(fa)
	t.ok(c)
	t.ok(root.rename("a", "c"), root.rename("b", "a"), root.write(fa, []byte("Z"), 1))
	t.content("c", "AZ")
	t.content("a", "B")
	t.ok(root.mkdir("d", 0o755))
	t.fill("d/f", "F")
	dir, c := root.openFD("d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	defer closeFD(dir)
	t.ok(c, root.rename("d", "e"), root.mkdir("d", 0o755))
	t.ok(root.do(func() error { return unix.Fstatat(dir, "f", &unix.Stat_t{}, 0) }, "fstatat(renamed directory, f)"))
	t.ok(root.do(func() error { return unix.Mkdirat(dir, "g", 0o755) }, "mkdirat(renamed directory, g)"))
	t.lstat("e/g", isKind(Dir))
	t.gone("d/f", "d/g")
}

func renameDeep(t *T) {
	p := "t"
	t.ok(root.mkdir(p, 0o755))
	for range 20 {
		p += "/d"
		t.ok(root.mkdir(p, 0o755))
	}
	t.fill(p+"/f", "deep")
	t.ok(root.rename("t/d", "u"), root.rename("t", "u/v"))
	t.content("u"+p[3:]+"/f", "deep")
	t.lstat("u/v", isKind(Dir), isNlink(2))
	t.gone("t")
}
