package main

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Extended attributes. The kernel checks who may use which namespace, and on what type of file.

// The most that the kernel passes on: a longer value could not be set, a longer list not be shown.
const (
	xattrValueMax = 64 << 10 // XATTR_SIZE_MAX
	xattrListMax  = 64 << 10 // XATTR_LIST_MAX
)

// xattrSpaces are the namespaces there are. "system." (access control lists) is not among them.
var xattrSpaces = []string{"user.", "trusted.", "security."}

func checkXattr(name string) error {
	for _, space := range xattrSpaces {
		if rest, ok := strings.CutPrefix(name, space); ok {
			if rest == "" {
				return unix.EINVAL
			}
			return nil
		}
	}
	return unix.EOPNOTSUPP
}

// xattrCost is how much space an attribute takes.
func xattrCost(name string, value []byte) int64 { return int64(len(name) + len(value)) }

// xattrNode returns the inode, if the attribute may exist.
func (fs *memfs) xattrNode(ino lowlevel.Ino, name string) (*inode, error) {
	if err := checkXattr(name); err != nil {
		return nil, err
	}
	return fs.node(ino)
}

func (fs *memfs) setxattr(_ *lowlevel.Request, ino lowlevel.Ino, name string, value []byte, flags lowlevel.XattrFlags) error {
	n, err := fs.xattrNode(ino, name)
	if err != nil {
		return err
	}
	if len(value) > xattrValueMax {
		return unix.E2BIG
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	old, exists := n.xattrs[name]
	switch {
	case exists && flags&lowlevel.XattrCreate != 0:
		return unix.EEXIST
	case !exists && flags&lowlevel.XattrReplace != 0:
		return unix.ENODATA
	case !exists && n.xattrListLen()+len(name)+1 > xattrListMax:
		return unix.ENOSPC
	}
	more := xattrCost(name, value)
	if exists {
		more -= xattrCost(name, old)
	}
	if !fs.space.take(more) {
		return unix.ENOSPC
	}
	if n.xattrs == nil {
		n.xattrs = make(map[string][]byte)
	}
	n.xattrs[name] = slices.Clone(value) // value is borrowed
	n.ctime = now()
	return nil
}

func (fs *memfs) getxattr(_ *lowlevel.Request, ino lowlevel.Ino, name string, dst []byte) (int, error) {
	n, err := fs.xattrNode(ino, name)
	if err != nil {
		return 0, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	value, exists := n.xattrs[name]
	if !exists {
		return 0, unix.ENODATA
	}
	return lowlevel.XattrValue(dst, value)
}

// listxattr shows the names in alphabetical order; those of "trusted." to root only.
func (fs *memfs) listxattr(req *lowlevel.Request, ino lowlevel.Ino, dst []byte) (int, error) {
	n, err := fs.node(ino)
	if err != nil {
		return 0, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	list := make([]byte, 0, n.xattrListLen())
	for _, name := range n.xattrNames() {
		if req.UID == 0 || !strings.HasPrefix(name, "trusted.") {
			list = append(append(list, name...), 0)
		}
	}
	return lowlevel.XattrValue(dst, list)
}

func (fs *memfs) removexattr(_ *lowlevel.Request, ino lowlevel.Ino, name string) error {
	n, err := fs.xattrNode(ino, name)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	value, exists := n.xattrs[name]
	if !exists {
		return unix.ENODATA
	}
	delete(n.xattrs, name)
	fs.space.give(xattrCost(name, value))
	n.ctime = now()
	return nil
}

// xattrNames returns the names of all attributes. The caller holds n.mu.
func (n *inode) xattrNames() []string {
	names := make([]string, 0, len(n.xattrs))
	for name := range n.xattrs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// xattrListLen returns how long the list of all names is. The caller holds n.mu.
func (n *inode) xattrListLen() int {
	size := 0
	for name := range n.xattrs {
		size += len(name) + 1
	}
	return size
}
