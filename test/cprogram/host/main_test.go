package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

func library(t *testing.T) *cprogram.Library {
	t.Helper()
	return cprogram.Build(t, ".", "hosttest")
}

// run builds c/<name>.c, and returns what it says.
func run(t *testing.T, how cprogram.Linking, name string, args ...string) string {
	t.Helper()
	return said(t, library(t).Program(t, how, "c/"+name+".c"), args...)
}

func said(t *testing.T, program string, args ...string) string {
	t.Helper()
	return cprogram.Said(fusetest.Run(t, 2*time.Minute, program, args...))
}

// TestCycles_LeaveNothing makes and destroys each kind of session a hundred times.
func TestCycles_LeaveNothing(t *testing.T) {
	program := library(t).Program(t, cprogram.Static, "c/cycles.c")
	for _, kind := range []string{"bound", "loop", "early", "adopted", "paths"} {
		t.Run(kind, func(t *testing.T) {
			if out := said(t, program, kind); out != "" {
				t.Errorf("got output\n%s", out)
			}
		})
	}
}

// TestSignals_StayTheProgram's: handlers, masks, who gets them, faults; handlers on threads that run Go.
func TestSignals_StayTheProgramsOwn(t *testing.T) {
	if cprogram.Sanitized {
		t.Skip("the address sanitizer has signal handlers of its own")
	}
	for _, how := range cprogram.Linkings {
		program := library(t).Program(t, how, "c/signals.c")
		for _, when := range []string{"before", "after", "default"} {
			t.Run(fmt.Sprint(how, " ", when), func(t *testing.T) {
				out := said(t, program, when)
				if strings.Count(out, "\n") > 1 || out != "" && !strings.Contains(out, "nil pointer dereference") {
					t.Errorf("got output\n%s", out)
				}
			})
		}
	}
}

// TestFork_AfterGo: a process that is forked after Go was started has none: it fails, and does not hang.
func TestFork_AfterGo(t *testing.T) {
	if cprogram.Sanitized {
		t.Skip("the address sanitizer does not survive the fork of a process with threads")
	}
	for _, how := range cprogram.Linkings {
		out := run(t, how, "fork")
		if want := "go-libfuse3: a function of Go's was called in a process that was forked after Go had been started\n"; out != want {
			t.Errorf("%v: got output %q, want %q", how, out, want)
		}
	}
}

// TestBind_ErrorsAndLog: gf_bind's errors; libfuse's log stays the program's until Go asks for it; Go knows the program's arguments and environment.
func TestBind_ErrorsAndLog(t *testing.T) {
	for _, how := range cprogram.Linkings {
		out := run(t, how, "bind", "one", "two")
		if !regexp.MustCompile(`^/\S+/bind 3 is known\ntime=\S+ level=ERROR msg=Go's\n$`).MatchString(out) {
			t.Errorf("%v: got output\n%s", how, out)
		}
	}
}

// TestPlugin_LoadedLate: by dlopen, also two of them, each with a Go of its own.
func TestPlugin_LoadedLate(t *testing.T) {
	if cprogram.Sanitized {
		t.Skip("the library is not linked with the address sanitizer")
	}
	l := library(t)
	second := filepath.Join(t.TempDir(), "libsecond.so")
	fusetest.Run(t, time.Minute, "cp", l.Shared(), second)
	program := filepath.Join(t.TempDir(), "plugin")
	cprogram.Gcc(t, "-g", "-Wall", "-Wextra", "-Werror", "-o", program, "-I"+cprogram.Include(), "c/plugin.c", "-ldl")
	for _, libraries := range [][]string{{l.Shared()}, {l.Shared(), second}} {
		if out := fusetest.Run(t, time.Minute, program, libraries...); strings.Count(out, "nil pointer dereference") != 3*len(libraries) {
			t.Errorf("%q: got output\n%s", libraries, out)
		}
	}
}

