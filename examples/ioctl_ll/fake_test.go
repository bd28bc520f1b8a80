package main

import (
	"bytes"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Tests with a kernel that does for a mount what Linux does for character devices only.

// process is a calling program: its memory begins at address base.
type process struct {
	kernel *fusetest.Served
	memory []byte
}

const base = 0x10000

func newProcess(t *testing.T) *process {
	t.Helper()
	session, err := lowlevel.New(new(filesystem).ops(), lowlevel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &process{kernel: fusetest.Start(t, session), memory: make([]byte, 4096)}
}

// at returns a piece of memory.
func (p *process) at(v fusetest.IoctlIovec) []byte { return p.memory[v.Base-base:][:v.Len] }

// ioctl is ioctl(2) on the file with an argument at the beginning of memory, and tells how often the filesystem was asked.
func (p *process) ioctl(t *testing.T, cmd uint32) (result int32, asked int, err error) {
	t.Helper()
	req := fusetest.IoctlIn{Flags: fusetest.IoctlUnrestricted, Cmd: cmd, Arg: base}
	var in []byte
	var out []fusetest.IoctlIovec
	for asked = 1; ; asked++ {
		reply := p.kernel.MustCall(t, fusetest.Ioctl(uint64(fileIno), req, in))
		head, data, err := reply.Ioctl()
		if err != nil {
			return 0, asked, err
		}
		if head.Flags&fusetest.IoctlRetry == 0 {
			for _, v := range out {
				data = data[copy(p.at(v), data):]
			}
			return head.Result, asked, nil
		}
		var from []fusetest.IoctlIovec
		if from, out, err = reply.IoctlRetry(); err != nil {
			t.Fatal(err)
		}
		in, req.OutSize, req.Flags = nil, 0, req.Flags|fusetest.IoctlRetry
		for _, v := range from {
			in = append(in, p.at(v)...)
		}
		for _, v := range out {
			req.OutSize += uint32(v.Len)
		}
	}
}

// readWrite calls FIOC_READ or FIOC_WRITE, and returns the sizes. The buffer is at 1024.
func (p *process) readWrite(t *testing.T, cmd uint32, off int64, size int) (int32, fioc.RWSizes, error) {
	t.Helper()
	arg := fioc.RWArg{Offset: off, Buf: base + 1024, Size: fioc.Size(size)}
	copy(p.memory, fioc.Bytes(&arg))
	n, asked, err := p.ioctl(t, cmd)
	if asked != 3 {
		t.Errorf("ioctl %#x: asked %d times, want 3", cmd, asked)
	}
	copy(fioc.Bytes(&arg), p.memory)
	return n, arg.Sizes, err
}

func TestIoctl_Write(t *testing.T) {
	p := newProcess(t)
	for _, c := range []struct {
		off         int64
		data        string
		want        fioc.RWSizes
		wantContent string
	}{
		{0, "hello", fioc.RWSizes{Prev: 0, New: 5}, "hello"},
		{1, "u", fioc.RWSizes{Prev: 5, New: 5}, "hullo"},
		{7, "!", fioc.RWSizes{Prev: 5, New: 8}, "hullo\x00\x00!"},
		{20, "", fioc.RWSizes{Prev: 8, New: 8}, "hullo\x00\x00!"},
	} {
		copy(p.memory[1024:], c.data)
		n, sizes, err := p.readWrite(t, fioc.Write, c.off, len(c.data))
		if err != nil || int(n) != len(c.data) || sizes != c.want {
			t.Errorf("write %q at %d: got %d, %+v (%v), want %+v", c.data, c.off, n, sizes, err, c.want)
		}
		content, err := p.kernel.MustCall(t, fusetest.Read(uint64(fileIno), fusetest.ReadIn{Size: 4096})).Data()
		if err != nil || string(content) != c.wantContent {
			t.Errorf("content: got %q (%v), want %q", content, err, c.wantContent)
		}
	}
}

func TestIoctl_Read(t *testing.T) {
	p := newProcess(t)
	p.kernel.MustCall(t, fusetest.Write(uint64(fileIno), fusetest.WriteIn{}, []byte("hello")))
	for _, c := range []struct {
		off  int64
		size int
		want string
	}{{0, 5, "hello"}, {1, 2, "el"}, {3, 100, "lo"}, {5, 10, ""}, {1 << 40, 10, ""}, {0, 0, ""}} {
		clear(p.memory)
		n, sizes, err := p.readWrite(t, fioc.Read, c.off, c.size)
		if want := (fioc.RWSizes{Prev: 5, New: 5}); err != nil || int(n) != len(c.want) || sizes != want {
			t.Errorf("read %d at %d: got %d, %+v (%v), want %d, %+v", c.size, c.off, n, sizes, err, len(c.want), want)
		}
		if got := bytes.TrimRight(p.memory[1024:], "\x00"); string(got) != c.want {
			t.Errorf("read %d at %d: got %q, want %q", c.size, c.off, got, c.want)
		}
	}
}

func TestIoctl_BadArguments(t *testing.T) {
	p := newProcess(t)
	if _, _, err := p.readWrite(t, fioc.Read, -1, 1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("read before the beginning: got %v, want EINVAL", err)
	}
	if _, _, err := p.readWrite(t, fioc.Write, -1, 1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("write before the beginning: got %v, want EINVAL", err)
	}
	if _, _, err := p.readWrite(t, fioc.Write, 1<<62, 1); !errors.Is(err, unix.EFBIG) {
		t.Errorf("write far behind the end: got %v, want EFBIG", err)
	}
	size := uint32(unsafe.Sizeof(fioc.Size(0)))
	for _, c := range []struct {
		what string
		ino  lowlevel.Ino
		in   fusetest.IoctlIn
		want error
	}{
		{"unknown command", fileIno, fusetest.IoctlIn{Cmd: fioc.Write + 1}, unix.EINVAL},
		{"directory", rootIno, fusetest.IoctlIn{Cmd: fioc.GetSize, OutSize: size, Flags: fusetest.IoctlDir}, unix.EINVAL},
		{"32-bit caller", fileIno, fusetest.IoctlIn{Cmd: fioc.GetSize, OutSize: size, Flags: fusetest.IoctlCompat}, unix.ENOSYS},
	} {
		if err := p.kernel.MustCall(t, fusetest.Ioctl(uint64(c.ino), c.in, nil)).Err(); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, err, c.want)
		}
	}
}
