package notify

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

var writeback = setup{enable: lowlevel.CapWritebackCache}

// With CapWritebackCache the kernel's own size and mtime of a regular file count as long as it knows the inode: the Getattr after a notification changes neither.
// Only Store makes a file longer, and an inode that nobody uses can be dropped with its entry, and looked up anew.
func TestWriteback_SizeAndMtimeAreTheKernels(t *testing.T) {
	type call func(n *lowlevel.Notifier, f lowlevel.Ino) error
	const stale, fresh = "ino=5 size=32768 mtime=1000 nlink=1", "ino=5 size=36864 mtime=2000 nlink=1"
	for _, row := range []struct {
		name string
		open bool
		call call
		want string
		asks string
	}{
		{"InvalInodeAttr", false, (*lowlevel.Notifier).InvalInodeAttr, stale, "GETATTR /f"},
		{"InvalInode", false, (*lowlevel.Notifier).InvalInode, stale, "GETATTR /f"},
		{"InvalEntry, open", true, invalRootEntry, stale, "LOOKUP /f"},
		{"InvalEntry", false, invalRootEntry, fresh, "LOOKUP /f"},
		{"ExpireEntry", false, func(n *lowlevel.Notifier, _ lowlevel.Ino) error { return n.ExpireEntry(lowlevel.RootIno, "f") }, stale, "LOOKUP /f"},
		{"IncrementEpoch, open", true, incrementEpoch, stale, "LOOKUP /f"},
		{"IncrementEpoch", false, incrementEpoch, fresh, "LOOKUP /f"},
		{"Store", false, func(n *lowlevel.Notifier, f lowlevel.Ino) error {
			return n.Store(f, 8*page, letters(page, "z"))
		}, "ino=5 size=36864 mtime=1000 nlink=1", "GETATTR /f"},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, writeback, func(x *experiment) {
				x.prepare("open a f rdonly", "read a 0 4096", "stat f")
				if !row.open {
					x.prepare("close a")
					x.unused("f")
				}
				x.fs.change("f", "y", 9*page, 2000)
				x.ok(row.call(x.n, x.fs.ino("f")))
				x.gives(row.want, "stat f", row.asks)
			})
		})
	}
}

func invalRootEntry(n *lowlevel.Notifier, _ lowlevel.Ino) error {
	return n.InvalEntry(lowlevel.RootIno, "f")
}

func incrementEpoch(n *lowlevel.Notifier, _ lowlevel.Ino) error { return n.IncrementEpoch() }

// Data is dropped nevertheless, and read anew.
func TestWriteback_InvalInodeDropsData(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.prepare("open a f rdonly", "read a 0 4096", "stat f")
		x.fs.change("f", "y", 8*page, 2000)
		x.ok(x.n.InvalInode(x.fs.ino("f")))
		result, _ := x.do("read a 0 4096")
		x.check(result == "y*4096", "got %s", result)
	})
}

// Store writes over what was written and not yet written back: it is written back as data of the client's.
func TestWriteback_StoreOverDirtyData(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.prepare("open a f rdwr", "read a 0 32768", "write a 0 4096 w")
		x.ok(x.n.Store(x.fs.ino("f"), 10, letters(20, "z")))
		x.gives("w*10 z*20 w*4066", "read a 0 4096")
		x.prepare("fsync a")
		if got, want := x.fs.text("f", page), "w*10 z*20 w*4066"; got != want {
			x.fail("written back: got %s, want %s", got, want)
		}
	})
}
