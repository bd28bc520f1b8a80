package main

import (
	"golang.org/x/sys/unix"
)

var openCases = []testCase{
	{"open/existing_keeps_parent_times", openKeepsParent},
	{"open/trunc_times", openTruncTimes},
	{"open/creates_without_own_permission", openOwnPermission},
	{"open/nofollow", openNofollow},
	{"open/directory_flag", openDirectory},
	{"open/directory_for_writing", openDirWrite},
	{"open/fifo", openFifo},
	{"open/socket", openSocket},
	{"open/exclusive", openExclusive},
	{"open/through_symlink", openThroughSymlink},
	{"open/append", openAppend},
	{"open/large_offset", openLarge},
	{"open/bad_flags", openBadFlags},
	{"open/path_only", openPath},
	{"open/tmpfile", openTmpfile},
	{"open/unlinked", openUnlinked},
}

func openKeepsParent(t *T) {
	t.create(Regular, "f")
	for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR} {
		t.keeps(append(stamps(".", "cm"), stamps("f", "cm")...), func() { t.ok(root.open("f", unix.O_CREAT|flags, 0o600)) })
		t.stat("f", isMode(0o644))
	}
}

func openTruncTimes(t *T) {
	for _, flags := range []int{unix.O_WRONLY, unix.O_RDWR, unix.O_CREAT | unix.O_WRONLY} {
		t.fill("f", "test\n")
		t.stat("f", isSize(5))
		watch := stamps("f", "cm")
		t.updates(watch, watch, func() { t.ok(root.open("f", flags|unix.O_TRUNC, 0o644)) })
		t.stat("f", isSize(0))
		t.ok(root.unlink("f"))
	}
}

// The mode of a file being created does not limit the descriptor that creates it.
func openOwnPermission(t *T) {
	t.ok(root.chmod(".", 0o777))
	for _, w := range []who{root, owner} {
		for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR} {
			for _, mode := range []uint32{0, 0o200, 0o400, 0o111} {
				fd, c := w.openFD("f", unix.O_CREAT|unix.O_EXCL|flags, mode)
				t.ok(c)
				t.lstat("f", isKind(Regular), isMode(mode), isOwner(w.uid, w.gids[0]))
				if flags != unix.O_RDONLY {
					t.ok(w.write(fd, []byte("x"), 0), w.ftruncate(fd, 0), w.ftruncate(fd, 10))
					t.fstat(fd, isSize(10))
				} else {
					t.want(w.ftruncate(fd, 1), unix.EINVAL)
				}
				closeFD(fd)
				t.ok(w.unlink("f"))
			}
		}
	}
}

func openNofollow(t *T) {
	t.create(Regular, "f")
	t.ok(root.symlink("f", "l"))
	for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR} {
		t.want(root.open("l", flags|unix.O_NOFOLLOW, 0), unix.ELOOP)
		t.want(root.open("l", flags|unix.O_CREAT|unix.O_NOFOLLOW, 0o644), unix.ELOOP)
		t.ok(root.open("l", flags, 0), root.open("f", flags|unix.O_NOFOLLOW, 0))
	}
}

func openDirectory(t *T) {
	for _, kind := range plainKinds {
		t.create(kind, "f")
		t.want(root.open("f", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0), unix.ENOTDIR)
		t.want(root.open("f/", unix.O_RDONLY|unix.O_NONBLOCK, 0), unix.ENOTDIR)
		t.remove(kind, "f")
	}
	t.ok(root.mkdir("d", 0o755), root.symlink("d", "l"), root.symlink("nowhere", "x"))
	t.ok(root.open("d", unix.O_RDONLY|unix.O_DIRECTORY, 0), root.open("l", unix.O_RDONLY|unix.O_DIRECTORY, 0), root.open("l/", unix.O_RDONLY, 0))
	t.want(root.open("l", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0), unix.ENOTDIR, unix.ELOOP)
	t.want(root.open("x", unix.O_RDONLY|unix.O_DIRECTORY, 0), unix.ENOENT)
}

func openDirWrite(t *T) {
	t.ok(root.mkdir("d", 0o755))
	for _, flags := range []int{
		unix.O_WRONLY, unix.O_RDWR, unix.O_RDONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_TRUNC, unix.O_RDWR | unix.O_TRUNC,
		unix.O_CREAT, unix.O_CREAT | unix.O_WRONLY,
	} {
		t.want(root.open("d", flags, 0o644), unix.EISDIR)
	}
	fd, c := root.openFD("d", unix.O_RDONLY, 0)
	defer closeFD(fd)
	t.ok(c)
	t.want(root.do(func() error { _, err := unix.Read(fd, make([]byte, 1)); return err }, "read(directory)"), unix.EISDIR)
	t.want(root.write(fd, []byte("x"), 0), unix.EBADF)
}

