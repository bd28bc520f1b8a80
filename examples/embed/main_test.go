package main

import (
	"regexp"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

var embedded = exampletest.Embedded{Library: "ticks", AfterSignal: 1, Check: check}

func TestProgram_Life(t *testing.T) { embedded.TestLife(t) }

var number = regexp.MustCompile(`^\d{10}$`)

// check sees names and attributes, which are C's, and data, which is Go's, and changes. The kernel would keep what it has read for ever.
func check(t *testing.T, dir string) {
	t.Helper()
	if got, want := exampletest.Sh(t, dir, "ls -a; stat -c '%n %s %A' ticks; try cat none"),
		".\n..\nticks\nticks 11 -r--r--r--\ncat: none: No such file or directory\nexit code 1"; got != want {
		t.Errorf("from C: got\n%s\nwant\n%s", got, want)
	}
	first := exampletest.Sh(t, dir, "cat ticks")
	if !number.MatchString(first) {
		t.Fatalf("from Go: got %q", first)
	}
	exampletest.Eventually(t, "the content changes", func() bool { return exampletest.Sh(t, dir, "cat ticks") > first })
}
