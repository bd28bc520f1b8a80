package fusetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// FakedProgram is a filesystem that runs as a process of its own, with a Kernel in place of Linux.
type FakedProgram struct {
	*Kernel
	// Init is its answer to INIT.
	Init InitOut
	// Cmd is the process.
	Cmd *exec.Cmd

	output lockedBuffer
	exited chan struct{} // closed when the process has ended
}

// StartFaked starts a filesystem program with a fake kernel, which begins as init says, and kills it at the end of the test, unless it has ended. The mountpoint on its command line must be
// /dev/fd/3: that descriptor is where the Kernel is, and those of cmd.ExtraFiles come after it. It must stay in the foreground. INIT is done when StartFaked returns.
func StartFaked(t testing.TB, init InitParams, cmd *exec.Cmd) *FakedProgram {
	t.Helper()
	k, fd := NewKernel(t)
	theirs := os.NewFile(uintptr(fd), "fake kernel")
	defer theirs.Close()
	p := &FakedProgram{Kernel: k, Cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	cmd.WaitDelay = time.Second // for children that hold on to the output
	cmd.ExtraFiles = append([]*os.File{theirs}, cmd.ExtraFiles...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("output of %s:\n%s", cmd, p.Output())
		}
	})
	err := k.SendInit(init)
	if err == nil {
		p.Init, err = k.InitReply()
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, p.Output())
	}
	return p
}

// Output returns what the program has written to stdout and stderr so far.
func (p *FakedProgram) Output() string { return p.output.String() }

// Exited is closed when the process has ended.
func (p *FakedProgram) Exited() <-chan struct{} { return p.exited }

// Unmount ends the connection, as an unmount does, and waits for the program to end. Its error is that of the protocol's rules (see [Kernel.Violations]), or of a program that goes on.
func (p *FakedProgram) Unmount() error {
	err := p.Close()
	_, ended := p.WaitEnd()
	return errors.Join(err, ended)
}

// WaitEnd waits for the program to end, and returns its exit code (-1: a signal).
func (p *FakedProgram) WaitEnd() (code int, err error) {
	select {
	case <-p.exited:
		return p.Cmd.ProcessState.ExitCode(), nil
	case <-time.After(stopTimeout):
		return 0, fmt.Errorf("%s: has not ended within %v\n%s", p.Cmd, stopTimeout, p.Output())
	}
}
