package main

import (
	"context"
	"slices"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// make is what Create, Mknod, Mkdir and Symlink have in common.
func (fs *memfs) make(ctx context.Context, path string, mode uint32, prepare func(n *node)) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	e, err := fs.entry(path)
	switch {
	case err != nil:
		return err
	case e.node != nil:
		return unix.EEXIST
	}
	mode, gid := inherit(ctx, &e.dir.stat, mode)
	n := fs.newNode(mode, highlevel.CallerOf(ctx).UID, gid)
	prepare(n)
	e.set(n)
	return nil
}

// inherit returns mode and group of what is made in a directory. A setgid directory hands down its group, and to directories that it does so; but nobody gets a
// program that runs with a group that he is not in.
func inherit(ctx context.Context, dir *highlevel.Stat, mode uint32) (_, gid uint32) {
	const program = unix.S_ISGID | unix.S_IXGRP
	caller := highlevel.CallerOf(ctx)
	switch {
	case dir.Mode&unix.S_ISGID == 0:
		return mode, caller.GID
	case mode&unix.S_IFMT == unix.S_IFDIR:
		return mode | unix.S_ISGID, dir.GID
	case mode&program == program && caller.UID != 0 && caller.GID != dir.GID:
		if groups, err := highlevel.Groups(ctx); err != nil || !slices.Contains(groups, dir.GID) {
			mode &^= unix.S_ISGID
		}
	}
	return mode, dir.GID
}

func (fs *memfs) create(ctx context.Context, path string, mode uint32, _ *highlevel.FileInfo) error {
	return fs.make(ctx, path, unix.S_IFREG|mode&0o7777, func(*node) {})
}

func (fs *memfs) mknod(ctx context.Context, path string, mode uint32, rdev uint64) error {
	return fs.make(ctx, path, mode, func(n *node) { n.stat.Rdev = rdev })
}

func (fs *memfs) mkdir(ctx context.Context, path string, mode uint32) error {
	return fs.make(ctx, path, unix.S_IFDIR|mode&0o7777, func(n *node) { n.stat.Size = pageSize })
}

func (fs *memfs) symlink(ctx context.Context, target, path string) error {
	return fs.make(ctx, path, unix.S_IFLNK|0o777, func(n *node) { n.target, n.stat.Size = target, int64(len(target)) })
}

func (fs *memfs) link(_ context.Context, oldPath, newPath string) error {
	return fs.with(oldPath, func(n *node) error {
		e, err := fs.entry(newPath)
		switch {
		case err != nil:
			return err
		case e.node != nil:
			return unix.EEXIST
		}
		e.set(n)
		n.stat.Nlink++
		n.changed()
		return nil
	})
}

func (fs *memfs) unlink(_ context.Context, path string) error { return fs.remove(path) }
func (fs *memfs) rmdir(_ context.Context, path string) error  { return fs.remove(path) }

// remove removes a name. The kernel has made sure that it is of the right type.
func (fs *memfs) remove(path string) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	e, err := fs.entry(path)
	switch {
	case err != nil:
		return err
	case e.node == nil:
		return unix.ENOENT
	case len(e.node.entries) > 0:
		return unix.ENOTEMPTY
	}
	e.set(nil)
	e.node.stat.Nlink--
	e.node.changed()
	return nil
}

// rename moves a name, onto another one maybe. The kernel has made sure that files do not replace directories or the other way round, and that no directory gets into
// itself.
func (fs *memfs) rename(_ context.Context, oldPath, newPath string, flags highlevel.RenameFlags) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	from, err := fs.entry(oldPath)
	if err != nil {
		return err
	}
	to, err := fs.entry(newPath)
	if err != nil {
		return err
	}
	if err := mayRename(from.node, to.node, flags); err != nil || from.node == to.node { // both names of a file stay: POSIX wants it so
		return err
	}
	from.set(nil)
	if flags == lowlevel.RenameExchange {
		entry{from.dir, from.name, nil}.set(to.node)
	} else if to.node != nil {
		to.node.stat.Nlink--
	}
	to.set(from.node)
	for _, n := range []*node{from.node, to.node} {
		if n != nil {
			n.changed()
		}
	}
	return nil
}

// mayRename tells whether n may take the place of old, or of nothing.
func mayRename(n, old *node, flags highlevel.RenameFlags) error {
	exchange := flags == lowlevel.RenameExchange
	switch {
	case flags != 0 && flags != lowlevel.RenameNoreplace && !exchange:
		return unix.EINVAL
	case n == nil, old == nil && exchange:
		return unix.ENOENT
	case old != nil && flags == lowlevel.RenameNoreplace:
		return unix.EEXIST
	case old != nil && !exchange && len(old.entries) > 0:
		return unix.ENOTEMPTY
	}
	return nil
}

func (fs *memfs) readdir(_ context.Context, path string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	return fs.with(path, func(dir *node) error {
		fill(".", nil, 0, 0)
		fill("..", nil, 0, 0)
		for name, n := range dir.entries {
			fill(name, &n.stat, 0, highlevel.FillDirPlus)
		}
		return nil
	})
}
