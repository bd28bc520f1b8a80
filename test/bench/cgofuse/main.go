//go:build fuse3

// Cgofuse is a passthrough filesystem on cgofuse, for comparison: what its own example does, with file descriptors.
package main

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/winfsp/cgofuse/fuse"
)

type mirror struct {
	fuse.FileSystemBase
	root string
}

func main() {
	fs := &mirror{root: os.Args[1]}
	host := fuse.NewFileSystemHost(fs)
	if !host.Mount(os.Args[2], nil) {
		os.Exit(1)
	}
}

func code(err error) int {
	if errno, ok := err.(syscall.Errno); ok {
		return -int(errno)
	}
	return 0
}

func (m *mirror) path(p string) string { return filepath.Join(m.root, p) }

func put(to *fuse.Stat_t, st *syscall.Stat_t) {
	*to = fuse.Stat_t{
		Dev: st.Dev, Ino: st.Ino, Mode: st.Mode, Nlink: uint32(st.Nlink), Uid: st.Uid, Gid: st.Gid, Rdev: st.Rdev, Size: st.Size,
		Atim: fuse.Timespec(st.Atim), Mtim: fuse.Timespec(st.Mtim), Ctim: fuse.Timespec(st.Ctim), Blksize: int64(st.Blksize), Blocks: st.Blocks,
	}
}

func (m *mirror) Getattr(path string, stat *fuse.Stat_t, fh uint64) int {
	var st syscall.Stat_t
	var err error
	if fh == ^uint64(0) {
		err = syscall.Lstat(m.path(path), &st)
	} else {
		err = syscall.Fstat(int(fh), &st)
	}
	put(stat, &st)
	return code(err)
}

func (m *mirror) Open(path string, flags int) (int, uint64) {
	fd, err := syscall.Open(m.path(path), flags, 0)
	return code(err), uint64(fd)
}

func (m *mirror) Create(path string, flags int, mode uint32) (int, uint64) {
	fd, err := syscall.Open(m.path(path), flags|syscall.O_CREAT, mode)
	return code(err), uint64(fd)
}

func (m *mirror) Release(_ string, fh uint64) int { return code(syscall.Close(int(fh))) }

func (m *mirror) Read(_ string, buf []byte, off int64, fh uint64) int {
	n, err := syscall.Pread(int(fh), buf, off)
	if err != nil {
		return code(err)
	}
	return n
}

func (m *mirror) Write(_ string, buf []byte, off int64, fh uint64) int {
	n, err := syscall.Pwrite(int(fh), buf, off)
	if err != nil {
		return code(err)
	}
	return n
}

func (m *mirror) Unlink(path string) int { return code(syscall.Unlink(m.path(path))) }

func (m *mirror) Rename(from, to string) int { return code(syscall.Rename(m.path(from), m.path(to))) }

func (m *mirror) Opendir(path string) (int, uint64) {
	fd, err := syscall.Open(m.path(path), syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return code(err), ^uint64(0)
	}
	return 0, uint64(fd)
}

func (m *mirror) Releasedir(_ string, fh uint64) int { return code(syscall.Close(int(fh))) }

// Readdir lists names only, as passthrough_fh does without readdirplus.
func (m *mirror) Readdir(path string, fill func(name string, stat *fuse.Stat_t, off int64) bool, _ int64, _ uint64) int {
	entries, err := os.ReadDir(m.path(path))
	if err != nil {
		return -int(syscall.EIO)
	}
	fill(".", nil, 0)
	fill("..", nil, 0)
	for _, e := range entries {
		if !fill(e.Name(), nil, 0) {
			break
		}
	}
	return 0
}
