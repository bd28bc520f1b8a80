package lowlevel_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// queueNotes has every notification, none of which join.
func queueNotes() []queueNote {
	return []queueNote{
		noteInode(7), noteRange(8, 1, 2), noteAttr(9), noteEntry(5, "a"), noteExpire(5, "b"), noteDelete(5, 9, "c"), noteStore(10, 3, "data"),
		noteEpoch(), notePrune(1, 2),
	}
}

func TestNotifyQueue_SendsEachKind(t *testing.T) {
	for _, try := range []bool{false, true} {
		t.Run(fmt.Sprintf("try %v", try), func(t *testing.T) {
			h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
			for _, n := range queueNotes() {
				require.NoError(t, n.put(h.NotifyQueue, try))
				h.flush()
				assert.Equal(t, []queueNote{n}, arrivedNotes(t, h.k, 1))
			}
		})
	}
}

func TestNotifyQueue_KeepsTheOrderOfADirectory(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{})
	const dirs, names = 8, 300
	want := map[uint64][]queueNote{}
	for i := range names {
		for dir := uint64(5); dir < 5+dirs; dir++ {
			n := noteEntry(dir, fmt.Sprint("n", i))
			want[dir] = append(want[dir], n)
			h.must(n)
		}
	}
	h.flush()
	got := map[uint64][]queueNote{}
	for _, n := range arrivedNotes(t, h.k, dirs*names) {
		got[n.dir] = append(got[n.dir], n)
	}
	for dir := range want {
		if !slices.Equal(got[dir], want[dir]) {
			t.Errorf("directory %d: got %v", dir, got[dir])
		}
	}
}

// TestNotifyQueue_BlockedDirectoriesHoldUpNobody: as long as there is one worker more than directories that block.
func TestNotifyQueue_BlockedDirectoriesHoldUpNobody(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 4})
	for dir := range uint64(3) {
		h.hold(1 + dir)
		h.must(noteEntry(1+dir, "behind"), noteInode(1+dir))
	}
	for i := range uint64(1000) {
		h.must(noteInode(100+i), noteEntry(100+i, "n"))
	}
	arrivedNotes(t, h.k, 2000)
	fusetest.Eventually(t, 5*time.Second, "all but the blocked ones", func() bool { return h.Stats().Pending == 6 })
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 2009, Sent: 2000, Failed: 3, Pending: 6})
	for range 3 {
		h.letGo()
	}
	h.flush()
	for _, n := range arrivedNotes(t, h.k, 6) {
		if n.dir+n.node > 3 {
			t.Errorf("got %v", n)
		}
	}
}

func TestNotifyQueue_FullRefusesOrWaits(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Size: 2, Workers: 1})
	h.hold(99)
	h.must(noteEntry(5, "x"), noteInode(100))
	for _, n := range queueNotes() {
		if err := n.put(h.NotifyQueue, true); !errors.Is(err, lowlevel.ErrQueueFull) {
			t.Errorf("try %v: got %v, want ErrQueueFull", n, err)
		}
	}
	h.must(noteEntry(5, "x"), noteAttr(100)) // for these there is no need of room
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 5, Coalesced: 2, Failed: 1, Pending: 2})

	const producers = 5
	done := make(chan error, producers)
	for i := range uint64(producers) {
		go func() { done <- noteInode(200+i).put(h.NotifyQueue, false) }()
	}
	queueWaits(t, done)
	h.letGo()
	for range producers {
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Fatalf("a producer was not woken: %+v", h.Stats())
		}
	}
	h.flush()
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 5 + producers, Coalesced: 2, Failed: 1, Sent: 2 + producers})
	arrivedNotes(t, h.k, 2+producers)
}

// TestNotifyQueue_WaitersThatNeedNoRoomPassItOn: who is woken for a place that became free, and joins another notification, wakes the next.
func TestNotifyQueue_WaitersThatNeedNoRoomPassItOn(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Size: 2, Workers: 1})
	h.hold(99)
	h.must(noteEntry(98, queueTooLong), noteEntry(97, queueTooLong)) // two more that hold the worker
	const producers = 5
	done := make(chan error, producers)
	for range producers {
		go func() { done <- h.InvalInodeAttr(2) }()
	}
	queueWaits(t, done)
	for range 2 {
		h.letGo() // one place each
		<-h.held
	}
	for range producers {
		require.NoError(t, queueResult(t, done))
	}
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 3 + producers, Coalesced: producers - 1, Failed: 3, Pending: 1})
	h.letGo()
	h.flush()
}

