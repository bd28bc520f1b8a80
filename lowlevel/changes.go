package lowlevel

import (
	"errors"
	"iter"
	"log/slog"
	"syscall"
)

// Changes turns what has changed behind the kernel's back into notifications: the right ones, in the right order. A filesystem whose data is elsewhere
// (a server, another process) gives long timeouts, keeps files' pages (FileInfo.KeepCache) and listings (FileInfo.CacheReaddir), and calls
// Changes when it hears of a change. docs/notifications.md has the reasons for what is sent.
//
// Three rules are the caller's:
//
//   - First the filesystem's own state, then the call: from the moment of the call on, Lookup, Getattr, Read and Readdir must answer with what is new.
//   - No lock of the handlers' may be held during the call, and it must not be made in a handler that has not replied: see [Notifier]. On a [NotifyQueue] ([NotifyQueue.Changes])
//     both are allowed, unless the queue is full.
//   - Changes that came through the mount need no call: the kernel knows them.
//
// What the kernel does not have cached is no error. Where the kernel lacks a notification, what does the same is sent instead, if there is such a thing, and
// that is logged once; if not, the error is an *UnsupportedError.
//
// Errors of all methods: those of the notifications, joined; all are sent even if one fails.
type Changes struct {
	to     notifications
	s      *Session
	cfg    ChangesConfig
	guards guards
}

// ChangesConfig is what Changes needs to know of the filesystem. All of it may be left out.
type ChangesConfig struct {
	// Known yields every inode that the kernel may know, for Everything: those that were given by Lookup and the like, and not yet taken back by
	// Forget. It is called on the caller's goroutine, and may be called at any time.
	Known iter.Seq[KnownInode]
	// Open reports whether a file is open through the mount. Nil: any may be.
	Open func(ino Ino) bool
}

// KnownInode is an inode that the kernel may know, by a name; one with several names is yielded several times. The root has none.
type KnownInode struct {
	Ino    Ino
	Parent Ino // 0: no name
	Name   string
}

// notifications is what Changes sends to: a Notifier or a NotifyQueue.
type notifications interface {
	InvalInode(ino Ino) error
	InvalInodeRange(ino Ino, off, size int64) error
	InvalInodeAttr(ino Ino) error
	InvalEntry(parent Ino, name string) error
	ExpireEntry(parent Ino, name string) error
	Delete(parent, child Ino, name string) error
	Store(ino Ino, off int64, data ...[]byte) error
	IncrementEpoch() error
	Prune(inos ...Ino) error
}

// Changes returns a Changes that sends at once: each of its methods returns when the kernel has done it all.
func (n *Notifier) Changes(cfg ChangesConfig) *Changes { return &Changes{to: n, s: n.s, cfg: cfg} }

// Changes returns a Changes that queues: NotifyQueue.Flush waits for what was queued.
func (q *NotifyQueue) Changes(cfg ChangesConfig) *Changes { return &Changes{to: q, s: q.s, cfg: cfg} }

// ContentChanged says that a file's content and attributes have changed: which part, is not known, or it is shorter than before.
//
// Sent: InvalInode, which waits for reads of the file that are under way. Where the kernel compares times (CapAutoInvalData) and the file is open, only
// InvalInodeAttr, which waits for nothing: the next read asks for the attributes, and drops the data if mtime or size differ. Mapped pages are not dropped that way.
func (c *Changes) ContentChanged(ino Ino) error {
	return c.twice(func() error { return c.content(ino) })
}

func (c *Changes) content(ino Ino) error {
	if c.timesTell() && c.open(ino) {
		return c.to.InvalInodeAttr(ino)
	}
	return c.all(c.to.InvalInode(ino), c.pruneSizes(ino))
}

// RangeChanged says that size bytes of a file's content have changed, from off on, and its attributes. A file that grew has changed from its old end on.
//
// Sent: InvalInodeRange; or as for ContentChanged.
func (c *Changes) RangeChanged(ino Ino, off, size int64) error {
	return c.twice(func() error { return c.contentRange(ino, off, size) })
}

