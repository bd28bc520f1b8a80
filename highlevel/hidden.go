package highlevel

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// A file that is removed while it is open must stay usable, but a filesystem that goes by paths could not find it any more. So it is renamed to a name
// that nobody is likely to use, and removed at its last release.

const hiddenTries = 10

func (f *FS) isOpen(n *node) bool {
	if n == nil {
		return false
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	return n.opens > 0
}

// hide renames what h changes, which is name in h.dir.
func (f *FS) hide(ctx *request, h held, name string) error {
	if f.ops.Rename == nil {
		return syscall.EBUSY
	}
	path, hidden, err := f.hiddenName(ctx, h)
	if err != nil {
		return err
	}
	if err := f.ops.Rename(ctx, h.path, path, 0); err != nil {
		return err
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	f.tree.rename(h.dir, name, h.dir, hidden)
	h.changes.hidden = true
	return nil
}

// hiddenName finds a name that is not in use.
func (f *FS) hiddenName(ctx *request, h held) (path, name string, err error) {
	for range hiddenTries {
		path, name, err = f.nextHidden(h)
		if err != nil {
			return "", "", err
		}
		_, err = f.opGetattr(ctx, path, nil)
		switch {
		case errors.Is(err, syscall.ENOENT):
			return path, name, nil
		case err != nil:
			return "", "", err
		}
	}
	return "", "", syscall.EBUSY
}

func (f *FS) nextHidden(h held) (path, name string, err error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	for {
		f.hidden++
		name = fmt.Sprintf(".fuse_hidden%08x%08x", uint64(h.changes.ino), f.hidden)
		if f.tree.child(h.dir, name) == nil {
			break
		}
	}
	path, err = f.tree.path(h.dir, name)
	return path, name, err
}

// removeHidden removes, at the end, what is still open.
func (f *FS) removeHidden() {
	if f.ops.Unlink == nil {
		return
	}
	f.tree.mu.Lock()
	var paths []string
	for _, n := range f.tree.byIno {
		if !n.hidden {
			continue
		}
		if path, err := f.tree.path(n, ""); err == nil {
			paths = append(paths, path)
		}
	}
	f.tree.mu.Unlock()
	ctx := &request{fs: f, inner: context.Background()}
	for _, path := range paths {
		_ = f.ops.Unlink(ctx, path)
	}
}
