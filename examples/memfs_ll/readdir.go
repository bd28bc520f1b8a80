package main

import (
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// readdir lists names, numbers and types.
func (fs *memfs) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	return fs.list(ino, off, func(name string, n *inode, next int64) bool {
		return dst.Add(name, dirStat(n), next)
	})
}

// readdirplus lists the attributes too, which counts as a lookup of each entry that found room in the answer.
func (fs *memfs) readdirplus(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirPlusBuf, off int64, _ *lowlevel.FileInfo) error {
	return fs.list(ino, off, func(name string, n *inode, next int64) bool {
		if next < cookieFirst { // "." and "..": not looked up
			return dst.Add(name, &lowlevel.EntryParam{Attr: *dirStat(n)}, next)
		}
		e := n.entry()
		added := dst.Add(name, &e, next)
		if added {
			n.lookups.Add(1)
		}
		return added
	})
}

// dirStat is as much of an inode's attributes as a listing shows.
func dirStat(n *inode) *lowlevel.Stat { return &lowlevel.Stat{Ino: uint64(n.ino), Mode: n.kind} }

// list calls add for the entries of a directory behind offset off, until add reports that there is no more room. next is the
// offset behind the entry.
func (fs *memfs) list(ino lowlevel.Ino, off int64, add func(name string, n *inode, next int64) bool) error {
	dir, err := fs.directory(ino)
	if err != nil {
		return err
	}
	fs.tree.RLock()
	fs.listEntries(dir, off, add)
	fs.tree.RUnlock()
	dir.accessed()
	return nil
}

func (fs *memfs) listEntries(dir *inode, off int64, add func(name string, n *inode, next int64) bool) {
	if dir.nlink == 0 {
		return // a removed directory has not even a "."
	}
	if off < cookieDot && !add(".", dir, cookieDot) {
		return
	}
	if off < cookieDotDot && !add("..", dir.parent, cookieDotDot) {
		return
	}
	dir.entries.after(off, func(e *dirent) bool { return add(e.name, e.node, e.cookie) })
}
