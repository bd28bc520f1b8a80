package fusetest

import (
	"testing"
	"time"
)

// pollInterval is short against what tests wait for and long against what a look costs.
const pollInterval = 5 * time.Millisecond

// Eventually waits until ok returns true, asking every few milliseconds, and fails the test at once when it has not within
// timeout. what says what is waited for.
func Eventually(t testing.TB, timeout time.Duration, what string, ok func() bool) {
	t.Helper()
	if !waitFor(timeout, ok) {
		t.Fatalf("not within %v: %s", timeout, what)
	}
}

// waitFor reports whether ok returned true before the timeout.
func waitFor(timeout time.Duration, ok func() bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			return ok()
		case <-tick.C:
		}
	}
	return true
}
