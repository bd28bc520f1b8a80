package main

import (
	"bytes"
	"errors"
	"math/rand"
	"testing"

	"golang.org/x/sys/unix"
)

func newSparse(space int64) *sparse { return &sparse{space: &budget{limit: space}} }

// sparseModel is what sparse ought to be: the bytes, and which pages are written or reserved.
type sparseModel struct {
	data  []byte
	pages map[int64]byte // 'w' or 'r'
}

func (m *sparseModel) resize(size int64) {
	if size > int64(len(m.data)) {
		m.data = append(m.data, make([]byte, size-int64(len(m.data)))...)
	}
	m.data = m.data[:size]
}

func (m *sparseModel) write(src []byte, off int64) {
	m.resize(max(int64(len(m.data)), off+int64(len(src))))
	copy(m.data[off:], src)
	from, to := pagesIn(off, int64(len(src)))
	for i := from; i < to; i++ {
		m.pages[i] = 'w'
	}
}

func (m *sparseModel) truncate(size int64) {
	if size <= int64(len(m.data)) {
		for i := range m.pages {
			if i*pageSize >= size {
				delete(m.pages, i)
			}
		}
	}
	m.resize(size)
}

func (m *sparseModel) clear(off, n int64) {
	if size := int64(len(m.data)); off < size {
		clear(m.data[off:min(off+n, size)])
	}
}

// whole calls f for the pages that are wholly in the range.
func whole(off, n int64, f func(i int64)) {
	for i := (off + pageSize - 1) / pageSize; (i+1)*pageSize <= off+n; i++ {
		f(i)
	}
}

func (m *sparseModel) punch(off, n int64) {
	m.clear(off, n)
	whole(off, n, func(i int64) { delete(m.pages, i) })
}

func (m *sparseModel) allocate(off, n int64, keepSize bool) {
	from, to := pagesIn(off, n)
	for i := from; i < to; i++ {
		if m.pages[i] == 0 {
			m.pages[i] = 'r'
		}
	}
	if !keepSize {
		m.resize(max(int64(len(m.data)), off+n))
	}
}

func (m *sparseModel) zero(off, n int64, keepSize bool) {
	m.allocate(off, n, keepSize)
	m.clear(off, n)
	whole(off, n, func(i int64) { m.pages[i] = 'r' })
}

// seek finds the first byte from off on that is data, or not.
func (m *sparseModel) seek(off int64, data bool) (int64, error) {
	size := int64(len(m.data))
	if off >= size {
		return 0, unix.ENXIO
	}
	for ; off < size; off++ {
		if m.pages[off/pageSize] == 'w' == data {
			return off, nil
		}
	}
	if data {
		return 0, unix.ENXIO
	}
	return size, nil
}

func (m *sparseModel) check(t *testing.T, s *sparse) {
	t.Helper()
	if s.size != int64(len(m.data)) {
		t.Fatalf("size: got %d, want %d", s.size, len(m.data))
	}
	got := bytes.Repeat([]byte{0xee}, len(m.data)+100)
	if n := s.readAt(got, 0); n != len(m.data) || !bytes.Equal(got[:n], m.data) {
		t.Fatalf("content differs (read %d of %d bytes)", n, len(m.data))
	}
	pages := int64(len(m.pages))
	if s.pages.len() != pages || s.space.used.Load() != pages*pageSize || s.blocks() != pages*8 {
		t.Fatalf("pages: got %d, %d bytes paid, %d blocks; want %d", s.pages.len(), s.space.used.Load(), s.blocks(), pages)
	}
}

func (m *sparseModel) checkSeek(t *testing.T, s *sparse, off int64) {
	t.Helper()
	gotData, errData := s.seekData(off)
	if want, err := m.seek(off, true); gotData != want || !errors.Is(errData, err) {
		t.Fatalf("seekData(%d): got %d, %v; want %d, %v", off, gotData, errData, want, err)
	}
	gotHole, errHole := s.seekHole(off)
	if want, err := m.seek(off, false); gotHole != want || !errors.Is(errHole, err) {
		t.Fatalf("seekHole(%d): got %d, %v; want %d, %v", off, gotHole, errHole, want, err)
	}
}