func openFifo(t *T) {
	t.create(Fifo, "f")
	t.want(root.open("f", unix.O_WRONLY|unix.O_NONBLOCK, 0), unix.ENXIO)
	t.ok(root.open("f", unix.O_RDONLY|unix.O_NONBLOCK, 0), root.open("f", unix.O_RDWR|unix.O_NONBLOCK, 0))
	r, c := root.openFD("f", unix.O_RDONLY|unix.O_NONBLOCK, 0)
	defer closeFD(r)
	t.ok(c)
	w, c := root.openFD("f", unix.O_WRONLY|unix.O_NONBLOCK, 0)
	defer closeFD(w)
	t.ok(c)
	buf := make([]byte, 8)
	t.ok(root.do(func() error { _, err := unix.Write(w, []byte("abc")); return err }, "write(fifo)"))
	n := 0
	t.ok(root.do(func() (err error) { n, err = unix.Read(r, buf); return err }, "read(fifo)"))
	expect(t, "read from fifo", string(buf[:max(n, 0)]), "abc")
	t.stat("f", isSize(0))
}

func openSocket(t *T) {
	t.create(Socket, "s")
	for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR} {
		t.want(root.open("s", flags, 0), unix.ENXIO)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer closeFD(fd)
	t.ok(call{"socket", err})
	t.want(root.do(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: "s"}) }, "connect(s)"), unix.ECONNREFUSED)
	t.want(root.bind("s"), unix.EADDRINUSE)
	srv, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer closeFD(srv)
	t.ok(call{"socket", err})
	t.ok(root.do(func() error { return unix.Bind(srv, &unix.SockaddrUnix{Name: "s2"}) }, "bind(s2)"))
	t.ok(root.do(func() error { return unix.Listen(srv, 1) }, "listen(s2)"))
	t.ok(root.do(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: "s2"}) }, "connect(s2)"))
}

func openExclusive(t *T) {
	for _, kind := range allKinds {
		t.create(kind, "f")
		for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR} {
			t.want(root.open("f", unix.O_CREAT|unix.O_EXCL|flags, 0o644), unix.EEXIST)
		}
		t.lstat("f", isKind(kind))
		t.remove(kind, "f")
	}
	t.ok(root.open("f", unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o604))
	t.lstat("f", isKind(Regular), isMode(0o604))
}

// O_CREAT follows a symlink that leads nowhere and makes what it names; with O_EXCL it does not.
func openThroughSymlink(t *T) {
	t.ok(root.symlink("target", "l"))
	t.want(root.open("l", unix.O_RDONLY, 0), unix.ENOENT)
	t.want(root.open("l", unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o644), unix.EEXIST)
	t.gone("target")
	t.ok(root.open("l", unix.O_CREAT|unix.O_RDWR, 0o640))
	t.lstat("target", isKind(Regular), isMode(0o640))
	t.lstat("l", isKind(Symlink))
	t.ok(root.symlink("no/where", "m"))
	t.want(root.open("m", unix.O_CREAT|unix.O_RDWR, 0o640), unix.ENOENT)
}

func openAppend(t *T) {
	t.fill("f", "start")
	fd, c := root.openFD("f", unix.O_WRONLY|unix.O_APPEND, 0)
	t.ok(c)
	for _, s := range []string{"-one", "-two"} {
		t.ok(root.do(func() error { _, err := unix.Write(fd, []byte(s)); return err }, "write"))
	}
	t.ok(root.truncate("f", 3))
	t.ok(root.do(func() error { _, err := unix.Write(fd, []byte("+")); return err }, "write"))
	closeFD(fd)
	t.content("f", "sta+")
	a, c := root.openFD("f", unix.O_WRONLY|unix.O_APPEND, 0)
	defer closeFD(a)
	t.ok(c)
	b, c := root.openFD("f", unix.O_WRONLY|unix.O_APPEND, 0)
	defer closeFD(b)
	t.ok(c)
	for range 5 {
		for _, w := range []int{a, b} {
			t.ok(root.do(func() error { _, err := unix.Write(w, []byte("xy")); return err }, "write"))
		}
	}
	t.content("f", "sta+xyxyxyxyxyxyxyxyxyxy")
	t.fill("g", "0123456789")
	g, c := root.openFD("g", unix.O_RDWR|unix.O_APPEND, 0)
	defer closeFD(g)
	t.ok(c, root.write(g, []byte("X"), 2)) // Linux: pwrite appends too
	t.content("g", "0123456789X")
}

