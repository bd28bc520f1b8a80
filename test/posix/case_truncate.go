package main

import (
	"strings"

	"golang.org/x/sys/unix"
)

var truncateCases = []testCase{
	{"truncate/sizes", truncateSizes},
	{"truncate/zeroes_beyond_end", truncateZeroes},
	{"truncate/times", truncateTimes},
	{"truncate/refused", truncateRefused},
	{"truncate/not_a_file", truncateKinds},
	{"truncate/too_large", truncateTooLarge},
	{"truncate/read_only_descriptor", truncateReadOnly},
	{"truncate/file_size_limit", truncateLimit},
	{"fallocate/grows", fallocateGrows},
	{"fallocate/keep_size", fallocateKeepSize},
	{"fallocate/punch_hole", fallocatePunch},
	{"fallocate/times", fallocateTimes},
	{"fallocate/refused", fallocateRefused},
}

// A cutter truncates the file f: by path or by descriptor.
type cutter struct {
	name string
	cut  func(w who, size int64) call
}

func byFD(flags int) func(w who, size int64) call {
	return func(w who, size int64) call {
		fd, c := w.openFD("f", flags, 0)
		defer closeFD(fd)
		if c.err != nil {
			return c
		}
		return w.ftruncate(fd, size)
	}
}

var cutters = []cutter{
	{"truncate", func(w who, size int64) call { return w.truncate("f", size) }},
	{"ftruncate RDWR", byFD(unix.O_RDWR)},
	{"ftruncate WRONLY", byFD(unix.O_WRONLY)},
}

func truncateSizes(t *T) {
	sizes := []int64{1234567, 567, 0, 1, 4095, 4096, 4097, 65536, 131073, 3, 1 << 31, 1<<32 + 5, 2, 0}
	for _, c := range cutters {
		t.create(Regular, "f")
		for _, size := range sizes {
			t.ok(c.cut(root, size))
			t.lstat("f", isSize(size))
		}
		t.ok(root.unlink("f"))
	}
}

func truncateZeroes(t *T) {
	for _, c := range cutters {
		for _, keep := range []int64{0, 1, 4095, 4096, 5000} {
			t.fill("f", strings.Repeat("x", 12345))
			t.ok(c.cut(root, keep))
			t.content("f", strings.Repeat("x", int(keep)))
			t.ok(c.cut(root, 9000))
			t.content("f", strings.Repeat("x", int(keep))+strings.Repeat("\x00", 9000-int(keep)))
			t.ok(root.unlink("f"))
		}
	}
}

func truncateTimes(t *T) {
	for _, c := range cutters {
		t.fill("f", "12345")
		watch := stamps("f", "cm")
		for _, size := range []int64{123, 7, 0} {
			t.updates(watch, watch, func() { t.ok(c.cut(root, size)) })
		}
		t.keeps(watch, func() { t.want(c.cut(owner, 5), unix.EACCES) })
		t.stat("f", isSize(0))
		t.ok(root.unlink("f"))
	}
}

func truncateRefused(t *T) {
	for _, c := range cutters {
		t.createFor(Regular, "f", 65534, 65534)
		t.ok(root.chmod("f", 0o644), c.cut(owner, 10))
		t.want(c.cut(other, 5), unix.EACCES)
		t.want(c.cut(owner, -1), unix.EINVAL)
		t.want(c.cut(root, -1<<62), unix.EINVAL)
		t.ok(root.chmod("f", 0o444))
		t.want(c.cut(owner, 5), unix.EACCES)
		t.stat("f", isSize(10))
		t.ok(c.cut(root, 5), root.unlink("f"))
	}
}

func truncateKinds(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.want(root.truncate("d", 0), unix.EISDIR)
	for _, kind := range []string{Fifo, Socket, Char, Block} {
		t.create(kind, "f")
		t.want(root.truncate("f", 0), unix.EINVAL)
		t.remove(kind, "f")
	}
	t.want(root.truncate("missing", 0), unix.ENOENT)
	t.fill("f", "12345")
	t.ok(root.symlink("f", "l"), root.truncate("l", 2))
	t.stat("f", isSize(2))
}

func truncateTooLarge(t *T) {
	const huge = 999999999999999
	for _, c := range cutters {
		t.create(Regular, "f")
		r := c.cut(root, huge)
		t.want(r, 0, unix.EFBIG, unix.EINVAL)
		size := int64(0)
		if r.err == nil {
			size = huge
		}
		t.stat("f", isSize(size))
		t.ok(root.unlink("f"))
	}
}

