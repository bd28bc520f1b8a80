package highlevel

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// memFS is a filesystem in memory that goes by paths, and writes down what it is asked to do.
type memFS struct {
	mu    sync.Mutex
	root  *memNode
	quiet bool // notes nothing
	calls []string
	next  lowlevel.FileHandle
	dirs  map[lowlevel.FileHandle]*memNode // open directories
	// before is called at the start of every operation, without mu. Its error is the operation's.
	before func(op, path string) error
}

type memNode struct {
	Stat
	target string
	kids   map[string]*memNode // nil: no directory
}

func newMemFS() *memFS {
	return &memFS{root: newMemNode(unix.S_IFDIR | 0o755), dirs: map[lowlevel.FileHandle]*memNode{}}
}

// memNodes counts them: Blocks tells one from another.
var memNodes atomic.Int64

func newMemNode(mode uint32) *memNode {
	n := &memNode{Stat: Stat{Mode: mode, Nlink: 1, UID: 11, GID: 22, Ino: 4711, Blocks: memNodes.Add(1)}}
	if n.IsDir() {
		n.Nlink, n.kids = 2, map[string]*memNode{}
	}
	return n
}

// put makes files, and the directories above them. A name with a slash behind it is a directory.
func (m *memFS) put(names ...string) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		n := m.root
		for elem := range elements(path.Dir(strings.TrimSuffix("/"+name, "/"))) {
			if n.kids[elem] == nil {
				n.kids[elem] = newMemNode(unix.S_IFDIR | 0o755)
			}
			n = n.kids[elem]
		}
		mode := uint32(unix.S_IFREG | 0o644)
		if strings.HasSuffix(name, "/") {
			mode = unix.S_IFDIR | 0o755
		}
		n.kids[path.Base(name)] = newMemNode(mode)
	}
	return m
}

// edit changes a node.
func (m *memFS) edit(name string, change func(n *memNode)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(name)
	if err != nil {
		panic(err)
	}
	change(n)
}

// list returns all paths below the root, in order.
func (m *memFS) list() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	var visit func(prefix string, n *memNode)
	visit = func(prefix string, n *memNode) {
		for _, name := range slices.Sorted(maps.Keys(n.kids)) {
			all = append(all, prefix+name)
			visit(prefix+name+"/", n.kids[name])
		}
	}
	visit("/", m.root)
	return all
}

// took returns what has been called since the last time.
func (m *memFS) took() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}

// begin notes a call.
func (m *memFS) begin(op, path string, more ...any) error {
	m.mu.Lock()
	if !m.quiet {
		m.calls = append(m.calls, strings.TrimSpace(op+" "+path+" "+strings.TrimSpace(fmt.Sprintln(more...))))
	}
	before := m.before
	m.mu.Unlock()
	if before != nil {
		return before(op, path)
	}
	return nil
}

func (m *memFS) setBefore(before func(op, path string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

func (m *memFS) walk(p string) (*memNode, error) {
	n := m.root
	for elem := range elements(p) {
		if n.kids == nil {
			return nil, syscall.ENOTDIR
		}
		if n = n.kids[elem]; n == nil {
			return nil, syscall.ENOENT
		}
	}
	return n, nil
}

func (m *memFS) dir(p string) (*memNode, string, error) {
	n, err := m.walk(path.Dir(p))
	if err == nil && n.kids == nil {
		err = syscall.ENOTDIR
	}
	return n, path.Base(p), err
}

func (m *memFS) add(p string, n *memNode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, name, err := m.dir(p)
	switch {
	case err != nil:
		return err
	case d.kids[name] != nil:
		return syscall.EEXIST
	}
	d.kids[name] = n
	return nil
}

func (m *memFS) drop(p string, dir bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, name, err := m.dir(p)
	if err != nil {
		return err
	}
	n := d.kids[name]
	switch {
	case n == nil:
		return syscall.ENOENT
	case dir && n.kids == nil:
		return syscall.ENOTDIR
	case !dir && n.kids != nil:
		return syscall.EISDIR
	case len(n.kids) > 0:
		return syscall.ENOTEMPTY
	}
	n.Nlink--
	delete(d.kids, name)
	return nil
}

func (m *memFS) rename(from, to string, flags RenameFlags) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, aName, err := m.dir(from)
	if err != nil {
		return err
	}
	b, bName, err := m.dir(to)
	if err != nil {
		return err
	}
	source, target := a.kids[aName], b.kids[bName]
	switch {
	case source == nil, flags&unix.RENAME_EXCHANGE != 0 && target == nil:
		return syscall.ENOENT
	case flags&unix.RENAME_NOREPLACE != 0 && target != nil:
		return syscall.EEXIST
	case flags&unix.RENAME_EXCHANGE != 0:
		a.kids[aName], b.kids[bName] = target, source
		return nil
	case target == source:
		return nil
	case target != nil && len(target.kids) > 0:
		return syscall.ENOTEMPTY
	case target != nil && source.IsDir() && !target.IsDir():
		return syscall.ENOTDIR
	case target != nil && !source.IsDir() && target.IsDir():
		return syscall.EISDIR
	}
	if target != nil {
		target.Nlink--
	}
	delete(a.kids, aName)
	b.kids[bName] = source
	return nil
}

func (m *memFS) stat(p string) (Stat, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.walk(p)
	if err != nil {
		return Stat{}, err
	}
	return n.Stat, nil
}

// readdir lists everything at once.
func (m *memFS) readdir(fh lowlevel.FileHandle, fill FillDir, flags FillDirFlags) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.dirs[fh]
	if n == nil {
		return syscall.EBADF
	}
	for _, name := range append([]string{".", ".."}, slices.Sorted(maps.Keys(n.kids))...) {
		st := n.Stat
		if kid := n.kids[name]; kid != nil {
			st = kid.Stat
		}
		if !fill(name, &st, 0, flags) {
			break
		}
	}
	return nil
}

