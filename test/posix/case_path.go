package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

var pathCases = []testCase{
	{"path/component_not_directory", pathNotDir},
	{"path/component_missing", pathMissing},
	{"path/name_too_long", pathNameTooLong},
	{"path/path_too_long", pathTooLong},
	{"path/symlink_loop", pathLoop},
	{"path/search_denied", pathSearchDenied},
	{"path/write_denied", pathWriteDenied},
	{"path/bad_address", pathBadAddress},
	{"path/removed_directory", pathRemoved},
	{"path/trailing_slash", pathTrailingSlash},
	{"path/dot_dot", pathDotDot},
}

// A pathOp is a call on one path. Those that name a new file get a path where nothing is, the others one with a file of their kind.
type pathOp struct {
	name   string
	kind   string // what must be there; None: nothing
	writes bool   // changes the directory that holds the name
	follow bool   // follows a symlink at the end of the path
	call   func(w who, p string) call
}

func openOp(name string, flags int, kind string, creates bool) pathOp {
	return pathOp{name, kind, creates, true, func(w who, p string) call { return w.open(p, flags|unix.O_NONBLOCK, 0o644) }}
}

// pathOps needs a file "src" in the working directory for the two-path calls.
func pathOps() []pathOp {
	ops := []pathOp{
		openOp("open RDONLY", unix.O_RDONLY, Regular, false),
		openOp("open WRONLY", unix.O_WRONLY, Regular, false),
		openOp("open CREAT", unix.O_CREAT|unix.O_WRONLY, None, true),
		openOp("open DIRECTORY", unix.O_DIRECTORY, Dir, false),
		{"stat", Regular, false, true, who.stat},
		{"lstat", Regular, false, false, who.lstat},
		{"statfs", Regular, false, true, who.statfs},
		{"access", Regular, false, true, func(w who, p string) call { return w.access(p, unix.F_OK) }},
		{"chdir", Dir, false, true, who.chdir},
		{"readlink", Symlink, false, false, who.readlink},
		{"chmod", Regular, false, true, func(w who, p string) call { return w.chmod(p, 0o644) }},
		{"chown", Regular, false, true, func(w who, p string) call { return w.chown(p, -1, 65534) }},
		{"lchown", Regular, false, false, func(w who, p string) call { return w.lchown(p, -1, 65534) }},
		{"truncate", Regular, false, true, func(w who, p string) call { return w.truncate(p, 0) }},
		{"utimensat", Regular, false, true, func(w who, p string) call { return w.utimens(p, unix.Timespec{Sec: 1}, unix.Timespec{Sec: 1}, 0) }},
		{"utimensat nofollow", Regular, false, false, func(w who, p string) call {
			return w.utimens(p, unix.Timespec{Sec: 1}, unix.Timespec{Sec: 1}, unix.AT_SYMLINK_NOFOLLOW)
		}},
		{"unlink", Regular, true, false, who.unlink},
		{"rmdir", Dir, true, false, who.rmdir},
		{"mkdir", None, true, false, func(w who, p string) call { return w.mkdir(p, 0o755) }},
		{"mkfifo", None, true, false, func(w who, p string) call { return w.mkfifo(p, 0o644) }},
		{"mknod regular", None, true, false, func(w who, p string) call { return w.mknod(p, unix.S_IFREG|0o644, 0, 0) }},
		{"mknod socket", None, true, false, func(w who, p string) call { return w.mknod(p, unix.S_IFSOCK|0o644, 0, 0) }},
		{"symlink", None, true, false, func(w who, p string) call { return w.symlink("src", p) }},
		{"link to", None, true, false, func(w who, p string) call { return w.link("src", p) }},
		{"rename from", Regular, true, false, func(w who, p string) call { return w.rename(p, "moved") }},
		{"rename to", None, true, false, func(w who, p string) call { return w.rename("src", p) }},
		{"link from", Regular, true, false, func(w who, p string) call { return w.link(p, "moved") }},
	}
	return append(ops, xattrOps()...)
}

