package main

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

var operations = []operation{
	{"read", 12, (*exerciser).read},
	{"write", 14, (*exerciser).write},
	{"append", 2, (*exerciser).append},
	{"writev", 3, (*exerciser).writev},
	{"truncate", 5, (*exerciser).truncate},
	{"mapread", 6, (*exerciser).mapRead},
	{"mapwrite", 8, (*exerciser).mapWrite},
	{"keepmap", 2, (*exerciser).keepMap},
	{"fallocate", 3, (*exerciser).fallocate},
	{"keepsize", 2, (*exerciser).fallocateKeepSize},
	{"punch", 5, (*exerciser).punch},
	{"zero", 3, (*exerciser).zero},
	{"copyrange", 5, (*exerciser).copyRange},
	{"seekdata", 2, (*exerciser).seekData},
	{"fsync", 1, (*exerciser).fsync},
	{"dropcache", 2, (*exerciser).dropCache},
	{"reopen", 3, (*exerciser).reopenAnyhow},
}

// span picks a part of a file that may reach up to limit: often short, sometimes on page boundaries.
func (e *exerciser) span(limit int) (off, length int) {
	if limit <= 0 {
		return 0, 0
	}
	longest := []int{16, 600, pageSize, 3 * pageSize, limit}[e.rnd.IntN(5)]
	off = e.rnd.IntN(limit)
	length = 1 + e.rnd.IntN(longest)
	if e.rnd.IntN(4) == 0 {
		off -= off % pageSize
		length = roundUp(length, pageSize)
	}
	if e.direct {
		off -= off % pageSize
		length = roundUp(length, pageSize)
	}
	return off, min(length, limit-off)
}

// aligned says whether O_DIRECT takes it.
func aligned(off, length int) bool { return off%pageSize == 0 && length%pageSize == 0 }

func at(off, length int) string { return fmt.Sprintf("%#x..%#x (%d)", off, off+length, length) }

func (e *exerciser) grow(to int) { e.size = max(e.size, to) }

func (e *exerciser) fillModel(off, length int) []byte {
	data := alignedBuffer(length)
	for i := range data {
		data[i] = byte(e.rnd.Uint32())
	}
	clear(e.model[min(e.size, off):off])
	copy(e.model[off:], data)
	e.grow(off + length)
	return data
}

func (e *exerciser) read() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if e.direct && !aligned(off, length) {
		return what + " not aligned", nil
	}
	buf := alignedBuffer(length)
	n, err := readFull(e.fd, buf, int64(off))
	if err != nil {
		return what, err
	}
	return what, e.compare("read", buf[:n], off, length)
}

func (e *exerciser) write() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if e.direct && !aligned(off, length) {
		return what + " not aligned", nil
	}
	return what, writeFull(e.fd, e.fillModel(off, length), int64(off))
}

func (e *exerciser) append() (string, error) {
	length := min(1+e.rnd.IntN(3000), e.cfg.size-e.size)
	what := at(e.size, length)
	if length <= 0 {
		return what, nil
	}
	fd, err := unix.Open(e.cfg.path, unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if err != nil {
		return what, err
	}
	n, err := unix.Write(fd, e.fillModel(e.size, length))
	if err == nil && n != length {
		err = fmt.Errorf("wrote %d of %d bytes", n, length)
	}
	if cerr := unix.Close(fd); err == nil {
		err = cerr
	}
	return what, err
}

func (e *exerciser) writev() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if e.direct || length < 3 {
		return what + " left out", nil
	}
	data := e.fillModel(off, length)
	a := e.rnd.IntN(length)
	b := a + e.rnd.IntN(length-a)
	n, err := unix.Pwritev(e.fd, [][]byte{data[:a], data[a:b], data[b:]}, int64(off))
	if err == nil && n != length {
		err = fmt.Errorf("wrote %d of %d bytes", n, length)
	}
	return what, err
}

