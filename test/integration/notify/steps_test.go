package notify

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What experiments consist of.

// do has the client carry out a command, and returns its result and the requests that it has caused.
func (x *experiment) do(command string) (result string, requests []string) {
	x.fs.take()
	result, err := x.client(0).call(command)
	if err != nil {
		x.fail("%s: %v", command, err)
	}
	return result, x.fs.take()
}

// prepare has the client carry out commands whose requests do not matter.
func (x *experiment) prepare(commands ...string) {
	for _, c := range commands {
		x.do(c)
	}
}

// unused waits until the kernel has no file open but what the client has: it closes files, and learns of it later.
func (x *experiment) unused(paths ...string) {
	for _, path := range paths {
		ino := x.fs.ino(path)
		x.until(func() bool { return x.fs.released(ino) }, func() string { return "the Release of " + path })
	}
}

// step is do for a command that must cause exactly these requests.
func (x *experiment) step(command string, want ...string) (result string) {
	result, got := x.do(command)
	if !sameRequests(got, want) {
		x.fail("%s: requests\n got  %s\n want %s", command, describe(got), describe(want))
	}
	return result
}

// gives is step for a command that must have that result, too.
func (x *experiment) gives(result, command string, want ...string) {
	if got := x.step(command, want...); got != result {
		x.fail("%s: got %q, want %q", command, got, result)
	}
}

// refused has the client carry out a command that must fail like that, after these requests.
func (x *experiment) refused(errno unix.Errno, command string, want ...string) {
	x.fs.take()
	_, err := x.client(0).call(command)
	x.check(err == errno, "%s: got error %v, want %v", command, err, errno)
	if got := x.fs.take(); !sameRequests(got, want) {
		x.fail("%s: requests\n got  %s\n want %s", command, describe(got), describe(want))
	}
}

// eventually waits for a result of a command.
func (x *experiment) eventually(result, command string) {
	got := ""
	x.until(func() bool {
		got, _ = x.do(command)
		return got == result
	}, func() string { return command + ": got " + got + ", want " + result })
}

// until waits for a condition.
func (x *experiment) until(ok func() bool, what func() string) {
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			x.fail("not within %v: %s", patience, what())
		}
		wait := time.NewTimer(5 * time.Millisecond)
		<-wait.C
	}
}

// ok is for a notification that must succeed.
func (x *experiment) ok(err error) {
	var unsupported *lowlevel.UnsupportedError
	if errors.As(err, &unsupported) {
		panic(unsupported)
	}
	if err != nil {
		x.fail("notification: %v", err)
	}
}

// is is for a notification that must fail like that.
func (x *experiment) is(err, want error) {
	if isErrno(want) {
		x.errored = true // libfuse prints it
	}
	if !errors.Is(err, want) {
		if errors.Is(err, errors.ErrUnsupported) {
			x.ok(err)
		}
		x.fail("notification: got error %v, want %v", err, want)
	}
}

// hold keeps the next such request from being answered.
func (x *experiment) hold(format string, args ...any) *hold {
	h := x.fs.hold(format, args...)
	x.held = append(x.held, h)
	return h
}

// reached waits until the request is there.
func (x *experiment) reached(h *hold) {
	select {
	case <-h.arrived:
	case <-time.After(patience):
		x.fail("there was no request %s", h.request)
	}
}

// background is a command that another client carries out meanwhile.
type background struct {
	command string
	done    chan struct{}
	result  string
	err     error
}

// start has another client (1, 2, ...) carry out a command, and returns at once.
func (x *experiment) start(i int, command string) *background {
	b := &background{command: command, done: make(chan struct{})}
	c := x.client(i)
	go func() {
		defer close(b.done)
		b.result, b.err = c.call(command)
	}()
	return b
}

// result waits for the end of a command.
func (x *experiment) result(b *background) string {
	select {
	case <-b.done:
	case <-time.After(patience):
		x.fail("%s: not done after %v", b.command, patience)
	}
	if b.err != nil {
		x.fail("%s: %v", b.command, b.err)
	}
	return b.result
}

// caught has another client carry out a command, and returns when its request is there and waits for an answer.
func (x *experiment) caught(command, request string) (*background, *hold) {
	h := x.hold("%s", request)
	b := x.start(1, command)
	x.reached(h)
	return b, h
}

// blocks checks that a notification does not return. It stays in the kernel: see settled.
func (x *experiment) blocks(call func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), glance)
	defer cancel()
	if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
		x.fail("got %v; it did not wait", err)
	}
	if got := x.n.Blocked(); got != 1 {
		x.fail("Blocked: got %d, want 1", got)
	}
}

// settled waits for the notification that was blocked.
func (x *experiment) settled() {
	x.until(func() bool { return x.n.Blocked() == 0 }, func() string { return "the notification that was blocked is through" })
}

// lines keeps what libfuse logs.
type lines struct {
	mu   sync.Mutex
	list []string
}

var libraryLog lines

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, strings.TrimSpace(string(p)))
	return len(p), nil
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
