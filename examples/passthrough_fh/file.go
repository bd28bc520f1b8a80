package main

import (
	"context"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What can be done both ways is done by descriptor where the file is open: fi is not nil then, and path may be "".

func (fs *passthrough) getattr(ctx context.Context, path string, fi *highlevel.FileInfo) (highlevel.Stat, error) {
	if fi == nil {
		return fs.Getattr(ctx, path, nil)
	}
	var st unix.Stat_t
	if err := unix.Fstat(mirror.FD(fi), &st); err != nil {
		return highlevel.Stat{}, err
	}
	return lowlevel.StatOf(&st), nil
}

func (fs *passthrough) statx(ctx context.Context, path string, flags, mask uint32, fi *highlevel.FileInfo) (st unix.Statx_t, err error) {
	if fi == nil {
		return fs.Statx(ctx, path, flags, mask, nil)
	}
	err = unix.Statx(mirror.FD(fi), "", int(flags)|unix.AT_EMPTY_PATH, int(mask), &st)
	return st, err
}

func (fs *passthrough) chmod(ctx context.Context, path string, mode uint32, fi *highlevel.FileInfo) error {
	if fi == nil {
		return fs.Chmod(ctx, path, mode, nil)
	}
	return unix.Fchmod(mirror.FD(fi), mode&0o7777)
}

func (fs *passthrough) chown(ctx context.Context, path string, uid, gid uint32, fi *highlevel.FileInfo) error {
	if fi == nil {
		return fs.Chown(ctx, path, uid, gid, nil)
	}
	return unix.Fchown(mirror.FD(fi), mirror.ID(uid), mirror.ID(gid))
}

func (fs *passthrough) truncate(ctx context.Context, path string, size int64, fi *highlevel.FileInfo) error {
	if fi == nil {
		return fs.Truncate(ctx, path, size, nil)
	}
	_, err := mirror.IgnoringEINTR(func() (int, error) { return 0, unix.Ftruncate(mirror.FD(fi), size) })
	return err
}

func (fs *passthrough) utimens(ctx context.Context, path string, atime, mtime unix.Timespec, fi *highlevel.FileInfo) error {
	if fi == nil {
		return fs.Utimens(ctx, path, atime, mtime, nil)
	}
	return mirror.Futimens(mirror.FD(fi), atime, mtime)
}

// readBuf says where the data is. libfuse fetches it.
func (fs *passthrough) readBuf(_ context.Context, _ string, size int, off int64, fi *highlevel.FileInfo) (highlevel.BufVec, error) {
	return lowlevel.BufFD(mirror.FD(fi), size, off), nil
}

// writeBuf has libfuse take the data to the file from where it is: in memory, or in a pipe.
func (fs *passthrough) writeBuf(ctx context.Context, path string, buf highlevel.BufVec, off int64, fi *highlevel.FileInfo) (n int, err error) {
	if fi.Flags&unix.O_DIRECT != 0 {
		data, err := aligned(buf)
		if err != nil {
			return 0, err
		}
		return fs.Write(ctx, path, data, off, fi)
	}
	err = mirror.WithWritable(fi, func(fd int) error {
		n, err = lowlevel.BufCopy(lowlevel.BufFD(fd, buf.Size(), off), buf, 0)
		return err
	})
	return n, err
}

// aligned returns a copy of data at an address that O_DIRECT accepts. In a pipe it has that of the caller's buffer; and where the file does not take it so,
// libfuse copies it by way of its stack.
func aligned(buf highlevel.BufVec) ([]byte, error) {
	const page = 4096
	mem := make([]byte, buf.Size()+page)
	data := mem[-uintptr(unsafe.Pointer(&mem[0]))%page:][:buf.Size()]
	n, err := lowlevel.BufCopy(lowlevel.BufMem(data), buf, 0)
	return data[:max(n, 0)], err
}

// flush lets the file below have its close(2), which may have an error to tell: it is called for each close, also where the file stays open.
func (fs *passthrough) flush(_ context.Context, _ string, fi *highlevel.FileInfo) error {
	fd, err := unix.FcntlInt(uintptr(mirror.FD(fi)), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
