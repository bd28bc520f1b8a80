package highlevel

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// ---- arguments and results of a call from C ----

func text(p *byte, n uint64) string { return string(unsafe.Slice(p, n)) }

func pathOf(c *cshim.Call) string  { return text(c.Name, c.NameLen) }
func path2Of(c *cshim.Call) string { return text(c.Name2, c.Name2Len) }

// fileOf is the call's FileInfo, or nil. What the operation puts there goes back to C.
func fileOf(c *cshim.Call) *FileInfo { return (*FileInfo)(c.File) }

func in(c *cshim.Call) []byte  { return unsafe.Slice((*byte)(c.In), c.InLen) }
func out(c *cshim.Call) []byte { return unsafe.Slice(c.Out, c.OutCap) }

// result is where a typed result goes, or an argument comes from.
func result[T any](c *cshim.Call) *T { return (*T)(unsafe.Pointer(&c.Result)) }

func put[T any](c *cshim.Call, v T, err error) error {
	if err == nil {
		*result[T](c) = v
	}
	return err
}

// counted is the result of reads, writes and the like: at most limit.
func counted(c *cshim.Call, n int, limit uint64, err error) error {
	if err != nil && err != io.EOF {
		return err
	}
	if n < 0 || uint64(n) > limit {
		return errCount
	}
	c.Count = uint64(n)
	return nil
}

var errCount = errors.New("operation returned a count out of range")

// ---- one row for each operation: is there one, and how to call it ----

type hostedCall struct {
	has func(o *Operations) bool
	run func(o *Operations, ctx *request, c *cshim.Call) error
}

