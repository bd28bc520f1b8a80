package fusetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Program is a filesystem that runs as a process of its own.
type Program struct {
	// Mountpoint is where it is mounted.
	Mountpoint string
	// Cmd is the process.
	Cmd *exec.Cmd

	output    lockedBuffer
	exited    chan struct{} // closed when the process has ended
	err       error         // of Wait
	once      sync.Once
	stop      error
	signalled bool // by Stop
}

const (
	mountTimeout = 20 * time.Second // for a mount to appear
	stopTimeout  = 20 * time.Second // for a program to end and its mount to go
)

// StartProgram starts the filesystem program args[0] with the arguments args[1:], followed by -f and a new directory, waits until it
// is mounted there, and stops it at the end of the test (see Stop). The test fails if it cannot be mounted, or does not end
// cleanly: a good exit code, and neither process nor mount left.
func StartProgram(t testing.TB, args ...string) *Program {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return StartProgramAt(t, dir, append(args[:len(args):len(args)], "-f", dir)...)
}

// StartProgramAt is StartProgram with all arguments given, -f and the mountpoint among them. dir is where the mount will appear.
func StartProgramAt(t testing.TB, dir string, args ...string) *Program {
	t.Helper()
	return StartCommand(t, dir, exec.Command(args[0], args[1:]...))
}

// StartCommand is StartProgramAt for a command that is not an ordinary one. Its output is the Program's.
func StartCommand(t testing.TB, dir string, cmd *exec.Cmd) *Program {
	t.Helper()
	p, err := startProgram(dir, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", p.Cmd, p.Output())
		}
	})
	return p
}

func startProgram(dir string, cmd *exec.Cmd) (*Program, error) {
	p := &Program{Mountpoint: dir, Cmd: cmd, exited: make(chan struct{})}
	p.Cmd.Stdout, p.Cmd.Stderr = &p.output, &p.output
	p.Cmd.WaitDelay = time.Second // for children that hold on to the output
	if err := p.Cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.Cmd.Wait()
		close(p.exited)
	}()
	if err := p.waitMounted(); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func (p *Program) waitMounted() error {
	var mount *Mount
	var err error
	waitFor(mountTimeout, func() bool {
		mount, err = FindMount(p.Mountpoint)
		return mount != nil || err != nil || p.ended()
	})
	switch {
	case err != nil:
		return err
	case mount == nil && p.ended():
		return fmt.Errorf("%s: ended before it was mounted: %v\n%s", p.Cmd, p.err, p.Output())
	case mount == nil:
		return fmt.Errorf("%s: not mounted after %v\n%s", p.Cmd, mountTimeout, p.Output())
	}
	return nil
}

// Output returns what the program has written to stdout and stderr so far.
func (p *Program) Output() string { return p.output.String() }

// Exited is closed when the process has ended; then [Program.Err] tells how.
func (p *Program) Exited() <-chan struct{} { return p.exited }

// Err returns what os/exec's Wait has returned. It must not be called before Exited is closed.
func (p *Program) Err() error { return p.err }

func (p *Program) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Stop ends the program by SIGTERM, unless it has ended already, and checks that it ends well and leaves nothing. Further calls
// return what the first one did. Exit codes 1 and 8 are well, too: that is what programs of libfuse's low-level API and of fuse_main return after a signal.
func (p *Program) Stop() error { return p.StopBySignal(unix.SIGTERM) }

// StopBySignal is Stop by another signal.
func (p *Program) StopBySignal(signal os.Signal) error {
	return p.StopBy(func() error {
		p.signalled = true
		return p.Cmd.Process.Signal(signal)
	})
}

// endedWell tells whether the exit code is as it should be.
func (p *Program) endedWell() bool {
	code := p.Cmd.ProcessState.ExitCode()
	return p.err == nil || p.signalled && (code == 1 || code == 8)
}

// Terminate sends SIGTERM.
func (p *Program) Terminate() error { return p.Cmd.Process.Signal(unix.SIGTERM) }

// Unmount unmounts with umount(8) as root, else with fusermount3 -u.
func (p *Program) Unmount() error {
	name, args := "umount", []string{p.Mountpoint}
	if os.Geteuid() != 0 {
		name, args = "fusermount3", []string{"-u", p.Mountpoint}
	}
	_, err := Command{Timeout: stopTimeout}.Run(name, args...)
	return err
}

// StopBy is Stop by another way than SIGTERM, such as Unmount.
func (p *Program) StopBy(end func() error) error {
	p.once.Do(func() { p.stop = p.stopBy(end) })
	return p.stop
}

func (p *Program) stopBy(end func() error) error {
	var errs []error
	if !p.ended() {
		if err := end(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	select {
	case <-p.exited:
		if !p.endedWell() {
			errs = append(errs, fmt.Errorf("%s: %w\n%s", p.Cmd, p.err, p.Output()))
		}
	case <-time.After(stopTimeout):
		errs = append(errs, fmt.Errorf("%s: has not ended %v after it was told to\n%s", p.Cmd, stopTimeout, p.Output()))
	}
	gone := func() bool {
		m, err := FindMount(p.Mountpoint)
		return m == nil && err == nil
	}
	if len(errs) == 0 && waitFor(stopTimeout, gone) {
		return nil
	}
	if !gone() {
		errs = append(errs, fmt.Errorf("%s: mount left at %s", p.Cmd, p.Mountpoint))
	}
	return errors.Join(append(errs, p.Kill())...)
}

// Kill ends everything by force: it aborts the connection, kills the process and unmounts. It is for the end of a test that went
// wrong, or one whose program is to die.
func (p *Program) Kill() error {
	if m, err := FindMount(p.Mountpoint); err == nil && m != nil {
		_ = Abort(p.Mountpoint) // else the process may hang in the kernel and outlive its death
	}
	_ = p.Cmd.Process.Kill()
	select {
	case <-p.exited:
	case <-time.After(killGrace):
		return fmt.Errorf("%s: process %d does not die", p.Cmd, p.Cmd.Process.Pid)
	}
	return ForceUnmount(p.Mountpoint)
}

// ForceUnmount detaches every FUSE filesystem that is mounted at dir, dead or alive.
func ForceUnmount(dir string) error {
	for {
		m, err := FindMount(dir)
		if err != nil || m == nil {
			return err
		}
		if unix.Unmount(m.Point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
			continue
		}
		if _, err := (Command{Timeout: stopTimeout}).Run("fusermount3", "-u", "-z", m.Point); err != nil {
			return err
		}
	}
}

// Build builds the Go command pkg (an import path or directory) and returns the path of the program. flags go to go build.
func Build(t testing.TB, pkg string, flags ...string) string {
	t.Helper()
	dir, err := filepath.Abs(pkg) // so that "." has a name
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(dir), ".go"))
	args := append([]string{"build", "-o", out}, flags...)
	Run(t, 10*time.Minute, "go", append(args, pkg)...)
	return out
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
