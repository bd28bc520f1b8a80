package main

import (
	"golang.org/x/sys/unix"
)

var timeCases = []testCase{
	{"times/set", timesSet},
	{"times/now", timesNow},
	{"times/omit", timesOmit},
	{"times/symlink", timesSymlink},
	{"times/now_needs_write", timesNowPermission},
	{"times/value_needs_owner", timesOwnerOnly},
	{"times/nanoseconds", timesNanoseconds},
	{"times/beyond_2038", times2038},
	{"times/set_changes_ctime", timesCtime},
	{"times/invalid", timesInvalid},
	{"times/by_descriptor", timesByFD},
	{"times/write", timesWrite},
	{"times/stay", timesStay},
}

var (
	now  = unix.Timespec{Nsec: unix.UTIME_NOW}
	omit = unix.Timespec{Nsec: unix.UTIME_OMIT}
)

func at(sec int64) unix.Timespec { return unix.Timespec{Sec: sec} }

func isTimes(atime, mtime unix.Timespec) check {
	return func(st *unix.Stat_t) string {
		if st.Atim != atime || st.Mtim != mtime {
			return "times " + timeName(st.Atim) + ", " + timeName(st.Mtim) + ", want " + timeName(atime) + ", " + timeName(mtime)
		}
		return ""
	}
}

// isMtime leaves the atime out, which following or reading may change.
func isMtime(mtime unix.Timespec) check {
	return func(st *unix.Stat_t) string {
		if st.Mtim != mtime {
			return "mtime " + timeName(st.Mtim) + ", want " + timeName(mtime)
		}
		return ""
	}
}

func timesSet(t *T) {
	pairs := [][2]int64{{1900000000, 1950000000}, {100000000, 200000000}, {200000000, 100000000}, {0, 0}, {1, 1 << 30}}
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.symlink("f", "l"))
		for _, p := range []string{"f", "l"} {
			for _, pair := range pairs {
				t.ok(root.utimens(p, at(pair[0]), at(pair[1]), 0))
				t.lstat("f", isTimes(at(pair[0]), at(pair[1])))
			}
		}
		t.ok(root.unlink("l"))
		t.remove(kind, "f")
	}
}

func timesNow(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.utimens("f", at(1000), at(2000), 0), root.utimens("f", now, omit, 0))
		st := t.peek("f")
		t.assert(st.Atim.Sec > 1e9 && st.Mtim == at(2000), "UTIME_NOW for atime: %s, %s", timeName(st.Atim), timeName(st.Mtim))
		t.ok(root.utimens("f", at(1000), now, 0))
		st = t.peek("f")
		t.assert(st.Atim == at(1000) && st.Mtim.Sec > 1e9, "UTIME_NOW for mtime: %s, %s", timeName(st.Atim), timeName(st.Mtim))
		t.ok(root.utimens("f", now, now, 0))
		st = t.peek("f")
		t.assert(st.Atim.Sec > 1e9 && st.Mtim.Sec > 1e9, "UTIME_NOW for both: %s, %s", timeName(st.Atim), timeName(st.Mtim))
		watch := stamps("f", "amc")
		t.updates(watch, watch, func() { t.ok(root.utimens("f", now, now, 0)) })
		t.updates(watch, watch, func() {
			t.ok(root.do(func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, "f", nil, 0) }, "utimensat(f, NULL)"))
		})
		t.remove(kind, "f")
	}
}

func timesOmit(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.utimens("f", at(11), at(22), 0), root.utimens("f", at(1900000000), omit, 0))
		t.lstat("f", isTimes(at(1900000000), at(22)))
		t.ok(root.utimens("f", omit, at(1950000000), 0))
		t.lstat("f", isTimes(at(1900000000), at(1950000000)))
		t.keeps(stamps("f", "amc"), func() { t.ok(root.utimens("f", omit, omit, 0)) })
		t.ok(other.utimens("f", omit, omit, 0)) // nothing to do, so nothing to refuse
		t.remove(kind, "f")
	}
}

