package highlevel

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// restOps are the operations that memFS does not have. They note what they are given.
func restOps(m *memFS) func(*Operations, *Config) {
	return func(o *Operations, _ *Config) {
		o.Readlink = func(_ context.Context, p string) (string, error) { return "to " + p, m.begin("readlink", p) }
		o.Access = func(_ context.Context, p string, mask uint32) error { return m.begin("access", p, mask) }
		o.Setxattr = func(_ context.Context, p, name string, value []byte, flags XattrFlags) error {
			return m.begin("setxattr", p, name, string(value), int(flags))
		}
		o.Getxattr = func(_ context.Context, p, name string, dst []byte) (int, error) {
			return lowlevel.XattrValue(dst, []byte(strings.TrimPrefix(name, "user.")))
		}
		o.Listxattr = func(_ context.Context, _ string, dst []byte) (int, error) {
			return lowlevel.XattrValue(dst, []byte("user.a\x00"))
		}
		o.Removexattr = func(_ context.Context, p, name string) error { return m.begin("removexattr", p, name) }
		o.Bmap = func(_ context.Context, p string, size int, idx uint64) (uint64, error) {
			return idx + 1, m.begin("bmap", p, size, idx)
		}
		o.Fallocate = func(_ context.Context, p string, mode uint32, off, length int64, _ *FileInfo) error {
			return m.begin("fallocate", p, mode, off, length)
		}
		o.Lseek = func(_ context.Context, p string, off int64, whence int, _ *FileInfo) (int64, error) {
			return off + 10, m.begin("lseek", p, off, whence)
		}
		o.Ioctl = func(_ context.Context, p string, cmd uint32, arg uint64, fi *FileInfo, _ IoctlFlags, data []byte) (int32, error) {
			err := m.begin("ioctl", p, cmd, arg, "fh", uint64(fi.Fh), fmt.Sprintf("%q", data))
			copy(data, strings.ToUpper(string(data)))
			return 5, err
		}
		o.Poll = func(_ context.Context, p string, fi *FileInfo, _ *PollHandle) (uint32, error) {
			return fi.PollEvents & unix.POLLIN, m.begin("poll", p)
		}
		o.CopyFileRange = func(_ context.Context, in string, _ *FileInfo, offIn int64, out string, _ *FileInfo, offOut int64, size uint64, _ uint32) (uint64, error) {
			return size - 1, m.begin("copy", in, offIn, out, offOut)
		}
	}
}

// TestOperations_ArgumentsAndResults: what goes in by inode comes out by path, and back.
func TestOperations_ArgumentsAndResults(t *testing.T) {
	mem := newMemFS().put("d/f", "g")
	r := newRig(t, mem, restOps(mem))
	f, g := r.walk("d/f"), r.walk("g")
	for _, c := range []struct {
		req  *fusetest.Request
		call string
		body func(reply fusetest.Reply) string
		want string
	}{
		{fusetest.Readlink(f), "readlink /d/f", dataOf, "to /d/f"},
		{fusetest.Access(f, 4), "access /d/f 4", nil, ""},
		{fusetest.Setxattr(f, fusetest.SetxattrIn{Flags: 1}, "user.a", []byte("v")), "setxattr /d/f user.a v 1", nil, ""},
		{fusetest.Getxattr(f, fusetest.GetxattrIn{Size: 10}, "user.value"), "", dataOf, "value"},
		{fusetest.Getxattr(f, fusetest.GetxattrIn{Size: 10}, "user."), "", dataOf, ""},
		{fusetest.Getxattr(f, fusetest.GetxattrIn{}, "user.value"), "", xattrSizeOf, "5"},
		{fusetest.Listxattr(f, fusetest.GetxattrIn{Size: 10}), "", dataOf, "user.a\x00"},
		{fusetest.Listxattr(f, fusetest.GetxattrIn{}), "", xattrSizeOf, "7"},
		{fusetest.Removexattr(f, "user.a"), "removexattr /d/f user.a", nil, ""},
		{fusetest.Bmap(f, fusetest.BmapIn{Block: 41, Blocksize: 512}), "bmap /d/f 512 41", func(r fusetest.Reply) string {
			b, err := r.Bmap()
			return fmt.Sprint(b.Block, err)
		}, "42 <nil>"},
		{fusetest.Fallocate(f, fusetest.FallocateIn{Mode: 1, Offset: 2, Length: 3}), "fallocate /d/f 1 2 3", nil, ""},
		{fusetest.Lseek(f, fusetest.LseekIn{Offset: 7, Whence: unix.SEEK_DATA}), "lseek /d/f 7 3", func(r fusetest.Reply) string {
			l, err := r.Lseek()
			return fmt.Sprint(l.Offset, err)
		}, "17 <nil>"},
		{fusetest.Poll(f, fusetest.PollIn{Events: unix.POLLIN | unix.POLLOUT}), "poll /d/f", func(r fusetest.Reply) string {
			p, err := r.Poll()
			return fmt.Sprint(p.Revents, err)
		}, "1 <nil>"},
		{fusetest.CopyFileRange(f, fusetest.CopyFileRangeIn{OffIn: 1, NodeIDOut: g, OffOut: 2, Len: 9}), "copy /d/f 1 /g 2", func(r fusetest.Reply) string {
			w, err := r.Written()
			return fmt.Sprint(w.Size, err)
		}, "8 <nil>"},
		{fusetest.Ioctl(f, fusetest.IoctlIn{Fh: 6, Cmd: 1, Arg: 2, OutSize: 3}, []byte("abc")), `ioctl /d/f 1 2 fh 6 "abc"`, ioctlOf, "5 ABC"},
		{fusetest.Ioctl(f, fusetest.IoctlIn{Fh: 6, Cmd: 1, Arg: 2}, []byte("abc")), `ioctl /d/f 1 2 fh 6 "abc"`, ioctlOf, "5 "},
		{fusetest.Ioctl(f, fusetest.IoctlIn{Fh: 6, Cmd: 1, Arg: 2, OutSize: 2}, nil), `ioctl /d/f 1 2 fh 6 "\x00\x00"`, ioctlOf, "5 \x00\x00"},
	} {
		mem.took()
		reply := r.want(0, c.req)
		var calls []string
		if c.call != "" {
			calls = []string{c.call}
		}
		sameList(t, c.req.Opcode.String()+": calls", mem.took(), calls)
		if c.body != nil {
			same(t, c.req.Opcode.String()+": result", c.body(reply), c.want)
		}
	}
}

