package main

import (
	"strings"

	"golang.org/x/sys/unix"
)

var symlinkCases = []testCase{
	{"symlink/creates", symlinkCreates},
	{"symlink/targets", symlinkTargets},
	{"symlink/times", symlinkTimes},
	{"symlink/mode_of_target", symlinkMode},
	{"symlink/follows", symlinkFollows},
}

func symlinkCreates(t *T) {
	t.create(Regular, "f")
	t.lstat("f", isKind(Regular), isMode(0o644))
	t.ok(root.symlink("f", "l"))
	t.lstat("l", isKind(Symlink), isSize(1), isMode(0o777))
	t.stat("l", isKind(Regular), isMode(0o644))
	t.ok(root.unlink("f"))
	t.want(root.stat("l"), unix.ENOENT)
	t.lstat("l", isKind(Symlink))
	t.ok(root.unlink("l"))
	t.gone("l")
}

func (t *T) linkIs(p, want string) {
	root.become()
	buf := make([]byte, 2*pathMax)
	n, err := unix.Readlink(p, buf)
	t.assert(err == nil && string(buf[:n]) == want, "readlink(%s): got %s (%v), want %s", clip(p), clip(string(buf[:max(n, 0)])), err, clip(want))
}

// The target is any text, kept byte for byte; its length is the size.
func symlinkTargets(t *T) {
	targets := []string{
		"a", "/", ".", "..", "/abs/olute", "rel/ative", "a//b/", "\xff\xfe", "sp ace\n", strings.Repeat("t", t.nameMax+1),
		strings.Repeat("t/", 2000), strings.Repeat("t", pathMax-1), strings.Repeat("s", 59), strings.Repeat("s", 60), strings.Repeat("s", 61),
	}
	for _, target := range targets {
		t.ok(root.symlink(target, "l"))
		t.lstat("l", isKind(Symlink), isSize(int64(len(target))))
		t.linkIs("l", target)
		buf := make([]byte, 1)
		t.ok(root.do(func() error { _, err := unix.Readlink("l", buf); return err }, "readlink into one byte"))
		expect(t, "a cut readlink", string(buf), target[:1])
		t.ok(root.unlink("l"))
	}
	t.want(root.symlink("", "l"), unix.ENOENT)
	t.want(root.symlink(strings.Repeat("t", pathMax), "l"), unix.ENAMETOOLONG)
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.want(root.readlink("f"), unix.EINVAL)
		t.remove(kind, "f")
	}
}

func symlinkTimes(t *T) {
	t.ok(root.mkdir("d", 0o755))
	watch := stamps("d", "cm")
	t.updates(watch, watch, func() { t.ok(root.symlink("test", "d/l")) })
	t.keeps(stamps("d/l", "cm"), func() { t.ok(root.readlink("d/l")) })
	t.keeps(watch, func() { t.want(root.symlink("test", "d/l"), unix.EEXIST) })
}

// A symlink has no permissions of its own, whatever the umask says.
func symlinkMode(t *T) {
	for _, mask := range []int{0, 0o022, 0o777} {
		root.become()
		unix.Umask(mask)
		t.ok(root.symlink("f", "l"))
		unix.Umask(0)
		t.lstat("l", isMode(0o777), isOwner(0, 0))
		t.ok(owner.readlink("l"), root.unlink("l"))
	}
}

func symlinkFollows(t *T) {
	t.ok(root.mkdir("a", 0o755), root.mkdir("a/b", 0o755))
	t.fill("a/b/f", "content")
	t.ok(root.symlink("../b/f", "a/b/up"), root.symlink("a", "la"), root.symlink(t.dir+"/a/b", "abs"), root.symlink("abs", "abs2"))
	for _, p := range []string{"a/b/up", "la/b/f", "la/b/up", "abs/f", "abs2/f", "abs2/../../la/b/up"} {
		t.content(p, "content")
		t.stat(p, isKind(Regular), isIno(t.ino("a/b/f")))
	}
	t.ok(root.rename("a", "c"))
	t.want(root.stat("la"), unix.ENOENT)
	t.want(root.stat("abs2/f"), unix.ENOENT)
	t.ok(root.unlink("la"), root.symlink("c", "la"))
	t.content("la/b/up", "content")
}
