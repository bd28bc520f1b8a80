package main

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

var dataCases = []testCase{
	{"data/read_write", dataReadWrite},
	{"data/holes", dataHoles},
	{"data/seek_data_hole", dataSeek},
	{"data/two_descriptors", dataTwoFDs},
	{"data/mmap", dataMmap},
	{"data/positions", dataPositions},
	{"data/vectors", dataVectors},
	{"data/sync", dataSync},
	{"data/copy_file_range", dataCopyRange},
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func dataReadWrite(t *T) {
	for _, size := range []int{0, 1, 511, 4095, 4096, 4097, 100000, 1<<20 + 3} {
		data := pattern(size)
		fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
		t.ok(c, root.write(fd, data, 0))
		t.fstat(fd, isSize(int64(size)))
		t.content("f", string(data))
		buf := make([]byte, 10)
		n, err := unix.Pread(fd, buf, int64(size))
		t.assert(n == 0 && err == nil, "read at the end: %d, %v", n, err)
		n, err = unix.Pread(fd, buf, int64(size)+1<<30)
		t.assert(n == 0 && err == nil, "read past the end: %d, %v", n, err)
		closeFD(fd)
		t.content("f", string(data))
		t.ok(root.unlink("f"))
	}
}

func dataHoles(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.write(fd, []byte("end"), 100000))
	t.content("f", strings.Repeat("\x00", 100000)+"end")
	t.ok(root.write(fd, []byte("mid"), 50000))
	t.content("f", strings.Repeat("\x00", 50000)+"mid"+strings.Repeat("\x00", 49997)+"end")
	st := t.peek("f")
	t.assert(st.Blocks*512 <= 100003+2*65536, "a sparse file takes %d bytes", st.Blocks*512)
}

func dataSeek(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	const hole = 1 << 20
	t.ok(c, root.write(fd, pattern(4096), 0), root.write(fd, pattern(4096), hole))
	t.ok(root.do(func() error { return unix.Fsync(fd) }, "fsync")) // Linux asks a FUSE filesystem without writing its cache back first
	seek := func(off int64, whence int) (int64, unix.Errno) {
		pos, err := unix.Seek(fd, off, whence)
		return pos, call{"", err}.errno()
	}
	data, errno := seek(0, unix.SEEK_DATA)
	if errno == unix.EINVAL || errno == unix.ENOSYS {
		t.skip("no SEEK_DATA here")
	}
	t.assert(data == 0 && errno == 0, "SEEK_DATA from 0: %d %v", data, errno)
	pos, errno := seek(0, unix.SEEK_HOLE)
	t.assert(errno == 0 && (pos >= 4096 && pos <= hole || pos == hole+4096), "SEEK_HOLE from 0: %d %v", pos, errno)
	if pos < hole { // without holes all is data, which is allowed
		next, errno := seek(pos, unix.SEEK_DATA)
		t.assert(errno == 0 && next > pos && next <= hole, "SEEK_DATA from the hole: %d %v", next, errno)
	}
	pos, errno = seek(hole, unix.SEEK_HOLE)
	t.assert(errno == 0 && pos == hole+4096, "SEEK_HOLE in the last data: %d %v", pos, errno)
	for _, whence := range []int{unix.SEEK_DATA, unix.SEEK_HOLE} {
		for _, off := range []int64{hole + 4096, hole + 4097, -1} {
			_, errno = seek(off, whence)
			expect(t, "seek outside the file", errno, unix.ENXIO)
		}
	}
}

// What one descriptor writes another sees at once.
func dataTwoFDs(t *T) {
	a, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(a)
	t.ok(c)
	b, c := root.openFD("f", unix.O_RDWR, 0)
	defer closeFD(b)
	t.ok(c)
	for i := range 50 {
		text := []byte(strings.Repeat(string(rune('a'+i%26)), 1000))
		t.ok(root.write(a, text, int64(i*500)))
		got := make([]byte, 1000)
		n, err := unix.Pread(b, got, int64(i*500))
		t.assert(n == 1000 && err == nil && bytes.Equal(got, text), "round %d: another descriptor read %d bytes, %v", i, n, err)
		t.fstat(b, isSize(int64(i*500+1000)))
		a, b = b, a
	}
}