func TestSparse_BehavesLikeItsModel(t *testing.T) {
	const top = 40 * pageSize
	rnd := rand.New(rand.NewSource(2))
	s, m := newSparse(1<<30), &sparseModel{pages: map[int64]byte{}}
	for range 3000 {
		off, n := rnd.Int63n(top), 1+rnd.Int63n(1<<uint(1+rnd.Intn(15)))
		if rnd.Intn(3) == 0 {
			off &^= pageSize - 1
		}
		keepSize := rnd.Intn(2) == 0
		var err error
		switch rnd.Intn(7) {
		case 0, 1, 2:
			src := make([]byte, n)
			rnd.Read(src)
			_, err = s.writeAt(src, off)
			m.write(src, off)
		case 3:
			err = s.truncate(off)
			m.truncate(off)
		case 4:
			s.punch(off, n)
			m.punch(off, n)
		case 5:
			err = s.allocate(off, n, keepSize)
			m.allocate(off, n, keepSize)
		case 6:
			err = s.zero(off, n, keepSize)
			m.zero(off, n, keepSize)
		}
		if err != nil {
			t.Fatal(err)
		}
		m.check(t, s)
		m.checkSeek(t, s, rnd.Int63n(top))
	}
	if *zeroPage != (page{}) {
		t.Error("somebody wrote to zeroPage")
	}
}

func TestSparse_FillsUpToTheLastPage(t *testing.T) {
	s := newSparse(3 * pageSize)
	src := bytes.Repeat([]byte("x"), 5*pageSize)
	n, err := s.writeAt(src, 100)
	if want := 3*pageSize - 100; n != want || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("write: got %d, %v; want %d, ENOSPC", n, err, want)
	}
	if s.size != 3*pageSize {
		t.Errorf("size: got %d, want %d", s.size, 3*pageSize)
	}
	if n, err := s.writeAt([]byte("y"), 0); n != 1 || err != nil {
		t.Errorf("overwriting a full file: got %d, %v; want 1, nil", n, err)
	}
	if n, err := s.writeAt([]byte("y"), s.size); n != 0 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("appending to a full file: got %d, %v; want 0, ENOSPC", n, err)
	}
}

func TestSparse_AllocateTakesAllOrNothing(t *testing.T) {
	s := newSparse(10 * pageSize)
	if _, err := s.writeAt([]byte("x"), 5*pageSize); err != nil {
		t.Fatal(err)
	}
	if err := s.allocate(0, 11*pageSize, false); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("too much: got %v, want ENOSPC", err)
	}
	if got := s.pages.len(); got != 1 {
		t.Errorf("pages after a failure: got %d, want 1", got)
	}
	if err := s.allocate(0, 10*pageSize, false); err != nil {
		t.Errorf("just as much as there is: %v", err)
	}
	if n, err := s.writeAt(make([]byte, 10*pageSize), 0); n != 10*pageSize || err != nil {
		t.Errorf("writing to allocated space: got %d, %v", n, err)
	}
}

func TestSparse_HugeOffsets(t *testing.T) {
	s := newSparse(1 << 20)
	if err := s.truncate(maxFileSize); err != nil {
		t.Errorf("truncate to the maximum: %v", err)
	}
	if err := s.truncate(maxFileSize + 1); !errors.Is(err, unix.EFBIG) {
		t.Errorf("truncate to more: got %v, want EFBIG", err)
	}
	if n, err := s.writeAt([]byte("xy"), maxFileSize-1); n != 0 || !errors.Is(err, unix.EFBIG) {
		t.Errorf("write across the maximum: got %d, %v; want EFBIG", n, err)
	}
	if _, err := s.writeAt([]byte("x"), maxFileSize-1); err != nil {
		t.Errorf("write of the last byte: %v", err)
	}
	if off, err := s.seekData(0); off != maxFileSize-pageSize || err != nil {
		t.Errorf("seekData: got %d, %v", off, err)
	}
	if err := s.allocate(maxFileSize-1, 2, true); !errors.Is(err, unix.EFBIG) {
		t.Errorf("allocate across the maximum: got %v, want EFBIG", err)
	}
	s.punch(0, maxFileSize)
	if got := s.space.used.Load(); got != 0 {
		t.Errorf("used after punching it all: %d", got)
	}
}

func TestSparse_SkipsHoles(t *testing.T) {
	s := newSparse(1 << 20)
	if _, err := s.writeAt([]byte("x"), 1<<50); err != nil {
		t.Fatal(err)
	}
	if off, err := s.seekData(0); off != 1<<50 || err != nil {
		t.Errorf("seekData: got %d, %v; want %d", off, err, int64(1)<<50)
	}
	if off, err := s.seekHole(1 << 50); off != 1<<50+1 || err != nil {
		t.Errorf("seekHole: got %d, %v; want the end of the file", off, err)
	}
}