var hostedCalls = map[uint32]hostedCall{
	cshim.HLGetattr: {func(o *Operations) bool { return o.Getattr != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		st, err := o.Getattr(ctx, pathOf(c), fileOf(c))
		return put(c, st, err)
	}},
	cshim.HLReadlink: {func(o *Operations) bool { return o.Readlink != nil }, hostedReadlink},
	cshim.HLMknod: {func(o *Operations) bool { return o.Mknod != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Mknod(ctx, pathOf(c), c.Mode, c.Arg)
	}},
	cshim.HLMkdir: {func(o *Operations) bool { return o.Mkdir != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Mkdir(ctx, pathOf(c), c.Mode)
	}},
	cshim.HLUnlink: {func(o *Operations) bool { return o.Unlink != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Unlink(ctx, pathOf(c))
	}},
	cshim.HLRmdir: {func(o *Operations) bool { return o.Rmdir != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Rmdir(ctx, pathOf(c))
	}},
	cshim.HLSymlink: {func(o *Operations) bool { return o.Symlink != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Symlink(ctx, path2Of(c), pathOf(c))
	}},
	cshim.HLRename: {func(o *Operations) bool { return o.Rename != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Rename(ctx, pathOf(c), path2Of(c), RenameFlags(c.Flags))
	}},
	cshim.HLLink: {func(o *Operations) bool { return o.Link != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Link(ctx, pathOf(c), path2Of(c))
	}},
	cshim.HLChmod: {func(o *Operations) bool { return o.Chmod != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Chmod(ctx, pathOf(c), c.Mode, fileOf(c))
	}},
	cshim.HLChown: {func(o *Operations) bool { return o.Chown != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Chown(ctx, pathOf(c), uint32(c.Arg), uint32(c.Size), fileOf(c))
	}},
	cshim.HLTruncate: {func(o *Operations) bool { return o.Truncate != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Truncate(ctx, pathOf(c), c.Off, fileOf(c))
	}},
	cshim.HLOpen: {func(o *Operations) bool { return o.Open != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Open(ctx, pathOf(c), fileOf(c))
	}},
	cshim.HLRead: {func(o *Operations) bool { return o.Read != nil || o.ReadBuf != nil }, hostedRead},
	cshim.HLWrite: {func(o *Operations) bool { return o.Write != nil || o.WriteBuf != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return hostedWrite(o, ctx, c, lowlevel.BufMem(in(c)))
	}},
	cshim.HLStatfs: {func(o *Operations) bool { return o.Statfs != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		st, err := o.Statfs(ctx, pathOf(c))
		return put(c, st, err)
	}},
	cshim.HLFlush: {func(o *Operations) bool { return o.Flush != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Flush(ctx, pathOf(c), fileOf(c))
	}},
	cshim.HLRelease: {func(o *Operations) bool { return o.Release != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Release(ctx, pathOf(c), fileOf(c))
	}},
	cshim.HLFsync: {func(o *Operations) bool { return o.Fsync != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Fsync(ctx, pathOf(c), c.Flags != 0, fileOf(c))
	}},
	cshim.HLSetxattr: {func(o *Operations) bool { return o.Setxattr != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Setxattr(ctx, pathOf(c), path2Of(c), in(c), XattrFlags(c.Flags))
	}},
	cshim.HLGetxattr: {func(o *Operations) bool { return o.Getxattr != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		n, err := o.Getxattr(ctx, pathOf(c), path2Of(c), out(c))
		return hostedXattr(c, n, err)
	}},
	cshim.HLListxattr: {func(o *Operations) bool { return o.Listxattr != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		n, err := o.Listxattr(ctx, pathOf(c), out(c))
		return hostedXattr(c, n, err)
	}},
	cshim.HLRemovexattr: {func(o *Operations) bool { return o.Removexattr != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Removexattr(ctx, pathOf(c), path2Of(c))
	}},
	cshim.HLOpendir: {func(o *Operations) bool { return o.Opendir != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Opendir(ctx, pathOf(c), fileOf(c))
	}},
	cshim.HLReaddir: {func(o *Operations) bool { return o.Readdir != nil }, hostedReaddir},
	cshim.HLReleasedir: {func(o *Operations) bool { return o.Releasedir != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Releasedir(ctx, pathOf(c), fileOf(c))
	}},
	cshim.HLFsyncdir: {func(o *Operations) bool { return o.Fsyncdir != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Fsyncdir(ctx, pathOf(c), c.Flags != 0, fileOf(c))
	}},
	cshim.HLAccess: {func(o *Operations) bool { return o.Access != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Access(ctx, pathOf(c), c.Flags)
	}},
	cshim.HLCreate: {func(o *Operations) bool { return o.Create != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Create(ctx, pathOf(c), c.Mode, fileOf(c))
	}},
	cshim.HLLock: {func(o *Operations) bool { return o.Lock != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Lock(ctx, pathOf(c), fileOf(c), int(c.Flags), result[FileLock](c))
	}},
	cshim.HLUtimens: {func(o *Operations) bool { return o.Utimens != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		st := result[Stat](c)
		return o.Utimens(ctx, pathOf(c), st.Atim, st.Mtim, fileOf(c))
	}},
	cshim.HLBmap: {func(o *Operations) bool { return o.Bmap != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		var err error
		c.Count, err = o.Bmap(ctx, pathOf(c), int(c.Size), c.Arg)
		return err
	}},
	cshim.HLIoctl: {func(o *Operations) bool { return o.Ioctl != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		r, err := o.Ioctl(ctx, pathOf(c), c.Mode, c.Arg, fileOf(c), IoctlFlags(c.Flags), out(c))
		return counted(c, int(r), 1<<31-1, err)
	}},
	cshim.HLPoll: {func(o *Operations) bool { return o.Poll != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		revents, err := o.Poll(ctx, pathOf(c), fileOf(c), ctx.fs.session.Load().AdoptPollHandle(c.PollHandle.Pointer()))
		c.Count = uint64(revents)
		return err
	}},
	cshim.HLWriteBuf: {func(o *Operations) bool { return o.Write != nil || o.WriteBuf != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return hostedWrite(o, ctx, c, lowlevel.BufVecFromC(c.In))
	}},
	cshim.HLReadBuf: {func(o *Operations) bool { return o.Read != nil || o.ReadBuf != nil }, hostedReadBuf},
	cshim.HLFlock: {func(o *Operations) bool { return o.Flock != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Flock(ctx, pathOf(c), fileOf(c), FlockOp(c.Flags))
	}},
	cshim.HLFallocate: {func(o *Operations) bool { return o.Fallocate != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Fallocate(ctx, pathOf(c), c.Mode, c.Off, c.Off2, fileOf(c))
	}},
	cshim.HLCopyFileRange: {func(o *Operations) bool { return o.CopyFileRange != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		n, err := o.CopyFileRange(ctx, pathOf(c), fileOf(c), c.Off, path2Of(c), (*FileInfo)(c.File2), c.Off2, c.Size, c.Flags)
		return counted(c, int(min(n, 1<<62)), c.Size, err)
	}},
	cshim.HLLseek: {func(o *Operations) bool { return o.Lseek != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		off, err := o.Lseek(ctx, pathOf(c), c.Off, int(c.Flags), fileOf(c))
		return counted(c, int(off), 1<<63-1, err)
	}},
	cshim.HLStatx: {func(o *Operations) bool { return o.Statx != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		stx, err := o.Statx(ctx, pathOf(c), c.Flags, c.Mode, fileOf(c))
		if err == nil {
			*(*unix.Statx_t)(unsafe.Pointer(c.Out)) = stx
		}
		return err
	}},
	cshim.HLSyncfs: {func(o *Operations) bool { return o.Syncfs != nil }, func(o *Operations, ctx *request, c *cshim.Call) error {
		return o.Syncfs(ctx, pathOf(c))
	}},
}

