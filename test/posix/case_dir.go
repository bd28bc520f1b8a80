package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var dirCases = []testCase{
	{"dir/entries", dirEntries},
	{"dir/types_and_inodes", dirTypes},
	{"dir/many", dirMany},
	{"dir/rewind", dirRewind},
	{"dir/change_while_reading", dirChange},
	{"dir/seek", dirSeek},
	{"dir/names_longest", dirLongNames},
	{"dir/size_and_link_count", dirNlink},
}

// A dirent is one entry as getdents gives it.
type dirent struct {
	name string
	ino  uint64
	off  int64
	kind byte
}

// readChunk is one getdents call.
func readChunk(fd, size int) ([]dirent, error) {
	root.become()
	buf := make([]byte, size)
	n, err := unix.Getdents(fd, buf)
	if err != nil {
		return nil, err
	}
	return parseDirents(buf[:n]), nil
}

// allEntries reads a directory from its position to the end, "." and ".." included.
func allEntries(fd, size int) []dirent {
	var all []dirent
	for {
		chunk, err := readChunk(fd, size)
		if err != nil || len(chunk) == 0 {
			return all
		}
		all = append(all, chunk...)
	}
}

// entries is the sorted names of an open directory without "." and "..".
func entries(fd int) []string {
	var names []string
	for _, d := range allEntries(fd, 65536) {
		if d.name != "." && d.name != ".." {
			names = append(names, d.name)
		}
	}
	slices.Sort(names)
	return names
}

