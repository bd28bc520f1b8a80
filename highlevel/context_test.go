package highlevel

import (
	"context"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// newContextRig serves f, whose Read is read.
func newContextRig(t testing.TB, read func(ctx context.Context) error, change ...func(*Operations, *Config)) (*rig, uint64) {
	r := newRig(t, newMemFS().put("f"), append([]func(*Operations, *Config){func(ops *Operations, _ *Config) {
		ops.Read = func(ctx context.Context, _ string, _ []byte, _ int64, _ *FileInfo) (int, error) { return 0, read(ctx) }
	}}, change...)...)
	return r, r.lookup(1, "f")
}

func TestContext_AnInterruptCancelsIt(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(ctx context.Context) error
	}{
		{"itself", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		{"a child", func(ctx context.Context) error {
			child, cancel := context.WithTimeout(context.WithValue(ctx, t, 1), time.Hour)
			defer cancel()
			<-child.Done()
			return child.Err()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			running, interrupted := make(chan struct{}), false
			r, f := newContextRig(t, func(ctx context.Context) error {
				if Interrupted(ctx) {
					t.Error("Interrupted before there is an interrupt")
				}
				close(running)
				err := c.wait(ctx)
				interrupted = Interrupted(ctx)
				return err
			})
			read := r.send(fusetest.Read(f, fusetest.ReadIn{Size: 1}))
			<-running
			r.send(fusetest.Interrupt(read))
			r.answer(read, syscall.EINTR)
			same(t, "Interrupted", interrupted, true)
		})
	}
}

func TestContext_TheEndOfTheSessionCancelsIt(t *testing.T) {
	running, ended := make(chan struct{}), make(chan error, 1)
	r, f := newContextRig(t, func(ctx context.Context) error {
		close(running)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	})
	r.send(fusetest.Read(f, fusetest.ReadIn{Size: 1}))
	<-running
	r.forget(f, 1, func(n *node) bool { return n.nlookup == 0 })
	_ = r.Close()
	if cause := <-ended; cause != lowlevel.ErrShutdown {
		t.Errorf("cause: got %v, want %v", cause, lowlevel.ErrShutdown)
	}
}

func TestContext_AfterTheOperation(t *testing.T) {
	for _, asked := range []bool{false, true} {
		kept := make(chan context.Context, 1)
		r, f := newContextRig(t, func(ctx context.Context) error {
			if asked && ctx.Err() != nil {
				t.Errorf("while it runs: got %v, want nil", ctx.Err())
			}
			kept <- ctx
			return nil
		}, func(ops *Operations, _ *Config) {
			ops.Init = func(*ConnInfo, *Config) any { return "private" }
		})
		r.want(0, fusetest.Read(f, fusetest.ReadIn{Size: 1}).As(1, 2, 3))
		ctx := <-kept
		select {
		case <-ctx.Done():
		case <-time.After(testTimeout):
			t.Error("the context of an operation that is over is not done")
		}
		same(t, "Err", ctx.Err(), context.Canceled)
		same(t, "Interrupted", Interrupted(ctx), false)
		if _, err := Groups(ctx); err != syscall.EINVAL {
			t.Errorf("Groups: got %v, want EINVAL", err)
		}
		same(t, "caller", CallerOf(ctx), Caller{UID: 1, GID: 2, PID: 3})
		same(t, "private data", PrivateData(ctx), any("private"))
	}
}

func TestContext_CallerGroupsAndPrivateData(t *testing.T) {
	type seen struct {
		caller  Caller
		groups  []uint32
		err     error
		private any
		value   any
	}
	got := make(chan seen, 1)
	type key struct{}
	r, f := newContextRig(t, func(ctx context.Context) error {
		ctx = context.WithValue(ctx, key{}, "value") // what is asked works for contexts made of it
		groups, err := Groups(ctx)
		got <- seen{CallerOf(ctx), groups, err, PrivateData(ctx), ctx.Value(key{})}
		return nil
	}, func(ops *Operations, _ *Config) {
		ops.Init = func(*ConnInfo, *Config) any { return 42 }
	})
	r.want(0, fusetest.Read(f, fusetest.ReadIn{Size: 1}).As(7, 8, uint32(os.Getpid())))
	s := <-got
	same(t, "caller", s.caller, Caller{UID: 7, GID: 8, PID: uint32(os.Getpid())})
	same(t, "private data", s.private, any(42))
	same(t, "value", s.value, any("value"))
	var want []uint32
	own, _ := os.Getgroups()
	for _, g := range own {
		want = append(want, uint32(g))
	}
	slices.Sort(s.groups)
	slices.Sort(want)
	if s.err != nil || !slices.Equal(s.groups, want) {
		t.Errorf("groups: got %v, %v, want %v", s.groups, s.err, want)
	}
}

func TestContext_OfNoRequest(t *testing.T) {
	ctx := context.Background()
	same(t, "caller", CallerOf(ctx), Caller{})
	same(t, "private data", PrivateData(ctx), nil)
	same(t, "Interrupted", Interrupted(ctx), false)
	if _, err := Groups(ctx); err != syscall.EINVAL {
		t.Errorf("Groups: got %v, want EINVAL", err)
	}
}

// TestContext_OfAReusedRequest: what was kept must not see the next request that lowlevel puts in the same place.
func TestContext_OfAReusedRequest(t *testing.T) {
	kept := make(chan context.Context, 100)
	r, f := newContextRig(t, func(ctx context.Context) error { kept <- ctx; return nil })
	for range 50 {
		r.want(0, fusetest.Read(f, fusetest.ReadIn{Size: 1}).As(1, 1, 1))
	}
	running, pass := make(chan struct{}), make(chan struct{})
	r.mem.setBefore(func(op, _ string) error {
		if op == "getattr" {
			close(running)
			<-pass
		}
		return nil
	})
	u := r.send(fusetest.Getattr(f, fusetest.GetattrIn{}))
	<-running
	for range 50 {
		ctx := <-kept
		if ctx.Err() == nil || Interrupted(ctx) {
			t.Errorf("a context of a request that is over: got %v, %v", ctx.Err(), Interrupted(ctx))
		}
	}
	close(pass)
	r.answer(u, 0)
	runtime.KeepAlive(r)
}

func TestContext_InitAndDestroyOnce(t *testing.T) {
	var got []string
	r, f := newContextRig(t, func(context.Context) error { got = append(got, "read"); return nil }, func(ops *Operations, _ *Config) {
		ops.Init = func(_ *ConnInfo, cfg *Config) any {
			got = append(got, "init")
			cfg.AttrTimeout = 9 * time.Second // may be changed here
			return &got
		}
		ops.Destroy = func(private any) {
			same(t, "private data of Destroy", private, any(&got))
			got = append(got, "destroy")
		}
	})
	r.want(0, fusetest.Read(f, fusetest.ReadIn{Size: 1}))
	a, err := r.want(0, fusetest.Getattr(f, fusetest.GetattrIn{})).Attr()
	if a.AttrValid != 9 {
		t.Errorf("attr timeout that Init has set: got %d, %v, want 9", a.AttrValid, err)
	}
	r.forget(f, 1, nil)
	_ = r.Close()
	sameList(t, "calls", got, []string{"init", "read", "destroy"})
}
