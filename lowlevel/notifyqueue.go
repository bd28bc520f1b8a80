package lowlevel

import (
	"errors"
	"sync"
)

// ErrQueueFull: a NotifyQueue holds as many notifications as it may.
var ErrQueueFull = errors.New("notification queue is full")

// QueueConfig says how large a NotifyQueue is. The zero value is fine for most.
type QueueConfig struct {
	// Size is how many notifications may wait. 0: 65536.
	Size int
	// Workers is how many are sent at a time, each from a thread of its own: as many directories (or inodes) may be blocked in the kernel without
	// holding up the others. 0: 32.
	Workers int
	// OnError is called with a *NotifyError for each notification that failed. It is called from a worker, and must not block: the notifications
	// of the same directory (or inode), Flush and Close wait for it. ErrNotCached is no error here, nor is the end of the session. Nil: errors are only counted.
	OnError func(err error)
}

const (
	defaultQueueSize    = 65536
	defaultQueueWorkers = 32
)

// NotifyQueue takes notifications and sends them by and by. It is for filesystems that hear of many changes, and for handlers, since its
// methods do not wait for the kernel. It has Notifier's methods, but for those whose result somebody waits for, and returns as
// soon as the notification is in the queue.
//
// # Order
//
// What is about the same directory (InvalEntry, ExpireEntry, Delete in it, InvalInode... of it), or the same file (InvalInode..., Store), is sent in the
// order in which it was queued, one at a time. What is about different ones is sent in any order, at the same time: where the kernel blocks in one directory, since a Lookup or
// Mkdir there has not been answered, one worker waits there, and the others go on with the rest. IncrementEpoch and Prune have
// no order with anything else. Where order matters beyond that, call Flush in between.
//
// A notification that waits for a blocked directory takes room in the queue. Once that is full of them, calls wait, or fail (TryInvalEntry...), whatever they are about.
//
// # Coalescing
//
// A notification that adds nothing to one that still waits in the queue is not sent, and two that can be said in one are sent as one. Nothing
// weaker or harsher is done than by sending all of them:
//
//   - InvalInodeAttr after InvalInode, InvalInodeRange or InvalInodeAttr of the same inode adds nothing; one that waits grows to the InvalInode or InvalInodeRange that comes after it;
//   - ranges of InvalInodeRange that overlap or touch each other become one, and InvalInode is the range of everything;
//   - Store replaces a Store that waits right before it and is not larger;
//   - InvalEntry, ExpireEntry and Delete of a name add nothing to an InvalEntry or Delete of it: that leaves nothing in the cache. An
//     ExpireEntry that waits becomes the InvalEntry or Delete that comes after it;
//   - IncrementEpoch adds nothing to one that waits; Prune joins the inodes of one that waits.
//
// Nothing is moved across a Store of the same inode. A notification that is being sent takes up no other: the kernel may have dropped already what
// was cached before the change.
//
// # Use
//
// All methods may be called from any goroutine. From a handler, too: there they return ErrQueueFull instead of waiting for room, since whoever makes room may have to wait
// for the handler. A change must be visible to Lookup, Getattr and Read before it is queued, as with Notifier.
//
// Errors of all methods, besides their own:
//
//   - ErrClosed: after Close or the session's end;
//   - ErrNotMounted: before Mount has returned;
//   - *UnsupportedError (errors.ErrUnsupported): the kernel cannot do it;
//   - ErrQueueFull: from the Try methods, and from handlers.
//
// Whatever the kernel says goes to QueueConfig.OnError.
type NotifyQueue struct {
	s       *Session
	size    int
	most    int // workers
	onError func(error)

	mu      sync.Mutex
	space   sync.Cond // of mu: somebody took a message out
	lanes   map[Ino]*lane
	ready   laneList // those with messages in which no worker is
	workers int
	waiting int // messages in lanes
	closed  bool
	stats   QueueStats
	flushes flushes
}

// QueueStats tells what became of notifications. At any moment Queued is the sum of Coalesced, Sent, NotCached, Failed, Dropped
// and Pending.
type QueueStats struct {
	Queued    uint64 // taken by the queue
	Coalesced uint64 // said by another one
	Sent      uint64 // done by the kernel
	NotCached uint64 // the kernel had nothing in its cache (ErrNotCached)
	Failed    uint64 // QueueConfig.OnError has heard of them
	Dropped   uint64 // by Close or the session's end

	Pending int // neither of these yet: those that wait, and Busy
	Busy    int // how many are inside the kernel
}

