package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var createCases = []testCase{
	{"create/mode_and_umask", createMode},
	{"create/owner", createOwner},
	{"create/sgid_directory", createInSGID},
	{"create/supplementary_group", createBySupplementaryGroup},
	{"create/times", createTimes},
	{"create/exists", createExists},
	{"create/devices", createDevices},
	{"create/device_needs_root", createDeviceNeedsRoot},
	{"create/refused_leaves_nothing", createRefused},
	{"create/nlink", createNlink},
	{"create/dot_names", createDotNames},
	{"create/odd_names", createOddNames},
}

// A maker is one call that makes a file with a mode.
type maker struct {
	name string
	kind string
	make func(w who, p string, mode uint32) call
}

var makers = []maker{
	{"open", Regular, func(w who, p string, mode uint32) call { return w.open(p, unix.O_CREAT|unix.O_WRONLY, mode) }},
	{"open|EXCL", Regular, func(w who, p string, mode uint32) call {
		return w.open(p, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, mode)
	}},
	{"mkdir", Dir, who.mkdir},
	{"mkfifo", Fifo, who.mkfifo},
	{"mknod regular", Regular, func(w who, p string, mode uint32) call { return w.mknod(p, unix.S_IFREG|mode, 0, 0) }},
	{"mknod fifo", Fifo, func(w who, p string, mode uint32) call { return w.mknod(p, unix.S_IFIFO|mode, 0, 0) }},
	{"mknod socket", Socket, func(w who, p string, mode uint32) call { return w.mknod(p, unix.S_IFSOCK|mode, 0, 0) }},
}

var deviceMakers = []maker{
	{"mknod char", Char, func(w who, p string, mode uint32) call { return w.mknod(p, unix.S_IFCHR|mode, 1, 2) }},
	{"mknod block", Block, func(w who, p string, mode uint32) call { return w.mknod(p, unix.S_IFBLK|mode, 1, 2) }},
}

var symlinkMaker = maker{"symlink", Symlink, func(w who, p string, _ uint32) call { return w.symlink("test", p) }}

func allMakers() []maker {
	all := append([]maker{}, makers...)
	return append(append(all, deviceMakers...), symlinkMaker)
}

func createMode(t *T) {
	rows := []struct{ mode, umask, want uint32 }{
		{0o755, 0, 0o755},
		{0o151, 0, 0o151},
		{0o151, 0o077, 0o100},
		{0o345, 0o070, 0o305},
		{0o345, 0o501, 0o244},
		{0o777, 0o022, 0o755},
		{0o666, 0o027, 0o640},
		{0o777, 0o777, 0},
		{0, 0, 0},
		{0o777, 0, 0o777},
		{0o1777, 0o022, 0o1755},
	}
	for _, m := range append(append([]maker{}, makers...), deviceMakers...) {
		for _, row := range rows {
			root.become()
			unix.Umask(int(row.umask))
			t.ok(m.make(root, "f", row.mode))
			unix.Umask(0)
			t.lstat("f", isKind(m.kind), isMode(row.want), isOwner(0, 0))
			t.remove(m.kind, "f")
		}
	}
}

func createOwner(t *T) {
	for _, m := range append(append([]maker{}, makers...), symlinkMaker) {
		t.ok(root.mkdir("d", 0o755), root.chown("d", 65534, 65534))
		t.ok(m.make(owner, "d/f", 0o644))
		t.lstat("d/f", isKind(m.kind), isOwner(65534, 65534))
		t.ok(owner.remove(m.kind, "d/f"))
		t.ok(m.make(asUser(65534, 65533), "d/f", 0o644))
		t.lstat("d/f", isKind(m.kind), isOwner(65534, 65533, 65534))
		t.ok(owner.remove(m.kind, "d/f"))
		t.ok(root.chmod("d", 0o777))
		t.ok(m.make(asUser(65533, 65532), "d/f", 0o644))
		t.lstat("d/f", isKind(m.kind), isOwner(65533, 65532, 65534))
		t.ok(asUser(65533, 65532).remove(m.kind, "d/f"))
		t.ok(m.make(root, "d/f", 0o644))
		t.lstat("d/f", isKind(m.kind), isOwner(0, 0))
		t.ok(root.remove(m.kind, "d/f"), root.rmdir("d"))
	}
}

// In a SGID directory a new file gets the directory's group, and a new directory the SGID bit too.
func createInSGID(t *T) {
	for _, m := range append(append([]maker{}, makers...), symlinkMaker) {
		for _, w := range []who{root, owner, other} {
			t.ok(root.mkdir("d", 0o777), root.chown("d", 65532, 65531), root.chmod("d", 0o2777))
			t.stat("d", isMode(0o2777), isOwner(65532, 65531))
			t.ok(m.make(w, "d/f", 0o750))
			t.lstat("d/f", isKind(m.kind), isOwner(w.uid, 65531))
			if m.kind == Dir {
				t.lstat("d/f", isMode(0o2750))
				t.ok(m.make(w, "d/f/g", 0o700))
				t.lstat("d/f/g", isMode(0o2700), isOwner(w.uid, 65531))
				t.ok(w.rmdir("d/f/g"))
			} else if m.kind != Symlink {
				t.lstat("d/f", isMode(0o750))
			}
			t.ok(w.remove(m.kind, "d/f"), root.rmdir("d"))
		}
	}
}

