package lowlevel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// wantFrom calls each of the notices and checks its error: want if it may block, nil if not. It may be called in a handler.
func wantFrom(t *testing.T, where string, n notifier, list []notice, want error) {
	t.Helper()
	for _, tt := range list {
		expect := want
		if !tt.blocks {
			expect = nil
		}
		if err := tt.call(n); !errors.Is(err, expect) {
			t.Errorf("%s in %s: got error %v, want %v", tt.name, where, err, expect)
		}
	}
}

// From a handler that has not replied, what could block is refused. What cannot is not.
func TestNotifier_InHandler(t *testing.T) {
	list := withContext(refusable(t))
	tried := map[string]bool{}
	ops := allOps(func(field string, args []any) error {
		wantFrom(t, field, args[0].(request).Session().Notifier(), list, lowlevel.ErrInHandler)
		tried[field] = true
		return nil
	})
	ops.Forget, ops.RetrieveReply, ops.Statfs = nil, nil, nil // Statfs is for wantNoNotice
	s := newSession(t, ops, lowlevel.Config{})
	k := fusetest.Start(t, s)
	notBlocking := 0
	for _, tt := range list {
		if !tt.blocks {
			notBlocking++
		}
	}
	for _, v := range validRequests() {
		if v.field == "Statfs" || !v.here() {
			continue
		}
		k.MustCall(t, v.req)
		if !tried[v.field] {
			t.Errorf("%s was not called", v.field)
		}
		for range notBlocking {
			if _, err := k.Notification(10 * time.Second); err != nil {
				t.Fatalf("%s: %v", v.field, err)
			}
		}
		wantNoNotice(t, k, v.field)
	}
}

func TestNotifier_InHandlersOfBuffers(t *testing.T) {
	list := withContext(refusable(t))
	ops := oneFile()
	ops.ReadBuf = func(req request, _ ino, _ int, _ int64, _ file) (lowlevel.BufVec, error) {
		wantFrom(t, "ReadBuf", req.Session().Notifier(), list, lowlevel.ErrInHandler)
		return nil, nil
	}
	ops.WriteBuf = func(req request, _ ino, v lowlevel.BufVec, _ int64, _ file) (int, error) {
		wantFrom(t, "WriteBuf", req.Session().Notifier(), list, lowlevel.ErrInHandler)
		return v.Size(), nil
	}
	k := fusetest.Start(t, newSession(t, ops, lowlevel.Config{}))
	for _, req := range []*fusetest.Request{
		fusetest.Read(2, fusetest.ReadIn{Size: 10}),
		fusetest.Write(2, fusetest.WriteIn{}, []byte("data")),
	} {
		if rep := k.MustCall(t, req); rep.Errno != 0 {
			t.Errorf("%v: got %v", req.Opcode, rep.Errno)
		}
	}
}

// In Init nothing is mounted yet, in Destroy nothing any more.
func TestNotifier_InInitAndDestroy(t *testing.T) {
	list := withContext(refusable(t))
	var s *lowlevel.Session
	called := 0
	check := func(where string, want error) {
		called++
		for _, tt := range list {
			if err := tt.call(s.Notifier()); !errors.Is(err, want) {
				t.Errorf("%s in %s: got error %v, want %v", tt.name, where, err, want)
			}
		}
	}
	ops := oneFile()
	ops.Init = func(*lowlevel.ConnInfo) { check("Init", lowlevel.ErrNotMounted) }
	ops.Destroy = func() { check("Destroy", lowlevel.ErrClosed) }
	s = newSession(t, ops, lowlevel.Config{})
	k := fusetest.Start(t, s)
	wantNoNotice(t, k, "Init")
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if called != 2 {
		t.Errorf("got %d calls of handlers, want 2", called)
	}
}

// threads are how a session may be served.
var threads = []struct {
	name   string
	cfg    lowlevel.Config
	single bool
}{
	{"several threads", lowlevel.Config{}, false},
	{"two threads", lowlevel.Config{MaxThreads: 2}, false},
	{"one thread", lowlevel.Config{MaxThreads: 1}, true},
	{"SingleThread", lowlevel.Config{SingleThread: true}, true},
}

