package lowlevel

import (
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"
)

// nameCache keeps strings for the names of requests, so that a name that comes again costs no allocation. It is a table of
// fixed size, without lock: a slot holds the last name that was hashed to it.
type nameCache [1024]atomic.Pointer[string]

// get returns the n bytes at p as a string of their own.
func (c *nameCache) get(p *byte, n uint64) string {
	b := unsafe.Slice(p, n)
	hash := uint32(2166136261) // FNV-1a
	for _, x := range b {
		hash = (hash ^ uint32(x)) * 16777619
	}
	slot := &c[hash%uint32(len(c))]
	if s := slot.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := string(b)
	slot.Store(&s)
	return s
}

// flagName is a bit (or several) and its name in C.
type flagName struct {
	bits uint64
	name string
}

// flagString returns the names of the bits that are set, joined by "|"; what has no name, in hex.
func flagString(v uint64, names []flagName) string {
	if v == 0 {
		return "0"
	}
	var out []string
	for _, n := range names {
		if v&n.bits == n.bits {
			out = append(out, n.name)
			v &^= n.bits
		}
	}
	if v != 0 {
		out = append(out, "0x"+strconv.FormatUint(v, 16))
	}
	return strings.Join(out, "|")
}

var (
	setAttrNames = []flagName{
		{uint64(SetAttrMode), "FUSE_SET_ATTR_MODE"},
		{uint64(SetAttrUID), "FUSE_SET_ATTR_UID"},
		{uint64(SetAttrGID), "FUSE_SET_ATTR_GID"},
		{uint64(SetAttrSize), "FUSE_SET_ATTR_SIZE"},
		{uint64(SetAttrAtime), "FUSE_SET_ATTR_ATIME"},
		{uint64(SetAttrMtime), "FUSE_SET_ATTR_MTIME"},
		{uint64(SetAttrAtimeNow), "FUSE_SET_ATTR_ATIME_NOW"},
		{uint64(SetAttrMtimeNow), "FUSE_SET_ATTR_MTIME_NOW"},
		{uint64(SetAttrCtime), "FUSE_SET_ATTR_CTIME"},
		{uint64(SetAttrKillSUID), "FUSE_SET_ATTR_KILL_SUID"},
		{uint64(SetAttrKillSGID), "FUSE_SET_ATTR_KILL_SGID"},
	}
	renameNames = []flagName{
		{uint64(RenameNoreplace), "RENAME_NOREPLACE"},
		{uint64(RenameExchange), "RENAME_EXCHANGE"},
		{uint64(RenameWhiteout), "RENAME_WHITEOUT"},
	}
	xattrNames = []flagName{
		{uint64(XattrCreate), "XATTR_CREATE"},
		{uint64(XattrReplace), "XATTR_REPLACE"},
	}
	flockNames = []flagName{
		{uint64(FlockShared), "LOCK_SH"},
		{uint64(FlockExclusive), "LOCK_EX"},
		{uint64(FlockUnlock), "LOCK_UN"},
		{uint64(FlockNonblock), "LOCK_NB"},
	}
	ioctlNames = []flagName{
		{uint64(IoctlCompat), "FUSE_IOCTL_COMPAT"},
		{uint64(IoctlUnrestricted), "FUSE_IOCTL_UNRESTRICTED"},
		{uint64(IoctlRetry), "FUSE_IOCTL_RETRY"},
		{uint64(IoctlDir), "FUSE_IOCTL_DIR"},
	}
	bufNames = []flagName{
		{uint64(BufFDSeek), "FUSE_BUF_FD_SEEK"},
		{uint64(BufFDRetry), "FUSE_BUF_FD_RETRY"},
	}
	bufCopyNames = []flagName{
		{uint64(BufNoSplice), "FUSE_BUF_NO_SPLICE"},
		{uint64(BufForceSplice), "FUSE_BUF_FORCE_SPLICE"},
		{uint64(BufSpliceMove), "FUSE_BUF_SPLICE_MOVE"},
		{uint64(BufSpliceNonblock), "FUSE_BUF_SPLICE_NONBLOCK"},
	}
)
