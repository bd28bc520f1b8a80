package highlevel

import (
	"errors"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// While an operation runs, its path does not change: all nodes of the path are locked for reading. What removes or renames a name locks the node
// of that name for writing, and so waits until no operation is below it, nor on it. Who waits is served in order, as far as possible; and who
// waits to write keeps new readers out.

// want is a path that an operation needs: of an inode, or of a name in a directory.
type want struct {
	ino   lowlevel.Ino
	name  string
	write bool // the name will change
}

// held is a path that an operation has.
type held struct {
	path    string
	dir     *node // read-locked with all above it
	changes *node // write-locked, or nil
}

// waiter is an operation that waits.
type waiter struct {
	wants []want
	held  []held
	err   error
	ready chan struct{}
	marks []*node // those whose wanted it has raised
}

var errLocked = errors.New("locked")

// acquire gets paths, all of them or none, and waits for that as long as it takes. ESTALE: there is no such path.
func (t *tree) acquire(held []held, wants ...want) error {
	t.mu.Lock()
	err := t.try(held, wants)
	if err != errLocked {
		t.mu.Unlock()
		return err
	}
	w := &waiter{wants: wants, held: held, ready: make(chan struct{})}
	t.mark(w)
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	<-w.ready
	return w.err
}

// one is acquire for one path.
func (t *tree) one(w want) (held, error) {
	var h [1]held
	err := t.acquire(h[:], w)
	return h[0], err
}

// release gives paths back.
func (t *tree) release(list ...held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range list {
		t.unlock(h)
	}
	t.serve()
}

// try gets paths if it can be done at once.
func (t *tree) try(held []held, wants []want) error {
	for i, w := range wants {
		h, err := t.tryOne(w)
		if err != nil {
			for _, got := range held[:i] {
				t.unlock(got)
			}
			return err
		}
		held[i] = h
	}
	return nil
}

func (t *tree) tryOne(w want) (held, error) {
	dir, err := t.node(w.ino)
	if err != nil {
		return held{}, err
	}
	path, err := t.path(dir, w.name)
	if err != nil {
		return held{}, err
	}
	h := held{path: path, dir: dir}
	if w.write {
		if h.changes = t.child(dir, w.name); h.changes != nil && h.changes.lock != 0 {
			return held{}, errLocked
		}
	}
	for n := dir; n != t.root; n = n.parent {
		if n.lock < 0 || n.wanted > 0 {
			t.readUnlock(dir, n)
			return held{}, errLocked
		}
		n.lock++
	}
	if h.changes != nil {
		h.changes.lock = -1
	}
	return h, nil
}

// readUnlock unlocks from dir up to but not including end.
func (t *tree) readUnlock(dir, end *node) {
	for n := dir; n != end; {
		parent := n.parent
		n.lock--
		t.drop(n)
		n = parent
	}
}

func (t *tree) unlock(h held) {
	if h.dir == nil {
		return
	}
	if h.changes != nil {
		h.changes.lock = 0
		t.drop(h.changes)
	}
	t.readUnlock(h.dir, t.root)
}

// serve gives those who wait what they can get now.
func (t *tree) serve() {
	if len(t.waiting) == 0 {
		return
	}
	left := t.waiting[:0]
	for _, w := range t.waiting {
		t.unmark(w)
		if w.err = t.try(w.held, w.wants); w.err == errLocked {
			t.mark(w)
			left = append(left, w)
			continue
		}
		close(w.ready)
	}
	clear(t.waiting[len(left):])
	t.waiting = left
}

// mark keeps new readers from the names that w waits to change.
func (t *tree) mark(w *waiter) {
	for _, want := range w.wants {
		dir := t.byIno[want.ino]
		if !want.write || dir == nil {
			continue
		}
		if n := t.child(dir, want.name); n != nil {
			n.wanted++
			w.marks = append(w.marks, n)
		}
	}
}

func (t *tree) unmark(w *waiter) {
	for _, n := range w.marks {
		n.wanted--
		t.drop(n)
	}
	w.marks = w.marks[:0]
}
