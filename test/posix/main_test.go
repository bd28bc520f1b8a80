package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// The kernel's own filesystems must pass whole: an assertion that fails there is wrong.
func TestSuite_PassesOnTheLocalFilesystem(t *testing.T) {
	fusetest.RequireRoot(t)
	prog := filepath.Join(t.TempDir(), "posixsuite")
	if out, err := exec.Command("go", "build", "-o", prog, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(prog, t.TempDir())
	timer := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " 0 failed") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func TestCases_NamesAreUnique(t *testing.T) {
	good := regexp.MustCompile(`^[a-z]+/[a-z0-9_]+$`)
	var names []string
	for _, c := range cases() {
		if !good.MatchString(c.name) {
			t.Errorf("name %q does not match %s", c.name, good)
		}
		names = append(names, c.name)
	}
	slices.Sort(names)
	if n := len(slices.Compact(slices.Clone(names))); n != len(names) {
		t.Errorf("%d of %d names are unique", n, len(names))
	}
}

func TestFuseMounts_FindsThem(t *testing.T) {
	got := fuseMounts("22 27 0:21 / /proc rw - proc proc rw\n" +
		"40 27 0:50 / /tmp/a\\040b rw,nosuid shared:5 master:1 - fuse.x_ll x_ll rw,user_id=0\n" +
		"41 27 0:51 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n41 27 0:51 / /mnt/b rw - fuse b rw\n")
	if want := []string{"/tmp/a b", "/mnt/b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseDirents_ReadsWhatTheKernelWrites(t *testing.T) {
	var raw []byte
	for i, name := range []string{"a", "longer name"} {
		length := (19 + len(name) + 1 + 7) &^ 7
		rec := make([]byte, length)
		rec[0], rec[8], rec[16], rec[18] = byte(i+1), byte(i+10), byte(length), 4
		copy(rec[19:], name)
		raw = append(raw, rec...)
	}
	got := parseDirents(append(raw, 1, 2, 3)) // a torn rest is no entry
	want := []dirent{{"a", 1, 10, 4}, {"longer name", 2, 11, 4}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
