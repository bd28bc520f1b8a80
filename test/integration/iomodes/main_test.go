// Package iomodes tests the I/O modes of the kernel's FUSE (its Documentation/filesystems/fuse-io.rst, and those that came later): a filesystem
// writes down every request that it gets, a process uses it step by step, and what each step has caused is compared with what the mode
// promises. docs/iomodes.md lists the modes with the tests that show them.
package iomodes

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests. Started with "client" and a directory as arguments, the test binary is a client of the filesystem mounted
// there instead: a Go process must not use a mount that it serves.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "client" {
		if err := serveClient(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
