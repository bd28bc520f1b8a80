// Command ioctl is libfuse's example of that name in Go: a filesystem with one file, fioc, that can be read and written, and whose size can also be
// asked for and set by ioctls. ioctl_client calls them:
//
//	ioctl /mnt
//	ioctl_client /mnt/fioc 3
//	ioctl_client /mnt/fioc
//
// The number of an ioctl tells how much data goes in and out. For Ioctl all of it is in one slice: what comes in is in it, and what is in it when
// Ioctl returns goes out. More cannot be had here: see ioctl_ll for what can.
package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

const file = "/fioc"

// filesystem's operations run at the same time, hence the lock.
type filesystem struct {
	mu   sync.Mutex
	data []byte
}

func main() {
	f := new(filesystem)
	cfg := highlevel.DefaultConfig()
	cfg.AttrTimeout = 0 // an ioctl changes the size, and the kernel does not know of it
	os.Exit(highlevel.Main(&highlevel.Program{Config: &cfg, Ops: &highlevel.Operations{
		Getattr:  f.getattr,
		Readdir:  f.readdir,
		Truncate: f.truncate,
		Open:     f.open,
		Read:     f.read,
		Write:    f.write,
		Ioctl:    f.ioctl,
	}}))
}

func (f *filesystem) ioctl(_ context.Context, path string, cmd uint32, _ uint64, _ *highlevel.FileInfo, flags highlevel.IoctlFlags, data []byte) (int32, error) {
	switch {
	case path != file:
		return 0, unix.EINVAL
	case flags&lowlevel.IoctlCompat != 0:
		return 0, unix.ENOSYS // a 32-bit program: its size_t is another
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch cmd {
	case fioc.GetSize:
		size := fioc.Size(len(f.data))
		copy(data, fioc.Bytes(&size))
		return 0, nil
	case fioc.SetSize:
		var size fioc.Size
		copy(fioc.Bytes(&size), data)
		return 0, f.resize(uint64(size))
	}
	return 0, unix.EINVAL
}

// resize cuts the file off, or makes it longer by zeros.
func (f *filesystem) resize(size uint64) error {
	switch {
	case size > fioc.MaxSize:
		return unix.EFBIG
	case size <= uint64(len(f.data)):
		f.data = f.data[:size]
	default:
		f.data = append(f.data, make([]byte, size-uint64(len(f.data)))...)
	}
	return nil
}

func (f *filesystem) getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	now := unix.Timespec{Sec: time.Now().Unix()}
	st := highlevel.Stat{UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), Atim: now, Mtim: now}
	switch path {
	case "/":
		st.Mode, st.Nlink = unix.S_IFDIR|0o755, 2
	case file:
		f.mu.Lock()
		defer f.mu.Unlock()
		st.Mode, st.Nlink, st.Size = unix.S_IFREG|0o644, 1, int64(len(f.data))
	default:
		return st, unix.ENOENT
	}
	return st, nil
}

func (f *filesystem) readdir(_ context.Context, path string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	if path != "/" {
		return unix.ENOENT
	}
	for _, name := range []string{".", "..", file[1:]} {
		fill(name, nil, 0, 0)
	}
	return nil
}

func (f *filesystem) truncate(_ context.Context, path string, size int64, _ *highlevel.FileInfo) error {
	if path != file {
		return unix.EINVAL
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.resize(uint64(size))
}

func (f *filesystem) open(ctx context.Context, path string, fi *highlevel.FileInfo) error {
	if fi.Flags&unix.O_TRUNC != 0 { // left to us: lowlevel.CapAtomicOTrunc, which libfuse wants by itself
		return f.truncate(ctx, path, 0, fi)
	}
	return nil
}

func (f *filesystem) read(_ context.Context, _ string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return copy(dst, f.data[min(off, int64(len(f.data))):]), nil
}

func (f *filesystem) write(_ context.Context, _ string, data []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if end := uint64(off) + uint64(len(data)); end > uint64(len(f.data)) {
		if err := f.resize(end); err != nil {
			return 0, err
		}
	}
	return copy(f.data[off:], data), nil
}
