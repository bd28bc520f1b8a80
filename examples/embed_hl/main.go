// Package embed_hl is what examples/embed is, by paths: the data of a file, in Go, for the C program c/main.c, which uses fuse_main of libfuse's high-level library and has the rest of the filesystem.
//
//	go-libfuse3-build -n clock .
//	gcc -o clock c/main.c libclock.a $(pkg-config --cflags --libs go-libfuse3)
//
// See docs/c-program.md.
package main

import (
	"context"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

func init() {
	highlevel.Export("clock", func(*lowlevel.Session) (*highlevel.Operations, error) {
		return &highlevel.Operations{Init: start, Read: read}, nil
	})
}

// start says what the kernel is to keep: nothing, as the time changes.
func start(_ *highlevel.ConnInfo, cfg *highlevel.Config) any {
	cfg.DirectIO = true
	return nil
}

func read(_ context.Context, path string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	if path != "/now" {
		return 0, unix.ENOENT
	}
	text := time.Now().Format(time.DateTime) + "\n"
	return copy(dst, text[min(off, int64(len(text))):]), nil
}

func main() {}
