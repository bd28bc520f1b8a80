package lowlevel

import (
	"math"
	"strconv"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Cap is a set of capabilities: FUSE_CAP_* in C, all 64 bits of them.
type Cap uint64

// Capabilities, and whether libfuse wants them without being asked. "Since" names the libfuse and the FUSE protocol that
// know them where these are newer than libfuse 3.14; [ConnInfo.Enable] tells what is missing.
const (
	CapAsyncRead         Cap = 1 << 0  // FUSE_CAP_ASYNC_READ: several reads of a file at a time. Wanted.
	CapPosixLocks        Cap = 1 << 1  // FUSE_CAP_POSIX_LOCKS: Getlk and Setlk are called. Wanted if both are set.
	CapAtomicOTrunc      Cap = 1 << 3  // FUSE_CAP_ATOMIC_O_TRUNC: Open gets O_TRUNC. Wanted.
	CapExportSupport     Cap = 1 << 4  // FUSE_CAP_EXPORT_SUPPORT: Lookup answers "." and "..", for NFS.
	CapDontMask          Cap = 1 << 6  // FUSE_CAP_DONT_MASK: the kernel leaves the umask to the filesystem.
	CapSpliceWrite       Cap = 1 << 7  // FUSE_CAP_SPLICE_WRITE: data of files is spliced to the kernel.
	CapSpliceMove        Cap = 1 << 8  // FUSE_CAP_SPLICE_MOVE: splice tries to move pages.
	CapSpliceRead        Cap = 1 << 9  // FUSE_CAP_SPLICE_READ: written data is spliced from the kernel. Wanted if WriteBuf is set.
	CapFlockLocks        Cap = 1 << 10 // FUSE_CAP_FLOCK_LOCKS: Flock is called. Wanted if it is set.
	CapIoctlDir          Cap = 1 << 11 // FUSE_CAP_IOCTL_DIR: Ioctl is called for directories. Wanted.
	CapAutoInvalData     Cap = 1 << 12 // FUSE_CAP_AUTO_INVAL_DATA: cached data goes when mtime or size change. Wanted.
	CapReaddirplus       Cap = 1 << 13 // FUSE_CAP_READDIRPLUS: Readdirplus is called. Wanted if it is set.
	CapReaddirplusAuto   Cap = 1 << 14 // FUSE_CAP_READDIRPLUS_AUTO: the kernel chooses. Wanted if Readdir and Readdirplus are set.
	CapAsyncDio          Cap = 1 << 15 // FUSE_CAP_ASYNC_DIO: several direct reads and writes at a time. Wanted.
	CapWritebackCache    Cap = 1 << 16 // FUSE_CAP_WRITEBACK_CACHE: writes are collected in the page cache.
	CapNoOpenSupport     Cap = 1 << 17 // FUSE_CAP_NO_OPEN_SUPPORT: ENOSYS from Open means that none is needed.
	CapParallelDirops    Cap = 1 << 18 // FUSE_CAP_PARALLEL_DIROPS: several lookups and readdirs of a directory at a time. Works since libfuse 3.17.
	CapPosixACL          Cap = 1 << 19 // FUSE_CAP_POSIX_ACL: the kernel checks ACLs; implies default_permissions.
	CapHandleKillpriv    Cap = 1 << 20 // FUSE_CAP_HANDLE_KILLPRIV: the filesystem drops setuid and setgid bits. Works since libfuse 3.17.
	CapHandleKillprivV2  Cap = 1 << 21 // FUSE_CAP_HANDLE_KILLPRIV_V2. Since: libfuse 3.17.
	CapCacheSymlinks     Cap = 1 << 23 // FUSE_CAP_CACHE_SYMLINKS: the kernel keeps what Readlink returned.
	CapNoOpendirSupport  Cap = 1 << 24 // FUSE_CAP_NO_OPENDIR_SUPPORT: ENOSYS from Opendir means that none is needed.
	CapExplicitInvalData Cap = 1 << 25 // FUSE_CAP_EXPLICIT_INVAL_DATA: cached data goes only when told to; needs CapAutoInvalData off.
	CapExpireOnly        Cap = 1 << 26 // FUSE_CAP_EXPIRE_ONLY: the kernel can expire entries. Not to be enabled.
	CapSetxattrExt       Cap = 1 << 27 // FUSE_CAP_SETXATTR_EXT. Since: libfuse 3.15.
	CapDirectIOAllowMmap Cap = 1 << 28 // FUSE_CAP_DIRECT_IO_ALLOW_MMAP: shared mmap of DirectIO files. Since: libfuse 3.17.
	CapPassthrough       Cap = 1 << 29 // FUSE_CAP_PASSTHROUGH: files can be backed by others. Since: libfuse 3.17.
	CapNoExportSupport   Cap = 1 << 30 // FUSE_CAP_NO_EXPORT_SUPPORT: file handles are refused. Since: libfuse 3.17.
	CapOverIOUring       Cap = 1 << 31 // FUSE_CAP_OVER_IO_URING: kept off by this package. Since: libfuse 3.18.
	CapAllowIdmap        Cap = 1 << 32 // FUSE_CAP_ALLOW_IDMAP: ID-mapped mounts. Since: libfuse 3.19.
	CapSecurityCtx       Cap = 1 << 33 // FUSE_CAP_SECURITY_CTX: labels come with new files. Since: libfuse 3.19.
)

// capInfo is what is known of a capability: since which libfuse and which minor protocol version.
var capInfo = []struct {
	cap     Cap
	name    string
	library int
	proto   uint32
}{
	{CapAsyncRead, "FUSE_CAP_ASYNC_READ", 0, 6},
	{CapPosixLocks, "FUSE_CAP_POSIX_LOCKS", 0, 7},
	{CapAtomicOTrunc, "FUSE_CAP_ATOMIC_O_TRUNC", 0, 6},
	{CapExportSupport, "FUSE_CAP_EXPORT_SUPPORT", 0, 10},
	{CapDontMask, "FUSE_CAP_DONT_MASK", 0, 12},
	{CapSpliceWrite, "FUSE_CAP_SPLICE_WRITE", 0, 14},
	{CapSpliceMove, "FUSE_CAP_SPLICE_MOVE", 0, 14},
	{CapSpliceRead, "FUSE_CAP_SPLICE_READ", 0, 14},
	{CapFlockLocks, "FUSE_CAP_FLOCK_LOCKS", 0, 17},
	{CapIoctlDir, "FUSE_CAP_IOCTL_DIR", 0, 18},
	{CapAutoInvalData, "FUSE_CAP_AUTO_INVAL_DATA", 0, 20},
	{CapReaddirplus, "FUSE_CAP_READDIRPLUS", 0, 21},
	{CapReaddirplusAuto, "FUSE_CAP_READDIRPLUS_AUTO", 0, 21},
	{CapAsyncDio, "FUSE_CAP_ASYNC_DIO", 0, 22},
	{CapWritebackCache, "FUSE_CAP_WRITEBACK_CACHE", 0, 23},
	{CapNoOpenSupport, "FUSE_CAP_NO_OPEN_SUPPORT", 0, 23},
	{CapParallelDirops, "FUSE_CAP_PARALLEL_DIROPS", 317, 25},
	{CapPosixACL, "FUSE_CAP_POSIX_ACL", 0, 26},
	{CapHandleKillpriv, "FUSE_CAP_HANDLE_KILLPRIV", 317, 26},
	{CapHandleKillprivV2, "FUSE_CAP_HANDLE_KILLPRIV_V2", 317, 33},
	{CapCacheSymlinks, "FUSE_CAP_CACHE_SYMLINKS", 0, 28},
	{CapNoOpendirSupport, "FUSE_CAP_NO_OPENDIR_SUPPORT", 0, 29},
	{CapExplicitInvalData, "FUSE_CAP_EXPLICIT_INVAL_DATA", 0, 30},
	{CapExpireOnly, "FUSE_CAP_EXPIRE_ONLY", 0, 38},
	{CapSetxattrExt, "FUSE_CAP_SETXATTR_EXT", 315, 33},
	{CapDirectIOAllowMmap, "FUSE_CAP_DIRECT_IO_ALLOW_MMAP", 317, 39},
	{CapPassthrough, "FUSE_CAP_PASSTHROUGH", 317, 40},
	{CapNoExportSupport, "FUSE_CAP_NO_EXPORT_SUPPORT", 317, 40},
	{CapOverIOUring, "FUSE_CAP_OVER_IO_URING", 318, 42},
	{CapAllowIdmap, "FUSE_CAP_ALLOW_IDMAP", 319, 41},
	{CapSecurityCtx, "FUSE_CAP_SECURITY_CTX", 319, 36},
}

// String returns the C names of the capabilities.
func (c Cap) String() string {
	names := make([]flagName, len(capInfo))
	for i, k := range capInfo {
		names[i] = flagName{uint64(k.cap), k.name}
	}
	return flagString(uint64(c), names)
}

// libraryCaps are the capabilities that the installed libfuse carries through to the kernel.
func libraryCaps() Cap {
	var all Cap
	for _, k := range capInfo {
		if k.library <= cshim.HeaderVersion {
			all |= k.cap
		}
	}
	return all
}

// unsupported says who lacks the first of the missing capabilities.
func unsupported(missing Cap, protoMinor uint32) error {
	for _, k := range capInfo {
		if missing&k.cap == 0 {
			continue
		}
		e := &UnsupportedError{Feature: k.name, Lacks: KernelLacks, Need: "FUSE protocol 7." + strconv.Itoa(int(k.proto))}
		switch {
		case k.library > cshim.HeaderVersion:
			e.Lacks, e.Need = LibraryLacks, versionString(k.library)
		case protoMinor >= k.proto:
			e.Lacks, e.Need = MountLacks, ""
		}
		return e
	}
	return &UnsupportedError{Feature: missing.String(), Lacks: LibraryLacks}
}

// ConnInfo is what kernel and filesystem agree on when a session begins: the counterpart of struct fuse_conn_info.
// [Ops.Init] gets it; afterwards [Session.Conn] returns a copy, which takes no more changes.
type ConnInfo struct {
	c     cshim.ConnInfo
	fixed bool // Init is over
}

// ProtoMajor returns the major version of the kernel's FUSE protocol: 7 (proto_major).
func (c *ConnInfo) ProtoMajor() uint32 { return c.c.ProtoMajor }

// ProtoMinor returns the minor version of the kernel's FUSE protocol (proto_minor). libfuse may speak an older one.
func (c *ConnInfo) ProtoMinor() uint32 { return c.c.ProtoMinor }

// Capable returns what kernel and libfuse can (capable, capable_ext). Enable knows better of CapParallelDirops and CapHandleKillpriv, which libfuse
// before 3.17 says it can, but does not pass on.
func (c *ConnInfo) Capable() Cap { return Cap(c.c.Capable) }

// Want returns what is to be used (want, want_ext).
func (c *ConnInfo) Want() Cap { return Cap(c.c.Want) }

// Enable adds capabilities to those to be used. If one of them is not to be had, it changes nothing and
// returns an *UnsupportedError.
//
// Implements:
//
//	bool fuse_set_feature_flag(struct fuse_conn_info *conn, uint64_t flag);
func (c *ConnInfo) Enable(f Cap) error {
	if c.fixed {
		return errTooLate
	}
	if f&CapOverIOUring != 0 {
		return &UnsupportedError{Feature: "FUSE_CAP_OVER_IO_URING", Lacks: LibraryLacks}
	}
	if missing := f &^ (c.Capable() & libraryCaps()); missing != 0 {
		return unsupported(missing, c.c.ProtoMinor)
	}
	c.c.Want |= uint64(f)
	return nil
}

// Disable removes capabilities from those to be used. After Init it does nothing.
//
// Implements:
//
//	void fuse_unset_feature_flag(struct fuse_conn_info *conn, uint64_t flag);
func (c *ConnInfo) Disable(f Cap) {
	if !c.fixed {
		c.c.Want &^= uint64(f)
	}
}

var errTooLate = &OpError{Op: "init", Err: syscall.EINVAL, Hint: "connection parameters can only be changed in Init"}

// limit sets *field to v, if Init is running and v is within the bounds.
func (c *ConnInfo) limit(field *uint32, name string, v, least, most uint32) error {
	if c.fixed {
		return errTooLate
	}
	if v < least || v > most {
		return &OpError{
			Op: "init", Path: name, Err: syscall.EINVAL,
			Hint: strconv.Itoa(int(v)) + " is not between " + strconv.Itoa(int(least)) + " and " + strconv.Itoa(int(most)),
		}
	}
	*field = v
	return nil
}

// MaxWrite returns the largest write request in bytes (max_write). Before Init is over it may be larger than what libfuse
// and kernel will use.
func (c *ConnInfo) MaxWrite() uint32 { return c.c.MaxWrite }

// SetMaxWrite sets the largest write request in bytes, 4096 or more. libfuse lowers it to what fits its buffers: 1 MiB
// with pages of 4 KiB.
func (c *ConnInfo) SetMaxWrite(n uint32) error {
	return c.limit(&c.c.MaxWrite, "max_write", n, 4096, math.MaxUint32)
}

// MaxRead returns the largest read request in bytes, 0 for no limit (max_read). It is set by the mount option -o
// max_read= and nothing else: the two must agree.
func (c *ConnInfo) MaxRead() uint32 { return c.c.MaxRead }

// SetMaxRead sets the largest read request in bytes. It must be what the mount option max_read says, else Mount returns EPROTO.
func (c *ConnInfo) SetMaxRead(n uint32) error {
	return c.limit(&c.c.MaxRead, "max_read", n, 0, math.MaxUint32)
}

// MaxReadahead returns how many bytes the kernel reads ahead (max_readahead).
func (c *ConnInfo) MaxReadahead() uint32 { return c.c.MaxReadahead }

// SetMaxReadahead sets how many bytes the kernel reads ahead; it can only be lowered.
func (c *ConnInfo) SetMaxReadahead(n uint32) error {
	return c.limit(&c.c.MaxReadahead, "max_readahead", n, 0, c.c.MaxReadahead)
}

// MaxBackground returns how many background requests (read-ahead, direct I/O, writeback) may be pending, 0 for the
// kernel's default of 12 (max_background).
func (c *ConnInfo) MaxBackground() uint32 { return c.c.MaxBackground }

// SetMaxBackground sets how many background requests may be pending, up to 65535.
func (c *ConnInfo) SetMaxBackground(n uint32) error {
	return c.limit(&c.c.MaxBackground, "max_background", n, 0, math.MaxUint16)
}

// CongestionThreshold returns from how many pending background requests on the kernel holds back, 0 for 3/4 of
// MaxBackground (congestion_threshold).
func (c *ConnInfo) CongestionThreshold() uint32 { return c.c.CongestionThreshold }

// SetCongestionThreshold sets it, up to 65535.
func (c *ConnInfo) SetCongestionThreshold(n uint32) error {
	return c.limit(&c.c.CongestionThreshold, "congestion_threshold", n, 0, math.MaxUint16)
}

// TimeGran returns the granularity of timestamps in nanoseconds (time_gran).
func (c *ConnInfo) TimeGran() uint32 { return c.c.TimeGran }

// SetTimeGran sets the granularity of timestamps: 1 to 1000000000 ns, a power of ten. It counts with CapWritebackCache.
func (c *ConnInfo) SetTimeGran(ns uint32) error {
	for p := uint32(1); p <= 1e9; p *= 10 {
		if ns == p {
			return c.limit(&c.c.TimeGran, "time_gran", ns, 1, 1e9)
		}
	}
	return &OpError{Op: "init", Path: "time_gran", Err: syscall.EINVAL, Hint: "must be a power of ten up to 1000000000"}
}

// MaxBackingStackDepth returns how many filesystems may be stacked below backing files, 0 for none
// (max_backing_stack_depth).
func (c *ConnInfo) MaxBackingStackDepth() uint32 { return c.c.MaxBackingStackDepth }

// SetMaxBackingStackDepth sets it: 0 or 1. It counts with CapPassthrough.
//
// Since: libfuse 3.17.
func (c *ConnInfo) SetMaxBackingStackDepth(n uint32) error {
	if !cshim.HavePassthrough {
		return &UnsupportedError{"max_backing_stack_depth", LibraryLacks, versionString(317)}
	}
	return c.limit(&c.c.MaxBackingStackDepth, "max_backing_stack_depth", n, 0, 1)
}

// RequestTimeout returns after how many seconds without a reply the kernel aborts the connection, 0 for never
// (request_timeout).
func (c *ConnInfo) RequestTimeout() uint32 { return c.c.RequestTimeout }

// SetRequestTimeout sets it, up to 65535 seconds.
//
// Since: libfuse 3.18, FUSE protocol 7.43.
func (c *ConnInfo) SetRequestTimeout(seconds uint32) error {
	switch {
	case !cshim.HaveRequestTimeout:
		return &UnsupportedError{"request_timeout", LibraryLacks, versionString(318)}
	case c.c.ProtoMinor < 43:
		return &UnsupportedError{"request_timeout", KernelLacks, "FUSE protocol 7.43"}
	}
	return c.limit(&c.c.RequestTimeout, "request_timeout", seconds, 0, math.MaxUint16)
}

// NoInterrupt returns whether the kernel is told to send no interrupts (no_interrupt).
func (c *ConnInfo) NoInterrupt() bool { return c.c.NoInterrupt != 0 }

// SetNoInterrupt tells the kernel to send no interrupts: then no request's context is cancelled by one.
//
// Since: libfuse 3.17.
func (c *ConnInfo) SetNoInterrupt(on bool) error {
	if !cshim.HaveNoInterrupt {
		return &UnsupportedError{"no_interrupt", LibraryLacks, versionString(317)}
	}
	var v uint32
	if on {
		v = 1
	}
	return c.limit(&c.c.NoInterrupt, "no_interrupt", v, 0, 1)
}
