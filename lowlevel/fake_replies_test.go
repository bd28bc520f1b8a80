package lowlevel_test

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// What the replies below carry, as Go and as bytes.
var (
	someStat = lowlevel.Stat{
		Ino: 0x1122334455667788, Size: big, Blocks: 9, Atim: unix.Timespec{Sec: 1, Nsec: 2}, Mtim: unix.Timespec{Sec: -3, Nsec: 4},
		Ctim: unix.Timespec{Sec: 5, Nsec: 999999999}, Rdev: unix.Mkdev(8, 1), Mode: unix.S_IFREG | 0o4755, Nlink: 6, UID: 7,
		GID: math.MaxUint32, Blksize: 4096,
	}
	someAttr = cat(u64(0x1122334455667788, big, 9, 1, math.MaxUint64-2, 5),
		u32(2, 4, 999999999, unix.S_IFREG|0o4755, 6, 7, math.MaxUint32, 0x801, 4096, 0))

	someEntry = lowlevel.EntryParam{
		Ino: big, Generation: big + 1, Attr: someStat, AttrTimeout: 1500 * time.Millisecond, EntryTimeout: 2 * time.Second,
	}
	someEntryOut = cat(u64(big, big+1, 2, 1), u32(0, 500000000), someAttr)

	// Every bit that a filesystem may set, and others that it may not.
	someFile = lowlevel.FileInfo{
		Fh: big, DirectIO: true, KeepCache: true, Nonseekable: true, CacheReaddir: true, Noflush: true,
		ParallelDirectWrites: true, Flags: -1, LockOwner: 3, Writepage: true, Flush: true, FlockRelease: true,
	}
	someStatfs = lowlevel.Statfs{Bsize: 4096, Frsize: 512, Blocks: big, Bfree: 2, Bavail: 3, Files: 4, Ffree: 5, Namemax: 255}

	someStatfsOut = cat(u64(big, 2, 3, 4, 5), u32(4096, 255, 512), zeros(28))
)

// someOpenOut is someFile as a struct fuse_open_out.
func someOpenOut() []byte {
	flags := uint32(fusetest.FopenDirectIO | fusetest.FopenKeepCache | fusetest.FopenNonseekable | fusetest.FopenCacheDir |
		fusetest.FopenNoflush)
	if lowlevel.HeaderVersion() >= 317 {
		flags |= fusetest.FopenParallelDirectWrites
	}
	return cat(u64(big), u32(flags, 0))
}

type (
	request = *lowlevel.Request
	reply   = *lowlevel.Reply
	file    = *lowlevel.FileInfo
)

// replyCase is a way to answer: by returning from a handler and by a Reply.
type replyCase struct {
	name     string
	req      *fusetest.Request
	direct   lowlevel.Ops
	field    string            // the handler that detaches
	detached func(reply) error // nil: there is no such reply
	want     []byte
	since    int
}

