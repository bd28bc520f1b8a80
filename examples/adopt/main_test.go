package main

import (
	"regexp"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

var embedded = exampletest.Embedded{Library: "notify", AfterSignal: 1, Check: check}

func TestProgram_Life(t *testing.T) { embedded.TestLife(t) }

var number = regexp.MustCompile(`^\d{10}$`)

// check sees the scores change, of which the kernel would keep what it has read for ever.
func check(t *testing.T, dir string) {
	t.Helper()
	if got, want := exampletest.Sh(t, dir, "ls; stat -c '%n %s %A' go; try cat none"),
		"chess\ngo\ntennis\ngo 11 -r--r--r--\ncat: none: No such file or directory\nexit code 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, game := range []string{"chess", "go", "tennis"} {
		first := exampletest.Sh(t, dir, "cat "+game)
		if !number.MatchString(first) {
			t.Fatalf("%s: got %q", game, first)
		}
		exampletest.Eventually(t, "the score changes", func() bool { return exampletest.Sh(t, dir, "cat "+game) > first })
	}
}
