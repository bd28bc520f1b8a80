package exampletest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Faked is the program under test, with a fake kernel to talk to.
type Faked struct {
	*fusetest.Kernel

	t      testing.TB
	cmd    *exec.Cmd
	exited chan struct{}
	out    bytes.Buffer // to be read after exited
}

// Fake starts the program under test with the options, -f and a fake kernel that says of itself what init says.
func Fake(t testing.TB, init fusetest.InitParams, options ...string) *Faked {
	t.Helper()
	k, fd := fusetest.NewKernel(t)
	theirs := os.NewFile(uintptr(fd), "fake kernel")
	defer theirs.Close()
	f := &Faked{Kernel: k, t: t, exited: make(chan struct{})}
	f.cmd = exec.Command(Self(t), append(options, "-f", "/dev/fd/3")...)
	f.cmd.Stdout, f.cmd.Stderr = &f.out, &f.out
	f.cmd.ExtraFiles = []*os.File{theirs}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.exited)
		_ = f.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = f.cmd.Process.Kill()
		<-f.exited
	})
	if err := k.SendInit(init); err != nil {
		t.Fatal(err)
	}
	if _, err := k.InitReply(); err != nil {
		t.Fatal(err)
	}
	return f
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
	select {
	case <-f.exited:
	case <-time.After(20 * time.Second):
		f.t.Fatalf("%s does not end", f.cmd)
	}
	return f.cmd.ProcessState.ExitCode(), f.out.String()
}
