package sqfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// InodeID says where an inode is: the block in the inode table, and 16 bits for the offset in it. It is sqfs_inode_id.
type InodeID uint64

// Inode is an inode: struct sqfs_inode.
type Inode struct {
	Mode   uint32 // type and permissions
	Nlink  uint32
	Number uint32
	Mtime  uint32 // in seconds since 1970, without a sign
	UID    uint16 // index for FS.ID
	GID    uint16

	Rdev uint64 // of a device
	Size uint64 // of a regular file, or a symbolic link's target

	inodeType uint16
	xattr     uint32
	next      Cursor // behind the inode: sizes of blocks, the target of a link, the index of a directory

	// Of a regular file.
	startBlock uint64
	fragIndex  uint32
	fragOffset uint32

	// Of a directory.
	dirBlock  uint32
	dirOffset uint16
	dirSize   uint32
	dirIndex  uint16 // entries of the index
}

// IsDir reports whether it is a directory.
func (i *Inode) IsDir() bool { return i.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsReg reports whether it is a regular file.
func (i *Inode) IsReg() bool { return i.Mode&unix.S_IFMT == unix.S_IFREG }

// IsSymlink reports whether it is a symbolic link.
func (i *Inode) IsSymlink() bool { return i.Mode&unix.S_IFMT == unix.S_IFLNK }

// Inode returns the inode with that ID: sqfs_inode_get.
func (fs *FS) Inode(id InodeID) (Inode, error) {
	i := Inode{xattr: invalidXattr, Nlink: 1}
	if id>>48 != 0 {
		return i, corrupt("an inode's ID")
	}
	r := fs.mdReader(Cursor{tablePos(fs.SB.InodeTableStart, uint32(id>>16)), int(id & 0xffff)})
	defer r.close()
	var b [baseInodeSize]byte
	if err := r.read(b[:]); err != nil {
		return i, err
	}
	i.inodeType = le.Uint16(b[:])
	i.Mode = modeOf(int(i.inodeType)) | uint32(le.Uint16(b[2:]))&0o7777
	i.UID, i.GID = le.Uint16(b[4:]), le.Uint16(b[6:])
	i.Mtime, i.Number = le.Uint32(b[8:]), le.Uint32(b[12:])
	if err := i.decodeRest(&r); err != nil {
		return i, err
	}
	i.next = r.cur
	return i, nil
}

// inodeSizes are the sizes of what follows the part that all inodes have in common.
var inodeSizes = [...]int{
	typeDir: 16, typeReg: 16, typeSymlink: 8, typeBlkdev: 8, typeChrdev: 8, typeFifo: 4, typeSocket: 4,
	typeLdir: 24, typeLreg: 40, typeLsymlink: 8, typeLblkdev: 12, typeLchrdev: 12, typeLfifo: 8, typeLsocket: 8,
}

func (i *Inode) decodeRest(r *mdReader) error {
	var buf [40]byte
	if modeOf(int(i.inodeType)) == 0 {
		return corrupt("type of an inode")
	}
	b := buf[:inodeSizes[i.inodeType]]
	if err := r.read(b); err != nil {
		return err
	}
	switch i.inodeType {
	case typeDir:
		i.dirBlock, i.Nlink = le.Uint32(b), le.Uint32(b[4:])
		i.dirSize, i.dirOffset = uint32(le.Uint16(b[8:])), le.Uint16(b[10:])
	case typeLdir:
		i.Nlink, i.dirSize, i.dirBlock = le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
		i.dirIndex, i.dirOffset, i.xattr = le.Uint16(b[16:]), le.Uint16(b[18:]), le.Uint32(b[20:])
	case typeReg:
		i.startBlock, i.fragIndex = uint64(le.Uint32(b)), le.Uint32(b[4:])
		i.fragOffset, i.Size = le.Uint32(b[8:]), uint64(le.Uint32(b[12:]))
	case typeLreg:
		i.startBlock, i.Size, i.Nlink = le.Uint64(b), le.Uint64(b[8:]), le.Uint32(b[24:])
		i.fragIndex, i.fragOffset, i.xattr = le.Uint32(b[28:]), le.Uint32(b[32:]), le.Uint32(b[36:])
	case typeSymlink, typeLsymlink:
		i.Nlink, i.Size = le.Uint32(b), uint64(le.Uint32(b[4:]))
		return i.decodeSymlink(*r)
	default:
		i.decodeSpecial(b)
	}
	if i.Size > 1<<62 {
		return corrupt("size of a file")
	}
	return nil
}

// decodeSymlink reads what stands behind a symbolic link's target. The reader is a copy: the one it is of stays before the target.
func (i *Inode) decodeSymlink(r mdReader) error {
	if i.Size > math.MaxUint16 {
		return corrupt("size of a symbolic link")
	}
	if i.inodeType == typeSymlink {
		return nil
	}
	r.held = nil // belongs to the other one
	defer r.close()
	if err := r.skip(int64(i.Size)); err != nil {
		return err
	}
	var b [4]byte
	err := r.read(b[:])
	i.xattr = le.Uint32(b[:])
	return err
}

// decodeSpecial is for devices, FIFOs and sockets.
func (i *Inode) decodeSpecial(b []byte) {
	i.Nlink = le.Uint32(b)
	switch i.inodeType {
	case typeLfifo, typeLsocket:
		i.xattr = le.Uint32(b[4:])
	case typeBlkdev, typeChrdev:
		i.Rdev = device(le.Uint32(b[4:]))
	case typeLblkdev, typeLchrdev:
		i.Rdev, i.xattr = device(le.Uint32(b[4:])), le.Uint32(b[8:])
	}
}

// device decodes a number as Linux has them in 32 bits.
func device(n uint32) uint64 { return unix.Mkdev(n>>8&0xfff, n&0xff|n>>12&0xfff00) }

// maxSymlink is the longest target of a symbolic link: what the kernel can take.
const maxSymlink = 4095

// Readlink returns the target of a symbolic link: sqfs_readlink.
func (fs *FS) Readlink(i *Inode) (string, error) {
	if !i.IsSymlink() || i.Size > maxSymlink {
		return "", corrupt("a symbolic link")
	}
	b := make([]byte, i.Size)
	err := fs.mdRead(i.next, b)
	return string(b), err
}