func (e *exerciser) truncate() (string, error) {
	size := e.rnd.IntN(e.cfg.size + 1)
	if e.rnd.IntN(3) == 0 {
		size -= size % pageSize
	}
	what := fmt.Sprintf("%#x -> %#x", e.size, size)
	if size > e.size {
		clear(e.model[e.size:size])
	}
	e.size = size
	if e.rnd.IntN(2) == 0 {
		return what + " by name", unix.Truncate(e.cfg.path, int64(size))
	}
	return what, unix.Ftruncate(e.fd, int64(size))
}

// mapRead reads through a mapping made for it. What lies in the last page behind the end of the file must be zero.
func (e *exerciser) mapRead() (string, error) {
	off, length := e.span(e.size)
	what := at(off, length)
	if length == 0 {
		return what, nil
	}
	start := off - off%pageSize
	m, err := unix.Mmap(e.fd, int64(start), off+length-start, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return what, err
	}
	got := bytes.Clone(m[off-start : off-start+length])
	var tail []byte
	if end := off + length; end == e.size && end%pageSize != 0 {
		tail = bytes.Clone(m[end-start : cap(m)])
	}
	if err := unix.Munmap(m); err != nil {
		return what, err
	}
	if i := bytes.IndexFunc(tail, func(r rune) bool { return r != 0 }); i >= 0 {
		return what, fmt.Errorf("byte %d behind the end of the file is %#02x in the mapping", i, tail[i])
	}
	return what, e.compare("mapping", got, off, length)
}

// mapWrite writes through a mapping made for it, after making the file large enough.
func (e *exerciser) mapWrite() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if off+length > e.size {
		if err := unix.Ftruncate(e.fd, int64(off+length)); err != nil {
			return what, err
		}
		clear(e.model[e.size : off+length])
		e.size = off + length
	}
	start := off - off%pageSize
	m, err := unix.Mmap(e.fd, int64(start), off+length-start, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return what, err
	}
	copy(m[off-start:], e.fillModel(off, length))
	if e.rnd.IntN(3) == 0 {
		what += " msync"
		if err := unix.Msync(m, unix.MS_SYNC); err != nil {
			return what, err
		}
	}
	return what, unix.Munmap(m)
}

// keepMap makes a mapping that stays, and looks through the one that stayed: it must show what came by other ways since.
func (e *exerciser) keepMap() (string, error) {
	if e.mapped == nil {
		m, err := unix.Mmap(e.fd, 0, roundUp(e.cfg.size, pageSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		e.mapped = m
		return "map", err
	}
	got := bytes.Clone(e.mapped[:e.size])
	if err := e.unmap(); err != nil {
		return "look", err
	}
	return "look", e.compare("lasting mapping", got, 0, e.size)
}

func (e *exerciser) unmap() error {
	if e.mapped == nil {
		return nil
	}
	err := unix.Munmap(e.mapped)
	e.mapped = nil
	return err
}

func (e *exerciser) fallocate() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if err := unix.Fallocate(e.fd, 0, int64(off), int64(length)); err != nil {
		return what, err
	}
	if off+length > e.size {
		clear(e.model[e.size : off+length])
		e.size = off + length
	}
	return what, nil
}

func (e *exerciser) fallocateKeepSize() (string, error) {
	off, length := e.span(e.cfg.size)
	return at(off, length), unix.Fallocate(e.fd, unix.FALLOC_FL_KEEP_SIZE, int64(off), int64(length))
}

func (e *exerciser) punch() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	if err := unix.Fallocate(e.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(off), int64(length)); err != nil {
		return what, err
	}
	clear(e.model[min(off, e.size):min(off+length, e.size)])
	return what, nil
}

func (e *exerciser) zero() (string, error) {
	off, length := e.span(e.cfg.size)
	what := at(off, length)
	mode := uint32(unix.FALLOC_FL_ZERO_RANGE)
	keep := e.rnd.IntN(2) == 0
	if keep {
		mode |= unix.FALLOC_FL_KEEP_SIZE
		what += " keep size"
	}
	if err := unix.Fallocate(e.fd, mode, int64(off), int64(length)); err != nil {
		return what, err
	}
	if keep {
		clear(e.model[min(off, e.size):min(off+length, e.size)])
		return what, nil
	}
	clear(e.model[min(off, e.size) : off+length])
	e.grow(off + length)
	return what, nil
}

