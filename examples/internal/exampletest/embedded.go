package exampletest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Embedded is a C program with Go in it.
type Embedded struct {
	Library string // what its library is called
	// AfterSignal is its exit code.
	AfterSignal int
	// Check uses the filesystem at dir.
	Check func(t *testing.T, dir string)
}

// Build compiles c/main.c with the library.
func (e *Embedded) Build(t testing.TB, how cprogram.Linking) string {
	t.Helper()
	return cprogram.Build(t, ".", e.Library).Program(t, how, "c/main.c")
}

// TestLife runs the program in all the ways it can be linked, run and ended.
func (e *Embedded) TestLife(t *testing.T) {
	for _, how := range cprogram.Linkings {
		t.Run(how.String(), func(t *testing.T) {
			program := e.Build(t, how)
			t.Run("Foreground", func(t *testing.T) { e.testForeground(t, program) })
			t.Run("Background", func(t *testing.T) { e.testBackground(t, program) })
			t.Run("Signals", func(t *testing.T) { e.testSignals(t, program) })
			t.Run("Errors", func(t *testing.T) { e.testErrors(t, program) })
		})
	}
}

func (e *Embedded) testForeground(t *testing.T, program string) {
	for _, options := range [][]string{nil, {"-s"}, {"-oclone_fd"}} {
		p := Mount(t, program, options...)
		e.Check(t, p.Mountpoint)
		if err := p.StopBy(p.Unmount); err != nil {
			t.Errorf("%v: %v", options, err)
		}
		if code := p.Cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%v: got exit code %d after the unmount, want 0", options, code)
		}
	}
}

// testBackground: Go starts after the fork.
func (e *Embedded) testBackground(t *testing.T, program string) {
	for _, options := range [][]string{nil, {"-s"}} {
		BackgroundOf(t, program, func(dir string) { e.Check(t, dir) }, options...)
	}
}

func (e *Embedded) testSignals(t *testing.T, program string) {
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		p := fusetest.StartProgram(t, program)
		fusetest.Watchdog(t, watchdog, p.Mountpoint)
		Sh(t, p.Mountpoint, "ls; cat *")
		if err := p.StopBySignal(signal); err != nil {
			t.Errorf("%v: %v", signal, err)
		}
		if code := p.Cmd.ProcessState.ExitCode(); code != e.AfterSignal {
			t.Errorf("%v: got exit code %d, want %d", signal, code, e.AfterSignal)
		}
		if out := withoutTheirs(p.Output()); out != "" {
			t.Errorf("%v: got output %q", signal, out)
		}
	}
}

func (e *Embedded) testErrors(t *testing.T, program string) {
	dir := t.TempDir()
	for _, tt := range []struct {
		what string
		args []string
	}{
		{"a bad option", []string{"-o", "no_such_option", dir}},
		{"no mountpoint", nil},
		{"a mountpoint that does not exist", []string{filepath.Join(dir, "none")}},
		{"a mountpoint that does not exist, in the foreground", []string{"-f", filepath.Join(dir, "none")}},
	} {
		out := Run(t, program, "clock", "", tt.args...)
		if out.Code <= 0 || out.Stderr == "" {
			t.Errorf("%s: got %+v, want an exit code and a message", tt.what, out)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("after all: got %v, %v in the directory", entries, err)
	}
}
