package notify

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// The two races that the kernel loses (TestRace_LookupAndInvalInodeAttr, TestRace_RevalidationAndExpireEntry), with Changes.Guard in Lookup.

// guarded is a setup whose Lookup is guarded for changes.
func guarded(changes func(s *lowlevel.Session) *lowlevel.Changes) setup {
	return setup{ops: func(_ *tree, ops *lowlevel.Ops) {
		lookup := ops.Lookup
		ops.Lookup = func(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
			changes(req.Session()).Guard(req)
			return lookup(req, parent, name)
		}
	}}
}

func TestChanges_GuardedLookupDoesNotLeaveOldAttributes(t *testing.T) {
	var once sync.Once
	var c *lowlevel.Changes
	changes := func(s *lowlevel.Session) *lowlevel.Changes {
		once.Do(func() { c = s.Notifier().Changes(lowlevel.ChangesConfig{}) })
		return c
	}
	run(t, guarded(changes), func(x *experiment) {
		x.prepare("stat d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.fs.change("d/f", "z", 5, 2000)
		x.ok(changes(nil).AttrChanged(x.fs.ino("d/f"))) // finds nothing; again when the answer is there
		h.answer()
		x.result(b)
		x.eventually("ino=6 size=5 mtime=2000 nlink=1", "stat d/f")
	})
}

// Changes has no use for ExpireEntry but where the kernel lacks epochs. Who uses it for himself has it repeated by saying EntryReplaced instead.
func TestChanges_GuardedRevalidationDoesNotLeaveOldEntry(t *testing.T) {
	var once sync.Once
	var c *lowlevel.Changes
	changes := func(s *lowlevel.Session) *lowlevel.Changes {
		once.Do(func() { c = s.Notifier().Changes(lowlevel.ChangesConfig{}) })
		return c
	}
	run(t, guarded(changes), func(x *experiment) {
		b, h := x.revalidating()
		ino := x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(changes(nil).EntryReplaced(x.fs.ino("d"), "f", 0))
		h.answer()
		x.result(b)
		if st, _ := x.do("stat d/f"); !strings.HasPrefix(st, fmt.Sprintf("ino=%d ", ino)) {
			x.fail("stat d/f: got %q, want inode %d", st, ino)
		}
	})
}
