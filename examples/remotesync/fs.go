package main

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// mirror is the filesystem: it answers from the remote, and has the kernel keep each answer for timeout.
type mirror struct {
	remote  *remote
	timeout time.Duration
	told    bool                             // whether somebody tells the kernel of changes:
	changes atomic.Pointer[lowlevel.Changes] // by this, once it is there

	requests atomic.Int64 // how many the kernel has made

	mu    sync.Mutex
	known map[lowlevel.Ino]uint64 // how often the kernel was told of an inode, until it forgets
}

func newMirror(r *remote, timeout time.Duration, told bool) *mirror {
	return &mirror{remote: r, timeout: timeout, told: told, known: map[lowlevel.Ino]uint64{}}
}

func (m *mirror) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Init:    m.init,
		Lookup:  m.lookup,
		Forget:  m.forget,
		Getattr: m.getattr,
		Open:    m.open,
		Read:    m.read,
		Opendir: m.opendir,
		Readdir: m.readdir,
	}
}

// init has the kernel leave cached data alone, where it is told of changes: with CapAutoInvalData it would drop all of a file whenever it sees another
// mtime, also what was just stored there. Where it is not told, that is how it finds out.
func (m *mirror) init(conn *lowlevel.ConnInfo) {
	if m.told {
		conn.Disable(lowlevel.CapAutoInvalData)
		_ = conn.Enable(lowlevel.CapExplicitInvalData) // Linux 5.2; before that, a file that changes its size loses its data
	}
}

// begin is the start of every handler: Guard, since the kernel will trust the answer for long, and it may be out of date
// when it gets there.
func (m *mirror) begin(req *lowlevel.Request) {
	m.requests.Add(1)
	if c := m.changes.Load(); c != nil {
		c.Guard(req)
	}
}

func stat(n *node) lowlevel.Stat {
	st := lowlevel.Stat{Ino: n.id, Mode: unix.S_IFREG | n.mode, Nlink: 1, Size: int64(len(n.data))}
	if n.children != nil {
		st.Mode, st.Nlink = unix.S_IFDIR|n.mode, 2
	}
	st.Mtim = unix.NsecToTimespec(n.mtime.UnixNano())
	st.Ctim = st.Mtim
	return st
}

func (m *mirror) lookup(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	m.begin(req)
	n, err := m.remote.lookup(uint64(parent), name)
	if err != nil {
		return lowlevel.EntryParam{EntryTimeout: m.timeout}, nil // that there is none may be kept, too
	}
	m.mu.Lock()
	m.known[lowlevel.Ino(n.id)]++
	m.mu.Unlock()
	return lowlevel.EntryParam{Ino: lowlevel.Ino(n.id), Attr: stat(&n), AttrTimeout: m.timeout, EntryTimeout: m.timeout}, nil
}

func (m *mirror) forget(_ *lowlevel.Request, ino lowlevel.Ino, nlookup uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[ino] -= nlookup
	if m.known[ino] == 0 {
		delete(m.known, ino)
	}
}

// knownInodes is for the case that everything has changed.
func (m *mirror) knownInodes(yield func(lowlevel.KnownInode) bool) {
	m.mu.Lock()
	inos := append(slices.Collect(maps.Keys(m.known)), lowlevel.RootIno)
	m.mu.Unlock()
	for _, ino := range inos {
		k := lowlevel.KnownInode{Ino: ino}
		if n, err := m.remote.get(uint64(ino)); err == nil && ino != lowlevel.RootIno {
			k.Parent, k.Name = lowlevel.Ino(n.parent), n.name
		}
		if !yield(k) {
			return
		}
	}
}

func (m *mirror) getattr(req *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	m.begin(req)
	n, err := m.remote.get(uint64(ino))
	if err != nil {
		return lowlevel.Stat{}, 0, unix.ESTALE
	}
	return stat(&n), m.timeout, nil
}

// open says that the kernel need not ask: files are opened and closed without a request from now on, and keep their pages.
func (m *mirror) open(req *lowlevel.Request, _ lowlevel.Ino, _ *lowlevel.FileInfo) error {
	m.begin(req)
	return unix.ENOSYS
}

func (m *mirror) read(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	m.begin(req)
	n, err := m.remote.get(uint64(ino))
	if err != nil {
		return 0, unix.ESTALE
	}
	return copy(dst, n.data[min(off, int64(len(n.data))):]), nil
}

// opendir says the same of directories, which keep their listings.
func (m *mirror) opendir(req *lowlevel.Request, _ lowlevel.Ino, _ *lowlevel.FileInfo) error {
	m.begin(req)
	return unix.ENOSYS
}

func (m *mirror) readdir(req *lowlevel.Request, ino lowlevel.Ino, buf *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	m.begin(req)
	dir, err := m.remote.get(uint64(ino))
	if err != nil {
		return unix.ESTALE
	}
	names := slices.Sorted(maps.Keys(dir.children))
	for i := int(off); i < len(names); i++ {
		n, err := m.remote.get(dir.children[names[i]])
		if err != nil {
			continue
		}
		st := stat(&n)
		if !buf.Add(names[i], &st, int64(i+1)) {
			break
		}
	}
	return nil
}
