package fusetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs a command and returns what it wrote to stdout and stderr. It fails the test at once when the command fails or takes
// longer than timeout. What a test does with a mount belongs into such a process: a Go program that uses a filesystem of its own
// can deadlock with itself.
func Run(t testing.TB, timeout time.Duration, name string, args ...string) string {
	t.Helper()
	out, err := Command{Timeout: timeout}.Run(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// RunError is Run for a command that may fail: it returns the error instead, an *exec.ExitError for an exit code other than 0.
func RunError(t testing.TB, timeout time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	return Command{Timeout: timeout}.Run(name, args...)
}

// Command says how to run a command.
type Command struct {
	// Timeout is for the whole run; 0: a minute.
	Timeout time.Duration
	// Dir is where to run it; "": here.
	Dir string
	// Env is its environment; nil: ours.
	Env []string
	// Stdin is what it reads.
	Stdin []byte
	// Setup, when not nil, may change the command before it is started.
	Setup func(*exec.Cmd)
}

// Run runs a command and returns what it wrote to stdout and stderr. On timeout the command and the processes it started are
// killed; one that hangs in the kernel for good is left behind, and named in the error.
func (c Command) Run(name string, args ...string) (string, error) {
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second // for grandchildren that hold on to the output
	if c.Setup != nil {
		c.Setup(cmd)
	}
	err := runDetached(ctx, cmd)
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		err = fmt.Errorf("%s: killed after %v: %w\n%s", cmd, c.Timeout, ctx.Err(), out.String())
	default:
		err = fmt.Errorf("%s: %w\n%s", cmd, err, out.String())
	}
	return out.String(), err
}

// killGrace is how long a killed process may take to go away.
const killGrace = 5 * time.Second

// runDetached is cmd.Run, but gives up on a process that does not die.
func runDetached(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(killGrace):
		return fmt.Errorf("process %d does not die", cmd.Process.Pid)
	}
}

// ExitCode returns the exit code in an error of Run, 0 for nil, and -1 for any other error.
func ExitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}
