package lowlevel

import (
	"errors"
	"io"
	"strings"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// ---- arguments and results ----

func (r *Request) name(c *cshim.Call) string  { return r.session.names.get(c.Name, c.NameLen) }
func (r *Request) name2(c *cshim.Call) string { return r.session.names.get(c.Name2, c.Name2Len) }

// fileInfo returns the FileInfo that came with the call, or nil.
func (r *Request) fileInfo(c *cshim.Call) *FileInfo {
	if c.File == nil {
		return nil
	}
	r.file = *(*FileInfo)(c.File)
	return &r.file
}

func (r *Request) fileInfo2(c *cshim.Call) *FileInfo {
	if c.File2 == nil {
		return nil
	}
	r.file2 = *(*FileInfo)(c.File2)
	return &r.file2
}

// in is the data that came with the call; out is room for what goes back.
func in(c *cshim.Call) []byte  { return unsafe.Slice((*byte)(c.In), c.InLen) }
func out(c *cshim.Call) []byte { return unsafe.Slice(c.Out, c.OutCap) }

// result is where a typed result goes.
func result[T any](c *cshim.Call) *T { return (*T)(unsafe.Pointer(&c.Result)) }

func entry(c *cshim.Call, e EntryParam, err error) error {
	if err == nil {
		*result[EntryParam](c) = e
	}
	return err
}

// opened returns what the handler has put into the FileInfo.
func opened(r *Request, c *cshim.Call, err error) error {
	if err == nil {
		*(*FileInfo)(c.File) = r.file
	}
	return err
}

func attr(c *cshim.Call, st Stat, timeout time.Duration, err error) error {
	if err == nil {
		*result[Stat](c) = st
		c.Timeout = validTimeout(timeout)
	}
	return err
}

// count is the result of reads and writes: at most limit bytes.
func count(c *cshim.Call, n int, limit uint64, err error) error {
	if err != nil {
		return err
	}
	if n < 0 || uint64(n) > limit {
		return errCount
	}
	c.Count = uint64(n)
	return nil
}

var (
	errCount    = errors.New("handler returned a count out of range")
	errReadlink = errors.New("handler returned a link target that is too long or has a NUL byte")
)

// ---- one function for each operation: arguments in, handler, results out ----

func callLookup(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Lookup(r, Ino(c.Ino), r.name(c))
	return entry(c, e, err)
}

func callForget(o *Ops, r *Request, c *cshim.Call) error {
	o.Forget(r, Ino(c.Ino), c.Arg)
	return nil
}

func forgets(c *cshim.Call) []ForgetData { return unsafe.Slice((*ForgetData)(c.In), c.InLen) }

func callForgetMulti(o *Ops, r *Request, c *cshim.Call) error {
	o.ForgetMulti(r, forgets(c))
	return nil
}

func callGetattr(o *Ops, r *Request, c *cshim.Call) error {
	st, timeout, err := o.Getattr(r, Ino(c.Ino), r.fileInfo(c))
	return attr(c, st, timeout, err)
}

func callSetattr(o *Ops, r *Request, c *cshim.Call) error {
	r.stat = *result[Stat](c)
	st, timeout, err := o.Setattr(r, Ino(c.Ino), &r.stat, SetAttr(c.Flags), r.fileInfo(c))
	return attr(c, st, timeout, err)
}

func callReadlink(o *Ops, r *Request, c *cshim.Call) error {
	target, err := o.Readlink(r, Ino(c.Ino))
	if err != nil {
		return err
	}
	dst := out(c)
	if len(target) >= len(dst) || strings.IndexByte(target, 0) >= 0 {
		return errReadlink
	}
	dst[copy(dst, target)] = 0
	return nil
}

func callMknod(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Mknod(r, Ino(c.Ino), r.name(c), c.Mode, c.Arg)
	return entry(c, e, err)
}

func callMkdir(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Mkdir(r, Ino(c.Ino), r.name(c), c.Mode)
	return entry(c, e, err)
}

func callUnlink(o *Ops, r *Request, c *cshim.Call) error { return o.Unlink(r, Ino(c.Ino), r.name(c)) }

func callRmdir(o *Ops, r *Request, c *cshim.Call) error { return o.Rmdir(r, Ino(c.Ino), r.name(c)) }

func callSymlink(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Symlink(r, r.name2(c), Ino(c.Ino), r.name(c))
	return entry(c, e, err)
}

func callRename(o *Ops, r *Request, c *cshim.Call) error {
	return o.Rename(r, Ino(c.Ino), r.name(c), Ino(c.Ino2), r.name2(c), RenameFlags(c.Flags))
}

func callLink(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Link(r, Ino(c.Ino), Ino(c.Ino2), r.name2(c))
	return entry(c, e, err)
}

func callOpen(o *Ops, r *Request, c *cshim.Call) error {
	return opened(r, c, o.Open(r, Ino(c.Ino), r.fileInfo(c)))
}

func callRead(o *Ops, r *Request, c *cshim.Call) error {
	if o.Read == nil {
		return callReadBuf(o, r, c)
	}
	n, err := o.Read(r, Ino(c.Ino), out(c), c.Off, r.fileInfo(c))
	if err == io.EOF {
		err = nil
	}
	return count(c, n, c.OutCap, err)
}

// callReadBuf sends the reply itself, while the handler's buffers are certain to be there.
func callReadBuf(o *Ops, r *Request, c *cshim.Call) error {
	v, err := o.ReadBuf(r, Ino(c.Ino), int(c.OutCap), c.Off, r.fileInfo(c))
	if r.reply != nil {
		return nil
	}
	if err != nil && err != io.EOF {
		return err
	}
	if uint64(v.Size()) > c.OutCap {
		return errCount
	}
	r.watch.stop()
	r.watch = nil
	c.Reply = cshim.ReplyDetached
	_ = r.req.Data(cBufs(v), 0)
	return nil
}

func callWrite(o *Ops, r *Request, c *cshim.Call) error {
	n, err := o.Write(r, Ino(c.Ino), in(c), c.Off, r.fileInfo(c))
	return count(c, n, c.InLen, err)
}

func callWriteBuf(o *Ops, r *Request, c *cshim.Call) error {
	v := r.bufVec(c)
	size := v.Size()
	n, err := o.WriteBuf(r, Ino(c.Ino), v, c.Off, r.fileInfo(c))
	return count(c, n, uint64(size), err)
}

// bufVec returns the struct fuse_bufvec that came with the call. It has one piece.
func (r *Request) bufVec(c *cshim.Call) BufVec {
	return bufVec(r.vec[:], unsafe.Slice((*cshim.Buf)(c.In), c.InLen))
}

// bufVec returns the pieces of raw, in vec if that has their number.
func bufVec(vec BufVec, raw []cshim.Buf) BufVec {
	if len(raw) != len(vec) {
		vec = make(BufVec, len(raw))
	}
	for i, b := range raw {
		vec[i] = Buf{FD: int(b.FD), Pos: b.Pos, Size: int(b.Size), Flags: BufFlags(b.Flags &^ cshim.BufIsFD)}
		if b.Flags&cshim.BufIsFD == 0 {
			vec[i].Mem = unsafe.Slice((*byte)(b.Mem), b.Size)
		}
	}
	return vec
}

func callFlush(o *Ops, r *Request, c *cshim.Call) error {
	return o.Flush(r, Ino(c.Ino), r.fileInfo(c))
}

func callRelease(o *Ops, r *Request, c *cshim.Call) error {
	return o.Release(r, Ino(c.Ino), r.fileInfo(c))
}

func callFsync(o *Ops, r *Request, c *cshim.Call) error {
	return o.Fsync(r, Ino(c.Ino), c.Flags != 0, r.fileInfo(c))
}

func callOpendir(o *Ops, r *Request, c *cshim.Call) error {
	return opened(r, c, o.Opendir(r, Ino(c.Ino), r.fileInfo(c)))
}

func callReaddir(o *Ops, r *Request, c *cshim.Call) error {
	r.dir.DirBuf = DirBuf{buf: out(c)}
	err := o.Readdir(r, Ino(c.Ino), &r.dir.DirBuf, c.Off, r.fileInfo(c))
	return r.listed(c, err)
}

func callReaddirplus(o *Ops, r *Request, c *cshim.Call) error {
	r.dir.DirBuf = DirBuf{buf: out(c)}
	err := o.Readdirplus(r, Ino(c.Ino), &r.dir, c.Off, r.fileInfo(c))
	return r.listed(c, err)
}

func (r *Request) listed(c *cshim.Call, err error) error {
	if err == nil {
		err = r.dir.err
	}
	n := r.dir.n
	r.dir.DirBuf = DirBuf{}
	return count(c, n, c.OutCap, err)
}

func callReleasedir(o *Ops, r *Request, c *cshim.Call) error {
	return o.Releasedir(r, Ino(c.Ino), r.fileInfo(c))
}

func callFsyncdir(o *Ops, r *Request, c *cshim.Call) error {
	return o.Fsyncdir(r, Ino(c.Ino), c.Flags != 0, r.fileInfo(c))
}

func callStatfs(o *Ops, r *Request, c *cshim.Call) error {
	st, err := o.Statfs(r, Ino(c.Ino))
	if err == nil {
		*result[Statfs](c) = st
	}
	return err
}

func callSetxattr(o *Ops, r *Request, c *cshim.Call) error {
	return o.Setxattr(r, Ino(c.Ino), r.name(c), in(c), XattrFlags(c.Flags))
}

func callGetxattr(o *Ops, r *Request, c *cshim.Call) error {
	n, err := o.Getxattr(r, Ino(c.Ino), r.name(c), out(c))
	return xattrSize(c, n, err)
}

func callListxattr(o *Ops, r *Request, c *cshim.Call) error {
	n, err := o.Listxattr(r, Ino(c.Ino), out(c))
	return xattrSize(c, n, err)
}

// xattrSize: a size beyond the buffer is answered ERANGE, and to a query (no buffer) as it is.
func xattrSize(c *cshim.Call, n int, err error) error {
	if err == nil && c.OutCap > 0 && uint64(n) > c.OutCap {
		return unix.ERANGE
	}
	return count(c, n, 1<<31-1, err)
}

func callRemovexattr(o *Ops, r *Request, c *cshim.Call) error {
	return o.Removexattr(r, Ino(c.Ino), r.name(c))
}

func callAccess(o *Ops, r *Request, c *cshim.Call) error { return o.Access(r, Ino(c.Ino), c.Flags) }

func callCreate(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Create(r, Ino(c.Ino), r.name(c), c.Mode, r.fileInfo(c))
	return opened(r, c, entry(c, e, err))
}

func callGetlk(o *Ops, r *Request, c *cshim.Call) error {
	r.lock = *result[FileLock](c)
	err := o.Getlk(r, Ino(c.Ino), r.fileInfo(c), &r.lock)
	if err == nil {
		*result[FileLock](c) = r.lock
	}
	return err
}

func callSetlk(o *Ops, r *Request, c *cshim.Call) error {
	r.lock = *result[FileLock](c)
	return o.Setlk(r, Ino(c.Ino), r.fileInfo(c), &r.lock, c.Flags != 0)
}

func callBmap(o *Ops, r *Request, c *cshim.Call) error {
	idx, err := o.Bmap(r, Ino(c.Ino), int(c.Size), c.Arg)
	c.Count = idx
	return err
}

func callIoctl(o *Ops, r *Request, c *cshim.Call) error {
	rep, err := o.Ioctl(r, Ino(c.Ino), c.Mode, c.Arg, r.fileInfo(c), IoctlFlags(c.Flags), in(c), out(c))
	if err != nil || r.reply != nil {
		return err
	}
	if rep.Iov == nil && rep.Retry == nil {
		c.Arg = uint64(rep.Result)
		return count(c, rep.N, c.OutCap, nil)
	}
	r.watch.stop()
	r.watch = nil
	c.Reply = cshim.ReplyDetached
	if rep.Retry != nil {
		_ = r.req.IoctlRetry(pairs(rep.Retry.In), pairs(rep.Retry.Out))
	} else {
		_ = r.req.IoctlIov(rep.Result, memBufs(rep.Iov))
	}
	return nil
}

func callPoll(o *Ops, r *Request, c *cshim.Call) error {
	revents, err := o.Poll(r, Ino(c.Ino), r.fileInfo(c), newPollHandle(r.session, c.PollHandle))
	c.Count = uint64(revents)
	return err
}

func callRetrieveReply(_ *Ops, r *Request, c *cshim.Call) error {
	r.session.retrieved(r, c.Arg, Ino(c.Ino), c.Off, r.bufVec(c))
	return nil
}

func callFlock(o *Ops, r *Request, c *cshim.Call) error {
	return o.Flock(r, Ino(c.Ino), r.fileInfo(c), FlockOp(c.Flags))
}

func callFallocate(o *Ops, r *Request, c *cshim.Call) error {
	return o.Fallocate(r, Ino(c.Ino), c.Mode, c.Off, c.Off2, r.fileInfo(c))
}

func callCopyFileRange(o *Ops, r *Request, c *cshim.Call) error {
	n, err := o.CopyFileRange(r, Ino(c.Ino), c.Off, r.fileInfo(c), Ino(c.Ino2), c.Off2, r.fileInfo2(c), c.Size, c.Flags)
	if err == nil && n > c.Size {
		return errCount
	}
	c.Count = n
	return err
}

func callLseek(o *Ops, r *Request, c *cshim.Call) error {
	off, err := o.Lseek(r, Ino(c.Ino), c.Off, int(c.Flags), r.fileInfo(c))
	c.Count = uint64(off)
	return err
}

func callTmpfile(o *Ops, r *Request, c *cshim.Call) error {
	e, err := o.Tmpfile(r, Ino(c.Ino), c.Mode, r.fileInfo(c))
	return opened(r, c, entry(c, e, err))
}

func callStatx(o *Ops, r *Request, c *cshim.Call) error {
	stx, timeout, err := o.Statx(r, Ino(c.Ino), c.Flags, c.Mode, r.fileInfo(c))
	if err == nil {
		*(*unix.Statx_t)(unsafe.Pointer(c.Out)) = stx
		c.Timeout = validTimeout(timeout)
	}
	return err
}

func callSyncfs(o *Ops, r *Request, c *cshim.Call) error { return o.Syncfs(r, Ino(c.Ino)) }
