package lowlevel

import (
	"context"
	"slices"
)

// A flush is the messages that were queued between two calls of Flush (or Close).
type flush struct {
	left    int           // not sent yet
	done    chan struct{} // closed when these and all before are sent or given up; nil: nobody waits yet
	dropped bool          // not all were sent
}

// flushes are those with messages left, in order.
type flushes struct {
	called  []*flush // somebody waits for them
	current *flush   // nobody does
}

// join adds a message.
func (f *flushes) join() *flush {
	if f.current == nil {
		f.current = &flush{}
	}
	f.current.left++
	return f.current
}

// leave takes it out.
func (f *flushes) leave(g *flush) {
	g.left--
	for len(f.called) > 0 && f.called[0].left == 0 {
		close(f.called[0].done)
		f.called = slices.Delete(f.called, 0, 1)
	}
}

// call returns what to wait for so that all messages until now are sent, or nil if they are.
func (f *flushes) call() *flush {
	if f.current != nil && f.current.left > 0 {
		f.current.done = make(chan struct{})
		f.called = append(f.called, f.current)
		f.current = nil
	}
	if len(f.called) == 0 {
		return nil
	}
	return f.called[len(f.called)-1]
}

// giveUp ends all waiting.
func (f *flushes) giveUp() {
	for _, g := range f.called {
		g.dropped = true
		close(g.done)
	}
	f.called, f.current = nil, nil
}

// wait returns ErrClosed where something was dropped, or ctx's error.
func (f *flush) wait(ctx context.Context) error {
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		select {
		case <-f.done: // there was nothing to wait for any more
		default:
			return ctx.Err()
		}
	}
	if f.dropped {
		return ErrClosed
	}
	return nil
}

// Flush waits until all that was queued before the call has been sent, or failed. It waits as long as a directory is blocked in which
// something was queued, so ctx should have a deadline. A *NotifyError has reached OnError by then.
//
// Errors: that of ctx; ErrInHandler; ErrClosed after Close or the session's end, and when something was dropped meanwhile.
func (q *NotifyQueue) Flush(ctx context.Context) error {
	if q.s.c.CallHere() != nil {
		return ErrInHandler
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	f := q.flushes.call()
	q.mu.Unlock()
	return f.wait(ctx)
}

// Close ends the queue: it takes nothing more, and sends what it holds until ctx ends. Then it drops the rest, and returns. What is inside the
// kernel at that time stays there (Stats tells), until the kernel is done with it or the session ends. Closing again does nothing.
//
// Errors: that of ctx, if something was left by then; ErrClosed where the session's end was first; ErrInHandler: nothing was closed.
func (q *NotifyQueue) Close(ctx context.Context) error {
	if q.s.c.CallHere() != nil {
		return ErrInHandler
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	q.closed = true
	q.space.Broadcast()
	f := q.flushes.call()
	q.mu.Unlock()
	err := f.wait(ctx)
	q.end()
	return err
}

// end drops what waits.
func (q *NotifyQueue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endLocked()
}

func (q *NotifyQueue) endLocked() {
	q.closed = true
	q.s.queues.Delete(q)
	q.space.Broadcast()
	for key, l := range q.lanes {
		for l.head != nil {
			n := l.pop()
			n.joined.left--
			n.free()
		}
		if !l.busy {
			delete(q.lanes, key)
			l.free()
		}
	}
	q.stats.Dropped += uint64(q.waiting)
	q.waiting = 0
	q.ready = laneList{}
	q.flushes.giveUp()
}

// endQueues ends the queues of a session that ends.
func (s *Session) endQueues() {
	s.queues.Range(func(q, _ any) bool {
		q.(*NotifyQueue).end()
		return true
	})
}
