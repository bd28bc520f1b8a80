package lowlevel_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/require"
)

// loadQueue queues random notifications from several goroutines until stop is closed, and returns how many were taken.
func loadQueue(t *testing.T, q *lowlevel.NotifyQueue, producers int, stop chan struct{}) (taken *atomic.Uint64, wait func()) {
	taken = new(atomic.Uint64)
	var all sync.WaitGroup
	for p := range producers {
		all.Add(1)
		go func() {
			defer all.Done()
			r := rand.New(rand.NewPCG(uint64(p), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := randomQueueNote(r)
				switch r.IntN(20) {
				case 0:
					n = noteEpoch()
				case 1:
					n = notePrune(r.Uint64N(10))
				}
				switch err := n.put(q, r.IntN(2) == 0); {
				case err == nil:
					taken.Add(1)
				case errors.Is(err, lowlevel.ErrClosed):
					return
				case !errors.Is(err, lowlevel.ErrQueueFull):
					t.Errorf("%v: %v", n, err)
				}
			}
		}()
	}
	return taken, all.Wait
}

// TestNotifyQueue_CountersAddUp at any moment, under load, and the kernel has got as many as were sent.
func TestNotifyQueue_CountersAddUp(t *testing.T) {
	fusetest.CheckLeaks(t)
	fusetest.Watchdog(t, time.Minute, "")
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	q := s.Notifier().NewQueue(lowlevel.QueueConfig{Size: 50, Workers: 4})
	stop := make(chan struct{})
	taken, wait := loadQueue(t, q, 4, stop)
	var got atomic.Uint64
	go func() {
		for {
			if _, err := k.Notification(time.Minute); err != nil {
				return
			}
			got.Add(1)
		}
	}()
	for range 200 {
		st := q.Stats()
		checkQueueSum(t, st)
		if st.Pending > 54 || st.Busy > 4 {
			t.Errorf("got %+v, want at most 50 that wait and 4 busy", st)
		}
		require.NoError(t, q.Flush(t.Context()))
	}
	close(stop)
	wait()
	require.NoError(t, q.Close(t.Context()))
	st := q.Stats()
	checkQueueSum(t, st)
	if st.Queued != taken.Load() || st.Pending != 0 || st.Failed+st.Dropped+st.NotCached != 0 {
		t.Errorf("got %+v, want %d queued, and all of them sent", st, taken.Load())
	}
	fusetest.Eventually(t, 10*time.Second, "all arrived", func() bool { return got.Load() == st.Sent })
	require.NoError(t, k.Close())
}

// TestNotifyQueue_TheSessionMayEndAnyTime: nobody is left waiting, and nothing is left over.
func TestNotifyQueue_TheSessionMayEndAnyTime(t *testing.T) {
	fusetest.CheckLeaks(t)
	fusetest.Watchdog(t, 2*time.Minute, "")
	for i := range 30 {
		s := newSession(t, oneFile(), lowlevel.Config{})
		k, err := fusetest.Connect(s, fusetest.DefaultInit())
		require.NoError(t, err)
		q := s.Notifier().NewQueue(lowlevel.QueueConfig{Size: 1 + i%7, Workers: 1 + i%3})
		taken, wait := loadQueue(t, q, 3, nil)
		fusetest.Eventually(t, 10*time.Second, "the load", func() bool { return taken.Load() > uint64(10*i) })
		switch i % 3 {
		case 0:
			go q.Close(t.Context())
		case 1:
			go q.Flush(t.Context())
		}
		require.NoError(t, k.Close())
		st := q.Stats()
		wait()
		checkQueueSum(t, st)
		if st.Pending != 0 || st.Queued != q.Stats().Queued || st.Queued != taken.Load() {
			t.Fatalf("got %+v at the session's end, want nothing pending, and the %d queued that were taken", st, taken.Load())
		}
	}
}

// drainedQueue is a queue on a fake kernel that takes whatever comes.
func drainedQueue(b *testing.B) *lowlevel.NotifyQueue {
	s := newSession(b, oneFile(), lowlevel.Config{})
	k := fusetest.Start(b, s)
	go func() {
		for {
			if _, err := k.Notification(time.Hour); err != nil {
				return
			}
		}
	}()
	return s.Notifier().NewQueue(lowlevel.QueueConfig{})
}

// BenchmarkNotifyQueue queues notifications that cannot be joined until all are sent. What it costs to send them is in test/integration/notifyqueue.
func BenchmarkNotifyQueue(b *testing.B) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("name%d", i)
	}
	for _, bench := range []struct {
		name string
		put  func(q *lowlevel.NotifyQueue, i int) error
	}{
		{"directories", func(q *lowlevel.NotifyQueue, i int) error { return q.InvalEntry(ino(i+2), "name") }},
		{"names", func(q *lowlevel.NotifyQueue, i int) error { return q.InvalEntry(5, names[i%1000]) }},
		{"the same", func(q *lowlevel.NotifyQueue, _ int) error { return q.InvalInodeAttr(5) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			q := drainedQueue(b)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := bench.put(q, i); err != nil {
					b.Fatal(err)
				}
			}
			if err := q.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
