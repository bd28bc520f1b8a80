package main

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// inodeKey names a file of the system. While a descriptor of the file is open, no other file has the same key.
type inodeKey struct {
	dev, ino uint64
}

func keyOf(st *unix.Stat_t) inodeKey { return inodeKey{uint64(st.Dev), st.Ino} }

// inode is a file that the kernel knows through this mount. The kernel sends no request for it once it has forgotten it,
// so a handler may use fd as long as it runs.
type inode struct {
	fd   int // O_PATH; -1 for one that is opened by its handle when it is needed, see passthrough.adopt
	key  inodeKey
	node lowlevel.Ino
	gen  uint64
	born uint64 // inodeTable.births when it came into the table
	// refs is the kernel's lookup count. It goes up under a read lock of the table and down under its write lock.
	refs atomic.Uint64
}

// inodeTable holds all inodes that the kernel knows, by what they are and by what the kernel calls them.
//
// The root is not found by key: were a bind mount of it found below itself, the kernel would refuse a name that is the root.
type inodeTable struct {
	root   *inode
	births atomic.Uint64

	mu     sync.RWMutex
	byKey  map[inodeKey]*inode
	byNode map[lowlevel.Ino]*inode
}

// newInodeTable returns a table with the root directory in it. It takes over fd.
func newInodeTable(fd int, st *unix.Stat_t) *inodeTable {
	return &inodeTable{
		root:   &inode{fd: fd, key: keyOf(st), node: lowlevel.RootIno},
		byKey:  make(map[inodeKey]*inode),
		byNode: make(map[lowlevel.Ino]*inode),
	}
}

// get returns the inode that the kernel calls node, or nil.
func (t *inodeTable) get(node lowlevel.Ino) *inode {
	if node == lowlevel.RootIno {
		return t.root
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byNode[node]
}

// now returns a time for refSince.
func (t *inodeTable) now() uint64 { return t.births.Load() }

// refSince returns the inode of key with one more reference, or nil. It finds only inodes that have been in the table, with a
// descriptor, since the given time.
//
// That makes it safe to look up a key that was read, after that time, by stat of a path: had the file been replaced since by
// another one that got its inode number, the inode found would be younger, as the older one keeps its number while it is here.
func (t *inodeTable) refSince(key inodeKey, time uint64) *inode {
	t.mu.RLock()
	defer t.mu.RUnlock()
	in := t.byKey[key]
	if in == nil || in.fd < 0 || in.born > time {
		return nil
	}
	in.refs.Add(1)
	return in
}

// refNode returns the inode that was called node with one more reference, or nil.
func (t *inodeTable) refNode(node lowlevel.Ino) *inode {
	t.mu.RLock()
	defer t.mu.RUnlock()
	in := t.byNode[node]
	if in != nil {
		in.refs.Add(1)
	}
	return in
}

// add returns the inode of a file with one more reference. If it is not there yet, it is made of the arguments. It takes
// over fd, which is an O_PATH descriptor of that very file, or -1.
func (t *inodeTable) add(fd int, key inodeKey, node lowlevel.Ino, gen uint64) *inode {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in := t.find(key, node); in != nil {
		in.refs.Add(1)
		closeFD(fd)
		return in
	}
	in := &inode{fd: fd, key: key, node: node, gen: gen, born: t.births.Add(1)}
	in.refs.Store(1)
	t.byKey[key] = in
	t.byNode[node] = in
	return in
}

// find returns the inode of a file, or nil. The caller holds the lock. A key says which file is meant only while somebody has that
// open. An inode without a descriptor may be that of a file that is gone, and then its node ID differs.
func (t *inodeTable) find(key inodeKey, node lowlevel.Ino) *inode {
	if in := t.byKey[key]; in != nil && in.fd >= 0 {
		return in
	}
	return t.byNode[node]
}

// unref drops references, as a forget request lists them.
func (t *inodeTable) unref(forgets ...lowlevel.ForgetData) {
	var gone []*inode
	t.mu.Lock()
	for _, f := range forgets {
		if in := t.drop(f); in != nil {
			gone = append(gone, in)
		}
	}
	t.mu.Unlock()
	for _, in := range gone {
		closeFD(in.fd)
	}
}

// drop drops references of one inode, and returns it if there are none left. The caller holds the lock.
func (t *inodeTable) drop(f lowlevel.ForgetData) *inode {
	in := t.byNode[f.Ino]
	if in == nil {
		return nil // the root, or a kernel that has lost count
	}
	if left := in.refs.Load(); left > f.Nlookup {
		in.refs.Store(left - f.Nlookup)
		return nil
	}
	delete(t.byNode, in.node)
	if t.byKey[in.key] == in {
		delete(t.byKey, in.key)
	}
	return in
}

// len returns how many inodes there are besides the root.
func (t *inodeTable) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.byNode)
}

// close closes all descriptors.
func (t *inodeTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, in := range t.byNode {
		closeFD(in.fd)
	}
	clear(t.byNode)
	clear(t.byKey)
	closeFD(t.root.fd)
}

// closeFD closes a descriptor, if there is one. Where nothing was written, closing has nothing to say.
func closeFD(fd int) {
	if fd >= 0 {
		_ = unix.Close(fd)
	}
}