// A directory that only a supplementary group may write.
func createBySupplementaryGroup(t *T) {
	member, stranger := asUser(65534, 65534, 65500, 65501), asUser(65534, 65534, 65502)
	for _, m := range append(append([]maker{}, makers...), symlinkMaker) {
		for _, mode := range []uint32{0o770, 0o2770} {
			t.ok(root.mkdir("d", 0o700), root.chown("d", 0, 65501), root.chmod("d", mode))
			t.want(m.make(stranger, "d/f", 0o640), unix.EACCES)
			t.gone("d/f")
			t.ok(m.make(member, "d/f", 0o640))
			gid := 65534
			if mode&0o2000 != 0 {
				gid = 65501
			}
			t.lstat("d/f", isKind(m.kind), isOwner(65534, gid))
			t.ok(member.remove(m.kind, "d/f"), root.rmdir("d"))
		}
	}
}

func createTimes(t *T) {
	for _, m := range allMakers() {
		t.ok(root.mkdir("d", 0o755))
		before := append(stamps("d", "cm"), stamps("d", "ccc")...)
		after := append(stamps("d", "cm"), stamps("d/f", "amc")...)
		t.updates(before, after, func() { t.ok(m.make(root, "d/f", 0o644)) })
		t.remove(m.kind, "d/f")
		t.ok(root.rmdir("d"))
	}
}

// Every maker refuses every kind of file that is there, also a symlink that leads nowhere.
func createExists(t *T) {
	for _, m := range allMakers() {
		if m.name == "open" {
			continue // opens what is there
		}
		for _, kind := range allKinds {
			t.create(kind, "f")
			t.want(m.make(root, "f", 0o644), unix.EEXIST)
			t.lstat("f", isKind(kind))
			t.remove(kind, "f")
		}
	}
}

func createDevices(t *T) {
	rows := []struct{ major, minor uint32 }{{1, 2}, {0, 0}, {8, 255}, {255, 256}, {4095, 4095}, {300, 70000}}
	for _, kind := range []string{Char, Block} {
		bits := uint32(unix.S_IFCHR)
		if kind == Block {
			bits = unix.S_IFBLK
		}
		for _, row := range rows {
			t.ok(root.mknod("f", bits|0o755, row.major, row.minor))
			t.lstat("f", isKind(kind), isMode(0o755), isDev(row.major, row.minor))
			t.want(root.mknod("f", bits|0o777, 3, 4), unix.EEXIST)
			t.ok(root.link("f", "g"), root.rename("f", "h"))
			t.lstat("g", isDev(row.major, row.minor), isNlink(2))
			t.lstat("h", isDev(row.major, row.minor), isNlink(2))
			t.ok(root.unlink("g"), root.unlink("h"))
		}
	}
}

func createDeviceNeedsRoot(t *T) {
	t.ok(root.mkdir("d", 0o777))
	for _, m := range deviceMakers {
		t.want(m.make(owner, "d/f", 0o644), unix.EPERM)
		t.gone("d/f")
	}
	t.want(root.mknod("d/f", unix.S_IFDIR|0o755, 0, 0), unix.EPERM)
	t.want(root.mknod("d/f", unix.S_IFLNK|0o755, 0, 0), unix.EINVAL)
	t.gone("d/f")
}

func createRefused(t *T) {
	t.ok(root.mkdir("d", 0o755))
	for _, m := range append(append([]maker{}, makers...), symlinkMaker) {
		t.keeps(stamps("d", "cm"), func() { t.want(m.make(owner, "d/f", 0o644), unix.EACCES) })
		t.gone("d/f")
	}
}

func createNlink(t *T) {
	for _, m := range allMakers() {
		t.ok(m.make(root, "f", 0o644))
		want := 1
		if m.kind == Dir {
			want = 2
		}
		t.lstat("f", isNlink(want))
		t.remove(m.kind, "f")
	}
	t.ok(root.mkdir("d", 0o755))
	for i := range 10 {
		t.ok(root.mkdir(fmt.Sprintf("d/%d", i), 0o755))
		t.stat("d", isNlink(3+i))
	}
	for i := range 10 {
		t.ok(root.rmdir(fmt.Sprintf("d/%d", i)))
		t.stat("d", isNlink(11-i))
	}
}

func createDotNames(t *T) {
	t.ok(root.mkdir("d", 0o755))
	for _, p := range []string{"d/.", "d/..", ".", "..", "d/", "/"} {
		t.want(root.mkdir(p, 0o755), unix.EEXIST)
		t.want(root.symlink("x", p), unix.EEXIST)
		t.want(root.mkfifo(p, 0o644), unix.EEXIST)
	}
	t.want(root.open("d/new/", unix.O_CREAT|unix.O_WRONLY, 0o644), unix.EISDIR)
	t.want(root.mkfifo("d/new/", 0o644), unix.ENOENT)
	t.want(root.symlink("x", "d/new/"), unix.ENOENT)
	t.gone("d/new")
	t.ok(root.mkdir("d/new/", 0o755))
	t.lstat("d/new", isKind(Dir))
}

// A name is any bytes but '/' and NUL.
func createOddNames(t *T) {
	names := []string{" ", "\n", "\x01\x7f", "\xff\xfe", "a b\tc", "*?[", "-rf", "...", ". ", "\\", "\u00fc\u4e16\u754c", "%s%n", "'\"`$(x)"}
	for _, name := range names {
		for _, kind := range allKinds {
			t.create(kind, name)
			t.lstat(name, isKind(kind))
			t.ok(root.rename(name, name+"2"))
			t.gone(name)
			t.remove(kind, name+"2")
		}
	}
}
