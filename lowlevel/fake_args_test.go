package lowlevel_test

import (
	"math"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// argCase is a request, and what the handler of field is to get for it, after the *Request.
type argCase struct {
	name  string
	field string
	req   *fusetest.Request
	want  []any
	umask uint32
	since int
}

type (
	ino = lowlevel.Ino
	fi  = lowlevel.FileInfo
)

const big = 0x123456789abc // more than 32 bits

func nameCases() []argCase {
	return []argCase{
		{name: "lookup", field: "Lookup", req: fusetest.Lookup(big, "na me\xff"), want: []any{ino(big), "na me\xff"}},
		{name: "dots", field: "Lookup", req: fusetest.Lookup(1, ".."), want: []any{ino(1), ".."}},
		{name: "readlink", field: "Readlink", req: fusetest.Readlink(big), want: []any{ino(big)}},
		{
			name: "mknod", field: "Mknod", umask: 0o27,
			req:  fusetest.Mknod(big, fusetest.MknodIn{Mode: unix.S_IFBLK | 0o640, Rdev: 0x0801, Umask: 0o27}, "n"),
			want: []any{ino(big), "n", uint32(unix.S_IFBLK | 0o640), uint64(0x0801)},
		},
		{
			name: "mkdir", field: "Mkdir", umask: 0o77,
			req:  fusetest.Mkdir(big, fusetest.MkdirIn{Mode: 0o751, Umask: 0o77}, "n"),
			want: []any{ino(big), "n", uint32(0o751)},
		},
		{name: "unlink", field: "Unlink", req: fusetest.Unlink(big, "n"), want: []any{ino(big), "n"}},
		{name: "rmdir", field: "Rmdir", req: fusetest.Rmdir(big, "n"), want: []any{ino(big), "n"}},
		{
			name: "symlink", field: "Symlink",
			req: fusetest.Symlink(big, "n", "../to/there"), want: []any{"../to/there", ino(big), "n"},
		},
		{
			name: "rename", field: "Rename",
			req:  fusetest.Rename(big, big+1, "old", "new"),
			want: []any{ino(big), "old", ino(big + 1), "new", lowlevel.RenameFlags(0)},
		},
		{
			name: "rename2", field: "Rename",
			req:  fusetest.Rename2(big, fusetest.Rename2In{Newdir: big + 1, Flags: 5}, "old", "new"),
			want: []any{ino(big), "old", ino(big + 1), "new", lowlevel.RenameNoreplace | lowlevel.RenameWhiteout},
		},
		{
			name: "link", field: "Link",
			req: fusetest.Link(big, big+1, "n"), want: []any{ino(big + 1), ino(big), "n"},
		},
		{
			name: "create", field: "Create", umask: 0o22,
			req: fusetest.Create(big, fusetest.CreateIn{
				Flags: unix.O_RDWR | unix.O_EXCL, Mode: unix.S_IFREG | 0o644, Umask: 0o22,
			}, "n"),
			want: []any{ino(big), "n", uint32(unix.S_IFREG | 0o644), fi{Flags: unix.O_RDWR | unix.O_EXCL}},
		},
		{
			name: "tmpfile", field: "Tmpfile", since: 317, umask: 0o22,
			req:  fusetest.Tmpfile(big, fusetest.CreateIn{Flags: unix.O_RDWR, Mode: 0o600, Umask: 0o22}),
			want: []any{ino(big), uint32(0o600), fi{Flags: unix.O_RDWR}},
		},
		{
			name: "setxattr", field: "Setxattr",
			req:  fusetest.Setxattr(big, fusetest.SetxattrIn{Flags: unix.XATTR_REPLACE}, "user.a/b", []byte("v\x00l")),
			want: []any{ino(big), "user.a/b", "v\x00l", lowlevel.XattrReplace},
		},
		{
			name: "setxattr empty", field: "Setxattr",
			req:  fusetest.Setxattr(1, fusetest.SetxattrIn{}, "user.a", nil),
			want: []any{ino(1), "user.a", "", lowlevel.XattrFlags(0)},
		},
		{
			name: "getxattr", field: "Getxattr",
			req: fusetest.Getxattr(big, fusetest.GetxattrIn{Size: 3}, "user.a"), want: []any{ino(big), "user.a", 3},
		},
		{
			name: "getxattr size", field: "Getxattr",
			req: fusetest.Getxattr(big, fusetest.GetxattrIn{}, "user.a"), want: []any{ino(big), "user.a", 0},
		},
		{name: "listxattr", field: "Listxattr", req: fusetest.Listxattr(big, fusetest.GetxattrIn{Size: 7}), want: []any{ino(big), 7}},
		{name: "removexattr", field: "Removexattr", req: fusetest.Removexattr(big, "user.a"), want: []any{ino(big), "user.a"}},
		{name: "access", field: "Access", req: fusetest.Access(big, 6), want: []any{ino(big), uint32(6)}},
		{name: "statfs", field: "Statfs", req: fusetest.Statfs(0), want: []any{ino(0)}},
		{name: "syncfs", field: "Syncfs", req: fusetest.Syncfs(big), want: []any{ino(big)}, since: 319},
	}
}

func attrCases() []argCase {
	set := fusetest.SetattrIn{
		Valid: 0xffff, Fh: big, Size: big + 1, LockOwner: 9, Atime: 2, Mtime: math.MaxUint64, Ctime: 4,
		AtimeNsec: 5, MtimeNsec: 6, CtimeNsec: 7, Mode: 0o7644, UID: 8, GID: 10,
	}
	setStat := lowlevel.Stat{
		Size: big + 1, Atim: unix.Timespec{Sec: 2, Nsec: 5}, Mtim: unix.Timespec{Sec: -1, Nsec: 6},
		Ctim: unix.Timespec{Sec: 4, Nsec: 7}, Mode: 0o7644, UID: 8, GID: 10,
	}
	// What libfuse lets through, of all that there is.
	all := lowlevel.SetAttrMode | lowlevel.SetAttrUID | lowlevel.SetAttrGID | lowlevel.SetAttrSize | lowlevel.SetAttrAtime |
		lowlevel.SetAttrMtime | lowlevel.SetAttrAtimeNow | lowlevel.SetAttrMtimeNow | lowlevel.SetAttrCtime |
		lowlevel.SetAttrKillSUID | lowlevel.SetAttrKillSGID
	return []argCase{
		{name: "getattr", field: "Getattr", req: fusetest.Getattr(big, fusetest.GetattrIn{Fh: 3}), want: []any{ino(big), nil}},
		{
			name: "getattr fh", field: "Getattr",
			req:  fusetest.Getattr(big, fusetest.GetattrIn{Flags: fusetest.GetattrFh, Fh: big}),
			want: []any{ino(big), fi{Fh: big}},
		},
		{
			name: "setattr everything", field: "Setattr",
			req: fusetest.Setattr(big, set), want: []any{ino(big), setStat, all, fi{Fh: big}},
		},
		{
			name: "setattr mode", field: "Setattr",
			req:  fusetest.Setattr(2, fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o600, Fh: 7}),
			want: []any{ino(2), lowlevel.Stat{Mode: 0o600}, lowlevel.SetAttrMode, nil},
		},
		{
			name: "statx", field: "Statx", since: 318,
			req:  fusetest.Statx(big, fusetest.StatxIn{GetattrFlags: fusetest.GetattrFh, Fh: big, SxFlags: 0x2000, SxMask: 0xfff}),
			want: []any{ino(big), uint32(0x2000), uint32(0xfff), fi{Fh: big}},
		},
		{
			name: "statx no file", field: "Statx", since: 318,
			req: fusetest.Statx(2, fusetest.StatxIn{SxMask: 1}), want: []any{ino(2), uint32(0), uint32(1), nil},
		},
	}
}

