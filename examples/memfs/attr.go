package main

import (
	"context"
	"slices"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

func (fs *memfs) getattr(_ context.Context, path string, _ *highlevel.FileInfo) (st highlevel.Stat, err error) {
	err = fs.with(path, func(n *node) error { st = n.stat; return nil })
	return st, err
}

// change calls do with the attributes of a file.
func (fs *memfs) change(path string, do func(st *highlevel.Stat)) error {
	return fs.with(path, func(n *node) error {
		do(&n.stat)
		n.changed()
		return nil
	})
}

// chmod and chown get what the kernel has made of it: it knows who may set a setgid bit, and when to drop one.
func (fs *memfs) chmod(_ context.Context, path string, mode uint32, _ *highlevel.FileInfo) error {
	return fs.change(path, func(st *highlevel.Stat) { st.Mode = st.Mode&unix.S_IFMT | mode&0o7777 })
}

func (fs *memfs) chown(_ context.Context, path string, uid, gid uint32, _ *highlevel.FileInfo) error {
	return fs.change(path, func(st *highlevel.Stat) {
		if uid != highlevel.KeepID {
			st.UID = uid
		}
		if gid != highlevel.KeepID {
			st.GID = gid
		}
	})
}

func (fs *memfs) utimens(_ context.Context, path string, atime, mtime unix.Timespec, _ *highlevel.FileInfo) error {
	return fs.change(path, func(st *highlevel.Stat) {
		setTime(&st.Atim, atime)
		setTime(&st.Mtim, mtime)
	})
}

func setTime(t *unix.Timespec, to unix.Timespec) {
	switch to.Nsec {
	case unix.UTIME_OMIT:
	case unix.UTIME_NOW:
		*t = now()
	default:
		*t = to
	}
}

// xattr calls do with a file and what it has under a name, or nil.
func (fs *memfs) xattr(path, name string, do func(n *node, value []byte) error) error {
	space, _, _ := strings.Cut(name, ".")
	if !slices.Contains([]string{"user", "trusted", "security"}, space) { // no access control lists ("system.")
		return unix.EOPNOTSUPP
	}
	return fs.with(path, func(n *node) error { return do(n, n.xattrs[name]) })
}

func (fs *memfs) setxattr(_ context.Context, path, name string, value []byte, flags highlevel.XattrFlags) error {
	return fs.xattr(path, name, func(n *node, old []byte) error {
		switch {
		case old != nil && flags&lowlevel.XattrCreate != 0:
			return unix.EEXIST
		case old == nil && flags&lowlevel.XattrReplace != 0:
			return unix.ENODATA
		}
		n.xattrs[name] = append([]byte{}, value...) // it is borrowed
		n.changed()
		return nil
	})
}

func (fs *memfs) getxattr(_ context.Context, path, name string, dst []byte) (size int, err error) {
	err = fs.xattr(path, name, func(_ *node, value []byte) error {
		if value == nil {
			return unix.ENODATA
		}
		size, err = lowlevel.XattrValue(dst, value)
		return err
	})
	return size, err
}

// listxattr shows the names of "trusted." to root only.
func (fs *memfs) listxattr(ctx context.Context, path string, dst []byte) (size int, err error) {
	var list []byte
	err = fs.with(path, func(n *node) error {
		for name := range n.xattrs {
			if highlevel.CallerOf(ctx).UID == 0 || !strings.HasPrefix(name, "trusted.") {
				list = append(append(list, name...), 0)
			}
		}
		size, err = lowlevel.XattrValue(dst, list)
		return err
	})
	return size, err
}

func (fs *memfs) removexattr(_ context.Context, path, name string) error {
	return fs.xattr(path, name, func(n *node, value []byte) error {
		if value == nil {
			return unix.ENODATA
		}
		delete(n.xattrs, name)
		n.changed()
		return nil
	})
}
