package fusetest

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Watchdog guards a test that uses a mount. A test that hangs on a FUSE filesystem cannot be ended by go test's own timeout: the process
// that is killed stays, waiting for an answer. After d, Watchdog writes the stacks of all goroutines to stderr, aborts the connection
// of the filesystem at mountpoint, so that whoever waits for it gets ECONNABORTED, and fails the test. If the test has not
// ended after another d, it panics. mountpoint may be empty where nothing is mounted.
func Watchdog(t testing.TB, d time.Duration, mountpoint string) {
	t.Helper()
	var mu sync.Mutex
	ended := false
	bite := func() {
		mu.Lock()
		defer mu.Unlock()
		if ended { // a test must not be failed once it has ended
			return
		}
		dumpStacks(os.Stderr, fmt.Sprintf("%s: not done after %v", t.Name(), d))
		if mountpoint != "" {
			if err := Abort(mountpoint); err != nil {
				fmt.Fprintf(os.Stderr, "watchdog: %v\n", err)
			}
		}
		t.Errorf("watchdog: not done after %v", d)
	}
	first := time.AfterFunc(d, bite)
	last := time.AfterFunc(2*d, func() { panic(fmt.Sprintf("watchdog: %s: not done after %v", t.Name(), 2*d)) })
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		first.Stop()
		last.Stop()
	})
}

// dumpStacks writes the stacks of all goroutines.
func dumpStacks(w io.Writer, why string) {
	fmt.Fprintf(w, "\n=== %s\n%s\n=== end\n", why, allStacks())
}

func allStacks() []byte {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return buf[:n]
		}
		buf = make([]byte, 2*len(buf))
	}
}
