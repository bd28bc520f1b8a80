package sqfs

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Sizes and limits of the format: squashfs_fs.h.
const (
	magic        = 0x73717368 // "hsqs"
	majorVersion = 4
	minorVersion = 0

	metadataSize = 8192    // of a metadata block, uncompressed
	minBlockSize = 4 << 10 // of a data block
	maxBlockSize = 1 << 20

	// NameMax is the longest name of a file.
	NameMax = 256

	dirHeaderMax = 256 // entries below one header
)

// What stands where there is none.
const (
	invalidFrag  = 0xffffffff
	invalidXattr = 0xffffffff
	invalidTable = 0xffffffffffffffff
)

// Bits of sizes, which say that a block is as it was, not compressed.
const (
	metadataUncompressed = 1 << 15
	dataUncompressed     = 1 << 24
)

// Types of inodes. Those from typeLdir on have longer forms than the first seven: with xattrs, or more than fits otherwise.
const (
	typeDir = iota + 1
	typeReg
	typeSymlink
	typeBlkdev
	typeChrdev
	typeFifo
	typeSocket
	typeLdir
	typeLreg
	typeLsymlink
	typeLblkdev
	typeLchrdev
	typeLfifo
	typeLsocket
)

var modes = [...]uint32{
	typeDir: unix.S_IFDIR, typeReg: unix.S_IFREG, typeSymlink: unix.S_IFLNK, typeBlkdev: unix.S_IFBLK,
	typeChrdev: unix.S_IFCHR, typeFifo: unix.S_IFIFO, typeSocket: unix.S_IFSOCK,
	typeLdir: unix.S_IFDIR, typeLreg: unix.S_IFREG, typeLsymlink: unix.S_IFLNK, typeLblkdev: unix.S_IFBLK,
	typeLchrdev: unix.S_IFCHR, typeLfifo: unix.S_IFIFO, typeLsocket: unix.S_IFSOCK,
}

// modeOf returns the type bits of st_mode for a type of inode, 0 for one that there is not: sqfs_mode.
func modeOf(inodeType int) uint32 {
	if inodeType < 0 || inodeType >= len(modes) {
		return 0
	}
	return modes[inodeType]
}

// le is the byte order of all that is in an archive. In place of C's swap.c.
var le = binary.LittleEndian

// SuperBlock is what an archive begins with: struct squashfs_super_block.
type SuperBlock struct {
	Magic               uint32
	Inodes              uint32
	MkfsTime            uint32
	BlockSize           uint32
	Fragments           uint32
	Compression         uint16
	BlockLog            uint16
	Flags               uint16
	IDs                 uint16
	Major               uint16
	Minor               uint16
	RootInode           uint64
	BytesUsed           uint64
	IDTableStart        uint64
	XattrIDTableStart   uint64
	InodeTableStart     uint64
	DirectoryTableStart uint64
	FragmentTableStart  uint64
	LookupTableStart    uint64
}

const (
	superBlockSize = 96

	baseInodeSize  = 16
	dirEntrySize   = 8
	dirHeaderSize  = 12
	dirIndexSize   = 12
	fragEntrySize  = 16
	xattrEntrySize = 4
	xattrIDSize    = 16
)

// dirHeader is struct squashfs_dir_header, what the entries after it have in common.
type dirHeader struct {
	count       uint32 // entries after it, less one
	startBlock  uint32
	inodeNumber uint32
}

func (h *dirHeader) decode(b *[dirHeaderSize]byte) {
	h.count, h.startBlock, h.inodeNumber = le.Uint32(b[:]), le.Uint32(b[4:]), le.Uint32(b[8:])
}

// dirEntry is struct squashfs_dir_entry, which the name follows.
type dirEntry struct {
	offset      uint16
	inodeNumber int16 // to be added to the header's
	inodeType   uint16
	size        uint16 // of the name, less one
}

func (e *dirEntry) decode(b *[dirEntrySize]byte) {
	e.offset, e.inodeNumber = le.Uint16(b[:]), int16(le.Uint16(b[2:]))
	e.inodeType, e.size = le.Uint16(b[4:]), le.Uint16(b[6:])
}

// fragmentEntry is struct squashfs_fragment_entry: a block that the ends of files share.
type fragmentEntry struct {
	startBlock uint64
	size       uint32
}

func (f *fragmentEntry) decode(b *[fragEntrySize]byte) {
	f.startBlock, f.size = le.Uint64(b[:]), le.Uint32(b[8:])
}

// xattrID is struct squashfs_xattr_id: the xattrs of an inode.
type xattrID struct {
	xattr uint64 // where they are
	count uint32
	size  uint32
}

func (x *xattrID) decode(b *[xattrIDSize]byte) {
	x.xattr, x.count, x.size = le.Uint64(b[:]), le.Uint32(b[8:]), le.Uint32(b[12:])
}
