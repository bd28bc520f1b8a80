package notify

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// every calls all notifications of things that the kernel does not know.
func every(n *lowlevel.Notifier) map[string]error {
	const nobody = 4711
	_, storeBuf := n.StoreBuf(nobody, 0, lowlevel.BufMem(letters(1, "z")))
	_, retrieve := n.Retrieve(context.Background(), nobody, 0, page)
	all := map[string]error{
		"InvalInode":      n.InvalInode(nobody),
		"InvalInodeRange": n.InvalInodeRange(nobody, 0, 1),
		"InvalInodeAttr":  n.InvalInodeAttr(nobody),
		"InvalEntry":      n.InvalEntry(nobody, "x"),
		"ExpireEntry":     n.ExpireEntry(nobody, "x"),
		"Delete":          n.Delete(nobody, nobody, "x"),
		"Store":           n.Store(nobody, 0, letters(1, "z")),
		"StoreBuf":        storeBuf,
		"StartRetrieve":   n.StartRetrieve(nobody, 0, page, 1),
		"RetrieveFunc":    n.RetrieveFunc(nobody, 0, page, func([]byte, error) {}),
		"Retrieve":        retrieve,
		"Resend":          n.Resend(),
		"IncrementEpoch":  n.IncrementEpoch(),
		"Prune":           n.Prune(nobody),
	}
	maps.DeleteFunc(all, func(_ string, err error) bool { return errors.Is(err, errors.ErrUnsupported) }) // by an older kernel
	return all
}

// neverFail are those that say nothing of what the kernel knows.
var neverFail = map[string]bool{"Resend": true, "IncrementEpoch": true, "Prune": true}

func (x *experiment) everyIs(when string, n *lowlevel.Notifier, want error) {
	for name, err := range every(n) {
		want := want
		if want == lowlevel.ErrNotCached && neverFail[name] {
			want = nil
		}
		x.check(errors.Is(err, want), "%s: %s: got error %v, want %v", when, name, err, want)
	}
}

// Errors are typed in every state of a session, and nothing is printed.
func TestSession_BeforeAndAfter(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		other, err := lowlevel.New(&lowlevel.Ops{}, lowlevel.Config{})
		x.must(err)
		x.everyIs("not mounted", other.Notifier(), lowlevel.ErrNotMounted)
		x.must(other.Mount(newDir(t)))
		x.everyIs("mounted, not served", other.Notifier(), lowlevel.ErrNotCached)
		x.must(other.Close())
		x.everyIs("closed", other.Notifier(), lowlevel.ErrClosed)
		x.everyIs("served", x.n, lowlevel.ErrNotCached)
		_, err = x.client(0).call("umount .")
		x.must(err)
		x.must(x.session.Close())
		x.everyIs("unmounted from outside", x.n, lowlevel.ErrClosed)
	})
}

func newDir(t *testing.T) string {
	t.Helper()
	return t.TempDir()
}

func TestSession_Aborted(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.must(fusetest.Abort(x.dir))
		x.until(func() bool { return errors.Is(x.n.IncrementEpoch(), lowlevel.ErrClosed) }, func() string { return "the session has noticed" })
		x.everyIs("aborted", x.n, lowlevel.ErrClosed)
	})
}

// While a session is mounted and closed, the calls of other goroutines give one of the errors that they may.
func TestSession_Meanwhile(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	for range 5 {
		s, err := lowlevel.New(&lowlevel.Ops{}, lowlevel.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					select {
					case <-stop:
						return
					default:
					}
					for name, err := range every(s.Notifier()) {
						if err != nil && !errors.Is(err, lowlevel.ErrNotMounted) && !errors.Is(err, lowlevel.ErrNotCached) && !errors.Is(err, lowlevel.ErrClosed) {
							t.Errorf("%s: got error %v", name, err)
							return
						}
					}
				}
			}()
		}
		dir := newDir(t)
		fusetest.Watchdog(t, patience, dir)
		if err := s.Mount(dir); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(context.Background()) }()
		if out := fusetest.Run(t, patience, "umount", dir); out != "" {
			t.Errorf("umount: %s", out)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
	}
}

// A notification that waits when the session is closed returns.
func TestSession_ClosedWhileBlocked(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d/g")
		d := x.fs.ino("d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(d, "g") })
		got := make(chan error, 1)
		go func() { got <- x.n.InvalEntry(d, "g") }()
		closed := make(chan error, 1)
		go func() { closed <- x.session.Close() }()
		x.until(func() bool { return errors.Is(x.n.IncrementEpoch(), lowlevel.ErrClosed) }, func() string { return "the session is being closed" })
		h.answer()
		x.ok(<-closed)
		if err := <-got; err != nil && !errors.Is(err, lowlevel.ErrClosed) && !errors.Is(err, lowlevel.ErrNotCached) {
			x.fail("got error %v", err)
		}
		x.settled()
		<-b.done
	})
}

