// Mixed is a filesystem that is being ported from C to Go, one function at a time: what is not in Go yet is in handlers.c. Requests for that never come to Go.
//
// It shows the three ways in which the two work together:
//
//   - Read is in Go, and prevails over the one in C; the other members of the table stay C's;
//   - Read in Go hands some of its requests over to C, with struct fuse_file_info;
//   - getxattr in C has Go answer, on a goroutine.
//
// See docs/go-with-c.md.
package main

/*
#cgo pkg-config: fuse3
#include <stdlib.h>
#include "handlers.h"
*/
import "C"

import (
	"os"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const fileInGo = C.FILE_IN_GO

func main() {
	// What C keeps must be C's memory.
	settings := (*C.struct_settings)(C.calloc(1, C.sizeof_struct_settings))
	settings.text = C.CString("read in C\n")
	os.Exit(lowlevel.Main(&lowlevel.Program{
		Ops: &lowlevel.Ops{Read: read},
		Config: lowlevel.Config{C: lowlevel.COps{
			Ops:      unsafe.Pointer(&C.handlers),
			Size:     C.sizeof_struct_fuse_lowlevel_ops,
			Userdata: unsafe.Pointer(settings),
		}},
	}))
}

func read(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
	if ino != fileInGo {
		var cfi C.struct_fuse_file_info
		fi.ToC(unsafe.Pointer(&cfi))
		C.c_read(C.fuse_req_t(req.HandOver()), C.fuse_ino_t(ino), C.size_t(len(dst)), C.off_t(off), &cfi)
		return 0, nil // which nobody looks at
	}
	const text = "read in Go\n"
	return copy(dst, text[min(off, int64(len(text))):]), nil
}

// goGetxattr answers a getxattr that came to C: which part of the file's handlers is in Go.
//
//export goGetxattr
func goGetxattr(req C.fuse_req_t, ino C.fuse_ino_t, size C.size_t) {
	value := "no"
	if ino == fileInGo {
		value = "yes"
	}
	reply := lowlevel.AdoptRequest(unsafe.Pointer(req))
	go func() {
		if size == 0 {
			_ = reply.Xattr(uint64(len(value)))
			return
		}
		_ = reply.Buf([]byte(value)) // an error: the caller is gone
	}()
}
