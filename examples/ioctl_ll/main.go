// Command ioctl_ll is libfuse's example of that name in Go: a filesystem with one file, fioc, that can be read and written, and has
// ioctls of its own. ioctl_ll_client calls them:
//
//	ioctl_ll /mnt
//	ioctl_ll_client set_size /mnt/fioc 3
//	ioctl_ll_client get_size /mnt/fioc
//
// The number of an ioctl such as FIOC_GET_SIZE tells how much data goes in and out, so the kernel fetches and stores it, and Ops.Ioctl
// has two byte slices to deal with. FIOC_READ and FIOC_WRITE are of the other sort: for them the kernel has to be asked to come
// again with parts of the caller's memory, which it does for character devices (CUSE) only. On a mount, the caller gets EIO.
//
// The ioctls are in this file, the rest of the filesystem is in file.go.
package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func main() { os.Exit(lowlevel.Main(&lowlevel.Program{Ops: new(filesystem).ops()})) }

func (f *filesystem) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup:  f.lookup,
		Getattr: f.getattr,
		Readdir: f.readdir,
		Open:    f.open,
		Read:    f.read,
		Write:   f.write,
		Ioctl:   f.ioctl,
	}
}

func (f *filesystem) ioctl(_ *lowlevel.Request, ino lowlevel.Ino, cmd uint32, arg uint64, _ *lowlevel.FileInfo,
	flags lowlevel.IoctlFlags, in, out []byte,
) (lowlevel.IoctlReply, error) {
	switch {
	case ino != fileIno:
		return lowlevel.IoctlReply{}, unix.EINVAL
	case flags&lowlevel.IoctlCompat != 0:
		return lowlevel.IoctlReply{}, unix.ENOSYS // a 32-bit program: its size_t is another
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch cmd {
	case fioc.GetSize:
		size := fioc.Size(len(f.data))
		return lowlevel.IoctlReply{N: copy(out, fioc.Bytes(&size))}, nil
	case fioc.SetSize:
		var size fioc.Size
		copy(fioc.Bytes(&size), in)
		return lowlevel.IoctlReply{}, f.resize(uint64(size))
	case fioc.Read, fioc.Write:
		return f.readWrite(cmd, arg, in, out)
	}
	return lowlevel.IoctlReply{}, unix.EINVAL
}

// readWrite is called three times for an ioctl. First it gets but the address of its argument, and asks for that. The argument tells
// where the caller's buffer is: it asks for that as well. Then everything is there.
func (f *filesystem) readWrite(cmd uint32, addr uint64, in, out []byte) (lowlevel.IoctlReply, error) {
	var arg fioc.RWArg
	n := copy(fioc.Bytes(&arg), in)
	if n == 0 || len(out) == 0 {
		return lowlevel.IoctlReply{Retry: wanted(cmd, addr, n > 0, &arg)}, nil
	}
	sizes := fioc.RWSizes{Prev: fioc.Size(len(f.data))}
	head := len(fioc.Bytes(&sizes))
	var moved, end int
	var err error
	if cmd == fioc.Read {
		moved, err = f.readAt(out[head:], arg.Offset)
		end = head + moved
	} else {
		moved, err = f.writeAt(in[n:], arg.Offset)
		end = head
	}
	sizes.New = fioc.Size(len(f.data))
	copy(out, fioc.Bytes(&sizes))
	return lowlevel.IoctlReply{Result: int32(moved), N: end}, err
}

// wanted names the caller's memory that is to be fetched before, and stored to after the next call.
func wanted(cmd uint32, addr uint64, known bool, arg *fioc.RWArg) *lowlevel.IoctlRetryIov {
	want := &lowlevel.IoctlRetryIov{In: []lowlevel.IoctlIovec{{Base: addr, Len: uint64(unsafe.Sizeof(*arg))}}}
	if !known {
		return want
	}
	sizes := addr + uint64(unsafe.Offsetof(arg.Sizes))
	want.Out = []lowlevel.IoctlIovec{{Base: sizes, Len: uint64(unsafe.Sizeof(arg.Sizes))}}
	buf := lowlevel.IoctlIovec{Base: uint64(arg.Buf), Len: uint64(arg.Size)}
	if cmd == fioc.Read {
		want.Out = append(want.Out, buf)
	} else {
		want.In = append(want.In, buf)
	}
	return want
}
