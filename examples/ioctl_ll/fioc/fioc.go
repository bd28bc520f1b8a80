// Package fioc has what ioctl_ll and ioctl_ll_client must agree on: the numbers and arguments of their ioctls. It is ioctl.h of
// libfuse's examples.
package fioc

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Size is C's size_t.
type Size = uintptr

// An ioctl's number says in its upper half how many bytes the kernel is to move in which direction, in a way that is not the same on
// all machines. These are numbers for a size_t that comes out, one that goes in, and nothing.
const (
	ior = unix.BLKBSZGET &^ 0xffff // _IOR(?, ?, size_t)
	iow = unix.BLKBSZSET &^ 0xffff // _IOW(?, ?, size_t)
	ion = unix.BLKRRPART &^ 0xffff // _IO(?, ?)
)

// The ioctls. The numbers of Read and Write do not tell how many bytes they move: their argument does.
const (
	GetSize = ior | 'E'<<8     // FIOC_GET_SIZE, the one with number 0
	SetSize = iow | 'E'<<8 | 1 // FIOC_SET_SIZE
	Read    = ion | 'E'<<8 | 2 // FIOC_READ
	Write   = ion | 'E'<<8 | 3 // FIOC_WRITE
)

// RWArg is the argument of Read and Write: struct fioc_rw_arg.
type RWArg struct {
	Offset int64
	Buf    uintptr // address of the caller's buffer
	Size   Size    // and its length
	Sizes  RWSizes // out
}

// RWSizes are the file's size before and after.
type RWSizes struct{ Prev, New Size }

// MaxSize is how large the file can get.
const MaxSize = 1 << 30

// Bytes returns the memory of v, a number or struct: what is written to the one is seen in the other.
func Bytes[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