// open gives out a new handle.
func (m *memFS) open(fi *FileInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	fi.Fh = m.next
}

// ops is all that memFS can do.
func (m *memFS) ops() *Operations {
	o := &Operations{}
	m.nameOps(o)
	m.fileOps(o)
	return o
}

func (m *memFS) nameOps(o *Operations) {
	o.Getattr = func(_ context.Context, p string, fi *FileInfo) (Stat, error) {
		if err := m.begin("getattr", p, fiArg(fi)...); err != nil {
			return Stat{}, err
		}
		return m.stat(p)
	}
	o.Mknod = func(_ context.Context, p string, mode uint32, _ uint64) error {
		if err := m.begin("mknod", p); err != nil {
			return err
		}
		return m.add(p, newMemNode(mode))
	}
	o.Mkdir = func(_ context.Context, p string, mode uint32) error {
		if err := m.begin("mkdir", p); err != nil {
			return err
		}
		return m.add(p, newMemNode(unix.S_IFDIR|mode))
	}
	o.Unlink = func(_ context.Context, p string) error {
		if err := m.begin("unlink", p); err != nil {
			return err
		}
		return m.drop(p, false)
	}
	o.Rmdir = func(_ context.Context, p string) error {
		if err := m.begin("rmdir", p); err != nil {
			return err
		}
		return m.drop(p, true)
	}
	o.Symlink = func(_ context.Context, target, p string) error {
		if err := m.begin("symlink", p, target); err != nil {
			return err
		}
		n := newMemNode(unix.S_IFLNK | 0o777)
		n.target = target
		return m.add(p, n)
	}
	o.Rename = func(_ context.Context, from, to string, flags RenameFlags) error {
		if err := m.begin("rename", from, to); err != nil {
			return err
		}
		return m.rename(from, to, flags)
	}
	o.Link = func(_ context.Context, from, to string) error {
		if err := m.begin("link", from, to); err != nil {
			return err
		}
		m.mu.Lock()
		n, err := m.walk(from)
		if err == nil {
			n.Nlink++
		}
		m.mu.Unlock()
		if err != nil {
			return err
		}
		return m.add(to, n)
	}
}

// fiArg tells a call with an open file from one without.
func fiArg(fi *FileInfo) []any {
	if fi == nil {
		return nil
	}
	return []any{"fh"}
}

func (m *memFS) fileOps(o *Operations) {
	o.Open = func(_ context.Context, p string, fi *FileInfo) error {
		if err := m.begin("open", p); err != nil {
			return err
		}
		m.open(fi)
		return nil
	}
	o.Create = func(_ context.Context, p string, mode uint32, fi *FileInfo) error {
		if err := m.begin("create", p); err != nil {
			return err
		}
		m.open(fi)
		return m.add(p, newMemNode(unix.S_IFREG|mode&0o7777))
	}
	o.Read = func(_ context.Context, p string, dst []byte, _ int64, _ *FileInfo) (int, error) {
		return copy(dst, "data"), m.begin("read", p)
	}
	o.Write = func(_ context.Context, p string, data []byte, _ int64, _ *FileInfo) (int, error) {
		return len(data), m.begin("write", p)
	}
	o.Flush = func(_ context.Context, p string, _ *FileInfo) error { return m.begin("flush", p) }
	o.Release = func(_ context.Context, p string, _ *FileInfo) error { return m.begin("release", p) }
	o.Fsync = func(_ context.Context, p string, _ bool, _ *FileInfo) error { return m.begin("fsync", p) }
	o.Opendir = func(_ context.Context, p string, fi *FileInfo) error {
		m.open(fi)
		m.mu.Lock()
		defer m.mu.Unlock()
		n, err := m.walk(p)
		m.dirs[fi.Fh] = n
		return err
	}
	o.Releasedir = func(_ context.Context, _ string, fi *FileInfo) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.dirs, fi.Fh)
		return nil
	}
	o.Readdir = func(_ context.Context, p string, fill FillDir, _ int64, fi *FileInfo, flags ReaddirFlags) error {
		if err := m.begin("readdir", p); err != nil {
			return err
		}
		var plus FillDirFlags
		if flags&ReaddirPlus != 0 {
			plus = FillDirPlus
		}
		return m.readdir(fi.Fh, fill, plus)
	}
}
