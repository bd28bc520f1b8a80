package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// dumpCommand as first argument makes the program the client that looks at all of a tree.
const dumpCommand = "dump-tree"

func TestMain(m *testing.M) { exampletest.Main(m, program) }

func program() {
	if len(os.Args) > 1 && os.Args[1] == dumpCommand {
		if err := dumpMain(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	main()
}

// needProgram returns the path of a program, or skips the test.
func needProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		fusetest.Skip(t, "needs %s: %v", name, err)
	}
	return path
}

// squashfuseC returns C's program, or skips the test where it is a newer one than that which was ported: it has other options, messages and attributes.
func squashfuseC(t testing.TB) string {
	t.Helper()
	path := needProgram(t, "squashfuse_ll")
	out, _ := exec.Command(path, "--help").CombinedOutput()
	if !bytes.HasPrefix(out, []byte("squashfuse 0.1.")) {
		version, _, _ := bytes.Cut(out, []byte("\n"))
		t.Skipf("the port is one of squashfuse 0.1.105: here is %s", version)
	}
	return path
}

// mksquashfs makes an archive of sources.
func mksquashfs(t testing.TB, sources []string, options ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image.sqsh")
	args := append(append(sources[:len(sources):len(sources)], image, "-quiet", "-no-progress", "-noappend"), options...)
	fusetest.Run(t, 5*time.Minute, needProgram(t, "mksquashfs"), args...)
	return image
}

// mount mounts an archive by one of the two programs until the end of the test.
func mount(t testing.TB, program, image string, options ...string) string {
	t.Helper()
	return exampletest.Mount(t, program, append(options, image)...).Mountpoint
}

// dump runs the client, and returns a line for each file.
func dump(t testing.TB, dir string, options ...string) []string {
	t.Helper()
	out, err := fusetest.Command{Timeout: 2 * time.Minute}.Run(exampletest.Self(t), append([]string{dumpCommand, dir}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return splitLines(out)
}
