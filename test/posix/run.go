package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A testCase is one named group of assertions; it starts in an empty directory of its own.
type testCase struct {
	name string
	run  func(t *T)
}

// results counts over all tests.
type results struct {
	tests, passed, failed int
	skips                 []string
}

// T is what a test uses to assert. Nothing stops a test at a failed assertion: like the suites it stands beside, it counts them.
type T struct {
	name    string
	dir     string // absolute path of the test's directory
	nameMax int
	res     *results
	out     io.Writer
}

// pathMax is PATH_MAX: the longest path a call takes, with its NUL.
const pathMax = 4096

// errSkip carries the reason out of a test that cannot run here.
type errSkip struct{ reason string }

func (t *T) skip(format string, args ...any) {
	panic(errSkip{fmt.Sprintf(format, args...)})
}

func cases() []testCase {
	groups := [][]testCase{
		chmodCases, chownCases, createCases, linkCases, openCases, permCases, pathCases, renameCases, stickyCases,
		removeCases, symlinkCases, truncateCases, timeCases, dataCases, dirCases, mountCases, xattrCases,
	}
	var all []testCase
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// runSuite runs the tests that match in one thread of its own, whose user, umask, working directory and mount namespace are nobody else's.
func runSuite(dir string, match func(string) bool, verbose bool, out io.Writer) (*results, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	res := &results{}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- runAll(dir, match, verbose, out, res)
	}()
	return res, <-done
}

func runAll(dir string, match func(string) bool, verbose bool, out io.Writer, res *results) error {
	if os.Geteuid() != 0 {
		return errors.New("must run as root, to act as other users")
	}
	if err := isolateThread(dir); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("statfs %s: %w", dir, err)
	}
	top, err := os.MkdirTemp(dir, "posixsuite")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }()
	if err := os.Chmod(top, 0o755); err != nil {
		return err
	}
	for _, c := range cases() {
		if !match(c.name) {
			continue
		}
		t := &T{name: c.name, nameMax: int(fs.Namelen), res: res, out: out}
		if err := t.runOne(top, c, verbose); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// isolateThread gives the calling thread its own umask, working directory and mounts. A FUSE filesystem lives as long as any namespace has it mounted:
// those of others must not stay mounted because we looked at dir.
func isolateThread(dir string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	info, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	for _, point := range slices.Backward(fuseMounts(string(info))) {
		if dir != point && !strings.HasPrefix(dir, point+"/") {
			_ = unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // one that is hidden by another does not matter
		}
	}
	return nil
}

// fuseMounts are the mountpoints of FUSE filesystems in the text of a mountinfo file.
func fuseMounts(info string) []string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		for i := 6; i < len(fields)-1; i++ {
			if fields[i] == "-" {
				if t := fields[i+1]; t == "fuse" || t == "fuseblk" || strings.HasPrefix(t, "fuse.") {
					points = append(points, unescape.Replace(fields[4]))
				}
				break
			}
		}
	}
	return points
}

func (t *T) runOne(top string, c testCase, verbose bool) error {
	t.dir = filepath.Join(top, strings.ReplaceAll(c.name, "/", "_"))
	if err := enterFresh(t.dir); err != nil {
		return err
	}
	passed, failed, begin := t.res.passed, t.res.failed, time.Now()
	t.res.tests++
	t.call(c.run)
	root.become()
	if verbose {
		fmt.Fprintf(t.out, "%-40s %5d passed %4d failed %6.0f ms\n", c.name, t.res.passed-passed, t.res.failed-failed,
			float64(time.Since(begin).Microseconds())/1000)
	}
	if err := unix.Chdir(top); err != nil {
		return err
	}
	unix.Umask(0)
	return removeTree(t.dir)
}

func enterFresh(dir string) error {
	unix.Umask(0)
	if err := unix.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("mkdir %s: %w", dir, err)
	}
	return unix.Chdir(dir)
}

// call runs one test; a skip is noted, and any other panic is a failed assertion.
func (t *T) call(run func(t *T)) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case errSkip:
			t.res.skips = append(t.res.skips, t.name+": "+r.reason)
		default:
			buf := make([]byte, 4096)
			buf = buf[:runtime.Stack(buf, false)]
			t.fail("panic: %v\n%s", r, buf)
		}
	}()
	run(t)
}

// removeTree is os.RemoveAll, tried again through the working directory for what is too deep for a path.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	return fmt.Errorf("left behind: %w", err)
}

// fail counts and prints a failed assertion, with the line of the test that made it.
func (t *T) fail(format string, args ...any) {
	t.res.failed++
	fmt.Fprintf(t.out, "FAIL %s (%s): %s\n", t.name, callerLine(), fmt.Sprintf(format, args...))
}

// callerLine names the lines of the test functions on the stack, innermost first: helpers alone would not tell which row of a table failed.
func callerLine() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var lines []string
	for {
		f, more := frames.Next()
		base := filepath.Base(f.File)
		if strings.HasPrefix(base, "case_") {
			lines = append(lines, fmt.Sprintf("%s:%d", base, f.Line))
		}
		if !more {
			break
		}
	}
	if len(lines) > 3 {
		lines = lines[:3]
	}
	return strings.Join(lines, " < ")
}

// assert counts one assertion.
func (t *T) assert(ok bool, format string, args ...any) bool {
	if ok {
		t.res.passed++
		return true
	}
	t.fail(format, args...)
	return false
}