func dataOf(r fusetest.Reply) string { return string(r.Body) }

func xattrSizeOf(r fusetest.Reply) string {
	x, _ := r.XattrSize()
	return fmt.Sprint(x.Size)
}

func ioctlOf(r fusetest.Reply) string {
	out, data, _ := r.Ioctl()
	return fmt.Sprintf("%d %s", out.Result, data)
}

func TestOperations_IoctlOfADirectoryHasItsHandle(t *testing.T) {
	mem := newMemFS()
	r := newRig(t, mem, restOps(mem), func(o *Operations, _ *Config) {
		o.Opendir = func(_ context.Context, _ string, fi *FileInfo) error { fi.Fh = 4321; return nil }
	})
	fh := r.opendir(1)
	r.want(0, fusetest.Ioctl(1, fusetest.IoctlIn{Fh: fh, Flags: fusetest.IoctlDir, Cmd: 1}, nil))
	sameList(t, "calls", mem.took(), []string{`ioctl / 1 0 fh 4321 ""`})
}

func TestOperations_AnUnrestrictedIoctlIsNotPermitted(t *testing.T) {
	mem := newMemFS().put("f")
	r := newRig(t, mem, restOps(mem))
	f := r.lookup(1, "f")
	mem.took()
	r.want(syscall.EPERM, fusetest.Ioctl(f, fusetest.IoctlIn{Flags: fusetest.IoctlUnrestricted, Cmd: 1}, nil))
	sameList(t, "calls", mem.took(), nil)
}

// TestOperations_ErrorsComeBack: of every operation, and nothing stays locked.
func TestOperations_ErrorsComeBack(t *testing.T) {
	mem := newMemFS().put("f")
	r := newRig(t, mem, restOps(mem))
	f := r.lookup(1, "f")
	mem.setBefore(func(op, _ string) error {
		if op == "getattr" {
			return nil
		}
		return fmt.Errorf("%s: %w", op, syscall.EXDEV)
	})
	for _, req := range []*fusetest.Request{
		fusetest.Readlink(f), fusetest.Access(f, 1), fusetest.Removexattr(f, "user.a"), fusetest.Bmap(f, fusetest.BmapIn{}),
		fusetest.Fallocate(f, fusetest.FallocateIn{}), fusetest.Lseek(f, fusetest.LseekIn{}), fusetest.Poll(f, fusetest.PollIn{}),
		fusetest.Ioctl(f, fusetest.IoctlIn{}, nil), fusetest.CopyFileRange(f, fusetest.CopyFileRangeIn{NodeIDOut: f}),
		fusetest.Open(f, fusetest.OpenIn{}), fusetest.Read(f, fusetest.ReadIn{Size: 1}), fusetest.Write(f, fusetest.WriteIn{}, []byte("x")),
		fusetest.Fsync(f, fusetest.FsyncIn{}), fusetest.Flush(f, fusetest.FlushIn{}), fusetest.Unlink(1, "f"), fusetest.Rmdir(1, "f"),
		fusetest.Rename(1, 1, "f", "g"), fusetest.Link(1, f, "g"), fusetest.Symlink(1, "g", "t"), fusetest.Mkdir(1, fusetest.MkdirIn{}, "g"),
		fusetest.Create(1, createIn, "g"),
	} {
		r.want(syscall.EXDEV, req)
	}
	mem.setBefore(nil)
	same(t, "path", r.path(f), "/f")
	r.want(0, fusetest.Rename(1, 1, "f", "g"))
}

// TestOperations_APanicIsEIO, and nothing stays locked.
func TestOperations_APanicIsEIO(t *testing.T) {
	mem := newMemFS().put("f")
	r := newRig(t, mem, restOps(mem))
	f := r.lookup(1, "f")
	mem.setBefore(func(op, _ string) error {
		if op != "getattr" {
			panic("a panic that the test wants")
		}
		return nil
	})
	for _, req := range []*fusetest.Request{
		fusetest.Access(f, 1), fusetest.Open(f, fusetest.OpenIn{}), fusetest.Unlink(1, "f"), fusetest.Rename(1, 1, "f", "g"),
		fusetest.Link(1, f, "g"), fusetest.Create(1, createIn, "g"), fusetest.CopyFileRange(f, fusetest.CopyFileRangeIn{NodeIDOut: f}),
	} {
		r.want(syscall.EIO, req)
	}
	mem.setBefore(nil)
	r.want(0, fusetest.Rename(1, 1, "f", "g"))
}
