package fusetest

// This file: the structs of replies and notifications, field for field as in the kernel's fuse.h.

// Attr is struct fuse_attr.
type Attr struct {
	Ino       uint64
	Size      uint64
	Blocks    uint64
	Atime     uint64
	Mtime     uint64
	Ctime     uint64
	AtimeNsec uint32
	MtimeNsec uint32
	CtimeNsec uint32
	Mode      uint32
	Nlink     uint32
	UID       uint32
	GID       uint32
	Rdev      uint32
	Blksize   uint32 // protocol 7.9 and up
	Flags     uint32 // protocol 7.9 and up
}

// EntryOut is struct fuse_entry_out.
type EntryOut struct {
	NodeID         uint64
	Generation     uint64
	EntryValid     uint64 // seconds
	AttrValid      uint64 // seconds
	EntryValidNsec uint32
	AttrValidNsec  uint32
	Attr           Attr
}

// AttrOut is struct fuse_attr_out.
type AttrOut struct {
	AttrValid     uint64 // seconds
	AttrValidNsec uint32
	Dummy         uint32
	Attr          Attr
}

// OpenOut is struct fuse_open_out.
type OpenOut struct {
	Fh        uint64
	OpenFlags uint32 // FopenDirectIO and so on
	BackingID int32
}

// WriteOut is struct fuse_write_out, the reply to WRITE and COPY_FILE_RANGE.
type WriteOut struct {
	Size    uint32
	Padding uint32
}

// CopyFileRangeOut is struct fuse_copy_file_range_out, the reply to COPY_FILE_RANGE_64.
type CopyFileRangeOut struct {
	BytesCopied uint64
}

// StatfsOut is struct fuse_kstatfs.
type StatfsOut struct {
	Blocks  uint64
	Bfree   uint64
	Bavail  uint64
	Files   uint64
	Ffree   uint64
	Bsize   uint32
	Namelen uint32
	Frsize  uint32
	Padding uint32
	Spare   [6]uint32
}

// GetxattrOut is struct fuse_getxattr_out, the reply to a size query.
type GetxattrOut struct {
	Size    uint32
	Padding uint32
}

// LkOut is struct fuse_lk_out.
type LkOut struct {
	Lk FileLock
}

// BmapOut is struct fuse_bmap_out.
type BmapOut struct {
	Block uint64
}

// IoctlOut is struct fuse_ioctl_out.
type IoctlOut struct {
	Result  int32
	Flags   uint32 // IoctlRetry
	InIovs  uint32
	OutIovs uint32
}

// IoctlIovec is struct fuse_ioctl_iovec: what follows an IoctlOut that asks for a retry.
type IoctlIovec struct {
	Base uint64
	Len  uint64
}

// PollOut is struct fuse_poll_out.
type PollOut struct {
	Revents uint32
	Padding uint32
}

// LseekOut is struct fuse_lseek_out.
type LseekOut struct {
	Offset uint64
}

// InitOut is struct fuse_init_out. What a reply for an older protocol leaves out is zero.
type InitOut struct {
	Major               uint32
	Minor               uint32
	MaxReadahead        uint32
	Flags               uint32 // low half; see [InitOut.InitFlags]
	MaxBackground       uint16
	CongestionThreshold uint16
	MaxWrite            uint32
	TimeGran            uint32
	MaxPages            uint16
	MapAlignment        uint16
	Flags2              uint32 // high half
	MaxStackDepth       uint32
	RequestTimeout      uint16
	Unused              [11]uint16
}

// InitFlags returns both halves of the flags.
func (o *InitOut) InitFlags() InitFlags { return InitFlags(o.Flags) | InitFlags(o.Flags2)<<32 }

// SxTime is struct fuse_sx_time.
type SxTime struct {
	Sec      int64
	Nsec     uint32
	Reserved int32
}

// StatxAttr is struct fuse_statx.
type StatxAttr struct {
	Mask           uint32
	Blksize        uint32
	Attributes     uint64
	Nlink          uint32
	UID            uint32
	GID            uint32
	Mode           uint16
	Spare0         uint16
	Ino            uint64
	Size           uint64
	Blocks         uint64
	AttributesMask uint64
	Atime          SxTime
	Btime          SxTime
	Ctime          SxTime
	Mtime          SxTime
	RdevMajor      uint32
	RdevMinor      uint32
	DevMajor       uint32
	DevMinor       uint32
	Spare2         [14]uint64
}

// StatxOut is struct fuse_statx_out.
type StatxOut struct {
	AttrValid     uint64 // seconds
	AttrValidNsec uint32
	Flags         uint32
	Spare         [2]uint64
	Stat          StatxAttr
}

// direntHead is struct fuse_dirent without its name.
type direntHead struct {
	Ino     uint64
	Off     uint64
	Namelen uint32
	Type    uint32
}

// Dirent is struct fuse_dirent: an entry of a READDIR reply.
type Dirent struct {
	Ino  uint64
	Off  uint64 // of the entry after this one
	Type uint32 // unix.DT_REG and so on
	Name string
}

// DirentPlus is struct fuse_direntplus: an entry of a READDIRPLUS reply.
type DirentPlus struct {
	Entry EntryOut
	Dirent
}

// PollWakeupOut is struct fuse_notify_poll_wakeup_out.
type PollWakeupOut struct {
	Kh uint64
}

// InvalInodeOut is struct fuse_notify_inval_inode_out.
type InvalInodeOut struct {
	Ino uint64
	Off int64
	Len int64
}

// InvalEntryOut is struct fuse_notify_inval_entry_out. The name and a NUL follow.
type InvalEntryOut struct {
	Parent  uint64
	Namelen uint32
	Flags   uint32 // ExpireOnly
}

// DeleteOut is struct fuse_notify_delete_out. The name and a NUL follow.
type DeleteOut struct {
	Parent  uint64
	Child   uint64
	Namelen uint32
	Padding uint32
}

// StoreOut is struct fuse_notify_store_out. The data follows.
type StoreOut struct {
	NodeID  uint64
	Offset  uint64
	Size    uint32
	Padding uint32
}

// RetrieveOut is struct fuse_notify_retrieve_out.
type RetrieveOut struct {
	NotifyUnique uint64 // the unique of the NOTIFY_REPLY request that answers it
	NodeID       uint64
	Offset       uint64
	Size         uint32
	Padding      uint32
}

// PruneOut is struct fuse_notify_prune_out. The node IDs follow.
type PruneOut struct {
	Count   uint32
	Padding uint32
	Spare   uint64
}
