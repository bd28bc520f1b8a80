package notify

import (
	"fmt"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Only Delete is heard by watchers, and only by those of the inode itself: IN_DELETE_SELF when nobody has it open any more. Watchers of the
// directory hear nothing of any notification. (To compare: what is done through the mount is heard.)
func TestInotify(t *testing.T) {
	type call func(n *lowlevel.Notifier, d, f lowlevel.Ino) error
	const gone = "DELETE_SELF IGNORED"
	for _, row := range []struct {
		name string
		call call
		file string // what the file's watchers hear
	}{
		{"Delete", func(n *lowlevel.Notifier, d, f lowlevel.Ino) error { return n.Delete(d, f, "f") }, gone},
		{"InvalEntry", func(n *lowlevel.Notifier, d, _ lowlevel.Ino) error { return n.InvalEntry(d, "f") }, ""},
		{"ExpireEntry", func(n *lowlevel.Notifier, d, _ lowlevel.Ino) error { return n.ExpireEntry(d, "f") }, ""},
		{"InvalInode", func(n *lowlevel.Notifier, _, f lowlevel.Ino) error { return n.InvalInode(f) }, ""},
		{"InvalInodeAttr", func(n *lowlevel.Notifier, _, f lowlevel.Ino) error { return n.InvalInodeAttr(f) }, ""},
		{"Store", func(n *lowlevel.Notifier, _, f lowlevel.Ino) error { return n.Store(f, 0, letters(page, "z")) }, ""},
		{"IncrementEpoch", func(n *lowlevel.Notifier, _, _ lowlevel.Ino) error { return n.IncrementEpoch() }, ""},
	} {
		for _, open := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s open=%v", row.name, open), func(t *testing.T) {
				run(t, setup{}, func(x *experiment) {
					x.prepare("watch parent d", "watch file d/f", "stat d/f")
					if open {
						x.prepare("open a d/f rdonly")
					}
					d, f := x.fs.ino("d"), x.fs.ino("d/f")
					if row.name == "Delete" || row.name == "InvalEntry" {
						x.fs.remove("d/f")
					}
					x.ok(row.call(x.n, d, f))
					_, _ = x.client(0).call("stat d/f")
					if open {
						x.gives("", "events file")
						x.prepare("close a")
					}
					x.eventually(row.file, "events file")
					x.prepare("unlink d/g") // to have an event that comes after any other
					x.gives("DELETE:g", "events parent")
				})
			})
		}
	}
	t.Run("unlink", func(t *testing.T) {
		run(t, setup{}, func(x *experiment) {
			x.prepare("watch parent d", "watch file d/f", "unlink d/f")
			x.gives("DELETE:f", "events parent")
			x.eventually("ATTRIB DELETE_SELF IGNORED", "events file")
		})
	})
}
