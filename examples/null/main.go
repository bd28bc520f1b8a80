// Command null is libfuse's example of that name in Go: a filesystem that is one file, and no directory. It is mounted on a file. What is written to
// it is gone, what is read from it are zeros, up to 4 GiB.
//
//	touch /tmp/file
//	null /tmp/file
//	head -c 16 /tmp/file | od -c
//	echo gone >/tmp/file
//	fusermount3 -u /tmp/file
//
// See that the path of the only file is "/", and that what is not needed (Readdir, Mkdir, ...) is not there: the kernel answers for it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

const size = 4 << 30

func main() {
	switch c, err := lowlevel.ParseCmdline(os.Args, nil); {
	case err != nil:
		os.Exit(1) // libfuse has said why
	case c.Mountpoint == "" && !c.ShowHelp && !c.ShowVersion:
		fmt.Fprintln(os.Stderr, "missing mountpoint parameter")
		os.Exit(1)
	}
	os.Exit(highlevel.Main(&highlevel.Program{
		Ops: &highlevel.Operations{
			Getattr:  getattr,
			Truncate: truncate,
			Read:     read,
			Write:    write,
		},
		Setup: checkMountpoint,
	}))
}

// checkMountpoint refuses a directory: the kernel would not take it for a file, nor this file for a directory.
func checkMountpoint(c *lowlevel.Cmdline) error {
	info, err := os.Stat(c.Mountpoint)
	switch {
	case err != nil:
		return fmt.Errorf("failed to access mountpoint: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("mountpoint is not a regular file")
	}
	return nil
}

func getattr(context.Context, string, *highlevel.FileInfo) (highlevel.Stat, error) {
	now := unix.Timespec{Sec: time.Now().Unix()}
	return highlevel.Stat{
		Mode: unix.S_IFREG | 0o644, Nlink: 1, UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		Size: size, Atim: now, Mtim: now, Ctim: now,
	}, nil
}

func truncate(context.Context, string, int64, *highlevel.FileInfo) error { return nil }

func read(_ context.Context, _ string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	dst = dst[:max(0, min(int64(len(dst)), size-off))]
	clear(dst)
	return len(dst), nil
}

func write(_ context.Context, _ string, data []byte, _ int64, _ *highlevel.FileInfo) (int, error) {
	return len(data), nil
}
