package lowlevel

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Guard is called first in the handlers whose replies the kernel keeps: Lookup, Getattr, Readdir, Readdirplus, Create and so on. It closes a gap:
// a Lookup reads the old state; then there is a change, and its notification, which finds nothing cached; then the answer to the Lookup arrives, with the old state,
// and is trusted for an hour. With Guard, notifications are sent once more when the kernel has taken in the answers of all guarded requests that were under way.
//
// The kernel closes part of the gap by itself, but not for an inode that it learns of by such an answer. Without Guard, give such answers short timeouts.
func (c *Changes) Guard(req *Request) {
	end := c.guards.begin(req.directory())
	req.AfterReply(end)
}

// directory returns the directory whose lock the kernel holds during the request, until it has taken in the answer; 0: none.
func (r *Request) directory() Ino {
	switch r.op {
	case cshim.OpLookup, cshim.OpMknod, cshim.OpMkdir, cshim.OpSymlink, cshim.OpCreate, cshim.OpTmpfile, cshim.OpReaddir, cshim.OpReaddirplus:
		return Ino(r.call.Ino)
	case cshim.OpLink:
		return Ino(r.call.Ino2)
	}
	return 0
}

// issue sends now; and again, once the answers to what was under way are there.
func (c *Changes) issue(now, again func() error) error {
	underWay, dirs := c.guards.underWay()
	err := now()
	if c.all(err) != nil || underWay == nil {
		return c.all(err)
	}
	c.guards.whenOver(underWay, func() {
		c.settle(dirs)
		if err := c.all(again()); err != nil && !errors.Is(err, ErrClosed) {
			c.s.log().Error("fuse: a notification failed when it was repeated", "cause", err)
		}
	})
	return nil
}

// noSuchName is a name that nobody has.
const noSuchName = ".go-libfuse3-no-such-name"

// settle waits until the kernel has taken in answers: that they have left is not enough, a moment passes before the process that asked looks at its
// answer. Until then it holds the directory's lock, for which InvalEntry has to wait.
func (c *Changes) settle(dirs []Ino) {
	n := c.s.Notifier()
	for _, dir := range dirs {
		_ = n.InvalEntry(dir, noSuchName) // ErrNotCached, and whatever else: again() will tell
	}
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
	dirs    map[Ino]bool
	then    []func()
}

// begin adds a request, and returns what ends it.
func (g *guards) begin(dir Ino) (end func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = &batch{dirs: map[Ino]bool{}}
	}
	b := g.open
	b.running++
	if dir != 0 {
		b.dirs[dir] = true
	}
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

// underWay returns the newest batch, complete, that is not over, and the directories of all that are not; nil if nothing is under way.
func (g *guards) underWay() (*batch, []Ino) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open != nil && g.open.running > 0 {
		g.closed = append(g.closed, g.open)
	}
	g.open = nil
	if len(g.closed) == 0 {
		return nil, nil
	}
	dirs := map[Ino]bool{}
	for _, b := range g.closed {
		maps.Copy(dirs, b.dirs)
	}
	return g.closed[len(g.closed)-1], slices.Collect(maps.Keys(dirs))
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
