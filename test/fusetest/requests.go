package fusetest

// This file: one function an opcode. Arguments come in the order of the wire: node ID, the struct fuse_xxx_in or its only
// field, then names and data.

// Lookup is LOOKUP: name in directory parent.
func Lookup(parent uint64, name string) *Request { return NewRequest(OpLookup, parent, name) }

// Forget is FORGET: ino has been forgotten nlookup times. There is no reply.
func Forget(ino, nlookup uint64) *Request {
	return NewRequest(OpForget, ino, struct{ Nlookup uint64 }{nlookup})
}

// BatchForget is BATCH_FORGET. There is no reply.
func BatchForget(items ...ForgetOne) *Request {
	r := NewRequest(OpBatchForget, 0, BatchForgetIn{Count: uint32(len(items))})
	for _, it := range items {
		r.Body = appendStruct(r.Body, it)
	}
	return r
}

// Getattr is GETATTR.
func Getattr(ino uint64, in GetattrIn) *Request { return NewRequest(OpGetattr, ino, in) }

// Setattr is SETATTR.
func Setattr(ino uint64, in SetattrIn) *Request { return NewRequest(OpSetattr, ino, in) }

// Readlink is READLINK.
func Readlink(ino uint64) *Request { return NewRequest(OpReadlink, ino) }

// Symlink is SYMLINK: name in directory parent, pointing to target.
func Symlink(parent uint64, name, target string) *Request {
	return NewRequest(OpSymlink, parent, name, target)
}

// Mknod is MKNOD.
func Mknod(parent uint64, in MknodIn, name string) *Request {
	return NewRequest(OpMknod, parent, in, name)
}

// Mkdir is MKDIR.
func Mkdir(parent uint64, in MkdirIn, name string) *Request {
	return NewRequest(OpMkdir, parent, in, name)
}

// Unlink is UNLINK.
func Unlink(parent uint64, name string) *Request { return NewRequest(OpUnlink, parent, name) }

// Rmdir is RMDIR.
func Rmdir(parent uint64, name string) *Request { return NewRequest(OpRmdir, parent, name) }

// Rename is RENAME, which has no flags.
func Rename(parent, newdir uint64, oldname, newname string) *Request {
	return NewRequest(OpRename, parent, struct{ Newdir uint64 }{newdir}, oldname, newname)
}

// Rename2 is RENAME2.
func Rename2(parent uint64, in Rename2In, oldname, newname string) *Request {
	return NewRequest(OpRename2, parent, in, oldname, newname)
}

// Link is LINK: a new name for oldIno in directory newparent.
func Link(newparent, oldIno uint64, newname string) *Request {
	return NewRequest(OpLink, newparent, struct{ OldNodeID uint64 }{oldIno}, newname)
}

// Open is OPEN.
func Open(ino uint64, in OpenIn) *Request { return NewRequest(OpOpen, ino, in) }

// Read is READ.
func Read(ino uint64, in ReadIn) *Request { return NewRequest(OpRead, ino, in) }

// Write is WRITE. It fills in the size where that is 0.
func Write(ino uint64, in WriteIn, data []byte) *Request {
	fillSize(&in.Size, len(data))
	return NewRequest(OpWrite, ino, in, data)
}

// Statfs is STATFS.
func Statfs(ino uint64) *Request { return NewRequest(OpStatfs, ino) }

// Release is RELEASE.
func Release(ino uint64, in ReleaseIn) *Request { return NewRequest(OpRelease, ino, in) }

// Fsync is FSYNC.
func Fsync(ino uint64, in FsyncIn) *Request { return NewRequest(OpFsync, ino, in) }

// Setxattr is SETXATTR as sent without InitSetxattrExt: only Size (filled in where it is 0) and Flags go over the wire.
func Setxattr(ino uint64, in SetxattrIn, name string, value []byte) *Request {
	fillSize(&in.Size, len(value))
	return NewRequest(OpSetxattr, ino, struct{ Size, Flags uint32 }{in.Size, in.Flags}, name, value)
}

// SetxattrExt is SETXATTR as sent where InitSetxattrExt has been negotiated.
func SetxattrExt(ino uint64, in SetxattrIn, name string, value []byte) *Request {
	fillSize(&in.Size, len(value))
	return NewRequest(OpSetxattr, ino, in, name, value)
}

// Getxattr is GETXATTR. Size 0 asks for the size.
func Getxattr(ino uint64, in GetxattrIn, name string) *Request {
	return NewRequest(OpGetxattr, ino, in, name)
}

// Listxattr is LISTXATTR. Size 0 asks for the size.
func Listxattr(ino uint64, in GetxattrIn) *Request { return NewRequest(OpListxattr, ino, in) }

