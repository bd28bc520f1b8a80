package main

import (
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

var embedded = exampletest.Embedded{Library: "clock", AfterSignal: 8, Check: check}

func TestProgram_Life(t *testing.T) { embedded.TestLife(t) }

// check sees names and attributes, which are C's, and data, which is Go's. What Init in Go says of caching holds: else the time would stand still.
func check(t *testing.T, dir string) {
	t.Helper()
	if got, want := exampletest.Sh(t, dir, "ls -a; stat -c '%n %s %A' now; try cat none"),
		".\n..\nnow\nnow 20 -r--r--r--\ncat: none: No such file or directory\nexit code 1"; got != want {
		t.Errorf("from C: got\n%s\nwant\n%s", got, want)
	}
	first := exampletest.Sh(t, dir, "cat now")
	if _, err := time.Parse(time.DateTime, first); err != nil {
		t.Fatalf("from Go: got %q", first)
	}
	exampletest.Eventually(t, "the time goes on", func() bool { return exampletest.Sh(t, dir, "cat now") > first })
}
