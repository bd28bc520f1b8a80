package sqfs

// ReadRange reads from a regular file into dst, from off on, and returns how much there was: sqfs_read_range. Less than len(dst) is the end of the file.
func (fs *FS) ReadRange(i *Inode, dst []byte, off int64) (int, error) {
	if !i.IsReg() || off < 0 {
		return 0, corrupt("a regular file that is none")
	}
	if off >= int64(i.Size) {
		return 0, nil
	}
	if left := int64(i.Size) - off; int64(len(dst)) > left {
		dst = dst[:left]
	}
	n, err := fs.readBlocks(i, dst, off)
	if err != nil || n == len(dst) {
		return n, err
	}
	return len(dst), fs.readFragment(i, dst[n:], off+int64(n))
}

// readBlocks reads what is in the file's own blocks, and returns how much that was.
func (fs *FS) readBlocks(i *Inode, dst []byte, off int64) (int, error) {
	blockSize := int64(fs.SB.BlockSize)
	bl, err := fs.blocklistAt(i, off/blockSize)
	if err != nil {
		return 0, err
	}
	defer bl.close()
	done := 0
	for done < len(dst) && bl.remain > 0 {
		start := bl.number * blockSize
		if err := bl.next(); err != nil {
			return done, err
		}
		p := part{dst: dst[done:], from: int(off + int64(done) - start), length: int(min(blockSize, int64(i.Size)-start))}
		p.dst = p.dst[:min(len(p.dst), p.length-p.from)]
		if err := fs.readPart(p, bl.pos, bl.header); err != nil {
			return done, err
		}
		done += len(p.dst)
	}
	return done, nil
}

// part is what is wanted of a block.
type part struct {
	dst    []byte
	from   int // in the block
	length int // of the block
}

// readPart reads a part of one of a file's own blocks.
func (fs *FS) readPart(p part, pos int64, header uint32) error {
	size, compressed := dataHeader(header)
	switch {
	case size == 0: // nothing but zeros
		clear(p.dst)
		return nil
	case !compressed:
		return fs.readStored(p.dst, pos, size, p.from)
	case len(p.dst) < p.length:
		return fs.readCached(fs.dataCache, p.dst, pos, header, p.from)
	}
	// The whole block is wanted: the kernel keeps it, so there is no need to do so here.
	if b := fs.dataCache.peek(pos); b != nil {
		defer fs.dataCache.release(b)
		return copyPart(p.dst, b.data, 0)
	}
	n, err := fs.readBlock(p.dst, pos, size, true)
	if err == nil && n != len(p.dst) {
		return corrupt("length of a block")
	}
	return err
}

// readStored reads a part of a block that is not compressed: straight from the archive.
func (fs *FS) readStored(dst []byte, pos int64, size, from int) error {
	if size > int(fs.SB.BlockSize) || from+len(dst) > size {
		return corrupt("size of a block")
	}
	return fs.readAt(dst, pos+int64(from))
}

// readCached reads a part of a block by way of a cache: sqfs_data_cache.
func (fs *FS) readCached(c *cache, dst []byte, pos int64, header uint32, from int) error {
	b, err := c.get(pos, header)
	if err != nil {
		return err
	}
	defer c.release(b)
	return copyPart(dst, b.data, from)
}

func copyPart(dst, data []byte, from int) error {
	if from > len(data) || copy(dst, data[from:]) < len(dst) {
		return corrupt("length of a block")
	}
	return nil
}

// readFragment reads a part of the end of a file, which is in a block together with the ends of others: sqfs_frag_entry, sqfs_frag_block.
func (fs *FS) readFragment(i *Inode, dst []byte, off int64) error {
	if i.fragIndex == invalidFrag {
		return corrupt("length of a file")
	}
	var b [fragEntrySize]byte
	if err := fs.fragTable.get(fs, i.fragIndex, b[:]); err != nil {
		return err
	}
	var f fragmentEntry
	f.decode(&b)
	if i.fragOffset >= fs.SB.BlockSize || f.startBlock > uint64(fs.size) {
		return corrupt("place of a fragment")
	}
	from := int(i.fragOffset) + int(off%int64(fs.SB.BlockSize))
	if size, compressed := dataHeader(f.size); !compressed {
		return fs.readStored(dst, int64(f.startBlock), size, from)
	}
	return fs.readCached(fs.fragCache, dst, int64(f.startBlock), f.size, from)
}

// blocklist goes through the blocks of a file: sqfs_blocklist.
type blocklist struct {
	remain int64    // blocks that are left
	number int64    // of the next block
	r      mdReader // their sizes

	after  int64  // where the next block begins, in the archive
	pos    int64  // of the block that next has gone to
	header uint32 // its size
}

// blocklistCount returns how many blocks a file has of its own: sqfs_blocklist_count.
func (fs *FS) blocklistCount(i *Inode) int64 {
	blockSize := int64(fs.SB.BlockSize)
	if i.fragIndex == invalidFrag {
		return divceil(int64(i.Size), blockSize)
	}
	return int64(i.Size) / blockSize
}

// next goes to the next block: sqfs_blocklist_next.
func (l *blocklist) next() error {
	var b [4]byte
	if err := l.r.read(b[:]); err != nil {
		return err
	}
	l.header = le.Uint32(b[:])
	size, _ := dataHeader(l.header)
	l.pos = l.after
	l.after += int64(size)
	l.number++
	l.remain--
	return nil
}

// skip goes on by n blocks.
func (l *blocklist) skip(n int64) error {
	var buf [1024]byte
	for n > 0 {
		b := buf[:4*min(n, int64(len(buf)/4))]
		if err := l.r.read(b); err != nil {
			return err
		}
		for k := 0; k < len(b); k += 4 {
			size, _ := dataHeader(le.Uint32(b[k:]))
			l.after += int64(size)
		}
		count := int64(len(b) / 4)
		n -= count
		l.number += count
		l.remain -= count
	}
	return nil
}

func (l *blocklist) close() { l.r.close() }
