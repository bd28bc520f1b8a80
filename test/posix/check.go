package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The kinds of file.
const (
	None    = "none"
	Regular = "regular"
	Dir     = "dir"
	Fifo    = "fifo"
	Block   = "block"
	Char    = "char"
	Socket  = "socket"
	Symlink = "symlink"
)

var (
	allKinds   = []string{Regular, Dir, Fifo, Block, Char, Socket, Symlink}
	fileKinds  = []string{Regular, Fifo, Block, Char, Socket, Symlink} // what unlink removes
	modeKinds  = []string{Regular, Dir, Fifo, Block, Char, Socket}     // what has a mode
	plainKinds = []string{Regular, Fifo, Block, Char, Socket}          // neither a directory nor followed
)

// want asserts that a call ended with one of the errors; 0 is success.
func (t *T) want(c call, errs ...unix.Errno) bool {
	got := c.errno()
	if slices.Contains(errs, got) {
		t.res.passed++
		return true
	}
	names := make([]string, len(errs))
	for i, e := range errs {
		names[i] = errName(e)
	}
	t.fail("%s: got %s, want %s", c.what, errName(got), strings.Join(names, " or "))
	return false
}

// ok asserts that calls succeeded.
func (t *T) ok(calls ...call) bool {
	good := true
	for _, c := range calls {
		good = t.want(c, 0) && good
	}
	return good
}

// create makes a file of a kind as w, with the modes the tests expect: 0755 for directories, 0644 otherwise.
func (w who) create(kind, p string) call {
	switch kind {
	case Regular:
		return w.open(p, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644)
	case Dir:
		return w.mkdir(p, 0o755)
	case Fifo:
		return w.mkfifo(p, 0o644)
	case Block:
		return w.mknod(p, unix.S_IFBLK|0o644, 1, 2)
	case Char:
		return w.mknod(p, unix.S_IFCHR|0o644, 1, 2)
	case Socket:
		return w.bind(p)
	case Symlink:
		return w.symlink("test", p)
	}
	panic("unknown kind " + kind)
}

// create makes a file as root.
func (t *T) create(kind, p string) { t.ok(root.create(kind, p)) }

// createFor makes a file and gives it to a user; "none" makes nothing.
func (t *T) createFor(kind, p string, uid, gid int) {
	if kind != None {
		t.ok(root.create(kind, p), root.lchown(p, uid, gid))
	}
}

// remove takes a file of a kind away as root.
func (t *T) remove(kind, p string) { t.ok(root.remove(kind, p)) }

func (w who) remove(kind, p string) call {
	if kind == Dir {
		return w.rmdir(p)
	}
	return w.unlink(p)
}

// A check compares one attribute: it answers "" or what is wrong.
type check func(st *unix.Stat_t) string

func differ(what string, got, want any) string { return fmt.Sprintf("%s %v, want %v", what, got, want) }

var kindBits = map[uint32]string{
	unix.S_IFREG: Regular, unix.S_IFDIR: Dir, unix.S_IFIFO: Fifo, unix.S_IFBLK: Block,
	unix.S_IFCHR: Char, unix.S_IFSOCK: Socket, unix.S_IFLNK: Symlink,
}

func isKind(kind string) check {
	return func(st *unix.Stat_t) string {
		if got := kindBits[st.Mode&unix.S_IFMT]; got != kind {
			return differ("type", got, kind)
		}
		return ""
	}
}

func isMode(modes ...uint32) check {
	return func(st *unix.Stat_t) string {
		if got := st.Mode & 0o7777; !slices.Contains(modes, got) {
			return fmt.Sprintf("mode %04o, want %04o", got, modes)
		}
		return ""
	}
}

func isNlink(n int) check {
	return func(st *unix.Stat_t) string {
		if int(st.Nlink) != n {
			return differ("nlink", st.Nlink, n)
		}
		return ""
	}
}

func isOwner(uid int, gids ...int) check {
	return func(st *unix.Stat_t) string {
		if int(st.Uid) != uid || !slices.Contains(gids, int(st.Gid)) {
			return fmt.Sprintf("owner %d:%d, want %d:%d", st.Uid, st.Gid, uid, gids)
		}
		return ""
	}
}

func isSize(n int64) check {
	return func(st *unix.Stat_t) string {
		if st.Size != n {
			return differ("size", st.Size, n)
		}
		return ""
	}
}