func dataMmap(t *T) {
	const size = 16384
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.write(fd, pattern(size), 0))
	m, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == unix.ENODEV {
		t.skip("no shared mmap here")
	}
	t.ok(call{"mmap", err})
	t.assert(bytes.Equal(m, pattern(size)), "the mapping shows other bytes than were written")
	copy(m[5000:], "by mapping")
	got := make([]byte, 10)
	_, err = unix.Pread(fd, got, 5000)
	t.assert(err == nil && string(got) == "by mapping", "pread after a write to the mapping: %q, %v", got, err)
	t.ok(root.write(fd, []byte("by pwrite"), 9000))
	expect(t, "mapping after pwrite", string(m[9000:9009]), "by pwrite")
	t.ok(root.ftruncate(fd, 5003), call{"msync", unix.Msync(m[:4096], unix.MS_SYNC)})
	expect(t, "mapping cut by ftruncate", string(m[5000:5010]), "by \x00\x00\x00\x00\x00\x00\x00")
	t.ok(call{"munmap", unix.Munmap(m)})
	want := pattern(5003)
	copy(want[5000:], "by ")
	t.content("f", string(want))
}

func dataPositions(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c)
	for _, s := range []string{"one ", "two ", "three"} {
		t.ok(root.do(func() error { _, err := unix.Write(fd, []byte(s)); return err }, "write"))
	}
	rows := []struct {
		off    int64
		whence int
		want   int64
		errno  unix.Errno
	}{
		{0, unix.SEEK_CUR, 13, 0},
		{-5, unix.SEEK_END, 8, 0},
		{4, unix.SEEK_SET, 4, 0},
		{100, unix.SEEK_END, 113, 0},
		{-1, unix.SEEK_SET, 0, unix.EINVAL},
		{-14, unix.SEEK_END, 0, unix.EINVAL},
		{0, 99, 0, unix.EINVAL},
		{0, unix.SEEK_CUR, 113, 0},
	}
	for _, r := range rows {
		pos, err := unix.Seek(fd, r.off, r.whence)
		errno := call{"", err}.errno()
		t.assert(errno == r.errno && (errno != 0 || pos == r.want), "lseek(%d, %d): %d, %v", r.off, r.whence, pos, errno)
	}
	t.want(root.write(fd, []byte("x"), -1), unix.EINVAL)
	t.want(root.do(func() error { _, err := unix.Pread(fd, make([]byte, 1), -1); return err }, "pread at -1"), unix.EINVAL)
	t.content("f", "one two three")
}

func dataVectors(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c)
	parts := [][]byte{[]byte("alpha"), {}, []byte("beta"), pattern(5000), []byte("z")}
	n, err := unix.Pwritev(fd, parts, 3)
	t.assert(n == 5010 && err == nil, "pwritev: %d, %v", n, err)
	want := "\x00\x00\x00" + string(bytes.Join(parts, nil))
	t.content("f", want)
	into := [][]byte{make([]byte, 4), make([]byte, 100), make([]byte, 10000)}
	n, err = unix.Preadv(fd, into, 0)
	t.assert(n == len(want) && err == nil && string(bytes.Join(into, nil)[:n]) == want, "preadv: %d, %v", n, err)
}

func dataSync(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.write(fd, pattern(10000), 0))
	t.ok(root.do(func() error { return unix.Fsync(fd) }, "fsync"), root.do(func() error { return unix.Fdatasync(fd) }, "fdatasync"))
	dir, c := root.openFD(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	defer closeFD(dir)
	t.ok(c, root.do(func() error { return unix.Fsync(dir) }, "fsync(directory)"), root.do(func() error { return unix.Syncfs(fd) }, "syncfs"))
	t.content("f", string(pattern(10000)))
	for _, flags := range []int{unix.O_SYNC, unix.O_DSYNC} {
		g, c := root.openFD("g", unix.O_CREAT|unix.O_RDWR|flags, 0o644)
		t.ok(c, root.write(g, []byte("synced"), 0))
		closeFD(g)
		t.content("g", "synced")
	}
}

func dataCopyRange(t *T) {
	t.fill("f", string(pattern(200000)))
	in, c := root.openFD("f", unix.O_RDONLY, 0)
	defer closeFD(in)
	t.ok(c)
	out, c := root.openFD("g", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(out)
	t.ok(c)
	for _, r := range [][3]int64{{0, 0, 100000}, {5, 100001, 4000}, {190000, 0, 20000}} {
		copied := int64(0)
		for copied < r[2] {
			from, to := r[0]+copied, r[1]+copied
			n, err := unix.CopyFileRange(in, &from, out, &to, int(r[2]-copied), 0)
			if err != nil {
				t.fail("copy_file_range(%d, %d, %d): %v", r[0], r[1], r[2], err)
			}
			if n <= 0 {
				break
			}
			copied += int64(n)
		}
		expect(t, "bytes copied", copied, min(r[2], 200000-r[0]))
	}
	want := make([]byte, 104001)
	src := pattern(200000)
	copy(want, src[:100000])
	copy(want[100001:], src[5:4005])
	copy(want, src[190000:])
	t.content("g", string(want))
}
