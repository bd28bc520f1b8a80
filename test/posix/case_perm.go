package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var permCases = []testCase{
	{"perm/open_file", permOpenFile},
	{"perm/open_trunc", permOpenTrunc},
	{"perm/open_fifo", permOpenFifo},
	{"perm/directory", permDirectory},
	{"perm/access", permAccess},
	{"perm/root", permRoot},
	{"perm/truncate", permTruncate},
	{"perm/deep_search", permDeepSearch},
	{"perm/parent_made_unsearchable", permOpenStays},
	{"perm/execute", permExecute},
}

// A class is a user together with the bits of a mode that count for him.
type class struct {
	name  string
	who   who
	shift uint
}

// The file of the matrices belongs to 65534:65534. The most specific class decides, also when a wider one would allow more.
var classes = []class{
	{"owner", asUser(65534, 65533), 6},
	{"owner in group", asUser(65534, 65534), 6},
	{"group", asUser(65533, 65534), 3},
	{"supplementary group", asUser(65533, 65531, 65532, 65534), 3},
	{"others", asUser(65533, 65533), 0},
	{"others in other groups", asUser(65533, 65533, 65532, 0), 0},
}

// modes are the file's modes for a class with the wanted bits: with nothing and with everything for the other classes.
func (c class) modes(bits uint32) []uint32 {
	none := bits << c.shift
	return []uint32{none, none | 0o777&^(7<<c.shift)}
}

// eachPermission runs f for every class and mode with the bits that the class has.
func eachPermission(t *T, kind string, f func(c class, bits uint32)) {
	t.createFor(kind, "f", 65534, 65534)
	for _, c := range classes {
		for bits := range uint32(8) {
			for _, mode := range c.modes(bits) {
				t.ok(root.chmod("f", mode))
				f(c, bits)
			}
		}
	}
	t.ok(root.chmod("f", 0o755))
	t.remove(kind, "f")
}

// allowed is 0 when all the needed bits are there.
func allowed(bits, need uint32) unix.Errno {
	if bits&need == need {
		return 0
	}
	return unix.EACCES
}

var accessModes = []struct {
	flags int
	need  uint32
}{{unix.O_RDONLY, 4}, {unix.O_WRONLY, 2}, {unix.O_RDWR, 6}}

func permOpenFile(t *T) {
	eachPermission(t, Regular, func(c class, bits uint32) {
		for _, m := range accessModes {
			t.want(c.who.open("f", m.flags, 0), allowed(bits, m.need))
			t.want(c.who.open("f", m.flags|unix.O_CREAT, 0o777), allowed(bits, m.need))
		}
	})
}

// O_TRUNC needs write permission also without writing, and a refused open truncates nothing.
func permOpenTrunc(t *T) {
	eachPermission(t, Regular, func(c class, bits uint32) {
		t.ok(root.truncate("f", 7))
		for _, m := range accessModes {
			want := allowed(bits, m.need|2)
			t.want(c.who.open("f", m.flags|unix.O_TRUNC, 0), want)
			if want != 0 {
				t.stat("f", isSize(7))
				continue
			}
			t.stat("f", isSize(0))
			t.ok(root.truncate("f", 7))
		}
	})
}

func permOpenFifo(t *T) {
	eachPermission(t, Fifo, func(c class, bits uint32) {
		t.want(c.who.open("f", unix.O_RDONLY|unix.O_NONBLOCK, 0), allowed(bits, 4))
		t.want(c.who.open("f", unix.O_RDWR|unix.O_NONBLOCK, 0), allowed(bits, 6))
		noReader := unix.ENXIO
		if bits&2 == 0 {
			noReader = unix.EACCES
		}
		t.want(c.who.open("f", unix.O_WRONLY|unix.O_NONBLOCK, 0), noReader)
	})
}

// Reading a directory needs r, going through it x, changing it w and x.
func permDirectory(t *T) {
	t.createFor(Dir, "f", 65534, 65534)
	t.ok(root.create(Regular, "f/there"))
	for _, c := range classes {
		for bits := range uint32(8) {
			for _, mode := range c.modes(bits) {
				t.ok(root.chmod("f", mode))
				t.want(c.who.open("f", unix.O_RDONLY|unix.O_DIRECTORY, 0), allowed(bits, 4))
				t.want(c.who.stat("f/there"), allowed(bits, 1))
				t.want(c.who.stat("f/."), allowed(bits, 1))
				t.want(c.who.chdir("f"), allowed(bits, 1))
				change := allowed(bits, 3)
				t.want(c.who.create(Regular, "f/new"), change)
				t.want(c.who.mkdir("f/dir", 0o755), change)
				t.want(c.who.rename("f/there", "f/here"), change)
				if change == 0 {
					t.ok(c.who.unlink("f/new"), c.who.rmdir("f/dir"), c.who.rename("f/here", "f/there"))
				}
				t.gone("f/new", "f/dir", "f/here")
			}
		}
	}
}

