package lowlevel_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// queueContext is a context that tells when somebody begins to wait for it.
type queueContext struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (c *queueContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// queueLater calls Flush or Close on another goroutine, and returns when it waits.
func queueLater(t *testing.T, ctx context.Context, f func(context.Context) error) chan error {
	t.Helper()
	c := &queueContext{Context: ctx, waits: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- f(c) }()
	select {
	case <-c.waits:
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("neither waits nor returns")
	}
	return done
}

// queueWaits wants calls that were made on other goroutines not to return. It gives it some time, as nothing tells that it never will.
func queueWaits(t *testing.T, done chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
}

func queueResult(t *testing.T, done chan error) error {
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
	require.NoError(t, h.Flush(endedContext()), "nothing to wait for")
	h.hold(1)
	assert.ErrorIs(t, h.Flush(endedContext()), context.Canceled)
	h.must(noteEntry(1, "before"), noteEntry(2, "elsewhere"))
	first := queueLater(t, t.Context(), h.Flush)
	// What joins something from before the Flush is sent with it; what comes behind is not waited for.
	h.must(noteEntry(1, "before"), noteEntry(1, queueTooLong))
	second := queueLater(t, t.Context(), h.Flush)
	h.letGo()
	assert.NoError(t, queueResult(t, first))
	<-h.held // the name that is too long
	queueWaits(t, second)
	h.letGo()
	assert.NoError(t, queueResult(t, second))
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 5, Coalesced: 1, Sent: 2, Failed: 2})
}

// TestNotifyQueue_FlushWaitsForWhatWasJoined: the third range joins the first two, which wait on both sides of a Flush. All that was queued before
// the first is sent by then: the one worker is held by something from behind.
func TestNotifyQueue_FlushWaitsForWhatWasJoined(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(99)
	h.must(noteEntry(7, "before")) // after it 7 has to stand in line again
	before := queueLater(t, t.Context(), h.Flush)
	h.must(noteRange(7, 0, 10))
	first := queueLater(t, t.Context(), h.Flush)
	h.must(noteRange(7, 20, 10))
	second := queueLater(t, t.Context(), h.Flush)
	h.must(noteEntry(98, queueTooLong))
	h.letGo()
	<-h.held
	require.NoError(t, queueResult(t, before))
	h.must(noteRange(7, 10, 10))
	queueWaits(t, first)
	queueWaits(t, second)
	h.letGo()
	assert.NoError(t, queueResult(t, first))
	assert.NoError(t, queueResult(t, second))
	h.flush()
	assert.Equal(t, []queueNote{noteEntry(7, "before"), noteRange(7, 0, 30)}, arrivedNotes(t, h.k, 2))
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 6, Coalesced: 2, Sent: 2, Failed: 2})
}

func TestNotifyQueue_CloseSendsWhatIsLeft(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(1)
	h.must(queueNotes()...)
	done := queueLater(t, t.Context(), h.Close)
	assert.ErrorIs(t, h.InvalInode(1), lowlevel.ErrClosed)
	assert.ErrorIs(t, h.Flush(t.Context()), lowlevel.ErrClosed)
	h.letGo()
	require.NoError(t, queueResult(t, done))
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
	producer := make(chan error, 1)
	go func() { producer <- h.InvalInode(200) }()
	queueWaits(t, producer)
	flush := queueLater(t, t.Context(), h.Flush)
	ctx, cancel := context.WithCancel(t.Context())
	done := queueLater(t, ctx, h.Close)
	assert.ErrorIs(t, queueResult(t, producer), lowlevel.ErrClosed)
	cancel()
	assert.ErrorIs(t, queueResult(t, done), context.Canceled)
	assert.ErrorIs(t, queueResult(t, flush), lowlevel.ErrClosed)
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 11, Failed: 1, Dropped: 10})
	assert.NoError(t, h.Close(endedContext()), "twice")
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
	producer := make(chan error, 1)
	go func() { producer <- h.InvalInode(200) }()
	queueWaits(t, producer)
	flush := queueLater(t, t.Context(), h.Flush)
	closing := queueLater(t, t.Context(), h.Close)
	require.NoError(t, h.k.Close()) // which closes the session
	assert.ErrorIs(t, queueResult(t, producer), lowlevel.ErrClosed)
	assert.ErrorIs(t, queueResult(t, flush), lowlevel.ErrClosed)
	assert.ErrorIs(t, queueResult(t, closing), lowlevel.ErrClosed)
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 11, Failed: 1, Dropped: 10})
	for _, n := range queueNotes() {
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
