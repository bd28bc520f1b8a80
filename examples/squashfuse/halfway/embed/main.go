// Package embed is the first step of the port: the program is C's (c/main.c, what squashfuse_ll's main does), and so are all handlers but those of symbolic links and xattrs, which share nothing with
// others.
//
//	go-libfuse3-build -n embed .
//	gcc -o squashfuse_ll c/main.c libembed.a $(pkg-config --cflags --libs go-libfuse3 squashfuse_ll)
//
// See docs/c-program.md.
package main

/*
#include <squashfuse/ll.h>
*/
import "C"

import (
	"fmt"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/ll"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func init() { lowlevel.Export("squashfuse", open) }

// open is called with the first request. It opens the archive once more, for Go: what C has open, under whatever name.
func open(s *lowlevel.Session) (*lowlevel.Ops, error) {
	c := (*C.sqfs_ll)(s.Userdata())
	archive, err := ll.Open(fmt.Sprintf("/proc/self/fd/%d", c.fs.fd), uint64(c.fs.offset))
	if err != nil {
		return nil, err
	}
	fs := ll.LL{FS: archive}
	return &lowlevel.Ops{Readlink: fs.Readlink, Listxattr: fs.Listxattr, Getxattr: fs.Getxattr}, nil
}

func main() {}
