package highlevel

import (
	"context"
	pathpkg "path"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Notifications by path. They are lowlevel's (see lowlevel.Notifier for what each does, and when it blocks), for who knows paths; what the kernel does not
// know by that path is lowlevel.ErrNotCached. They may be called from anywhere but from an operation (lowlevel.ErrInHandler there), and not while holding a lock
// that an operation needs.

// Session returns the session that serves the filesystem; nil before it is mounted, or, where the session was made from Ops, before the first request.
func (f *FS) Session() *lowlevel.Session { return f.session.Load() }

// Notifier returns the session's notifier, for notifications by inode: see Ino.
func (f *FS) Notifier() (*lowlevel.Notifier, error) {
	s := f.session.Load()
	if s == nil {
		return nil, lowlevel.ErrNotMounted
	}
	return s.Notifier(), nil
}

// Ino returns by what number the kernel knows a path.
//
// Errors: lowlevel.ErrNotCached.
func (f *FS) Ino(path string) (Ino, error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := f.tree.walk(path)
	if n == nil {
		return 0, lowlevel.ErrNotCached
	}
	return n.ino, nil
}

// entryOf returns directory and name of a path. The root has none: EINVAL.
func (f *FS) entryOf(path string) (parent Ino, name string, err error) {
	dir, name := pathpkg.Split(pathpkg.Clean("/" + path))
	if name == "" {
		return 0, "", errNoRequest
	}
	parent, err = f.Ino(dir)
	return parent, name, err
}

// onInode sends a notification about an inode.
func (f *FS) onInode(path string, send func(n *lowlevel.Notifier, ino Ino) error) error {
	n, err := f.Notifier()
	if err != nil {
		return err
	}
	ino, err := f.Ino(path)
	if err != nil {
		return err
	}
	return send(n, ino)
}

// onEntry sends a notification about a name.
func (f *FS) onEntry(path string, send func(n *lowlevel.Notifier, parent Ino, name string) error) error {
	n, err := f.Notifier()
	if err != nil {
		return err
	}
	parent, name, err := f.entryOf(path)
	if err != nil {
		return err
	}
	return send(n, parent, name)
}

// InvalidatePath has the kernel drop what it knows of a file: attributes and data, of a directory the listing.
//
// Implements:
//
//	int fuse_invalidate_path(struct fuse *f, const char *path);
func (f *FS) InvalidatePath(path string) error {
	return f.onInode(path, func(n *lowlevel.Notifier, ino Ino) error { return n.InvalInode(ino) })
}

// InvalidateEntryPath has it drop the name: the next use looks it up.
func (f *FS) InvalidateEntryPath(path string) error {
	return f.onEntry(path, func(n *lowlevel.Notifier, parent Ino, name string) error { return n.InvalEntry(parent, name) })
}

// ExpirePath has it ask before it uses the name again.
func (f *FS) ExpirePath(path string) error {
	return f.onEntry(path, func(n *lowlevel.Notifier, parent Ino, name string) error { return n.ExpireEntry(parent, name) })
}

// DeletedPath tells it that a file has been removed: watchers (inotify) of the directory hear of it.
func (f *FS) DeletedPath(path string) error {
	return f.onEntry(path, func(n *lowlevel.Notifier, parent Ino, name string) error {
		child, err := f.Ino(path)
		if err != nil {
			return n.InvalEntry(parent, name) // that there is none may be cached
		}
		return n.Delete(parent, child, name)
	})
}

// StorePath puts data into its cache of a file, at off.
func (f *FS) StorePath(path string, off int64, data ...[]byte) error {
	return f.onInode(path, func(n *lowlevel.Notifier, ino Ino) error { return n.Store(ino, off, data...) })
}

// RetrievePath returns what it has cached of a file: up to size bytes from off on.
func (f *FS) RetrievePath(ctx context.Context, path string, off int64, size int) (data []byte, err error) {
	err = f.onInode(path, func(n *lowlevel.Notifier, ino Ino) error {
		data, err = n.Retrieve(ctx, ino, off, size)
		return err
	})
	return data, err
}

// NotifyPoll wakes who polls: PollHandle.Notify.
//
// Implements:
//
//	int fuse_notify_poll(struct fuse_pollhandle *ph);
func NotifyPoll(ph *PollHandle) error { return ph.Notify() }
