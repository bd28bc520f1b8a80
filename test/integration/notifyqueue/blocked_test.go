package notifyqueue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// sum checks what Stats promises of its numbers at any moment.
func sum(t *testing.T, st lowlevel.QueueStats) {
	t.Helper()
	if all := st.Coalesced + st.Sent + st.NotCached + st.Failed + st.Dropped + uint64(st.Pending); st.Queued != all {
		t.Errorf("got %+v, want Queued to be the sum of the others: %d", st, all)
	}
}

// done is how many the kernel is done with. What it has cached anybody may drop at any time, by /proc/sys/vm/drop_caches.
func done(q *lowlevel.NotifyQueue) uint64 {
	st := q.Stats()
	return st.Sent + st.NotCached
}

func flush(t *testing.T, q *lowlevel.NotifyQueue, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := q.Flush(ctx); err != nil {
		t.Fatalf("flush: %v; %+v", err, q.Stats())
	}
}

// put queues what it must be able to.
func put(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

const million = 1_000_000

// blockedFor is how long the directory stays blocked at least.
const blockedFor = 3 * time.Second

// TestNotifyQueue_AMillionPassABlockedDirectory: while one directory is blocked in the kernel, for seconds, whatever is about others gets through.
func TestNotifyQueue_AMillionPassABlockedDirectory(t *testing.T) {
	f := mount(t, 3*time.Minute, false)
	f.warm(t)
	q := f.Notifier().NewQueue(lowlevel.QueueConfig{OnError: func(err error) { t.Error(err) }})
	client := f.block(t, 0)
	since := time.Now()
	put(t, q.InvalEntry(dirIno(0), "f0"))
	fusetest.Eventually(t, 10*time.Second, "the worker in the kernel", func() bool { return q.Stats().Busy == 1 })
	put(t, q.InvalEntry(dirIno(0), "f1"), q.InvalInodeAttr(dirIno(0)))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range million {
		switch ino := lowlevel.Ino(1<<32 + i); {
		case i%1000 == 0: // one that the kernel knows
			put(t, q.InvalEntry(dirIno(1+i/1000%(dirs-1)), fmt.Sprint("f", i/1000%files)))
		case i%2 == 0:
			put(t, q.InvalEntry(ino, "name"))
		default:
			put(t, q.InvalInode(ino))
		}
	}
	fusetest.Eventually(t, 2*time.Minute, "a million notifications through", func() bool { return q.Stats().Pending == 3 })
	took := time.Since(since)
	runtime.ReadMemStats(&after)
	t.Logf("a million in %v: %v each, %.2f allocations of %.0f bytes together; %+v", took, took/million,
		float64(after.Mallocs-before.Mallocs)/million, float64(after.TotalAlloc-before.TotalAlloc)/million, q.Stats())

	fusetest.Eventually(t, 2*blockedFor, "the directory blocked for long enough", func() bool {
		return time.Since(since) >= blockedFor || !client.running()
	})
	if !client.running() {
		t.Fatal("the directory is not blocked any more")
	}
	st := q.Stats()
	sum(t, st)
	if done(q) != million || st.Pending != 3 || st.Busy != 1 {
		t.Errorf("before the release: got %+v, want a million done, and three pending, of which one is in the kernel", st)
	}
	f.unblock(t, client)
	flush(t, q, 10*time.Second)
	if done(q) != million+3 {
		t.Errorf("after the release: got %+v, want the three done that waited", q.Stats())
	}
	f.end(t)
}

// TestNotifyQueue_AsManyMayBeBlockedAsThereAreWorkers, but for one.
func TestNotifyQueue_AsManyMayBeBlockedAsThereAreWorkers(t *testing.T) {
	const workers = 8
	f := mount(t, time.Minute, false)
	f.warm(t)
	q := f.Notifier().NewQueue(lowlevel.QueueConfig{Workers: workers})
	var clients []*client
	for d := range workers - 1 {
		clients = append(clients, f.block(t, d))
		put(t, q.InvalEntry(dirIno(d), "f0"), q.ExpireEntry(dirIno(d), "f1"))
	}
	fusetest.Eventually(t, 10*time.Second, "the workers in the kernel", func() bool { return q.Stats().Busy == workers-1 })
	put(t, q.InvalEntry(dirIno(workers), "f0"), q.InvalInode(fileIno(0, 3)))
	fusetest.Eventually(t, 10*time.Second, "the others through", func() bool { return done(q) == 2 })
	if st := q.Stats(); st.Busy != workers-1 || st.Pending != 2*(workers-1) {
		t.Errorf("got %+v, want %d in the kernel, and as many behind them", st, workers-1)
	}
	f.unblock(t, clients...)
	flush(t, q, 10*time.Second)
	if done(q) != 2*workers {
		t.Errorf("got %+v, want all %d done", q.Stats(), 2*workers)
	}
	f.end(t)
}

func TestNotifyQueue_CloseDoesNotWaitForABlockedDirectory(t *testing.T) {
	f := mount(t, time.Minute, false)
	f.warm(t)
	q := f.Notifier().NewQueue(lowlevel.QueueConfig{})
	client := f.block(t, 0)
	for i := range 5 {
		put(t, q.InvalEntry(dirIno(0), fmt.Sprint("f", i)))
	}
	fusetest.Eventually(t, 10*time.Second, "the worker in the kernel", func() bool { return q.Stats().Busy == 1 })
	put(t, q.InvalEntry(dirIno(1), "f0"))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: got %v, want the deadline's error", err)
	}
	if st := q.Stats(); done(q) != 1 || st.Dropped != 4 || st.Pending != 1 || st.Busy != 1 {
		t.Errorf("got %+v, want one done, four dropped, and one in the kernel", st)
	}
	f.unblock(t, client)
	fusetest.Eventually(t, 10*time.Second, "the one in the kernel done", func() bool { return done(q) == 2 })
	f.end(t)
}

// TestNotifyQueue_TheSessionEndsInABlockedDirectory: its end answers the Lookup that holds the lock.
func TestNotifyQueue_TheSessionEndsInABlockedDirectory(t *testing.T) {
	f := mount(t, time.Minute, false)
	f.warm(t)
	q := f.Notifier().NewQueue(lowlevel.QueueConfig{Size: 10})
	client := f.block(t, 0)
	put(t, q.InvalEntry(dirIno(0), "f0"))
	fusetest.Eventually(t, 10*time.Second, "the worker in the kernel", func() bool { return q.Stats().Busy == 1 })
	for i := range 10 {
		put(t, q.InvalEntry(dirIno(0), fmt.Sprint("g", i)))
	}
	waiting := make(chan error, 1)
	go func() { waiting <- q.InvalEntry(dirIno(1), "f0") }()
	f.end(t)
	st := q.Stats()
	sum(t, st)
	if st.Pending != 0 || st.Dropped < 10 {
		t.Errorf("got %+v, want nothing pending, and ten dropped", st)
	}
	select {
	case err := <-waiting:
		if !errors.Is(err, lowlevel.ErrClosed) {
			t.Errorf("who waited for room: got %v, want ErrClosed", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("somebody still waits for room")
	}
	select {
	case <-client.end:
	case <-time.After(10 * time.Second):
		t.Error("the client still waits")
	}
}
