// Package notify tests the notifications against the real kernel: a filesystem in memory lets the kernel keep everything for an hour and writes down every
// request; a process uses it step by step; and what each notification changes shows in the requests that the next step causes. Every
// sentence about the kernel in the doc comments of package lowlevel's Notifier has a test here.
package notify

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
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
	lowlevel.SetLogger(libraryLog.logger())
	os.Exit(m.Run())
}