func fileCases() []argCase {
	read := fusetest.ReadIn{Fh: big, Offset: big + 1, Size: 5, ReadFlags: fusetest.ReadLockowner, LockOwner: big + 2, Flags: unix.O_DIRECT}
	return []argCase{
		{
			name: "open", field: "Open", req: fusetest.Open(big, fusetest.OpenIn{Flags: unix.O_WRONLY | unix.O_APPEND}),
			want: []any{ino(big), fi{Flags: unix.O_WRONLY | unix.O_APPEND}},
		},
		{
			name: "read", field: "Read", req: fusetest.Read(big, read),
			want: []any{ino(big), 5, int64(big + 1), fi{Fh: big, LockOwner: big + 2, Flags: unix.O_DIRECT}},
		},
		{
			name: "write", field: "Write",
			req: fusetest.Write(big, fusetest.WriteIn{
				Fh: big, Offset: big + 1, WriteFlags: fusetest.WriteLockowner, LockOwner: big + 2, Flags: unix.O_SYNC,
			}, []byte("da\x00ta")),
			want: []any{ino(big), "da\x00ta", int64(big + 1), fi{Fh: big, LockOwner: big + 2, Flags: unix.O_SYNC}},
		},
		{
			name: "write cache", field: "Write",
			req:  fusetest.Write(2, fusetest.WriteIn{WriteFlags: fusetest.WriteCache}, nil),
			want: []any{ino(2), "", int64(0), fi{Writepage: true}},
		},
		{
			name: "flush", field: "Flush", req: fusetest.Flush(big, fusetest.FlushIn{Fh: big, LockOwner: 3}),
			want: []any{ino(big), fi{Fh: big, LockOwner: 3, Flush: true}},
		},
		{
			name: "release", field: "Release",
			req:  fusetest.Release(big, fusetest.ReleaseIn{Fh: big, Flags: unix.O_RDWR}),
			want: []any{ino(big), fi{Fh: big, Flags: unix.O_RDWR}},
		},
		{
			name: "release flags", field: "Release",
			req: fusetest.Release(2, fusetest.ReleaseIn{
				Fh: 1, LockOwner: big, ReleaseFlags: fusetest.ReleaseFlush | fusetest.ReleaseFlockUnlock,
			}),
			want: []any{ino(2), fi{Fh: 1, LockOwner: big, Flush: true, FlockRelease: true}},
		},
		{
			name: "fsync", field: "Fsync", req: fusetest.Fsync(big, fusetest.FsyncIn{Fh: big}),
			want: []any{ino(big), false, fi{Fh: big}},
		},
		{
			name: "fdatasync", field: "Fsync", req: fusetest.Fsync(2, fusetest.FsyncIn{FsyncFlags: fusetest.FsyncFdatasync}),
			want: []any{ino(2), true, fi{}},
		},
		{
			name: "opendir", field: "Opendir", req: fusetest.Opendir(big, fusetest.OpenIn{Flags: unix.O_DIRECTORY}),
			want: []any{ino(big), fi{Flags: unix.O_DIRECTORY}},
		},
		{name: "readdir", field: "Readdir", req: fusetest.Readdir(big, read), want: []any{ino(big), "dir", int64(big + 1), fi{Fh: big}}},
		{
			name: "readdirplus", field: "Readdirplus", req: fusetest.Readdirplus(big, read),
			want: []any{ino(big), "dir", int64(big + 1), fi{Fh: big}},
		},
		{
			name: "releasedir", field: "Releasedir", req: fusetest.Releasedir(big, fusetest.ReleaseIn{Fh: big, Flags: 1}),
			want: []any{ino(big), fi{Fh: big, Flags: 1}},
		},
		{
			name: "fsyncdir", field: "Fsyncdir", req: fusetest.Fsyncdir(big, fusetest.FsyncIn{Fh: big, FsyncFlags: 1}),
			want: []any{ino(big), true, fi{Fh: big}},
		},
		{
			name: "fallocate", field: "Fallocate",
			req:  fusetest.Fallocate(big, fusetest.FallocateIn{Fh: big, Offset: big + 1, Length: big + 2, Mode: 3}),
			want: []any{ino(big), uint32(3), int64(big + 1), int64(big + 2), fi{Fh: big}},
		},
		{
			name: "lseek", field: "Lseek", req: fusetest.Lseek(big, fusetest.LseekIn{Fh: big, Offset: big + 1, Whence: unix.SEEK_HOLE}),
			want: []any{ino(big), int64(big + 1), unix.SEEK_HOLE, fi{Fh: big}},
		},
		{
			name: "copy_file_range", field: "CopyFileRange",
			req: fusetest.CopyFileRange(big, fusetest.CopyFileRangeIn{
				FhIn: 1, OffIn: big + 1, NodeIDOut: big + 2, FhOut: 3, OffOut: big + 4, Len: 5, Flags: 6,
			}),
			want: []any{ino(big), int64(big + 1), fi{Fh: 1}, ino(big + 2), int64(big + 4), fi{Fh: 3}, uint64(5), uint32(6)},
		},
		{
			name: "copy_file_range_64", field: "CopyFileRange", since: 318,
			req:  fusetest.CopyFileRange64(2, fusetest.CopyFileRangeIn{Len: big}),
			want: []any{ino(2), int64(0), fi{}, ino(0), int64(0), fi{}, uint64(big), uint32(0)},
		},
		{
			name: "bmap", field: "Bmap", req: fusetest.Bmap(big, fusetest.BmapIn{Block: big + 1, Blocksize: 512}),
			want: []any{ino(big), 512, uint64(big + 1)},
		},
	}
}

