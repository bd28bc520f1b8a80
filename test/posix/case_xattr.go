package main

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var xattrCases = []testCase{
	{"xattr/set_get_list_remove", xattrBasic},
	{"xattr/flags", xattrFlags},
	{"xattr/sizes", xattrSizes},
	{"xattr/permission", xattrPermission},
	{"xattr/kinds", xattrKinds},
	{"xattr/ctime", xattrCtime},
	{"xattr/follow_the_file", xattrFollow},
}

func (w who) setxattr(p, name string, value []byte, flags int) call {
	return w.do(func() error { return unix.Setxattr(p, name, value, flags) }, "setxattr(%s, %s, %d bytes, %d)", clip(p), clip(name), len(value), flags)
}

func (w who) getxattr(p, name string, size int) (string, call) {
	buf := make([]byte, size)
	n := 0
	c := w.do(func() (err error) { n, err = unix.Getxattr(p, name, buf); return err }, "getxattr(%s, %s, %d)", clip(p), clip(name), size)
	return string(buf[:min(max(n, 0), size)]), c
}

func (w who) removexattr(p, name string) call {
	return w.do(func() error { return unix.Removexattr(p, name) }, "removexattr(%s, %s)", clip(p), clip(name))
}

func (w who) listxattr(p string) ([]string, call) {
	buf := make([]byte, 65536)
	n := 0
	c := w.do(func() (err error) { n, err = unix.Listxattr(p, buf); return err }, "listxattr(%s)", clip(p))
	names := strings.Split(strings.TrimSuffix(string(buf[:max(n, 0)]), "\x00"), "\x00")
	return slices.DeleteFunc(names, func(s string) bool { return !strings.HasPrefix(s, "user.") }), c
}

// xattrOps are the calls on paths for the tests of paths.
func xattrOps() []pathOp {
	return []pathOp{
		{"setxattr", Regular, false, true, func(w who, p string) call { return w.setxattr(p, "user.new", []byte("v"), 0) }},
		{"getxattr", Regular, false, true, func(w who, p string) call { _, c := w.getxattr(p, "user.test", 10); return c }},
		{"listxattr", Regular, false, true, func(w who, p string) call { _, c := w.listxattr(p); return c }},
		{"removexattr", Regular, false, true, func(w who, p string) call { return w.removexattr(p, "user.test") }},
	}
}

func (t *T) needXattr() {
	t.create(Regular, "f")
	if e := root.setxattr("f", "user.probe", []byte("1"), 0).errno(); e == unix.EOPNOTSUPP || e == unix.ENOSYS {
		t.skip("no user xattrs here")
	}
	t.ok(root.removexattr("f", "user.probe"))
}

func (t *T) xattrIs(p, name, want string) {
	got, c := root.getxattr(p, name, 65536)
	t.ok(c)
	t.assert(got == want, "xattr %s of %s: got %d bytes %s, want %d bytes %s", clip(name), p, len(got), clip(got), len(want), clip(want))
}

func (t *T) xattrsAre(p string, want ...string) {
	got, c := root.listxattr(p)
	t.ok(c)
	slices.Sort(got)
	slices.Sort(want)
	t.assert(slices.Equal(got, want), "xattrs of %s: got %q, want %q", p, got, want)
}

func xattrBasic(t *T) {
	t.needXattr()
	t.xattrsAre("f")
	values := map[string]string{"user.a": "one", "user.b": "", "user.bytes": "\x00\xff\n\x00", "user.c.d": strings.Repeat("v", 1000)}
	var names []string
	for name, value := range values {
		names = append(names, name)
		t.ok(root.setxattr("f", name, []byte(value), 0))
		t.xattrIs("f", name, value)
		t.xattrsAre("f", names...)
	}
	t.ok(root.setxattr("f", "user.a", []byte("another value"), 0))
	t.xattrIs("f", "user.a", "another value")
	t.xattrsAre("f", names...)
	for len(names) > 0 {
		t.ok(root.removexattr("f", names[0]))
		_, c := root.getxattr("f", names[0], 10)
		t.want(c, unix.ENODATA)
		t.want(root.removexattr("f", names[0]), unix.ENODATA)
		names = names[1:]
		t.xattrsAre("f", names...)
	}
}

func xattrFlags(t *T) {
	t.needXattr()
	t.want(root.setxattr("f", "user.a", []byte("1"), unix.XATTR_REPLACE), unix.ENODATA)
	t.ok(root.setxattr("f", "user.a", []byte("1"), unix.XATTR_CREATE))
	t.want(root.setxattr("f", "user.a", []byte("2"), unix.XATTR_CREATE), unix.EEXIST)
	t.xattrIs("f", "user.a", "1")
	t.ok(root.setxattr("f", "user.a", []byte("3"), unix.XATTR_REPLACE))
	t.xattrIs("f", "user.a", "3")
	t.want(root.setxattr("f", "user.a", []byte("3"), 0x80), unix.EINVAL)
}

