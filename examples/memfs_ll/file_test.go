package main

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestFallocate_Modes(t *testing.T) {
	const keep, punch, zero = unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE
	k := newKernel(t, options{Size: "64k"})
	for _, c := range []struct {
		name             string
		mode             uint32
		off, length      int64
		want             error
		size             int64
		blocks           int64
		zeroFrom, zeroTo int
	}{
		{"plain", 0, 8192, 4096, nil, 12288, 24, 0, 0},
		{"keep size", keep, 8192, 4096, nil, 8192, 24, 0, 0},
		{"punch", keep | punch, 100, 8092, nil, 8192, 8, 100, 8192},
		{"zero", zero, 100, 12188, nil, 12288, 24, 100, 8192},
		{"zero, keep size", keep | zero, 100, 12188, nil, 8192, 24, 100, 8192},
		{"too much", 0, 0, 128 << 10, unix.ENOSPC, 8192, 16, 0, 0},
		{"too far", 0, maxFileSize, 1, unix.EFBIG, 8192, 16, 0, 0},
		{"collapse", unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096, unix.EOPNOTSUPP, 8192, 16, 0, 0},
		{"insert", unix.FALLOC_FL_INSERT_RANGE, 0, 4096, unix.EOPNOTSUPP, 8192, 16, 0, 0},
		{"empty", 0, 0, 0, unix.EINVAL, 8192, 16, 0, 0},
	} {
		f := k.mkfile(root, "f")
		data := strings.Repeat("x", 8192)
		k.write(f, data, 0)
		wantErr(t, c.name, k.fs.fallocate(k.req, f, c.mode, c.off, c.length, nil), c.want)
		if st := k.stat(f); st.Size != c.size || st.Blocks != c.blocks {
			t.Errorf("%s: got size %d, %d blocks; want %d, %d", c.name, st.Size, st.Blocks, c.size, c.blocks)
		}
		want := data[:c.zeroFrom] + strings.Repeat("\x00", c.zeroTo-c.zeroFrom) + data[c.zeroTo:] + strings.Repeat("\x00", int(c.size)-8192)
		if k.read(f) != want {
			t.Errorf("%s: content differs", c.name)
		}
		k.noError(k.fs.unlink(k.req, root, "f"))
		k.forget(f)
	}
	k.checkEmpty()
}

func TestWrite_ReportsNoSpaceFromThePageCache(t *testing.T) {
	k := newKernel(t, options{Size: "8k"})
	f := k.mkfile(root, "f")
	data := make([]byte, 12<<10)
	n, err := k.fs.write(k.req, f, data, 0, new(lowlevel.FileInfo))
	if n != 8<<10 || err != nil {
		t.Errorf("write(2): got %d, %v; want a short count", n, err)
	}
	_, err = k.fs.write(k.req, f, data, 0, &lowlevel.FileInfo{Writepage: true})
	wantErr(t, "from the page cache", err, unix.ENOSPC)
}

func TestCopyFileRange(t *testing.T) {
	k := newKernel(t, options{})
	in, out := k.mkfile(root, "in"), k.mkfile(root, "out")
	data := strings.Repeat("0123456789", 30000) // more than one piece
	k.write(in, data, 0)
	copyRange := func(offIn, offOut int64, length uint64) (uint64, error) {
		return copyContent(k.fs.table.get(in), offIn, k.fs.table.get(out), offOut, length, never)
	}
	for _, c := range []struct {
		off  int64
		n    uint64
		want uint64
	}{{5, 1 << 30, 299995}, {299999, 5, 1}, {300000, 5, 0}, {1 << 40, 5, 0}, {0, 0, 0}} {
		if n, err := copyRange(c.off, 0, c.n); n != c.want || err != nil {
			t.Errorf("copy of %d bytes at %d: got %d, %v; want %d", c.n, c.off, n, err, c.want)
		}
	}
	k.write(out, "5", 0)
	buf := make([]byte, len(data))
	n, err := k.fs.read(k.req, out, buf, 0, new(lowlevel.FileInfo))
	if string(buf[:n]) != data[5:] || err != nil {
		t.Errorf("copied content differs: %d bytes, %v", n, err)
	}
	if n, err := copyContent(k.fs.table.get(in), 0, k.fs.table.get(out), 0, 300000, func() bool { return true }); n != copyPiece || err != nil {
		t.Errorf("interrupted: got %d, %v; want one piece", n, err)
	}
	_, err = copyRange(0, maxFileSize, 1)
	wantErr(t, "too far", err, unix.EFBIG)
	_, err = k.fs.copyFileRange(k.req, in, 0, nil, out, 0, nil, 1, 1)
	wantErr(t, "unknown flags", err, unix.EINVAL)
	_, err = k.fs.copyFileRange(k.req, in, -1, nil, out, 0, nil, 1, 0)
	wantErr(t, "negative offset", err, unix.EINVAL)
}

func never() bool { return false }

func TestHandlers_WrongType(t *testing.T) {
	k := newKernel(t, options{})
	fifo := k.got(k.fs.mknod(k.req, root, "fifo", unix.S_IFIFO, 0))
	fi := new(lowlevel.FileInfo)
	for _, c := range []struct {
		ino  lowlevel.Ino
		want error
	}{{root, unix.EISDIR}, {fifo, unix.EINVAL}, {999, unix.ESTALE}} {
		_, err := k.fs.read(k.req, c.ino, nil, 0, fi)
		wantErr(t, "read", err, c.want)
		_, err = k.fs.write(k.req, c.ino, nil, 0, fi)
		wantErr(t, "write", err, c.want)
		_, err = k.fs.lseek(k.req, c.ino, 0, unix.SEEK_DATA, fi)
		wantErr(t, "lseek", err, c.want)
		wantErr(t, "fallocate", k.fs.fallocate(k.req, c.ino, 0, 0, 1, fi), c.want)
	}
	wantErr(t, "list", k.fs.list(fifo, 0, nil), unix.ENOTDIR)
}
