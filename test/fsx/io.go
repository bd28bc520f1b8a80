package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// alignedBuffer starts on a page, as O_DIRECT needs.
func alignedBuffer(n int) []byte {
	b := make([]byte, n+pageSize)
	off := int(uintptr(unsafe.Pointer(&b[0])) % pageSize)
	if off != 0 {
		off = pageSize - off
	}
	return b[off : off+n]
}

// readFull reads until the buffer is full or the file ends. A short read on the way is allowed.
func readFull(fd int, buf []byte, off int64) (int, error) {
	n := 0
	for n < len(buf) {
		k, err := unix.Pread(fd, buf[n:], off+int64(n))
		if err != nil {
			return n, err
		}
		if k == 0 {
			break
		}
		n += k
		if n%pageSize != 0 && n < len(buf) {
			// With O_DIRECT there is no going on from here: it is the end of the file, or a fault that the comparison shows.
			k, err := unix.Pread(fd, buf[n:], off+int64(n))
			if err == unix.EINVAL || k == 0 {
				break
			}
			if err != nil {
				return n, err
			}
			n += k
		}
	}
	return n, nil
}

// writeFull wants all bytes written by one call: none of our filesystems is full.
func writeFull(fd int, data []byte, off int64) error {
	n, err := unix.Pwrite(fd, data, off)
	if err != nil {
		return err
	}
	if n != len(data) {
		return fmt.Errorf("wrote %d of %d bytes", n, len(data))
	}
	return nil
}
