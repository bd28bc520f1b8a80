package lowlevel

import (
	"encoding/binary"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// NameMax is the longest name in bytes that a directory entry can have on its way to the kernel (FUSE_NAME_MAX of kernels before
// 6.14; newer ones take up to 4095). Most filesystems stop at 255.
const NameMax = 1024

// Sizes of the wire structures fuse_dirent (without its name) and fuse_entry_out.
const (
	direntSize   = 24
	entryOutSize = 128
)

// DirBuf takes the entries of a [Ops.Readdir] reply. It is valid until the handler returns.
type DirBuf struct {
	buf []byte // what the kernel has room for
	n   int    // bytes used
	err error  // the first entry that cannot be sent
}

// Len returns how many bytes have been added.
func (b *DirBuf) Len() int { return b.n }

// Add adds an entry, and reports whether there was room for it; after false, return. Of st only Ino and the type
// bits of Mode are used. off is the offset of the entry after this one: what the kernel passes to
// Readdir to go on from there. It must not be 0.
//
// A name that no directory can hold (empty, longer than NameMax, with a NUL or '/') makes the request fail with EIO, and is
// logged.
//
// Implements:
//
//	size_t fuse_add_direntry(fuse_req_t req, char *buf, size_t bufsize, const char *name, const struct stat *stbuf,
//	                         off_t off);
func (b *DirBuf) Add(name string, st *Stat, off int64) bool {
	if !b.check(name) {
		return false
	}
	n := AddDirentry(b.buf[b.n:], name, st, off)
	if n > len(b.buf)-b.n {
		return false
	}
	b.n += n
	return true
}

func (b *DirBuf) check(name string) bool {
	if b.err == nil {
		b.err = checkDirentName(name)
	}
	return b.err == nil
}

// DirPlusBuf takes the entries of a [Ops.Readdirplus] reply. It is valid until the handler returns.
type DirPlusBuf struct{ DirBuf }

// Add adds an entry with its attributes, and reports whether there was room for it. Only an entry that was added
// counts a lookup, and not "." or "..", nor one whose Ino is 0. off and name as for [DirBuf.Add].
//
// Implements:
//
//	size_t fuse_add_direntry_plus(fuse_req_t req, char *buf, size_t bufsize, const char *name,
//	                              const struct fuse_entry_param *e, off_t off);
func (b *DirPlusBuf) Add(name string, e *EntryParam, off int64) bool {
	if !b.check(name) {
		return false
	}
	n := AddDirentryPlus(b.buf[b.n:], name, e, off)
	if n > len(b.buf)-b.n {
		return false
	}
	b.n += n
	return true
}

// AddDirentry writes a directory entry into buf, in the kernel's format, and returns how many bytes it takes. When
// that is more than len(buf), nothing is written. It is for replies put together by hand; handlers
// use [DirBuf.Add]. name must not be longer than NameMax, nor contain a NUL or '/'.
//
// Implements:
//
//	size_t fuse_add_direntry(fuse_req_t req, char *buf, size_t bufsize, const char *name, const struct stat *stbuf,
//	                         off_t off);
func AddDirentry(buf []byte, name string, st *Stat, off int64) int {
	size := pad8(direntSize + len(name))
	if size > len(buf) {
		return size
	}
	putDirent(buf[:size], name, st, off)
	return size
}

// AddDirentryPlus is AddDirentry with attributes, for a reply to readdirplus.
//
// Implements:
//
//	size_t fuse_add_direntry_plus(fuse_req_t req, char *buf, size_t bufsize, const char *name,
//	                              const struct fuse_entry_param *e, off_t off);
func AddDirentryPlus(buf []byte, name string, e *EntryParam, off int64) int {
	size := pad8(entryOutSize + direntSize + len(name))
	if size > len(buf) {
		return size
	}
	putEntryOut(buf, e)
	putDirent(buf[entryOutSize:size], name, &e.Attr, off)
	return size
}

func pad8(n int) int { return (n + 7) &^ 7 }

// putDirent fills buf with a fuse_dirent and clears the padding behind its name.
func putDirent(buf []byte, name string, st *Stat, off int64) {
	le := binary.NativeEndian
	le.PutUint64(buf, st.Ino)
	le.PutUint64(buf[8:], uint64(off))
	le.PutUint32(buf[16:], uint32(len(name)))
	le.PutUint32(buf[20:], st.Mode&unix.S_IFMT>>12)
	n := copy(buf[direntSize:], name)
	clear(buf[direntSize+n:])
}

// putEntryOut writes a fuse_entry_out.
func putEntryOut(buf []byte, e *EntryParam) {
	le := binary.NativeEndian
	entrySec, entryNsec := timeout(e.EntryTimeout)
	attrSec, attrNsec := timeout(e.AttrTimeout)
	le.PutUint64(buf, uint64(e.Ino))
	le.PutUint64(buf[8:], e.Generation)
	le.PutUint64(buf[16:], entrySec)
	le.PutUint64(buf[24:], attrSec)
	le.PutUint32(buf[32:], entryNsec)
	le.PutUint32(buf[36:], attrNsec)
	putAttr(buf[40:], &e.Attr)
}

// putAttr writes a fuse_attr.
func putAttr(buf []byte, st *Stat) {
	le := binary.NativeEndian
	le.PutUint64(buf, st.Ino)
	le.PutUint64(buf[8:], uint64(st.Size))
	le.PutUint64(buf[16:], uint64(st.Blocks))
	le.PutUint64(buf[24:], uint64(st.Atim.Sec))
	le.PutUint64(buf[32:], uint64(st.Mtim.Sec))
	le.PutUint64(buf[40:], uint64(st.Ctim.Sec))
	le.PutUint32(buf[48:], uint32(st.Atim.Nsec))
	le.PutUint32(buf[52:], uint32(st.Mtim.Nsec))
	le.PutUint32(buf[56:], uint32(st.Ctim.Nsec))
	le.PutUint32(buf[60:], st.Mode)
	le.PutUint32(buf[64:], st.Nlink)
	le.PutUint32(buf[68:], st.UID)
	le.PutUint32(buf[72:], st.GID)
	le.PutUint32(buf[76:], uint32(st.Rdev))
	le.PutUint32(buf[80:], st.Blksize)
	le.PutUint32(buf[84:], 0)
}

// timeout splits a validity time as the wire has it. Negative is zero.
func timeout(d time.Duration) (sec uint64, nsec uint32) {
	if d <= 0 {
		return 0, 0
	}
	return uint64(d / time.Second), uint32(d % time.Second)
}

func checkDirentName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "empty"}
	case len(name) > NameMax:
		return &NameError{name, "too long"}
	case strings.IndexByte(name, '/') >= 0 || strings.IndexByte(name, 0) >= 0: // a listing spends its time here
		return &NameError{name, "contains '/' or NUL"}
	}
	return nil
}
