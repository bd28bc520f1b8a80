// Package besidec runs the examples that go by paths beside those of C that they stand in for.
package besidec

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// wrong are command lines that no program takes. DIR is a directory.
var wrong = [][]string{
	{"-X", "DIR"},
	{"DIR", "--no-such-option"},
	{"-o", "no_such_option,ro", "DIR"},
	{"DIR", "another"},
	{"DIR/none"},
	{"none/of/these"},
	{"-o"},
}

// CommandLine compares what the program under test and the C program of that name say and return of wrong command lines, with more of them in more.
func CommandLine(t *testing.T, name string, more ...[]string) {
	t.Helper()
	compare(t, name, slices.Concat(wrong, more))
}

// Version compares -V.
func Version(t *testing.T, name string) {
	t.Helper()
	compare(t, name, [][]string{{"-V"}, {"--version"}})
}

func compare(t *testing.T, name string, lines [][]string) {
	t.Helper()
	ours, theirs := exampletest.Self(t), exampletest.C(t, name)
	dir := t.TempDir()
	for _, line := range lines {
		args := slices.Clone(line)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "DIR", dir)
		}
		got, want := exampletest.Run(t, ours, name, dir, args...), exampletest.Run(t, theirs, name, dir, args...)
		if plain(got) != plain(want) {
			t.Errorf("%s %s:\ngot:  %+v\nwant: %+v", name, strings.Join(line, " "), got, want)
		}
	}
}

// plain leaves out the order of lines, which fusermount3 and C's stdio decide.
func plain(o exampletest.Outcome) exampletest.Outcome {
	lines := strings.SplitAfter(o.Stdout, "\n")
	slices.Sort(lines)
	o.Stdout = strings.Join(lines, "")
	return o
}

var option = regexp.MustCompile(`(?m)^ +(-o \S+?=|-o \S+|-\S+(?: +--\w+)?)`)

// Help checks that -h names all options that the C program names.
func Help(t *testing.T, name string) {
	t.Helper()
	ours, theirs := exampletest.Self(t), exampletest.C(t, name)
	want := option.FindAllString(exampletest.Run(t, theirs, name, "", "-h").Stdout, -1)
	if len(want) < 20 {
		t.Fatalf("C's options: got %q", want)
	}
	for _, arg := range []string{"-h", "--help"} {
		got := exampletest.Run(t, ours, name, "", arg)
		if first := "usage: " + name + " [options] <mountpoint>\n"; got.Code != 0 || got.Stderr != "" || !strings.HasPrefix(got.Stdout, first) {
			t.Errorf("%s: got %+v, want exit code 0, and %q first", arg, got, first)
		}
		has := option.FindAllString(got.Stdout, -1)
		for _, w := range want {
			if w, _, _ = strings.Cut(w, "<"); !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) }) {
				t.Errorf("%s: no %q in:\n%s", arg, w, got.Stdout)
			}
		}
	}
}

// NoMountpoint checks what is said then.
func NoMountpoint(t *testing.T, name string, args ...string) {
	t.Helper()
	got := exampletest.Run(t, exampletest.Self(t), name, "", args...)
	if want := (exampletest.Outcome{Code: 2, Stderr: "error: no mountpoint specified\n"}); got != want {
		t.Errorf("%s %v: got %+v, want %+v", name, args, got, want)
	}
}

// Use compares what a script prints in mounts of both programs.
func Use(t *testing.T, name string, options []string, script string) {
	t.Helper()
	ours, theirs := exampletest.Self(t), exampletest.C(t, name)
	for _, more := range [][]string{nil, {"-s"}, {"-o", "ro,fsname=a,subtype=b"}} {
		args := slices.Concat(options, more)
		a, b := exampletest.Mount(t, ours, args...), exampletest.Mount(t, theirs, args...)
		got, want := exampletest.Sh(t, a.Mountpoint, script), exampletest.Sh(t, b.Mountpoint, script)
		if got != want {
			t.Errorf("%v:\ngot:\n%s\nwant:\n%s", args, got, want)
		}
	}
}

var opcode = regexp.MustCompile(`(?m)^(?:dev )?unique: \d+, opcode: (\w+) `)

// Requests compares what the kernel asks both programs while a script runs that makes it ask the same: how often for what.
func Requests(t *testing.T, name string, options []string, script string) {
	t.Helper()
	ours, theirs := exampletest.Self(t), exampletest.C(t, name)
	exampletest.Undisturbed(t, func(t testing.TB) {
		var counts []map[string]int
		for _, program := range []string{ours, theirs} {
			p := exampletest.Mount(t, program, append([]string{"-d", "-s"}, options...)...)
			exampletest.Sh(t, p.Mountpoint, script)
			exampletest.Settle(t, p)
			count := map[string]int{}
			for _, m := range opcode.FindAllStringSubmatch(p.Output(), -1) {
				count[m[1]]++
			}
			for _, late := range []string{"FORGET", "BATCH_FORGET", "RELEASE", "RELEASEDIR"} { // whenever the kernel gets to it
				delete(count, late)
			}
			counts = append(counts, count)
		}
		if len(counts[1]) < 3 {
			t.Fatalf("C's requests: got %v", counts[1])
		}
		if !maps.Equal(counts[0], counts[1]) {
			t.Errorf("requests: got %v, want %v", counts[0], counts[1])
		}
	})
}

// OnFile mounts a program on a file, and unmounts it at the end of the test. It returns the file.
func OnFile(t *testing.T, program string, options ...string) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("below"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := fusetest.StartProgramAt(t, file, append(append([]string{program}, options...), "-f", file)...)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	return file
}
