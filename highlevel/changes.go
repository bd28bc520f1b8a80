package highlevel

import (
	"errors"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Changes is lowlevel.Changes by path: it tells the kernel of what has changed behind its back. See there for what is sent and why, and for the rules: first the
// filesystem's own state, then the call, and no lock of the operations held. Answers under way are guarded by themselves.
//
// What the kernel does not know by that path is no error.
type Changes struct {
	fs  *FS
	low *lowlevel.Changes
}

// Changes returns a Changes that sends at once: each of its methods returns when the kernel has done it all. In an operation they return lowlevel.ErrInHandler.
//
// Errors: lowlevel.ErrNotMounted.
func (f *FS) Changes() (*Changes, error) {
	n, err := f.Notifier()
	if err != nil {
		return nil, err
	}
	return f.newChanges(n.Changes(f.changesConfig())), nil
}

// QueuedChanges returns a Changes that queues, and may be used in operations, too. The queue must be of this filesystem's Notifier.
func (f *FS) QueuedChanges(q *NotifyQueue) *Changes {
	return f.newChanges(q.Changes(f.changesConfig()))
}

func (f *FS) changesConfig() lowlevel.ChangesConfig {
	return lowlevel.ChangesConfig{Known: f.known, Open: f.isOpenIno}
}

// newChanges has all operations guarded for c, too.
func (f *FS) newChanges(c *lowlevel.Changes) *Changes {
	for {
		old := f.guards.Load()
		var list []*lowlevel.Changes
		if old != nil {
			list = append(list, *old...)
		}
		list = append(list, c)
		if f.guards.CompareAndSwap(old, &list) {
			return &Changes{f, c}
		}
	}
}

// known is every inode that the kernel may know.
func (f *FS) known(yield func(lowlevel.KnownInode) bool) {
	f.tree.mu.Lock()
	list := make([]lowlevel.KnownInode, 0, f.tree.inodes.len())
	for n := range f.tree.inodes.all() {
		ino := n.ino
		k := lowlevel.KnownInode{Ino: ino}
		if parent := f.tree.parent(n); parent != nil {
			k.Parent, k.Name = parent.ino, f.tree.name(n)
		}
		list = append(list, k)
	}
	f.tree.mu.Unlock()
	for _, k := range list {
		if !yield(k) {
			return
		}
	}
}

func (f *FS) isOpenIno(ino Ino) bool {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := f.tree.inodes.inode(ino)
	return n != nil && n.opens > 0
}

// on calls f with the inode of a path, if the kernel knows it.
func (c *Changes) on(path string, f func(ino Ino) error) error {
	ino, err := c.fs.Ino(path)
	if err != nil {
		return nil
	}
	return f(ino)
}

// onEntry calls f with the directory and name of a path, if the kernel knows the directory.
func (c *Changes) onEntry(path string, f func(parent Ino, name string) error) error {
	parent, name, err := c.fs.entryOf(path)
	if errors.Is(err, lowlevel.ErrNotCached) {
		return nil
	}
	if err != nil {
		return err
	}
	return f(parent, name)
}

// ContentChanged says that a file's content and attributes have changed.
func (c *Changes) ContentChanged(path string) error { return c.on(path, c.low.ContentChanged) }

// RangeChanged says that size bytes from off on have changed.
func (c *Changes) RangeChanged(path string, off, size int64) error {
	return c.on(path, func(ino Ino) error { return c.low.RangeChanged(ino, off, size) })
}

// DataChanged says that a part of the content is now data.
func (c *Changes) DataChanged(path string, off int64, data ...[]byte) error {
	return c.on(path, func(ino Ino) error { return c.low.DataChanged(ino, off, data...) })
}

// AttrChanged says that attributes have changed, but no content.
func (c *Changes) AttrChanged(path string) error { return c.on(path, c.low.AttrChanged) }

// EntryAdded says that there is something at path where nothing was.
func (c *Changes) EntryAdded(path string) error { return c.onEntry(path, c.low.EntryAdded) }

// EntryRemoved says that there is nothing at path any more.
func (c *Changes) EntryRemoved(path string) error {
	return c.onEntry(path, func(parent Ino, name string) error {
		child := c.inoOf(path)
		c.takeName(parent, name)
		return c.low.EntryRemoved(parent, name, child)
	})
}

// EntryReplaced says that there is something else at path.
func (c *Changes) EntryReplaced(path string) error {
	return c.onEntry(path, func(parent Ino, name string) error {
		old := c.inoOf(path)
		c.takeName(parent, name)
		return c.low.EntryReplaced(parent, name, old)
	})
}

// EntryRenamed says that what was at path is now at newPath.
func (c *Changes) EntryRenamed(path, newPath string) error {
	parent, name, err := c.fs.entryOf(path)
	newParent, newName, newErr := c.fs.entryOf(newPath)
	if err != nil || newErr != nil { // the kernel knows at most one of the directories
		return errors.Join(c.EntryReplaced(newPath), c.EntryRemoved(path))
	}
	child, replaced := c.inoOf(path), c.inoOf(newPath)
	if !c.move(parent, name, newParent, newName) {
		c.takeName(newParent, newName)
		c.takeName(parent, name)
	}
	return c.low.EntryRenamed(parent, name, newParent, newName, child, replaced)
}

// DirRelisted says that a directory has other entries, or another order.
func (c *Changes) DirRelisted(path string) error { return c.on(path, c.low.DirRelisted) }

// Everything says that anything may have changed.
func (c *Changes) Everything() error { return c.low.Everything() }

// inoOf returns 0 for what is not known.
func (c *Changes) inoOf(path string) Ino {
	ino, err := c.fs.Ino(path)
	if err != nil {
		return 0
	}
	return ino
}

// takeName takes a name from what had it: what gets the name next is another file. Where operations are still at it, that has to wait for them.
func (c *Changes) takeName(parent Ino, name string) {
	t := c.fs.tree
	w := want{ino: parent, name: name, write: true}
	remove := func(h held) {
		t.mu.Lock()
		t.remove(h.dir, name)
		t.mu.Unlock()
		t.release(h)
	}
	t.mu.Lock()
	h, err := t.tryOne(w)
	t.mu.Unlock()
	switch err {
	case nil:
		remove(h)
	case errLocked:
		go func() {
			if h, err := t.one(w); err == nil {
				remove(h)
			}
		}()
	}
}

// move gives a node its new name, unless operations are at one of the names.
func (c *Changes) move(parent Ino, name string, newParent Ino, newName string) bool {
	t := c.fs.tree
	var h [2]held
	t.mu.Lock()
	err := t.try(h[:], []want{{ino: parent, name: name, write: true}, {ino: newParent, name: newName, write: true}})
	if err == nil {
		t.rename(h[0].dir, name, h[1].dir, newName)
	}
	t.mu.Unlock()
	if err != nil {
		return false
	}
	t.release(h[:]...)
	return true
}