func xattrSizes(t *T) {
	t.needXattr()
	t.ok(root.setxattr("f", "user.ten", []byte("0123456789"), 0))
	for _, size := range []int{1, 5, 9} {
		_, c := root.getxattr("f", "user.ten", size)
		t.want(c, unix.ERANGE)
	}
	n, err := unix.Getxattr("f", "user.ten", nil)
	t.assert(n == 10 && err == nil, "getxattr for the size: %d, %v", n, err)
	_, c := root.getxattr("f", "user.ten", 10)
	t.ok(c)
	n, err = unix.Listxattr("f", nil)
	t.assert(n >= len("user.ten")+1 && err == nil, "listxattr for the size: %d, %v", n, err)
	_, err = unix.Listxattr("f", make([]byte, 3))
	t.want(call{"listxattr into 3 bytes", err}, unix.ERANGE)
	long := "user." + strings.Repeat("n", 250)
	t.ok(root.setxattr("f", long, []byte("v"), 0))
	t.xattrIs("f", long, "v")
	t.want(root.setxattr("f", long+"n", []byte("v"), 0), unix.ERANGE)
	t.want(root.setxattr("f", "", []byte("v"), 0), unix.ERANGE)
	t.want(root.setxattr("f", "user.huge", bytes.Repeat([]byte("v"), 65537), 0), unix.E2BIG)
	t.want(root.setxattr("f", "nonsense.name", []byte("v"), 0), unix.EOPNOTSUPP)
}

func xattrPermission(t *T) {
	t.needXattr()
	t.ok(root.chown("f", 65534, 65534), root.setxattr("f", "user.a", []byte("1"), 0))
	for _, mode := range []uint32{0o600, 0o644, 0o444, 0o400, 0} {
		t.ok(root.chmod("f", mode))
		for _, c := range []class{classes[0], classes[2], classes[4]} {
			bits := mode >> c.shift & 7
			_, get := c.who.getxattr("f", "user.a", 10)
			t.want(get, allowed(bits, 4))
			t.want(c.who.setxattr("f", "user.a", []byte("2"), 0), allowed(bits, 2))
			_, list := c.who.listxattr("f")
			t.ok(list)
		}
	}
	t.ok(root.chmod("f", 0o600))
	t.want(other.removexattr("f", "user.a"), unix.EACCES)
	t.ok(owner.removexattr("f", "user.a"))
	_, c := owner.getxattr("f", "trusted.x", 10)
	t.want(c, unix.ENODATA)
	t.want(owner.setxattr("f", "trusted.x", []byte("1"), 0), unix.EPERM)
}

// User attributes are for regular files and directories.
func xattrKinds(t *T) {
	t.needXattr()
	t.ok(root.mkdir("d", 0o755), root.setxattr("d", "user.a", []byte("dir"), 0))
	t.xattrIs("d", "user.a", "dir")
	for _, kind := range []string{Fifo, Block, Char, Socket} {
		t.create(kind, "x")
		t.want(root.setxattr("x", "user.a", []byte("1"), 0), unix.EPERM)
		_, c := root.getxattr("x", "user.a", 10)
		t.want(c, unix.ENODATA)
		t.remove(kind, "x")
	}
	t.ok(root.symlink("f", "l"), root.setxattr("l", "user.b", []byte("by link"), 0))
	t.xattrIs("f", "user.b", "by link")
	t.want(root.do(func() error { return unix.Lsetxattr("l", "user.c", []byte("1"), 0) }, "lsetxattr(l)"), unix.EPERM)
	t.ok(root.mkdir("s", 0o1777))
	t.want(owner.setxattr("s", "user.a", []byte("1"), 0), unix.EPERM) // sticky: the owner alone
}

func xattrCtime(t *T) {
	t.needXattr()
	c := stamps("f", "c")
	t.updates(c, c, func() { t.ok(root.setxattr("f", "user.a", []byte("1"), 0)) })
	t.keeps(stamps("f", "m"), func() { t.ok(root.setxattr("f", "user.a", []byte("2"), 0)) })
	t.updates(c, c, func() { t.ok(root.removexattr("f", "user.a")) })
	t.keeps(c, func() { t.want(root.removexattr("f", "user.a"), unix.ENODATA) })
}

func xattrFollow(t *T) {
	t.needXattr()
	t.ok(root.setxattr("f", "user.a", []byte("1"), 0), root.link("f", "g"), root.rename("f", "h"))
	t.xattrIs("g", "user.a", "1")
	t.xattrIs("h", "user.a", "1")
	fd, c := root.openFD("h", unix.O_RDONLY, 0)
	defer closeFD(fd)
	t.ok(c, root.do(func() error { return unix.Fsetxattr(fd, "user.b", []byte("fd"), 0) }, "fsetxattr"))
	t.xattrIs("g", "user.b", "fd")
	t.ok(root.unlink("g"), root.unlink("h"))
	buf := make([]byte, 10)
	n, err := unix.Fgetxattr(fd, "user.b", buf)
	t.assert(err == nil && string(buf[:max(n, 0)]) == "fd", "fgetxattr of an unlinked file: %q, %v", buf[:max(n, 0)], err)
	t.create(Regular, "h")
	t.xattrsAre("h")
}