func permAccess(t *T) {
	for _, kind := range []string{Regular, Dir, Socket, Char} {
		eachPermission(t, kind, func(c class, bits uint32) {
			t.want(c.who.access("f", unix.F_OK), 0)
			for need := uint32(1); need <= 7; need++ {
				t.want(c.who.access("f", need), allowed(bits, need))
			}
		})
	}
}

// Root may everything but execute what nobody may.
func permRoot(t *T) {
	for mode := uint32(0); mode <= 0o777; mode += 0o111 {
		t.createFor(Regular, "f", 65534, 65534)
		t.ok(root.chmod("f", mode), root.open("f", unix.O_RDWR, 0), root.access("f", unix.R_OK|unix.W_OK))
		execute := unix.Errno(0)
		if mode&0o111 == 0 {
			execute = unix.EACCES
		}
		t.want(root.access("f", unix.X_OK), execute)
		t.createFor(Dir, "d", 65534, 65534)
		t.ok(root.chmod("d", mode), root.access("d", unix.R_OK|unix.W_OK|unix.X_OK), root.create(Regular, "d/f"))
		t.ok(root.open("d", unix.O_RDONLY, 0), root.unlink("d/f"), root.rmdir("d"), root.unlink("f"))
	}
}

func permTruncate(t *T) {
	eachPermission(t, Regular, func(c class, bits uint32) {
		t.want(c.who.truncate("f", 3), allowed(bits, 2))
	})
}

// Search permission is asked of every directory on the way, and of a symlink's way too.
func permDeepSearch(t *T) {
	dirs := []string{"a", "a/b", "a/b/c", "a/b/c/d"}
	for _, d := range dirs {
		t.createFor(Dir, d, 65534, 65534)
	}
	t.createFor(Regular, "a/b/c/d/f", 65534, 65534)
	t.ok(root.symlink("a/b/c/d/f", "l"))
	for _, d := range dirs {
		for _, mode := range []uint32{0o644, 0o666, 0} {
			t.ok(root.chmod(d, mode))
			for _, p := range []string{"a/b/c/d/f", "l", "a/b/c/d/../d/f"} {
				t.want(owner.stat(p), unix.EACCES)
				t.want(owner.open(p, unix.O_RDONLY, 0), unix.EACCES)
				t.want(owner.chmod(p, 0o600), unix.EACCES)
				t.want(owner.truncate(p, 0), unix.EACCES)
			}
			t.ok(root.stat("l"), owner.lstat("l"), owner.readlink("l"))
			t.ok(root.chmod(d, 0o111), owner.stat("l"), owner.open("a/b/c/d/f", unix.O_RDWR, 0), root.chmod(d, 0o755))
		}
	}
}

// What is open stays usable when permissions go.
func permOpenStays(t *T) {
	t.createFor(Dir, "d", 65534, 65534)
	t.ok(owner.create(Regular, "d/f"))
	fd, c := owner.openFD("d/f", unix.O_RDWR, 0)
	defer closeFD(fd)
	t.ok(c, root.chmod("d/f", 0), root.chmod("d", 0))
	t.want(owner.open("d/f", unix.O_RDONLY, 0), unix.EACCES)
	t.ok(owner.write(fd, []byte("still"), 0), owner.ftruncate(fd, 4), owner.fchmod(fd, 0o400))
	t.fstat(fd, isSize(4), isMode(0o400))
	t.ok(owner.do(func() error { _, err := unix.Pread(fd, make([]byte, 4), 0); return err }, "pread"))
	t.content("d/f", "stil")
}

// execve asks for x alone, and of a script's interpreter line nothing of the filesystem.
func permExecute(t *T) {
	t.fill("f", "not a program")
	t.ok(root.chown("f", 65534, 65534))
	for _, c := range classes {
		for bits := range uint32(8) {
			t.ok(root.chmod("f", bits<<c.shift))
			want := unix.EACCES
			if bits&1 != 0 {
				want = unix.ENOEXEC
			}
			t.want(c.who.exec("f"), want)
		}
	}
	for _, kind := range []string{Dir, Fifo, Socket, Char} {
		name := fmt.Sprintf("x%s", kind)
		t.create(kind, name)
		t.ok(root.chmod(name, 0o777))
		t.want(root.exec(name), unix.EACCES)
	}
}
