package lowlevel

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/require"
)

func queueForTest(t *testing.T, cfg QueueConfig) *NotifyQueue {
	t.Helper()
	s, err := New(&Ops{}, Config{})
	require.NoError(t, err)
	fusetest.Start(t, s)
	return s.Notifier().NewQueue(cfg)
}

// TestNotifyQueue_KeepsNothing: neither lanes nor workers, nor a hold on the queue once it is closed.
func TestNotifyQueue_KeepsNothing(t *testing.T) {
	q := queueForTest(t, QueueConfig{})
	for i := range 10000 {
		require.NoError(t, q.InvalEntry(Ino(i%5000), fmt.Sprint("name", i%7)))
	}
	require.NoError(t, q.Flush(t.Context()))
	fusetest.Eventually(t, 10*time.Second, "no lanes and workers left", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.lanes) == 0 && q.workers == 0 && q.ready == laneList{}
	})
	require.NoError(t, q.Close(t.Context()))
	if _, held := q.s.queues.Load(q); held {
		t.Error("the session still holds the queue")
	}
}

// TestLane_FindsNames whether there is an index or not, whatever is taken out.
func TestLane_FindsNames(t *testing.T) {
	for _, count := range []int{1, indexFrom, indexFrom + 1, 100} {
		l := newLane(5)
		for i := range count {
			l.push(newQueued(&message{kind: kindInvalEntry, parent: 5, name: fmt.Sprint(i)}, nil))
			l.push(newQueued(&message{kind: kindInvalInode, ino: 5, off: int64(2 * i), size: 1}, nil))
		}
		for i := range count {
			for j := range count {
				if found := l.find(fmt.Sprint(j)); (found != nil) != (j >= i) || found != nil && found.name != fmt.Sprint(j) {
					t.Fatalf("%d of %d taken out: found %v as %d", i, count, found, j)
				}
			}
			if n := l.pop(); n.name != fmt.Sprint(i) {
				t.Fatalf("got %q as number %d", n.name, i)
			}
			if n := l.pop(); n.off != int64(2*i) {
				t.Fatalf("got %d as number %d", n.off, i)
			}
		}
		if l.head != nil || l.tail != nil || l.inode != nil || l.len != 0 || len(l.names) != 0 {
			t.Errorf("not empty in the end: %+v", l)
		}
	}
}

// TestLane_LooksOnlySoFar: what is queued must not take the longer the more waits.
func TestLane_LooksOnlySoFar(t *testing.T) {
	q := &NotifyQueue{lanes: map[Ino]*lane{}}
	l := newLane(5)
	q.lanes[5] = l
	for i := range int64(2 * reach) {
		l.push(newQueued(&message{kind: kindInvalInode, ino: 5, off: 10 * i, size: 1}, nil))
	}
	for _, test := range []struct {
		off  int64
		want bool
	}{{10 * 2 * reach, false}, {10*(2*reach-1) + 1, true}, {10*reach + 1, true}, {10*(reach-1) + 1, false}} {
		if got := q.coalesce(&message{kind: kindInvalInode, ino: 5, off: test.off, size: 1}); got != test.want {
			t.Errorf("range at %d joined: got %v, want %v", test.off, got, test.want)
		}
	}
}
