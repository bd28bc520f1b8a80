package main

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

const (
	script = "ls; cat c go; getfattr --only-values -n user.ported c; getfattr --only-values -n user.ported go; try stat none; stat -c '%s %A' c"
	want   = "c\ngo\nread in C\nread in Go\nnoyesstat: cannot statx 'none': No such file or directory\nexit code 1\n4096 -r--r--r--"
)

// TestMixed_BothAnswer: names and attributes are C's, data is of either, handed over from Go to C; the attribute is read in C and answered in Go.
func TestMixed_BothAnswer(t *testing.T) {
	for _, options := range [][]string{nil, {"-s"}, {"-oclone_fd"}} {
		p := exampletest.Mount(t, exampletest.Self(t), options...)
		if got := exampletest.Sh(t, p.Mountpoint, script); got != want {
			t.Errorf("%v: got\n%s\nwant\n%s", options, got, want)
		}
		if err := p.StopBy(p.Unmount); err != nil {
			t.Errorf("%v: %v", options, err)
		}
		if out := p.Output(); out != "" {
			t.Errorf("%v: got output %q", options, out)
		}
	}
}

func TestMixed_Background(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		if got := exampletest.Sh(t, dir, script); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
