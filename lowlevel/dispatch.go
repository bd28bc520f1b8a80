package lowlevel

import (
	rtdebug "runtime/debug"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// What handlers return is written into C memory as it is: layouts must agree.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(Stat{})-cshim.SizeofStat]
	_ = [1]struct{}{}[unsafe.Sizeof(EntryParam{})-cshim.SizeofEntry]
	_ = [1]struct{}{}[unsafe.Sizeof(FileInfo{})-cshim.SizeofFile]
	_ = [1]struct{}{}[unsafe.Sizeof(Statfs{})-cshim.SizeofStatfs]
	_ = [1]struct{}{}[unsafe.Sizeof(FileLock{})-cshim.SizeofLock]
)

// bridge is a Session as package cshim calls it.
type bridge struct{ *Session }

// Dispatch takes a request through its handler: the way of every request in Go.
func (b bridge) Dispatch(c *cshim.Call) int32 {
	s := b.Session
	r := newRequest(s, c)
	err := s.handle(r, c)
	if r.reply != nil {
		s.detached.Delete(r.call)
		c.Reply = cshim.ReplyDetached
		r.release()
		return 0
	}
	r.watch.stop()
	if r.after != nil {
		c.After = s.afters.add(r.after)
	}
	r.release()
	if err == nil {
		return 0
	}
	return int32(s.errno(c.Op, err))
}

// handle calls the handler. A panic becomes EIO.
func (s *Session) handle(r *Request, c *cshim.Call) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log().Error("fuse: handler panicked; answered EIO", "op", opName(c.Op), "panic", p, "stack", string(rtdebug.Stack()))
			err = unix.EIO
		}
	}()
	if s.adopted && !calls[c.Op].set(s.ops) && c.Op != cshim.OpRetrieveReply { // the C program thinks that there is one
		return s.fallback(r, c)
	}
	return calls[c.Op].run(s.ops, r, c)
}

// errno maps a handler's error, and logs one whose cause would be lost, once.
func (s *Session) errno(op uint32, err error) Errno {
	errno, known := toErrno(err)
	if !known && s.firstTime(opName(op)+err.Error()) {
		s.log().Warn("fuse: handler returned an error without errno; answered EIO", "op", opName(op), "cause", err)
	}
	return errno
}

