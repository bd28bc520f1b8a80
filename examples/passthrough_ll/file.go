package main

import (
	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// openFlags are the flags to open a file with below, for those that the kernel asks for.
//
// With the writeback cache the kernel reads a page before it changes a part of it, so a file must be readable to be written.
// It also appends by itself: what O_APPEND would do to pages written out of order has nothing to do with the caller's wishes.
func (fs *passthrough) openFlags(asked int32) int {
	flags := int(asked)&^unix.O_NOFOLLOW | unix.O_CLOEXEC
	if fs.opts.Writeback {
		if flags&unix.O_ACCMODE == unix.O_WRONLY {
			flags = flags&^unix.O_ACCMODE | unix.O_RDWR
		}
		flags &^= unix.O_APPEND
	}
	return flags
}

// opened fills in what the kernel is to know about an open file.
func (fs *passthrough) opened(fi *lowlevel.FileInfo, fd int) {
	fi.Fh = lowlevel.FileHandle(fd)
	fi.DirectIO = fs.opts.directIO()
	fi.ParallelDirectWrites = fi.DirectIO && fs.opts.ParallelDirectWrites // the file below has its own lock
	fi.KeepCache = fs.opts.keepCache() && !fi.DirectIO
}

func (fs *passthrough) open(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if fs.debug {
		debugf("lo_open(ino=%d, flags=%d)", ino, fi.Flags)
	}
	if fs.opts.NoOpen {
		return unix.ENOSYS
	}
	in, err := fs.path(ino)
	if err != nil {
		return err
	}
	defer in.close()
	fd, err := reopen(in.fd, fs.openFlags(fi.Flags))
	if err != nil {
		return err
	}
	fs.opened(fi, fd)
	return nil
}

// reopen opens the file that fd, an O_PATH descriptor, names.
func reopen(fd, flags int) (int, error) {
	return ignoringEINTR(func() (int, error) { return unix.Open(procPath(fd), flags, 0) })
}

// dropPrivileges takes the set-user-ID and set-group-ID bits from an open file that somebody other than root has written to. The
// kernel below does not, because the server is root and may keep them. The kernel above asks for it by a setattr,
// but not for writes past its page cache (direct_io, cache=never).
func dropPrivileges(req *lowlevel.Request, fd int) {
	if req.UID == 0 {
		return
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	mode := st.Mode &^ unix.S_ISUID
	if mode&unix.S_IXGRP != 0 { // without it the bit meant mandatory locking
		mode &^= unix.S_ISGID
	}
	if mode != st.Mode {
		_ = unix.Fchmod(fd, mode&0o7777) // not being able to is the owner's right, not the caller's fault
	}
}

func (fs *passthrough) release(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	return unix.Close(int(fi.Fh))
}

// flush lets the file below have its close(2), which may have an error to tell.
func (fs *passthrough) flush(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if fs.opts.NoOpen {
		return unix.ENOSYS // not to be asked again: below, no file stays open
	}
	fd, err := unix.FcntlInt(uintptr(fi.Fh), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func (fs *passthrough) fsync(req *lowlevel.Request, ino lowlevel.Ino, datasync bool, fi *lowlevel.FileInfo) error {
	f, err := fs.file(ino, fi, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.close()
	return syncFile(f.fd, datasync)
}

func syncFile(fd int, datasync bool) error {
	if datasync {
		return unix.Fdatasync(fd)
	}
	return unix.Fsync(fd)
}

func (fs *passthrough) read(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo,
) (int, error) {
	if fs.debug {
		debugf("lo_read(ino=%d, size=%d, off=%d)", ino, len(dst), off)
	}
	f, err := fs.file(ino, fi, unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.close()
	return ignoringEINTR(func() (int, error) { return unix.Pread(f.fd, dst, off) })
}

func (fs *passthrough) write(req *lowlevel.Request, ino lowlevel.Ino, data []byte, off int64, fi *lowlevel.FileInfo,
) (int, error) {
	if fs.debug {
		debugf("lo_write(ino=%d, size=%d, off=%d)", ino, len(data), off)
	}
	f, err := fs.file(ino, fi, unix.O_WRONLY)
	if err != nil {
		return 0, err
	}
	defer f.close()
	n, err := ignoringEINTR(func() (int, error) { return unix.Pwrite(f.fd, data, off) })
	if err == unix.EINVAL && fi.Writepage {
		return fs.writePage(ino, data, off)
	}
	if err == nil && fs.opts.directIO() && !fi.Writepage {
		dropPrivileges(req, f.fd)
	}
	return n, err
}

// writePage writes what the kernel has taken from its page cache, through a descriptor of its own. The kernel writes through
// any descriptor that is open for writing. If that has O_DIRECT, the last page of a file is no multiple of a block.
func (fs *passthrough) writePage(ino lowlevel.Ino, data []byte, off int64) (int, error) {
	in, err := fs.path(ino)
	if err != nil {
		return 0, err
	}
	defer in.close()
	fd, err := reopen(in.fd, unix.O_WRONLY|unix.O_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer closeFD(fd)
	return ignoringEINTR(func() (int, error) { return unix.Pwrite(fd, data, off) })
}

func (fs *passthrough) fallocate(req *lowlevel.Request, ino lowlevel.Ino, mode uint32, off, length int64,
	fi *lowlevel.FileInfo,
) error {
	f, err := fs.file(ino, fi, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.close()
	return unix.Fallocate(f.fd, mode, off, length)
}

func (fs *passthrough) copyFileRange(req *lowlevel.Request, inoIn lowlevel.Ino, offIn int64, fiIn *lowlevel.FileInfo,
	inoOut lowlevel.Ino, offOut int64, fiOut *lowlevel.FileInfo, length uint64, flags uint32,
) (uint64, error) {
	const most = 1 << 30 // fits int everywhere
	in, err := fs.file(inoIn, fiIn, unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer in.close()
	out, err := fs.file(inoOut, fiOut, unix.O_WRONLY)
	if err != nil {
		return 0, err
	}
	defer out.close()
	n, err := unix.CopyFileRange(in.fd, &offIn, out.fd, &offOut, int(min(length, most)), int(flags))
	return uint64(max(n, 0)), err
}

func (fs *passthrough) lseek(req *lowlevel.Request, ino lowlevel.Ino, off int64, whence int, fi *lowlevel.FileInfo,
) (int64, error) {
	f, err := fs.file(ino, fi, unix.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.close()
	return unix.Seek(f.fd, off, whence)
}

// ignoringEINTR calls f again if a signal has interrupted it. The Go runtime sends itself signals.
func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}