// From a handler, what could wait for requests is refused, and the rest works.
func TestHandler_Notifies(t *testing.T) {
	inside, after := make(chan map[string]error, 1), make(chan map[string]error, 1)
	s := setup{ops: func(_ *tree, ops *lowlevel.Ops) {
		ops.Readlink = func(req *lowlevel.Request, _ lowlevel.Ino) (string, error) {
			n := req.Session().Notifier()
			if req.Resent() {
				return "target", nil
			}
			inside <- every(n) // Resend among them, which sends this very request again
			req.AfterReply(func() { after <- every(n) })
			return "target", nil
		}
	}}
	run(t, s, func(x *experiment) {
		x.prepare("readlink link")
		want := map[string]error{
			"InvalInodeAttr": lowlevel.ErrNotCached, "IncrementEpoch": nil, "Resend": nil,
			"StartRetrieve": lowlevel.ErrNotCached, "RetrieveFunc": lowlevel.ErrNotCached,
		}
		for name, err := range <-inside {
			w, works := want[name]
			if !works {
				w = lowlevel.ErrInHandler
			}
			x.check(errors.Is(err, w), "%s: got error %v, want %v", name, err, w)
		}
		for name, err := range <-after {
			w := lowlevel.ErrNotCached
			if neverFail[name] {
				w = nil
			}
			x.check(errors.Is(err, w), "after the reply: %s: got error %v, want %v", name, err, w)
		}
	})
}

// A context that ends gives the caller back, not the message: that takes effect later.
func TestWithContext_GivesUp(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d/g")
		d := x.fs.ino("d")
		b, h := x.caught("stat d/new", "LOOKUP /d/new")
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(d, "g") })
		x.step("stat d/g") // still known
		h.answer()
		<-b.done
		x.settled()
		x.step("stat d/g", "LOOKUP /d/g")
		ctx, cancel := context.WithCancel(context.Background())
		x.ok(x.n.WithContext(ctx).InvalEntry(d, "g"))
		cancel()
		x.is(x.n.WithContext(ctx).InvalEntry(d, "g"), context.Canceled)
		x.check(x.n.Blocked() == 0, "Blocked: got %d", x.n.Blocked())
	})
}

// Before Serve nobody answers requests: what has to wait for one waits until then.
func TestSession_BetweenMountAndServe(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	x := &experiment{fs: newTree(setup{}), dir: newDir(t)}
	s, err := lowlevel.New(x.fs.ops(), lowlevel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x.session, x.n = s, s.Notifier()
	if err := s.Mount(x.dir); err != nil {
		t.Fatal(err)
	}
	fusetest.Watchdog(t, time.Minute, x.dir)
	b := x.start(1, "stat f")
	// The lookup is under way once an entry of the root cannot be dropped any more.
	blocked := func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(lowlevel.RootIno, "g") }
	fusetest.Eventually(t, patience, "a notification that waits", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), glance)
		defer cancel()
		return errors.Is(blocked(ctx), context.DeadlineExceeded)
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	fusetest.Eventually(t, patience, "its end", func() bool { return x.n.Blocked() == 0 })
	<-b.done
	if b.err != nil {
		t.Error(b.err)
	}
	x.release()
	if err := errors.Join(s.Close(), <-served); err != nil {
		t.Error(err)
	}
}

// A handler that has detached and replied may notify, if it is not the only thread.
func TestHandler_NotifiesAfterItsReply(t *testing.T) {
	for _, row := range []struct {
		name   string
		config lowlevel.Config
		want   error
	}{
		{"threads", lowlevel.Config{}, nil},
		{"two threads", lowlevel.Config{MaxThreads: 2}, nil},
		{"single thread", lowlevel.Config{SingleThread: true}, lowlevel.ErrInHandler},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := make(chan error, 1)
			s := setup{config: row.config, ops: func(fs *tree, ops *lowlevel.Ops) {
				ops.Readlink = func(req *lowlevel.Request, _ lowlevel.Ino) (string, error) {
					if err := req.Detach().Readlink("target"); err != nil {
						return "", err
					}
					got <- req.Session().Notifier().InvalEntry(lowlevel.RootIno, "f")
					return "", nil
				}
			}}
			run(t, s, func(x *experiment) {
				x.prepare("stat f", "readlink link")
				x.is(<-got, row.want)
			})
		})
	}
}

// What libfuse prints of a notification that fails is logged, and nothing of one that finds nothing.
func TestSession_WhatIsLogged(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat f")
		x.everyIs("served", x.n, lowlevel.ErrNotCached)
		if got := libraryLog.take(); len(got) != 0 {
			x.fail("not cached: logged %q", got)
		}
		x.is(x.n.InvalEntry(x.fs.ino("f"), "x"), unix.ENOTDIR)
		// Not every C library lets its stderr be caught.
		for _, line := range libraryLog.take() {
			x.check(strings.Contains(line, "fuse: writing device: Not a directory"), "logged %q", line)
		}
	})
}