func entryCases() []replyCase {
	entry := func(r reply) error { return r.Entry(&someEntry) }
	open := func(f file) {
		f.DirectIO, f.KeepCache, f.Nonseekable, f.CacheReaddir, f.Noflush, f.ParallelDirectWrites, f.Fh = true, true, true, true, true, true, big
	}
	return []replyCase{
		{
			name: "lookup", req: fusetest.Lookup(1, "n"), field: "Lookup", detached: entry, want: someEntryOut,
			direct: lowlevel.Ops{Lookup: func(request, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil }},
		},
		{
			name: "lookup negative", req: fusetest.Lookup(1, "n"), field: "Lookup", want: cat(u64(0, 0, 3), zeros(104)),
			detached: func(r reply) error { return r.Entry(&lowlevel.EntryParam{EntryTimeout: 3 * time.Second}) },
			direct: lowlevel.Ops{Lookup: func(request, ino, string) (lowlevel.EntryParam, error) {
				return lowlevel.EntryParam{EntryTimeout: 3 * time.Second}, nil
			}},
		},
		{
			name: "negative timeouts", req: fusetest.Lookup(1, "n"), field: "Lookup", want: cat(u64(1), zeros(120)),
			detached: func(r reply) error {
				return r.Entry(&lowlevel.EntryParam{Ino: 1, EntryTimeout: -1, AttrTimeout: -time.Hour})
			},
			direct: lowlevel.Ops{Lookup: func(request, ino, string) (lowlevel.EntryParam, error) {
				return lowlevel.EntryParam{Ino: 1, EntryTimeout: -1, AttrTimeout: -time.Hour}, nil
			}},
		},
		{
			name: "mknod", req: fusetest.Mknod(1, fusetest.MknodIn{}, "n"), field: "Mknod", detached: entry, want: someEntryOut,
			direct: lowlevel.Ops{Mknod: func(request, ino, string, uint32, uint64) (lowlevel.EntryParam, error) { return someEntry, nil }},
		},
		{
			name: "mkdir", req: fusetest.Mkdir(1, fusetest.MkdirIn{}, "n"), field: "Mkdir", detached: entry, want: someEntryOut,
			direct: lowlevel.Ops{Mkdir: func(request, ino, string, uint32) (lowlevel.EntryParam, error) { return someEntry, nil }},
		},
		{
			name: "symlink", req: fusetest.Symlink(1, "n", "t"), field: "Symlink", detached: entry, want: someEntryOut,
			direct: lowlevel.Ops{Symlink: func(request, string, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil }},
		},
		{
			name: "link", req: fusetest.Link(1, 2, "n"), field: "Link", detached: entry, want: someEntryOut,
			direct: lowlevel.Ops{Link: func(request, ino, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil }},
		},
		{
			name: "create", req: fusetest.Create(1, fusetest.CreateIn{}, "n"), field: "Create", want: cat(someEntryOut, someOpenOut()),
			detached: func(r reply) error { return r.Create(&someEntry, &someFile) },
			direct: lowlevel.Ops{Create: func(_ request, _ ino, _ string, _ uint32, f file) (lowlevel.EntryParam, error) {
				open(f)
				return someEntry, nil
			}},
		},
		{
			name: "tmpfile", req: fusetest.Tmpfile(1, fusetest.CreateIn{}), field: "Tmpfile", want: cat(someEntryOut, someOpenOut()),
			since: 317, detached: func(r reply) error { return r.Create(&someEntry, &someFile) },
			direct: lowlevel.Ops{Tmpfile: func(_ request, _ ino, _ uint32, f file) (lowlevel.EntryParam, error) {
				open(f)
				return someEntry, nil
			}},
		},
		{
			name: "open", req: fusetest.Open(1, fusetest.OpenIn{}), field: "Open", want: someOpenOut(),
			detached: func(r reply) error { return r.Open(&someFile) },
			direct:   lowlevel.Ops{Open: func(_ request, _ ino, f file) error { open(f); return nil }},
		},
		{
			name: "opendir", req: fusetest.Opendir(1, fusetest.OpenIn{}), field: "Opendir", want: someOpenOut(),
			detached: func(r reply) error { return r.Open(&someFile) },
			direct:   lowlevel.Ops{Opendir: func(_ request, _ ino, f file) error { open(f); return nil }},
		},
	}
}

