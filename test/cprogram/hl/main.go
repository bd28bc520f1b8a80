// Package hl has filesystems in Go for c/main.c, whose struct fuse_operations has every member that go-libfuse3.h has.
package main

import (
	"errors"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
)

func init() {
	export("all", recorder.Paths())
	export("plain", recorder.Paths("ReadBuf", "WriteBuf"))
	export("buffers", recorder.Paths("Read", "Write"))
	export("none", &highlevel.Operations{})
	highlevel.Export("fails", func(*lowlevel.Session) (*highlevel.Operations, error) { return nil, errors.New("not today") })
	highlevel.Export("panics", func(*lowlevel.Session) (*highlevel.Operations, error) { panic("not today") })
}

func export(name string, ops *highlevel.Operations) {
	highlevel.Export(name, func(*lowlevel.Session) (*highlevel.Operations, error) { return ops, nil })
}

func main() {}