func lockAndDeviceCases() []argCase {
	lk := fusetest.LkIn{Fh: 1, Owner: big, Lk: fusetest.FileLock{Start: 10, End: 19, Type: unix.F_RDLCK, PID: 42}}
	lock := lowlevel.FileLock{Type: unix.F_RDLCK, PID: 42, Start: 10, Len: 10}
	toEnd, flock := lk, lk
	toEnd.Lk.End = math.MaxInt64
	lockToEnd := lock
	lockToEnd.Len = 0
	flock.LkFlags = fusetest.LkFlock
	unlock := flock
	unlock.Lk.Type = unix.F_UNLCK
	owner := fi{Fh: 1, LockOwner: big}
	ioctl := fusetest.IoctlIn{Fh: 2, Flags: fusetest.IoctlCompat, Cmd: 0x80045678, Arg: big, OutSize: 4}
	return []argCase{
		{name: "getlk", field: "Getlk", req: fusetest.Getlk(big, lk), want: []any{ino(big), owner, lock}},
		{name: "getlk to the end", field: "Getlk", req: fusetest.Getlk(2, toEnd), want: []any{ino(2), owner, lockToEnd}},
		{name: "setlk", field: "Setlk", req: fusetest.Setlk(big, lk), want: []any{ino(big), owner, lock, false}},
		{name: "setlkw", field: "Setlk", req: fusetest.Setlkw(2, lk), want: []any{ino(2), owner, lock, true}},
		{
			name: "flock", field: "Flock", req: fusetest.Setlk(big, flock),
			want: []any{ino(big), owner, lowlevel.FlockShared | lowlevel.FlockNonblock},
		},
		{name: "flock wait", field: "Flock", req: fusetest.Setlkw(2, unlock), want: []any{ino(2), owner, lowlevel.FlockUnlock}},
		{
			name: "ioctl", field: "Ioctl", req: fusetest.Ioctl(big, ioctl, []byte("abc")),
			want: []any{ino(big), uint32(0x80045678), uint64(big), fi{Fh: 2}, lowlevel.IoctlCompat, "abc", 4},
		},
		{
			name: "ioctl without data", field: "Ioctl", req: fusetest.Ioctl(2, fusetest.IoctlIn{Flags: fusetest.IoctlDir}, nil),
			want: []any{ino(2), uint32(0), uint64(0), fi{}, lowlevel.IoctlDir, "", 0},
		},
		{
			name: "poll", field: "Poll", req: fusetest.Poll(big, fusetest.PollIn{Fh: 1, Kh: 2, Events: unix.POLLIN | unix.POLLHUP}),
			want: []any{ino(big), fi{Fh: 1, PollEvents: unix.POLLIN | unix.POLLHUP}, false},
		},
	}
}