func attrReplyCases() []replyCase {
	attrOut := cat(u64(1), u32(250000000, 0), someAttr)
	attr := func(r reply) error { return r.Attr(&someStat, 1250*time.Millisecond) }
	return []replyCase{
		{
			name: "getattr", req: fusetest.Getattr(1, fusetest.GetattrIn{}), field: "Getattr", want: attrOut, detached: attr,
			direct: lowlevel.Ops{Getattr: func(request, ino, file) (lowlevel.Stat, time.Duration, error) {
				return someStat, 1250 * time.Millisecond, nil
			}},
		},
		{
			name: "setattr", req: fusetest.Setattr(1, fusetest.SetattrIn{}), field: "Setattr", want: attrOut, detached: attr,
			direct: lowlevel.Ops{
				Setattr: func(request, ino, *lowlevel.Stat, lowlevel.SetAttr, file) (lowlevel.Stat, time.Duration, error) {
					return someStat, 1250 * time.Millisecond, nil
				},
			},
		},
		{
			name: "statfs", req: fusetest.Statfs(1), field: "Statfs", want: someStatfsOut,
			detached: func(r reply) error { return r.Statfs(&someStatfs) },
			direct:   lowlevel.Ops{Statfs: func(request, ino) (lowlevel.Statfs, error) { return someStatfs, nil }},
		},
		{
			name: "readlink", req: fusetest.Readlink(1), field: "Readlink", want: []byte("../target"),
			detached: func(r reply) error { return r.Readlink("../target") },
			direct:   lowlevel.Ops{Readlink: func(request, ino) (string, error) { return "../target", nil }},
		},
		{
			name: "statx", req: fusetest.Statx(1, fusetest.StatxIn{}), field: "Statx", since: 318, want: someStatxOut(),
			detached: func(r reply) error { return r.Statx(&someStatx, 2*time.Second) },
			direct: lowlevel.Ops{Statx: func(request, ino, uint32, uint32, file) (unix.Statx_t, time.Duration, error) {
				return someStatx, 2 * time.Second, nil
			}},
		},
	}
}

var someStatx = unix.Statx_t{
	Mask: unix.STATX_BASIC_STATS | unix.STATX_BTIME, Blksize: 4096, Attributes: unix.STATX_ATTR_IMMUTABLE, Nlink: 1, Uid: 2, Gid: 3,
	Mode: unix.S_IFDIR | 0o700, Ino: big, Size: 4, Blocks: 5, Attributes_mask: 6, Atime: unix.StatxTimestamp{Sec: 7, Nsec: 8},
	Btime: unix.StatxTimestamp{Sec: 9, Nsec: 10}, Ctime: unix.StatxTimestamp{Sec: 11, Nsec: 12},
	Mtime: unix.StatxTimestamp{Sec: -13, Nsec: 14}, Rdev_major: 15, Rdev_minor: 16,
}

func someStatxOut() []byte {
	stat := cat(u32(uint32(unix.STATX_BASIC_STATS|unix.STATX_BTIME), 4096), u64(unix.STATX_ATTR_IMMUTABLE), u32(1, 2, 3, unix.S_IFDIR|0o700),
		u64(big, 4, 5, 6), u64(7), u32(8, 0), u64(9), u32(10, 0), u64(11), u32(12, 0), u64(math.MaxUint64-12), u32(14, 0),
		u32(15, 16, 0, 0), zeros(112))
	return cat(u64(2), u32(0, 0), u64(0, 0), stat)
}

