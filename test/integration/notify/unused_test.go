package notify

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// An inode that nobody uses goes with its entry, and its data with it; ExpireEntry keeps it.
func TestUnusedInodes(t *testing.T) {
	kept := []string(nil)
	dropped := []string{"READ /d/f 0+4096"}
	for _, row := range []struct {
		name string
		call func(n *lowlevel.Notifier, d, f lowlevel.Ino) error
		open []string
		read []string
	}{
		{"InvalEntry", func(n *lowlevel.Notifier, d, _ lowlevel.Ino) error { return n.InvalEntry(d, "f") }, []string{"LOOKUP /d/f", "OPEN /d/f"}, dropped},
		{"Delete", func(n *lowlevel.Notifier, d, f lowlevel.Ino) error { return n.Delete(d, f, "f") }, []string{"LOOKUP /d/f", "OPEN /d/f"}, dropped},
		{"IncrementEpoch", func(n *lowlevel.Notifier, _, _ lowlevel.Ino) error { return n.IncrementEpoch() }, []string{"LOOKUP /d", "LOOKUP /d/f", "OPEN /d/f"}, dropped},
		{"Prune", func(n *lowlevel.Notifier, _, f lowlevel.Ino) error { return n.Prune(f) }, []string{"LOOKUP /d", "LOOKUP /d/f", "OPEN /d/f"}, dropped},
		{"ExpireEntry", func(n *lowlevel.Notifier, d, _ lowlevel.Ino) error { return n.ExpireEntry(d, "f") }, []string{"LOOKUP /d/f", "OPEN /d/f"}, kept},
		{"InvalInodeAttr", func(n *lowlevel.Notifier, _, f lowlevel.Ino) error { return n.InvalInodeAttr(f) }, []string{"OPEN /d/f", "GETATTR /d/f"}, kept},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("open a d/f rdonly", "read a 0 4096", "stat d/f", "close a")
				f := x.fs.ino("d/f")
				x.unused("d/f")
				x.ok(row.call(x.n, x.fs.ino("d"), f))
				_, got := x.do("open a d/f rdonly")
				_, more := x.do("read a 0 4096")
				got = append(got, more...)
				if want := append(row.open, row.read...); !sameRequests(got, want) {
					x.fail("requests: got %s, want %s", describe(got), describe(want))
				}
			})
		})
	}
}
