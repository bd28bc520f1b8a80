package main

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fill makes or replaces a file's content as root.
func (t *T) fill(p, content string) {
	fd, c := root.openFD(p, unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC, 0o644)
	defer closeFD(fd)
	if !t.ok(c) {
		return
	}
	for off := 0; off < len(content); {
		n, err := unix.Pwrite(fd, []byte(content[off:]), int64(off))
		if err != nil || n <= 0 {
			t.fail("write %s: %d, %v", clip(p), n, err)
			return
		}
		off += n
	}
}

// content asserts all bytes of a file.
func (t *T) content(p, want string) {
	fd, c := root.openFD(p, unix.O_RDONLY, 0)
	defer closeFD(fd)
	if !t.ok(c) {
		return
	}
	var got strings.Builder
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			t.fail("read %s: %v", clip(p), err)
			return
		}
		if n == 0 {
			break
		}
		got.Write(buf[:n])
	}
	t.assert(got.String() == want, "content of %s: %s", clip(p), differenceOf(got.String(), want))
}

func differenceOf(got, want string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %d is %#x, want %#x (%d bytes, want %d)", i, got[i], want[i], len(got), len(want))
		}
	}
	return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
}

// procFD is a path to an open file of the calling thread.
func procFD(fd int) string { return fmt.Sprintf("/proc/thread-self/fd/%d", fd) }

// futimens is utimensat on a descriptor, which package unix has no call for.
func futimens(w who, fd int, ts [2]unix.Timespec) call {
	return w.do(func() error {
		_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts[0])), 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	}, "futimens(%s, %s)", timeName(ts[0]), timeName(ts[1]))
}

// parseDirents reads struct linux_dirent64: u64 ino, s64 off, u16 length, u8 type, name with a NUL.
func parseDirents(b []byte) []dirent {
	var all []dirent
	for len(b) >= 19 {
		length := int(binary.NativeEndian.Uint16(b[16:]))
		if length < 19 || length > len(b) {
			break
		}
		name, _, _ := strings.Cut(string(b[19:length]), "\x00")
		all = append(all, dirent{name, binary.NativeEndian.Uint64(b), int64(binary.NativeEndian.Uint64(b[8:])), b[18]})
		b = b[length:]
	}
	return all
}

// limitFileSize sets RLIMIT_FSIZE until the returned func runs.
func limitFileSize(t *T, size uint64) func() {
	var old unix.Rlimit
	root.become()
	t.ok(call{"getrlimit", unix.Getrlimit(unix.RLIMIT_FSIZE, &old)})
	t.ok(call{"setrlimit", unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: old.Max})})
	return func() {
		root.become()
		t.ok(call{"setrlimit", unix.Setrlimit(unix.RLIMIT_FSIZE, &old)})
	}
}
