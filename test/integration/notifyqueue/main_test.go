// Package notifyqueue tests lowlevel.NotifyQueue on real mounts: where directories are blocked in the kernel, and under load.
package notifyqueue

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests. Started with "client" and a directory as arguments, the test binary is a client of the filesystem mounted there
// instead: a Go process must not use a mount that it serves.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "client" {
		fmt.Println(runClient(os.Args[2], os.Stdin))
		os.Exit(0)
	}
	os.Exit(m.Run())
}
