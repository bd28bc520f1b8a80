package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	treeRead   = "read"
	treeWrite  = "write"
	treeShared = "shared" // a directory that all workers make files in
	fileSize   = 16 << 20
	deepLevels = 100
)

// treeDeep is a file below that many directories.
var treeDeep = strings.Repeat("level/", deepLevels) + "file"

// treeDirs are directories by how many files are in them.
var treeDirs = map[int]string{100: "dir100", 1000: "dir1000", 100000: "dir100000"}

// A worker is a thread's own files and memory. Every call is a raw system call: Go's scheduler has no part in it.
type worker struct {
	readPath, nonePath *byte
	deepPath           *byte
	ownPath, otherPath *byte // files of this worker alone
	sharedPath         *byte // another one, in treeShared
	dirPaths           map[int]*byte
	readFD, writeFD    int
	buf                []byte
}

var workers atomic.Int32 // numbers them

func newWorker(dir string) (*worker, error) {
	w := &worker{buf: make([]byte, 1<<20), readFD: -1, writeFD: -1, dirPaths: map[int]*byte{}}
	own := fmt.Sprintf("own-%d", workers.Add(1))
	paths := map[string]**byte{
		treeRead: &w.readPath, "none": &w.nonePath, treeDeep: &w.deepPath,
		own: &w.ownPath, own + "-other": &w.otherPath, treeShared + "/" + own: &w.sharedPath,
	}
	var err error
	for name, p := range paths {
		if *p, err = syscall.BytePtrFromString(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	for n, name := range treeDirs {
		if w.dirPaths[n], err = syscall.BytePtrFromString(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	if w.readFD, err = syscall.Open(filepath.Join(dir, treeRead), syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	w.writeFD, err = syscall.Open(filepath.Join(dir, treeWrite), syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	return w, err
}

func (w *worker) close() {
	syscall.Close(w.readFD)
	syscall.Close(w.writeFD)
	_ = unlink(w.ownPath) // if there is one
}

// An operation is what is timed. n counts the calls of a batch.
type operation struct {
	name string
	do   func(w *worker, n int) syscall.Errno
}

const oPath = 0x200000 // O_PATH

var operations = []operation{
	// An O_PATH descriptor takes a LOOKUP and nothing else.
	{"lookup", func(w *worker, _ int) syscall.Errno { return openClose(w.readPath, oPath) }},
	{"lookup miss", func(w *worker, _ int) syscall.Errno {
		if errno := openClose(w.nonePath, oPath); errno != syscall.ENOENT {
			return syscall.EIO
		}
		return 0
	}},
	{"getattr", getattr},
	// LOOKUP and GETATTR, or what the server makes of it.
	{"stat", func(w *worker, _ int) syscall.Errno { return stat(w.readPath) }},
	// The same for each directory on the way.
	{"stat, 100 deep", func(w *worker, _ int) syscall.Errno { return stat(w.deepPath) }},
	// LOOKUP, OPEN, FLUSH and RELEASE, of which nobody waits for the last.
	{"open+close", func(w *worker, _ int) syscall.Errno { return openClose(w.readPath, syscall.O_RDONLY) }},
	{"open+close, 100 deep", func(w *worker, _ int) syscall.Errno { return openClose(w.deepPath, syscall.O_RDONLY) }},
	{"read 4k", pread(4 << 10)},
	{"read 128k", pread(128 << 10)},
	{"read 1M", pread(1 << 20)},
	{"write 4k", pwrite(4 << 10)},
	{"write 128k", pwrite(128 << 10)},
	{"write 1M", pwrite(1 << 20)},
	{"create+unlink", createUnlink},
	{"create+stat+unlink", createStatUnlink},
	{"rename", renameBoth},
	// A directory, from open to close.
	{"readdir 100", readdir(100)},
	{"readdir 1000", readdir(1000)},
	{"readdir 100000", readdir(100000)},
}

const atFDCWD = ^uintptr(99) // AT_FDCWD: -100

func open(path *byte, flags int) (uintptr, syscall.Errno) {
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_OPENAT, atFDCWD, uintptr(unsafe.Pointer(path)), uintptr(flags|syscall.O_CLOEXEC), 0, 0, 0)
	return fd, errno
}

func closeFD(fd uintptr) syscall.Errno {
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	return errno
}

func openClose(path *byte, flags int) syscall.Errno {
	fd, errno := open(path, flags)
	if errno != 0 {
		return errno
	}
	return closeFD(fd)
}

func getattr(w *worker, _ int) syscall.Errno {
	var st syscall.Stat_t
	_, _, errno := syscall.RawSyscall(syscall.SYS_FSTAT, uintptr(w.readFD), uintptr(unsafe.Pointer(&st)), 0)
	return errno
}

func pread(size int) func(*worker, int) syscall.Errno {
	return func(w *worker, n int) syscall.Errno { return transfer(syscall.SYS_PREAD64, w.readFD, w.buf[:size], n) }
}

func pwrite(size int) func(*worker, int) syscall.Errno {
	return func(w *worker, n int) syscall.Errno {
		return transfer(syscall.SYS_PWRITE64, w.writeFD, w.buf[:size], n)
	}
}

// transfer reads or writes the nth piece of the file, from the beginning again at its end.
func transfer(call uintptr, fd int, p []byte, n int) syscall.Errno {
	off := n * len(p) % fileSize
	done, _, errno := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), uintptr(off), 0, 0)
	if errno == 0 && int(done) != len(p) {
		return syscall.EIO
	}
	return errno
}

func stat(path *byte) syscall.Errno {
	var st syscall.Stat_t
	_, _, errno := syscall.RawSyscall6(syscall.SYS_NEWFSTATAT, atFDCWD, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&st)), 0, 0, 0)
	return errno
}

func createUnlink(w *worker, _ int) syscall.Errno {
	if errno := create(w.ownPath); errno != 0 {
		return errno
	}
	return unlink(w.ownPath)
}

// createStatUnlink is what many threads do in one directory.
func createStatUnlink(w *worker, _ int) syscall.Errno {
	if errno := create(w.sharedPath); errno != 0 {
		return errno
	}
	if errno := stat(w.sharedPath); errno != 0 {
		return errno
	}
	return unlink(w.sharedPath)
}

// renameBoth renames there and back again, so that each call is two.
func renameBoth(w *worker, n int) syscall.Errno {
	if n == 0 {
		if errno := create(w.ownPath); errno != 0 && errno != syscall.EEXIST {
			return errno
		}
	}
	if errno := rename(w.ownPath, w.otherPath); errno != 0 {
		return errno
	}
	return rename(w.otherPath, w.ownPath)
}

func create(path *byte) syscall.Errno {
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_OPENAT, atFDCWD, uintptr(unsafe.Pointer(path)), syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644, 0, 0)
	if errno != 0 {
		return errno
	}
	return closeFD(fd)
}

func unlink(path *byte) syscall.Errno {
	_, _, errno := syscall.RawSyscall(syscall.SYS_UNLINKAT, atFDCWD, uintptr(unsafe.Pointer(path)), 0)
	return errno
}

func rename(from, to *byte) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RENAMEAT, atFDCWD, uintptr(unsafe.Pointer(from)), atFDCWD, uintptr(unsafe.Pointer(to)), 0, 0)
	return errno
}

func readdir(size int) func(*worker, int) syscall.Errno {
	return func(w *worker, _ int) syscall.Errno {
		fd, errno := open(w.dirPaths[size], syscall.O_RDONLY|syscall.O_DIRECTORY)
		if errno != 0 {
			return errno
		}
		for {
			n, _, errno := syscall.RawSyscall(syscall.SYS_GETDENTS64, fd, uintptr(unsafe.Pointer(&w.buf[0])), 32<<10)
			if errno != 0 {
				return errno
			}
			if n == 0 {
				return closeFD(fd)
			}
		}
	}
}
