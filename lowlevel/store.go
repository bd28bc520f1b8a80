package lowlevel

import (
	"errors"
	"math"
	"slices"
	"syscall"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// storeMost is how much one message carries. The kernel would take up to 2 GiB at a time, but hears of an unmount only after it.
const storeMost = 1 << 28

// Store puts data into the kernel's cache of file ino, at off; several pieces lie behind each other. Whoever reads it next gets it without a Read. Where data ends behind the
// end that the kernel knows, the file has that size, until the next Getattr says what it is: so the filesystem must have it before.
//
// A page that is cached is overwritten. A page that is not, and that data fills only in part, is not kept, unless data begins with the page and ends with the file: store whole pages (4096 bytes), or
// up to the end of the file. With CapAutoInvalData what is stored goes as soon as the kernel sees another mtime, see [Changes.DataChanged].
//
// Nothing is copied on the way to the kernel: data is pinned (runtime.Pinner) and read by it. It must not be changed meanwhile.
//
// It waits for the locks of the pages: for each Read of them that is under way. Data in more than 1022 pieces or of more than 256 MiB goes as several messages.
//
// Errors: ErrNotCached where the kernel does not know the inode; EINVAL where it is no regular file, or the offsets are out of range; ENOMEM. After an error a part may have been
// stored.
//
// Implements:
//
//	int fuse_lowlevel_notify_store(struct fuse_session *se, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv, enum fuse_buf_copy_flags flags);
func (n *Notifier) Store(ino Ino, off int64, data ...[]byte) error {
	if off < 0 || int64(totalLen(data)) > math.MaxInt64-off {
		return syscall.EINVAL
	}
	return n.send(&message{kind: kindStore, ino: ino, off: off, data: data})
}

// StoreBuf is Store for data that may be in files: those are spliced, so that their pages do not come into this process; where a file cannot be
// spliced, it is read. It returns how many bytes were stored, which is less than asked for where a file ends early: nothing behind such a hole is stored.
//
// It also waits for the files, such as a pipe that is empty.
//
// Errors: as Store, and those of reading the files. What comes before the error was stored.
//
// Implements:
//
//	int fuse_lowlevel_notify_store(struct fuse_session *se, fuse_ino_t ino, off_t offset, struct fuse_bufvec *bufv, enum fuse_buf_copy_flags flags);
func (n *Notifier) StoreBuf(ino Ino, off int64, src BufVec) (int, error) {
	if off < 0 || int64(src.Size()) > math.MaxInt64-off {
		return 0, syscall.EINVAL
	}
	total := 0
	for len(src) > 0 {
		stored, rest, err := n.storeSome(ino, off+int64(total), src)
		total += stored
		if err != nil || rest == nil {
			return total, err
		}
		src = rest
	}
	return total, nil
}

// storeSome stores the first file of src, or all memory before it. rest is nil where a file ended early.
func (n *Notifier) storeSome(ino Ino, off int64, src BufVec) (stored int, rest BufVec, err error) {
	if src[0].Mem == nil {
		// The call may outlive this one, so the count is not on the stack.
		count := new(int)
		err := n.send(&message{kind: kindStoreFD, ino: ino, off: off, file: src[0], stored: count})
		if n.ctx != nil && err != nil && errors.Is(err, n.ctx.Err()) {
			return 0, nil, err // count may still be written
		}
		if *count < src[0].Size {
			return *count, nil, err
		}
		return *count, src[1:], err
	}
	var data [][]byte
	i := 0
	for ; i < len(src) && src[i].Mem != nil; i++ {
		data = append(data, src[i].Mem)
	}
	if err := n.Store(ino, off, data...); err != nil {
		return 0, nil, err
	}
	return src[:i].Size(), src[i:], nil
}

// storeFD sends a kindStoreFD.
func (s *Session) storeFD(m *message) error {
	bufs := cBufs(BufVec{m.file})
	done, ofFile, err := s.c.StoreFD(uint64(m.ino), m.off, bufs[0])
	*m.stored, m.ofFile = int(done), ofFile
	return err
}

// storeLimit is how much goes into one message.
func (s *Session) storeLimit() int {
	if !s.c.IsSocket() {
		return storeMost
	}
	conn, _ := s.Conn()
	return max(int(conn.MaxWrite()), 4096)
}

// storePage is where messages end: a page that is not cached must come whole, or the kernel does not keep it.
const storePage = 4096

// store sends a kindStore, in as many messages as it takes.
func (s *Session) store(m *message) error {
	limit := s.storeLimit()
	if len(m.data) == 1 {
		return s.storeOne(m.ino, m.off, m.data[0], limit)
	}
	b := storeBatch{off: m.off}
	for _, p := range m.data {
		for len(p) > 0 {
			if b.size == limit || len(b.pieces) == cshim.StoreMaxPieces {
				if err := b.send(s, m.ino, b.whole()); err != nil {
					return err
				}
			}
			some := p[:min(len(p), limit-b.size)]
			b.pieces = append(b.pieces, cBufs(BufMem(some))...)
			b.size += len(some)
			p = p[len(some):]
		}
	}
	return b.send(s, m.ino, b.size)
}

// storeBatch is what the next message will carry.
type storeBatch struct {
	off    int64
	pieces []cshim.Buf
	size   int
}

// whole returns how much of it ends with a page, or all where it is less.
func (b *storeBatch) whole() int {
	n := b.size - int((b.off+int64(b.size))%storePage)
	if n <= 0 {
		return b.size
	}
	return n
}

// send sends the first n bytes.
func (b *storeBatch) send(s *Session, ino Ino, n int) error {
	i, left := 0, n
	for i < len(b.pieces) && uint64(left) >= b.pieces[i].Size {
		left -= int(b.pieces[i].Size)
		i++
	}
	rest := slices.Clone(b.pieces[i:])
	head := b.pieces[:i]
	clear(b.pieces[i:]) // C must not see memory that is not pinned, not even behind the end
	if left > 0 {
		head = append(head, cshim.Buf{Mem: rest[0].Mem, Size: uint64(left)})
		rest[0].Mem = unsafe.Add(rest[0].Mem, left)
		rest[0].Size -= uint64(left)
	}
	err := s.c.StoreV(uint64(ino), b.off, head)
	b.off, b.size, b.pieces = b.off+int64(n), b.size-n, rest
	return err
}

func (s *Session) storeOne(ino Ino, off int64, data []byte, limit int) error {
	for {
		some := data[:min(len(data), limit-int(off%storePage))]
		if err := s.c.Store(uint64(ino), off, some); err != nil {
			return err
		}
		off += int64(len(some))
		data = data[len(some):]
		if len(data) == 0 {
			return nil
		}
	}
}