func timesSymlink(t *T) {
	t.create(Regular, "f")
	t.ok(root.symlink("f", "l"), root.utimens("f", at(1), at(2), 0))
	t.ok(root.utimens("l", at(3), at(4), unix.AT_SYMLINK_NOFOLLOW))
	t.lstat("l", isTimes(at(3), at(4)))
	t.lstat("f", isTimes(at(1), at(2)))
	t.ok(root.utimens("l", at(5), at(6), 0))
	t.lstat("l", isMtime(at(4)))
	t.lstat("f", isTimes(at(5), at(6)))
	t.ok(root.symlink("nowhere", "x"), root.utimens("x", at(7), at(8), unix.AT_SYMLINK_NOFOLLOW))
	t.lstat("x", isTimes(at(7), at(8)))
	t.want(root.utimens("x", at(7), at(8), 0), unix.ENOENT)
	t.want(owner.utimens("l", at(1), at(1), unix.AT_SYMLINK_NOFOLLOW), unix.EPERM)
}

// The current time may be set by the owner, root, and whoever may write.
func timesNowPermission(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.chmod("f", 0o644))
		t.want(owner.utimens("f", now, now, 0), unix.EACCES)
		t.ok(root.chown("f", 65534, 65534), root.chmod("f", 0o444), owner.utimens("f", now, now, 0), root.utimens("f", now, now, 0))
		t.want(other.utimens("f", now, now, 0), unix.EACCES)
		t.ok(root.chown("f", 0, 0), root.chmod("f", 0o666), owner.utimens("f", now, now, 0))
		t.ok(root.chown("f", 0, 65534), root.chmod("f", 0o060), owner.utimens("f", now, now, 0), asUser(65533, 1, 65534).utimens("f", now, now, 0))
		t.want(other.utimens("f", now, now, 0), unix.EACCES)
		t.remove(kind, "f")
	}
}

func timesOwnerOnly(t *T) {
	sets := [][2]unix.Timespec{{omit, at(5)}, {at(5), omit}, {at(5), at(6)}, {now, at(6)}, {at(5), now}, {now, omit}, {omit, now}}
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.utimens("f", at(1), at(2), 0))
		for _, mode := range []uint32{0o644, 0o666} {
			t.ok(root.chmod("f", mode))
			for _, set := range sets {
				t.want(owner.utimens("f", set[0], set[1], 0), unix.EPERM)
			}
			t.lstat("f", isTimes(at(1), at(2)))
		}
		t.ok(root.chown("f", 65534, 65534), root.chmod("f", 0o444))
		for _, set := range sets {
			t.ok(owner.utimens("f", set[0], set[1], 0), root.utimens("f", set[0], set[1], 0))
		}
		t.remove(kind, "f")
	}
}

func timesNanoseconds(t *T) {
	a, m := unix.Timespec{Sec: 100000000, Nsec: 100000000}, unix.Timespec{Sec: 200000000, Nsec: 200000000}
	fine, finer := unix.Timespec{Sec: 5, Nsec: 123456789}, unix.Timespec{Sec: 6, Nsec: 999999999}
	for _, kind := range modeKinds {
		t.create(kind, "f")
		t.ok(root.utimens("f", a, m, 0))
		t.lstat("f", isTimes(a, m))
		t.ok(root.utimens("f", fine, finer, 0))
		t.lstat("f", isTimes(fine, finer))
		t.remove(kind, "f")
	}
}

func times2038(t *T) {
	t.create(Regular, "f")
	for _, pair := range [][2]int64{{1 << 31, 1 << 32}, {1<<31 - 1, 1<<32 - 1}, {1<<32 + 1, 1<<33 - 1}, {1<<33 + 1e9, 1 << 31}, {-1, -1 << 30}} {
		t.ok(root.utimens("f", at(pair[0]), at(pair[1]), 0))
		t.lstat("f", isTimes(at(pair[0]), at(pair[1])))
	}
}