func TestNotifyQueue_InAHandlerNothingWaits(t *testing.T) {
	ops := oneFile()
	results := make(chan error, 20)
	var q *lowlevel.NotifyQueue
	ops.Access = func(req *lowlevel.Request, _ ino, _ uint32) error {
		for _, n := range append(queueNotes(), noteInode(99)) {
			results <- n.put(q, false)
		}
		results <- q.Flush(req.Context())
		results <- q.Close(req.Context())
		return nil
	}
	s := newSession(t, ops, lowlevel.Config{})
	k := fusetest.Start(t, s)
	release := make(chan struct{})
	q = s.Notifier().NewQueue(lowlevel.QueueConfig{Size: 9, Workers: 1, OnError: func(error) { <-release }})
	require.NoError(t, q.InvalEntry(99, queueTooLong))
	fusetest.Eventually(t, 10*time.Second, "the worker is held", func() bool { return q.Stats().Failed == 1 })
	k.MustCall(t, fusetest.Access(1, 0))
	for range 9 {
		assert.NoError(t, <-results)
	}
	assert.ErrorIs(t, <-results, lowlevel.ErrQueueFull)
	assert.ErrorIs(t, <-results, lowlevel.ErrInHandler, "Flush")
	assert.ErrorIs(t, <-results, lowlevel.ErrInHandler, "Close")
	close(release)
	require.NoError(t, q.Flush(t.Context()))
	arrivedNotes(t, k, 9)
}

func TestNotifyQueue_RefusesWhatCannotBe(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	q := s.Notifier().NewQueue(lowlevel.QueueConfig{})
	for _, n := range queueNotes() {
		assert.ErrorIs(t, n.put(q, false), lowlevel.ErrNotMounted, "%v", n)
	}
	assert.NoError(t, q.Flush(t.Context()), "nothing was queued")
	init := fusetest.DefaultInit()
	init.Minor, init.Flags = 37, init.Flags&^fusetest.InitHasExpireOnly
	k := fusetest.StartInit(t, s, init)
	for _, try := range []bool{false, true} {
		for _, n := range []queueNote{noteExpire(5, "a"), noteEpoch(), notePrune(1)} {
			var unsupported *lowlevel.UnsupportedError
			if assert.ErrorAs(t, n.put(q, try), &unsupported, "%v", n) {
				assert.Equal(t, lowlevel.KernelLacks, unsupported.Lacks)
			}
		}
		for _, n := range []queueNote{
			noteEntry(5, "a\x00"), noteDelete(5, 6, "\x00"), noteRange(5, -1, 1), noteRange(5, 0, -1), noteStore(5, -1, "x"),
		} {
			assert.ErrorIs(t, n.put(q, try), syscall.EINVAL, "%v", n)
		}
	}
	wantQueueStats(t, q.Stats(), lowlevel.QueueStats{})
	require.NoError(t, k.Close())
	for _, n := range queueNotes() {
		assert.ErrorIs(t, n.put(q, false), lowlevel.ErrClosed, "%v", n)
	}
	assert.ErrorIs(t, s.Notifier().NewQueue(lowlevel.QueueConfig{}).InvalInode(1), lowlevel.ErrClosed)
}

func TestNotifyQueue_TellsOfErrors(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	fusetest.Start(t, s)
	got := make(chan error, 3)
	q := s.Notifier().NewQueue(lowlevel.QueueConfig{Workers: 1, OnError: func(err error) { got <- err }})
	require.NoError(t, q.InvalEntry(5, queueTooLong))
	require.NoError(t, q.Delete(6, 7, queueTooLong))
	require.NoError(t, q.Flush(t.Context()))
	for _, want := range []lowlevel.NotifyError{
		{Op: "inval_entry", Parent: 5, Name: queueTooLong, Err: syscall.ENAMETOOLONG},
		{Op: "delete", Parent: 6, Ino: 7, Name: queueTooLong, Err: syscall.ENAMETOOLONG},
	} {
		select { // Flush has seen to it
		case err := <-got:
			var e *lowlevel.NotifyError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, want, *e)
			assert.ErrorIs(t, err, syscall.ENAMETOOLONG)
			assert.True(t, strings.HasPrefix(err.Error(), "notify "+want.Op+` "xxx`), err.Error())
			assert.Less(t, len(err.Error()), 200)
		default:
			t.Fatalf("OnError was not called with %+v", want.Op)
		}
	}
	quiet := s.Notifier().NewQueue(lowlevel.QueueConfig{})
	require.NoError(t, quiet.InvalEntry(5, queueTooLong))
	require.NoError(t, quiet.Flush(t.Context()))
	wantQueueStats(t, quiet.Stats(), lowlevel.QueueStats{Queued: 1, Failed: 1})
}
