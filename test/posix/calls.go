package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// A call is a system call that was made: what it was, and what came of it.
type call struct {
	what string
	err  error
}

func (c call) errno() unix.Errno {
	if c.err == nil {
		return 0
	}
	var e unix.Errno
	if errors.As(c.err, &e) {
		return e
	}
	return unix.EIO
}

func errName(e unix.Errno) string {
	if e == 0 {
		return "success"
	}
	return unix.ErrnoName(e)
}

// do makes a call as w.
func (w who) do(f func() error, format string, args ...any) call {
	w.become()
	err := f()
	what := fmt.Sprintf(format, args...)
	if !w.same(root) {
		what += " as " + w.String()
	}
	return call{what, err}
}

// clip keeps the long names of the limits' tests out of the messages.
func clip(p string) string {
	if len(p) > 80 {
		return fmt.Sprintf("%s...(%d bytes)", p[:40], len(p))
	}
	return p
}

func (w who) chmod(p string, mode uint32) call {
	return w.do(func() error { return unix.Chmod(p, mode) }, "chmod(%s, %04o)", clip(p), mode)
}

func (w who) lchmod(p string, mode uint32) call {
	return w.do(func() error { return unix.Fchmodat(unix.AT_FDCWD, p, mode, unix.AT_SYMLINK_NOFOLLOW) }, "lchmod(%s, %04o)", clip(p), mode)
}

func (w who) fchmod(fd int, mode uint32) call {
	return w.do(func() error { return unix.Fchmod(fd, mode) }, "fchmod(%04o)", mode)
}

func (w who) chown(p string, uid, gid int) call {
	return w.do(func() error { return unix.Chown(p, uid, gid) }, "chown(%s, %d, %d)", clip(p), uid, gid)
}

func (w who) lchown(p string, uid, gid int) call {
	return w.do(func() error { return unix.Lchown(p, uid, gid) }, "lchown(%s, %d, %d)", clip(p), uid, gid)
}

func (w who) fchown(fd, uid, gid int) call {
	return w.do(func() error { return unix.Fchown(fd, uid, gid) }, "fchown(%d, %d)", uid, gid)
}

func (w who) mkdir(p string, mode uint32) call {
	return w.do(func() error { return unix.Mkdir(p, mode) }, "mkdir(%s, %04o)", clip(p), mode)
}

func (w who) rmdir(p string) call {
	return w.do(func() error { return unix.Rmdir(p) }, "rmdir(%s)", clip(p))
}

func (w who) unlink(p string) call {
	return w.do(func() error { return unix.Unlink(p) }, "unlink(%s)", clip(p))
}

func (w who) mkfifo(p string, mode uint32) call {
	return w.do(func() error { return unix.Mkfifo(p, mode) }, "mkfifo(%s, %04o)", clip(p), mode)
}

func (w who) mknod(p string, mode uint32, major, minor uint32) call {
	return w.do(func() error { return unix.Mknod(p, mode, int(unix.Mkdev(major, minor))) }, "mknod(%s, %06o, %d:%d)", clip(p), mode, major, minor)
}

func (w who) symlink(target, p string) call {
	return w.do(func() error { return unix.Symlink(target, p) }, "symlink(%s, %s)", clip(target), clip(p))
}

func (w who) link(from, to string) call {
	return w.do(func() error { return unix.Link(from, to) }, "link(%s, %s)", clip(from), clip(to))
}

func (w who) linkat(from, to string, flags int) call {
	return w.do(func() error { return unix.Linkat(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags) }, "linkat(%s, %s, %#x)", clip(from), clip(to), flags)
}

func (w who) rename(from, to string) call {
	return w.do(func() error { return unix.Rename(from, to) }, "rename(%s, %s)", clip(from), clip(to))
}

func (w who) rename2(from, to string, flags uint) call {
	return w.do(func() error { return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags) }, "renameat2(%s, %s, %#x)", clip(from), clip(to), flags)
}

