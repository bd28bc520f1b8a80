package lowlevel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// waitContext returns what a handler's wait for its context ends with.
func waitContext(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return unix.ETIMEDOUT
	}
}

func send(t testing.TB, k *fusetest.Served, r *fusetest.Request) uint64 {
	t.Helper()
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	return r.Unique
}

func wantReply(t testing.TB, k *fusetest.Served, what string, unique uint64, errno unix.Errno) {
	t.Helper()
	r, err := k.Reply(unique)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	want := okMessage(unique, nil)
	if errno != 0 {
		want = errMessage(unique, errno)
	}
	wantBytes(t, what, r.Bytes(), want)
}

// TestFake_InterruptEndsTheContext of a handler that waits on the thread that called it, and of one that has detached.
func TestFake_InterruptEndsTheContext(t *testing.T) {
	waiting := make(chan struct{}, 2)
	causes := make(chan error, 2)
	wait := func(ctx context.Context) error {
		waiting <- struct{}{}
		err := waitContext(ctx)
		causes <- context.Cause(ctx)
		return err
	}
	k := serveConfig(t, &lowlevel.Ops{
		Unlink: func(r request, _ ino, _ string) error {
			err := wait(r.Context())
			if !r.Interrupted() {
				t.Error("Interrupted is false")
			}
			return err
		},
		Rmdir: func(r request, _ ino, _ string) error {
			rep := r.Detach()
			go func() {
				if err := rep.Err(wait(rep.Context())); err != nil {
					t.Errorf("reply: %v", err)
				}
			}()
			return nil
		},
	}, lowlevel.Config{})
	for _, r := range []*fusetest.Request{fusetest.Unlink(1, "n"), fusetest.Rmdir(1, "n")} {
		unique := send(t, k, r)
		<-waiting
		send(t, k, fusetest.Interrupt(unique))
		wantReply(t, k, r.Opcode.String(), unique, unix.EINTR)
		if cause := <-causes; !errors.Is(cause, lowlevel.ErrInterrupted) {
			t.Errorf("%v: cause: got %v, want ErrInterrupted", r.Opcode, cause)
		}
	}
}

// TestFake_InterruptsOnlyTheOne that it names.
func TestFake_InterruptsOnlyTheOne(t *testing.T) {
	type waiter struct {
		rep reply
		ctx context.Context
	}
	waiters := make(chan waiter, 3)
	k := serve(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		ctx := r.Context()
		rep := r.Detach()
		if rep.Context() != ctx {
			t.Error("the context has changed by Detach")
		}
		waiters <- waiter{rep, ctx}
		return nil
	}})
	var uniques []uint64
	var list []waiter
	for range 3 {
		uniques = append(uniques, send(t, k, fusetest.Unlink(1, "n")))
		list = append(list, <-waiters)
	}
	send(t, k, fusetest.Interrupt(uniques[1]))
	if err := waitContext(list[1].ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	settle(t, k)
	for i, w := range list {
		if err := w.ctx.Err(); (err != nil) != (i == 1) {
			t.Errorf("context %d: got %v", i, err)
		}
		if err := w.rep.Err(unix.EBUSY); err != nil {
			t.Error(err)
		}
		wantReply(t, k, "unlink", uniques[i], unix.EBUSY)
		if w.ctx.Err() == nil {
			t.Errorf("context %d: alive after the reply", i)
		}
	}
}

// TestFake_InterruptBeforeTheRequest: the two may come in any order.
func TestFake_InterruptBeforeTheRequest(t *testing.T) {
	k := serve(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		if !r.Interrupted() {
			t.Error("Interrupted is false")
		}
		return waitContext(r.Context())
	}})
	r := fusetest.Unlink(1, "n").WithUnique(k.NextUnique())
	send(t, k, fusetest.Interrupt(r.Unique))
	wantReply(t, k, "unlink", send(t, k, r), unix.EINTR)
}

// TestFake_InterruptOfNobody is answered EAGAIN with the next request: the kernel then sends it again.
func TestFake_InterruptOfNobody(t *testing.T) {
	k := serve(t, &lowlevel.Ops{})
	r := k.MustCall(t, fusetest.Statfs(1))
	late := fusetest.Interrupt(r.Unique)
	send(t, k, late)
	settle(t, k)
	wantReply(t, k, "interrupt", late.Unique, unix.EAGAIN)
	settle(t, k)
}

// TestFake_InterruptsAndRepliesRace: whoever comes first, there is one reply, and nothing is left.
func TestFake_InterruptsAndRepliesRace(t *testing.T) {
	k := serveConfig(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		rep := r.Detach()
		go func() {
			if rep.Context().Err() != nil {
				_ = rep.Err(unix.EINTR)
				return
			}
			_ = rep.Err(nil)
		}()
		return nil
	}}, lowlevel.Config{})
	for range 300 {
		unique := send(t, k, fusetest.Unlink(1, "n"))
		send(t, k, fusetest.Interrupt(unique))
		if _, err := k.Reply(unique); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // an interrupt that comes too late is kept by libfuse until the next request, or leaked
		k.MustCall(t, fusetest.Statfs(1))
	}
}

// TestFake_ManyWaitersDoNotStopOthers: requests that are detached keep no thread.
func TestFake_ManyWaitersDoNotStopOthers(t *testing.T) {
	const n = 100
	replies := make(chan reply, n)
	forgets := make(chan uint64, 1)
	k := serve(t, &lowlevel.Ops{
		Setlk: func(r request, _ ino, _ file, _ *lowlevel.FileLock, sleep bool) error {
			replies <- r.Detach()
			return nil
		},
		Forget: func(_ request, ino lowlevel.Ino, n uint64) { forgets <- n },
	})
	var uniques []uint64
	for range n {
		uniques = append(uniques, send(t, k, fusetest.Setlkw(1, fusetest.LkIn{})))
	}
	send(t, k, fusetest.Forget(1, 42))
	select {
	case got := <-forgets:
		if got != 42 {
			t.Errorf("forget: got %d, want 42", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a forget does not get through")
	}
	for i := range n {
		if err := (<-replies).Err(nil); err != nil {
			t.Error(err)
		}
		wantReply(t, k, "setlkw", uniques[i], 0)
	}
}
