// Package ll has filesystems in Go for c/main.c, whose struct fuse_lowlevel_ops has every member that go-libfuse3.h has.
package main

import (
	"errors"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
)

// few are members that others stand in for.
var few = []string{"ForgetMulti", "ReadBuf", "WriteBuf"}

func init() {
	export("all", recorder.Inodes())
	export("few", recorder.Inodes(few...))
	export("buffers", recorder.Inodes("Read", "Write"))
	export("none", &lowlevel.Ops{})
	lowlevel.Export("fails", func(*lowlevel.Session) (*lowlevel.Ops, error) { return nil, errors.New("not today") })
	lowlevel.Export("panics", func(*lowlevel.Session) (*lowlevel.Ops, error) { panic("not today") })
}

func export(name string, ops *lowlevel.Ops) {
	lowlevel.Export(name, func(*lowlevel.Session) (*lowlevel.Ops, error) { return ops, nil })
}

func main() {}