// TestFake_ArgumentsArrive sends every kind of request, each from another caller.
func TestFake_ArgumentsArrive(t *testing.T) {
	rec := newRecorder(t)
	k := serve(t, allOps(func(field string, args []any) error {
		if h, ok := args[len(args)-1].(*lowlevel.PollHandle); ok && h != nil {
			h.Close()
		}
		rec.note(append([]any{field}, args...)...)
		return nil
	}))
	var cases []argCase
	for _, list := range [][]argCase{nameCases(), attrCases(), fileCases(), lockAndDeviceCases()} {
		cases = append(cases, list...)
	}
	for i, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			since(t, tt.since)
			n := uint32(i)
			if _, err := k.Call(tt.req.As(1000+n, 2000+n, 3000+n)); err != nil {
				t.Fatal(err)
			}
			got := rec.next()
			who := caller{1000 + n, 2000 + n, 3000 + n, tt.umask, tt.req.Unique}
			wantArgs(t, sized(got, tt.field), append([]any{tt.field, who}, tt.want...)...)
		})
	}
	rec.none()
}

// sized replaces buffers to be filled by their length: what they hold is nothing.
func sized(got []any, field string) []any {
	at := map[string]int{"Read": 3, "Getxattr": 4, "Listxattr": 3, "Ioctl": 8}[field]
	if at > 0 && at < len(got) {
		if s, ok := got[at].(string); ok {
			got[at] = len(s)
		}
	}
	return got
}

