// Package cprogram builds C programs with Go in them, as users do: go-libfuse3-build makes a library of a Go package, and gcc links it with the program.
package cprogram

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const buildTimeout = 10 * time.Minute

// dir is where libraries are kept until the end of the test binary.
var dir string

// Main is for TestMain.
func Main(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if dir, err = os.MkdirTemp("", "cprogram"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	return m.Run()
}

// Root is the directory of this module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Builder is the path of go-libfuse3-build.
func Builder() string { return filepath.Join(Root(), "scripts", "go-libfuse3-build") }

// Library is a Go package as a library for C.
type Library struct {
	// Dir is where lib<Name>.a, lib<Name>.so and <Name>.h are.
	Dir, Name string
}

var libraries sync.Map // what it is made of -> func() (*Library, error)

// Build makes a library of a Go package, once, with go-libfuse3-build.
func Build(t testing.TB, pkg, name string) *Library {
	t.Helper()
	return built(t, pkg, name, func(out string) error {
		args := []string{"-o", out, "-n", name}
		if Sanitized {
			args = append(args, "--", "-asan")
		}
		_, err := fusetest.Command{Timeout: buildTimeout}.Run(Builder(), append(args, pkg)...)
		return err
	})
}

// BuildPlain makes an archive, once, as Go itself does: without go-libfuse3-build.
func BuildPlain(t testing.TB, pkg, name string) *Library {
	t.Helper()
	return built(t, pkg, name+"-plain", func(out string) error {
		_, err := fusetest.Command{Timeout: buildTimeout}.Run("go", "build", "-buildmode=c-archive",
			"-o", filepath.Join(out, "lib"+name+"-plain.a"), pkg)
		return err
	})
}

func built(t testing.TB, pkg, name string, build func(out string) error) *Library {
	t.Helper()
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			fusetest.Skip(t, "builds a C program: %v", err)
		}
	}
	if dir == "" {
		t.Fatal("TestMain does not call cprogram.Main")
	}
	once, _ := libraries.LoadOrStore(pkg+" "+name, sync.OnceValues(func() (*Library, error) {
		l := &Library{Dir: filepath.Join(dir, name), Name: name}
		if err := os.Mkdir(l.Dir, 0o755); err != nil {
			return nil, err
		}
		return l, build(l.Dir)
	}))
	l, err := once.(func() (*Library, error))()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Archive is the path of the static library, Shared that of the shared one.
func (l *Library) Archive() string { return filepath.Join(l.Dir, "lib"+l.Name+".a") }

// Shared is the path of the shared library.
func (l *Library) Shared() string { return filepath.Join(l.Dir, "lib"+l.Name+".so") }

// A Linking is how a program gets at a library.
type Linking int

// The ways.
const (
	Static  Linking = iota // libfuse and C's own library stay shared
	Dynamic                // it is found where it was built
)

func (how Linking) String() string { return [...]string{"archive", "shared"}[how] }

// Linkings are all ways.
var Linkings = []Linking{Static, Dynamic}

var warnings = []string{"-Wall", "-Wextra", "-Wpedantic", "-Werror"}

// Program compiles and links a C program, with flags that are added to gcc's, and returns its path.
func (l *Library) Program(t testing.TB, how Linking, source string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), strings.TrimSuffix(filepath.Base(source), ".c"))
	args := slices.Concat([]string{"-g", "-O1", "-std=gnu11"}, warnings, []string{"-o", program, "-I" + Include(), "-I" + l.Dir, source}, flags)
	if Sanitized {
		args = append(args, "-fsanitize=address")
	}
	if how == Static {
		args = append(args, l.Archive())
	} else {
		args = append(args, l.Shared(), "-Wl,-rpath,"+l.Dir)
	}
	Gcc(t, append(args, "-pthread")...)
	return program
}

var unmounted = regexp.MustCompile(`(?m)^.*fuse: failed to unmount /dev/fd/\d+: No such file or directory"?\n`)

// Said is what a program has printed, but for libfuse's complaint, since 3.18, about each unmount of a session over a socket.
func Said(output string) string { return unmounted.ReplaceAllString(output, "") }

// Include is the directory of go-libfuse3.h.
func Include() string { return filepath.Join(Root(), "cshim") }

// Gcc runs gcc with these arguments and what libfuse3 needs.
func Gcc(t testing.TB, args ...string) {
	t.Helper()
	fuse := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	for i, flag := range fuse {
		if dir, ok := strings.CutPrefix(flag, "-I"); ok {
			fuse[i] = "-isystem" + dir // without warnings about libfuse's headers
		}
	}
	fusetest.Run(t, buildTimeout, "gcc", append(args, fuse...)...)
}
