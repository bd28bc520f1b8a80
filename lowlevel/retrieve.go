package lowlevel

import (
	"context"
	"syscall"
)

// StartRetrieve asks the kernel for what it has cached of a file: size bytes from off on, at most what one request can carry (ConnInfo.MaxWrite). The
// data comes to [Ops.RetrieveReply], with the cookie, and ends before the first page that is not cached, or that is being read. It is C's way; most will prefer
// [Notifier.Retrieve].
//
// It waits for no request.
//
// Errors: ErrNotCached; EINVAL where ino is no regular file, or off is negative.
//
// Implements:
//
//	int fuse_lowlevel_notify_retrieve(struct fuse_session *se, fuse_ino_t ino, size_t size, off_t offset, void *cookie);
func (n *Notifier) StartRetrieve(ino Ino, off int64, size uint32, cookie uint64) error {
	return n.startRetrieve(ino, off, size, &retrieve{cookie: cookie})
}

// RetrieveFunc is StartRetrieve with the data going to f, once: on a thread of the session, where the rules for handlers apply. data is valid only until f returns. err
// is ErrClosed when the session ended before. If RetrieveFunc returns an error, f is not called.
//
// Errors: as StartRetrieve.
//
// Implements:
//
//	int fuse_lowlevel_notify_retrieve(struct fuse_session *se, fuse_ino_t ino, size_t size, off_t offset, void *cookie);
func (n *Notifier) RetrieveFunc(ino Ino, off int64, size uint32, f func(data []byte, err error)) error {
	return n.startRetrieve(ino, off, size, &retrieve{f: f})
}

// Retrieve returns what the kernel has cached of a file: up to size bytes from off on. It ends before the first page that is not cached, or that is being read, and at the end of the file. Data that
// was written and not yet sent to the filesystem is among it. More than ConnInfo.MaxWrite bytes are fetched in pieces, between which the cache may change.
//
// It waits for a thread that reads the answer: Serve must be running.
//
// Errors: ErrNotCached; EINVAL where ino is no regular file, or off is negative; ctx's error; ErrClosed.
//
// Implements:
//
//	int fuse_lowlevel_notify_retrieve(struct fuse_session *se, fuse_ino_t ino, size_t size, off_t offset, void *cookie);
func (n *Notifier) Retrieve(ctx context.Context, ino Ino, off int64, size int) ([]byte, error) {
	if size < 0 {
		return nil, syscall.EINVAL
	}
	if err := n.s.canNotify(kindRetrieve); err != nil {
		return nil, err
	}
	if err := n.s.checkHandler(); err != nil {
		return nil, err // the answer needs a thread
	}
	defer n.s.handlerDone()
	var data []byte
	for {
		piece, err := n.WithContext(ctx).retrievePiece(ino, off+int64(len(data)), uint32(min(size-len(data), 1<<30)))
		data = append(data, piece...)
		if err != nil || len(piece) == 0 || len(data) >= size {
			return data, err
		}
	}
}

// retrievePiece fetches what one answer brings.
func (n *Notifier) retrievePiece(ino Ino, off int64, size uint32) (data []byte, err error) {
	type answer struct {
		data []byte
		err  error
	}
	got := make(chan answer, 1)
	err = n.RetrieveFunc(ino, off, size, func(data []byte, err error) {
		got <- answer{append([]byte(nil), data...), err}
	})
	if err != nil {
		return nil, err
	}
	select {
	case a := <-got:
		return a.data, a.err
	case <-n.ctx.Done():
		return nil, n.ctx.Err()
	}
}

// retrieve is one that is waited for. Without f it is Ops.RetrieveReply's.
type retrieve struct {
	cookie uint64
	f      func(data []byte, err error)
}

func (n *Notifier) startRetrieve(ino Ino, off int64, size uint32, r *retrieve) error {
	if off < 0 {
		return syscall.EINVAL
	}
	id := n.s.retrieves.add(r)
	err := n.send(&message{kind: kindRetrieve, ino: ino, off: off, size: int64(size), cookie: id})
	if err != nil {
		if _, ok := n.s.retrieves.take(id); !ok {
			return nil // the session's end came first, and has told r
		}
	}
	return err
}

// retrieved is the arrival of an answer.
func (s *Session) retrieved(req *Request, id uint64, ino Ino, off int64, buf BufVec) {
	r, ok := s.retrieves.take(id)
	switch {
	case !ok: // whoever asked has given up
	case r.f != nil:
		r.f(bytesOf(buf))
	case s.ops.RetrieveReply != nil:
		s.ops.RetrieveReply(req, r.cookie, ino, off, buf)
	}
}

// bytesOf returns the data of buf: where it is, if that is in memory.
func bytesOf(buf BufVec) ([]byte, error) {
	if len(buf) == 1 && buf[0].Mem != nil {
		return buf[0].Mem, nil
	}
	data := make([]byte, buf.Size())
	n, err := BufCopy(BufMem(data), buf, 0)
	return data[:n], err
}

// abandonRetrieves tells those who wait that nothing will come.
func (s *Session) abandonRetrieves() {
	for _, r := range s.retrieves.takeAll() {
		if r.f != nil {
			r.f(nil, ErrClosed)
		}
	}
}
