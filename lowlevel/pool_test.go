package lowlevel_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// gated is a filesystem whose Access handlers wait until they are let go.
type gated struct {
	*lowlevel.Ops
	entered chan struct{}
	leave   chan struct{}
	inside  atomic.Int32
	most    atomic.Int32
}

func newGated() *gated {
	g := &gated{Ops: oneFile(), entered: make(chan struct{}, 100), leave: make(chan struct{})}
	g.Access = func(*lowlevel.Request, lowlevel.Ino, uint32) error {
		n := g.inside.Add(1)
		defer g.inside.Add(-1)
		for m := g.most.Load(); n > m && !g.most.CompareAndSwap(m, n); m = g.most.Load() {
		}
		g.entered <- struct{}{}
		<-g.leave
		return nil
	}
	return g
}

// block has n handlers wait, and returns the numbers of their requests.
func (g *gated) block(t *testing.T, k *fusetest.Served, n int) (uniques []uint64) {
	t.Helper()
	for range n {
		req := fusetest.Access(1, 0)
		require.NoError(t, k.Send(req))
		uniques = append(uniques, req.Unique)
		select {
		case <-g.entered:
		case <-time.After(5 * time.Second):
			t.Fatalf("only %d of %d handlers were called", len(uniques)-1, n)
		}
	}
	return uniques
}

func answered(t *testing.T, k *fusetest.Served, uniques []uint64) {
	t.Helper()
	for _, u := range uniques {
		rep, err := k.Reply(u)
		require.NoError(t, err)
		assert.Zero(t, rep.Errno)
	}
}

func TestPool_BlockedHandlersDoNotStopOthers(t *testing.T) {
	const threads = 4
	g := newGated()
	k := serveConfig(t, g.Ops, lowlevel.Config{MaxThreads: threads})
	waiting := g.block(t, k, threads-1)
	for range 100 {
		k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{}))
	}
	close(g.leave)
	answered(t, k, waiting)
}

func TestPool_MaxThreadsIsALimit(t *testing.T) {
	const threads = 3
	g := newGated()
	k := serveConfig(t, g.Ops, lowlevel.Config{MaxThreads: threads})
	waiting := g.block(t, k, threads)
	more := fusetest.Access(1, 0)
	require.NoError(t, k.Send(more))
	// The fourth is called only once one of the three has returned.
	g.leave <- struct{}{}
	<-g.entered
	close(g.leave)
	answered(t, k, append(waiting, more.Unique))
	assert.EqualValues(t, threads, g.most.Load(), "handlers at a time")
}

func TestPool_SingleThreadCallsOneHandlerAtATime(t *testing.T) {
	g := newGated()
	k := serveConfig(t, g.Ops, lowlevel.Config{SingleThread: true})
	close(g.leave)
	var uniques []uint64
	for range 50 {
		req := fusetest.Access(1, 0)
		require.NoError(t, k.Send(req))
		uniques = append(uniques, req.Unique)
	}
	answered(t, k, uniques)
	assert.EqualValues(t, 1, g.most.Load(), "handlers at a time")
}

// With detached replies one thread is enough for any number of requests that wait, and forgets and interrupts get through.
func TestPool_DetachedRequestsHoldNoThread(t *testing.T) {
	ops := oneFile()
	var forgotten atomic.Int32
	ops.Forget = func(*lowlevel.Request, lowlevel.Ino, uint64) { forgotten.Add(1) }
	interrupted := make(chan struct{}, 10)
	ops.Access = func(req *lowlevel.Request, _ lowlevel.Ino, _ uint32) error {
		reply := req.Detach()
		go func() {
			<-reply.Context().Done()
			interrupted <- struct{}{}
			assert.NoError(t, reply.Err(unix.EINTR))
		}()
		return nil
	}
	k := serveConfig(t, ops, lowlevel.Config{SingleThread: true})
	var waiting []*fusetest.Request
	for range 20 {
		req := fusetest.Access(1, 0)
		require.NoError(t, k.Send(req))
		waiting = append(waiting, req)
	}
	require.NoError(t, k.Send(fusetest.Forget(2, 1)))
	k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{}))
	assert.EqualValues(t, 1, forgotten.Load(), "forgets")
	for _, req := range waiting {
		require.NoError(t, k.Send(fusetest.Interrupt(req.Unique)))
		<-interrupted
		rep, err := k.Reply(req.Unique)
		require.NoError(t, err)
		assert.Equal(t, unix.EINTR, rep.Errno)
	}
}

func TestPool_IdleThreadsEnd(t *testing.T) {
	g := newGated()
	before := servers(t)
	k := serveConfig(t, g.Ops, lowlevel.Config{MaxThreads: 8, MaxIdleThreads: 2})
	waiting := g.block(t, k, 7)
	assert.GreaterOrEqual(t, servers(t)-before, 7, "threads that serve")
	close(g.leave)
	answered(t, k, waiting)
	fusetest.Eventually(t, 5*time.Second, "superfluous threads have ended", func() bool {
		k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{}))
		return servers(t)-before <= 3 // two idle ones and the one that looks after them
	})
}

// servers counts the threads of this process that were made by the pool.
func servers(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	require.NoError(t, err)
	n := 0
	for _, name := range names {
		comm, _ := os.ReadFile(name)
		if strings.HasPrefix(string(comm), "fuse-worker") {
			n++
		}
	}
	return n
}

// Whatever clients and handlers do, every request is answered, once.
func TestPool_ManyClientsManyHandlers(t *testing.T) {
	for name, cfg := range map[string]lowlevel.Config{
		"default":       {},
		"two threads":   {MaxThreads: 2},
		"no idle ones":  {MaxIdleThreads: lowlevel.LeastIdle},
		"single thread": {SingleThread: true},
	} {
		t.Run(name, func(t *testing.T) {
			ops := oneFile()
			ops.Access = func(_ *lowlevel.Request, _ lowlevel.Ino, mask uint32) error {
				if mask == 1 {
					<-time.After(time.Millisecond) // a slow one
				}
				return nil
			}
			k := serveConfig(t, ops, cfg)
			var wg sync.WaitGroup
			for client := range 8 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for i := range 200 {
						slow := uint32(0)
						if i%20 == client {
							slow = 1
						}
						if rep, err := k.Call(fusetest.Access(1, slow)); err != nil || rep.Errno != 0 {
							t.Errorf("client %d, request %d: got %v %v", client, i, rep.Errno, err)
							return
						}
					}
				}()
			}
			wg.Wait()
		})
	}
}
