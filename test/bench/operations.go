package main

import (
	"path/filepath"
	"syscall"
	"unsafe"
)

const (
	treeRead  = "read"
	treeWrite = "write"
	treeDir   = "dir"
	fileSize  = 16 << 20
)

// A worker is a thread's own files and memory. Every call is a raw system call: Go's scheduler has no part in it.
type worker struct {
	readPath, dirPath *byte
	readFD, writeFD   int
	buf               []byte
}

func newWorker(dir string) (*worker, error) {
	w := &worker{buf: make([]byte, 1<<20), readFD: -1, writeFD: -1}
	var err error
	if w.readPath, err = syscall.BytePtrFromString(filepath.Join(dir, treeRead)); err != nil {
		return nil, err
	}
	if w.dirPath, err = syscall.BytePtrFromString(filepath.Join(dir, treeDir)); err != nil {
		return nil, err
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
	{"getattr", getattr},
	// LOOKUP, OPEN, FLUSH and RELEASE, of which nobody waits for the last.
	{"open+close", func(w *worker, _ int) syscall.Errno { return openClose(w.readPath, syscall.O_RDONLY) }},
	{"read 4k", pread(4 << 10)},
	{"read 128k", pread(128 << 10)},
	{"read 1M", pread(1 << 20)},
	{"write 4k", pwrite(4 << 10)},
	{"write 128k", pwrite(128 << 10)},
	// A directory of 100 files, from open to close.
	{"readdir 100", readdir},
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

func readdir(w *worker, _ int) syscall.Errno {
	fd, errno := open(w.dirPath, syscall.O_RDONLY|syscall.O_DIRECTORY)
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
