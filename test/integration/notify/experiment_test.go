package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const (
	// patience is how long anything may take.
	patience = 20 * time.Second
	// glance is how long a call is given that must block. One that does not block takes microseconds; one that does makes no difference.
	glance = 100 * time.Millisecond
)

// experiment is a mounted tree and a client of it.
type experiment struct {
	fs      *tree
	session *lowlevel.Session
	n       *lowlevel.Notifier
	dir     string
	clients []*client
	held    []*hold
	errored bool // a notification was to fail by another error than ENOENT
}

// failure is what a step panics with that does not go as it should.
type failure string

// attempts is how often an experiment is tried while something keeps dropping caches.
const attempts = 5

// run mounts a filesystem and carries out the steps. When they fail, and somebody has dropped caches meanwhile (as other
// packages' tests do, by /proc/sys/vm/drop_caches), it says nothing, and they are tried anew.
func run(t *testing.T, s setup, steps func(x *experiment)) {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	for i := range attempts {
		before := cacheDrops(t)
		err := tryOnce(t, s, steps)
		var unsupported *lowlevel.UnsupportedError
		switch {
		case err == nil:
			return
		case errors.As(err, &unsupported):
			fusetest.Skip(t, "needs what is not there: %v", err)
		case cacheDrops(t) == before:
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

func tryOnce(t *testing.T, s setup, steps func(x *experiment)) (err error) {
	t.Helper()
	x := &experiment{fs: newTree(s), dir: filepath.Join(t.TempDir(), "mnt")}
	libraryLog.take()
	end, err := x.mount()
	if err != nil {
		return err
	}
	fusetest.Watchdog(t, time.Minute, x.dir)
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		x.release()
		err = errors.Join(err, end())
		if lines := libraryLog.take(); !x.errored && len(lines) > 0 {
			err = errors.Join(err, fmt.Errorf("libfuse said: %q", lines))
		}
	}()
	if x.fs.enabled != nil {
		return x.fs.enabled
	}
	steps(x)
	return nil
}

// panicked makes an error of what the steps panicked with.
func panicked(p any) error {
	switch p := p.(type) {
	case failure:
		return errors.New(string(p))
	case *lowlevel.UnsupportedError:
		return p
	}
	return fmt.Errorf("panic: %v\n%s", p, debug.Stack())
}

// mount mounts the filesystem. end ends it and checks that it ends well.
func (x *experiment) mount() (end func() error, err error) {
	if err := os.MkdirAll(x.dir, 0o755); err != nil {
		return nil, err
	}
	x.session, err = lowlevel.New(x.fs.ops(), x.fs.setup.config)
	if err != nil {
		return nil, err
	}
	x.n = x.session.Notifier()
	if err := x.session.Mount(x.dir); err != nil {
		return nil, errors.Join(err, x.session.Close())
	}
	served := make(chan error, 1)
	go func() { served <- x.session.Serve(context.Background()) }()
	return func() error {
		err := x.session.Close()
		if e := <-served; !errors.Is(e, lowlevel.ErrClosed) { // closed before Serve was called
			err = errors.Join(err, e)
		}
		return err
	}, nil
}

// release lets everything go, so that the clients can end.
func (x *experiment) release() {
	for _, h := range x.held {
		h.answer()
	}
	for _, c := range x.clients {
		c.stop()
	}
}

// fail ends the experiment.
func (x *experiment) fail(format string, args ...any) {
	at := ""
	for line := range strings.Lines(string(debug.Stack())) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "/notify/") && !strings.Contains(line, "experiment_test.go") && !strings.Contains(line, "steps_test.go") {
			file, _, _ := strings.Cut(filepath.Base(line), " ")
			at = file + ": "
			break
		}
	}
	panic(failure(at + fmt.Sprintf(format, args...)))
}

// check ends the experiment unless ok.
func (x *experiment) check(ok bool, format string, args ...any) {
	if !ok {
		x.fail(format, args...)
	}
}

// client returns the client of that number, which may be waiting for a command of before. They are started as needed.
func (x *experiment) client(i int) *client {
	for len(x.clients) <= i {
		c, err := startClient(x.dir)
		if err != nil {
			x.fail("client: %v", err)
		}
		x.clients = append(x.clients, c)
	}
	return x.clients[i]
}

// must is for errors that nothing can be done about.
func (x *experiment) must(err error) {
	if err != nil {
		x.fail("%v", err)
	}
}

func describe(requests []string) string {
	if len(requests) == 0 {
		return "none"
	}
	return strings.Join(requests, ", ")
}

func sameRequests(got, want []string) bool { return slices.Equal(got, want) }

// isErrno tells the errors that a system call of the client gave.
func isErrno(err error) bool {
	_, ok := err.(unix.Errno)
	return ok
}