func (w who) truncate(p string, size int64) call {
	return w.do(func() error { return unix.Truncate(p, size) }, "truncate(%s, %d)", clip(p), size)
}

func (w who) ftruncate(fd int, size int64) call {
	return w.do(func() error { return unix.Ftruncate(fd, size) }, "ftruncate(%d)", size)
}

func (w who) fallocate(fd int, mode uint32, off, size int64) call {
	return w.do(func() error { return unix.Fallocate(fd, mode, off, size) }, "fallocate(%#x, %d, %d)", mode, off, size)
}

func (w who) utimens(p string, atime, mtime unix.Timespec, flags int) call {
	return w.do(func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{atime, mtime}, flags) },
		"utimensat(%s, %s, %s, %#x)", clip(p), timeName(atime), timeName(mtime), flags)
}

func (w who) access(p string, mode uint32) call {
	return w.do(func() error { return unix.Faccessat2(unix.AT_FDCWD, p, mode, unix.AT_EACCESS) }, "access(%s, %d)", clip(p), mode)
}

func (w who) stat(p string) call {
	return w.do(func() error { return unix.Stat(p, &unix.Stat_t{}) }, "stat(%s)", clip(p))
}

func (w who) lstat(p string) call {
	return w.do(func() error { return unix.Lstat(p, &unix.Stat_t{}) }, "lstat(%s)", clip(p))
}

func (w who) statfs(p string) call {
	return w.do(func() error { return unix.Statfs(p, &unix.Statfs_t{}) }, "statfs(%s)", clip(p))
}

func (w who) readlink(p string) call {
	return w.do(func() error { _, err := unix.Readlink(p, make([]byte, pathMax)); return err }, "readlink(%s)", clip(p))
}

// open opens and closes.
func (w who) open(p string, flags int, mode uint32) call {
	fd, c := w.openFD(p, flags, mode)
	closeFD(fd)
	return c
}

// openFD opens; the descriptor is -1 when that fails.
func (w who) openFD(p string, flags int, mode uint32) (int, call) {
	fd := -1
	c := w.do(func() (err error) {
		fd, err = unix.Open(p, flags|unix.O_CLOEXEC, mode)
		return err
	}, "open(%s, %s, %04o)", clip(p), flagNames(flags), mode)
	if c.err != nil {
		fd = -1
	}
	return fd, c
}

func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}

// bind makes a socket's name.
func (w who) bind(p string) call {
	return w.do(func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer closeFD(fd)
		return unix.Bind(fd, &unix.SockaddrUnix{Name: p})
	}, "bind(%s)", clip(p))
}

func (w who) chdir(p string) call {
	return w.do(func() error {
		back, err := unix.Open(".", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer closeFD(back)
		if err := unix.Chdir(p); err != nil {
			return err
		}
		return unix.Fchdir(back)
	}, "chdir(%s)", clip(p))
}

func (w who) write(fd int, data []byte, off int64) call {
	return w.do(func() error {
		n, err := unix.Pwrite(fd, data, off)
		if err == nil && n != len(data) {
			return unix.EIO
		}
		return err
	}, "pwrite(%d bytes at %d)", len(data), off)
}

var flagTable = []struct {
	bit  int
	name string
}{
	{unix.O_CREAT, "O_CREAT"},
	{unix.O_EXCL, "O_EXCL"},
	{unix.O_TRUNC, "O_TRUNC"},
	{unix.O_APPEND, "O_APPEND"},
	{unix.O_NONBLOCK, "O_NONBLOCK"},
	{unix.O_DIRECTORY, "O_DIRECTORY"},
	{unix.O_NOFOLLOW, "O_NOFOLLOW"},
	{unix.O_PATH, "O_PATH"},
}

func flagNames(flags int) string {
	s := [...]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[flags&unix.O_ACCMODE]
	for _, f := range flagTable {
		if flags&f.bit != 0 {
			s += "|" + f.name
		}
	}
	if flags&unix.O_TMPFILE == unix.O_TMPFILE {
		s += "|O_TMPFILE"
	}
	return s
}
