package main

import (
	"math"

	"golang.org/x/sys/unix"
)

// maxFileSize keeps sums of an offset and a length far from overflow.
const maxFileSize = 1 << 60

// sparse is the content of a regular file. Only pages that were written (or allocated by fallocate) exist, the rest are
// holes that read as zeros. Bytes behind the end of the file are zero at all times, so a file may grow without being
// touched. Callers hold the inode's lock.
type sparse struct {
	size  int64
	pages pageTree
	space *budget // pays for the pages
}

// pagesIn returns the numbers of the first page that the n bytes at off touch, and of the one after the last.
func pagesIn(off, n int64) (from, to int64) {
	return off / pageSize, (off + n + pageSize - 1) / pageSize
}

// blocks returns the st_blocks of the file.
func (s *sparse) blocks() int64 { return s.pages.len() * (pageSize / 512) }

// readAt fills dst from off on, up to the end of the file, and returns how many bytes that are.
func (s *sparse) readAt(dst []byte, off int64) int {
	if off >= s.size {
		return 0
	}
	dst = dst[:min(int64(len(dst)), s.size-off)]
	for n := 0; n < len(dst); {
		at := int(off+int64(n)) & (pageSize - 1)
		piece := dst[n:min(len(dst), n+pageSize-at)]
		if p := s.pages.get((off + int64(n)) / pageSize); p != nil {
			copy(piece, p[at:])
		} else {
			clear(piece)
		}
		n += len(piece)
	}
	return len(dst)
}

// writeAt stores src at off. Where the space runs out in the middle it returns how much it has stored, with ENOSPC.
func (s *sparse) writeAt(src []byte, off int64) (int, error) {
	if off > maxFileSize-int64(len(src)) {
		return 0, unix.EFBIG
	}
	n := 0
	for n < len(src) {
		pos := off + int64(n)
		p := s.writable(pos / pageSize)
		if p == nil {
			return n, unix.ENOSPC
		}
		n += copy(p[pos&(pageSize-1):], src[n:])
		s.size = max(s.size, off+int64(n))
	}
	return n, nil
}

// writable returns page number i to write to, a new one if there is none. Nil means that there is no space.
func (s *sparse) writable(i int64) *page {
	p := s.pages.get(i)
	if p != nil && p != zeroPage {
		return p
	}
	if p == nil && !s.space.take(pageSize) {
		return nil
	}
	p = new(page)
	s.pages.put(i, p)
	return p
}

// truncate sets the size, and gives back what is behind it.
func (s *sparse) truncate(size int64) error {
	if size > maxFileSize {
		return unix.EFBIG
	}
	if size <= s.size {
		s.punch(size, math.MaxInt64-pageSize-size)
	}
	s.size = size
	return nil
}

// punch makes a hole: whole pages are given back, the rest of the range is overwritten with zeros.
func (s *sparse) punch(off, n int64) {
	s.clearEdges(off, n)
	from, to := (off+pageSize-1)/pageSize, (off+n)/pageSize
	s.space.give(s.pages.drop(from, to) * pageSize)
}

// clearEdges zeroes the bytes of the range that share a page with bytes outside of it.
func (s *sparse) clearEdges(off, n int64) {
	end := off + n
	head := min(end, (off+pageSize-1)/pageSize*pageSize)
	s.clear(off, head)
	s.clear(max(head, end/pageSize*pageSize), end)
}

// clear zeroes the bytes from off to end, which are on one page.
func (s *sparse) clear(off, end int64) {
	if off >= end {
		return
	}
	if p := s.pages.get(off / pageSize); p != nil && p != zeroPage {
		at := off & (pageSize - 1)
		clear(p[at : at+end-off])
	}
}

// allocate makes sure that writes to the range will not run out of space, and grows the file to its end unless keepSize.
func (s *sparse) allocate(off, n int64, keepSize bool) error {
	if off > maxFileSize-n {
		return unix.EFBIG
	}
	from, to := pagesIn(off, n)
	missing := to - from
	s.pages.walk(from, to, func(int64, *page) bool { missing--; return true })
	if !s.space.take(missing * pageSize) {
		return unix.ENOSPC
	}
	for i := from; i < to && missing > 0; i++ {
		if s.pages.get(i) == nil {
			s.pages.put(i, zeroPage)
			missing--
		}
	}
	if !keepSize {
		s.size = max(s.size, off+n)
	}
	return nil
}

// zero makes the range read as zeros, with its space allocated.
func (s *sparse) zero(off, n int64, keepSize bool) error {
	if err := s.allocate(off, n, keepSize); err != nil {
		return err
	}
	s.clearEdges(off, n)
	for i, end := (off+pageSize-1)/pageSize, (off+n)/pageSize; i < end; i++ {
		s.pages.put(i, zeroPage)
	}
	return nil
}

// seekData returns the offset of the first data at or behind off. What was allocated but never written counts as a hole,
// as on other filesystems.
func (s *sparse) seekData(off int64) (int64, error) {
	if off < 0 || off >= s.size {
		return 0, unix.ENXIO
	}
	found := int64(-1)
	from, to := pagesIn(off, s.size-off)
	s.pages.walk(from, to, func(i int64, p *page) bool {
		if p != zeroPage {
			found = i
		}
		return found < 0
	})
	if found < 0 {
		return 0, unix.ENXIO
	}
	return max(off, found*pageSize), nil
}

// seekHole returns the offset of the first hole at or behind off. The end of the file is a hole.
func (s *sparse) seekHole(off int64) (int64, error) {
	if off < 0 || off >= s.size {
		return 0, unix.ENXIO
	}
	next, to := pagesIn(off, s.size-off)
	s.pages.walk(next, to, func(i int64, p *page) bool {
		if i != next || p == zeroPage {
			return false
		}
		next++
		return true
	})
	return min(max(off, next*pageSize), s.size), nil
}