// TestLibrary_Symbols: nothing can be called, or clash with the program's, but what go-libfuse3.h declares and the package exports.
func TestLibrary_Symbols(t *testing.T) {
	l := library(t)
	want := declared(t)
	want = append(want, "host_add", "host_heap", "host_adopt", "host_release", "host_log", "host_session")
	slices.Sort(want)
	for _, args := range [][]string{{l.Archive()}, {"--dynamic", l.Shared()}} {
		out := fusetest.Run(t, time.Minute, "nm", append([]string{"--extern-only", "--defined-only", "--format=posix"}, args...)...)
		var got []string
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 1 {
				got = append(got, f[0])
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%q\nwant\n%q", args, got, want)
		}
	}
}

// declared are the functions that the header declares, with the libfuse that is installed.
func declared(t *testing.T) (names []string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "header.c")
	if err := os.WriteFile(source, []byte("#include <go-libfuse3.h>\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	preprocessed := source + ".i"
	cprogram.Gcc(t, "-E", "-P", "-I"+cprogram.Include(), "-o", preprocessed, source)
	text, err := os.ReadFile(preprocessed)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\b(gf_\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	if len(names) < 80 {
		t.Fatalf("got %q", names)
	}
	return names
}

// TestHeader_Compiles: with all warnings, as C11 and C++, for all versions of the API.
func TestHeader_Compiles(t *testing.T) {
	dir := t.TempDir()
	text := "#include <go-libfuse3.h>\nint main(void) { return gf_start(); }\n"
	for _, name := range []string{"main.c", "main.cc"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	flags := []string{"-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I" + cprogram.Include()}
	for _, version := range []string{"", "35", "312", "314", "316", "317", "318", "319"} {
		for _, args := range [][]string{{"-std=c11", "main.c"}, {"-std=gnu17", "main.c"}, {"-std=c++14", "main.cc"}} {
			args[1] = filepath.Join(dir, args[1])
			if version != "" {
				args = append(args, "-DFUSE_USE_VERSION="+version)
			}
			cprogram.Gcc(t, append(slices.Clone(flags), args...)...)
		}
	}
	out, err := fusetest.RunError(t, time.Minute, "gcc", append(flags, "-DFUSE_USE_VERSION=29", "-D_FILE_OFFSET_BITS=64", "-I/usr/include/fuse3", filepath.Join(dir, "main.c"))...)
	if err == nil {
		t.Errorf("FUSE_USE_VERSION 29: got no error: %s", out)
	}
}

// TestPlainArchive_Foreground: an archive of `go build -buildmode=c-archive` starts Go before main: good for a process that does not fork, and for no other.
func TestPlainArchive_Foreground(t *testing.T) {
	if cprogram.Sanitized {
		t.Skip("the address sanitizer does not survive the fork of a process with threads")
	}
	plain := cprogram.BuildPlain(t, ".", "hosttest")
	out := said(t, plain.Program(t, cprogram.Static, "c/plain.c", "-DIN_FOREGROUND"))
	if out != "0\n" {
		t.Errorf("in the foreground: got %q, want 0", out)
	}
	out = said(t, plain.Program(t, cprogram.Static, "c/plain.c"))
	if out != "5\n" {
		t.Errorf("in the background: got %q, want 5 (EIO)", out)
	}
}

// TestBuild_Errors: what go-libfuse3-build says when it cannot.
func TestBuild_Errors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "usage: "},
		{[]string{"-x", "."}, "usage: "},
		{[]string{"-o", dir, "./no/such/package"}, "no/such/package"},
	} {
		out, err := fusetest.RunError(t, time.Minute, cprogram.Builder(), tt.args...)
		if err == nil || !strings.Contains(out, tt.want) {
			t.Errorf("%q: got %v and output %q, want an error with %q", tt.args, err, out, tt.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("got %v in the directory", left)
	}
}

// TestInstall_All: what `make install` installs is all that it takes to build and run a C program, shared or static.
func TestInstall_All(t *testing.T) {
	if cprogram.Sanitized {
		t.Skip("is not about memory")
	}
	if _, err := exec.LookPath("make"); err != nil {
		fusetest.Skip(t, "needs make: %v", err)
	}
	prefix := filepath.Join(t.TempDir(), "prefix")
	makefile := func(args ...string) {
		t.Helper()
		fusetest.Run(t, 5*time.Minute, "make", append([]string{"-C", cprogram.Root(), "--no-print-directory"}, args...)...)
	}
	makefile("install", "PREFIX="+prefix)
	installed := []string{
		"bin/go-libfuse3-build", "include/go-libfuse3.h", "lib/libgo-libfuse3.a", "lib/libgo-libfuse3.so", "lib/pkgconfig/go-libfuse3.pc",
	}
	wantFiles(t, prefix, installed)

	env := append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(prefix, "lib", "pkgconfig"), "LD_LIBRARY_PATH="+filepath.Join(prefix, "lib"))
	program := filepath.Join(t.TempDir(), "ticks")
	source := filepath.Join(cprogram.Root(), "examples", "embed", "c", "main.c")
	for what, link := range map[string]string{
		"shared":         "$(pkg-config --cflags --libs go-libfuse3)",
		"archive":        "$(pkg-config --cflags go-libfuse3) $(pkg-config --variable=archive go-libfuse3) $(pkg-config --libs fuse3) -pthread",
		"all static":     "-static $(pkg-config --static --cflags --libs go-libfuse3)",
		"own, by script": "$(pkg-config --cflags go-libfuse3) libown.a $(pkg-config --libs fuse3) -pthread",
	} {
		if what == "own, by script" {
			_, err := fusetest.Command{Timeout: 5 * time.Minute, Dir: cprogram.Root(), Env: env}.
				Run(filepath.Join(prefix, "bin", "go-libfuse3-build"), "-o", filepath.Dir(program), "-n", "own", "./examples/embed")
			if err != nil {
				t.Fatal(err)
			}
		}
		if what == "all static" && fusetest.Run(t, time.Minute, "gcc", "-print-file-name=libfuse3.a") == "libfuse3.a\n" {
			continue // this libfuse comes without
		}
		sh := fmt.Sprintf("cd %s && gcc -Wall -Wextra -Werror -o ticks %s %s", filepath.Dir(program), source, link)
		if out, err := (fusetest.Command{Timeout: 5 * time.Minute, Env: env}).Run("sh", "-c", sh); err != nil {
			t.Errorf("%s: %v", what, err)
		} else if out != "" {
			t.Logf("%s: %s", what, out)
		}
		out, err := fusetest.Command{Env: env}.Run(program)
		if want := "usage: " + program + " [options] <mountpoint>\n"; fusetest.ExitCode(err) != 1 || out != want {
			t.Errorf("%s: got %q, %v, want %q", what, out, err, want)
		}
	}

	makefile("uninstall", "PREFIX="+prefix)
	wantFiles(t, prefix, nil)
}

// TestInstall_Destdir: packagers install into a directory that is not where things will be.
func TestInstall_Destdir(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil || cprogram.Sanitized {
		t.Skip("see TestInstall_All")
	}
	dir := t.TempDir()
	args := []string{
		"-C", cprogram.Root(), "--no-print-directory", "DESTDIR=" + dir, "PREFIX=/usr", "LIBDIR=/usr/lib/some-linux",
		"GO_FILESYSTEMS=./test/cprogram/host",
	}
	fusetest.Run(t, 5*time.Minute, "make", append(args, "install")...)
	wantFiles(t, dir, []string{
		"usr/bin/go-libfuse3-build", "usr/include/go-libfuse3.h", "usr/lib/some-linux/libgo-libfuse3.a", "usr/lib/some-linux/libgo-libfuse3.so",
		"usr/lib/some-linux/pkgconfig/go-libfuse3.pc",
	})
	pc, err := os.ReadFile(filepath.Join(dir, "usr/lib/some-linux/pkgconfig/go-libfuse3.pc"))
	if err != nil || strings.Contains(string(pc), dir) || !strings.Contains(string(pc), "libdir=/usr/lib/some-linux\n") {
		t.Errorf("got %v\n%s", err, pc)
	}
	fusetest.Run(t, 5*time.Minute, "make", append(args, "uninstall")...)
	wantFiles(t, dir, nil)
}

// wantFiles checks which files are below dir.
func wantFiles(t *testing.T, dir string, want []string) {
	t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
