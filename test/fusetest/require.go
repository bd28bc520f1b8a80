package fusetest

import (
	"os"
	"testing"
)

// RequireEnv is the environment variable that turns skipped tests into failures when it is "1", as CI sets it.
const RequireEnv = "FUSE_TEST_REQUIRE"

// RequireFUSE skips the test, with the reason, where /dev/fuse cannot be opened.
func RequireFUSE(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		Skip(t, "needs FUSE: %v", err)
		return
	}
	_ = f.Close()
}

// RequireRoot skips the test where it does not run as root.
func RequireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "needs root, runs as user %d", os.Geteuid())
	}
}

// Skip skips the test, or fails it where FUSE_TEST_REQUIRE is 1: then nothing may be missing.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf(RequireEnv+"=1: "+format, args...)
	}
	t.Skipf(format, args...)
}
