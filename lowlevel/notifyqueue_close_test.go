package lowlevel_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// later runs f on another goroutine, and returns when it has had the time to begin to wait: nothing tells when it does.
func later(t *testing.T, f func() error) chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	return done
}

func result(t *testing.T, done chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("still waits")
		return nil
	}
}

func TestNotifyQueue_FlushWaitsForWhatWasBefore(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 2})
	require.NoError(t, h.Flush(ended()), "nothing to wait for")
	h.hold(1)
	assert.ErrorIs(t, h.Flush(ended()), context.Canceled)
	h.must(noteEntry(1, "before"), noteEntry(2, "elsewhere"))
	first := later(t, func() error { return h.Flush(t.Context()) })
	// What joins something from before the Flush is sent with it; what comes behind is not waited for.
	h.must(noteEntry(1, "before"), noteEntry(1, queueTooLong))
	second := later(t, func() error { return h.Flush(t.Context()) })
	h.letGo()
	assert.NoError(t, result(t, first))
	<-h.held // the name that is too long
	select {
	case err := <-second:
		t.Errorf("the second Flush returned %v before its notification was done", err)
	default:
	}
	h.letGo()
	assert.NoError(t, result(t, second))
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 5, Coalesced: 1, Sent: 2, Failed: 2})
}

// TestNotifyQueue_FlushWaitsForWhatWasJoined: the third range joins the first two, which wait on both sides of a Flush.
func TestNotifyQueue_FlushWaitsForWhatWasJoined(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(99)
	h.must(noteRange(7, 0, 10))
	first := later(t, func() error { return h.Flush(t.Context()) })
	h.must(noteRange(7, 20, 10))
	second := later(t, func() error { return h.Flush(t.Context()) })
	h.must(noteRange(7, 10, 10))
	third := later(t, func() error { return h.Flush(t.Context()) })
	h.letGo()
	for _, done := range []chan error{first, second, third} {
		assert.NoError(t, result(t, done))
	}
	assert.Equal(t, []queueNote{noteRange(7, 0, 30)}, arrivedNotes(t, h.k, 1))
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 4, Coalesced: 2, Sent: 1, Failed: 1})
}

func TestNotifyQueue_CloseSendsWhatIsLeft(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(1)
	h.must(oneOfEach()...)
	done := later(t, func() error { return h.Close(t.Context()) })
	assert.ErrorIs(t, h.InvalInode(1), lowlevel.ErrClosed)
	assert.ErrorIs(t, h.Flush(t.Context()), lowlevel.ErrClosed)
	h.letGo()
	require.NoError(t, result(t, done))
	arrivedNotes(t, h.k, 9)
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 10, Sent: 9, Failed: 1})
	assert.NoError(t, h.Close(t.Context()), "twice")
	assert.ErrorIs(t, h.TryInvalInode(1), lowlevel.ErrClosed)
	assert.NoError(t, h.s.Notifier().InvalInode(1), "the session goes on")
}

func TestNotifyQueue_CloseDropsAtItsDeadline(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Size: 10, Workers: 1})
	h.hold(1)
	for i := range uint64(10) {
		h.must(noteInode(100 + i))
	}
	producer := later(t, func() error { return h.InvalInode(200) })
	flush := later(t, func() error { return h.Flush(t.Context()) })
	ctx, cancel := context.WithCancel(t.Context())
	done := later(t, func() error { return h.Close(ctx) })
	assert.ErrorIs(t, result(t, producer), lowlevel.ErrClosed)
	cancel()
	assert.ErrorIs(t, result(t, done), context.Canceled)
	assert.ErrorIs(t, result(t, flush), lowlevel.ErrClosed)
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 11, Failed: 1, Dropped: 10})
	assert.NoError(t, h.Close(ended()), "twice")
	h.letGo()
	require.NoError(t, h.k.Close())
	if n, err := h.k.Notification(time.Millisecond); err == nil {
		t.Errorf("%v was sent after Close", n)
	}
}

func TestNotifyQueue_EndsWithTheSession(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Size: 10, Workers: 1})
	h.hold(1)
	for i := range uint64(10) {
		h.must(noteInode(100 + i))
	}
	producer := later(t, func() error { return h.InvalInode(200) })
	flush := later(t, func() error { return h.Flush(t.Context()) })
	closing := later(t, func() error { return h.Close(t.Context()) })
	require.NoError(t, h.k.Close()) // which closes the session
	assert.ErrorIs(t, result(t, producer), lowlevel.ErrClosed)
	assert.ErrorIs(t, result(t, flush), lowlevel.ErrClosed)
	assert.ErrorIs(t, result(t, closing), lowlevel.ErrClosed)
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 11, Failed: 1, Dropped: 10})
	for _, n := range oneOfEach() {
		assert.ErrorIs(t, n.put(h.NotifyQueue, false), lowlevel.ErrClosed, "%v", n)
		assert.ErrorIs(t, n.put(h.NotifyQueue, true), lowlevel.ErrClosed, "%v", n)
	}
	assert.ErrorIs(t, h.Flush(t.Context()), lowlevel.ErrClosed)
	assert.NoError(t, h.Close(t.Context()))
	h.letGo()
}

// TestNotifyQueue_AnUnusedQueueLeavesNothing: nor needs it to be closed.
func TestNotifyQueue_AnUnusedQueueLeavesNothing(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, oneFile(), lowlevel.Config{})
	q := s.Notifier().NewQueue(lowlevel.QueueConfig{})
	require.NoError(t, s.Close())
	assert.ErrorIs(t, q.InvalInode(1), lowlevel.ErrClosed)
	assert.NoError(t, q.Close(t.Context()))
}