func (c *Changes) contentRange(ino Ino, off, size int64) error {
	if c.timesTell() && c.open(ino) {
		return c.to.InvalInodeAttr(ino)
	}
	return c.all(c.to.InvalInodeRange(ino, off, size), c.pruneSizes(ino))
}

// DataChanged says that a part of a file's content is now data, from off on, and that its attributes have changed. Nothing else may have changed in the file.
// With a queue, data must not be changed until it was sent.
//
// Sent: InvalInodeAttr, then Store: the next read gets it from the cache. With CapAutoInvalData the kernel would drop the data again, as soon as it sees
// the new mtime; so then it is as RangeChanged. (To have data stored, disable CapAutoInvalData in Init, and enable CapExplicitInvalData.)
func (c *Changes) DataChanged(ino Ino, off int64, data ...[]byte) error {
	invalidate := func() error { return c.contentRange(ino, off, int64(max(totalLen(data), 1))) }
	if c.timesTell() {
		c.say("CapAutoInvalData would drop stored data again: it is invalidated instead")
		return c.twice(invalidate)
	}
	store := func() error { return c.all(c.to.InvalInodeAttr(ino), c.to.Store(ino, off, data...)) }
	return c.issue(store, invalidate) // the second time data may be out of date
}

// AttrChanged says that an inode's attributes have changed, but no content: mode, owner, times, link count, ACLs.
//
// Sent: InvalInodeAttr.
func (c *Changes) AttrChanged(ino Ino) error {
	return c.twice(func() error { return c.to.InvalInodeAttr(ino) })
}

// EntryAdded says that a directory has a new entry.
//
// Sent: InvalEntry, since the kernel may know that there is no such entry; then InvalInode for the directory's listing and times.
func (c *Changes) EntryAdded(parent Ino, name string) error {
	return c.twice(func() error { return c.entry(parent, name) })
}

func (c *Changes) entry(parent Ino, name string) error {
	return c.all(c.to.InvalEntry(parent, name), c.to.InvalInode(parent))
}

// attr is for an inode that may not be known.
func (c *Changes) attr(ino Ino) error {
	if ino == 0 {
		return nil
	}
	return c.to.InvalInodeAttr(ino)
}

// EntryRemoved says that a directory has lost an entry, which was child; 0 if that is not known. What was mounted on it is gone, as if
// the kernel had found out by a lookup.
//
// Sent: Delete, so that open files and watchers (inotify) of child know; InvalEntry where child is not known; InvalInode for the directory's listing and times; InvalInodeAttr
// for child's link count.
func (c *Changes) EntryRemoved(parent Ino, name string, child Ino) error {
	return c.twice(func() error {
		return c.all(c.deleted(parent, child, name), c.to.InvalInode(parent), c.attr(child))
	})
}

// EntryReplaced says that a name now stands for another inode than old (0: not known): what a rename over it, or removing and creating, has done.
//
// Sent: InvalEntry; InvalInode for the directory; InvalInodeAttr for old's link count.
func (c *Changes) EntryReplaced(parent Ino, name string, old Ino) error {
	return c.twice(func() error { return c.all(c.entry(parent, name), c.attr(old)) })
}

// EntryRenamed says that child has another name now. replaced is what had that name before; 0: nothing, or not known.
//
// Sent: as EntryReplaced for the new name, then InvalEntry for the old name: in this order, so that at no time both names are missing. Not Delete,
// which marks a directory as dead, but it lives on.
func (c *Changes) EntryRenamed(parent Ino, name string, newParent Ino, newName string, child, replaced Ino) error {
	return c.twice(func() error {
		return c.all(c.entry(newParent, newName), c.attr(replaced), c.entry(parent, name), c.attr(child))
	})
}

