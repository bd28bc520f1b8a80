package main

import (
	"golang.org/x/sys/unix"
)

var removeCases = []testCase{
	{"unlink/removes", unlinkRemoves},
	{"unlink/times", unlinkTimes},
	{"unlink/refused_keeps_times", unlinkRefused},
	{"unlink/directory", unlinkDirectory},
	{"unlink/parent_permission", removeParentPermission},
	{"rmdir/removes", rmdirRemoves},
	{"rmdir/times", rmdirTimes},
	{"rmdir/not_empty", rmdirNotEmpty},
	{"rmdir/not_directory", rmdirNotDir},
	{"rmdir/dot", rmdirDot},
	{"rmdir/open_directory", rmdirOpen},
}

func unlinkRemoves(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "f")
		t.lstat("f", isKind(kind))
		t.ok(root.unlink("f"))
		t.gone("f")
		t.want(root.unlink("f"), unix.ENOENT)
		for _, again := range allKinds { // the name is free for any kind
			t.create(again, "f")
			t.lstat("f", isKind(again))
			t.remove(again, "f")
		}
	}
}

func unlinkTimes(t *T) {
	t.ok(root.mkdir("d", 0o755))
	for _, kind := range fileKinds {
		t.create(kind, "d/f")
		t.ok(root.link("d/f", "g"))
		watch := append(stamps("d", "cm"), stamps("g", "c")...)
		t.updates(watch, watch, func() { t.ok(root.unlink("d/f")) })
		t.lstat("g", isNlink(1), isKind(kind))
		t.ok(root.unlink("g"))
		t.create(kind, "d/f")
		watch = stamps("d", "cm")
		t.updates(watch, watch, func() { t.ok(root.unlink("d/f")) })
	}
}

func unlinkRefused(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "f")
		t.keeps(append(stamps("f", "cm"), stamps(".", "cm")...), func() { t.want(nobody.unlink("f"), unix.EACCES) })
		t.lstat("f", isKind(kind), isNlink(1))
		t.ok(root.unlink("f"))
	}
}

func unlinkDirectory(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.want(root.unlink("d"), unix.EISDIR, unix.EPERM)
	t.want(root.unlink("d/"), unix.EISDIR, unix.EPERM)
	t.want(root.unlink("."), unix.EISDIR, unix.EPERM)
	t.want(root.unlink(".."), unix.EISDIR, unix.EPERM)
	t.want(root.unlink("missing"), unix.ENOENT)
	t.lstat("d", isKind(Dir))
	t.ok(root.symlink("d", "l"), root.unlink("l"))
	t.lstat("d", isKind(Dir))
}

// Write permission on the directory is what counts; that on the file does not.
func removeParentPermission(t *T) {
	for _, kind := range allKinds {
		t.createFor(Dir, "d", 65534, 65534)
		t.createFor(kind, "d/f", 0, 0)
		for _, mode := range []uint32{0o555, 0o644, 0o100, 0o200, 0} {
			t.ok(root.chmod("d", mode))
			t.want(owner.remove(kind, "d/f"), unix.EACCES)
		}
		t.ok(root.chmod("d", 0o755))
		t.want(other.remove(kind, "d/f"), unix.EACCES)
		t.lstat("d/f", isKind(kind))
		t.ok(root.chmod("d", 0o300), owner.remove(kind, "d/f"))
		t.gone("d/f")
		t.ok(root.rmdir("d"))
	}
}

func rmdirRemoves(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.lstat("d", isKind(Dir))
	t.stat(".", isNlink(3))
	t.ok(root.rmdir("d"))
	t.gone("d")
	t.stat(".", isNlink(2))
	t.want(root.rmdir("d"), unix.ENOENT)
}

func rmdirTimes(t *T) {
	t.ok(root.mkdir("d", 0o755), root.mkdir("d/e", 0o755))
	watch := stamps("d", "cm")
	t.keeps(watch, func() { t.want(nobody.rmdir("d/e"), unix.EACCES) })
	t.updates(watch, watch, func() { t.ok(root.rmdir("d/e")) })
}

func rmdirNotEmpty(t *T) {
	for _, kind := range allKinds {
		t.ok(root.mkdir("d", 0o755))
		t.create(kind, "d/f")
		t.want(root.rmdir("d"), unix.ENOTEMPTY, unix.EEXIST)
		t.lstat("d", isKind(Dir))
		t.lstat("d/f", isKind(kind))
		t.remove(kind, "d/f")
		t.ok(root.rmdir("d"))
	}
}

func rmdirNotDir(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "f")
		t.want(root.rmdir("f"), unix.ENOTDIR)
		t.lstat("f", isKind(kind))
		t.ok(root.unlink("f"))
	}
	t.ok(root.mkdir("d", 0o755), root.symlink("d", "l"))
	t.want(root.rmdir("l"), unix.ENOTDIR)
	t.lstat("d", isKind(Dir))
}

func rmdirDot(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("a/b", 0o755))
	t.want(root.rmdir("a/b/."), unix.EINVAL)
	t.want(root.rmdir("a/b/.."), unix.ENOTEMPTY, unix.EEXIST)
	t.want(root.rmdir("."), unix.EINVAL)
	t.want(root.rmdir("/"), unix.EBUSY)
	t.lstat("a/b", isKind(Dir))
}

func rmdirOpen(t *T) {
	t.ok(root.mkdir("d", 0o755))
	fd, c := root.openFD("d", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	defer closeFD(fd)
	t.ok(c, root.rmdir("d"))
	t.gone("d")
	t.fstat(fd, isKind(Dir), isNlink(0))
	t.want(root.do(func() error { return unix.Mkdirat(fd, "x", 0o755) }, "mkdirat(removed directory)"), unix.ENOENT)
	expect(t, "entries of a removed directory", len(entries(fd)), 0)
	t.ok(root.mkdir("d", 0o700))
	t.lstat("d", isMode(0o700))
}