func openLarge(t *T) {
	const off = 2<<30 + 1
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o755)
	defer closeFD(fd)
	t.ok(c, root.write(fd, []byte("a"), off))
	t.lstat("f", isSize(off+1))
	buf := make([]byte, 4)
	var n int
	t.ok(root.do(func() (err error) { n, err = unix.Pread(fd, buf, off-2); return err }, "pread"))
	expect(t, "end of a large file", string(buf[:max(n, 0)]), "\x00\x00a")
	t.ok(root.write(fd, []byte("b"), 5<<32))
	t.lstat("f", isSize(5<<32+1))
}

func openBadFlags(t *T) {
	t.create(Regular, "f")
	t.want(root.open("missing", unix.O_RDONLY, 0), unix.ENOENT)
	t.want(root.open("missing", unix.O_WRONLY|unix.O_TRUNC, 0), unix.ENOENT)
	t.want(root.open("f", unix.O_TMPFILE&^unix.O_DIRECTORY|unix.O_RDWR, 0o644), unix.EINVAL, 0)
	t.want(root.open("f", unix.O_CREAT|unix.O_DIRECTORY|unix.O_RDWR, 0o644), unix.EINVAL, unix.EISDIR, unix.ENOTDIR)
	t.lstat("f", isKind(Regular), isSize(0))
}

func openPath(t *T) {
	for _, kind := range allKinds {
		t.create(kind, "f")
		t.ok(root.chmodUnless(kind == Symlink, "f", 0))
		fd, c := owner.openFD("f", unix.O_PATH|unix.O_NOFOLLOW, 0)
		t.ok(c)
		t.fstat(fd, isKind(kind))
		t.want(owner.do(func() error { _, err := unix.Read(fd, make([]byte, 1)); return err }, "read(O_PATH)"), unix.EBADF)
		closeFD(fd)
		t.remove(kind, "f")
	}
}

func (w who) chmodUnless(not bool, p string, mode uint32) call {
	if not {
		return call{what: "nothing"}
	}
	return w.chmod(p, mode)
}

func openTmpfile(t *T) {
	fd, c := root.openFD(".", unix.O_TMPFILE|unix.O_RDWR, 0o640)
	defer closeFD(fd)
	if e := c.errno(); e == unix.EOPNOTSUPP || e == unix.ENOSYS || e == unix.EISDIR {
		t.skip("no O_TMPFILE here")
	}
	t.ok(c)
	t.fstat(fd, isKind(Regular), isMode(0o640), isNlink(0), isOwner(0, 0))
	t.ok(root.write(fd, []byte("tmp"), 0))
	t.fstat(fd, isSize(3))
	t.ok(root.linkat(procFD(fd), "named", unix.AT_SYMLINK_FOLLOW))
	t.stat("named", isNlink(1), isSize(3))
	t.content("named", "tmp")
	t.createFor(Dir, "d", 65534, 65533)
	t.ok(root.chmod("d", 0o2775))
	g, c := owner.openFD("d", unix.O_TMPFILE|unix.O_RDWR, 0o666)
	defer closeFD(g)
	t.ok(c)
	t.fstat(g, isOwner(65534, 65533), isMode(0o666), isNlink(0))
	t.want(asUser(65532, 65532).open("d", unix.O_TMPFILE|unix.O_WRONLY, 0o644), unix.EACCES)
}

func openUnlinked(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.write(fd, []byte("Hello, World!"), 0), root.unlink("f"))
	t.gone("f")
	t.fstat(fd, isNlink(0), isSize(13), isKind(Regular))
	buf := make([]byte, 13)
	t.ok(root.do(func() error { _, err := unix.Pread(fd, buf, 0); return err }, "pread"))
	expect(t, "content of an unlinked file", string(buf), "Hello, World!")
	t.ok(root.ftruncate(fd, 5), root.fchmod(fd, 0o600), root.fchown(fd, 1, 1))
	t.fstat(fd, isNlink(0), isSize(5), isMode(0o600), isOwner(1, 1))
	t.create(Regular, "f") // the name is free, the file another
	t.lstat("f", isSize(0), isMode(0o644), isOwner(0, 0))
	t.fstat(fd, isNlink(0), isSize(5))

	t.create(Regular, "g")
	h, c := root.openFD("g", unix.O_RDWR, 0)
	defer closeFD(h)
	t.ok(c, root.write(h, []byte("old"), 0), root.rename("f", "g"))
	t.fstat(h, isNlink(0), isSize(3))
	t.ok(root.write(h, []byte("new"), 3))
	t.fstat(h, isNlink(0), isSize(6))
	t.lstat("g", isSize(0), isNlink(1))
}
