package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// badAddresses are pointers into no mapping: NULL, the first page's end, and an address user space cannot have.
var badAddresses = []uintptr{0, 0xfff, 0xdead0000beef0000}

// A rawCall is a system call whose n-th argument is a path.
type rawCall struct {
	name string
	trap uintptr
	args [5]uintptr
	path []int // positions of paths
}

const atCwd = ^uintptr(99) // AT_FDCWD is -100

var rawCalls = []rawCall{
	{"openat", unix.SYS_OPENAT, [5]uintptr{atCwd, 0, unix.O_RDONLY}, []int{1}},
	{"openat CREAT", unix.SYS_OPENAT, [5]uintptr{atCwd, 0, unix.O_CREAT | unix.O_WRONLY, 0o644}, []int{1}},
	{"mkdirat", unix.SYS_MKDIRAT, [5]uintptr{atCwd, 0, 0o755}, []int{1}},
	{"mknodat fifo", unix.SYS_MKNODAT, [5]uintptr{atCwd, 0, unix.S_IFIFO | 0o644}, []int{1}},
	{"mknodat char", unix.SYS_MKNODAT, [5]uintptr{atCwd, 0, unix.S_IFCHR | 0o644, 0x102}, []int{1}},
	{"unlinkat", unix.SYS_UNLINKAT, [5]uintptr{atCwd, 0, 0}, []int{1}},
	{"rmdir", unix.SYS_UNLINKAT, [5]uintptr{atCwd, 0, unix.AT_REMOVEDIR}, []int{1}},
	{"fchmodat", unix.SYS_FCHMODAT, [5]uintptr{atCwd, 0, 0o644}, []int{1}},
	{"fchownat", unix.SYS_FCHOWNAT, [5]uintptr{atCwd, 0, 0, 0, 0}, []int{1}},
	{"lchown", unix.SYS_FCHOWNAT, [5]uintptr{atCwd, 0, 0, 0, unix.AT_SYMLINK_NOFOLLOW}, []int{1}},
	{"truncate", unix.SYS_TRUNCATE, [5]uintptr{0, 0}, []int{0}},
	{"symlinkat", unix.SYS_SYMLINKAT, [5]uintptr{0, atCwd, 0}, []int{0, 2}},
	{"linkat", unix.SYS_LINKAT, [5]uintptr{atCwd, 0, atCwd, 0, 0}, []int{1, 3}},
	{"renameat2", unix.SYS_RENAMEAT2, [5]uintptr{atCwd, 0, atCwd, 0, 0}, []int{1, 3}},
	{"readlinkat", unix.SYS_READLINKAT, [5]uintptr{atCwd, 0, 0, 100}, []int{1}},
	{"statfs", unix.SYS_STATFS, [5]uintptr{0, 0}, []int{0}},
	{"chdir", unix.SYS_CHDIR, [5]uintptr{0}, []int{0}},
	{"faccessat", unix.SYS_FACCESSAT, [5]uintptr{atCwd, 0, 0}, []int{1}},
}

func pathBadAddress(t *T) {
	t.create(Regular, "f")
	good, err := unix.BytePtrFromString("f")
	if err != nil {
		panic(err)
	}
	for _, rc := range rawCalls {
		for _, bad := range badAddresses {
			for _, at := range rc.path {
				t.want(rc.with(at, bad, good), unix.EFAULT)
			}
		}
	}
	t.stat("f", isSize(0))
	fd, c := root.openFD("f", unix.O_RDWR, 0)
	defer closeFD(fd)
	t.ok(c, root.ftruncate(fd, 10))
	for _, bad := range badAddresses[1:] {
		t.want(rawIO("read", unix.SYS_PREAD64, fd, bad, 10), unix.EFAULT)
		t.want(rawIO("write", unix.SYS_PWRITE64, fd, bad, 10), unix.EFAULT)
	}
	t.fstat(fd, isSize(10))
}

// with makes the call with a bad path at one position and a good one at the other.
func (rc rawCall) with(at int, bad uintptr, good *byte) call {
	root.become()
	a := rc.args
	for _, p := range rc.path {
		a[p] = uintptr(unsafe.Pointer(good))
	}
	a[at] = bad
	_, _, errno := unix.Syscall6(rc.trap, a[0], a[1], a[2], a[3], a[4], 0)
	runtime.KeepAlive(good) // the array holds it as a number
	return rawResult(rc.name+" with a bad address", errno)
}

func rawIO(name string, trap uintptr, fd int, buf, size uintptr) call {
	root.become()
	_, _, errno := unix.Syscall6(trap, uintptr(fd), buf, size, 0, 0, 0)
	return rawResult(name+" with a bad address", errno)
}

func rawResult(what string, errno unix.Errno) call {
	if errno == 0 {
		return call{what, nil}
	}
	return call{what, errno}
}
