package highlevel

import (
	"errors"
	"slices"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// While an operation runs, its path does not change: the node that the path ends at is locked for reading, and with it all those above. What removes or renames a
// name locks the node of that name for writing, and so waits until no operation is below it, nor on it: that is the rarer case, and looks at the paths of all operations
// that run. Who waits is served in order; and who waits for readers to leave keeps new ones out.

// want is a path that an operation needs: of an inode, or of a name in a directory.
type want struct {
	ino   lowlevel.Ino
	name  string
	write bool // the name will change
	open  bool // the file is open: where it has no path, none is needed
}

// held is a path that an operation has.
type held struct {
	path    string
	dir     *node // read-locked, and so all above it
	changes *node // write-locked; nil if the name does not change
	found   Ino   // what had the name; it may have lost it meanwhile. 0: nothing had it
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
	w := t.queue(wants...)
	t.mu.Unlock()
	<-w.ready
	copy(held, w.held)
	return w.err
}

// one is acquire for one path.
func (t *tree) one(w want) (held, error) {
	t.mu.Lock()
	h, err := t.tryOne(w)
	if err != errLocked {
		t.mu.Unlock()
		return h, err
	}
	wait := t.queue(w)
	t.mu.Unlock()
	<-wait.ready
	return wait.held[0], wait.err
}

// queue has an operation wait.
func (t *tree) queue(wants ...want) *waiter {
	w := &waiter{wants: slices.Clone(wants), held: make([]held, len(wants)), ready: make(chan struct{})}
	t.mark(w)
	t.waiting = append(t.waiting, w)
	return w
}

// release gives paths back.
func (t *tree) release(list ...held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range list {
		t.unlock(&list[i])
	}
	t.serve()
}

// try gets paths if it can be done at once.
func (t *tree) try(got []held, wants []want) error {
	if err := t.nested(wants); err != nil {
		return err
	}
	for i, w := range wants {
		var err error
		if got[i], err = t.tryOne(w); err != nil {
			for j := range i {
				t.unlock(&got[j])
				got[j] = held{}
			}
			return err
		}
	}
	return nil
}

// nested refuses to rename a directory into itself, or over one that it is in. The kernel does not ask for that; but who did would wait for himself.
func (t *tree) nested(wants []want) error {
	if len(wants) < 2 || !wants[0].write {
		return nil
	}
	from, to := t.inodes.inode(wants[0].ino), t.inodes.inode(wants[1].ino)
	if from == nil || to == nil {
		return errNoName
	}
	source, target := t.child(from, wants[0].name), t.child(to, wants[1].name)
	switch {
	case from == to && wants[0].name == wants[1].name, source != nil && t.below(to, source):
		return syscall.EINVAL
	case target != nil && t.below(from, target):
		return syscall.ENOTEMPTY
	}
	return nil
}

// below reports whether n is dir or in it, at any depth.
func (t *tree) below(n, dir *node) bool {
	for ; n != nil; n = t.parent(n) {
		if n == dir {
			return true
		}
	}
	return false
}

func (t *tree) tryOne(w want) (held, error) {
	var found Ino
	if w.name != "" {
		// This early, since in a large tree both the directory and the name are in no cache, and the processor fetches them at the same time.
		if n := t.childOf(index(w.ino), w.name); n != nil {
			found = n.ino
		}
	}
	dir, err := t.node(w.ino)
	if err != nil {
		return held{}, err
	}
	path, free, err := t.freePath(dir, w.name)
	switch {
	case err == nil:
	case w.open:
		return held{}, nil
	case w.name != "":
		return held{}, syscall.ENOENT // nothing is in a directory that was removed
	default:
		return held{}, err
	}
	if !free {
		return held{}, errLocked
	}
	h := held{path: path, dir: dir, found: found}
	if w.write {
		n := t.find(dir, w.name) // also a new name: nobody may use it until the operation is over
		if n.lock < 0 || n.wanted > 0 || t.isInPath(n) {
			return held{}, errLocked
		}
		n.lock, h.changes = -1, n
	}
	t.readLock(dir)
	return h, nil
}

// named returns the node of the name that a path was had for, which is made if there is none.
func (t *tree) named(h *held, name string) *node {
	if n := t.inodes.inode(h.found); n != nil && t.isChild(n, h.dir.index(), name) {
		return n
	}
	return t.find(h.dir, name)
}

// readLock has a node be the end of one more path.
func (t *tree) readLock(n *node) {
	if n.lock == 0 {
		n.busy = uint32(len(t.busy))
		t.busy = append(t.busy, n.index())
	}
	n.lock++
}

func (t *tree) readUnlock(n *node) {
	n.lock--
	if n.lock > 0 {
		return
	}
	last := len(t.busy) - 1
	moved := t.busy[last]
	t.busy[n.busy] = moved
	t.inodes.at(moved).busy = n.busy
	t.busy = t.busy[:last]
	t.drop(n)
}

// isInPath reports whether a node is in the path of an operation.
func (t *tree) isInPath(n *node) bool {
	if n.lock > 0 || n.children == 0 {
		return n.lock > 0
	}
	return slices.ContainsFunc(t.busy, func(end index) bool { return t.below(t.inodes.at(end), n) })
}

func (t *tree) unlock(h *held) {
	if h.dir == nil {
		return
	}
	if h.changes != nil {
		h.changes.lock = 0
		t.drop(h.changes)
	}
	t.readUnlock(h.dir)
}

// serve gives those who wait what they can get now.
func (t *tree) serve() {
	if len(t.waiting) == 0 {
		return
	}
	for _, w := range t.waiting {
		t.unmark(w)
	}
	left := t.waiting[:0]
	for _, w := range t.waiting { // whose marks count for those behind
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

// mark keeps new readers from the names that w waits to change. Names that are free stay so: w may have to wait for long for the other one.
func (t *tree) mark(w *waiter) {
	for _, want := range w.wants {
		dir := t.inodes.inode(want.ino)
		if !want.write || dir == nil {
			continue
		}
		if n := t.child(dir, want.name); n != nil && n.lock >= 0 && t.isInPath(n) {
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
