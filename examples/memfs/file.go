package main

import (
	"context"
	"iter"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"golang.org/x/sys/unix"
)

// page is a piece of a regular file. Where there is none, there is a hole.
type page [pageSize]byte

const pageSize = 4096

// span is bytes of a page: from which one on, up to which one.
type span struct{ from, to int64 }

// spans has the pages that the bytes from off to end touch.
func spans(off, end int64) iter.Seq2[int64, span] {
	return func(yield func(int64, span) bool) {
		for i := off / pageSize; i*pageSize < end && yield(i, spanOf(i, off, end)); i++ {
		}
	}
}

// spanOf is those of page i that are from off to end.
func spanOf(i, off, end int64) span {
	return span{max(off-i*pageSize, 0), min(end-i*pageSize, pageSize)}
}

func (fs *memfs) readlink(_ context.Context, path string) (target string, err error) {
	err = fs.with(path, func(n *node) error {
		target, n.stat.Atim = n.target, now()
		return nil
	})
	return target, err
}

func (fs *memfs) read(_ context.Context, path string, dst []byte, off int64, fi *highlevel.FileInfo) (done int, err error) {
	err = fs.with(path, func(n *node) error {
		for i, s := range spans(off, min(off+int64(len(dst)), n.stat.Size)) {
			piece := dst[done:][:s.to-s.from]
			if p := n.pages[i]; p != nil {
				copy(piece, p[s.from:])
			} else {
				clear(piece)
			}
			done += len(piece)
		}
		if fi.Flags&unix.O_NOATIME == 0 {
			n.stat.Atim = now()
		}
		return nil
	})
	return done, err
}

func (fs *memfs) write(_ context.Context, path string, data []byte, off int64, _ *highlevel.FileInfo) (done int, err error) {
	err = fs.with(path, func(n *node) error {
		for i, s := range spans(off, off+int64(len(data))) {
			done += copy(n.page(i)[s.from:s.to], data[done:])
		}
		n.resize(max(n.stat.Size, off+int64(done)))
		return nil
	})
	return done, err
}

// page returns a page, which is made if there is none.
func (n *node) page(i int64) *page {
	p := n.pages[i]
	if p == nil {
		p = new(page)
		n.pages[i] = p
	}
	return p
}

// punch makes a hole from off to end.
func (n *node) punch(off, end int64) {
	for i, p := range n.pages {
		switch s := spanOf(i, off, end); {
		case s == span{0, pageSize}:
			delete(n.pages, i)
		case s.from < s.to:
			clear(p[s.from:s.to])
		}
	}
}

// resize notes that content and size have changed.
func (n *node) resize(size int64) {
	n.stat.Size = size
	n.stat.Blocks = int64(len(n.pages)) * (pageSize / 512)
	n.modified()
}

func (fs *memfs) truncate(_ context.Context, path string, size int64, _ *highlevel.FileInfo) error {
	return fs.with(path, func(n *node) error {
		n.punch(size, n.stat.Size+pageSize)
		n.resize(size)
		return nil
	})
}

// fallocate sets no memory aside: there is as much as there is.
func (fs *memfs) fallocate(_ context.Context, path string, mode uint32, off, length int64, _ *highlevel.FileInfo) error {
	const keep, zero, punch = unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_ZERO_RANGE, unix.FALLOC_FL_PUNCH_HOLE
	if mode&^(keep|zero|punch) != 0 {
		return unix.EOPNOTSUPP
	}
	return fs.with(path, func(n *node) error {
		size, end := n.stat.Size, off+length
		if mode&(zero|punch) != 0 {
			n.punch(off, end)
		}
		if mode&keep == 0 {
			size = max(size, end)
		}
		n.resize(size)
		return nil
	})
}

// lseek finds the next data or hole.
func (fs *memfs) lseek(_ context.Context, path string, off int64, whence int, _ *highlevel.FileInfo) (pos int64, err error) {
	err = fs.with(path, func(n *node) error {
		if off < 0 || off >= n.stat.Size {
			return unix.ENXIO
		}
		if whence == unix.SEEK_HOLE {
			pos = n.hole(off)
			return nil
		}
		pos, err = n.data(off)
		return err
	})
	return pos, err
}

func (n *node) hole(off int64) int64 {
	for n.pages[off/pageSize] != nil {
		off = (off/pageSize + 1) * pageSize
	}
	return min(off, n.stat.Size)
}

func (n *node) data(off int64) (int64, error) {
	next := int64(-1)
	for i := range n.pages {
		if i >= off/pageSize && (next < 0 || i < next) {
			next = i
		}
	}
	if next < 0 {
		return 0, unix.ENXIO
	}
	return max(off, next*pageSize), nil
}