func dataCases(t *testing.T) []replyCase {
	f := tempFile(t, "0123456789")
	read := fusetest.Read(1, fusetest.ReadIn{Size: 100})
	return []replyCase{
		{
			name: "read", req: read, field: "Read", want: []byte("some\x00data"),
			detached: func(r reply) error { return r.Buf([]byte("some\x00data")) },
			direct: lowlevel.Ops{Read: func(_ request, _ ino, dst []byte, _ int64, _ file) (int, error) {
				return copy(dst, "some\x00data"), nil
			}},
		},
		{
			name: "read nothing", req: read, field: "Read", want: nil,
			detached: func(r reply) error { return r.Buf(nil) },
			direct:   lowlevel.Ops{Read: func(request, ino, []byte, int64, file) (int, error) { return 0, io.EOF }},
		},
		{
			name: "read and EOF", req: read, field: "Read", want: []byte("end"),
			detached: func(r reply) error { return r.Iov([][]byte{[]byte("e"), nil, []byte("nd")}) },
			direct: lowlevel.Ops{Read: func(_ request, _ ino, dst []byte, _ int64, _ file) (int, error) {
				return copy(dst, "end"), io.EOF
			}},
		},
		{
			name: "read from file", req: read, field: "Read", want: []byte("345678"),
			detached: func(r reply) error { return r.Data(lowlevel.BufFD(f, 6, 3), 0) },
			direct: lowlevel.Ops{ReadBuf: func(request, ino, int, int64, file) (lowlevel.BufVec, error) {
				return lowlevel.BufFD(f, 6, 3), nil
			}},
		},
		{
			name: "read from memory and file", req: read, field: "Read", want: []byte("ab789cd"),
			detached: func(r reply) error { return r.Data(mixedVec(f), lowlevel.BufNoSplice) },
			direct: lowlevel.Ops{ReadBuf: func(request, ino, int, int64, file) (lowlevel.BufVec, error) {
				return mixedVec(f), nil
			}},
		},
		{
			name: "getxattr", req: fusetest.Getxattr(1, fusetest.GetxattrIn{Size: 10}, "n"), field: "Getxattr", want: []byte("value"),
			detached: func(r reply) error { return r.Buf([]byte("value")) },
			direct: lowlevel.Ops{Getxattr: func(_ request, _ ino, _ string, dst []byte) (int, error) {
				return lowlevel.XattrValue(dst, []byte("value"))
			}},
		},
		{
			name: "getxattr size", req: fusetest.Getxattr(1, fusetest.GetxattrIn{}, "n"), field: "Getxattr", want: u32(5, 0),
			detached: func(r reply) error { return r.Xattr(5) },
			direct: lowlevel.Ops{Getxattr: func(_ request, _ ino, _ string, dst []byte) (int, error) {
				return lowlevel.XattrValue(dst, []byte("value"))
			}},
		},
		{
			name: "listxattr", req: fusetest.Listxattr(1, fusetest.GetxattrIn{Size: 10}), field: "Listxattr", want: []byte("a\x00b\x00"),
			detached: func(r reply) error { return r.Buf([]byte("a\x00b\x00")) },
			direct:   lowlevel.Ops{Listxattr: func(_ request, _ ino, dst []byte) (int, error) { return copy(dst, "a\x00b\x00"), nil }},
		},
		{
			name: "listxattr size", req: fusetest.Listxattr(1, fusetest.GetxattrIn{}), field: "Listxattr", want: u32(0, 0),
			detached: func(r reply) error { return r.Xattr(0) },
			direct:   lowlevel.Ops{Listxattr: func(request, ino, []byte) (int, error) { return 0, nil }},
		},
	}
}

func mixedVec(fd int) lowlevel.BufVec {
	return lowlevel.BufVec{{Mem: []byte("ab")}, {FD: fd, Pos: 7, Size: 3, Flags: lowlevel.BufFDSeek}, {Mem: []byte("cd")}}
}

func tempFile(t testing.TB, content string) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return int(f.Fd())
}