// prepare puts the file there that op works on, owned by the user of the tests; clean takes away what may be left.
func (t *T) prepare(op pathOp, p string) {
	root.become()
	_ = unix.Unlink("src")
	t.createFor(Regular, "src", 65534, 65534)
	t.createFor(op.kind, p, 65534, 65534)
	if op.kind == Regular {
		root.become()
		_ = unix.Setxattr(p, "user.test", []byte("x"), 0)
	}
}

func clean(paths ...string) {
	root.become()
	for _, p := range append(paths, "moved", "src") {
		if unix.Unlink(p) != nil {
			_ = unix.Rmdir(p)
		}
	}
}

func pathNotDir(t *T) {
	t.create(Regular, "src")
	for _, kind := range plainKinds {
		t.create(kind, "f")
		for _, op := range pathOps() {
			t.want(op.call(root, "f/x"), unix.ENOTDIR)
		}
		t.lstat("f", isKind(kind))
		t.remove(kind, "f")
	}
}

func pathMissing(t *T) {
	t.create(Regular, "src")
	t.ok(root.mkdir("d", 0o755), root.symlink("nowhere", "d/l"))
	for _, op := range pathOps() {
		for _, p := range []string{"missing/x", "d/missing/x", "d/l/x", ""} {
			t.want(op.call(root, p), unix.ENOENT)
		}
		if op.kind != None {
			t.want(op.call(root, "missing"), unix.ENOENT)
			t.want(op.call(root, "d/missing"), unix.ENOENT)
		}
		if op.follow && op.kind != None {
			t.want(op.call(root, "d/l"), unix.ENOENT)
		}
	}
}

func pathNameTooLong(t *T) {
	for _, length := range []int{t.nameMax, t.nameMax - 1} {
		name := strings.Repeat("n", length)
		for _, op := range pathOps() {
			t.prepare(op, name)
			t.ok(op.call(root, name))
			clean(name)
		}
	}
	long := strings.Repeat("n", t.nameMax+1)
	t.create(Regular, "src")
	t.ok(root.mkdir("d", 0o755))
	for _, op := range pathOps() {
		for _, p := range []string{long, "d/" + long, long + "/x"} {
			t.want(op.call(root, p), unix.ENAMETOOLONG)
		}
	}
	for _, kind := range allKinds {
		if kind == Socket {
			continue // an address holds 108 bytes
		}
		name := strings.Repeat("k", t.nameMax)
		t.create(kind, name)
		t.lstat(name, isKind(kind))
		t.remove(kind, name)
	}
}

// longPath makes directories down to one whose path and a name of 100 bytes are exactly length bytes, and gives the path of that name.
func longPath(t *T, length int) string {
	const step = 120
	var p string
	for length-len(p)-100 > 2*step {
		p += strings.Repeat("d", step-1) + "/"
		t.mkdirOnce(strings.TrimSuffix(p, "/"))
	}
	rest := length - len(p) - 100 - 1
	p += strings.Repeat("e", rest)
	t.mkdirOnce(p)
	return p + "/" + strings.Repeat("f", 100)
}

func (t *T) mkdirOnce(p string) { t.want(root.mkdir(p, 0o755), 0, unix.EEXIST) }

func pathTooLong(t *T) {
	longest := longPath(t, pathMax-1)
	expect(t, "length of the path", len(longest), pathMax-1)
	for _, op := range pathOps() {
		t.prepare(op, longest)
		t.ok(op.call(root, longest))
		clean(longest)
	}
	t.create(Regular, "src")
	for _, op := range pathOps() {
		t.want(op.call(root, longest+"x"), unix.ENAMETOOLONG)
	}
	t.want(root.symlink(longest+"x", "l"), unix.ENAMETOOLONG)
}

func pathLoop(t *T) {
	t.create(Regular, "src")
	t.ok(root.symlink("b", "a"), root.symlink("a", "b"), root.symlink("self", "self"))
	for _, op := range pathOps() {
		for _, p := range []string{"a/x", "b/x", "self/x"} {
			t.want(op.call(root, p), unix.ELOOP)
		}
		if op.follow {
			t.want(op.call(root, "a"), unix.ELOOP)
			t.want(op.call(root, "self"), unix.ELOOP)
		}
	}
	// 40 symlinks are followed, 41 are not.
	t.ok(root.symlink("src", "s0"))
	for i := 1; i <= 41; i++ {
		t.ok(root.symlink(fmt.Sprintf("s%d", i-1), fmt.Sprintf("s%d", i)))
	}
	t.ok(root.stat("s39"))
	t.want(root.stat("s40"), unix.ELOOP)
}

