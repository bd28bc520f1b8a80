// Package highlevel tests package highlevel on real mounts.
package highlevel

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asClient and asProgram have the test binary be something else: a Go program that uses a mount of its own can deadlock with itself.
const (
	asClient  = "HIGHLEVEL_TEST_AS_CLIENT"
	asProgram = "HIGHLEVEL_TEST_AS_PROGRAM"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asClient) != "":
		os.Exit(client(os.Getenv(asClient), os.Args[1:]))
	case os.Getenv(asProgram) != "":
		os.Exit(program())
	}
	os.Exit(m.Run())
}

// clients are what a client can do. What it prints is for the test; an error is printed, and the exit code is 1.
var clients = map[string]func(args []string) error{
	"testfs": func(args []string) error { return fstest.TestFS(os.DirFS(args[0]), args[1:]...) },
	"walk": func(args []string) error {
		lines, err := walk(os.DirFS(args[0]))
		fmt.Println(strings.Join(lines, "\n"))
		return err
	},
	"handles":  clientHandles,
	"handle":   clientHandle,
	"byhandle": clientByHandle,
	"stat": func(args []string) error {
		_, err := os.Lstat(args[0])
		return err
	},
}

func client(name string, args []string) int {
	if err := clients[name](args); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// runClient returns what a client prints, without the end of the last line.
func runClient(t testing.TB, name string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := fusetest.Command{Timeout: 2 * time.Minute, Env: append(os.Environ(), asClient+"="+name)}.Run(self, args...)
	if err != nil {
		t.Errorf("client %s: %v", name, err)
	}
	return strings.TrimSuffix(out, "\n")
}

// walk describes all of a tree: name, mode, time, and content or target.
func walk(fsys fs.FS) ([]string, error) {
	var lines []string
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v %s", name, info.Mode(), e.Type())
		switch {
		case info.Mode().IsRegular():
			data, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %d %x", info.Size(), nanoseconds(info.ModTime()), sha256.Sum256(data))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := fsys.(interface{ ReadLink(string) (string, error) }).ReadLink(name)
			if err != nil {
				return err
			}
			line += " " + target
		}
		lines = append(lines, line)
		return nil
	})
	return lines, err
}

// nanoseconds since 1970: what has no time is mounted as of then.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// names are all files of a tree, for fstest.TestFS.
func names(t testing.TB, fsys fs.FS) []string {
	t.Helper()
	var list []string
	if err := fs.WalkDir(fsys, ".", func(name string, _ fs.DirEntry, err error) error {
		list = append(list, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == "." })
}

// mountpoint returns a new directory, and sees to it that nothing is left there.
func mountpoint(t testing.TB) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	dir := t.TempDir()
	t.Cleanup(func() {
		if m, err := fusetest.FindMount(dir); m != nil || err != nil {
			t.Errorf("left mounted: %+v, %v, %v", m, err, fusetest.ForceUnmount(dir))
		}
	})
	fusetest.Watchdog(t, 3*time.Minute, dir)
	return dir
}
