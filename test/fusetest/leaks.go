package fusetest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// leakTimeout is how long things may take to go away after a test.
	leakTimeout = 5 * time.Second
	// threadSlack is how many threads more than before are no leak: the Go runtime makes threads as it needs them, and
	// keeps them.
	threadSlack = 16
)

// CheckLeaks looks at what the process has now, and fails the test if there is more of it after the test and its cleanups that are
// registered later: open files, goroutines, FUSE mounts below the test's temporary directories, and threads.
//
// Call it first in a test that does not run in parallel with others. The Go runtime keeps threads it does not need, so only more
// than a few new threads are taken for a leak, or any that is reading from /dev/fuse or a socket: to see that one of something
// leaves no thread, do it 20 times.
func CheckLeaks(t testing.TB) {
	t.Helper()
	warmUp()
	// Its parent is where all temporary directories of the test are.
	temp := filepath.Dir(t.TempDir())
	before := snapshot(temp)
	t.Cleanup(func() {
		var leaks []string
		if waitFor(leakTimeout, func() bool {
			leaks = before.leaks(snapshot(temp))
			return len(leaks) == 0
		}) {
			return
		}
		t.Errorf("left after the test:\n%s\ngoroutines:\n%s", strings.Join(leaks, "\n"), allStacks())
		forceUnmountBelow(temp)
	})
}

// resources is what a process has.
type resources struct {
	fds        map[string]string // number: what it is
	threads    map[string]string // ID: what it waits in
	mounts     []string
	goroutines int
}

// warmUp makes the runtime open what it opens once and keeps, such as epoll's descriptors.
func warmUp() {
	if r, w, err := os.Pipe(); err == nil {
		_ = r.Close()
		_ = w.Close()
	}
	runtime.GC() // closes files that nobody refers to any more
}

func snapshot(temp string) resources {
	r := resources{fds: openFiles(), threads: threads(), goroutines: runtime.NumGoroutine()}
	list, _ := Mounts()
	for i := range list {
		if strings.HasPrefix(list[i].Point, temp+"/") {
			r.mounts = append(r.mounts, list[i].Point)
		}
	}
	return r
}

// leaks describes what is there after, but not before.
func (r resources) leaks(after resources) []string {
	var list []string
	for _, fd := range slices.Sorted(maps.Keys(after.fds)) {
		if old, ok := r.fds[fd]; !ok || old != after.fds[fd] {
			list = append(list, fmt.Sprintf("file %s: %s", fd, after.fds[fd]))
		}
	}
	for _, m := range after.mounts {
		if !slices.Contains(r.mounts, m) {
			list = append(list, "mount "+m)
		}
	}
	if n := after.goroutines - r.goroutines; n > 0 {
		list = append(list, fmt.Sprintf("%d goroutines more than the %d before", n, r.goroutines))
	}
	return append(list, r.threadLeaks(after)...)
}

func (r resources) threadLeaks(after resources) []string {
	var list []string
	for _, id := range slices.Sorted(maps.Keys(after.threads)) {
		if _, old := r.threads[id]; old {
			continue
		}
		// A Go thread in such a call has a goroutine, which is counted already.
		if what := after.threads[id]; strings.Contains(what, "/dev/fuse") || strings.Contains(what, "socket:") {
			list = append(list, fmt.Sprintf("thread %s: %s", id, what))
		}
	}
	if n := len(after.threads) - len(r.threads); n > threadSlack {
		list = append(list, fmt.Sprintf("%d threads more than the %d before", n, len(r.threads)))
	}
	return list
}

// openFiles returns what the open descriptors are, without the one that reads the list.
func openFiles() map[string]string {
	const dir = "/proc/self/fd"
	files := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return files
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !strings.HasSuffix(target, "/fd") {
			files[e.Name()] = target
		}
	}
	return files
}

// threads returns what each thread of the process waits in: "read 5 /dev/fuse" or nothing special.
func threads() map[string]string {
	const dir = "/proc/self/task"
	list := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return list
	}
	for _, e := range entries {
		list[e.Name()] = readingFrom(filepath.Join(dir, e.Name(), "syscall"))
	}
	return list
}

// readCalls are the system calls in which a thread waits for a request.
var readCalls = map[string]string{
	strconv.Itoa(unix.SYS_READ):    "read",
	strconv.Itoa(unix.SYS_READV):   "readv",
	strconv.Itoa(unix.SYS_SPLICE):  "splice",
	strconv.Itoa(unix.SYS_RECVMSG): "recvmsg",
}

// readingFrom tells which file a thread waits to read from. The file named path holds the number of its system call and the
// arguments, "0 0x5 ...", or "running".
func readingFrom(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return ""
	}
	call, ok := readCalls[f[0]]
	if !ok {
		return ""
	}
	fd, err := strconv.ParseInt(f[1], 0, 64)
	if err != nil {
		return ""
	}
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %s", call, fd, target)
}

// forceUnmountBelow keeps one test's mounts from failing the removal of its directories.
func forceUnmountBelow(dir string) {
	list, _ := Mounts()
	for i := range list {
		if strings.HasPrefix(list[i].Point, dir+"/") {
			_ = Abort(list[i].Point)
			_ = ForceUnmount(list[i].Point)
		}
	}
}