// NewQueue makes a queue, which ends with the session, or by Close. It costs no goroutine while it is empty. A context that n has does not matter
// to it.
func (n *Notifier) NewQueue(cfg QueueConfig) *NotifyQueue {
	q := &NotifyQueue{s: n.s, size: cfg.Size, most: cfg.Workers, onError: cfg.OnError, lanes: map[Ino]*lane{}}
	if q.size <= 0 {
		q.size = defaultQueueSize
	}
	if q.most <= 0 {
		q.most = defaultQueueWorkers
	}
	q.space.L = &q.mu
	n.s.queues.Store(q, nil)
	select {
	case <-n.s.stopping: // endQueues may have been before
		q.end()
	default:
	}
	return q
}

// Stats returns the counters.
func (q *NotifyQueue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := q.stats
	st.Pending = q.waiting + st.Busy
	return st
}

// put queues a message. Its memory is the queue's from now on, but not m itself.
func (q *NotifyQueue) put(m *message, wait bool) error {
	refusal := q.s.canNotify(m.kind)
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.closed:
			return ErrClosed
		case refusal != nil:
			return refusal
		case q.coalesce(m):
			q.stats.Queued++
			q.stats.Coalesced++
			if q.waiting < q.size {
				q.space.Signal() // the room is still there for somebody else
			}
			return nil
		case q.waiting < q.size:
			q.stats.Queued++
			q.push(m)
			return nil
		case !wait || q.s.c.CallHere() != nil:
			return ErrQueueFull
		}
		q.space.Wait()
	}
}

// push puts a message at the end of its lane, and sees to it that somebody works there.
func (q *NotifyQueue) push(m *message) {
	key := m.laneKey()
	l := q.lanes[key]
	if l == nil {
		l = newLane(key)
		q.lanes[key] = l
	}
	wasEmpty := l.head == nil
	l.push(newQueued(m, q.flushes.join()))
	q.waiting++
	if wasEmpty && !l.busy {
		q.ready.push(l)
		if q.workers < q.most {
			q.workers++
			go q.work()
		}
	}
}

// work sends messages until there are none. There are always enough workers: a lane that becomes ready starts one, or has one left behind
// that goes on.
func (q *NotifyQueue) work() {
	q.mu.Lock()
	defer q.mu.Unlock()
	// A message is taken inside the session's gate, so that none is on its way after the session's end.
	for q.s.calls.enter() {
		l := q.ready.pop()
		if l == nil {
			q.s.calls.leave()
			q.workers--
			return
		}
		n := l.pop()
		l.busy = true
		q.waiting--
		q.stats.Busy++
		q.space.Signal()

		q.mu.Unlock()
		err := q.s.notify(&n.message)
		q.mu.Lock()

		q.stats.Busy--
		q.count(err, n)
		q.s.calls.leave()
		q.report(err, n)
		q.leave(l, n)
	}
	q.workers--
	q.endLocked()
}

// count notes what became of a message.
func (q *NotifyQueue) count(err error, n *queued) {
	switch {
	case err == nil:
		q.stats.Sent++
	case errors.Is(err, ErrNotCached):
		q.stats.NotCached++
	case errors.Is(err, ErrClosed):
		q.stats.Dropped++
		n.joined.dropped = true
		q.endLocked()
	default:
		q.stats.Failed++
	}
}

// report tells OnError of a failure.
func (q *NotifyQueue) report(err error, n *queued) {
	if err == nil || q.onError == nil || errors.Is(err, ErrNotCached) || errors.Is(err, ErrClosed) {
		return
	}
	q.mu.Unlock()
	q.s.guard("notify error", func() { q.onError(newNotifyError(&n.message, err)) })
	q.mu.Lock()
}

// leave takes the worker out of a lane.
func (q *NotifyQueue) leave(l *lane, n *queued) {
	q.flushes.leave(n.joined)
	n.free()
	l.busy = false
	if l.head != nil {
		q.ready.push(l)
		return
	}
	delete(q.lanes, l.key)
	l.free()
}
