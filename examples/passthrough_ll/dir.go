package main

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// dirTable holds the open directories. Their handle is the descriptor.
type dirTable struct {
	mu   sync.RWMutex
	open map[lowlevel.FileHandle]*openDir
}

func (t *dirTable) add(d *openDir) lowlevel.FileHandle {
	fh := lowlevel.FileHandle(d.fd)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[lowlevel.FileHandle]*openDir)
	}
	t.open[fh] = d
	return fh
}

func (t *dirTable) get(fi *lowlevel.FileInfo) (*openDir, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if d := t.open[fi.Fh]; d != nil {
		return d, nil
	}
	return nil, unix.EBADF
}

func (t *dirTable) remove(fi *lowlevel.FileInfo) *openDir {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.open[fi.Fh]
	delete(t.open, fi.Fh)
	return d
}

// openDir is an open directory.
type openDir struct {
	fd int

	mu   sync.Mutex
	buf  *[direntBufSize]byte // nil until something is read
	rest []byte               // what of buf is still to be given out
	off  int64                // the offset of the first entry in rest, or of the next one to read
}

// direntBufSize is how much of a directory is read at a time.
const direntBufSize = 32 << 10

var direntBufs = sync.Pool{New: func() any { return new([direntBufSize]byte) }}

// dirent is an entry as getdents64 returns it.
type dirent struct {
	ino  uint64
	next int64 // the offset of the entry after this one
	typ  uint8 // DT_*
	name []byte
	size int // how many bytes it takes in the buffer
}

// seek makes off the next offset to read from.
func (d *openDir) seek(off int64) error {
	if off == d.off {
		return nil
	}
	if _, err := unix.Seek(d.fd, off, unix.SEEK_SET); err != nil {
		return err
	}
	d.off, d.rest = off, nil
	return nil
}

// peek returns the next entry, or one without a name at the end of the directory.
func (d *openDir) peek() (dirent, error) {
	if len(d.rest) == 0 {
		if d.buf == nil {
			d.buf = direntBufs.Get().(*[direntBufSize]byte)
		}
		n, err := unix.Getdents(d.fd, d.buf[:])
		if err != nil || n == 0 {
			return dirent{}, err
		}
		d.rest = d.buf[:n]
	}
	return parseDirent(d.rest), nil
}

// skip steps over an entry that peek has returned.
func (d *openDir) skip(e *dirent) {
	d.rest = d.rest[e.size:]
	d.off = e.next
}

func (d *openDir) close() {
	closeFD(d.fd)
	if d.buf != nil {
		direntBufs.Put(d.buf)
	}
}

// parseDirent reads the first struct linux_dirent64 of buf.
func parseDirent(buf []byte) dirent {
	const headerSize = 8 + 8 + 2 + 1
	ne := binary.NativeEndian
	size := int(ne.Uint16(buf[16:]))
	name := buf[headerSize:size]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return dirent{
		ino:  ne.Uint64(buf),
		next: int64(ne.Uint64(buf[8:])),
		typ:  buf[18],
		name: name,
		size: size,
	}
}

// stat is what a plain listing says of the entry.
func (e *dirent) stat() lowlevel.Stat {
	return lowlevel.Stat{Ino: e.ino, Mode: uint32(e.typ) << 12}
}

func (fs *passthrough) opendir(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if fs.opts.NoOpendir {
		return unix.ENOSYS
	}
	d, err := fs.openDirectory(ino)
	if err != nil {
		return err
	}
	fi.Fh = fs.dirs.add(d)
	fi.CacheReaddir = fs.opts.CacheReaddir || fs.opts.Cache == cacheAlways
	fi.KeepCache = fs.opts.KeepCache // cache=always does not, as in C
	return nil
}

func (fs *passthrough) openDirectory(ino lowlevel.Ino) (*openDir, error) {
	in, err := fs.path(ino)
	if err != nil {
		return nil, err
	}
	defer in.close()
	fd, err := unix.Openat(in.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &openDir{fd: fd}, nil
}

func (fs *passthrough) readdir(req *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64,
	fi *lowlevel.FileInfo,
) error {
	return fs.list(ino, dst, off, fi, func(e *dirent) bool {
		st := e.stat()
		return dst.Add(string(e.name), &st, e.next)
	})
}

// readdirplus counts a lookup of each entry that it sends with attributes. One that did not fit is given back.
func (fs *passthrough) readdirplus(req *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirPlusBuf, off int64,
	fi *lowlevel.FileInfo,
) error {
	dir, err := fs.path(ino)
	if err != nil {
		return err
	}
	defer dir.close()
	return fs.list(ino, &dst.DirBuf, off, fi, func(e *dirent) bool {
		name := string(e.name)
		entry, gone := fs.plusEntry(dir, name, e)
		if gone {
			return true
		}
		if dst.Add(name, &entry, e.next) {
			return true
		}
		if entry.Ino != 0 {
			fs.inodes.unref(lowlevel.ForgetData{Ino: entry.Ino, Nlookup: 1})
		}
		return false
	})
}

// plusEntry looks an entry up. One whose attributes cannot be had is listed without them, and the kernel will ask for them
// when somebody wants to know. gone says that there is no such entry any more.
func (fs *passthrough) plusEntry(dir pathFD, name string, e *dirent) (entry lowlevel.EntryParam, gone bool) {
	if name != "." && name != ".." {
		entry, err := fs.lookupAt(dir, name)
		if err == nil {
			return entry, false
		}
		if err == unix.ENOENT {
			return lowlevel.EntryParam{}, true
		}
	}
	return lowlevel.EntryParam{Attr: e.stat()}, false
}

// list calls add for the entries from off on, until it returns false. An error is reported only if nothing was added to dst:
// else the lookups of the entries added would be lost.
func (fs *passthrough) list(ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, fi *lowlevel.FileInfo, add func(e *dirent) bool,
) error {
	d, done, err := fs.directory(ino, fi)
	if err != nil {
		return err
	}
	defer done()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.seek(off); err != nil {
		return err
	}
	for {
		e, err := d.peek()
		if err != nil && dst.Len() == 0 {
			return err
		}
		if err != nil || e.size == 0 || !add(&e) {
			return nil
		}
		d.skip(&e)
	}
}

func (fs *passthrough) releasedir(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if d := fs.dirs.remove(fi); d != nil {
		d.close()
	}
	return nil
}

func (fs *passthrough) fsyncdir(req *lowlevel.Request, ino lowlevel.Ino, datasync bool, fi *lowlevel.FileInfo) error {
	d, done, err := fs.directory(ino, fi)
	if err != nil {
		return err
	}
	defer done()
	return syncFile(d.fd, datasync)
}
