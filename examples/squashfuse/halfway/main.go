// Halfway is squashfuse_ll in the middle of its port from C to Go: one mount, whose names, attributes, listings and open files are C's (libsquashfuse_ll, of Debian's package libsquashfuse-dev), and
// whose data, symbolic links and xattrs are Go's.
//
//	halfway [options] ARCHIVE MOUNTPOINT
//
// To move one more handler, delete its line in handlers.c and write one in main. ../README.md says which can be moved when.
package main

/*
#cgo pkg-config: squashfuse_ll fuse3
#include <stdlib.h>
#include "handlers.h"
*/
import "C"

import (
	"errors"
	"os"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/ll"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

type options struct {
	Image  string `fuse:"--image=%s"` // see ll.WithImage
	Offset uint64 `fuse:"offset=%lu"`
}

func main() {
	args, _ := ll.WithImage(os.Args)
	var o options
	var fs ll.LL
	p := &lowlevel.Program{
		Args:    args,
		Options: &o,
		// What is in Go.
		Ops: &lowlevel.Ops{
			Read:      fs.Read,
			Readlink:  fs.Readlink,
			Listxattr: fs.Listxattr,
			Getxattr:  fs.Getxattr,
		},
		Config: lowlevel.Config{
			// All else.
			C: lowlevel.COps{Ops: unsafe.Pointer(&C.handlers), Size: C.sizeof_struct_fuse_lowlevel_ops},
			// C's caches have no locks.
			SingleThread: true,
		},
	}
	p.Setup = func(*lowlevel.Cmdline) (err error) {
		if o.Image == "" {
			return errors.New("usage: halfway [options] ARCHIVE MOUNTPOINT")
		}
		if fs.FS, err = ll.Open(o.Image, o.Offset); err != nil {
			return err
		}
		p.Config.C.Userdata, err = openC(o.Image, o.Offset)
		return err
	}
	os.Exit(lowlevel.Main(p))
}

// openC opens the archive for the C handlers, and returns what they get from fuse_req_userdata: a sqfs_ll *. Go has opened it for itself: nothing needs to be shared, since a node ID says where the
// inode is in the archive, to C as to Go.
func openC(image string, offset uint64) (unsafe.Pointer, error) {
	path := C.CString(image)
	defer C.free(unsafe.Pointer(path))
	c := C.sqfs_ll_open(path, C.size_t(offset))
	if c == nil {
		return nil, errors.New("halfway: libsquashfuse cannot open the archive") // it has said why
	}
	return unsafe.Pointer(c), nil
}