func truncateReadOnly(t *T) {
	t.fill("f", "12345")
	t.ok(root.chmod("f", 0o666))
	for _, w := range []who{root, owner} {
		fd, c := w.openFD("f", unix.O_RDONLY, 0)
		t.ok(c)
		t.keeps(stamps("f", "cm"), func() { t.want(w.ftruncate(fd, 1), unix.EINVAL, unix.EBADF) })
		t.want(w.write(fd, []byte("x"), 0), unix.EBADF)
		t.want(w.fallocate(fd, 0, 0, 100), unix.EBADF)
		closeFD(fd)
		t.stat("f", isSize(5))
	}
	dir, c := root.openFD(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	t.ok(c)
	t.want(root.ftruncate(dir, 0), unix.EINVAL)
	closeFD(dir)
	t.want(root.ftruncate(9999, 0), unix.EBADF)
}

// RLIMIT_FSIZE: EFBIG, and a write across it is cut. The runtime of Go ignores SIGXFSZ for us.
func truncateLimit(t *T) {
	restore := limitFileSize(t, 10000)
	defer restore()
	for _, c := range cutters {
		t.create(Regular, "f")
		t.ok(c.cut(root, 10000))
		t.want(c.cut(root, 10001), unix.EFBIG)
		t.stat("f", isSize(10000))
		t.ok(root.unlink("f"))
	}
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.write(fd, make([]byte, 100), 9900))
	t.want(root.write(fd, make([]byte, 1), 10000), unix.EFBIG)
	var n int
	t.ok(root.do(func() (err error) { n, err = unix.Pwrite(fd, make([]byte, 100), 9950); return err }, "pwrite across the limit"))
	expect(t, "bytes written up to the limit", n, 50)
	t.fstat(fd, isSize(10000))
}

func fallocateGrows(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c)
	if root.fallocate(fd, 0, 0, 567).errno() == unix.EOPNOTSUPP {
		t.skip("no fallocate here")
	}
	t.fstat(fd, isSize(567))
	t.ok(root.write(fd, []byte(strings.Repeat("d", 12345)), 0), root.fallocate(fd, 0, 20000, 3456))
	t.lstat("f", isSize(23456))
	t.content("f", strings.Repeat("d", 12345)+strings.Repeat("\x00", 23456-12345))
	t.ok(root.fallocate(fd, 0, 0, 100))
	t.lstat("f", isSize(23456))
	for _, w := range []who{root, owner} {
		t.ok(root.chmod(".", 0o777))
		g, c := w.openFD("g", unix.O_CREAT|unix.O_RDWR, 0)
		t.ok(c, w.fallocate(g, 0, 0, 1))
		t.fstat(g, isSize(1), isMode(0))
		closeFD(g)
		t.ok(w.unlink("g"))
	}
}

func (t *T) needFallocate(mode uint32) int {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	t.ok(c)
	if root.fallocate(fd, mode, 0, 4096).errno() == unix.EOPNOTSUPP {
		closeFD(fd)
		t.skip("no fallocate mode %#x here", mode)
	}
	return fd
}

func fallocateKeepSize(t *T) {
	fd := t.needFallocate(unix.FALLOC_FL_KEEP_SIZE)
	defer closeFD(fd)
	t.fstat(fd, isSize(0))
	t.ok(root.write(fd, []byte("abc"), 0), root.fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, 100000))
	t.fstat(fd, isSize(3))
	t.content("f", "abc")
}

func fallocatePunch(t *T) {
	const punch = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	fd := t.needFallocate(punch)
	defer closeFD(fd)
	x := func(n int) string { return strings.Repeat("x", n) }
	z := func(n int) string { return strings.Repeat("\x00", n) }
	t.ok(root.write(fd, []byte(x(20000)), 0), root.fallocate(fd, punch, 4096, 8192))
	t.fstat(fd, isSize(20000))
	t.content("f", x(4096)+z(8192)+x(20000-12288))
	t.ok(root.fallocate(fd, punch, 15000, 10))
	t.content("f", x(4096)+z(8192)+x(15000-12288)+z(10)+x(20000-15010))
	t.ok(root.fallocate(fd, punch, 19990, 1<<20))
	t.fstat(fd, isSize(20000))
	t.want(root.fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE, 0, 10), unix.EOPNOTSUPP, unix.EINVAL)
	if root.fallocate(fd, unix.FALLOC_FL_ZERO_RANGE, 100, 200).err == nil {
		t.content("f", x(100)+z(200)+x(4096-300)+z(8192)+x(15000-12288)+z(10)+x(19990-15010)+z(10))
	}
}

func fallocateTimes(t *T) {
	fd := t.needFallocate(0)
	defer closeFD(fd)
	watch := stamps("f", "c")
	t.updates(watch, watch, func() { t.ok(root.fallocate(fd, 0, 0, 8000)) })
	t.keeps(stamps("f", "cm"), func() { t.want(root.fallocate(fd, 0, 0, 0), unix.EINVAL) })
	t.stat("f", isSize(8000))
}

func fallocateRefused(t *T) {
	fd := t.needFallocate(0)
	defer closeFD(fd)
	for _, r := range [][2]int64{{0, 0}, {-1, 10}, {0, -1}, {10, 0}} {
		t.want(root.fallocate(fd, 0, r[0], r[1]), unix.EINVAL)
	}
	t.want(root.fallocate(fd, 0x80, 0, 10), unix.EOPNOTSUPP, unix.EINVAL)
	t.want(root.fallocate(fd, 0, 1<<62, 1<<62), unix.EFBIG)
	t.want(root.fallocate(9999, 0, 0, 10), unix.EBADF)
	dir, c := root.openFD(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	defer closeFD(dir)
	t.ok(c)
	t.want(root.fallocate(dir, 0, 0, 10), unix.EBADF)
	restore := limitFileSize(t, 10000)
	defer restore()
	t.ok(root.fallocate(fd, 0, 0, 10000))
	t.want(root.fallocate(fd, 0, 0, 10001), unix.EFBIG)
	t.fstat(fd, isSize(10000))
}
