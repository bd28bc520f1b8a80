package mirror

import (
	"encoding/binary"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Dir is an open directory. It is for one goroutine at a time.
type Dir struct {
	FD   int
	buf  *[direntBufSize]byte // nil until something is read
	read string               // what of buf was read last, for names: one string for all of them
	at   int                  // where in it the next entry is to be given out
	off  int64                // that entry's offset
}

// direntBufSize is how much of a directory is read at a time.
const direntBufSize = 32 << 10

var direntBufs = sync.Pool{New: func() any { return new([direntBufSize]byte) }}

// Dirent is an entry as getdents64(2) returns it.
type Dirent struct {
	Ino  uint64
	Next int64 // the offset of the entry after this one
	Type uint8 // DT_*
	Name string
}

// OpenDir opens a directory.
func OpenDir(path string) (*Dir, error) {
	fd := -1
	err := at(path, func(p place) (err error) {
		fd, err = unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Dir{FD: fd}, nil
}

// SeekTo makes off the next offset to read from.
func (d *Dir) SeekTo(off int64) error {
	if off == d.off {
		return nil
	}
	if _, err := unix.Seek(d.FD, off, unix.SEEK_SET); err != nil {
		return err
	}
	d.off, d.read, d.at = off, "", 0
	return nil
}

// Each calls f for the entries that are left, until it returns false. That entry is left for the next time.
func (d *Dir) Each(f func(e Dirent) bool) error {
	for {
		if d.at == len(d.read) {
			if err := d.more(); err != nil || len(d.read) == 0 {
				return err
			}
		}
		e, size := d.next()
		if !f(e) {
			return nil
		}
		d.at += size
		d.off = e.Next
	}
}

// more reads entries. None: that was the end.
func (d *Dir) more() error {
	if d.buf == nil {
		d.buf = direntBufs.Get().(*[direntBufSize]byte)
	}
	n, err := unix.Getdents(d.FD, d.buf[:])
	d.read, d.at = string(d.buf[:max(n, 0)]), 0
	return err
}

// next returns the next entry, a struct linux_dirent64, and how many bytes it takes.
func (d *Dir) next() (e Dirent, size int) {
	const headerSize = 8 + 8 + 2 + 1
	ne := binary.NativeEndian
	head := d.buf[d.at:]
	size = int(ne.Uint16(head[16:]))
	name := d.read[d.at+headerSize : d.at+size]
	if end := strings.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return Dirent{Ino: ne.Uint64(head), Next: int64(ne.Uint64(head[8:])), Type: head[18], Name: name}, size
}

// Close closes the directory.
func (d *Dir) Close() error {
	if d.buf != nil {
		direntBufs.Put(d.buf)
	}
	return unix.Close(d.FD)
}

// Stat sets st to what a listing says of the entry: all of it, if full and if the entry is still there.
func (d *Dir) Stat(e Dirent, full bool, st *highlevel.Stat) highlevel.FillDirFlags {
	if full {
		var all unix.Stat_t
		if err := unix.Fstatat(d.FD, e.Name, &all, unix.AT_SYMLINK_NOFOLLOW); err == nil {
			*st = lowlevel.StatOf(&all)
			return highlevel.FillDirPlus
		}
	}
	*st = highlevel.Stat{Ino: e.Ino, Mode: uint32(e.Type) << 12}
	return 0
}
