package sqfs

import (
	"math"
	"strings"
)

// Types of extended attributes, which stand for what their names begin with.
var xattrPrefixes = []string{"user.", "trusted.", "security."}

const (
	xattrOutOfLine  = 256 // the value is elsewhere
	xattrPrefixMask = 0xff

	// Linux takes no larger values, nor longer lists of names.
	xattrValueMax = 64 << 10
	xattrListMax  = 64 << 10
)

// initXattr reads where the extended attributes are: sqfs_xattr_init.
func (fs *FS) initXattr() error {
	start := fs.SB.XattrIDTableStart
	if start == invalidTable {
		return nil
	}
	if start > uint64(fs.size) {
		return corrupt("place of the xattr table")
	}
	var b [16]byte // struct squashfs_xattr_id_table
	if err := fs.readAt(b[:], int64(start)); err != nil {
		return err
	}
	xattrStart := le.Uint64(b[:])
	if xattrStart > uint64(fs.size) {
		return corrupt("place of the xattrs")
	}
	fs.xattrStart = int64(xattrStart)
	var err error
	fs.xattrTable, err = fs.newTable(start+uint64(len(b)), xattrIDSize, int64(le.Uint32(b[8:])))
	return err
}

// xattrs goes through the extended attributes of an inode: sqfs_xattr. It must be closed.
type xattrs struct {
	fs     *FS
	r      mdReader
	remain uint32
	names  int // bytes of names so far

	name      []byte // with its prefix; valid until the next one is read
	outOfLine bool
	buf       [len("security.") + math.MaxUint8]byte
}

// xattrs begins to read an inode's extended attributes: sqfs_xattr_open.
func (fs *FS) xattrs(i *Inode) (xattrs, error) {
	x := xattrs{fs: fs}
	if i.xattr == invalidXattr || fs.SB.XattrIDTableStart == invalidTable {
		return x, nil
	}
	var b [xattrIDSize]byte
	if err := fs.xattrTable.get(fs, i.xattr, b[:]); err != nil {
		return x, err
	}
	var id xattrID
	id.decode(&b)
	x.remain = id.count
	x.r = fs.mdReader(fs.xattrCursor(id.xattr))
	return x, nil
}

// xattrCursor makes a cursor of a reference into the table of xattrs, which is like an inode's ID.
func (fs *FS) xattrCursor(ref uint64) Cursor {
	if ref>>48 != 0 {
		return Cursor{block: -1} // reading there fails
	}
	return Cursor{fs.xattrStart + int64(ref>>16), int(ref & 0xffff)}
}

func (x *xattrs) close() { x.r.close() }

// next reads the name of the next one, and reports whether there was one: sqfs_xattr_read, sqfs_xattr_name. Its value must be read or skipped.
func (x *xattrs) next() (bool, error) {
	if x.remain == 0 {
		return false, nil
	}
	x.remain--
	var b [xattrEntrySize]byte
	if err := x.r.read(b[:]); err != nil {
		return false, err
	}
	kind, size := le.Uint16(b[:]), int(le.Uint16(b[2:]))
	prefix := int(kind & xattrPrefixMask)
	if prefix >= len(xattrPrefixes) || size > math.MaxUint8 {
		return false, corrupt("name of an xattr")
	}
	x.outOfLine = kind&xattrOutOfLine != 0
	n := copy(x.buf[:], xattrPrefixes[prefix])
	if err := x.r.read(x.buf[n : n+size]); err != nil {
		return false, err
	}
	x.name = x.buf[:n+size]
	if x.names += len(x.name) + 1; x.names > xattrListMax {
		return false, corrupt("number of xattrs")
	}
	return true, nil
}

// skipValue goes on behind the value.
func (x *xattrs) skipValue() error {
	size, err := x.valueSize(&x.r)
	if err != nil {
		return err
	}
	return x.r.skip(int64(size))
}

func (x *xattrs) valueSize(r *mdReader) (int, error) {
	var b [4]byte
	if err := r.read(b[:]); err != nil {
		return 0, err
	}
	if size := le.Uint32(b[:]); size <= xattrValueMax {
		return int(size), nil
	}
	return 0, corrupt("size of an xattr")
}

// value reads the value into dst if it fits, and returns its size: sqfs_xattr_value_size, sqfs_xattr_value.
func (x *xattrs) value(dst []byte) (int, error) {
	if !x.outOfLine {
		return x.valueAt(&x.r, dst)
	}
	var b [4 + 8]byte // a size, which is 8, and where the value is
	if err := x.r.read(b[:]); err != nil {
		return 0, err
	}
	r := x.fs.mdReader(x.fs.xattrCursor(le.Uint64(b[4:])))
	defer r.close()
	return x.valueAt(&r, dst)
}

func (x *xattrs) valueAt(r *mdReader, dst []byte) (int, error) {
	size, err := x.valueSize(r)
	if err != nil || size > len(dst) {
		return size, err
	}
	return size, r.read(dst[:size])
}

// Xattr puts the value of an extended attribute into dst if it fits, and returns its size: sqfs_xattr_lookup.
//
// Errors: ErrNoXattr.
func (fs *FS) Xattr(i *Inode, name string, dst []byte) (int, error) {
	x, err := fs.xattrs(i)
	if err != nil {
		return 0, err
	}
	defer x.close()
	for {
		more, err := x.next()
		switch {
		case err != nil:
			return 0, err
		case !more:
			return 0, ErrNoXattr
		case string(x.name) == name:
			return x.value(dst)
		}
		if err := x.skipValue(); err != nil {
			return 0, err
		}
	}
}

// Xattrs returns the names of the extended attributes, each with a NUL behind it: sqfs_listxattr.
func (fs *FS) Xattrs(i *Inode) (string, error) {
	x, err := fs.xattrs(i)
	if err != nil {
		return "", err
	}
	defer x.close()
	var list strings.Builder
	for {
		more, err := x.next()
		if err != nil || !more {
			return list.String(), err
		}
		list.Write(x.name)
		list.WriteByte(0)
		if err := x.skipValue(); err != nil {
			return "", err
		}
	}
}
