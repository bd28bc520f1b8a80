package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

const (
	notifiers = 64 // goroutines
	clients   = 4  // processes
	// patience is how long an end may take that waits for nothing but this filesystem.
	patience = 20 * time.Second
)

// duration is how long to go on: STRESS_TIME, or 10 minutes where go test's -timeout is meant for that (`make stress`).
func duration(t *testing.T) time.Duration {
	t.Helper()
	const long, short, ending = 10 * time.Minute, 10 * time.Second, 2 * time.Minute
	left := 24 * time.Hour
	if end, ok := t.Deadline(); ok {
		left = time.Until(end) - ending
	}
	text := os.Getenv("STRESS_TIME")
	if text == "" {
		if testing.Short() || left < long {
			return short
		}
		return long
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("STRESS_TIME: %v", err)
	}
	if left < d {
		t.Fatalf("STRESS_TIME: %v do not fit into go test's -timeout", d)
	}
	return d
}

// TestNotify_Stress: nothing hangs, leaks or crashes, and every error is one that is documented.
func TestNotify_Stress(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	d := duration(t)
	warmThreads(t)
	fusetest.CheckLeaks(t)
	dir := t.TempDir()
	fusetest.Watchdog(t, d+time.Minute, dir)

	st := &stress{t: t, dir: dir, fs: newTree(), end: time.Now().Add(d)}
	st.fs.changed = func(n *lowlevel.Notifier, parent ino, name string) {
		st.check("InvalEntry after a reply", n.InvalEntry(parent, name))
	}
	pids, stopClients := startClients(t, dir, clients)
	st.clients = pids
	var sending sync.WaitGroup
	st.mount()
	for range notifiers {
		sending.Add(1)
		go func() {
			defer sending.Done()
			st.send()
		}()
	}
	for time.Now().Before(st.end) && !t.Failed() {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond) // what a mount lives for
		st.unmount()
		st.mount()
	}
	st.unmount()
	st.over.Store(true)
	wait(t, &sending, "the senders")
	stopClients()
	st.report(d)
}

// warmThreads has the runtime make the threads that it will need and keep, so that they are not taken for a leak.
func warmThreads(t *testing.T) {
	t.Helper()
	const many = 6 * notifiers
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range many {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, _ = unix.Read(p[0], make([]byte, 1)) // of a blocking pipe: each takes a thread
		}()
	}
	threads := func() int {
		list, _ := os.ReadDir("/proc/self/task")
		return len(list)
	}
	fusetest.Eventually(t, patience, "threads are made", func() bool { return threads() >= many })
	_, _ = unix.Write(p[1], make([]byte, many))
	wg.Wait()
	_, _ = unix.Close(p[0]), unix.Close(p[1])
}

// stress is the state of the test.
type stress struct {
	t    *testing.T
	dir  string
	fs   *tree
	end  time.Time
	now  atomic.Pointer[round] // the last session
	over atomic.Bool

	clients []int

	mounts  int
	longest time.Duration // of Close
	calls   atomic.Int64
	errs    sync.Map // text of an error: *atomic.Int64
}

// round is a session.
type round struct {
	session *lowlevel.Session
	n       *lowlevel.Notifier
	queue   *lowlevel.NotifyQueue
	cancel  context.CancelFunc
	served  chan error
}

// configs are ways to be served, in turn.
var configs = []struct {
	cfg       lowlevel.Config
	writeback bool
}{
	{},
	{writeback: true},
	{cfg: lowlevel.Config{SingleThread: true}},
	{cfg: lowlevel.Config{CloneFD: true}},
	{cfg: lowlevel.Config{MaxThreads: 2}, writeback: true},
}