// calls is, for each operation: its name in C, whether it has a handler, and how to call that.
var calls = [cshim.OpCount]struct {
	name string
	set  func(ops *Ops) bool
	run  func(ops *Ops, r *Request, c *cshim.Call) error
}{
	cshim.OpLookup:        {"lookup", func(o *Ops) bool { return o.Lookup != nil }, callLookup},
	cshim.OpForget:        {"forget", func(o *Ops) bool { return o.Forget != nil }, callForget},
	cshim.OpGetattr:       {"getattr", func(o *Ops) bool { return o.Getattr != nil }, callGetattr},
	cshim.OpSetattr:       {"setattr", func(o *Ops) bool { return o.Setattr != nil }, callSetattr},
	cshim.OpReadlink:      {"readlink", func(o *Ops) bool { return o.Readlink != nil }, callReadlink},
	cshim.OpMknod:         {"mknod", func(o *Ops) bool { return o.Mknod != nil }, callMknod},
	cshim.OpMkdir:         {"mkdir", func(o *Ops) bool { return o.Mkdir != nil }, callMkdir},
	cshim.OpUnlink:        {"unlink", func(o *Ops) bool { return o.Unlink != nil }, callUnlink},
	cshim.OpRmdir:         {"rmdir", func(o *Ops) bool { return o.Rmdir != nil }, callRmdir},
	cshim.OpSymlink:       {"symlink", func(o *Ops) bool { return o.Symlink != nil }, callSymlink},
	cshim.OpRename:        {"rename", func(o *Ops) bool { return o.Rename != nil }, callRename},
	cshim.OpLink:          {"link", func(o *Ops) bool { return o.Link != nil }, callLink},
	cshim.OpOpen:          {"open", func(o *Ops) bool { return o.Open != nil }, callOpen},
	cshim.OpRead:          {"read", func(o *Ops) bool { return o.Read != nil || o.ReadBuf != nil }, callRead},
	cshim.OpWrite:         {"write", func(o *Ops) bool { return o.Write != nil }, callWrite},
	cshim.OpFlush:         {"flush", func(o *Ops) bool { return o.Flush != nil }, callFlush},
	cshim.OpRelease:       {"release", func(o *Ops) bool { return o.Release != nil }, callRelease},
	cshim.OpFsync:         {"fsync", func(o *Ops) bool { return o.Fsync != nil }, callFsync},
	cshim.OpOpendir:       {"opendir", func(o *Ops) bool { return o.Opendir != nil }, callOpendir},
	cshim.OpReaddir:       {"readdir", func(o *Ops) bool { return o.Readdir != nil }, callReaddir},
	cshim.OpReleasedir:    {"releasedir", func(o *Ops) bool { return o.Releasedir != nil }, callReleasedir},
	cshim.OpFsyncdir:      {"fsyncdir", func(o *Ops) bool { return o.Fsyncdir != nil }, callFsyncdir},
	cshim.OpStatfs:        {"statfs", func(o *Ops) bool { return o.Statfs != nil }, callStatfs},
	cshim.OpSetxattr:      {"setxattr", func(o *Ops) bool { return o.Setxattr != nil }, callSetxattr},
	cshim.OpGetxattr:      {"getxattr", func(o *Ops) bool { return o.Getxattr != nil }, callGetxattr},
	cshim.OpListxattr:     {"listxattr", func(o *Ops) bool { return o.Listxattr != nil }, callListxattr},
	cshim.OpRemovexattr:   {"removexattr", func(o *Ops) bool { return o.Removexattr != nil }, callRemovexattr},
	cshim.OpAccess:        {"access", func(o *Ops) bool { return o.Access != nil }, callAccess},
	cshim.OpCreate:        {"create", func(o *Ops) bool { return o.Create != nil }, callCreate},
	cshim.OpGetlk:         {"getlk", func(o *Ops) bool { return o.Getlk != nil }, callGetlk},
	cshim.OpSetlk:         {"setlk", func(o *Ops) bool { return o.Setlk != nil }, callSetlk},
	cshim.OpBmap:          {"bmap", func(o *Ops) bool { return o.Bmap != nil }, callBmap},
	cshim.OpIoctl:         {"ioctl", func(o *Ops) bool { return o.Ioctl != nil }, callIoctl},
	cshim.OpPoll:          {"poll", func(o *Ops) bool { return o.Poll != nil }, callPoll},
	cshim.OpWriteBuf:      {"write_buf", func(o *Ops) bool { return o.WriteBuf != nil }, callWriteBuf},
	cshim.OpRetrieveReply: {"retrieve_reply", func(o *Ops) bool { return o.RetrieveReply != nil }, callRetrieveReply},
	cshim.OpForgetMulti:   {"forget_multi", func(o *Ops) bool { return o.ForgetMulti != nil }, callForgetMulti},
	cshim.OpFlock:         {"flock", func(o *Ops) bool { return o.Flock != nil }, callFlock},
	cshim.OpFallocate:     {"fallocate", func(o *Ops) bool { return o.Fallocate != nil }, callFallocate},
	cshim.OpReaddirplus:   {"readdirplus", func(o *Ops) bool { return o.Readdirplus != nil }, callReaddirplus},
	cshim.OpCopyFileRange: {"copy_file_range", func(o *Ops) bool { return o.CopyFileRange != nil }, callCopyFileRange},
	cshim.OpLseek:         {"lseek", func(o *Ops) bool { return o.Lseek != nil }, callLseek},
	cshim.OpTmpfile:       {"tmpfile", func(o *Ops) bool { return o.Tmpfile != nil }, callTmpfile},
	cshim.OpStatx:         {"statx", func(o *Ops) bool { return o.Statx != nil }, callStatx},
	cshim.OpSyncfs:        {"syncfs", func(o *Ops) bool { return o.Syncfs != nil }, callSyncfs},
}

func opName(op uint32) string {
	if op == opUnknown {
		return "request of a C handler"
	}
	return calls[op].name
}

// has reports whether there is a handler for an operation, in Go or in C.
func (s *Session) has(op uint32) bool {
	return calls[op].set(s.ops) || s.cfg.C.set()&(1<<op) != 0
}

// opSet returns the operations that have a handler, as a bit set.
func opSet(ops *Ops) uint64 {
	var set uint64
	if ops.Init != nil {
		set |= cshim.OpsInit
	}
	if ops.Destroy != nil {
		set |= cshim.OpsDestroy
	}
	for op := range cshim.OpsHere {
		if calls[op].set(ops) {
			set |= 1 << op
		}
	}
	return set
}