// call runs an operation.
func (h *hosted) call(ctx *request, c *cshim.Call) error {
	if c.Op == cshim.HLInit {
		return h.init(c)
	}
	op := hostedCalls[c.Op]
	if !op.has(&h.fs.ops) {
		c.PollHandle.Destroy()
		return syscall.ENOSYS
	}
	return op.run(&h.fs.ops, ctx, c)
}

func (h *hosted) init(c *cshim.Call) error {
	if h.fs.ops.Init == nil {
		return nil
	}
	var conn ConnInfo
	conn.FromC(c.In)
	config := (*cshim.FuseConfig)(unsafe.Pointer(c.Out))
	cfg := configFromC(config)
	h.fs.private = h.fs.ops.Init(&conn, &cfg)
	conn.ToC(c.In)
	configToC(config, &cfg)
	return nil
}

// hostedReadlink puts the target into C's buffer, cut off where it does not fit, as readlink in C is to do.
func hostedReadlink(o *Operations, ctx *request, c *cshim.Call) error {
	target, err := o.Readlink(ctx, pathOf(c))
	dst := out(c)
	if err != nil || len(dst) == 0 {
		return err
	}
	if strings.IndexByte(target, 0) >= 0 {
		return syscall.EIO
	}
	dst[copy(dst[:len(dst)-1], target)] = 0
	return nil
}

func hostedReaddir(o *Operations, ctx *request, c *cshim.Call) error {
	bad := false
	fill := func(name string, st *Stat, off int64, flags FillDirFlags) bool {
		if bad = bad || !goodName(name); bad {
			return false
		}
		return cshim.Fill(c.In, name, unsafe.Pointer(st), off, uint32(flags))
	}
	err := o.Readdir(ctx, pathOf(c), fill, c.Off, fileOf(c), ReaddirFlags(c.Flags))
	if err == nil && bad {
		return syscall.EIO
	}
	return err
}

// C's table may have either way to read and to write, and so may Operations.

func hostedRead(o *Operations, ctx *request, c *cshim.Call) error {
	dst := out(c)
	if o.Read != nil {
		n, err := o.Read(ctx, pathOf(c), dst, c.Off, fileOf(c))
		return counted(c, n, c.OutCap, err)
	}
	buf, err := o.ReadBuf(ctx, pathOf(c), len(dst), c.Off, fileOf(c))
	if err != nil && err != io.EOF {
		return err
	}
	if buf.Size() > len(dst) {
		return errCount
	}
	n, err := lowlevel.BufCopy(lowlevel.BufMem(dst), buf, 0)
	return counted(c, n, c.OutCap, err)
}

func hostedReadBuf(o *Operations, ctx *request, c *cshim.Call) error {
	var buf lowlevel.BufVec
	var err error
	if o.ReadBuf != nil {
		buf, err = o.ReadBuf(ctx, pathOf(c), int(c.Size), c.Off, fileOf(c))
	} else {
		dst := make([]byte, c.Size)
		var n int
		n, err = o.Read(ctx, pathOf(c), dst, c.Off, fileOf(c))
		if err := counted(c, n, c.Size, err); err != nil {
			return err
		}
		buf = lowlevel.BufMem(dst[:n])
	}
	if err != nil && err != io.EOF {
		return err
	}
	if uint64(buf.Size()) > c.Size {
		return errCount
	}
	c.Out = (*byte)(buf.ToC())
	if c.Out == nil {
		return syscall.ENOMEM
	}
	return nil
}

func hostedWrite(o *Operations, ctx *request, c *cshim.Call, buf lowlevel.BufVec) error {
	size := buf.Size()
	if o.WriteBuf != nil && (c.Op == cshim.HLWriteBuf || o.Write == nil) {
		n, err := o.WriteBuf(ctx, pathOf(c), buf, c.Off, fileOf(c))
		return counted(c, n, uint64(size), err)
	}
	var data []byte
	if len(buf) == 1 && buf[0].Mem != nil {
		data = buf[0].Mem
	} else {
		data = make([]byte, size)
		n, err := lowlevel.BufCopy(lowlevel.BufMem(data), buf, 0)
		if err != nil {
			return err
		}
		data = data[:n]
	}
	n, err := o.Write(ctx, pathOf(c), data, c.Off, fileOf(c))
	return counted(c, n, uint64(len(data)), err)
}

// hostedXattr is the result of Getxattr and Listxattr.
func hostedXattr(c *cshim.Call, n int, err error) error {
	if err == nil && c.OutCap > 0 && uint64(n) > c.OutCap {
		return syscall.ERANGE
	}
	return counted(c, n, 1<<31-1, err)
}
