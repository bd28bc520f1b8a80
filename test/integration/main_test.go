// Package integration tests the example filesystems on real mounts, with real programs as clients, and what may happen to a mount.
package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// binDir is where the programs of the tests are built.
var binDir string

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "integration")
	if err == nil {
		err = os.Chmod(dir, 0o755) // for the tests as another user
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir = dir
	return m.Run()
}

var (
	builds   = map[string]func() error{}
	buildsMu sync.Mutex
)

// program builds a command of this module once, and returns its path: "examples/memfs_ll", "test/fsx".
func program(t testing.TB, pkg string, flags ...string) string {
	t.Helper()
	out := filepath.Join(binDir, filepath.Base(pkg)+strings.Join(flags, ""))
	buildsMu.Lock()
	build := builds[out]
	if build == nil {
		build = sync.OnceValue(func() error {
			args := append([]string{"build", "-o", out}, flags...)
			_, err := fusetest.Command{Timeout: 5 * time.Minute}.Run("go", append(args, filepath.Join("..", "..", pkg))...)
			return err
		})
		builds[out] = build
	}
	buildsMu.Unlock()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return out
}

// newDir returns a new directory that all users can reach.
func newDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A filesystem is one of the examples with options.
type filesystem struct {
	name    string
	pkg     string
	options []string
	backed  string // option for the directory that it mirrors
	raced   bool   // built with the race detector
	byPath  bool
}

// posixOptions make a mount keep to POSIX for all users.
var posixOptions = []string{"default_permissions", "allow_other"}

var (
	memfs             = filesystem{name: "memfs_ll", pkg: "examples/memfs_ll"}
	memfsByPath       = filesystem{name: "memfs", pkg: "examples/memfs", byPath: true}
	passthrough       = filesystem{name: "passthrough_ll", pkg: "examples/passthrough_ll", backed: "source="}
	passthroughByPath = filesystem{name: "passthrough", pkg: "examples/passthrough", backed: "modules=subdir,subdir=", byPath: true}
	passthroughFh     = filesystem{name: "passthrough_fh", pkg: "examples/passthrough_fh", backed: "modules=subdir,subdir=", byPath: true}
	helloPkg          = "examples/hello_ll"
)

func (f filesystem) with(name string, options ...string) filesystem {
	f.name, f.options = f.name+" "+name, slices.Concat(f.options, options)
	return f
}

// filesystems are the complete ones, as they are most used.
func filesystems() []filesystem {
	return []filesystem{memfs, memfsByPath, passthrough.with("xattr", "xattr"), passthroughFh}
}

// allFilesystems has the ways of caching too.
func allFilesystems() []filesystem {
	return append(filesystems(),
		passthrough.with("writeback", "xattr", "writeback", "cache=always"),
		passthrough.with("uncached", "xattr", "cache=never", "timeout=0"))
}

func (f filesystem) buildFlags() []string {
	if f.raced {
		return []string{"-race"}
	}
	return nil
}

// args is the command line for a new mount, without mountpoint and -f.
func (f filesystem) args(t testing.TB, options ...string) []string {
	t.Helper()
	options = slices.Concat(f.options, options)
	if f.backed != "" {
		options = append(options, f.backed+newDir(t))
	}
	args := []string{program(t, f.pkg, f.buildFlags()...)}
	if len(options) > 0 {
		args = append(args, "-o", strings.Join(options, ","))
	}
	return args
}

// mount starts the filesystem in the foreground on a new directory. At the end of the test it is unmounted and must exit with 0.
func (f filesystem) mount(t testing.TB, options ...string) *fusetest.Program {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	dir := newDir(t)
	p := fusetest.StartProgramAt(t, dir, append(f.args(t, options...), "-f", dir)...)
	t.Cleanup(func() {
		if err := p.StopBy(func() error { return unmountAndWait(p) }); err != nil {
			t.Error(err)
		}
	})
	return p
}

// unmountAndWait makes a program that does not end after its unmount show where it hangs. A FUSE filesystem lives on while another namespace has it
// mounted, such as that of a test that unshared its mounts meanwhile: that is waited for.
func unmountAndWait(p *fusetest.Program) error {
	mount, err := fusetest.FindMount(p.Mountpoint)
	if err != nil || mount == nil {
		return err
	}
	err = p.Unmount()
	device := fmt.Sprintf("%d:%d", mount.Major, mount.Minor)
	for range 6 {
		select {
		case <-p.Exited():
			return err
		case <-time.After(8 * time.Second):
		}
		if mountedElsewhere(device) == "" {
			break
		}
	}
	threads := threadsOf(p.Cmd.Process.Pid)
	return errors.Join(err, p.Cmd.Process.Signal(syscall.SIGQUIT), fmt.Errorf("does not end after the unmount; %s\nthreads:\n%s", mountedElsewhere(device), threads))
}

// mountedElsewhere names a process that has a filesystem mounted, or nothing.
func mountedElsewhere(device string) string {
	files, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil && strings.Contains(string(text), " "+device+" ") {
			return "mounted in " + f
		}
	}
	return ""
}

// threadsOf says what each thread of a process waits in.
func threadsOf(pid int) string {
	var all strings.Builder
	dirs, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, d := range dirs {
		for _, f := range []string{"comm", "wchan", "syscall"} {
			text, _ := os.ReadFile(filepath.Join(d, f))
			fmt.Fprintf(&all, "%s ", strings.TrimSpace(string(text)))
		}
		fmt.Fprintln(&all)
	}
	return all.String()
}

// eachFilesystem runs a test on mounts of several filesystems.
func eachFilesystem(t *testing.T, list []filesystem, limit time.Duration, test func(t *testing.T, dir string)) {
	t.Helper()
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			p := f.mount(t, posixOptions...)
			fusetest.Watchdog(t, limit, p.Mountpoint)
			test(t, p.Mountpoint)
		})
	}
}

// A script is a piece of shell, run by bash with errors fatal. $D is its directory.
type script struct {
	dir     string
	text    string
	env     []string
	timeout time.Duration
	uid     uint32 // and gid; not 0: run as another user
}

func (s script) run() (string, error) {
	if s.timeout == 0 {
		s.timeout = time.Minute
	}
	env := append(os.Environ(), "D="+s.dir, "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent", "BIN="+binDir)
	return fusetest.Command{
		Timeout: s.timeout, Dir: "/", Env: append(env, s.env...),
		Setup: func(cmd *exec.Cmd) {
			if s.uid != 0 {
				cmd.SysProcAttr.Credential = &syscall.Credential{Uid: s.uid, Gid: s.uid}
			}
		},
	}.Run("bash", "-c", "set -euo pipefail\numask 022\n"+s.text)
}

func (s script) must(t testing.TB) string {
	t.Helper()
	out, err := s.run()
	if err != nil {
		t.Fatalf("exit code %d, after the last output\n%s", fusetest.ExitCode(err), out[max(0, len(out)-3000):])
	}
	return out
}

// need skips a test where a program is missing.
func need(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			fusetest.Skip(t, "needs %s: %v", name, err)
		}
	}
}
