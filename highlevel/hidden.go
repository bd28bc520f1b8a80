package highlevel

import (
	"context"
	"fmt"
	"syscall"
)

// A file that is removed while it is open must stay usable, but a filesystem that goes by paths could not find it any more. So it is renamed to a name
// that nobody is likely to use, and removed at its last release.

const (
	hiddenPrefix = ".fuse_hidden"
	hiddenTries  = 10
)

// isHidden reports whether a name is one of those.
func (f *FS) isHidden(dir Ino, name string) bool {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	d := f.tree.inodes.inode(dir)
	if d == nil {
		return false
	}
	n := f.tree.child(d, name)
	return n != nil && n.hidden
}

func (f *FS) isOpen(n *node) bool {
	if n == nil {
		return false
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	return n.opens > 0
}

// hide renames what h changes, which is name in h.dir. unhide or unlinkClosed must follow.
func (f *FS) hide(ctx *request, h held, name string) (path, hidden string, err error) {
	if f.ops.Rename == nil {
		return "", "", syscall.ENOSYS
	}
	path, hidden, err = f.hiddenName(ctx, h)
	if err == nil {
		err = f.ops.Rename(ctx, h.path, path, 0)
	}
	if err == nil {
		f.renamedHidden(h, name, hidden, true)
	}
	return path, hidden, err
}

// unhide renames it back.
func (f *FS) unhide(ctx *request, h held, name, path, hidden string) {
	if f.ops.Rename(ctx, path, h.path, 0) == nil {
		f.renamedHidden(h, hidden, name, false)
	}
}

// renameOverOpen hides what is open under the new name.
func (f *FS) renameOverOpen(ctx *request, h [2]held, name, newName string, flags RenameFlags) error {
	if f.sameFile(ctx, h) {
		return f.renameToItself(ctx, h, name, newName, flags)
	}
	path, hidden, err := f.hide(ctx, h[1], newName)
	if err != nil {
		return err
	}
	if err := f.renameNow(ctx, h, name, newName, flags); err != nil {
		f.unhide(ctx, h[1], newName, path, hidden)
		return err
	}
	f.unlinkClosed(ctx, h[1], hidden, path)
	return nil
}

// sameFile reports whether two names are links to one file, as far as the filesystem's numbers tell.
func (f *FS) sameFile(ctx *request, h [2]held) bool {
	if !f.cfg.UseIno {
		return false
	}
	a, err := f.opGetattr(ctx, h[0].path, nil)
	if err != nil || a.Nlink < 2 || a.IsDir() {
		return false
	}
	b, err := f.opGetattr(ctx, h[1].path, nil)
	return err == nil && a.Ino == b.Ino
}

// renameToItself renames one link to a file onto another one: both are to stay. (In C the second one is hidden before, and so the first one gets lost.) To the kernel the links are
// different files, of which the first one has the new name now; it finds the second one by the old name.
func (f *FS) renameToItself(ctx *request, h [2]held, name, newName string, flags RenameFlags) error {
	if err := f.ops.Rename(ctx, h[0].path, h[1].path, flags); err != nil {
		return err
	}
	f.renamed(h, name, newName, true)
	return nil
}

func (f *FS) renamedHidden(h held, from, to string, hidden bool) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	f.tree.rename(h.dir, from, h.dir, to)
	f.tree.setHidden(h.changes, hidden)
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
		case is(err, syscall.ENOENT):
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
		name = fmt.Sprintf(hiddenPrefix+"%08x%08x", uint64(h.changes.ino), f.hidden)
		if f.tree.child(h.dir, name) == nil {
			break
		}
	}
	path, err = f.tree.path(h.dir, name)
	return path, name, err
}

// unlinkHidden removes what nobody has open any more.
func (f *FS) unlinkHidden(ctx *request, h held, name string) error {
	if f.isOpen(h.changes) { // again
		return nil
	}
	return f.unlinkNow(ctx, h, name)
}

// unlinkClosed removes what was hidden in h.dir, if it was closed meanwhile: with NullpathOK a release waits for nobody.
func (f *FS) unlinkClosed(ctx *request, h held, name, path string) {
	if f.isOpen(h.changes) || f.ops.Unlink == nil {
		return
	}
	if f.ops.Unlink(ctx, path) == nil {
		f.removed(h, name)
	}
}

// onlyHidden takes hidden files out of a directory that could not be removed for not being empty, and reports whether there were any. They go to the directory
// that it is in. (In C, rm -r fails on a directory with a file that somebody has open, or had a moment ago: the kernel tells of a close later.)
func (f *FS) onlyHidden(ctx *request, h held, err error) bool {
	if !is(err, syscall.ENOTEMPTY) && !is(err, syscall.EEXIST) || f.ops.Rename == nil {
		return false
	}
	moved := false
	for _, n := range f.hiddenIn(h.changes) {
		moved = f.moveHidden(ctx, h, n) || moved
	}
	return moved
}

// hiddenIn returns what is hidden in a write-locked directory, where nobody else can have it in his path, and write-locks it as well. letGo must follow.
func (f *FS) hiddenIn(dir *node) (list []*node) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	for n := range f.tree.hidden {
		if f.tree.parent(n) == dir {
			n.lock = -1
			list = append(list, n)
		}
	}
	return list
}

func (f *FS) letGo(n *node) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n.lock = 0
	f.tree.drop(n)
}

// moveHidden moves a hidden file from h.changes to h.dir, and lets it go.
func (f *FS) moveHidden(ctx *request, h held, n *node) bool {
	defer f.letGo(n)
	f.tree.mu.Lock()
	old := f.tree.name(n)
	from, err := f.tree.path(h.changes, old)
	f.tree.mu.Unlock()
	if err != nil {
		return false
	}
	to := held{dir: h.dir, changes: n}
	path, name, err := f.hiddenName(ctx, to)
	if err != nil || f.ops.Rename(ctx, from, path, 0) != nil {
		return false
	}
	f.tree.mu.Lock()
	f.tree.rename(h.changes, old, h.dir, name)
	f.tree.mu.Unlock()
	f.unlinkClosed(ctx, to, name, path)
	return true
}

// removeHidden removes, at the end, what is still open.
func (f *FS) removeHidden() {
	if f.ops.Unlink == nil {
		return
	}
	f.tree.mu.Lock()
	var paths []string
	for n := range f.tree.hidden {
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
