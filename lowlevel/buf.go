package lowlevel

// BufFlags describe a Buf: enum fuse_buf_flags in C. Whether it is a file is told by Buf.Mem being nil.
type BufFlags uint32

const (
	// BufFDSeek uses Pos instead of the file's own offset (FUSE_BUF_FD_SEEK).
	BufFDSeek BufFlags = 1 << 2
	// BufFDRetry goes on after a short read or write until Size is reached or the file ends (FUSE_BUF_FD_RETRY).
	BufFDRetry BufFlags = 1 << 3
)

// String returns the C names of the flags.
func (f BufFlags) String() string { return flagString(uint64(f), bufNames) }

// Buf is a piece of data: memory, or part of an open file. It is the counterpart of struct fuse_buf.
type Buf struct {
	// Mem is the data, or nil for a file.
	Mem []byte
	// FD is the file, if Mem is nil.
	FD int
	// Pos is the offset in the file, used with BufFDSeek.
	Pos int64
	// Size is how many bytes of the file; len(Mem) counts for memory.
	Size int
	// Flags apply to files.
	Flags BufFlags
}

// BufVec is data in pieces: the counterpart of struct fuse_bufvec.
type BufVec []Buf

// BufMem returns p as a BufVec.
func BufMem(p []byte) BufVec { return BufVec{{Mem: p}} }

// BufFD returns size bytes of a file, from offset pos on, as a BufVec.
func BufFD(fd, size int, pos int64) BufVec {
	return BufVec{{FD: fd, Size: size, Pos: pos, Flags: BufFDSeek}}
}

// Size returns how many bytes the pieces have together.
//
// Implements:
//
//	size_t fuse_buf_size(const struct fuse_bufvec *bufv);
func (v BufVec) Size() int {
	n := 0
	for i := range v {
		n += v[i].size()
	}
	return n
}

func (b *Buf) size() int {
	if b.Mem != nil {
		return len(b.Mem)
	}
	return b.Size
}

// BufCopyFlags steer BufCopy: enum fuse_buf_copy_flags in C.
type BufCopyFlags uint32

const (
	// BufNoSplice never uses splice(2) (FUSE_BUF_NO_SPLICE).
	BufNoSplice BufCopyFlags = 1 << 1
	// BufForceSplice always uses splice(2), and fails where it cannot (FUSE_BUF_FORCE_SPLICE).
	BufForceSplice BufCopyFlags = 1 << 2
	// BufSpliceMove tries to move pages instead of copying them (FUSE_BUF_SPLICE_MOVE).
	BufSpliceMove BufCopyFlags = 1 << 3
	// BufSpliceNonblock does not wait for pipes (FUSE_BUF_SPLICE_NONBLOCK).
	BufSpliceNonblock BufCopyFlags = 1 << 4
)

// String returns the C names of the flags.
func (f BufCopyFlags) String() string { return flagString(uint64(f), bufCopyNames) }
