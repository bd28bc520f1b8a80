package highlevel

import (
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// dirHandle is an open directory.
type dirHandle struct {
	mu   sync.Mutex // one Readdir at a time
	fh   lowlevel.FileHandle
	list []dirEntry // of a Readdir without offsets
	full bool       // list is all of it
	asOf uint64     // FS.changes before list was made
	gone bool       // removed before it was opened: the filesystem does not know of it
}

// dirEntry is an entry of a list.
type dirEntry struct {
	name  string
	st    Stat
	flags FillDirFlags
}

// dirTable is the open directories: the kernel gets a number for each, which is not the filesystem's. 0 is that of a directory that was not opened, since
// Opendir has said ENOSYS once.
type dirTable struct {
	mu   sync.Mutex
	list []*dirHandle
	free []lowlevel.FileHandle
}

func (t *dirTable) add(d *dirHandle) lowlevel.FileHandle {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		t.list[i-1] = d
		return i
	}
	t.list = append(t.list, d)
	return lowlevel.FileHandle(len(t.list))
}

func (t *dirTable) get(fh lowlevel.FileHandle) *dirHandle {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fh == 0 {
		return new(dirHandle)
	}
	if fh > lowlevel.FileHandle(len(t.list)) {
		return nil
	}
	return t.list[fh-1]
}

func (t *dirTable) remove(fh lowlevel.FileHandle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if fh > 0 && fh <= lowlevel.FileHandle(len(t.list)) && t.list[fh-1] != nil {
		t.list[fh-1] = nil
		t.free = append(t.free, fh)
	}
}

func (f *FS) opendir(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	var gone bool
	if f.ops.Opendir != nil {
		err := f.at(req, ino, func(ctx *request, path string) error { return f.ops.Opendir(ctx, path, fi) })
		if err == errNoName {
			_, err = f.removedDir(ino)
			gone = err == nil
		}
		if err != nil {
			return err
		}
	}
	fi.Fh = f.dirs.add(&dirHandle{fh: fi.Fh, gone: gone})
	return nil
}

func (f *FS) releasedir(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	d := f.dirs.get(fi.Fh)
	f.dirs.remove(fi.Fh)
	if d == nil || d.gone || f.ops.Releasedir == nil {
		return nil
	}
	fi.Fh = d.fh
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.ops.Releasedir(ctx, path, fi) })
}

func (f *FS) fsyncdir(req *lowlevel.Request, ino Ino, datasync bool, fi *FileInfo) error {
	d := f.dirs.get(fi.Fh)
	if d != nil && d.gone {
		return nil
	}
	if d != nil {
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
	old   bool  // attributes may be out of date: leave them out
	given []Ino // lookups counted
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
	if d.gone {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	fi.Fh = d.fh
	if off == 0 {
		d.list, d.full = nil, false // rewound
	}
	// Attributes of a list made for an earlier request are given to the kernel only if nothing has been changed since: it would believe them, and forget
	// what it knows better. A name that was removed would come back.
	to.old = d.full && d.asOf != f.changes.Load()
	if !d.full {
		d.asOf = f.changes.Load()
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
	d.list = nil
	done := false
	defer func() {
		if !done { // also after a panic
			d.list = nil
			to.takeBack()
		}
	}()
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
		return err
	}
	d.full, done = l.any && !l.offsets, true // no entry: at the end, by offsets
	return nil
}

// listing is a call of Readdir.
type listing struct {
	dir     *dirHandle
	to      *sink
	offsets bool
	any     bool
	full    bool // no room for more: not for a shorter name either, which would be out of turn
	err     error
}

// add is FillDir.
func (l *listing) add(name string, st *Stat, off int64, flags FillDirFlags) bool {
	switch {
	case l.err != nil, l.full:
		return false
	case flags&^FillDirPlus != 0, l.any && l.offsets != (off != 0), !goodName(name):
		l.err = syscall.EIO // an unknown flag, both ways at once, or no name
		return false
	}
	l.any, l.offsets = true, off != 0
	e := dirEntry{name: name, flags: flags}
	if st != nil {
		e.st = *st
	} else {
		e.flags &^= FillDirPlus
	}
	if e.st.Ino == 0 {
		e.st.Ino = unknownIno // readdir(3) leaves out what has the number 0
	}
	if l.offsets {
		l.full = !l.to.add(&e, off)
		return !l.full
	}
	l.dir.list = append(l.dir.list, e)
	return true
}

func goodName(name string) bool {
	return name != "" && len(name) <= lowlevel.NameMax && strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, 0) < 0
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
	if strings.HasPrefix(e.name, hiddenPrefix) && s.fs.isHidden(s.dir, e.name) {
		return true // it was removed, as far as anybody knows
	}
	if s.plus == nil {
		st := e.st
		s.number(e, &st)
		return s.plain.Add(e.name, &st, off)
	}
	if s.old || e.flags&FillDirPlus == 0 || e.name == "." || e.name == ".." {
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
	if dir := t.inodes.inode(s.dir); dir != nil {
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
	dir := t.inodes.inode(s.dir)
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
	s.given = append(s.given, n.ino)
	f.saw(n, &e.st)
	return true
}

// takeBack takes lookups back where the kernel gets an error instead.
func (s *sink) takeBack() {
	t := s.fs.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, ino := range s.given {
		t.forget(ino, 1)
	}
	s.given = nil
}
