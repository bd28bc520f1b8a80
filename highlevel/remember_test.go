package highlevel

import (
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// newRememberRig remembers for so many seconds, and without pruning on its own within a test.
func newRememberRig(t testing.TB, seconds int, names ...string) *rig {
	return newRig(t, newMemFS().put(names...), func(_ *Operations, cfg *Config) { cfg.Remember = seconds })
}

func forgotten(n *node) bool { return n.nlookup == 0 }

// size returns how many nodes there are, and how many of them wait to be pruned.
func (r *rig) size() [2]int {
	r.fs.tree.mu.Lock()
	defer r.fs.tree.mu.Unlock()
	return [2]int{r.fs.tree.inodes.len(), r.fs.tree.old.n}
}

func TestRemember_NoforgetKeepsNumbers(t *testing.T) {
	r := newRememberRig(t, -1, "a/f")
	a, f := r.walk("a"), r.walk("a/f")
	r.forget(f, 1, forgotten)
	r.forget(a, 2, forgotten)
	r.fs.pruneAt(time.Now().Add(time.Hour))
	same(t, "path, by a number from long ago", r.path(f), "/a/f")
	same(t, "st_ino of . (an NFS server asks)", r.entry(fusetest.Lookup(f, ".")).Attr.Ino, f)
	same(t, "lookup", r.walk("a/f"), f)
	same(t, "nodes, those to be pruned", r.size(), [2]int{3, 0})
}

func TestRemember_PruneDropsWhatWasForgottenForLong(t *testing.T) {
	r := newRememberRig(t, 3600, "a/f", "g")
	a, f, g := r.walk("a"), r.walk("a/f"), r.walk("g")
	r.forget(f, 1, forgotten)
	r.forget(a, 2, forgotten)
	same(t, "nodes, those to be pruned", r.size(), [2]int{4, 2})
	r.fs.pruneAt(time.Now().Add(-time.Minute))
	same(t, "after a minute", r.size(), [2]int{4, 2})
	same(t, "found again, under its number", r.lookup(a, "f"), f)
	same(t, "one less", r.size(), [2]int{4, 1})
	r.fs.pruneAt(time.Now().Add(time.Minute))
	same(t, "a directory stays while there is something in it", r.size(), [2]int{4, 1})
	same(t, "path", r.path(f), "/a/f")
	r.forget(f, 1, forgotten)
	r.fs.pruneAt(time.Now().Add(time.Minute))
	r.fs.pruneAt(time.Now().Add(time.Minute)) // what was above it
	same(t, "all but the root and g", r.size(), [2]int{2, 0})
	same(t, "path of what the kernel knows", r.path(g), "/g")
	r.want(syscall.ESTALE, fusetest.Lookup(f, "."))
}

// TestRemember_ADirectoryThatWasNotPrunedIsCountedAsBefore: looked up twice and forgotten once it is still known.
func TestRemember_ADirectoryThatWasNotPrunedIsCountedAsBefore(t *testing.T) {
	r := newRememberRig(t, 3600, "a/f")
	a := r.lookup(1, "a")
	r.lookup(a, "f")
	r.forget(a, 1, forgotten)
	r.fs.pruneAt(time.Now().Add(time.Minute))
	r.lookup(1, "a")
	r.lookup(1, "a")
	r.forget(a, 1, func(n *node) bool { return n.nlookup == 1 })
	r.fs.pruneAt(time.Now().Add(time.Minute))
	same(t, "path", r.path(a), "/a")
	same(t, "nodes, those to be pruned", r.size(), [2]int{3, 0})
}

// TestRemember_WhatIsRemovedIsNotKept.
func TestRemember_WhatIsRemovedIsNotKept(t *testing.T) {
	for _, seconds := range []int{-1, 3600} {
		r := newRememberRig(t, seconds, "f", "g", "h", "d/")
		f, h, d := r.lookup(1, "f"), r.lookup(1, "h"), r.lookup(1, "d")
		r.lookup(1, "g")
		r.want(0, fusetest.Unlink(1, "f"))
		r.want(0, fusetest.Rename(1, 1, "g", "h"))
		r.want(0, fusetest.Rmdir(1, "d"))
		r.forget(f, 1, nil)
		r.forget(h, 1, nil)
		r.forget(d, 1, nil)
		same(t, "nodes (the root, g as h), those to be pruned", r.size(), [2]int{2, 0})
	}
}

func TestRemember_ReaddirplusWithoutRoomKeepsNothing(t *testing.T) {
	r := newRememberRig(t, -1, "f")
	fh := r.opendir(1)
	r.readdirplus(fh, 0, direntPlusRoom(2)) // "." and ".."
	same(t, "nodes (the root)", r.size(), [2]int{1, 0})
	r.readdirplus(fh, 0, direntPlusRoom(3))
	same(t, "nodes (the root, f)", r.size(), [2]int{2, 0})
}
