package main

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// inode is a file of any type.
//
// It is there as long as it has a name or the kernel knows it: nlink > 0 or lookups > 0. An open file is known to the
// kernel, so nothing else is needed to keep the content of an open file whose name is gone.
type inode struct {
	// These never change.
	ino    lowlevel.Ino
	kind   uint32 // the type, as in st_mode
	rdev   uint64 // of a device
	target string // of a symbolic link

	// lookups is how often the kernel was given this inode, less how often it forgot it.
	lookups atomic.Int64

	// These are guarded by memfs.tree, and nil unless this is a directory.
	entries *directory
	parent  *inode

	// mu guards what follows. It is never held while asking for another lock.
	mu                  sync.RWMutex
	perm                uint32 // the mode without the type
	uid, gid            uint32
	nlink               uint32 // changes only while memfs.tree is held too
	linkable            bool   // made by tmpfile: may get a name though it has none
	atime, mtime, ctime unix.Timespec
	content             sparse // of a regular file
	xattrs              map[string][]byte
}

func (n *inode) isDir() bool { return n.kind == unix.S_IFDIR }

// stat returns the attributes. The caller holds n.mu.
func (n *inode) stat() lowlevel.Stat {
	st := lowlevel.Stat{
		Ino:     uint64(n.ino),
		Mode:    n.kind | n.perm,
		Nlink:   n.nlink,
		UID:     n.uid,
		GID:     n.gid,
		Rdev:    n.rdev,
		Atim:    n.atime,
		Mtim:    n.mtime,
		Ctim:    n.ctime,
		Blksize: pageSize,
	}
	switch n.kind {
	case unix.S_IFREG:
		st.Size = n.content.size
		st.Blocks = n.content.blocks()
	case unix.S_IFLNK:
		st.Size = int64(len(n.target))
	case unix.S_IFDIR:
		st.Size = pageSize
	}
	return st
}

// entry returns what a lookup answers, but counts no lookup.
func (n *inode) entry() lowlevel.EntryParam {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return lowlevel.EntryParam{
		Ino:          n.ino,
		Attr:         n.stat(),
		AttrTimeout:  attrTimeout,
		EntryTimeout: entryTimeout,
	}
}

// lookedUp returns what a lookup answers, and counts it. The caller holds memfs.tree, or nobody else knows n yet: else it
// might be gone by now.
func (n *inode) lookedUp() lowlevel.EntryParam {
	n.lookups.Add(1)
	return n.entry()
}

// linked changes the link count. The caller holds memfs.tree for writing.
func (n *inode) linked(delta int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nlink += uint32(delta)
	n.ctime = now()
}

// listingChanged notes that an entry of directory n came or went. subdirs is how many subdirectories more it has: the ".." of
// each is a link to n. The caller holds memfs.tree for writing.
func (n *inode) listingChanged(subdirs int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nlink += uint32(subdirs)
	n.mtime = now()
	n.ctime = n.mtime
}

// table finds inodes by number. Numbers are given out in turn and never twice, so that generations are not needed.
type table struct {
	mu   sync.RWMutex
	last lowlevel.Ino
	all  shrinkingMap[lowlevel.Ino, *inode]
}

// add gives n a number.
func (t *table) add(n *inode) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	n.ino = t.last
	t.all.put(n.ino, n)
}

func (t *table) get(ino lowlevel.Ino) *inode {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all.m[ino]
}

// node returns the inode of that number. The kernel does not ask for one that it has forgotten, except by a file handle
// that somebody has kept (open_by_handle_at, NFS): that is stale then.
func (fs *memfs) node(ino lowlevel.Ino) (*inode, error) {
	if n := fs.table.get(ino); n != nil {
		return n, nil
	}
	return nil, unix.ESTALE
}

// newInode makes an inode without a name that belongs to the caller.
func (fs *memfs) newInode(who owner, mode uint32) (*inode, error) {
	if !fs.inodes.take(1) {
		return nil, unix.ENOSPC
	}
	n := &inode{kind: mode & unix.S_IFMT, perm: mode & 0o7777, uid: who.uid, gid: who.gid}
	n.atime = now()
	n.mtime, n.ctime = n.atime, n.atime
	n.content.space = &fs.space
	if n.isDir() {
		n.entries = newDirectory()
	}
	fs.table.add(n)
	return n, nil
}

// forget takes back lookups, and is the end of an inode that has no name either.
func (fs *memfs) forget(_ *lowlevel.Request, ino lowlevel.Ino, nlookup uint64) {
	n := fs.table.get(ino)
	if n != nil && n.lookups.Add(-int64(nlookup)) <= 0 {
		fs.reap(n)
	}
}

func (fs *memfs) forgetMulti(req *lowlevel.Request, forgets []lowlevel.ForgetData) {
	for _, f := range forgets {
		fs.forget(req, f.Ino, f.Nlookup)
	}
}

// reap frees n if nothing needs it any more. It is called whenever a count has reached zero. Neither count can rise from
// zero while the other one is zero too, so there is no harm in that they are not looked at in one instant.
func (fs *memfs) reap(n *inode) {
	if !fs.table.removeUnused(n) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.kind == unix.S_IFREG {
		_ = n.content.truncate(0)
	}
	for name, value := range n.xattrs {
		fs.space.give(xattrCost(name, value))
	}
	n.xattrs = nil
	fs.space.give(int64(len(n.target)))
	fs.inodes.give(1)
}

// removeUnused removes n if it has neither names nor lookups, and reports whether this call did it.
func (t *table) removeUnused(n *inode) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.nlink > 0 || n.lookups.Load() > 0 || t.all.m[n.ino] == nil {
		return false
	}
	t.all.remove(n.ino)
	return true
}
