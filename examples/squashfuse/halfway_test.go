package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// needLibsquashfuse skips the test where there is nothing to build a program with C handlers with.
func needLibsquashfuse(t testing.TB) {
	t.Helper()
	squashfuseC(t) // of a newer one, Debian's library is an archive that does not say what it is to be linked with
	if out, err := exec.Command("pkg-config", "--exists", "--print-errors", "squashfuse_ll").CombinedOutput(); err != nil {
		fusetest.Skip(t, "needs libsquashfuse-dev: %v\n%s", err, out)
	}
}

const buildTimeout = 5 * time.Minute

// buildHalfway returns the Go program that has C handlers.
func buildHalfway(t testing.TB) string {
	t.Helper()
	needLibsquashfuse(t)
	program := filepath.Join(t.TempDir(), "halfway")
	fusetest.Run(t, buildTimeout, "go", "-C", "halfway", "build", "-o", program, ".")
	return program
}

// buildEmbed returns the C program that has Go handlers.
func buildEmbed(t testing.TB) string {
	t.Helper()
	needLibsquashfuse(t)
	dir := t.TempDir()
	if _, err := (fusetest.Command{Timeout: buildTimeout, Dir: "halfway"}).Run(cprogram.Builder(), "-o", dir, "-n", "embed", "./embed"); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "embed")
	cprogram.Gcc(t, "-Wall", "-Wextra", "-Werror", "-o", program, "-I"+cprogram.Include(), "halfway/embed/c/main.c", filepath.Join(dir, "libembed.a"), "-lsquashfuse_ll", "-pthread")
	return program
}

// compareHalfway compares what a program with handlers of both kinds has with what each of them has alone.
func compareHalfway(t *testing.T, program, image string) {
	mnt := mount(t, program, image)
	diff(t, "all Go", dump(t, mnt), dump(t, mount(t, exampletest.Self(t), image)))
	diff(t, "C", dump(t, mnt, forC), likeOthers(dump(t, mount(t, squashfuseC(t), image), forC)))
	diff(t, "unsquashfs", dump(t, mnt, portable), dump(t, unsquashfs(t, image), portable))
}

// TestEmbed is the port's first step: C's program, Go's xattrs and symbolic links.
func TestEmbed(t *testing.T) {
	program := buildEmbed(t)
	compareHalfway(t, program, mksquashfs(t, []string{madeTree(t)}))
	checkBackground(t, program)
}

// TestHalfway is the next: whichever side answers, it is the same filesystem.
func TestHalfway(t *testing.T) {
	program := buildHalfway(t)
	t.Run("Archive", func(t *testing.T) {
		compareHalfway(t, program, mksquashfs(t, []string{madeTree(t), realTree(t), largeXattrs(t)}))
	})
	t.Run("CommandLine", func(t *testing.T) { testHalfwayCommandLine(t, program) })
	t.Run("Background", func(t *testing.T) { checkBackground(t, program) })
	t.Run("WhoAnswers", func(t *testing.T) { testHalfwayWhoAnswers(t, program) })
}

func testHalfwayCommandLine(t *testing.T, program string) {
	image := smallImage(t)
	dir := t.TempDir()
	later := writeFile(t, "later", append(bytes.Repeat([]byte("before"), 1000), readFile(t, image)...))
	if got := exampletest.Sh(t, mount(t, program, later, "-o", "offset=6000"), "cat file"); got != "hello" {
		t.Errorf("offset: got %q", got)
	}
	for _, args := range [][]string{{"none", dir}, {later, dir}, {"-o", "offset=4096", image, dir}} {
		got, want := exampletest.Run(t, program, "halfway", dir, args...), exampletest.Run(t, squashfuseC(t), "squashfuse_ll", dir, args...)
		want.Code = 1 // as every Go program's
		if got != want {
			t.Errorf("%q:\ngot:  %+v\nwant: %+v", args, got, want)
		}
	}
}

// testHalfwayWhoAnswers tells C from Go by what they do otherwise: Go refuses a directory that has a name twice, C lists it; an empty xattr is none to C.
func testHalfwayWhoAnswers(t *testing.T, program string) {
	b := newTree(t, filepath.Join(t.TempDir(), "tree"))
	b.file("QQ", nil)
	b.file("file", nil)
	b.xattr("file", "user.empty", nil)
	image := readFile(t, mksquashfs(t, []string{b.dir}, "-noI"))
	if n := bytes.Count(image, []byte("QQ")); n != 1 {
		t.Fatalf("the name is there %d times", n)
	}
	bad := writeFile(t, "bad", bytes.Replace(image, []byte("QQ"), []byte(".."), 1))
	const script = "try ls -a; try getfattr --only-values -n user.empty file"
	for _, c := range []struct{ name, program, want string }{
		{"halfway", program, "..\nfile"},
		{"C", squashfuseC(t), "..\nfile\nfile: user.empty: No such attribute\nexit code 1"},
		{"Go", exampletest.Self(t), "ls: reading directory '.': Input/output error\nexit code 2\ngetfattr: file: Input/output error\nexit code 1"},
	} {
		if got := exampletest.Sh(t, mount(t, c.program, bad), script); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