// After the reply the kernel does not wait for the handler, but if it is the only one who reads, nobody does.
func TestNotifier_InHandlerAfterReply(t *testing.T) {
	list := withContext(notices())
	for _, tt := range threads {
		want := error(nil)
		if tt.single {
			want = lowlevel.ErrInHandler
		}
		t.Run(tt.name, func(t *testing.T) {
			ops := oneFile()
			done := make(chan struct{})
			ops.Access = func(req request, _ ino, _ uint32) error {
				defer close(done)
				n := req.Session().Notifier()
				reply := req.Detach()
				wantFrom(t, "a handler that has detached", n, list, lowlevel.ErrInHandler)
				if err := reply.Err(nil); err != nil {
					t.Error(err)
				}
				wantFrom(t, "a handler that has replied", n, list, want)
				return nil
			}
			k := serveConfig(t, ops, tt.cfg)
			k.MustCall(t, fusetest.Access(1, 0))
			waitFor(t, done, "the handler's end")
		})
		t.Run(tt.name+", no reply", func(t *testing.T) {
			ops := oneFile()
			done := make(chan struct{})
			ops.Forget = func(req request, _ ino, _ uint64) {
				defer close(done)
				wantFrom(t, "Forget", req.Session().Notifier(), list, want)
			}
			k := serveConfig(t, ops, tt.cfg)
			send(t, k, fusetest.Forget(2, 1))
			waitFor(t, done, "Forget")
		})
	}
}

// What is not the handler's own goroutine is free, and so is a handler of another session.
func TestNotifier_OutsideOfHandlers(t *testing.T) {
	list := withContext(notices())
	for _, tt := range threads {
		t.Run(tt.name, func(t *testing.T) {
			ops := oneFile()
			other := newSession(t, oneFile(), tt.cfg)
			fusetest.Start(t, other)
			done := make(chan struct{})
			ops.Access = func(req request, _ ino, _ uint32) error {
				n := req.Session().Notifier()
				wantFrom(t, "a handler of another session", other.Notifier(), list, nil)
				req.AfterReply(func() {
					defer close(done)
					wantFrom(t, "AfterReply", n, list, nil)
				})
				aside := make(chan struct{})
				go func() {
					defer close(aside)
					wantFrom(t, "a goroutine that a handler waits for", n, list, nil)
				}()
				<-aside
				return nil
			}
			k := serveConfig(t, ops, tt.cfg)
			if rep := k.MustCall(t, fusetest.Access(1, 0)); rep.Errno != 0 {
				t.Errorf("got %v", rep.Errno)
			}
			waitFor(t, done, "what is to be done after the reply")
		})
	}
}

// Of two threads one may wait in a notification. Should both, nobody would read.
func TestNotifier_LastFreeThread(t *testing.T) {
	for name, wrap := range map[string]func(notifier) notifier{
		"plain":   func(n notifier) notifier { return n },
		"context": func(n notifier) notifier { return n.WithContext(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			ops := oneFile()
			full := make(chan struct{})
			results := make(chan error, 2)
			ops.Access = func(req request, _ ino, _ uint32) error {
				if err := req.Detach().Err(nil); err != nil {
					t.Error(err)
				}
				<-full
				results <- wrap(req.Session().Notifier()).InvalInode(1)
				return nil
			}
			k := startDeaf(t, ops, lowlevel.Config{MaxThreads: 2})
			for unique := range uint64(2) {
				k.send(fusetest.Access(1, 0).WithUnique(4 + unique))
				k.read() // the reply
			}
			k.fill()
			close(full)
			wantError(t, "one of both", results, lowlevel.ErrInHandler)
			waitInSend(t, "gf_notify_inval_inode")
			k.drain()
			wantError(t, "the other", results, nil)

			k.send(fusetest.Access(1, 0).WithUnique(6))
			k.read()
			wantError(t, "after both have returned", results, nil)
		})
	}
}

// wantError checks the next error to come.
func wantError(t *testing.T, what string, results <-chan error, want error) {
	t.Helper()
	select {
	case err := <-results:
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", what, err, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing within 10 s", what)
	}
}

func waitFor(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("not within 10 s: %s", what)
	}
}