// Removexattr is REMOVEXATTR.
func Removexattr(ino uint64, name string) *Request { return NewRequest(OpRemovexattr, ino, name) }

// Flush is FLUSH.
func Flush(ino uint64, in FlushIn) *Request { return NewRequest(OpFlush, ino, in) }

// Opendir is OPENDIR.
func Opendir(ino uint64, in OpenIn) *Request { return NewRequest(OpOpendir, ino, in) }

// Readdir is READDIR.
func Readdir(ino uint64, in ReadIn) *Request { return NewRequest(OpReaddir, ino, in) }

// Readdirplus is READDIRPLUS.
func Readdirplus(ino uint64, in ReadIn) *Request { return NewRequest(OpReaddirplus, ino, in) }

// Releasedir is RELEASEDIR.
func Releasedir(ino uint64, in ReleaseIn) *Request { return NewRequest(OpReleasedir, ino, in) }

// Fsyncdir is FSYNCDIR.
func Fsyncdir(ino uint64, in FsyncIn) *Request { return NewRequest(OpFsyncdir, ino, in) }

// Getlk is GETLK.
func Getlk(ino uint64, in LkIn) *Request { return NewRequest(OpGetlk, ino, in) }

// Setlk is SETLK: do not wait.
func Setlk(ino uint64, in LkIn) *Request { return NewRequest(OpSetlk, ino, in) }

// Setlkw is SETLKW: wait.
func Setlkw(ino uint64, in LkIn) *Request { return NewRequest(OpSetlkw, ino, in) }

// Access is ACCESS.
func Access(ino uint64, mask uint32) *Request { return NewRequest(OpAccess, ino, AccessIn{Mask: mask}) }

// Create is CREATE.
func Create(parent uint64, in CreateIn, name string) *Request {
	return NewRequest(OpCreate, parent, in, name)
}

// Interrupt is INTERRUPT for the request with the number unique. Like the kernel, it numbers it unique|1. There is no reply, except
// EAGAIN when the request is not known (yet) and ENOSYS.
func Interrupt(unique uint64) *Request {
	return NewRequest(OpInterrupt, 0, struct{ Unique uint64 }{unique}).WithUnique(unique | 1)
}

// Bmap is BMAP.
func Bmap(ino uint64, in BmapIn) *Request { return NewRequest(OpBmap, ino, in) }

// Destroy is DESTROY, which ends the connection of a fuseblk mount.
func Destroy() *Request { return NewRequest(OpDestroy, 0) }

// Ioctl is IOCTL with the data that goes in. It fills in InSize where that is 0.
func Ioctl(ino uint64, in IoctlIn, data []byte) *Request {
	fillSize(&in.InSize, len(data))
	return NewRequest(OpIoctl, ino, in, data)
}

// Poll is POLL.
func Poll(ino uint64, in PollIn) *Request { return NewRequest(OpPoll, ino, in) }

// NotifyReply is NOTIFY_REPLY: the answer to a notification that retrieves data, whose NotifyUnique it carries on. It fills in
// the size where that is 0. There is no reply.
func NotifyReply(notifyUnique, ino uint64, in NotifyRetrieveIn, data []byte) *Request {
	fillSize(&in.Size, len(data))
	return NewRequest(OpNotifyReply, ino, in, data).WithUnique(notifyUnique)
}

// Fallocate is FALLOCATE.
func Fallocate(ino uint64, in FallocateIn) *Request { return NewRequest(OpFallocate, ino, in) }

// Lseek is LSEEK.
func Lseek(ino uint64, in LseekIn) *Request { return NewRequest(OpLseek, ino, in) }

// CopyFileRange is COPY_FILE_RANGE from ino, answered by a WriteOut.
func CopyFileRange(ino uint64, in CopyFileRangeIn) *Request {
	return NewRequest(OpCopyFileRange, ino, in)
}

// CopyFileRange64 is COPY_FILE_RANGE_64 (protocol 7.45) from ino, answered by a CopyFileRangeOut.
func CopyFileRange64(ino uint64, in CopyFileRangeIn) *Request {
	return NewRequest(OpCopyFileRange64, ino, in)
}

// Tmpfile is TMPFILE (protocol 7.37). The kernel sends "/" for a name, which carries nothing.
func Tmpfile(parent uint64, in CreateIn) *Request { return NewRequest(OpTmpfile, parent, in, "/") }

// Statx is STATX (protocol 7.39).
func Statx(ino uint64, in StatxIn) *Request { return NewRequest(OpStatx, ino, in) }

// Syncfs is SYNCFS (protocol 7.34).
func Syncfs(ino uint64) *Request { return NewRequest(OpSyncfs, ino, struct{ Padding uint64 }{}) }

func fillSize(size *uint32, n int) {
	if *size == 0 {
		*size = uint32(n)
	}
}
