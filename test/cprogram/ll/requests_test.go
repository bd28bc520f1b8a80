package main

import (
	"math"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// asked is a request, and the libfuse that knows it.
type asked struct {
	req   *fusetest.Request
	since int
}

const (
	ino = 0x123456789abc
	fh  = 0x3456789abcde
)

// requests returns one or more of each kind, about an inode, with something in every field.
func requests(ino uint64) []asked {
	lk := fusetest.LkIn{Fh: fh, Owner: 0x4455667788, Lk: fusetest.FileLock{Start: 10, End: 29, Type: unix.F_WRLCK, PID: 55}}
	flock := lk
	flock.LkFlags = fusetest.LkFlock
	unlock := flock
	unlock.Lk.Type = unix.F_UNLCK
	toEnd := lk
	toEnd.Lk.End = math.MaxInt64
	read := fusetest.ReadIn{Fh: fh, Offset: 0x12345678, Size: 100, ReadFlags: fusetest.ReadLockowner, LockOwner: 0x5566778899, Flags: unix.O_RDWR | unix.O_APPEND}
	listing := fusetest.ReadIn{Fh: fh, Size: 4096}
	data := []byte("some data\x00 of a write")
	list := []asked{
		{req: fusetest.Lookup(ino, "na me\xff")},
		{req: fusetest.Getattr(ino, fusetest.GetattrIn{})},
		{req: fusetest.Getattr(ino, fusetest.GetattrIn{Flags: fusetest.GetattrFh, Fh: fh})},
		{req: fusetest.Setattr(ino, fusetest.SetattrIn{
			Valid: 0xffff, Fh: fh, Size: 0x987654321, LockOwner: 9, Atime: 2, Mtime: math.MaxUint64, Ctime: 4,
			AtimeNsec: 5, MtimeNsec: 6, CtimeNsec: 7, Mode: 0o7644, UID: 8, GID: 10,
		})},
		{req: fusetest.Setattr(ino, fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o600})},
		{req: fusetest.Readlink(ino)},
		{req: fusetest.Mknod(ino, fusetest.MknodIn{Mode: unix.S_IFBLK | 0o640, Rdev: 0x0801, Umask: 0o27}, "node")},
		{req: fusetest.Mkdir(ino, fusetest.MkdirIn{Mode: 0o751, Umask: 0o77}, "dir")},
		{req: fusetest.Unlink(ino, "gone")},
		{req: fusetest.Rmdir(ino, "gone too")},
		{req: fusetest.Symlink(ino, "link", "../to/there")},
		{req: fusetest.Rename(ino, ino+1, "old", "new")},
		{req: fusetest.Rename2(ino, fusetest.Rename2In{Newdir: ino + 1, Flags: 5}, "old", "new")},
		{req: fusetest.Link(ino+1, ino, "hard")},
		{req: fusetest.Open(ino, fusetest.OpenIn{Flags: unix.O_RDWR | unix.O_TRUNC})},
		{req: fusetest.Read(ino, read)},
		{req: fusetest.Write(ino, fusetest.WriteIn{Fh: fh, Offset: 0x23456789, LockOwner: 0x66778899, WriteFlags: fusetest.WriteLockowner, Flags: unix.O_WRONLY}, data)},
		{req: fusetest.Write(ino, fusetest.WriteIn{Fh: fh, WriteFlags: fusetest.WriteCache}, data[:5])},
		{req: fusetest.Flush(ino, fusetest.FlushIn{Fh: fh, LockOwner: 0x778899})},
		{req: fusetest.Release(ino, fusetest.ReleaseIn{Fh: fh, Flags: unix.O_RDWR, ReleaseFlags: fusetest.ReleaseFlush | fusetest.ReleaseFlockUnlock, LockOwner: 0x8899})},
		{req: fusetest.Fsync(ino, fusetest.FsyncIn{Fh: fh, FsyncFlags: fusetest.FsyncFdatasync})},
		{req: fusetest.Fsync(ino, fusetest.FsyncIn{Fh: fh})},
		{req: fusetest.Opendir(ino, fusetest.OpenIn{Flags: unix.O_DIRECTORY})},
		{req: fusetest.Readdir(ino, listing)},
		{req: fusetest.Readdir(ino, fusetest.ReadIn{Fh: fh, Offset: 3, Size: 100})},
		{req: fusetest.Readdir(ino, fusetest.ReadIn{Fh: fh, Offset: 10, Size: 100})},
		{req: fusetest.Readdirplus(ino, listing)},
		{req: fusetest.Readdirplus(ino, fusetest.ReadIn{Fh: fh, Offset: 8, Size: 200})},
		{req: fusetest.Releasedir(ino, fusetest.ReleaseIn{Fh: fh, Flags: unix.O_DIRECTORY})},
		{req: fusetest.Fsyncdir(ino, fusetest.FsyncIn{Fh: fh, FsyncFlags: fusetest.FsyncFdatasync})},
		{req: fusetest.Statfs(ino)},
		{req: fusetest.Setxattr(ino, fusetest.SetxattrIn{Flags: unix.XATTR_REPLACE}, "user.a/b", []byte("v\x00l"))},
		{req: fusetest.Setxattr(ino, fusetest.SetxattrIn{}, "user.empty", nil)},
		{req: fusetest.Getxattr(ino, fusetest.GetxattrIn{Size: 100}, "user.a")},
		{req: fusetest.Getxattr(ino, fusetest.GetxattrIn{}, "user.a")},
		{req: fusetest.Getxattr(ino, fusetest.GetxattrIn{Size: 3}, "user.a")},
		{req: fusetest.Listxattr(ino, fusetest.GetxattrIn{Size: 100})},
		{req: fusetest.Listxattr(ino, fusetest.GetxattrIn{})},
		{req: fusetest.Listxattr(ino, fusetest.GetxattrIn{Size: 3})},
		{req: fusetest.Removexattr(ino, "user.a")},
		{req: fusetest.Access(ino, 6)},
		{req: fusetest.Create(ino, fusetest.CreateIn{Flags: unix.O_RDWR | unix.O_EXCL, Mode: unix.S_IFREG | 0o644, Umask: 0o22}, "new")},
		{req: fusetest.Getlk(ino, lk)},
		{req: fusetest.Getlk(ino, toEnd)},
		{req: fusetest.Setlk(ino, lk)},
		{req: fusetest.Setlkw(ino, lk)},
		{req: fusetest.Setlk(ino, flock)},
		{req: fusetest.Setlkw(ino, unlock)},
		{req: fusetest.Bmap(ino, fusetest.BmapIn{Block: 0x11111111, Blocksize: 512})},
		{req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: fh, Flags: fusetest.IoctlCompat, Cmd: 0xabcd, Arg: 0x99aabbcc}, nil)},
		{req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: fh, Cmd: recorder.IoctlOut, Arg: 1, OutSize: 20}, []byte("going in"))},
		{req: fusetest.Ioctl(ino, fusetest.IoctlIn{Fh: fh, Cmd: recorder.IoctlIov, Arg: 1, OutSize: 20}, nil)},
		{req: fusetest.Poll(ino, fusetest.PollIn{Fh: fh, Kh: 77, Events: unix.POLLIN})},
		{req: fusetest.Fallocate(ino, fusetest.FallocateIn{Fh: fh, Offset: 0x1111111111, Length: 0x2222222222, Mode: unix.FALLOC_FL_KEEP_SIZE})},
		{req: fusetest.CopyFileRange(ino, fusetest.CopyFileRangeIn{FhIn: fh, OffIn: 0x3333333333, NodeIDOut: ino + 1, FhOut: fh + 1, OffOut: 0x44444444, Len: 0x5555, Flags: 0})},
		{req: fusetest.Lseek(ino, fusetest.LseekIn{Fh: fh, Offset: 0x6666666666, Whence: unix.SEEK_HOLE})},
		{req: fusetest.Tmpfile(ino, fusetest.CreateIn{Flags: unix.O_RDWR, Mode: 0o600, Umask: 0o22}), since: 317},
		{req: fusetest.Statx(ino, fusetest.StatxIn{}), since: 318},
		{req: fusetest.CopyFileRange64(ino, fusetest.CopyFileRangeIn{FhIn: fh, NodeIDOut: ino + 1, FhOut: fh + 1, Len: 0x5555}), since: 318},
		{req: fusetest.Syncfs(ino), since: 319},
	}
	here := list[:0]
	for _, a := range list {
		if a.since <= lowlevel.HeaderVersion() {
			a.req.As(1000, 2000, 3000)
			here = append(here, a)
		}
	}
	return here
}
