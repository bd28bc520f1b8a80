package exampletest

import (
	"os/exec"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Faked is the program under test, with a fake kernel to talk to.
type Faked struct {
	*fusetest.FakedProgram
	t testing.TB
}

// Fake starts the program under test with the options, -f and a fake kernel that says of itself what init says.
func Fake(t testing.TB, init fusetest.InitParams, options ...string) *Faked {
	t.Helper()
	return &Faked{fusetest.StartFaked(t, init, exec.Command(Self(t), append(options, "-f", "/dev/fd/3")...)), t}
}

// Lookup has the kernel look up a name in the root directory. It must exist.
func (f *Faked) Lookup(name string) {
	f.t.Helper()
	if r := f.MustCall(f.t, fusetest.Lookup(1, name)); r.Err() != nil {
		f.t.Fatalf("lookup of %s: %v", name, r)
	}
}

// Next returns the next notification.
func (f *Faked) Next() fusetest.Notification {
	f.t.Helper()
	n, err := f.Notification(20 * time.Second)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// End waits until the program has ended, and returns its exit code and all it has printed.
func (f *Faked) End() (code int, output string) {
	f.t.Helper()
	code, err := f.WaitEnd()
	if err != nil {
		f.t.Fatal(err)
	}
	return code, f.Output()
}
