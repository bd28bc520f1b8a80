package lowlevel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// queueNote is a notification, as it is queued and as it arrives.
type queueNote struct {
	op        string
	node, dir uint64
	off, size int64
	name      string
	data      string
	inos      string
}

func (n queueNote) String() string {
	s := n.op
	if n.dir != 0 {
		s += fmt.Sprintf(" %d/%s", n.dir, n.name)
	}
	if n.node != 0 {
		s += fmt.Sprintf(" %d", n.node)
	}
	if n.op == "inval" || n.op == "store" {
		s += fmt.Sprintf(" [%d+%d]", n.off, n.size)
	}
	return s + n.inos + n.data
}

// What is queued in tests. A range of size 0 is the whole file.
func noteRange(node uint64, off, size int64) queueNote {
	return queueNote{op: "inval", node: node, off: off, size: size}
}
func noteInode(node uint64) queueNote { return noteRange(node, 0, 0) }
func noteAttr(node uint64) queueNote  { return queueNote{op: "attr", node: node} }
func noteEntry(dir uint64, name string) queueNote {
	return queueNote{op: "entry", dir: dir, name: name}
}

func noteExpire(dir uint64, name string) queueNote {
	return queueNote{op: "expire", dir: dir, name: name}
}

func noteDelete(dir, c uint64, name string) queueNote {
	return queueNote{op: "delete", dir: dir, node: c, name: name}
}
func noteEpoch() queueNote               { return queueNote{op: "epoch"} }
func notePrune(inos ...uint64) queueNote { return queueNote{op: "prune", inos: fmt.Sprint(inos)} }
func noteStore(node uint64, off int64, data string) queueNote {
	return queueNote{op: "store", node: node, off: off, size: int64(len(data)), data: data}
}

func (n queueNote) ids() (list []ino) {
	for _, f := range strings.Fields(strings.Trim(n.inos, "[]")) {
		var i ino
		fmt.Sscan(f, &i)
		list = append(list, i)
	}
	return list
}

// put queues the queueNote; try by the Try method.
func (n queueNote) put(q *lowlevel.NotifyQueue, try bool) error {
	choose := func(wait, try1 func() error) error {
		if try {
			return try1()
		}
		return wait()
	}
	node, dir := ino(n.node), ino(n.dir)
	switch n.op {
	case "inval":
		if n.size == 0 {
			return choose(func() error { return q.InvalInode(node) }, func() error { return q.TryInvalInode(node) })
		}
		return choose(func() error { return q.InvalInodeRange(node, n.off, n.size) },
			func() error { return q.TryInvalInodeRange(node, n.off, n.size) })
	case "attr":
		return choose(func() error { return q.InvalInodeAttr(node) }, func() error { return q.TryInvalInodeAttr(node) })
	case "entry":
		return choose(func() error { return q.InvalEntry(dir, n.name) }, func() error { return q.TryInvalEntry(dir, n.name) })
	case "expire":
		return choose(func() error { return q.ExpireEntry(dir, n.name) }, func() error { return q.TryExpireEntry(dir, n.name) })
	case "delete":
		return choose(func() error { return q.Delete(dir, node, n.name) }, func() error { return q.TryDelete(dir, node, n.name) })
	case "store":
		return choose(func() error { return q.Store(node, n.off, []byte(n.data)) },
			func() error { return q.TryStore(node, n.off, []byte(n.data)) })
	case "epoch":
		return choose(q.IncrementEpoch, q.TryIncrementEpoch)
	case "prune":
		return choose(func() error { return q.Prune(n.ids()...) }, func() error { return q.TryPrune(n.ids()...) })
	}
	panic(n.op)
}

