package main

import (
	"strings"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"golang.org/x/sys/unix"
)

// memfs is the filesystem. Its methods with the signatures of highlevel.Operations are the operations. They run at the same time, hence the lock, which those that
// have no such signature expect to be held.
type memfs struct {
	mu   sync.Mutex
	root *node
	last uint64 // number of a node
}

// node is a file of any type.
type node struct {
	stat    highlevel.Stat
	entries map[string]*node // of a directory
	target  string           // of a symbolic link
	pages   map[int64]*page  // of a regular file, by number
	xattrs  map[string][]byte
}

func (fs *memfs) newNode(mode, uid, gid uint32) *node {
	fs.last++
	t := now()
	n := &node{
		stat:    highlevel.Stat{Ino: fs.last, Mode: mode, Nlink: 1, UID: uid, GID: gid, Atim: t, Mtim: t, Ctim: t, Blksize: pageSize},
		entries: map[string]*node{}, pages: map[int64]*page{}, xattrs: map[string][]byte{},
	}
	if n.stat.IsDir() {
		n.stat.Nlink++ // its "."
	}
	return n
}

// now is exact: by a new time the kernel sees that a file was changed by its other name.
func now() unix.Timespec { return unix.NsecToTimespec(time.Now().UnixNano()) }

// changed notes a change of attributes, modified one of content or entries.
func (n *node) changed() { n.stat.Ctim = now() }

func (n *node) modified() {
	n.stat.Mtim = now()
	n.stat.Ctim = n.stat.Mtim
}

const nameMax = 255

// find returns the node at a path.
func (fs *memfs) find(path string) (*node, error) {
	if path == "" { // it was removed, and is still in use
		return nil, unix.ESTALE
	}
	n := fs.root
	for name := range strings.SplitSeq(path, "/") {
		if name != "" {
			n = n.entries[name]
		}
		switch {
		case len(name) > nameMax:
			return nil, unix.ENAMETOOLONG
		case n == nil:
			return nil, unix.ENOENT
		}
	}
	return n, nil
}

// with calls do with the node at a path.
func (fs *memfs) with(path string, do func(n *node) error) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n, err := fs.find(path)
	if err != nil {
		return err
	}
	return do(n)
}

// entry is a name in a directory.
type entry struct {
	dir  *node
	name string
	node *node // nil: there is none
}

// entry returns what a path names, which need not exist.
func (fs *memfs) entry(path string) (entry, error) {
	i := strings.LastIndexByte(path, '/')
	dir, err := fs.find(path[:max(i, 1)])
	name := path[i+1:]
	switch {
	case err != nil:
		return entry{}, err
	case len(name) > nameMax:
		return entry{}, unix.ENAMETOOLONG
	}
	return entry{dir, name, dir.entries[name]}, nil
}

// set has the name stand for n, or for nothing if that is nil.
func (e entry) set(n *node) {
	if e.node != nil && e.node.stat.IsDir() {
		e.dir.stat.Nlink-- // its ".." was a link
	}
	if n != nil && n.stat.IsDir() {
		e.dir.stat.Nlink++
	}
	if n == nil {
		delete(e.dir.entries, e.name)
	} else {
		e.dir.entries[e.name] = n
	}
	e.dir.modified()
}