func pathSearchDenied(t *T) {
	t.ok(root.chmod(".", 0o777))
	t.createFor(Dir, "d", 65534, 65534)
	for _, op := range pathOps() {
		t.prepare(op, "d/f")
		for _, mode := range []uint32{0o644, 0o600, 0} {
			t.ok(root.chmod("d", mode))
			t.want(op.call(owner, "d/f"), unix.EACCES)
		}
		t.ok(root.chmod("d", 0o755), op.call(owner, "d/f"))
		clean("d/f")
	}
}

func pathWriteDenied(t *T) {
	t.ok(root.chmod(".", 0o777))
	t.createFor(Dir, "d", 65534, 65534)
	for _, op := range pathOps() {
		if !op.writes || op.name == "link from" {
			continue
		}
		t.prepare(op, "d/f")
		for _, mode := range []uint32{0o555, 0o500, 0o100} {
			t.ok(root.chmod("d", mode))
			t.keeps(stamps("d", "cm"), func() { t.want(op.call(owner, "d/f"), unix.EACCES) })
		}
		t.ok(root.chmod("d", 0o300), op.call(owner, "d/f"), root.chmod("d", 0o755))
		clean("d/f")
	}
}

func pathRemoved(t *T) {
	t.create(Regular, "src")
	t.ok(root.mkdir("d", 0o755))
	root.become()
	back, c := root.openFD(".", unix.O_PATH, 0)
	defer closeFD(back)
	t.ok(c, call{"chdir", unix.Chdir("d")}, root.do(func() error { return unix.Unlinkat(back, "d", unix.AT_REMOVEDIR) }, "rmdir"))
	for _, op := range pathOps() {
		switch op.name {
		case "rename to", "link to":
			continue // their other path is not there either
		}
		t.want(op.call(root, "x"), unix.ENOENT)
	}
	t.stat(".", isKind(Dir), isNlink(0))
	t.ok(root.open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0))
	t.ok(call{"fchdir", unix.Fchdir(back)})
}

func pathTrailingSlash(t *T) {
	t.create(Regular, "f")
	for _, c := range []call{
		root.stat("f/"), root.lstat("f/"), root.unlink("f/"), root.chmod("f/", 0o600), root.truncate("f/", 0), root.rename("f/", "g"),
		root.rename("f", "g/"), root.link("f/", "g"), root.rmdir("f/"), root.open("f/", unix.O_RDONLY, 0), root.stat("f/."), root.stat("f/.."),
	} {
		t.want(c, unix.ENOTDIR)
	}
	t.ok(root.mkdir("d/", 0o755), root.stat("d/"), root.rename("d/", "e/"), root.symlink("e", "l"))
	t.lstat("e", isKind(Dir))
	t.lstat("l/", isKind(Dir))
	t.lstat("l", isKind(Symlink))
	t.want(root.unlink("l/"), unix.ENOTDIR, unix.EISDIR)
	t.want(root.rmdir("l/"), unix.ENOTDIR)
	t.want(root.rmdir("l"), unix.ENOTDIR)
	t.ok(root.rmdir("e///"))
	t.gone("e", "g")
}

func pathDotDot(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("a/b", 0o755), root.mkdir("c", 0o755))
	t.lstat("a/b/..", isIno(t.ino("a")))
	t.lstat("a/b/../..", isIno(t.ino(".")))
	t.lstat("a/./b/.", isIno(t.ino("a/b")))
	t.ok(root.rename("a/b", "c/b"))
	t.lstat("c/b/..", isIno(t.ino("c")))
	t.stat("a", isNlink(2))
	t.stat("c", isNlink(3))
	t.ok(root.symlink("c/b", "l"))
	t.lstat("l/..", isIno(t.ino("c")))
	t.create(Regular, "f")
	t.want(root.stat("f/.."), unix.ENOTDIR)
	t.want(root.stat("missing/.."), unix.ENOENT)
}