func isIno(ino uint64) check {
	return func(st *unix.Stat_t) string {
		if st.Ino != ino {
			return differ("inode", st.Ino, ino)
		}
		return ""
	}
}

func isDev(major, minor uint32) check {
	return func(st *unix.Stat_t) string {
		if unix.Major(st.Rdev) != major || unix.Minor(st.Rdev) != minor {
			return fmt.Sprintf("device %d:%d, want %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev), major, minor)
		}
		return ""
	}
}

// stat asserts attributes of what a path leads to, lstat of what it names, fstat of what is open. Each is one assertion.
func (t *T) stat(p string, checks ...check)  { t.attrs("stat", p, unix.Stat, checks) }
func (t *T) lstat(p string, checks ...check) { t.attrs("lstat", p, unix.Lstat, checks) }

func (t *T) fstat(fd int, checks ...check) {
	t.attrs("fstat", "", func(_ string, st *unix.Stat_t) error { return unix.Fstat(fd, st) }, checks)
}

func (t *T) attrs(name, p string, get func(string, *unix.Stat_t) error, checks []check) {
	root.become()
	var st unix.Stat_t
	if err := get(p, &st); err != nil {
		t.fail("%s(%s): %v", name, clip(p), err)
		return
	}
	var wrong []string
	for _, c := range checks {
		if s := c(&st); s != "" {
			wrong = append(wrong, s)
		}
	}
	t.assert(len(wrong) == 0, "%s(%s): %s", name, clip(p), strings.Join(wrong, "; "))
}

// gone asserts that names do not exist.
func (t *T) gone(paths ...string) {
	for _, p := range paths {
		t.want(root.lstat(p), unix.ENOENT)
	}
}

// peek is lstat for values a test needs later.
func (t *T) peek(p string) unix.Stat_t {
	root.become()
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		t.fail("lstat(%s): %v", clip(p), err)
	}
	return st
}

func (t *T) ino(p string) uint64 { return t.peek(p).Ino }

// A stamp names a time of a file: {"f", 'c'} is the ctime of f. Times of symlinks are their own.
type stamp struct {
	path string
	kind byte
}

func stamps(p string, kinds string) []stamp {
	var all []stamp
	for _, k := range []byte(kinds) {
		all = append(all, stamp{p, k})
	}
	return all
}

func (t *T) read(s stamp) unix.Timespec {
	st := t.peek(s.path)
	switch s.kind {
	case 'a':
		return st.Atim
	case 'm':
		return st.Mtim
	}
	return st.Ctim
}

// updates asserts that f makes times newer: the i-th of before and after is the same time, under the name it has before and after f.
func (t *T) updates(before, after []stamp, f func()) {
	old := t.readAll(before)
	waitPast(old)
	f()
	for i, s := range after {
		now := t.read(s)
		t.assert(now.Nano() > old[i].Nano(), "%ctime of %s did not advance: %s", s.kind, s.path, timeName(now))
	}
}

// keeps asserts that f leaves times as they are.
func (t *T) keeps(watched []stamp, f func()) {
	old := t.readAll(watched)
	waitPast(old)
	f()
	for i, s := range watched {
		now := t.read(s)
		t.assert(now == old[i], "%ctime of %s changed: %s, want %s", s.kind, s.path, timeName(now), timeName(old[i]))
	}
}

func (t *T) readAll(list []stamp) []unix.Timespec {
	times := make([]unix.Timespec, len(list))
	for i, s := range list {
		times[i] = t.read(s)
	}
	return times
}

// waitPast spins until the kernel's coarse clock, which stamps files, is later than all times: a few milliseconds. A time in the future is not
// waited for.
func waitPast(times []unix.Timespec) {
	var latest int64
	for _, ts := range times {
		latest = max(latest, ts.Nano())
	}
	deadline := time.Now().Add(200 * time.Millisecond)
	if latest > deadline.UnixNano() {
		return
	}
	for time.Now().Before(deadline) {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil || now.Nano() > latest {
			return
		}
	}
}

func timeName(ts unix.Timespec) string {
	switch ts.Nsec {
	case unix.UTIME_NOW:
		return "UTIME_NOW"
	case unix.UTIME_OMIT:
		return "UTIME_OMIT"
	}
	return fmt.Sprintf("%d.%09d", ts.Sec, ts.Nsec)
}

// expect compares two values.
func expect[V comparable](t *T, what string, got, want V) {
	t.assert(got == want, "%s: got %v, want %v", what, got, want)
}