// noteOf reads what has arrived.
func noteOf(t testing.TB, n fusetest.Notification) queueNote {
	t.Helper()
	got, err := parseNote(n)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func parseNote(n fusetest.Notification) (queueNote, error) {
	switch n.Code {
	case fusetest.NotifyInvalInode:
		v, err := n.InvalInode()
		if v.Off < 0 {
			return noteAttr(v.Ino), err
		}
		return noteRange(v.Ino, v.Off, v.Len), err
	case fusetest.NotifyInvalEntry:
		v, name, err := n.InvalEntry()
		if v.Flags == fusetest.ExpireOnly {
			return noteExpire(v.Parent, name), err
		}
		return noteEntry(v.Parent, name), err
	case fusetest.NotifyDelete:
		v, name, err := n.Delete()
		return noteDelete(v.Parent, v.Child, name), err
	case fusetest.NotifyStore:
		v, data, err := n.Store()
		return noteStore(v.NodeID, int64(v.Offset), string(data)), err
	case fusetest.NotifyIncEpoch:
		return noteEpoch(), nil
	case fusetest.NotifyPrune:
		list, err := n.Prune()
		return notePrune(list...), err
	}
	return queueNote{}, fmt.Errorf("unexpected %v", n)
}

// arrived returns the next notes that the kernel got.
func arrivedNotes(t testing.TB, k *fusetest.Served, count int) []queueNote {
	t.Helper()
	var list []queueNote
	for range count {
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			t.Fatalf("after %v: %v", list, err)
		}
		list = append(list, noteOf(t, n))
	}
	return list
}

// A heldQueue is one of whose workers some can be held: in OnError, after a notification that fails. The fake kernel takes all, so those fail
// that never reach it.
type heldQueue struct {
	*lowlevel.NotifyQueue
	t       testing.TB
	s       *lowlevel.Session
	k       *fusetest.Served
	held    chan error
	release chan struct{}
}

func newHeldQueue(t testing.TB, cfg lowlevel.QueueConfig) *heldQueue {
	t.Helper()
	fusetest.CheckLeaks(t)
	fusetest.Watchdog(t, time.Minute, "")
	h := &heldQueue{t: t, held: make(chan error), release: make(chan struct{})}
	h.s = newSession(t, oneFile(), lowlevel.Config{})
	h.k = fusetest.Start(t, h.s)
	cfg.OnError = func(err error) {
		h.held <- err
		<-h.release
	}
	h.NotifyQueue = h.s.Notifier().NewQueue(cfg)
	return h
}

var queueTooLong = strings.Repeat("x", 5000)

// hold blocks a directory, and one worker in it, until the next one is let go.
func (h *heldQueue) hold(dir uint64) {
	h.t.Helper()
	h.must(noteEntry(dir, queueTooLong))
	select {
	case <-h.held:
	case <-time.After(10 * time.Second):
		h.t.Fatal("no worker was held")
	}
}

func (h *heldQueue) letGo() { h.release <- struct{}{} }

func (h *heldQueue) must(notes ...queueNote) {
	h.t.Helper()
	for _, n := range notes {
		if err := n.put(h.NotifyQueue, false); err != nil {
			h.t.Fatalf("queue %v: %v", n, err)
		}
	}
}

func (h *heldQueue) flush() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.Flush(ctx); err != nil {
		h.t.Fatalf("flush: %v; %+v", err, h.Stats())
	}
}

// checkQueueSum checks what Stats promises of its numbers at any moment.
func checkQueueSum(t testing.TB, st lowlevel.QueueStats) {
	t.Helper()
	sum := st.Coalesced + st.Sent + st.NotCached + st.Failed + st.Dropped + uint64(st.Pending)
	if st.Queued != sum || st.Busy > st.Pending || st.Busy < 0 {
		t.Errorf("got %+v, want Queued to be the sum of the others (%d), and Busy a part of Pending", st, sum)
	}
}

func wantQueueStats(t testing.TB, got, want lowlevel.QueueStats) {
	t.Helper()
	if got != want {
		t.Errorf("stats\ngot  %+v\nwant %+v", got, want)
	}
}
