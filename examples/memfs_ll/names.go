package main

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Names: finding, making and removing entries. All of it happens under memfs.tree.

// directory returns the inode of that number, if it is a directory.
func (fs *memfs) directory(ino lowlevel.Ino) (*inode, error) {
	n, err := fs.node(ino)
	if err != nil {
		return nil, err
	}
	if !n.isDir() {
		return nil, unix.ENOTDIR
	}
	return n, nil
}

// place finds the directory in which an entry is to be made, and the entry of that name if there is one.
func (fs *memfs) place(parent lowlevel.Ino, name string) (*inode, *dirent, error) {
	if err := checkName(name); err != nil {
		return nil, nil, err
	}
	dir, err := fs.directory(parent)
	if err != nil {
		return nil, nil, err
	}
	if dir.nlink == 0 { // removed, though somebody may still be in it
		return nil, nil, unix.ENOENT
	}
	return dir, dir.entries.get(name), nil
}

// existing finds an entry.
func (fs *memfs) existing(parent lowlevel.Ino, name string) (*inode, *dirent, error) {
	dir, e, err := fs.place(parent, name)
	if err == nil && e == nil {
		err = unix.ENOENT
	}
	return dir, e, err
}

func (fs *memfs) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if err := checkName(name); err != nil {
		return lowlevel.EntryParam{}, err
	}
	fs.tree.RLock()
	defer fs.tree.RUnlock()
	if name == "." || name == ".." {
		return fs.lookupDot(parent, name)
	}
	dir, err := fs.directory(parent)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	e := dir.entries.get(name)
	if e == nil {
		return lowlevel.EntryParam{EntryTimeout: entryTimeout}, nil // a negative entry: also "no" is worth remembering
	}
	return e.node.lookedUp(), nil
}

// lookupDot is for those who come by number instead of by name (open_by_handle_at, NFS): "." of any inode is how the kernel
// gets to know one that it has forgotten, ".." is how it finds the way up from there.
func (fs *memfs) lookupDot(ino lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	n, err := fs.node(ino)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	if name == ".." {
		if !n.isDir() {
			return lowlevel.EntryParam{}, unix.ENOTDIR
		}
		if n.nlink == 0 {
			return lowlevel.EntryParam{}, unix.ESTALE
		}
		n = n.parent
	}
	return n.lookedUp(), nil
}

// owner is whom a new file belongs to.
type owner struct{ uid, gid uint32 }

// inherit says whom a file that is made in the directory belongs to, and what becomes of its mode (the kernel has applied the
// umask). A setgid directory hands down its group, and to directories that it does so.
func (fs *memfs) inherit(req *lowlevel.Request, parent lowlevel.Ino, mode uint32) (owner, uint32, error) {
	dir, err := fs.directory(parent)
	if err != nil {
		return owner{}, 0, err
	}
	dir.mu.RLock()
	setgid, gid := dir.perm&unix.S_ISGID != 0, dir.gid
	dir.mu.RUnlock()
	switch {
	case !setgid:
		return owner{req.UID, req.GID}, mode, nil
	case mode&unix.S_IFMT == unix.S_IFDIR:
		mode |= unix.S_ISGID
	case mode&(unix.S_ISGID|unix.S_IXGRP) == unix.S_ISGID|unix.S_IXGRP && !inGroup(req, gid):
		mode &^= unix.S_ISGID // nobody gets a program that runs with a group he is not in
	}
	return owner{req.UID, gid}, mode, nil
}

// inGroup reports whether the caller may act as a member of a group.
func inGroup(req *lowlevel.Request, gid uint32) bool {
	if req.UID == 0 || req.GID == gid {
		return true
	}
	groups, err := req.Groups()
	return err == nil && slices.Contains(groups, gid)
}

// create makes an inode with an entry, whatever its type.
func (fs *memfs) create(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32,
	prepare func(*inode) error,
) (lowlevel.EntryParam, error) {
	who, mode, err := fs.inherit(req, parent, mode)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	fs.tree.Lock()
	defer fs.tree.Unlock()
	dir, e, err := fs.place(parent, name)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	if e != nil {
		return lowlevel.EntryParam{}, unix.EEXIST
	}
	n, err := fs.newInode(who, mode)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	if err := prepare(n); err != nil {
		fs.reap(n)
		return lowlevel.EntryParam{}, err
	}
	dir.entries.add(name, n)
	if n.isDir() {
		n.parent = dir
		n.linked(2)
		dir.listingChanged(1)
	} else {
		n.linked(1)
		dir.listingChanged(0)
	}
	return n.lookedUp(), nil
}

