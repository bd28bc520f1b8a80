// Package mirror carries out operations by paths on the host's files: what the examples passthrough and passthrough_fh have in common. A path
// is the host's. (With -o modules=subdir,subdir=DIR that layer puts DIR before it.)
package mirror

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Files are the host's files. The methods are members of highlevel.Operations.
type Files struct{ self serverIdentity }

// New returns the host's files. From then on the modes of new files are what the callers' umasks leave of them, not the process's own.
func New() (*Files, error) {
	self, err := newServerIdentity()
	if err != nil {
		return nil, err
	}
	unix.Umask(0)
	return &Files{self: self}, nil
}

// Init asks for what the operations need, and sets what C's examples set.
func (f *Files) Init(conn *highlevel.ConnInfo, cfg *highlevel.Config) {
	cfg.UseIno = true
	// Changes that are made below are seen at once. It takes that also for links: when one name of a file is removed, the kernel
	// does not know that the others are the same file, and would show their old link count.
	cfg.EntryTimeout, cfg.AttrTimeout, cfg.NegativeTimeout = 0, 0, 0

	if conn.Capable()&lowlevel.CapDontMask != 0 {
		_ = conn.Enable(lowlevel.CapDontMask) // see maskedMode
	}
	// With it the kernel sends O_TRUNC with the open, before it has found out that the file is a running program, and without a word
	// about set-user-ID bits. Else a truncate follows the open.
	conn.Disable(lowlevel.CapAtomicOTrunc)
}

// Getattr goes by path, also for open files.
func (f *Files) Getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	p, err := placeOf(path)
	if err != nil {
		return highlevel.Stat{}, err
	}
	defer p.close()
	var st unix.Stat_t
	if err := unix.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return highlevel.Stat{}, err
	}
	return lowlevel.StatOf(&st), nil
}

// Statx is Getattr with more attributes.
func (f *Files) Statx(_ context.Context, path string, flags, mask uint32, _ *highlevel.FileInfo) (st unix.Statx_t, err error) {
	p, err := placeOf(path)
	if err != nil {
		return st, err
	}
	defer p.close()
	err = unix.Statx(p.dir, p.name, int(flags)|unix.AT_SYMLINK_NOFOLLOW, int(mask), &st)
	return st, err
}

func (f *Files) Access(_ context.Context, path string, mask uint32) error {
	return at(path, func(p place) error { return unix.Faccessat(p.dir, p.name, mask, 0) })
}

func (f *Files) Readlink(_ context.Context, path string) (string, error) {
	p, err := placeOf(path)
	if err != nil {
		return "", err
	}
	defer p.close()
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(p.dir, p.name, buf[:])
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func (f *Files) Unlink(_ context.Context, path string) error {
	return at(path, func(p place) error { return unix.Unlinkat(p.dir, p.name, 0) })
}

func (f *Files) Rmdir(_ context.Context, path string) error {
	return at(path, func(p place) error { return unix.Unlinkat(p.dir, p.name, unix.AT_REMOVEDIR) })
}

// Rename knows renameat2(2)'s flags.
func (f *Files) Rename(_ context.Context, oldPath, newPath string, flags highlevel.RenameFlags) error {
	return at2(oldPath, newPath, func(from, to place) error {
		if flags == 0 { // also on filesystems without renameat2
			return unix.Renameat(from.dir, from.name, to.dir, to.name)
		}
		return unix.Renameat2(from.dir, from.name, to.dir, to.name, uint(flags))
	})
}

func (f *Files) Link(_ context.Context, oldPath, newPath string) error {
	return at2(oldPath, newPath, func(from, to place) error {
		return unix.Linkat(from.dir, from.name, to.dir, to.name, 0)
	})
}

func (f *Files) Chmod(_ context.Context, path string, mode uint32, _ *highlevel.FileInfo) error {
	return at(path, func(p place) error { return unix.Fchmodat(p.dir, p.name, mode&0o7777, 0) })
}

func (f *Files) Chown(_ context.Context, path string, uid, gid uint32, _ *highlevel.FileInfo) error {
	return at(path, func(p place) error {
		return unix.Fchownat(p.dir, p.name, ID(uid), ID(gid), unix.AT_SYMLINK_NOFOLLOW)
	})
}

// ID is a user or group as the system calls that change it take it: -1 for KeepID, also where an int has more bits.
func ID(id uint32) int {
	if id == highlevel.KeepID {
		return -1
	}
	return int(id)
}

func (f *Files) Truncate(_ context.Context, path string, size int64, _ *highlevel.FileInfo) error {
	return at(path, func(p place) error {
		_, err := IgnoringEINTR(func() (int, error) { return 0, unix.Truncate(p.path(), size) })
		return err
	})
}

func (f *Files) Utimens(_ context.Context, path string, atime, mtime unix.Timespec, _ *highlevel.FileInfo) error {
	return at(path, func(p place) error {
		return unix.UtimesNanoAt(p.dir, p.name, []unix.Timespec{atime, mtime}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (f *Files) Statfs(_ context.Context, path string) (highlevel.Statfs, error) {
	var st unix.Statfs_t
	err := at(path, func(p place) error { return unix.Statfs(p.path(), &st) })
	if err != nil {
		return highlevel.Statfs{}, err
	}
	return lowlevel.StatfsOf(&st), nil
}

func (f *Files) Setxattr(_ context.Context, path, name string, value []byte, flags highlevel.XattrFlags) error {
	return at(path, func(p place) error { return unix.Lsetxattr(p.path(), name, value, int(flags)) })
}

func (f *Files) Getxattr(_ context.Context, path, name string, dst []byte) (n int, err error) {
	err = at(path, func(p place) error {
		n, err = unix.Lgetxattr(p.path(), name, dst)
		return err
	})
	return n, err
}

func (f *Files) Listxattr(_ context.Context, path string, dst []byte) (n int, err error) {
	err = at(path, func(p place) error {
		n, err = unix.Llistxattr(p.path(), dst)
		return err
	})
	return n, err
}

func (f *Files) Removexattr(_ context.Context, path, name string) error {
	return at(path, func(p place) error { return unix.Lremovexattr(p.path(), name) })
}
