package iomodes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// experiment is a mounted countingFS and a client of it. After the first step that does not go as it should, further steps do
// nothing.
type experiment struct {
	fs      *countingFS
	session *lowlevel.Session
	dir     string
	client  *client
	err     error
}

// attempts is how often an experiment is tried while something keeps dropping caches.
const attempts = 5

// run mounts a filesystem in that mode and carries out the steps. When they fail, and somebody has dropped caches meanwhile (as other
// packages' tests do, by /proc/sys/vm/drop_caches), it says nothing about the mode, and they are tried anew.
func run(t *testing.T, m mode, steps func(x *experiment)) {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	for i := range attempts {
		before := cacheDrops(t)
		err := tryOnce(t, m, steps)
		if err == nil {
			return
		}
		if cacheDrops(t) == before {
			t.Fatal(err)
		}
		t.Logf("attempt %d, while caches were dropped: %v", i+1, err)
	}
	t.Fatalf("caches were dropped in each of %d attempts", attempts)
}

// cacheDrops returns the kernel's counts of what may take clean pages and names from its caches.
func cacheDrops(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "drop_") || strings.HasPrefix(line, "pgsteal_") {
			counts = append(counts, line)
		}
	}
	return strings.Join(counts, "")
}

func tryOnce(t *testing.T, m mode, steps func(x *experiment)) error {
	t.Helper()
	x := mount(t, m)
	if x.fs.enabled != nil {
		t.Fatal(x.fs.enabled)
	}
	x.client = startClient(t, x.dir)
	// The names are held, so that the kernel does not forget what it knows of the files.
	for _, name := range []string{"f", "link", "dir"} {
		x.do("open pin-" + name + " " + name + " path,nofollow")
	}
	x.fs.take()
	steps(x)
	x.client.stop()
	return x.err
}

// mount mounts a filesystem in that mode until the end of the test.
func mount(t *testing.T, m mode) *experiment {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	x := &experiment{fs: newCountingFS(m), dir: dir}
	session, err := lowlevel.New(x.fs.ops(), lowlevel.Config{SingleThread: m.writes == nil})
	if err != nil {
		t.Fatal(err)
	}
	x.session = session
	if err := session.Mount(dir); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- session.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil && !errors.Is(err, lowlevel.ErrClosed) { // closed before Serve was called
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, time.Minute, dir)
	return x
}

// fail ends the experiment.
func (x *experiment) fail(format string, args ...any) {
	if x.err == nil {
		x.err = fmt.Errorf(format, args...)
	}
}

// check ends the experiment unless ok.
func (x *experiment) check(ok bool, format string, args ...any) {
	if !ok {
		x.fail(format, args...)
	}
}

// call has the client carry out a command, and returns its result.
func (x *experiment) call(command string) (string, error) {
	if x.err != nil {
		return "", nil
	}
	result, err := x.client.call(command)
	if _, isErrno := err.(unix.Errno); err != nil && !isErrno {
		x.fail("%s: %v", command, err)
	}
	return result, err
}

// do has the client carry out a command, and returns its result and the requests that it has caused.
func (x *experiment) do(command string) (result string, requests []string) {
	result, err := x.call(command)
	if err != nil {
		x.fail("%s: %v", command, err)
	}
	return result, x.fs.take()
}

// step is do for a command that must cause exactly these requests.
func (x *experiment) step(command string, want ...string) (result string) {
	result, got := x.do(command)
	if x.err == nil && !slices.Equal(got, want) {
		x.fail("%s: requests\n got  %s\n want %s", command, describe(got), describe(want))
	}
	return result
}

// gives is step for a command that must have that result, too.
func (x *experiment) gives(result, command string, want ...string) {
	got := x.step(command, want...)
	x.check(got == result, "%s: got %q, want %q", command, got, result)
}

// refused has the client carry out a command that must fail like that.
func (x *experiment) refused(want unix.Errno, command string) {
	_, err := x.call(command)
	x.check(err == want, "%s: got error %v, want %v", command, err, want)
}

func describe(requests []string) string {
	if len(requests) == 0 {
		return "none"
	}
	return strings.Join(requests, ", ")
}

// client is the other process.
type client struct {
	cmd   *exec.Cmd
	in    *os.File
	out   *bufio.Reader
	ended bool
}

// startClient starts the test binary anew as a client of the filesystem at dir. It ends when its input does.
func startClient(t *testing.T, dir string) *client {
	t.Helper()
	cmd := exec.Command(os.Args[0], "client", dir)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else each client takes a second to end, under -race
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = in, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = in.Close(), out.Close()
	c := &client{cmd: cmd, in: w, out: bufio.NewReader(r)}
	t.Cleanup(func() {
		c.stop()
		_ = r.Close()
	})
	return c
}

// call sends a command and waits for the answer. Should the filesystem hang, the watchdog aborts it, and the answer is an error.
func (c *client) call(command string) (string, error) {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return "", err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the client has ended: %w", err)
	}
	kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if kind == "ok" {
		return rest, nil
	}
	errno, err := strconv.Atoi(rest)
	if err != nil {
		return "", fmt.Errorf("the client said %q", line)
	}
	return "", unix.Errno(errno)
}

// stop ends the client.
func (c *client) stop() {
	if c.ended {
		return
	}
	c.ended = true
	_ = c.in.Close()
	_ = c.cmd.Wait()
}

// sleepingWriters returns how many threads of a process sleep in write(2).
func sleepingWriters(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, task := range tasks {
		// The number of the system call, "running" for a thread that does not sleep.
		call, err := os.ReadFile(filepath.Join(task, "syscall"))
		if err == nil && strings.HasPrefix(string(call), strconv.Itoa(unix.SYS_PWRITE64)+" ") {
			n++
		}
	}
	return n
}
