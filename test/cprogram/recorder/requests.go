package recorder

import (
	"math"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// Asked is a request.
type Asked struct {
	Req    *fusetest.Request
	Member string // of Ops that gets it
	since  int    // the libfuse that knows it
}

// An inode and a file handle of more than 32 bits.
const (
	Ino = 0x123456789abc
	Fh  = 0x3456789abcde
)

// Requests returns one or more of each kind, about an inode, with something in every field.
func Requests(ino uint64) []Asked {
	lk := fusetest.LkIn{Fh: Fh, Owner: 0x4455667788, Lk: fusetest.FileLock{Start: 10, End: 29, Type: unix.F_WRLCK, PID: 55}}
	flock := lk
	flock.LkFlags = fusetest.LkFlock
	unlock := flock
	unlock.Lk.Type = unix.F_UNLCK
	toEnd := lk
	toEnd.Lk.End = math.MaxInt64
	read := fusetest.ReadIn{Fh: Fh, Offset: 0x12345678, Size: 100, ReadFlags: fusetest.ReadLockowner, LockOwner: 0x5566778899, Flags: unix.O_RDWR | unix.O_APPEND}
	listing := fusetest.ReadIn{Fh: Fh, Size: 4096}
	data := []byte("some data\x00 of a write")
	list := []Asked{
		{Member: "Lookup", Req: fusetest.Lookup(ino, "na me\xff")},
		{Member: "Getattr", Req: fusetest.Getattr(ino, fusetest.GetattrIn{})},
		{Member: "Getattr", Req: fusetest.Getattr(ino, fusetest.GetattrIn{Flags: fusetest.GetattrFh, Fh: Fh})},
		{Member: "Setattr", Req: fusetest.Setattr(ino, fusetest.SetattrIn{
			Valid: 0xffff, Fh: Fh, Size: 0x987654321, LockOwner: 9, Atime: 2, Mtime: math.MaxUint64, Ctime: 4,
			AtimeNsec: 5, MtimeNsec: 6, CtimeNsec: 7, Mode: 0o7644, UID: 8, GID: 10,
		})},
		{Member: "Setattr", Req: fusetest.Setattr(ino, fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o600})},
		{Member: "Readlink", Req: fusetest.Readlink(ino)},
		{Member: "Mknod", Req: fusetest.Mknod(ino, fusetest.MknodIn{Mode: unix.S_IFBLK | 0o640, Rdev: 0x0801, Umask: 0o27}, "node")},
		{Member: "Mkdir", Req: fusetest.Mkdir(ino, fusetest.MkdirIn{Mode: 0o751, Umask: 0o77}, "dir")},
		{Member: "Unlink", Req: fusetest.Unlink(ino, "gone")},
		{Member: "Rmdir", Req: fusetest.Rmdir(ino, "gone too")},
		{Member: "Symlink", Req: fusetest.Symlink(ino, "link", "../to/there")},
		{Member: "Rename", Req: fusetest.Rename(ino, ino+1, "old", "new")},
		{Member: "Rename", Req: fusetest.Rename2(ino, fusetest.Rename2In{Newdir: ino + 1, Flags: 5}, "old", "new")},
		{Member: "Link", Req: fusetest.Link(ino+1, ino, "hard")},
		{Member: "Open", Req: fusetest.Open(ino, fusetest.OpenIn{Flags: unix.O_RDWR | unix.O_TRUNC})},
		{Member: "Read", Req: fusetest.Read(ino, read)},
		{Member: "WriteBuf", Req: fusetest.Write(ino, fusetest.WriteIn{Fh: Fh, Offset: 0x23456789, LockOwner: 0x66778899, WriteFlags: fusetest.WriteLockowner, Flags: unix.O_WRONLY}, data)},
		{Member: "WriteBuf", Req: fusetest.Write(ino, fusetest.WriteIn{Fh: Fh, WriteFlags: fusetest.WriteCache}, data[:5])},
		{Member: "Flush", Req: fusetest.Flush(ino, fusetest.FlushIn{Fh: Fh, LockOwner: 0x778899})},
		{Member: "Release", Req: fusetest.Release(ino, fusetest.ReleaseIn{Fh: Fh, Flags: unix.O_RDWR, ReleaseFlags: fusetest.ReleaseFlush | fusetest.ReleaseFlockUnlock, LockOwner: 0x8899})},
		{Member: "Fsync", Req: fusetest.Fsync(ino, fusetest.FsyncIn{Fh: Fh, FsyncFlags: fusetest.FsyncFdatasync})},
		{Member: "Fsync", Req: fusetest.Fsync(ino, fusetest.FsyncIn{Fh: Fh})},
		{Member: "Opendir", Req: fusetest.Opendir(ino, fusetest.OpenIn{Flags: unix.O_DIRECTORY})},
		{Member: "Readdir", Req: fusetest.Readdir(ino, listing)},
		{Member: "Readdir", Req: fusetest.Readdir(ino, fusetest.ReadIn{Fh: Fh, Offset: 3, Size: 100})},
		{Member: "Readdir", Req: fusetest.Readdir(ino, fusetest.ReadIn{Fh: Fh, Offset: 10, Size: 100})},
		{Member: "Readdirplus", Req: fusetest.Readdirplus(ino, listing)},
		{Member: "Readdirplus", Req: fusetest.Readdirplus(ino, fusetest.ReadIn{Fh: Fh, Offset: 8, Size: 200})},
		{Member: "Releasedir", Req: fusetest.Releasedir(ino, fusetest.ReleaseIn{Fh: Fh, Flags: unix.O_DIRECTORY})},
		{Member: "Fsyncdir", Req: fusetest.Fsyncdir(ino, fusetest.FsyncIn{Fh: Fh, FsyncFlags: fusetest.FsyncFdatasync})},
		{Member: "Statfs", Req: fusetest.Statfs(ino)},
		{Member: "Setxattr", Req: fusetest.Setxattr(ino, fusetest.SetxattrIn{Flags: unix.XATTR_REPLACE}, "user.a/b", []byte("v\x00l"))},
		{Member: "Setxattr", Req: fusetest.Setxattr(ino, fusetest.SetxattrIn{}, "user.empty", nil)},
		{Member: "Getxattr", Req: fusetest.Getxattr(ino, fusetest.GetxattrIn{Size: 100}, "user.a")},
		{Member: "Getxattr", Req: fusetest.Getxattr(ino, fusetest.GetxattrIn{}, "user.a")},
		{Member: "Getxattr", Req: fusetest.Getxattr(ino, fusetest.GetxattrIn{Size: 3}, "user.a")},
		{Member: "Listxattr", Req: fusetest.Listxattr(ino, fusetest.GetxattrIn{Size: 100})},
		{Member: "Listxattr", Req: fusetest.Listxattr(ino, fusetest.GetxattrIn{})},
		{Member: "Listxattr", Req: fusetest.Listxattr(ino, fusetest.GetxattrIn{Size: 3})},
		{Member: "Removexattr", Req: fusetest.Removexattr(ino, "user.a")},
		{Member: "Access", Req: fusetest.Access(ino, 6)},
		{Member: "Create", Req: fusetest.Create(ino, fusetest.CreateIn{Flags: unix.O_RDWR | unix.O_EXCL, Mode: unix.S_IFREG | 0o644, Umask: 0o22}, "new")},
		{Member: "Getlk", Req: fusetest.Getlk(ino, lk)},
		{Member: "Getlk", Req: fusetest.Getlk(ino, toEnd)},
		{Member: "Setlk", Req: fusetest.Setlk(ino, lk)},
		{Member: "Setlk", Req: fusetest.Setlkw(ino, lk)},
		{Member: "Flock", Req: fusetest.Setlk(ino, flock)},
		{Member: "Flock", Req: fusetest.Setlkw(ino, unlock)},
		{Member: "Bmap", Req: fusetest.Bmap(ino, fusetest.BmapIn{Block: 0x11111111, Blocksize: 512})},
		{Member: "Ioctl", Req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: Fh, Flags: fusetest.IoctlCompat, Cmd: 0xabcd, Arg: 0x99aabbcc}, nil)},
		{Member: "Ioctl", Req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: Fh, Cmd: IoctlOut, Arg: 1, OutSize: 20}, []byte("going in"))},
		{Member: "Ioctl", Req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: Fh, Cmd: IoctlIov, Arg: 1, OutSize: 20}, nil)},
		{Member: "Poll", Req: fusetest.Poll(ino, fusetest.PollIn{Fh: Fh, Kh: 77, Events: unix.POLLIN})},
		{Member: "Fallocate", Req: fusetest.Fallocate(ino, fusetest.FallocateIn{Fh: Fh, Offset: 0x1111111111, Length: 0x2222222222, Mode: unix.FALLOC_FL_KEEP_SIZE})},
		{Member: "CopyFileRange", Req: fusetest.CopyFileRange(ino, fusetest.CopyFileRangeIn{FhIn: Fh, OffIn: 0x3333333333, NodeIDOut: ino + 1, FhOut: Fh + 1, OffOut: 0x44444444, Len: 0x5555, Flags: 0})},
		{Member: "Lseek", Req: fusetest.Lseek(ino, fusetest.LseekIn{Fh: Fh, Offset: 0x6666666666, Whence: unix.SEEK_HOLE})},
		{Member: "Tmpfile", Req: fusetest.Tmpfile(ino, fusetest.CreateIn{Flags: unix.O_RDWR, Mode: 0o600, Umask: 0o22}), since: 317},
		{Member: "Statx", Req: fusetest.Statx(ino, fusetest.StatxIn{}), since: 318},
		{Member: "CopyFileRange", Req: fusetest.CopyFileRange64(ino, fusetest.CopyFileRangeIn{FhIn: Fh, NodeIDOut: ino + 1, FhOut: Fh + 1, Len: 0x5555}), since: 318},
		{Member: "Syncfs", Req: fusetest.Syncfs(ino), since: 319},
	}
	here := list[:0]
	for _, a := range list {
		if a.since <= lowlevel.HeaderVersion() {
			a.Req.As(1000, 2000, 3000)
			here = append(here, a)
		}
	}
	return here
}