func timesCtime(t *T) {
	for _, kind := range modeKinds {
		t.create(kind, "f")
		watch := stamps("f", "c")
		t.updates(watch, watch, func() { t.ok(root.utimens("f", at(1), at(2), 0)) })
		t.updates(watch, watch, func() { t.ok(root.utimens("f", omit, at(2), 0)) })
		t.keeps(stamps("f", "amc"), func() { t.want(owner.utimens("f", at(3), at(4), 0), unix.EPERM) })
		t.remove(kind, "f")
	}
}

func timesInvalid(t *T) {
	t.create(Regular, "f")
	t.ok(root.utimens("f", at(1), at(2), 0))
	for _, ns := range []int64{-1, 1e9, 1 << 40, unix.UTIME_NOW + 1} {
		bad := unix.Timespec{Sec: 5, Nsec: ns}
		t.want(root.utimens("f", bad, at(1), 0), unix.EINVAL)
		t.want(root.utimens("f", at(1), bad, 0), unix.EINVAL)
	}
	t.want(root.utimens("f", at(1), at(1), 0x4000), unix.EINVAL)
	t.lstat("f", isTimes(at(1), at(2)))
}

func timesByFD(t *T) {
	for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY} {
		t.create(Regular, "f")
		fd, c := root.openFD("f", flags, 0)
		t.ok(c, root.utimens(procFD(fd), at(3), unix.Timespec{Sec: 4, Nsec: 5}, 0))
		t.lstat("f", isTimes(at(3), unix.Timespec{Sec: 4, Nsec: 5}))
		ts := [2]unix.Timespec{at(8), at(9)}
		t.ok(futimens(root, fd, ts))
		t.lstat("f", isTimes(at(8), at(9)))
		t.want(futimens(other, fd, ts), unix.EPERM)
		t.ok(root.unlink("f"), futimens(root, fd, [2]unix.Timespec{at(10), at(11)}))
		t.fstat(fd, isTimes(at(10), at(11)), isNlink(0))
		closeFD(fd)
	}
}

func timesWrite(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c)
	watch := stamps("f", "cm")
	for _, off := range []int64{0, 0, 5000, 1} {
		t.updates(watch, watch, func() { t.ok(root.write(fd, []byte("x"), off)) })
	}
	t.keeps(watch, func() {
		t.ok(root.do(func() error { _, err := unix.Pread(fd, make([]byte, 10), 0); return err }, "pread"))
		t.ok(root.do(func() error { _, err := unix.Pwrite(fd, nil, 0); return err }, "pwrite of nothing"))
	})
	t.keeps(watch, func() { t.ok(root.open("f", unix.O_RDWR, 0), root.access("f", 0), root.stat("f")) })
	// A time set while data may still be on its way stays set.
	t.ok(root.write(fd, []byte("late"), 0), root.utimens("f", at(1), at(2), 0))
	t.lstat("f", isTimes(at(1), at(2)))
	t.ok(root.do(func() error { return unix.Fsync(fd) }, "fsync"))
	t.lstat("f", isTimes(at(1), at(2)))
}

// Times survive rename, link, chmod and reopening.
func timesStay(t *T) {
	for _, kind := range plainKinds {
		t.create(kind, "f")
		a, m := unix.Timespec{Sec: 1e9, Nsec: 7}, unix.Timespec{Sec: 1e9 + 1, Nsec: 8}
		t.ok(root.utimens("f", a, m, 0), root.rename("f", "g"), root.link("g", "f"), root.chmod("f", 0o600), root.chown("g", 1, 1))
		t.lstat("f", isTimes(a, m))
		t.lstat("g", isTimes(a, m))
		t.ok(root.unlink("f"))
		t.lstat("g", isTimes(a, m))
		t.ok(root.unlink("g"))
	}
}
