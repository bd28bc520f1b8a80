package exampletest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// LikeC runs the program under test and the C program of that name side by side: command lines (with more wrong ones in bad, where DIR is a
// directory), what a script sees on mounts with the options given, and how they end.
func LikeC(t *testing.T, name string, bad [][]string, options []string, script string) {
	ours, theirs := Self(t), C(t, name)
	t.Run("CommandLine", func(t *testing.T) { likeCommandLine(t, name, ours, theirs, bad) })
	t.Run("Version", func(t *testing.T) { likeVersion(t, name, ours, theirs) })
	t.Run("Use", func(t *testing.T) { likeUse(t, ours, theirs, options, script) })
	t.Run("Ends", func(t *testing.T) { likeEnds(t, ours, theirs, options) })
}

func likeCommandLine(t *testing.T, name, ours, theirs string, bad [][]string) {
	dir := t.TempDir()
	for _, args := range append([][]string{
		{"-X", "DIR"},
		{"DIR", "--no-such-option"},
		{"-o", "no_such_option,ro", "DIR"},
		{"DIR", "another"},
		{"DIR/none"},
		{"none/of/these"},
		{"-o"},
	}, bad...) {
		line := strings.Join(args, " ")
		args = slices.Clone(args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "DIR", dir)
		}
		got, want := Run(t, ours, name, dir, args...), Run(t, theirs, name, dir, args...)
		if got != want {
			t.Errorf("%s %s:\ngot:  %+v\nwant: %+v", name, line, got, want)
		}
	}
}

// likeVersion does not ask for the order of the lines. Those of fusermount3 come when it runs, those of libfuse when C's stdio has them
// written.
func likeVersion(t *testing.T, name, ours, theirs string) {
	for _, arg := range []string{"-V", "--version"} {
		got, want := Run(t, ours, name, "", arg), Run(t, theirs, name, "", arg)
		got.Stdout, want.Stdout = sorted(got.Stdout), sorted(want.Stdout)
		if got != want {
			t.Errorf("%s %s:\ngot:  %+v\nwant: %+v", name, arg, got, want)
		}
	}
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func likeUse(t *testing.T, ours, theirs string, options []string, script string) {
	for _, more := range [][]string{nil, {"-s"}, {"-o", "ro,fsname=clock,subtype=words"}} {
		args := append(slices.Clone(options), more...)
		a, b := Mount(t, ours, args...), Mount(t, theirs, args...)
		if got, want := Sh(t, a.Mountpoint, script), Sh(t, b.Mountpoint, script); got != want {
			t.Errorf("%v:\ngot:\n%s\nwant:\n%s", args, got, want)
		}
	}
}

func likeEnds(t *testing.T, ours, theirs string, options []string) {
	fusetest.RequireFUSE(t)
	for what, end := range map[string]func(*fusetest.Program) error{
		"SIGTERM": (*fusetest.Program).Stop,
		"unmount": func(p *fusetest.Program) error { return p.StopBy(p.Unmount) },
	} {
		var codes []int
		for _, program := range []string{ours, theirs} {
			p := fusetest.StartProgram(t, append([]string{program}, options...)...)
			if err := end(p); err != nil {
				t.Error(err)
			}
			codes = append(codes, p.Cmd.ProcessState.ExitCode())
		}
		if codes[0] != codes[1] {
			t.Errorf("exit code after %s: got %d, want %d", what, codes[0], codes[1])
		}
	}
}

// CheckHelp checks -h: it must name all options.
func CheckHelp(t *testing.T, name string, options ...string) {
	t.Helper()
	for _, args := range [][]string{{"-h"}, {"--help"}, {"--help", "--no-such-option"}} {
		out := Run(t, Self(t), name, "", args...)
		if out.Code != 0 || out.Stderr != "" {
			t.Errorf("%v: got %+v, want exit code 0", args, out)
		}
		for _, want := range append([]string{"usage: " + name + " [options] <mountpoint>\n", "-o allow_other", "-s  "}, options...) {
			if !strings.Contains(out.Stdout, want) {
				t.Errorf("%v: %q is not in:\n%s", args, want, out.Stdout)
			}
		}
	}
	if out := Run(t, Self(t), name, ""); out.Code != 1 || !strings.HasPrefix(out.Stdout, "usage: "+name+" ") {
		t.Errorf("without arguments: got %+v, want exit code 1 and the usage", out)
	}
}

// Background mounts the program under test without -f, calls check with the mountpoint, and unmounts it: then the server must end.
func Background(t *testing.T, check func(dir string), options ...string) {
	t.Helper()
	BackgroundOf(t, Self(t), check, options...)
}

// BackgroundOf is Background for any program.
func BackgroundOf(t *testing.T, program string, check func(dir string), options ...string) {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(dir); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, watchdog, dir)
	if out := Run(t, program, "clock", "", append(options, dir)...); out != (Outcome{}) {
		t.Fatalf("got %+v, want exit code 0 and no output", out)
	}
	if m, err := fusetest.FindMount(dir); m == nil || err != nil {
		t.Fatalf("not mounted when the parent has ended: %v", err)
	}
	check(dir)
	if pids := Servers(t, dir); len(pids) != 1 {
		t.Errorf("processes of the server: got %v, want one", pids)
	}
	fusetest.Run(t, time.Minute, "fusermount3", "-u", dir)
	Eventually(t, "the server ends", func() bool { return len(Servers(t, dir)) == 0 })
}

// CheckEnds ends the program under test while it notifies all the time, by an unmount (exit code 0) and by a signal (1). It must not complain.
func CheckEnds(t *testing.T, options ...string) {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	for _, threads := range []string{"-s", "-omax_threads=4"} {
		for end, code := range map[string]int{"unmount": 0, "SIGTERM": 1} {
			args := append([]string{Self(t), "--update-interval=0", threads}, options...)
			p := fusetest.StartProgram(t, args...)
			Sh(t, p.Mountpoint, "for i in {1..20}; do ls; cat current_time; done || true")
			stop := p.Stop
			if end == "unmount" {
				stop = func() error { return p.StopBy(p.Unmount) }
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if got := p.Cmd.ProcessState.ExitCode(); got != code {
				t.Errorf("%s, %s: got exit code %d, want %d", threads, end, got, code)
			}
			if said := strings.ReplaceAll(p.Output(), "prune sent\n", ""); strings.ReplaceAll(said, "prune complete\n", "") != "" {
				t.Errorf("%s, %s: got output:\n%.1000s", threads, end, said)
			}
		}
	}
}
