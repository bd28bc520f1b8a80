package highlevel

import (
	"strings"
	"sync"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// dirHandle is an open directory.
type dirHandle struct {
	mu   sync.Mutex // one Readdir at a time
	fh   lowlevel.FileHandle
	list dirList // of a Readdir without offsets
	full bool    // list is all of it
	asOf uint64  // FS.changes before list was made
	gone bool    // removed before it was opened: the filesystem does not know of it
}

// dirList is a whole listing. A directory may have millions of entries, so that it keeps of each what the kernel may ask for, and nothing apart.
type dirList struct {
	names   strings.Builder // one after the other
	entries []dirEntry
	stats   []Stat // of those that have all attributes
}

type dirEntry struct {
	ino  uint64
	end  int // of its name, in names
	mode uint32
	stat uint32 // 1 + its index in stats; 0: it has none
}

func (l *dirList) add(name string, st *Stat, flags FillDirFlags) {
	l.names.WriteString(name)
	e := dirEntry{ino: st.Ino, end: l.names.Len(), mode: st.Mode}
	if flags&FillDirPlus != 0 {
		l.stats = append(l.stats, *st)
		e.stat = uint32(len(l.stats))
	}
	l.entries = append(l.entries, e)
}

// serve copies the list from off on.
func (l *dirList) serve(to *sink, off int64) {
	names := l.names.String()
	first := int(min(max(off, 0), int64(len(l.entries))))
	begin := 0
	if first > 0 {
		begin = l.entries[first-1].end
	}
	for i := first; i < len(l.entries); i++ {
		e := &l.entries[i]
		st, flags := &Stat{Ino: e.ino, Mode: e.mode}, FillDirFlags(0)
		if e.stat > 0 {
			st, flags = &l.stats[e.stat-1], FillDirPlus
		}
		if !to.add(names[begin:e.end], st, int64(i+1), flags) {
			return
		}
		begin = e.end
	}
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
		d.list, d.full = dirList{}, false // rewound
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
		d.list.serve(to, off)
	}
	return nil
}

// fill calls Readdir. Without offsets, d has the whole list then; with them, to has what it has room for.
func (f *FS) fill(req *lowlevel.Request, ino Ino, d *dirHandle, to *sink, off int64, fi *FileInfo) error {
	l := listing{dir: d, to: to}
	d.list = dirList{}
	done := false
	defer func() {
		if !done { // also after a panic
			d.list = dirList{}
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
	case flags&^FillDirPlus != 0, l.any && l.offsets != (off != 0), !l.checked(off) && !goodName(name):
		l.err = syscall.EIO // an unknown flag, both ways at once, or no name
		return false
	}
	l.any, l.offsets = true, off != 0
	if st == nil {
		st, flags = &nothingKnown, 0
	}
	if l.offsets {
		l.full = !l.to.add(name, st, off, flags)
		return !l.full
	}
	l.dir.list.add(name, st, flags)
	return true
}

var nothingKnown Stat

// checked reports whether lowlevel looks at the name, and nothing else happens before.
func (l *listing) checked(off int64) bool { return off != 0 && l.to.plus == nil }

func goodName(name string) bool {
	return name != "" && len(name) <= lowlevel.NameMax && strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, 0) < 0
}

// add takes an entry, and reports whether there was room.
func (s *sink) add(name string, st *Stat, off int64, flags FillDirFlags) bool {
	if strings.HasPrefix(name, hiddenPrefix) && s.fs.isHidden(s.dir, name) {
		return true // it was removed, as far as anybody knows
	}
	if s.plus != nil && !s.old && flags&FillDirPlus != 0 && name != "." && name != ".." {
		return s.addLookedUp(name, st, off)
	}
	shown := Stat{Ino: s.number(name, st), Mode: st.Mode}
	if s.plus != nil {
		return s.plus.Add(name, &lowlevel.EntryParam{Attr: shown}, off)
	}
	return s.plain.Add(name, &shown, off)
}

// unknownIno is shown for an entry whose number nobody knows, as in C.
const unknownIno = 0xffffffff

// number returns the number that a listing shows.
func (s *sink) number(name string, st *Stat) uint64 {
	if s.fs.cfg.UseIno {
		return numberOf(st)
	}
	if !s.fs.cfg.ReaddirIno || name == "." || name == ".." {
		return unknownIno
	}
	t := s.fs.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	if dir := t.inodes.inode(s.dir); dir != nil {
		if n := t.child(dir, name); n != nil {
			return uint64(n.ino)
		}
	}
	return unknownIno
}

// numberOf is the number of an entry, but for 0: readdir(3) leaves out what has that.
func numberOf(st *Stat) uint64 {
	if st.Ino == 0 {
		return unknownIno
	}
	return st.Ino
}

// addLookedUp adds an entry with all attributes, which counts as a lookup: but only if there was room.
func (s *sink) addLookedUp(name string, st *Stat, off int64) bool {
	f, t := s.fs, s.fs.tree
	p := lowlevel.EntryParam{Attr: *st}
	p.Attr.Ino = numberOf(st)
	t.mu.Lock()
	defer t.mu.Unlock()
	dir := t.inodes.inode(s.dir)
	if dir == nil {
		return s.plus.Add(name, &p, off)
	}
	n := t.find(dir, name)
	p.Ino, p.AttrTimeout, p.EntryTimeout = n.ino, f.cfg.AttrTimeout, f.cfg.EntryTimeout
	f.dress(&p.Attr, n.ino)
	if !s.plus.Add(name, &p, off) {
		t.drop(n)
		return false
	}
	t.count(n)
	s.given = append(s.given, n.ino)
	f.saw(n, st)
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