func (st *stress) mount() {
	st.t.Helper()
	how := configs[st.mounts%len(configs)]
	st.mounts++
	how.cfg.DrainTimeout = patience
	s, err := lowlevel.New(st.fs.ops(func(c *lowlevel.ConnInfo) {
		if how.writeback {
			_ = c.Enable(lowlevel.CapWritebackCache)
		}
	}), how.cfg)
	if err != nil {
		st.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &round{session: s, n: s.Notifier(), cancel: cancel, served: make(chan error, 1)}
	r.queue = r.n.NewQueue(lowlevel.QueueConfig{Size: 1000, Workers: 8, OnError: func(err error) { st.check("queued", err) }})
	st.now.Store(r) // before it is mounted: ErrNotMounted
	if err := s.Mount(st.dir); err != nil {
		st.t.Fatalf("mount %d: %v", st.mounts, err)
	}
	go func() { r.served <- s.Serve(ctx) }()
}

// unmount ends the session in one of the ways there are.
func (st *stress) unmount() {
	st.t.Helper()
	r := st.now.Load()
	start := time.Now()
	way := rand.IntN(5)
	switch way {
	case 0:
		r.cancel()
	case 1:
		if err := r.session.Unmount(); err != nil {
			st.t.Errorf("Unmount: %v", err)
		}
	case 2:
		fusetest.Run(st.t, patience, "umount", "-l", st.dir)
		r.cancel() // who uses it keeps it
	case 3:
		if err := fusetest.Abort(st.dir); err != nil {
			st.t.Errorf("abort: %v", err)
		}
	}
	if err := r.session.Close(); err != nil {
		st.t.Errorf("Close of mount %d (%+v, end %d): %v\nthreads:\n%s", st.mounts, configs[(st.mounts-1)%len(configs)], way, err, st.kernelStacks())
	}
	select {
	case err := <-r.served:
		if err != nil && !errors.Is(err, lowlevel.ErrClosed) { // Close came before Serve
			st.t.Errorf("Serve of mount %d: %v", st.mounts, err)
		}
	case <-time.After(patience):
		st.t.Fatalf("Serve of mount %d has not returned", st.mounts)
	}
	r.cancel()
	st.longest = max(st.longest, time.Since(start))
	st.endQueue(r)
	fusetest.Eventually(st.t, patience, "calls that were given up return", func() bool { return r.n.Blocked() == 0 })
	if m, err := fusetest.FindMount(st.dir); m != nil || err != nil {
		st.t.Errorf("after Close: still mounted, %v", err)
	}
}

// kernelStacks tells where everybody is in the kernel who is there for this filesystem.
func (st *stress) kernelStacks() (text string) {
	for _, pid := range append(st.clients, os.Getpid()) {
		text += waitsIn(pid)
	}
	return text
}

func (st *stress) endQueue(r *round) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.queue.Close(ctx); err != nil && !errors.Is(err, lowlevel.ErrClosed) {
		st.t.Errorf("Close of the queue: %v", err)
	}
	q := r.queue.Stats()
	if sum := q.Coalesced + q.Sent + q.NotCached + q.Failed + q.Dropped; q.Pending != 0 || sum != q.Queued {
		st.t.Errorf("the queue's counters do not add up: %+v", q)
	}
}

// wait waits for what must end by itself.
func wait(t *testing.T, wg *sync.WaitGroup, what string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: have not ended within %v", what, patience)
	}
}

// report tells what was done, and fails if that was nothing.
func (st *stress) report(d time.Duration) {
	st.t.Logf("%v: %d mounts, %d requests, %d forgets, %d notifications, longest Close %v",
		d, st.mounts, st.fs.requests.Load(), st.fs.forgets.Load(), st.calls.Load(), st.longest)
	results := map[string]int64{}
	st.errs.Range(func(what, n any) bool {
		results[what.(string)] = n.(*atomic.Int64).Load()
		return true
	})
	for what, n := range results {
		st.t.Logf("%8d %s", n, what)
	}
	if results["nil"] == 0 || st.fs.requests.Load() == 0 || results[lowlevel.ErrClosed.Error()] == 0 {
		st.t.Errorf("no notification got through, no request was made, or no session ended meanwhile")
	}
}
