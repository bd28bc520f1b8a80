package fusetest

import (
	"fmt"
	"syscall"
)

// Reply is the answer to a request.
type Reply struct {
	// Op is the request that is answered.
	Op Opcode
	// Unique is the request's number.
	Unique uint64
	// Errno is 0 for success.
	Errno syscall.Errno
	// Body is what follows the header. It is empty where Errno is not 0.
	Body []byte
}

// Err returns Errno as an error, nil for success.
func (r Reply) Err() error {
	if r.Errno == 0 {
		return nil
	}
	return r.Errno
}

// String describes the reply in a line.
func (r Reply) String() string {
	if r.Errno != 0 {
		return fmt.Sprintf("%v %d: error %d (%v)", r.Op, r.Unique, int(r.Errno), r.Errno)
	}
	return fmt.Sprintf("%v %d: %d bytes %.64x", r.Op, r.Unique, len(r.Body), r.Body)
}

// Bytes returns the message as it came over the wire.
func (r Reply) Bytes() []byte {
	h := OutHeader{Len: uint32(OutHeaderSize + len(r.Body)), Error: -int32(r.Errno), Unique: r.Unique}
	return append(appendStruct(nil, h), r.Body...)
}

// parse reads a reply's body, unless the reply is an error.
func parse[T any](r Reply, read func([]byte) (T, error)) (T, error) {
	if r.Errno != 0 {
		var zero T
		return zero, r.Errno
	}
	v, err := read(r.Body)
	if err != nil {
		err = fmt.Errorf("reply to %v: %w", r.Op, err)
	}
	return v, err
}

// Entry reads the reply to LOOKUP, MKNOD, MKDIR, SYMLINK and LINK.
func (r Reply) Entry() (EntryOut, error) { return parse(r, ParseEntryOut) }

// Attr reads the reply to GETATTR and SETATTR.
func (r Reply) Attr() (AttrOut, error) { return parse(r, ParseAttrOut) }

// Open reads the reply to OPEN and OPENDIR.
func (r Reply) Open() (OpenOut, error) { return parse(r, decode[OpenOut]) }

// Create reads the reply to CREATE and TMPFILE.
func (r Reply) Create() (EntryOut, OpenOut, error) {
	type both struct {
		entry EntryOut
		open  OpenOut
	}
	b, err := parse(r, func(body []byte) (b both, err error) {
		b.entry, b.open, err = ParseCreateOut(body)
		return b, err
	})
	return b.entry, b.open, err
}

// Data returns the body of a reply to READ, READLINK, GETXATTR or LISTXATTR.
func (r Reply) Data() ([]byte, error) {
	return parse(r, func(b []byte) ([]byte, error) { return b, nil })
}

// Written reads the reply to WRITE and COPY_FILE_RANGE.
func (r Reply) Written() (WriteOut, error) { return parse(r, decode[WriteOut]) }

// Copied reads the reply to COPY_FILE_RANGE_64.
func (r Reply) Copied() (CopyFileRangeOut, error) { return parse(r, decode[CopyFileRangeOut]) }

// Statfs reads the reply to STATFS.
func (r Reply) Statfs() (StatfsOut, error) { return parse(r, ParseStatfsOut) }

// XattrSize reads the reply to GETXATTR and LISTXATTR that asked for the size.
func (r Reply) XattrSize() (GetxattrOut, error) { return parse(r, decode[GetxattrOut]) }

// Lock reads the reply to GETLK.
func (r Reply) Lock() (LkOut, error) { return parse(r, decode[LkOut]) }

// Bmap reads the reply to BMAP.
func (r Reply) Bmap() (BmapOut, error) { return parse(r, decode[BmapOut]) }

// Ioctl reads the reply to IOCTL, and returns the data behind it.
func (r Reply) Ioctl() (IoctlOut, []byte, error) {
	if r.Errno != 0 {
		return IoctlOut{}, nil, r.Errno
	}
	return decodePrefix[IoctlOut](r.Body)
}

// IoctlRetry reads the reply to IOCTL that asks for a retry.
func (r Reply) IoctlRetry() (in, out []IoctlIovec, err error) {
	head, rest, err := r.Ioctl()
	if err != nil {
		return nil, nil, err
	}
	n := uint64(head.InIovs) + uint64(head.OutIovs)
	if head.Flags&IoctlRetry == 0 || uint64(len(rest)) != 16*n {
		return nil, nil, fmt.Errorf("reply to %v: no retry with %d iovecs: %v", r.Op, n, r)
	}
	iovs := make([]IoctlIovec, n)
	for i := range iovs {
		if iovs[i], rest, err = decodePrefix[IoctlIovec](rest); err != nil {
			return nil, nil, err
		}
	}
	return iovs[:head.InIovs], iovs[head.InIovs:], nil
}

// Poll reads the reply to POLL.
func (r Reply) Poll() (PollOut, error) { return parse(r, decode[PollOut]) }

// Lseek reads the reply to LSEEK.
func (r Reply) Lseek() (LseekOut, error) { return parse(r, decode[LseekOut]) }

// Statx reads the reply to STATX.
func (r Reply) Statx() (StatxOut, error) { return parse(r, decode[StatxOut]) }

// Init reads the reply to INIT.
func (r Reply) Init() (InitOut, error) { return parse(r, ParseInitOut) }

// Dirents reads the reply to READDIR.
func (r Reply) Dirents() ([]Dirent, error) { return parse(r, ParseDirents) }

// DirentsPlus reads the reply to READDIRPLUS.
func (r Reply) DirentsPlus() ([]DirentPlus, error) { return parse(r, ParseDirentsPlus) }
