package lowlevel

import (
	"errors"
	"sync"
)

// Guard is called first in the handlers whose replies the kernel keeps: Lookup, Getattr, Readdir, Readdirplus, Create and so on. It closes a gap:
// a Lookup reads the old state; then there is a change, and its notification, which finds nothing cached; then the answer to the Lookup arrives, with the old state,
// and is trusted for an hour. With Guard, notifications are sent once more when the answers of all guarded requests that were under way have left.
//
// The kernel closes part of the gap by itself, but not for an inode that it learns of by such an answer. Without Guard, give such answers short timeouts.
func (c *Changes) Guard(req *Request) {
	end := c.guards.begin()
	req.AfterReply(end)
}

// issue sends now; and again, once what was under way is answered.
func (c *Changes) issue(now, again func() error) error {
	underWay := c.guards.underWay()
	err := now()
	if c.all(err) != nil || underWay == nil {
		return c.all(err)
	}
	c.guards.whenOver(underWay, func() {
		if err := c.all(again()); err != nil && !errors.Is(err, ErrClosed) {
			c.s.log().Error("fuse: a notification failed when it was repeated", "cause", err)
		}
	})
	return nil
}

// guards are the requests under way that are guarded.
type guards struct {
	mu     sync.Mutex
	open   *batch   // takes the requests that begin now
	closed []*batch // those before, oldest first, that are not over
}

// batch is requests that began between two changes. It is over when they are answered and the batches before it are over.
type batch struct {
	running int
	then    []func()
}

// begin adds a request, and returns what ends it.
func (g *guards) begin() (end func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = new(batch)
	}
	b := g.open
	b.running++
	return func() { g.end(b) }
}

func (g *guards) end(b *batch) {
	g.mu.Lock()
	b.running--
	over := g.takeOver()
	g.mu.Unlock()
	for _, f := range over {
		f()
	}
}

// takeOver removes the batches that are over, and returns what is to be done then.
func (g *guards) takeOver() []func() {
	var todo []func()
	for len(g.closed) > 0 && g.closed[0].running == 0 {
		todo = append(todo, g.closed[0].then...)
		g.closed = g.closed[1:]
	}
	return todo
}

// underWay returns the newest batch, complete, that is not over; nil if nothing is under way.
func (g *guards) underWay() *batch {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && g.open.running > 0 {
		g.closed = append(g.closed, g.open)
	}
	g.open = nil
	if len(g.closed) == 0 {
		return nil
	}
	return g.closed[len(g.closed)-1]
}

// whenOver runs f when b and those before it are over, on the goroutine of the last; or here, if they are.
func (g *guards) whenOver(b *batch, f func()) {
	g.mu.Lock()
	waiting := false
	for _, c := range g.closed {
		waiting = waiting || c == b
	}
	if waiting {
		b.then = append(b.then, f)
	}
	g.mu.Unlock()
	if !waiting {
		f()
	}
}
