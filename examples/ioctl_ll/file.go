package main

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const (
	rootIno  = lowlevel.RootIno
	fileIno  = lowlevel.Ino(2)
	fileName = "fioc"

	// The names never change. The file's size does, by ioctls of which the kernel knows nothing, so it must always ask.
	entryTimeout = time.Second
	attrTimeout  = 0
)

// filesystem is one file in one directory. Handlers run concurrently, hence the lock.
type filesystem struct {
	mu   sync.Mutex
	data []byte
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

func (f *filesystem) readAt(dst []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, unix.EINVAL
	case off >= int64(len(f.data)):
		return 0, nil
	}
	return copy(dst, f.data[off:]), nil
}

func (f *filesystem) writeAt(data []byte, off int64) (int, error) {
	if off < 0 {
		return 0, unix.EINVAL
	}
	if end := uint64(off) + uint64(len(data)); len(data) > 0 && end > uint64(len(f.data)) {
		if err := f.resize(end); err != nil {
			return 0, err
		}
	}
	return copy(f.data[min(off, int64(len(f.data))):], data), nil
}

// ---- handlers ----

// stat returns the attributes of an inode. Everything belongs to who runs the filesystem.
func (f *filesystem) stat(ino lowlevel.Ino) (lowlevel.Stat, error) {
	attr := lowlevel.Stat{Ino: uint64(ino), UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	switch ino {
	case rootIno:
		attr.Mode, attr.Nlink = unix.S_IFDIR|0o755, 2
	case fileIno:
		f.mu.Lock()
		defer f.mu.Unlock()
		attr.Mode, attr.Nlink, attr.Size = unix.S_IFREG|0o644, 1, int64(len(f.data))
	default:
		return attr, unix.ENOENT
	}
	return attr, nil
}

func (f *filesystem) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if parent != rootIno || name != fileName {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	attr, err := f.stat(fileIno)
	return lowlevel.EntryParam{Ino: fileIno, Attr: attr, AttrTimeout: attrTimeout, EntryTimeout: entryTimeout}, err
}

func (f *filesystem) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	attr, err := f.stat(ino)
	return attr, attrTimeout, err
}

// entries is the root directory. An entry's offset is the index of the one after it.
var entries = []struct {
	name string
	ino  lowlevel.Ino
	mode uint32
}{
	{".", rootIno, unix.S_IFDIR},
	{"..", rootIno, unix.S_IFDIR},
	{fileName, fileIno, unix.S_IFREG},
}

func (f *filesystem) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	if ino != rootIno {
		return unix.ENOTDIR
	}
	for i := int(off); i < len(entries); i++ {
		attr := lowlevel.Stat{Ino: uint64(entries[i].ino), Mode: entries[i].mode}
		if !dst.Add(entries[i].name, &attr, int64(i+1)) {
			break // full
		}
	}
	return nil
}

func (f *filesystem) open(_ *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if ino != fileIno {
		return unix.EISDIR
	}
	if fi.Flags&unix.O_TRUNC != 0 { // left to us by CapAtomicOTrunc, which libfuse wants by itself
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.resize(0)
	}
	return nil
}

func (f *filesystem) read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readAt(dst, off)
}

func (f *filesystem) write(_ *lowlevel.Request, _ lowlevel.Ino, data []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writeAt(data, off)
}