func numberCases() []replyCase {
	lk := fusetest.LkIn{}
	ioctl := fusetest.Ioctl(1, fusetest.IoctlIn{OutSize: 8}, nil)
	return []replyCase{
		{
			name: "write", req: fusetest.Write(1, fusetest.WriteIn{}, []byte("data")), field: "Write", want: u32(3, 0),
			detached: func(r reply) error { return r.Write(3) },
			direct:   lowlevel.Ops{Write: func(request, ino, []byte, int64, file) (int, error) { return 3, nil }},
		},
		{
			name: "copy_file_range", req: fusetest.CopyFileRange(1, fusetest.CopyFileRangeIn{Len: 9}), field: "CopyFileRange",
			want: u32(7, 0), detached: func(r reply) error { return r.Write(7) },
			direct: lowlevel.Ops{
				CopyFileRange: func(request, ino, int64, file, ino, int64, file, uint64, uint32) (uint64, error) { return 7, nil },
			},
		},
		{
			name: "copy_file_range_64", req: fusetest.CopyFileRange64(1, fusetest.CopyFileRangeIn{Len: big}), field: "CopyFileRange",
			since: 318, want: u64(big), detached: func(r reply) error { return r.Write(big) },
			direct: lowlevel.Ops{
				CopyFileRange: func(request, ino, int64, file, ino, int64, file, uint64, uint32) (uint64, error) { return big, nil },
			},
		},
		{
			name: "getlk", req: fusetest.Getlk(1, lk), field: "Getlk", want: cat(u64(5, 14), u32(unix.F_WRLCK, 42)),
			detached: func(r reply) error {
				return r.Lock(&lowlevel.FileLock{Type: unix.F_WRLCK, PID: 42, Start: 5, Len: 10})
			},
			direct: lowlevel.Ops{Getlk: func(_ request, _ ino, _ file, l *lowlevel.FileLock) error {
				*l = lowlevel.FileLock{Type: unix.F_WRLCK, PID: 42, Start: 5, Len: 10}
				return nil
			}},
		},
		{
			name: "getlk unlocked", req: fusetest.Getlk(1, lk), field: "Getlk", want: cat(u64(0, 0), u32(unix.F_UNLCK, 0)),
			detached: func(r reply) error { return r.Lock(&lowlevel.FileLock{Type: unix.F_UNLCK, Start: 5, Len: 10}) },
			direct: lowlevel.Ops{Getlk: func(_ request, _ ino, _ file, l *lowlevel.FileLock) error {
				l.Type = unix.F_UNLCK
				return nil
			}},
		},
		{
			name: "bmap", req: fusetest.Bmap(1, fusetest.BmapIn{}), field: "Bmap", want: u64(big),
			detached: func(r reply) error { return r.Bmap(big) },
			direct:   lowlevel.Ops{Bmap: func(request, ino, int, uint64) (uint64, error) { return big, nil }},
		},
		{
			name: "poll", req: fusetest.Poll(1, fusetest.PollIn{}), field: "Poll", want: u32(unix.POLLIN|unix.POLLRDHUP, 0),
			detached: func(r reply) error { return r.Poll(unix.POLLIN | unix.POLLRDHUP) },
			direct: lowlevel.Ops{Poll: func(request, ino, file, *lowlevel.PollHandle) (uint32, error) {
				return unix.POLLIN | unix.POLLRDHUP, nil
			}},
		},
		{
			name: "lseek", req: fusetest.Lseek(1, fusetest.LseekIn{}), field: "Lseek", want: u64(big),
			detached: func(r reply) error { return r.Lseek(big) },
			direct:   lowlevel.Ops{Lseek: func(request, ino, int64, int, file) (int64, error) { return big, nil }},
		},
		{
			name: "ioctl", req: ioctl, field: "Ioctl", want: cat(u32(math.MaxUint32-4, 0, 0, 0), []byte("out")),
			detached: func(r reply) error { return r.Ioctl(-5, []byte("out")) },
			direct:   ioctlOps(func(out []byte) lowlevel.IoctlReply { return lowlevel.IoctlReply{Result: -5, N: copy(out, "out")} }),
		},
		{
			name: "ioctl iov", req: ioctl, field: "Ioctl", want: cat(u32(1, 0, 0, 0), []byte("abc")),
			detached: func(r reply) error { return r.IoctlIov(1, [][]byte{[]byte("ab"), []byte("c")}) },
			direct: ioctlOps(func([]byte) lowlevel.IoctlReply {
				return lowlevel.IoctlReply{Result: 1, Iov: [][]byte{[]byte("ab"), []byte("c")}}
			}),
		},
		{
			name: "ioctl retry", req: ioctl, field: "Ioctl",
			want:     cat(u32(0, fusetest.IoctlRetry, 1, 2), u64(1, 2, 3, 4, 5, 6)),
			detached: func(r reply) error { return r.IoctlRetry(retryIov()) },
			direct:   ioctlOps(func([]byte) lowlevel.IoctlReply { return lowlevel.IoctlReply{Retry: retryIov()} }),
		},
	}
}

