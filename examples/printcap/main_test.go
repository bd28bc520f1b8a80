package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asProgram has the test binary be printcap.
const asProgram = "PRINTCAP_TEST_AS_PROGRAM"

// TestMain makes every further process of the test binary the program under test: built as the test is, also with -race.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// outcome is all that a caller sees of a program.
type outcome struct {
	code           int
	stdout, stderr string
}

// output runs a program by the name of printcap.
func output(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	var stdout, stderr bytes.Buffer
	_, err := fusetest.Command{Timeout: time.Minute, Setup: func(cmd *exec.Cmd) {
		cmd.Args[0] = "printcap"
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
	}}.Run(program, args...)
	if fusetest.ExitCode(err) < 0 {
		t.Fatal(err)
	}
	return outcome{fusetest.ExitCode(err), stdout.String(), stderr.String()}
}

// ours runs the program under test, and checks that it cleans up.
func ours(t *testing.T, args ...string) outcome {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out := output(t, program, args...)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary directory: %v (%v)", left, err)
	}
	mounts, err := fusetest.Mounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if strings.HasPrefix(m.Point, temp) {
			t.Errorf("left mounted: %+v", m)
		}
	}
	return out
}

var format = regexp.MustCompile(`^Protocol version: 7\.\d+\nCapabilities:\n(\tFUSE_CAP_[A-Z0-9_]+\n)+$`)

func TestPrintcap_Prints(t *testing.T) {
	out := ours(t)
	if out.code != 0 || out.stderr != "" {
		t.Errorf("exit code %d, stderr %q", out.code, out.stderr)
	}
	versions, caps, _ := strings.Cut(out.stdout, "Protocol")
	if !format.MatchString("Protocol" + caps) {
		t.Errorf("got:\n%s", out.stdout)
	}
	for _, want := range []string{
		"FUSE library version " + lowlevel.PackageVersion() + "\n",
		"using FUSE kernel interface version 7.",
	} {
		if !strings.Contains(versions, want) {
			t.Errorf("%q is not in:\n%s", want, out.stdout)
		}
	}
	// What every kernel has that runs this.
	for _, want := range []string{"ASYNC_READ", "WRITEBACK_CACHE", "READDIRPLUS", "SPLICE_READ"} {
		if !strings.Contains(caps, "\tFUSE_CAP_"+want+"\n") {
			t.Errorf("FUSE_CAP_%s is not in:\n%s", want, out.stdout)
		}
	}
}

// TestPrintcap_Debug shows that options of the library are taken: all it is given goes there.
func TestPrintcap_Debug(t *testing.T) {
	out := ours(t, "-d")
	if out.code != 0 || !strings.Contains(out.stderr, "INIT") {
		t.Errorf("exit code %d, stderr:\n%s", out.code, out.stderr)
	}
}

// source is where distributions have the C program.
const source = "/usr/share/doc/libfuse3-dev/examples/printcap.c"

// compile compiles the C program, and returns its path and its source.
func compile(t *testing.T) (program, text string) {
	t.Helper()
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			fusetest.Skip(t, "needs the C program: %v", err)
		}
	}
	code, err := os.ReadFile(source)
	if err != nil {
		fusetest.Skip(t, "needs the C program: %v", err)
	}
	program = filepath.Join(t.TempDir(), "printcap")
	flags := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	fusetest.Run(t, 5*time.Minute, "gcc", append([]string{"-w", "-o", program, source}, flags...)...)
	return program, string(code)
}

func TestPrintcap_LikeC(t *testing.T) {
	program, code := compile(t)
	for _, args := range [][]string{{}, {"-f"}, {"/tmp"}, {"--no-such-option"}, {"-o", "no_such_option"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			got, want := ours(t, args...), output(t, program, args...)
			got.stdout, want.stdout = normal(got.stdout, code), normal(want.stdout, code)
			if got != want {
				t.Errorf("got:  %+v\nwant: %+v", got, want)
			}
		})
	}
}

// normal allows for what may differ. The versions come in whatever order C's stdio and fusermount3 write them. Ours does not show what
// the library is told of but cannot make use of, and does show what is newer than the C program.
func normal(stdout, code string) string {
	versions, caps, _ := strings.Cut(stdout, "Capabilities:")
	lines := strings.SplitAfter(versions, "\n")
	slices.Sort(lines)
	for line := range strings.Lines(caps) {
		name := strings.TrimSpace(line)
		if !strings.Contains(code, name) || name == "FUSE_CAP_PARALLEL_DIROPS" && lowlevel.HeaderVersion() < 317 {
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}
