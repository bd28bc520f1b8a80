package iomodes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const (
	page  = 4096
	pages = 8 // of the file f, when a test begins, unless the mode says otherwise
)

// The filesystem has a file f, a symbolic link, and a directory dir with many files.
const (
	fileIno lowlevel.Ino = 2 + iota
	linkIno
	dirIno
	firstEntryIno

	dirEntries = 1000
)

// mode is how the filesystem is set up.
type mode struct {
	enable, disable lowlevel.Cap
	// open and opendir are the answers to OPEN and OPENDIR.
	open, opendir lowlevel.FileInfo
	// noOpen and noOpendir answer them with ENOSYS.
	noOpen, noOpendir bool
	// attrTimeout is for how long the kernel may believe attributes; names, always.
	attrTimeout time.Duration
	maxWrite    uint32 // 0: the default
	pages       int    // of the file f; 0: pages
	writeError  error
	// writes, if set, is called for each WRITE, of which there may be several at a time then.
	writes func()
}

// countingFS writes down the requests it gets.
type countingFS struct {
	mode mode

	mu      sync.Mutex
	log     []string
	content []byte
	mtime   int64 // of the file, in seconds
	renewed int64 // likewise, of the directory
	target  string
	enabled error // of Enable
}

func newCountingFS(m mode) *countingFS {
	fs := &countingFS{mode: m, mtime: 1000, renewed: 1000, target: "target"}
	if m.pages == 0 {
		m.pages = pages
	}
	for i := range m.pages {
		fs.content = append(fs.content, letters(strconv.Itoa(page), string(rune('a'+i%26)))...)
	}
	return fs
}

// ops leaves out Forget: forgets come when the kernel likes.
func (fs *countingFS) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Init: fs.init, Lookup: fs.lookup, Getattr: fs.getattr, Setattr: fs.setattr, Readlink: fs.readlink,
		Open: fs.openFile, Read: fs.read, Write: fs.write, Flush: fs.flush, Fsync: fs.fsync, Release: fs.release,
		Opendir: fs.openDir, Readdir: fs.readdir, Readdirplus: fs.readdirplus, Releasedir: fs.releasedir,
	}
}

// note writes a request down.
func (fs *countingFS) note(format string, args ...any) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.log = append(fs.log, fmt.Sprintf(format, args...))
}

// take returns what was written down since the last call.
func (fs *countingFS) take() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	log := fs.log
	fs.log = nil
	return log
}

// change changes the file behind the kernel's back: its letters, size and time.
func (fs *countingFS) change(letter string, size int, mtime int64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.content = letters(strconv.Itoa(size), letter)
	fs.mtime = mtime
}

// changeNames changes the time of the directory and the target of the link behind the kernel's back.
func (fs *countingFS) changeNames(mtime int64, target string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.renewed, fs.target = mtime, target
}

// text describes the file's content, as the filesystem has it.
func (fs *countingFS) text() string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return runs(fs.content)
}

func (fs *countingFS) init(conn *lowlevel.ConnInfo) {
	conn.Disable(fs.mode.disable)
	fs.enabled = conn.Enable(fs.mode.enable)
	if fs.mode.maxWrite != 0 && fs.enabled == nil {
		fs.enabled = conn.SetMaxWrite(fs.mode.maxWrite)
	}
}

// attr is called with mu held.
func (fs *countingFS) attr(ino lowlevel.Ino) lowlevel.Stat {
	st := lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o644, Nlink: 1, Mtim: unix.Timespec{Sec: 1000}}
	switch ino {
	case lowlevel.RootIno, dirIno:
		st.Mode, st.Nlink, st.Mtim.Sec = unix.S_IFDIR|0o755, 2, fs.renewed
	case linkIno:
		st.Mode, st.Size = unix.S_IFLNK|0o777, int64(len(fs.target))
	case fileIno:
		st.Size, st.Mtim.Sec = int64(len(fs.content)), fs.mtime
	}
	return st
}

func (fs *countingFS) entry(ino lowlevel.Ino) lowlevel.EntryParam {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return lowlevel.EntryParam{Ino: ino, Attr: fs.attr(ino), AttrTimeout: fs.mode.attrTimeout, EntryTimeout: lowlevel.Forever}
}

func (fs *countingFS) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if name == barrier {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	fs.note("LOOKUP %s", name)
	names := map[string]lowlevel.Ino{"f": fileIno, "link": linkIno, "dir": dirIno}
	ino := names[name]
	if parent == dirIno {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "file")); err == nil && n < dirEntries {
			ino = firstEntryIno + lowlevel.Ino(n)
		}
	}
	if ino == 0 {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	return fs.entry(ino), nil
}

func (fs *countingFS) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	if ino != lowlevel.RootIno { // the barrier's directory
		fs.note("GETATTR")
	}
	e := fs.entry(ino)
	return e.Attr, e.AttrTimeout, nil
}

