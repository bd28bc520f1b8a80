package highlevel

import (
	"slices"
	"sync"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// dirHandle is an open directory.
type dirHandle struct {
	mu   sync.Mutex // one Readdir at a time
	fh   lowlevel.FileHandle
	list []dirEntry // of a Readdir without offsets
	full bool       // list is all of it
	plus bool       // list was made for a listing with attributes
}

// dirEntry is an entry of a list.
type dirEntry struct {
	name  string
	st    Stat
	flags FillDirFlags
}

// dirTable is the open directories: the kernel gets a number for each, which is not the filesystem's.
type dirTable struct {
	mu   sync.Mutex
	list []*dirHandle
	free []int
}

func (t *dirTable) add(d *dirHandle) lowlevel.FileHandle {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		t.list[i] = d
		return lowlevel.FileHandle(i)
	}
	t.list = append(t.list, d)
	return lowlevel.FileHandle(len(t.list) - 1)
}

func (t *dirTable) get(fh lowlevel.FileHandle) *dirHandle {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fh >= lowlevel.FileHandle(len(t.list)) {
		return nil
	}
	return t.list[fh]
}

func (t *dirTable) remove(fh lowlevel.FileHandle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fh < lowlevel.FileHandle(len(t.list)) && t.list[fh] != nil {
		t.list[fh] = nil
		t.free = append(t.free, int(fh))
	}
}

func (f *FS) opendir(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	if f.ops.Opendir != nil {
		err := f.at(req, ino, func(ctx *request, path string) error { return f.ops.Opendir(ctx, path, fi) })
		if err != nil {
			return err
		}
	}
	fi.Fh = f.dirs.add(&dirHandle{fh: fi.Fh})
	return nil
}

func (f *FS) releasedir(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	d := f.dirs.get(fi.Fh)
	f.dirs.remove(fi.Fh)
	if d == nil || f.ops.Releasedir == nil {
		return nil
	}
	fi.Fh = d.fh
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.ops.Releasedir(ctx, path, fi) })
}

func (f *FS) fsyncdir(req *lowlevel.Request, ino Ino, datasync bool, fi *FileInfo) error {
	if d := f.dirs.get(fi.Fh); d != nil {
		fi.Fh = d.fh
	}
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.ops.Fsyncdir(ctx, path, datasync, fi) })
}

// sink is the kernel's buffer for a listing, with or without attributes.
type sink struct {
	fs    *FS
	dir   Ino
	plain *lowlevel.DirBuf
	plus  *lowlevel.DirPlusBuf
}

func (f *FS) readdir(req *lowlevel.Request, ino Ino, dst *lowlevel.DirBuf, off int64, fi *FileInfo) error {
	return f.list(req, ino, &sink{fs: f, dir: ino, plain: dst}, off, fi)
}

func (f *FS) readdirplus(req *lowlevel.Request, ino Ino, dst *lowlevel.DirPlusBuf, off int64, fi *FileInfo) error {
	return f.list(req, ino, &sink{fs: f, dir: ino, plus: dst}, off, fi)
}

func (f *FS) list(req *lowlevel.Request, ino Ino, to *sink, off int64, fi *FileInfo) error {
	if f.ops.Readdir == nil {
		return syscall.ENOSYS
	}
	d := f.dirs.get(fi.Fh)
	if d == nil {
		return syscall.EBADF
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	fi.Fh = d.fh
	if off == 0 {
		d.list, d.full = nil, false // rewound
	}
	if !d.full {
		if err := f.fill(req, ino, d, to, off, fi); err != nil {
			return err
		}
	}
	if d.full {
		d.serve(to, off)
	}
	return nil
}

// fill calls Readdir. Without offsets, d has the whole list then; with them, to has what it has room for.
func (f *FS) fill(req *lowlevel.Request, ino Ino, d *dirHandle, to *sink, off int64, fi *FileInfo) error {
	l := listing{dir: d, to: to}
	var flags ReaddirFlags
	if to.plus != nil {
		flags = ReaddirPlus
	}
	err := f.atFile(req, ino, fi, func(ctx *request, path string) error {
		return f.ops.Readdir(ctx, path, l.add, off, fi, flags)
	})
	if err == nil {
		err = l.err
	}
	if err != nil {
		d.list = nil
		return err
	}
	d.full = !l.offsets
	return nil
}

// listing is a call of Readdir.
type listing struct {
	dir     *dirHandle
	to      *sink
	offsets bool
	any     bool
	err     error
}

// add is FillDir.
func (l *listing) add(name string, st *Stat, off int64, flags FillDirFlags) bool {
	switch {
	case l.err != nil:
		return false
	case flags&^FillDirPlus != 0, l.any && l.offsets != (off != 0):
		l.err = syscall.EIO // both ways at once
		return false
	}
	l.any, l.offsets = true, off != 0
	e := dirEntry{name: name, flags: flags}
	if st != nil {
		e.st = *st
	} else {
		e.flags &^= FillDirPlus
	}
	if l.offsets {
		return l.to.add(&e, off)
	}
	l.dir.list = append(l.dir.list, e)
	return true
}

// serve copies the list from off on.
func (d *dirHandle) serve(to *sink, off int64) {
	for i := int(min(max(off, 0), int64(len(d.list)))); i < len(d.list); i++ {
		if !to.add(&d.list[i], int64(i+1)) {
			return
		}
	}
}

// add takes an entry, and reports whether there was room.
func (s *sink) add(e *dirEntry, off int64) bool {
	if s.plus == nil {
		st := e.st
		s.number(e, &st)
		return s.plain.Add(e.name, &st, off)
	}
	if e.flags&FillDirPlus == 0 || e.name == "." || e.name == ".." {
		st := e.st
		s.number(e, &st)
		return s.plus.Add(e.name, &lowlevel.EntryParam{Attr: st}, off)
	}
	return s.addLookedUp(e, off)
}

// unknownIno is shown for an entry whose number nobody knows, as in C.
const unknownIno = 0xffffffff

// number sets the number that a listing shows.
func (s *sink) number(e *dirEntry, st *Stat) {
	if s.fs.cfg.UseIno {
		return
	}
	st.Ino = unknownIno
	if !s.fs.cfg.ReaddirIno || slices.Contains([]string{".", ".."}, e.name) {
		return
	}
	t := s.fs.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	if dir := t.byIno[s.dir]; dir != nil {
		if n := t.child(dir, e.name); n != nil {
			st.Ino = uint64(n.ino)
		}
	}
}

// addLookedUp adds an entry with all attributes, which counts as a lookup: but only if there was room.
func (s *sink) addLookedUp(e *dirEntry, off int64) bool {
	f, t := s.fs, s.fs.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := t.byIno[s.dir]
	if dir == nil {
		return s.plus.Add(e.name, &lowlevel.EntryParam{Attr: e.st}, off)
	}
	n := t.find(dir, e.name)
	p := lowlevel.EntryParam{Ino: n.ino, Attr: e.st, AttrTimeout: f.cfg.AttrTimeout, EntryTimeout: f.cfg.EntryTimeout}
	f.dress(&p.Attr, n.ino)
	if !s.plus.Add(e.name, &p, off) {
		t.drop(n)
		return false
	}
	t.count(n)
	if f.cfg.AutoCache && p.Attr.Mode&unix.S_IFMT == unix.S_IFREG {
		n.more().seen.update(&e.st)
	}
	return true
}