func (t *T) openDir(p string) int {
	fd, c := root.openFD(p, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	t.ok(c)
	return fd
}

// lists asserts what a directory holds.
func (t *T) lists(p string, want ...string) {
	fd := t.openDir(p)
	defer closeFD(fd)
	slices.Sort(want)
	got := entries(fd)
	t.assert(slices.Equal(got, want), "entries of %s: got %q, want %q", p, got, want)
}

func dirEntries(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.lists("d")
	for _, kind := range allKinds {
		t.create(kind, "d/"+kind)
	}
	t.lists("d", allKinds...)
	t.ok(root.rename("d/"+Fifo, "d/renamed"), root.unlink("d/"+Regular), root.link("d/"+Socket, "d/linked"))
	t.lists("d", Dir, Block, Char, Socket, Symlink, "renamed", "linked")
	t.ok(root.rename("d/renamed", "out"), root.rename("d/linked", "d/"+Char))
	t.lists("d", Dir, Block, Char, Socket, Symlink)
	t.lists(".", "d", "out")
}

func dirTypes(t *T) {
	types := map[string]byte{
		Regular: unix.DT_REG, Dir: unix.DT_DIR, Fifo: unix.DT_FIFO, Block: unix.DT_BLK, Char: unix.DT_CHR,
		Socket: unix.DT_SOCK, Symlink: unix.DT_LNK, ".": unix.DT_DIR, "..": unix.DT_DIR,
	}
	t.ok(root.mkdir("d", 0o755))
	for _, kind := range allKinds {
		t.create(kind, "d/"+kind)
	}
	fd := t.openDir("d")
	defer closeFD(fd)
	seen := map[string]int{}
	for _, e := range allEntries(fd, 4096) {
		seen[e.name]++
		t.assert(e.kind == unix.DT_UNKNOWN || e.kind == types[e.name], "d_type of %s: got %d, want %d", e.name, e.kind, types[e.name])
		if e.name != "." && e.name != ".." {
			expect(t, "d_ino of "+e.name, e.ino, t.ino("d/"+e.name))
		}
	}
	for name := range types {
		expect(t, "times that "+name+" is listed", seen[name], 1)
	}
}

const manyFiles = 1500

func dirMany(t *T) {
	t.ok(root.mkdir("d", 0o755))
	var want []string
	for i := range manyFiles {
		name := fmt.Sprintf("file-%05d-%s", i, strings.Repeat("n", i%40))
		want = append(want, name)
		if c := root.create(Regular, "d/"+name); c.err != nil {
			t.want(c, 0)
		}
	}
	for _, size := range []int{1024, 4096, 32768, 1 << 20} {
		fd := t.openDir("d")
		var got []string
		for _, e := range allEntries(fd, size) {
			got = append(got, e.name)
		}
		slices.Sort(got)
		t.assert(slices.Equal(got, slices.Concat([]string{".", ".."}, want)), "with a buffer of %d: %d entries, want %d", size, len(got), manyFiles+2)
		closeFD(fd)
	}
	t.want(root.rmdir("d"), unix.ENOTEMPTY)
	for i, name := range want {
		if i%2 == 0 {
			t.want(root.unlink("d/"+name), 0)
		}
	}
	fd := t.openDir("d")
	defer closeFD(fd)
	expect(t, "entries after removing half", len(entries(fd)), manyFiles/2)
}

func dirRewind(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.create(Regular, "d/a")
	fd := t.openDir("d")
	defer closeFD(fd)
	t.assert(slices.Equal(entries(fd), []string{"a"}), "first reading")
	expect(t, "entries at the end", len(entries(fd)), 0)
	t.create(Regular, "d/b")
	_, err := unix.Seek(fd, 0, unix.SEEK_SET)
	t.ok(call{"rewind", err})
	got := entries(fd)
	t.assert(slices.Equal(got, []string{"a", "b"}), "after rewind: %q", got)
	t.ok(root.unlink("d/a"))
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	t.ok(call{"rewind", err})
	got = entries(fd)
	t.assert(slices.Equal(got, []string{"b"}), "after unlink and rewind: %q", got)
}

// Entries that stay are listed exactly once while others come and go.
func dirChange(t *T) {
	t.ok(root.mkdir("d", 0o755))
	const files = 400
	for i := range files {
		t.want(root.create(Regular, fmt.Sprintf("d/stay%03d", i)), 0)
		t.want(root.create(Regular, fmt.Sprintf("d/go%03d", i)), 0)
	}
	fd := t.openDir("d")
	defer closeFD(fd)
	seen := map[string]int{}
	for round := 0; ; round++ {
		chunk, err := readChunk(fd, 1024)
		if err != nil || len(chunk) == 0 {
			t.ok(call{"getdents", err})
			break
		}
		for _, e := range chunk {
			seen[e.name]++
		}
		root.become()
		_ = unix.Unlink(fmt.Sprintf("d/go%03d", round))
		if round < 50 { // what is new may be listed, and then the listing would never end
			_ = root.create(Regular, fmt.Sprintf("d/new%03d", round))
		}
	}
	for i := range files {
		expect(t, "times that a lasting entry was listed", seen[fmt.Sprintf("stay%03d", i)], 1)
	}
}

// Seeking to an entry's offset continues after that entry.
func dirSeek(t *T) {
	t.ok(root.mkdir("d", 0o755))
	for i := range 100 {
		t.want(root.create(Regular, fmt.Sprintf("d/%02d", i)), 0)
	}
	fd := t.openDir("d")
	defer closeFD(fd)
	all := allEntries(fd, 4096)
	expect(t, "entries", len(all), 102)
	for i := range all {
		_, err := unix.Seek(fd, all[i].off, unix.SEEK_SET)
		t.ok(call{"lseek(directory)", err})
		rest := allEntries(fd, 4096)
		same := slices.EqualFunc(rest, all[i+1:], func(a, b dirent) bool { return a.name == b.name && a.ino == b.ino })
		t.assert(same, "after entry %d: %d entries, want %d", i, len(rest), len(all)-i-1)
	}
}

func dirLongNames(t *T) {
	t.ok(root.mkdir("d", 0o755))
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("%02d", i) + strings.Repeat("x", t.nameMax-2)
		want = append(want, name)
		t.ok(root.create(Regular, "d/"+name))
	}
	t.lists("d", want...)
}

func dirNlink(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.lstat("d", isNlink(2))
	t.create(Regular, "d/f")
	t.lstat("d", isNlink(2))
	t.ok(root.mkdir("d/e", 0o755))
	t.lstat("d", isNlink(3))
	t.ok(root.mkdir("d/g", 0o755), root.rename("d/e", "d/g"))
	t.lstat("d", isNlink(3))
	t.ok(root.rename("d/g", "h"))
	t.lstat("d", isNlink(2))
	t.ok(root.rename("h", "d/h"), root.rmdir("d/h"))
	t.lstat("d", isNlink(2))
}