func plain(*inode) error { return nil }

func (fs *memfs) mknod(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32, rdev uint64) (lowlevel.EntryParam, error) {
	switch mode & unix.S_IFMT {
	case unix.S_IFCHR, unix.S_IFBLK:
		return fs.create(req, parent, name, mode, func(n *inode) error { n.rdev = rdev; return nil })
	case unix.S_IFREG, unix.S_IFIFO, unix.S_IFSOCK:
		return fs.create(req, parent, name, mode, plain)
	}
	return lowlevel.EntryParam{}, unix.EINVAL
}

func (fs *memfs) mkdir(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32) (lowlevel.EntryParam, error) {
	return fs.create(req, parent, name, unix.S_IFDIR|mode&0o7777, plain)
}

func (fs *memfs) symlink(req *lowlevel.Request, target string, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if len(target) >= unix.PathMax {
		return lowlevel.EntryParam{}, unix.ENAMETOOLONG
	}
	return fs.create(req, parent, name, unix.S_IFLNK|0o777, func(n *inode) error {
		if !fs.space.take(int64(len(target))) {
			return unix.ENOSPC
		}
		n.target = target
		return nil
	})
}

// createFile is mknod and open in one request.
func (fs *memfs) createFile(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32,
	_ *lowlevel.FileInfo,
) (lowlevel.EntryParam, error) {
	return fs.create(req, parent, name, unix.S_IFREG|mode&0o7777, plain)
}

// tmpfile makes a file without a name. It is gone when it is closed, unless it gets a name by link.
func (fs *memfs) tmpfile(req *lowlevel.Request, parent lowlevel.Ino, mode uint32, _ *lowlevel.FileInfo) (lowlevel.EntryParam, error) {
	who, mode, err := fs.inherit(req, parent, unix.S_IFREG|mode&0o7777)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	n, err := fs.newInode(who, mode)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	n.linkable = true
	return n.lookedUp(), nil
}

func (fs *memfs) link(_ *lowlevel.Request, ino, newparent lowlevel.Ino, newname string) (lowlevel.EntryParam, error) {
	fs.tree.Lock()
	defer fs.tree.Unlock()
	n, err := fs.node(ino)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	dir, e, err := fs.place(newparent, newname)
	switch {
	case err != nil:
		return lowlevel.EntryParam{}, err
	case n.isDir():
		return lowlevel.EntryParam{}, unix.EPERM
	case e != nil:
		return lowlevel.EntryParam{}, unix.EEXIST
	case n.nlink == 0 && !n.linkable:
		return lowlevel.EntryParam{}, unix.ENOENT
	case n.nlink > 0 && !fs.inodes.take(1): // each further name counts as an inode, see maxInodes
		return lowlevel.EntryParam{}, unix.ENOSPC
	}
	dir.entries.add(newname, n)
	n.linked(1)
	dir.listingChanged(0)
	return n.lookedUp(), nil
}

func (fs *memfs) unlink(_ *lowlevel.Request, parent lowlevel.Ino, name string) error {
	fs.tree.Lock()
	defer fs.tree.Unlock()
	dir, e, err := fs.existing(parent, name)
	if err != nil {
		return err
	}
	n := e.node
	if n.isDir() {
		return unix.EISDIR
	}
	dir.entries.remove(name)
	dir.listingChanged(0)
	fs.unlinked(n)
	return nil
}

func (fs *memfs) rmdir(_ *lowlevel.Request, parent lowlevel.Ino, name string) error {
	fs.tree.Lock()
	defer fs.tree.Unlock()
	dir, e, err := fs.existing(parent, name)
	if err != nil {
		return err
	}
	n := e.node
	if !n.isDir() {
		return unix.ENOTDIR
	}
	if n.entries.len() > 0 {
		return unix.ENOTEMPTY
	}
	dir.entries.remove(name)
	dir.listingChanged(-1)
	fs.unlinked(n)
	return nil
}

// unlinked is told that n has lost its entry: a file one of its links, a directory both its name and its ".".
func (fs *memfs) unlinked(n *inode) {
	if n.isDir() {
		n.linked(-2)
	} else {
		n.linked(-1)
		if n.nlink > 0 {
			fs.inodes.give(1)
		}
	}
	fs.reap(n)
}
