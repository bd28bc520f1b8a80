// Package ll is squashfuse_ll's half of squashfuse in Go: the handlers of libsquashfuse_ll, one for each sqfs_ll_op_ function.
//
// Nothing is kept from one request to the next but caches and two counters: a node ID says where its inode is (inode.go), and a handle says nothing. So each handler
// can be swapped for the C function of the same name; README.md says in which order.
package ll

import (
	"errors"
	"strings"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/sqfs"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// LL is a filesystem: struct sqfs_ll.
type LL struct {
	FS   *sqfs.FS
	Idle Idle
}

// timeout is how long the kernel may keep names and attributes: an archive does not change.
const timeout = lowlevel.Forever

// Ops returns the table of handlers: sqfs_ll_ops.
func (ll *LL) Ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Getattr:    ll.Getattr,
		Opendir:    ll.Opendir,
		Releasedir: ll.Releasedir,
		Readdir:    ll.Readdir,
		Lookup:     ll.Lookup,
		Open:       ll.Open,
		Create:     ll.Create,
		Release:    ll.Release,
		Read:       ll.Read,
		Readlink:   ll.Readlink,
		Listxattr:  ll.Listxattr,
		Getxattr:   ll.Getxattr,
		Forget:     ll.Forget,
		Statfs:     ll.Statfs,
	}
}

// Getattr is sqfs_ll_op_getattr.
func (ll *LL) Getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	st, err := ll.stat(&inode)
	if err != nil {
		return lowlevel.Stat{}, 0, unix.ENOENT
	}
	st.Ino = uint64(ino)
	return st, timeout, nil
}

// Opendir is sqfs_ll_op_opendir. C's keeps the inode until Releasedir.
func (ll *LL) Opendir(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) error {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return err
	}
	if !inode.IsDir() {
		return unix.ENOTDIR
	}
	ll.Idle.opened()
	return nil
}

// Create is sqfs_ll_op_create.
func (ll *LL) Create(*lowlevel.Request, lowlevel.Ino, string, uint32, *lowlevel.FileInfo) (lowlevel.EntryParam, error) {
	ll.Idle.touch()
	return lowlevel.EntryParam{}, unix.EROFS
}

// Releasedir is sqfs_ll_op_releasedir.
func (ll *LL) Releasedir(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) error {
	ll.Idle.closed()
	return nil
}

// Readdir is sqfs_ll_op_readdir. As there, "." and ".." are left out.
func (ll *LL) Readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return err
	}
	dir, err := ll.FS.OpenDir(&inode, off)
	if err != nil {
		return unix.EINVAL
	}
	defer dir.Close()
	var e sqfs.DirEntry
	for {
		more, err := dir.Next(&e)
		if err != nil {
			return unix.EIO
		}
		if !more || !dst.Add(string(e.Name), &lowlevel.Stat{Ino: uint64(ll.fuseIno(e.Inode)), Mode: e.Mode}, e.NextOffset) {
			return nil
		}
	}
}

// Lookup is sqfs_ll_op_lookup.
func (ll *LL) Lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	var none lowlevel.EntryParam
	ll.Idle.touch()
	dir, err := ll.Inode(parent)
	if err != nil {
		return none, err
	}
	if !dir.IsDir() {
		return none, unix.ENOTDIR
	}
	e, found, err := ll.FS.Lookup(&dir, name)
	if err != nil {
		return none, unix.EIO
	}
	if !found {
		return none, unix.ENOENT
	}
	inode, err := ll.FS.Inode(e.Inode)
	if err != nil {
		return none, unix.ENOENT
	}
	st, err := ll.stat(&inode)
	if err != nil {
		return none, unix.EIO
	}
	ino := ll.fuseIno(e.Inode)
	st.Ino = uint64(ino)
	return lowlevel.EntryParam{Ino: ino, Attr: st, AttrTimeout: timeout, EntryTimeout: timeout}, nil
}

// Open is sqfs_ll_op_open.
func (ll *LL) Open(_ *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	ll.Idle.touch()
	if fi.Flags&(unix.O_WRONLY|unix.O_RDWR) != 0 {
		return unix.EROFS
	}
	inode, err := ll.Inode(ino)
	if err != nil {
		return err
	}
	if !inode.IsReg() {
		return unix.EISDIR
	}
	fi.KeepCache = true
	ll.Idle.opened()
	return nil
}

// Release is sqfs_ll_op_release.
func (ll *LL) Release(*lowlevel.Request, lowlevel.Ino, *lowlevel.FileInfo) error {
	ll.Idle.closed()
	return nil
}

// Read is sqfs_ll_op_read. C's takes the inode from the handle, this one finds it by its ID, as every other handler does.
func (ll *LL) Read(_ *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return 0, err
	}
	n, err := ll.FS.ReadRange(&inode, dst, off)
	if err != nil {
		return 0, unix.EIO
	}
	return n, nil
}

// Readlink is sqfs_ll_op_readlink.
func (ll *LL) Readlink(_ *lowlevel.Request, ino lowlevel.Ino) (string, error) {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return "", err
	}
	if !inode.IsSymlink() {
		return "", unix.EINVAL
	}
	target, err := ll.FS.Readlink(&inode)
	if err != nil {
		return "", unix.EIO
	}
	target, _, _ = strings.Cut(target, "\x00") // where a C string ends
	return target, nil
}

// Listxattr is sqfs_ll_op_listxattr.
func (ll *LL) Listxattr(_ *lowlevel.Request, ino lowlevel.Ino, dst []byte) (int, error) {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return 0, err
	}
	names, err := ll.FS.Xattrs(&inode)
	if err != nil {
		return 0, unix.EIO
	}
	return lowlevel.XattrValue(dst, []byte(names))
}

// Getxattr is sqfs_ll_op_getxattr. An attribute that is there and empty is ENODATA in C.
func (ll *LL) Getxattr(_ *lowlevel.Request, ino lowlevel.Ino, name string, dst []byte) (int, error) {
	ll.Idle.touch()
	inode, err := ll.Inode(ino)
	if err != nil {
		return 0, err
	}
	n, err := ll.FS.Xattr(&inode, name, dst)
	switch {
	case errors.Is(err, sqfs.ErrNoXattr):
		return 0, unix.ENODATA
	case err != nil:
		return 0, unix.EIO
	}
	return n, nil // ERANGE where that is more than dst can take
}

// Forget is sqfs_ll_op_forget: there is nothing to be forgotten.
func (ll *LL) Forget(*lowlevel.Request, lowlevel.Ino, uint64) { ll.Idle.touch() }

// Statfs is stfs_ll_op_statfs.
func (ll *LL) Statfs(*lowlevel.Request, lowlevel.Ino) (lowlevel.Statfs, error) {
	ll.Idle.touch()
	sb := &ll.FS.SB
	size := uint64(sb.BlockSize)
	return lowlevel.Statfs{
		Bsize:   size,
		Frsize:  size,
		Blocks:  (sb.BytesUsed-1)/size + 1,
		Files:   uint64(sb.Inodes),
		Namemax: sqfs.NameMax,
	}, nil
}
