package sqfs

// Cursor is a place in metadata: sqfs_md_cursor.
type Cursor struct {
	block  int64 // where the block begins, in the archive
	offset int   // in the block, when decompressed
}

// mdReader reads metadata from a cursor on, and keeps hold of the block that it is in. It is in place of sqfs_md_read, which looks the block up in the
// cache for each few bytes. Whoever has one must close it.
type mdReader struct {
	fs   *FS
	cur  Cursor
	held *block // the one that cur is in; nil: not looked up yet
}

func (fs *FS) mdReader(cur Cursor) mdReader { return mdReader{fs: fs, cur: cur} }

func (r *mdReader) close() {
	if r.held != nil {
		r.fs.mdCache.release(r.held)
		r.held = nil
	}
}

// read fills dst.
func (r *mdReader) read(dst []byte) error {
	for len(dst) > 0 {
		rest, err := r.rest()
		if err != nil {
			return err
		}
		n := copy(dst, rest)
		dst = dst[n:]
		r.cur.offset += n
	}
	return nil
}

// skip goes on by n bytes.
func (r *mdReader) skip(n int64) error {
	for n > 0 {
		rest, err := r.rest()
		if err != nil {
			return err
		}
		step := min(n, int64(len(rest)))
		n -= step
		r.cur.offset += int(step)
	}
	return nil
}

// rest returns what is left of the block that the cursor is in, or else the one after it: at least one byte.
func (r *mdReader) rest() ([]byte, error) {
	for {
		if r.held == nil {
			b, err := r.fs.mdCache.get(r.cur.block, 0)
			if err != nil {
				return nil, err
			}
			r.held = b
		}
		switch data := r.held.data; {
		case r.cur.offset < len(data):
			return data[r.cur.offset:], nil
		case r.cur.offset > len(data):
			return nil, corrupt("a place beyond the end of a block of metadata")
		}
		r.cur = Cursor{block: r.held.next}
		r.close()
	}
}

// mdRead is a single read: sqfs_md_read.
func (fs *FS) mdRead(cur Cursor, dst []byte) error {
	r := fs.mdReader(cur)
	defer r.close()
	return r.read(dst)
}
