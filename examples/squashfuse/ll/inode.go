package ll

import (
	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/sqfs"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// A node ID is where the inode is in the archive, 48 bits. FUSE takes two numbers for itself, 0 and 1, and so the inode that is at 0 is called 2; the
// root is always 1. No inode is at 1 or 2, as the first is longer than that.
//
// C has three ways to map node IDs. The other two are for a fuse_ino_t of 32 bits, which libfuse 3 has nowhere.

// zeroIno stands for the inode at 0.
const zeroIno lowlevel.Ino = 2

// fuseIno returns the node ID of an inode: ino_fuse_num and ino_register, which are the same with 64 bits.
func (ll *LL) fuseIno(id sqfs.InodeID) lowlevel.Ino {
	switch id {
	case ll.FS.Root():
		return lowlevel.RootIno
	case 0:
		return zeroIno
	}
	return lowlevel.Ino(id)
}

// inodeID returns the ID of the inode that a node ID stands for: ino_sqfs.
func (ll *LL) inodeID(ino lowlevel.Ino) sqfs.InodeID {
	switch ino {
	case lowlevel.RootIno:
		return ll.FS.Root()
	case zeroIno:
		return 0
	}
	return sqfs.InodeID(ino)
}

// Inode returns the inode that a node ID stands for, or ENOENT: sqfs_ll_iget.
func (ll *LL) Inode(ino lowlevel.Ino) (sqfs.Inode, error) {
	inode, err := ll.FS.Inode(ll.inodeID(ino))
	if err != nil {
		return inode, unix.ENOENT
	}
	return inode, nil
}

// stat returns an inode's attributes, but for Ino: sqfs_stat.
func (ll *LL) stat(i *sqfs.Inode) (lowlevel.Stat, error) {
	uid, err := ll.FS.ID(i.UID)
	if err != nil {
		return lowlevel.Stat{}, err
	}
	gid, err := ll.FS.ID(i.GID)
	if err != nil {
		return lowlevel.Stat{}, err
	}
	when := unix.Timespec{Sec: int64(i.Mtime)}
	st := lowlevel.Stat{
		Mode: i.Mode, Nlink: i.Nlink, UID: uid, GID: gid, Rdev: i.Rdev, Size: int64(i.Size),
		Atim: when, Mtim: when, Ctim: when, Blksize: ll.FS.SB.BlockSize,
	}
	if i.IsReg() {
		st.Blocks = st.Size / 512
	}
	return st, nil
}
