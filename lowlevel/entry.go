package lowlevel

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Ino is a node ID, fuse_ino_t in C: how the kernel names an inode of this filesystem. The filesystem chooses it
// when it returns an EntryParam. It is unique while its lookup count is not zero.
type Ino uint64

// RootIno is the node ID of the root directory, FUSE_ROOT_ID in C. It is never looked up and never forgotten.
const RootIno Ino = 1

// FileHandle is what the filesystem calls an open file, the fh of struct fuse_file_info: any number, such as an
// index or a file descriptor. It must not be a Go pointer.
type FileHandle uint64

// LockOwner tells the owners of locks apart. Two requests with the same owner come from the same one.
type LockOwner uint64

// Stat holds the attributes of a file: the part of struct stat that FUSE carries, with types that are the same on every
// architecture. [StatOf] makes one of a unix.Stat_t.
type Stat struct {
	Ino     uint64        // st_ino: the number that stat(2) shows
	Size    int64         // st_size, in bytes
	Blocks  int64         // st_blocks, in units of 512 bytes
	Atim    unix.Timespec // st_atim
	Mtim    unix.Timespec // st_mtim
	Ctim    unix.Timespec // st_ctim
	Rdev    uint64        // st_rdev, as unix.Mkdev makes it
	Mode    uint32        // st_mode: type (unix.S_IFMT) and permission bits
	Nlink   uint32        // st_nlink
	UID     uint32        // st_uid
	GID     uint32        // st_gid
	Blksize uint32        // st_blksize; 0: the kernel's default
	_       uint32
}

// StatOf returns st as a Stat.
func StatOf(st *unix.Stat_t) Stat {
	return Stat{
		Ino:     st.Ino,
		Size:    st.Size,
		Blocks:  st.Blocks,
		Atim:    st.Atim,
		Mtim:    st.Mtim,
		Ctim:    st.Ctim,
		Rdev:    uint64(st.Rdev),
		Mode:    st.Mode,
		Nlink:   uint32(st.Nlink),
		UID:     st.Uid,
		GID:     st.Gid,
		Blksize: uint32(st.Blksize),
	}
}

// IsDir reports whether the file is a directory.
func (st *Stat) IsDir() bool { return st.Mode&unix.S_IFMT == unix.S_IFDIR }

// EntryParam describes a directory entry: the counterpart of struct fuse_entry_param.
type EntryParam struct {
	// Ino is the node ID. Zero makes a negative entry: the name does not exist, for EntryTimeout.
	Ino Ino
	// Generation makes (Ino, Generation) unique for the filesystem's whole life, where Ino alone is used anew. NFS
	// exports and open_by_handle_at(2) need it.
	Generation uint64
	// Attr are the attributes. They must be right even where AttrTimeout is zero. Attr.Ino is shown to users as the
	// inode number.
	Attr Stat
	// AttrTimeout says for how long the kernel may use Attr without asking. Negative is zero.
	AttrTimeout time.Duration
	// EntryTimeout says for how long the kernel may use the name without asking. Negative is zero.
	EntryTimeout time.Duration
}

// Forever is a timeout that does not end.
const Forever time.Duration = math.MaxInt64

// Seconds returns a timeout as C's options have it: negative is zero, and what is too long is Forever.
func Seconds(s float64) time.Duration {
	switch {
	case !(s > 0): // NaN, too
		return 0
	case s >= Forever.Seconds():
		return Forever
	}
	return time.Duration(s * float64(time.Second))
}

// ForgetData is one item of [Ops.ForgetMulti]: struct fuse_forget_data.
type ForgetData struct {
	Ino     Ino
	Nlookup uint64
}

// Statfs describes the filesystem as a whole: the part of struct statvfs that FUSE carries.
type Statfs struct {
	Bsize   uint64 // f_bsize, preferred size of I/O in bytes
	Frsize  uint64 // f_frsize, the unit of Blocks, Bfree and Bavail in bytes; 0: as Bsize
	Blocks  uint64 // f_blocks
	Bfree   uint64 // f_bfree
	Bavail  uint64 // f_bavail, free for users other than root
	Files   uint64 // f_files, inodes
	Ffree   uint64 // f_ffree
	Namemax uint64 // f_namemax, longest name in bytes
}

// StatfsOf returns st as a Statfs.
func StatfsOf(st *unix.Statfs_t) Statfs {
	return Statfs{
		Bsize:   uint64(st.Bsize),
		Frsize:  uint64(st.Frsize),
		Blocks:  st.Blocks,
		Bfree:   st.Bfree,
		Bavail:  st.Bavail,
		Files:   st.Files,
		Ffree:   st.Ffree,
		Namemax: uint64(st.Namelen),
	}
}

// FileLock is a POSIX record lock: struct flock in C, with Whence always SEEK_SET.
type FileLock struct {
	Type   int16 // unix.F_RDLCK, unix.F_WRLCK or unix.F_UNLCK
	Whence int16 // unix.SEEK_SET
	PID    int32 // who holds it
	Start  int64
	Len    int64 // 0: to the end of the file
}