func TestFake_Forgets(t *testing.T) {
	for _, multi := range []bool{false, true} {
		rec := newRecorder(t)
		ops := &lowlevel.Ops{Forget: func(req *lowlevel.Request, ino lowlevel.Ino, n uint64) { rec.note(req, ino, n) }}
		if multi {
			ops.ForgetMulti = func(req *lowlevel.Request, items []lowlevel.ForgetData) { rec.note(req, items) }
		}
		k := serve(t, ops)
		send := func(r *fusetest.Request) caller {
			if err := k.Send(r.As(1, 2, 3)); err != nil {
				t.Fatal(err)
			}
			return caller{1, 2, 3, 0, r.Unique}
		}
		who := send(fusetest.Forget(big, big+1))
		wantArgs(t, rec.next(), who, ino(big), uint64(big+1))
		who = send(fusetest.BatchForget(fusetest.ForgetOne{NodeID: big, Nlookup: 1}, fusetest.ForgetOne{NodeID: 3, Nlookup: big}))
		if multi {
			wantArgs(t, rec.next(), who, []lowlevel.ForgetData{{Ino: big, Nlookup: 1}, {Ino: 3, Nlookup: big}})
		} else {
			wantArgs(t, rec.next(), who, ino(big), uint64(1))
			wantArgs(t, rec.next(), who, ino(3), uint64(big))
		}
		send(fusetest.BatchForget())
		settle(t, k)
		if multi {
			wantArgs(t, rec.next()[1:], []lowlevel.ForgetData(nil))
		}
		rec.none()
	}
}

func TestFake_WriteBufAndReadBuf(t *testing.T) {
	rec := newRecorder(t)
	k := serve(t, &lowlevel.Ops{
		Write: func(*lowlevel.Request, lowlevel.Ino, []byte, int64, *lowlevel.FileInfo) (int, error) {
			t.Error("Write was called although there is WriteBuf")
			return 0, nil
		},
		WriteBuf: func(req *lowlevel.Request, ino lowlevel.Ino, buf lowlevel.BufVec, off int64, fi *lowlevel.FileInfo) (int, error) {
			rec.note(ino, buf, off, fi)
			return buf.Size(), nil
		},
		ReadBuf: func(req *lowlevel.Request, ino lowlevel.Ino, size int, off int64, fi *lowlevel.FileInfo) (lowlevel.BufVec, error) {
			rec.note(ino, size, off, fi)
			return lowlevel.BufVec{{Mem: []byte("one ")}, {Mem: []byte("two")}}, nil
		},
	})
	w := k.MustCall(t, fusetest.Write(big, fusetest.WriteIn{Fh: 1, Offset: 2}, []byte("data")))
	wantArgs(t, rec.next(), ino(big), "data", int64(2), fi{Fh: 1})
	wantBytes(t, "write", w.Bytes(), okMessage(w.Unique, u32(4, 0)))
	r := k.MustCall(t, fusetest.Read(big, fusetest.ReadIn{Fh: 1, Offset: 2, Size: 100}))
	wantArgs(t, rec.next(), ino(big), 100, int64(2), fi{Fh: 1})
	wantBytes(t, "read", r.Bytes(), okMessage(r.Unique, []byte("one two")))
}