// copyRange copies within the file; the parts must not overlap.
func (e *exerciser) copyRange() (string, error) {
	from, length := e.span(e.size)
	to := e.rnd.IntN(e.cfg.size)
	if e.rnd.IntN(3) == 0 {
		to -= to % pageSize
	}
	length = min(length, e.cfg.size-to)
	if length <= 0 || from < to+length && to < from+length {
		return "overlap", nil
	}
	what := fmt.Sprintf("%s to %#x", at(from, length), to)
	if err := e.copyBytes(from, to, length); err != nil {
		return what, err
	}
	if to > e.size {
		clear(e.model[e.size:to])
	}
	copy(e.model[to:to+length], e.model[from:from+length])
	e.grow(to + length)
	return what, nil
}

// copyBytes has a descriptor of its own, for O_DIRECT would want alignment.
func (e *exerciser) copyBytes(from, to, length int) (err error) {
	fd, err := unix.Open(e.cfg.path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, unix.Close(fd)) }()
	for done := 0; done < length; {
		in, out := int64(from+done), int64(to+done)
		n, err := unix.CopyFileRange(fd, &in, fd, &out, length-done, 0)
		if err != nil {
			return err
		}
		if n <= 0 {
			return fmt.Errorf("copied %d of %d bytes", done, length)
		}
		done += n
	}
	return nil
}

// seekData asks where data and holes are: no byte that is not zero may lie in a hole. It syncs first, because Linux asks a FUSE filesystem without
// writing back what is dirty in its cache.
func (e *exerciser) seekData() (string, error) {
	off := 0
	if e.size > 0 {
		off = e.rnd.IntN(e.size)
	}
	what := fmt.Sprintf("from %#x", off)
	if err := unix.Fdatasync(e.fd); err != nil {
		return what, err
	}
	data, err := unix.Seek(e.fd, int64(off), unix.SEEK_DATA)
	switch {
	case err == unix.EINVAL:
		return what, unix.EOPNOTSUPP
	case err == unix.ENXIO:
		data = int64(e.size)
	case err != nil:
		return what, err
	}
	if data < int64(off) || data > int64(e.size) {
		return what, fmt.Errorf("SEEK_DATA says %#x (size %#x)", data, e.size)
	}
	if i := bytes.IndexFunc(e.model[off:data], func(r rune) bool { return r != 0 }); i >= 0 {
		return what, fmt.Errorf("SEEK_DATA says %#x, but byte %#x is not zero", data, off+i)
	}
	return what, nil
}

func (e *exerciser) fsync() (string, error) {
	if e.rnd.IntN(2) == 0 {
		return "data only", unix.Fdatasync(e.fd)
	}
	return "", unix.Fsync(e.fd)
}

func (e *exerciser) dropCache() (string, error) {
	if err := unix.Fdatasync(e.fd); err != nil {
		return "", err
	}
	return "", unix.Fadvise(e.fd, 0, 0, unix.FADV_DONTNEED)
}

func (e *exerciser) reopenAnyhow() (string, error) {
	flags := 0
	if e.cfg.direct && e.rnd.IntN(2) == 0 {
		flags = unix.O_DIRECT
	}
	return fmt.Sprintf("flags %#x", flags), e.reopen(flags)
}

// reopen opens a second time and then closes the first, or closes and then opens.
func (e *exerciser) reopen(flags int) error {
	old := e.fd
	closeFirst := e.rnd.IntN(2) == 0
	if closeFirst {
		if err := unix.Close(old); err != nil {
			return err
		}
	}
	fd, err := unix.Open(e.cfg.path, unix.O_RDWR|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return err
	}
	e.fd, e.direct = fd, flags != 0
	if closeFirst {
		return nil
	}
	return unix.Close(old)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
