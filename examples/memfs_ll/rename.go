package main

import (
	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// rename moves an entry, replaces another one by it, or exchanges the two. The kernel has checked most of what could
// be wrong before it asks; but nothing here relies on that.
func (fs *memfs) rename(_ *lowlevel.Request, parent lowlevel.Ino, name string, newparent lowlevel.Ino, newname string,
	flags lowlevel.RenameFlags,
) error {
	const known = lowlevel.RenameNoreplace | lowlevel.RenameExchange
	if flags&^known != 0 || flags == known {
		return unix.EINVAL
	}
	fs.tree.Lock()
	defer fs.tree.Unlock()
	from, old, err := fs.existing(parent, name)
	if err != nil {
		return err
	}
	to, target, err := fs.place(newparent, newname)
	switch {
	case err != nil:
		return err
	case isWithin(to, old.node):
		return unix.EINVAL
	case flags == lowlevel.RenameExchange:
		return exchange(from, old, to, target)
	case target == nil:
		move(from, old, to, newname)
		return nil
	case flags == lowlevel.RenameNoreplace:
		return unix.EEXIST
	}
	return fs.replace(from, old, to, target)
}

// isWithin reports whether dir is n or a directory below n.
func isWithin(dir, n *inode) bool {
	for dir != n && dir != dir.parent {
		dir = dir.parent
	}
	return dir == n
}

// move gives the entry e of directory from the name newname in directory to.
func move(from *inode, e *dirent, to *inode, newname string) {
	n := e.node
	to.entries.add(newname, n)
	from.entries.remove(e.name)
	settle(n, from, to)
}

// settle notes that n has moved from one directory to another, or to another name in the same one.
func settle(n, from, to *inode) {
	subdirs := 0
	if n.isDir() {
		n.parent = to
		subdirs = 1
	}
	from.listingChanged(-subdirs)
	to.listingChanged(subdirs)
	n.linked(0) // which is a change of status
}

// replace puts the inode of the entry e in place of that of another entry. The other entry keeps its cookie: its name was there
// before and is there after, so a listing shows it once.
func (fs *memfs) replace(from *inode, e *dirent, to *inode, target *dirent) error {
	n, gone := e.node, target.node
	switch {
	case n == gone:
		return nil // two names of one file: POSIX wants both to stay
	case n.isDir() && !gone.isDir():
		return unix.ENOTDIR
	case !n.isDir() && gone.isDir():
		return unix.EISDIR
	case gone.isDir() && gone.entries.len() > 0:
		return unix.ENOTEMPTY
	}
	target.node = n
	from.entries.remove(e.name)
	settle(n, from, to)
	if gone.isDir() {
		to.listingChanged(-1)
	}
	fs.unlinked(gone)
	return nil
}

// exchange swaps the inodes of two entries.
func exchange(from *inode, a *dirent, to *inode, b *dirent) error {
	if b == nil {
		return unix.ENOENT
	}
	if isWithin(from, b.node) {
		return unix.EINVAL
	}
	a.node, b.node = b.node, a.node
	settle(b.node, from, to)
	settle(a.node, to, from)
	return nil
}