func (fs *countingFS) setattr(_ *lowlevel.Request, ino lowlevel.Ino, attr *lowlevel.Stat, toSet lowlevel.SetAttr, _ *lowlevel.FileInfo,
) (lowlevel.Stat, time.Duration, error) {
	var what []string
	fs.mu.Lock()
	if toSet&lowlevel.SetAttrSize != 0 {
		what = append(what, "size="+strconv.FormatInt(attr.Size, 10))
		fs.content = append(fs.content, make([]byte, max(0, int(attr.Size)-len(fs.content)))...)[:attr.Size]
	}
	if toSet&lowlevel.SetAttrMtime != 0 {
		what = append(what, "mtime")
		fs.mtime = attr.Mtim.Sec
	}
	fs.mu.Unlock()
	fs.note("SETATTR %s", strings.Join(what, ","))
	e := fs.entry(ino)
	return e.Attr, e.AttrTimeout, nil
}

func (fs *countingFS) readlink(*lowlevel.Request, lowlevel.Ino) (string, error) {
	fs.note("READLINK")
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.target, nil
}

func (fs *countingFS) openFile(_ *lowlevel.Request, _ lowlevel.Ino, fi *lowlevel.FileInfo) error {
	fs.note("OPEN")
	if fs.mode.noOpen {
		return unix.ENOSYS
	}
	answer(fi, &fs.mode.open)
	return nil
}

// answer copies what an answer to OPEN or OPENDIR can say.
func answer(fi, with *lowlevel.FileInfo) {
	fi.DirectIO, fi.KeepCache, fi.CacheReaddir = with.DirectIO, with.KeepCache, with.CacheReaddir
	fi.ParallelDirectWrites = with.ParallelDirectWrites
}

func (fs *countingFS) read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	fs.note("READ %d+%d", off, len(dst))
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return copy(dst, fs.content[min(off, int64(len(fs.content))):]), nil
}

// write says of data from the page cache that it is.
func (fs *countingFS) write(_ *lowlevel.Request, _ lowlevel.Ino, data []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
	from := ""
	if fi.Writepage {
		from = " from cache"
	}
	fs.note("WRITE %d+%d%s", off, len(data), from)
	if fs.mode.writes != nil {
		fs.mode.writes()
	}
	if fs.mode.writeError != nil {
		return 0, fs.mode.writeError
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	end := int(off) + len(data)
	fs.content = append(fs.content, make([]byte, max(0, end-len(fs.content)))...)
	copy(fs.content[off:end], data)
	fs.mtime++
	return len(data), nil
}

func (fs *countingFS) flush(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) error {
	fs.note("FLUSH")
	return nil
}

func (fs *countingFS) fsync(_ *lowlevel.Request, _ lowlevel.Ino, datasync bool, _ *lowlevel.FileInfo) error {
	if datasync {
		fs.note("FSYNC data")
	} else {
		fs.note("FSYNC")
	}
	return nil
}

func (fs *countingFS) release(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) error {
	fs.note("RELEASE")
	return nil
}

func (fs *countingFS) openDir(_ *lowlevel.Request, _ lowlevel.Ino, fi *lowlevel.FileInfo) error {
	fs.note("OPENDIR")
	if fs.mode.noOpendir {
		return unix.ENOSYS
	}
	answer(fi, &fs.mode.opendir)
	return nil
}

func (fs *countingFS) readdir(_ *lowlevel.Request, _ lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	fs.note("READDIR %d", off)
	for n := int(off); n < dirEntries; n++ {
		st := lowlevel.Stat{Ino: uint64(firstEntryIno) + uint64(n), Mode: unix.S_IFREG}
		if !dst.Add("file"+strconv.Itoa(n), &st, int64(n+1)) {
			break
		}
	}
	return nil
}

func (fs *countingFS) readdirplus(_ *lowlevel.Request, _ lowlevel.Ino, dst *lowlevel.DirPlusBuf, off int64, _ *lowlevel.FileInfo) error {
	fs.note("READDIRPLUS %d", off)
	for n := int(off); n < dirEntries; n++ {
		e := fs.entry(firstEntryIno + lowlevel.Ino(n))
		if !dst.Add("file"+strconv.Itoa(n), &e, int64(n+1)) {
			break
		}
	}
	return nil
}

func (fs *countingFS) releasedir(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) error {
	fs.note("RELEASEDIR")
	return nil
}

// count tells how many of the requests are of that kind.
func count(requests []string, kind string) int {
	return len(only(requests, kind))
}

// only returns the requests of that kind.
func only(requests []string, kind string) []string {
	return slices.DeleteFunc(slices.Clone(requests), func(r string) bool { return strings.Fields(r)[0] != kind })
}
