package mirror

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The functions below change the current thread only. Those of package unix and of the C library change all threads.
// The system calls do not block.

func seteuid(uid uint32) error {
	_, _, errno := unix.RawSyscall(sysSetresuid, uintptr(nobody), uintptr(uid), uintptr(nobody))
	return errnoOf(errno)
}

func setegid(gid uint32) error {
	_, _, errno := unix.RawSyscall(sysSetresgid, uintptr(nobody), uintptr(gid), uintptr(nobody))
	return errnoOf(errno)
}

func setgroups(gids []uint32) error {
	_, _, errno := unix.RawSyscall(sysSetgroups, uintptr(len(gids)), uintptr(unsafe.Pointer(unsafe.SliceData(gids))), 0)
	return errnoOf(errno)
}

// errnoOf makes an error of a system call's result.
func errnoOf(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
