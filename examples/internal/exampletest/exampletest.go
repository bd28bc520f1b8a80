// Package exampletest is what tests of the examples have in common: the test binary is the program under test, beside it is the C program that it
// stands in for, if that is installed, and both are run in the same ways.
package exampletest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asProgram has the test binary be the program.
const asProgram = "EXAMPLE_TEST_AS_PROGRAM"

// Main is for TestMain. It makes every further process of the test binary the program under test: built as the test is, also with -race.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) != "" {
		program()
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Self returns the program under test.
func Self(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// C compiles libfuse's example of that name, from the source that distributions have.
func C(t testing.TB, name string) string {
	t.Helper()
	source := "/usr/share/doc/libfuse3-dev/examples/" + name + ".c"
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			fusetest.Skip(t, "needs the C program: %v", err)
		}
	}
	if _, err := os.Stat(source); err != nil {
		fusetest.Skip(t, "needs the C program: %v", err)
	}
	program := filepath.Join(t.TempDir(), name)
	flags := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	fusetest.Run(t, 5*time.Minute, "gcc", append([]string{"-w", "-o", program, source}, flags...)...)
	return program
}

// Outcome is all that a caller sees of a program that has ended.
type Outcome struct {
	Code           int
	Stdout, Stderr string
}

// Run runs a program that ends by itself in dir, under the name name.
func Run(t testing.TB, program, name, dir string, args ...string) Outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	_, err := fusetest.Command{Timeout: time.Minute, Dir: dir, Setup: func(cmd *exec.Cmd) {
		cmd.Args[0] = name
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
	}}.Run(program, args...)
	code := fusetest.ExitCode(err)
	if code < 0 {
		t.Fatal(err)
	}
	return Outcome{code, stdout.String(), withoutTheirs(stderr.String())}
}

// withoutTheirs drops what libfuse 3.14 says of C programs alone, which leave a field of struct fuse_loop_config unset.
func withoutTheirs(stderr string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(stderr, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "Ignoring invalid max threads value")
	})
	return strings.Join(lines, "")
}

// watchdog is how long a test may use a mount.
const watchdog = 3 * time.Minute

// Mount mounts a program with -f and the options, and unmounts it at the end of the test: then it must end with 0 and leave nothing.
func Mount(t testing.TB, program string, options ...string) *fusetest.Program {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	p := fusetest.StartProgram(t, append([]string{program}, options...)...)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, watchdog, p.Mountpoint)
	return p
}

// Settle waits until the output of a program under -d has all that has happened so far.
func Settle(t testing.TB, p *fusetest.Program) {
	t.Helper()
	before := Requests(p, "STATFS")
	Sh(t, p.Mountpoint, "stat -f .")
	Eventually(t, "the output is there", func() bool { return Requests(p, "STATFS") > before })
}

// Requests counts the requests of a kind that a program under -d got so far.
func Requests(p *fusetest.Program, opcode string) int {
	return strings.Count(p.Output(), "opcode: "+opcode+" (")
}

// Notifications counts those that a program under -d has sent so far by a function of libfuse's.
func Notifications(p *fusetest.Program, code int) int {
	return strings.Count(p.Output(), "NOTIFY: code="+strconv.Itoa(code)+" ")
}

// Eventually is fusetest.Eventually for what happens every second: it asks less often, as asking takes a process.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	const deadline, pause = 20 * time.Second, 30 * time.Millisecond
	for begin := time.Now(); !ok(); time.Sleep(pause) {
		if time.Since(begin) > deadline {
			t.Fatalf("not within %v: %s", deadline, what)
		}
	}
}

// Sh runs a shell script in dir and returns what it prints, without the last line's end. A command that may fail runs by try.
func Sh(t testing.TB, dir, script string) string {
	t.Helper()
	out, err := fusetest.Command{Timeout: time.Minute, Dir: dir, Env: append(os.Environ(), "LC_ALL=C", "TZ=UTC")}.
		Run("bash", "-euo", "pipefail", "-c", `exec 2>&1; try() { "$@" || echo "exit code $?"; }; `+script)
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSuffix(out, "\n")
}

// Servers returns the processes that have dir on their command line.
func Servers(t testing.TB, dir string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		line, _ := os.ReadFile(file)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && slices.Contains(strings.Split(string(line), "\x00"), dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}
