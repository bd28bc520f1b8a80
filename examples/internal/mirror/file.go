package mirror

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
)

// Operations on what Open and Create have opened. They need no path.

// FD is the descriptor that fi stands for.
func FD(fi *highlevel.FileInfo) int { return int(fi.Fh) }

func (f *Files) Release(_ context.Context, _ string, fi *highlevel.FileInfo) error {
	return unix.Close(FD(fi))
}

func (f *Files) Read(_ context.Context, _ string, dst []byte, off int64, fi *highlevel.FileInfo) (int, error) {
	return IgnoringEINTR(func() (int, error) { return unix.Pread(FD(fi), dst, off) })
}

func (f *Files) Write(_ context.Context, _ string, data []byte, off int64, fi *highlevel.FileInfo) (n int, err error) {
	err = WithWritable(fi, func(fd int) error {
		n, err = IgnoringEINTR(func() (int, error) { return unix.Pwrite(fd, data, off) })
		return err
	})
	return n, err
}

// WithWritable calls write with the descriptor to write to.
//
// That is FD(fi), but not for what the kernel takes from its page cache: it writes that through any descriptor that is open for writing, and if
// that has O_DIRECT, the last page of a file is no multiple of a block.
func WithWritable(fi *highlevel.FileInfo, write func(fd int) error) error {
	fd := FD(fi)
	if !fi.Writepage {
		return write(fd)
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags&unix.O_DIRECT == 0 {
		return write(fd)
	}
	fd, err = reopen(fd, unix.O_WRONLY)
	if err != nil {
		return err
	}
	err = write(fd)
	_ = unix.Close(fd)
	return err
}

func (f *Files) Fsync(_ context.Context, _ string, datasync bool, fi *highlevel.FileInfo) error {
	if datasync {
		return unix.Fdatasync(FD(fi))
	}
	return unix.Fsync(FD(fi))
}

// Fallocate knows fallocate(2)'s modes.
func (f *Files) Fallocate(_ context.Context, _ string, mode uint32, off, length int64, fi *highlevel.FileInfo) error {
	_, err := IgnoringEINTR(func() (int, error) { return 0, unix.Fallocate(FD(fi), mode, off, length) })
	return err
}

func (f *Files) CopyFileRange(_ context.Context, _ string, fiIn *highlevel.FileInfo, offIn int64,
	_ string, fiOut *highlevel.FileInfo, offOut int64, size uint64, flags uint32,
) (uint64, error) {
	const most = 1 << 30 // fits int everywhere
	n, err := unix.CopyFileRange(FD(fiIn), &offIn, FD(fiOut), &offOut, int(min(size, most)), int(flags))
	return uint64(max(n, 0)), err
}

func (f *Files) Lseek(_ context.Context, _ string, off int64, whence int, fi *highlevel.FileInfo) (int64, error) {
	return unix.Seek(FD(fi), off, whence)
}

// Futimens is futimens(3).
func Futimens(fd int, atime, mtime unix.Timespec) error {
	return unix.UtimesNanoAt(unix.AT_FDCWD, procPath(fd), []unix.Timespec{atime, mtime}, 0)
}

// OpenAgain opens the file that fd has open once more, for writing if possible.
func OpenAgain(fd int) (int, error) {
	again, err := reopen(fd, unix.O_RDWR)
	if err != nil {
		return reopen(fd, unix.O_RDONLY)
	}
	return again, nil
}

func reopen(fd, flags int) (int, error) {
	return IgnoringEINTR(func() (int, error) { return unix.Open(procPath(fd), flags|unix.O_CLOEXEC, 0) })
}