// DirRelisted says that a directory has other entries or another order of them, without saying which. Names that the kernel knows stay known until their
// EntryTimeout is over: EntryAdded, EntryRemoved and EntryReplaced are for those.
//
// Sent: InvalInode. (InvalEntry of any entry that is cached would do it, too. InvalInodeAttr does not: the listing stays.)
func (c *Changes) DirRelisted(dir Ino) error {
	return c.twice(func() error { return c.to.InvalInode(dir) })
}

// Everything says that anything may have changed: after a connection to the server was lost, for instance.
//
// Sent: IncrementEpoch, which has every name dropped and looked up again at its next use; a kernel without it is sent ExpireEntry for each known entry, one without that as well InvalEntry.
// Then for each known inode what ContentChanged sends, since the root, open files and directories in use are not looked up. Without ChangesConfig.Known those stay as they are, and
// on a kernel without IncrementEpoch nothing can be done: *UnsupportedError.
func (c *Changes) Everything() error { return c.twice(c.everything) }

func (c *Changes) everything() error {
	byName := func(KnownInode) error { return nil }
	err := c.to.IncrementEpoch()
	if errors.Is(err, errors.ErrUnsupported) && c.cfg.Known != nil {
		c.say("the kernel has no epochs: entries are expired one by one")
		byName, err = c.expire, nil
	}
	if c.cfg.Known == nil {
		return c.all(err)
	}
	errs := []error{err}
	for k := range c.cfg.Known {
		if e := c.all(byName(k), c.content(k.Ino)); e != nil {
			errs = append(errs, e)
		}
	}
	return c.all(errs...)
}

// expire has an entry looked up again.
func (c *Changes) expire(k KnownInode) error {
	if k.Parent == 0 {
		return nil
	}
	err := c.to.ExpireEntry(k.Parent, k.Name)
	if errors.Is(err, errors.ErrUnsupported) {
		c.say("the kernel cannot expire entries: they are invalidated")
		return c.to.InvalEntry(k.Parent, k.Name)
	}
	return err
}

// twice issues the same now and again.
func (c *Changes) twice(f func() error) error { return c.issue(f, f) }

// timesTell reports whether the kernel drops data by itself when it sees another mtime.
func (c *Changes) timesTell() bool {
	conn, _ := c.s.Conn()
	return conn.Want()&CapAutoInvalData != 0 && conn.Want()&CapWritebackCache == 0
}

// pruneSizes makes for another size where the kernel trusts its own only: with CapWritebackCache it ignores what Getattr says of size and mtime. Only an
// inode that is read in anew has the new ones.
func (c *Changes) pruneSizes(ino Ino) error {
	conn, _ := c.s.Conn()
	if conn.Want()&CapWritebackCache == 0 {
		return nil
	}
	err := c.to.Prune(ino)
	if errors.Is(err, errors.ErrUnsupported) {
		c.say("with CapWritebackCache, and without FUSE_NOTIFY_PRUNE, the kernel does not see that a file has another size")
		return nil
	}
	return err
}

func (c *Changes) open(ino Ino) bool { return c.cfg.Open == nil || c.cfg.Open(ino) }

// say tells once what is done instead of what should be.
func (c *Changes) say(what string) {
	if c.s.firstTime(what) {
		c.s.log().Log(c.s.ctx, slog.LevelInfo, "fuse: "+what)
	}
}

// all joins errors, but for ErrNotCached: what is not cached needs no notification.
func (c *Changes) all(errs ...error) error {
	var left []error
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrNotCached) {
			left = append(left, err)
		}
	}
	return errors.Join(left...)
}

// deleted sends Delete. What that refuses, it has invalidated nevertheless.
func (c *Changes) deleted(parent, child Ino, name string) error {
	if child == 0 {
		return c.to.InvalEntry(parent, name)
	}
	err := c.to.Delete(parent, child, name)
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EBUSY) {
		return nil
	}
	return err
}

func totalLen(data [][]byte) int {
	n := 0
	for _, p := range data {
		n += len(p)
	}
	return n
}