func ioctlOps(f func(out []byte) lowlevel.IoctlReply) lowlevel.Ops {
	return lowlevel.Ops{
		Ioctl: func(_ request, _ ino, _ uint32, _ uint64, _ file, _ lowlevel.IoctlFlags, _, out []byte) (lowlevel.IoctlReply, error) {
			return f(out), nil
		},
	}
}

func retryIov() *lowlevel.IoctlRetryIov {
	return &lowlevel.IoctlRetryIov{In: []lowlevel.IoctlIovec{{Base: 1, Len: 2}}, Out: []lowlevel.IoctlIovec{{Base: 3, Len: 4}, {Base: 5, Len: 6}}}
}

func allReplyCases(t *testing.T) []replyCase {
	var cases []replyCase
	for _, list := range [][]replyCase{entryCases(), attrReplyCases(), dataCases(t), numberCases()} {
		cases = append(cases, list...)
	}
	return cases
}

// TestFake_ReplyBytes answers every kind of request by returning from its handler.
func TestFake_ReplyBytes(t *testing.T) {
	for _, tt := range allReplyCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			since(t, tt.since)
			k := serve(t, &tt.direct)
			r := k.MustCall(t, tt.req.Clone())
			wantBytes(t, "reply", r.Bytes(), okMessage(r.Unique, tt.want))
		})
	}
}

// TestFake_DetachedReplyBytes answers them by a Reply, on another goroutine after the handler has returned.
func TestFake_DetachedReplyBytes(t *testing.T) {
	replies := make(chan reply, 1)
	k := serve(t, allOps(func(field string, args []any) error {
		if field == "Statfs" && args[1] == ino(99) {
			return nil // from settle
		}
		replies <- args[0].(request).Detach()
		return errors.New("not looked at")
	}))
	for _, tt := range allReplyCases(t) {
		t.Run(tt.name, func(t *testing.T) {
			since(t, tt.since)
			req := tt.req.Clone()
			if err := k.Send(req); err != nil {
				t.Fatal(err)
			}
			r := <-replies
			k.MustCall(t, fusetest.Statfs(99)) // the handler has returned
			if got, ok := k.TryReply(req.Unique); ok {
				t.Errorf("answered before its time: %v", got)
			}
			if err := tt.detached(r); err != nil {
				t.Errorf("reply: %v", err)
			}
			got, err := k.Reply(req.Unique)
			if err != nil {
				t.Fatal(err)
			}
			wantBytes(t, "reply", got.Bytes(), okMessage(req.Unique, tt.want))
		})
	}
}

// TestFake_RepliesWithoutValue: those that are answered by success alone.
func TestFake_RepliesWithoutValue(t *testing.T) {
	plain := map[string]bool{
		"Unlink": true, "Rmdir": true, "Rename": true, "Flush": true, "Release": true, "Fsync": true, "Releasedir": true,
		"Fsyncdir": true, "Setxattr": true, "Removexattr": true, "Access": true, "Setlk": true, "Flock": true, "Fallocate": true,
		"Syncfs": true,
	}
	replies := make(chan reply, 1)
	direct := serve(t, allOps(func(string, []any) error { return nil }))
	detached := serve(t, allOps(func(_ string, args []any) error {
		replies <- args[0].(request).Detach()
		return nil
	}))
	for _, v := range validRequests() {
		if !plain[v.field] || !v.here() {
			continue
		}
		r := direct.MustCall(t, v.req.Clone())
		wantBytes(t, v.String(), r.Bytes(), okMessage(r.Unique, nil))
		req := v.req.Clone()
		if err := detached.Send(req); err != nil {
			t.Fatal(err)
		}
		if err := (<-replies).Err(nil); err != nil {
			t.Errorf("%v: %v", v, err)
		}
		r, err := detached.Reply(req.Unique)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, v.String()+" detached", r.Bytes(), okMessage(r.Unique, nil))
	}
}
