// Package cshim is the C side of go-libfuse3: all cgo, all C memory, all differences between libfuse versions. Import
// package lowlevel instead; nothing here is meant to be called by programs, and nothing is promised to stay.
//
// A request enters in ops.c, where libfuse calls back; passes to Go in export.go; and is answered in reply.c. receive.c and
// pool.c bring it from the kernel (standby.c and wait.c say by which thread, and how that waits); session.c holds the life of a session.
package cshim

/*
#cgo linux pkg-config: fuse3
#cgo CFLAGS: -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -std=gnu11
#cgo fusedebug CFLAGS: -DGF_POISON
#include "shim.h"
*/
import "C"
