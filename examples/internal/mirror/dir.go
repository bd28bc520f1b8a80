package mirror

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Dir is an open directory. It is for one goroutine at a time.
type Dir struct {
	FD   int
	buf  *[direntBufSize]byte // nil until something is read
	rest []byte               // what of buf is still to be given out
	off  int64                // the offset of the first entry in rest, or of the next one to read
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

	size int // how many bytes it takes in the buffer
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
	d.off, d.rest = off, nil
	return nil
}

// Each calls f for the entries that are left, until it returns false. That entry is left for the next time.
func (d *Dir) Each(f func(e Dirent) bool) error {
	for {
		if len(d.rest) == 0 {
			if err := d.read(); err != nil || len(d.rest) == 0 {
				return err
			}
		}
		e := parseDirent(d.rest)
		if !f(e) {
			return nil
		}
		d.rest = d.rest[e.size:]
		d.off = e.Next
	}
}

func (d *Dir) read() error {
	if d.buf == nil {
		d.buf = direntBufs.Get().(*[direntBufSize]byte)
	}
	n, err := unix.Getdents(d.FD, d.buf[:])
	d.rest = d.buf[:max(n, 0)]
	return err
}

// Close closes the directory.
func (d *Dir) Close() error {
	if d.buf != nil {
		direntBufs.Put(d.buf)
	}
	return unix.Close(d.FD)
}

// parseDirent reads the first struct linux_dirent64 of buf.
func parseDirent(buf []byte) Dirent {
	const headerSize = 8 + 8 + 2 + 1
	ne := binary.NativeEndian
	size := int(ne.Uint16(buf[16:]))
	name := buf[headerSize:size]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return Dirent{
		Ino:  ne.Uint64(buf),
		Next: int64(ne.Uint64(buf[8:])),
		Type: buf[18],
		Name: string(name),
		size: size,
	}
}

// Stat is what a listing says of the entry: all of it, if full and if the entry is still there.
func (d *Dir) Stat(e Dirent, full bool) (st highlevel.Stat, flags highlevel.FillDirFlags) {
	if full {
		var st unix.Stat_t
		if err := unix.Fstatat(d.FD, e.Name, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil {
			return lowlevel.StatOf(&st), highlevel.FillDirPlus
		}
	}
	return highlevel.Stat{Ino: e.Ino, Mode: uint32(e.Type) << 12}, 0
}
