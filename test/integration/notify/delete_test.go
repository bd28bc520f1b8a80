package notify

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestDelete_EntryIsGone(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("open a d/f rdonly", "read a 0 4096", "fstat a")
		ino := x.fs.ino("d/f")
		x.fs.remove("d/f")
		x.ok(x.n.Delete(x.fs.ino("d"), ino, "f"))
		x.gives("a*4096", "read a 0 4096")
		x.gives("b*4096", "read a 4096 4096", "READ /d/f 4096+4096")
		x.gives("/d/f (deleted)", "fdpath a")
		x.parentDropped()
		x.refused(unix.ENOENT, "stat d/f", "LOOKUP /d/f")
		x.prepare("close a")
		x.until(func() bool { return x.fs.known(ino) == 0 }, func() string { return "a Forget" })
	})
}

// An open file has no links any more, until the filesystem says otherwise.
func TestDelete_NoLinks(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a d/f rdonly", "stat d/f")
		d, ino := x.fs.ino("d"), x.fs.ino("d/f")
		x.gives("ino=6 size=32768 mtime=1000 nlink=1", "fstat a")
		x.ok(x.n.InvalEntry(d, "f"))
		x.gives("ino=6 size=32768 mtime=1000 nlink=1", "fstat a")
		x.step("stat d/f", "LOOKUP /d/f")
		x.ok(x.n.Delete(d, ino, "f"))
		x.gives("ino=6 size=32768 mtime=1000 nlink=0", "fstat a")
	})
}

func TestDelete_OtherChildIsNotCached(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		d := x.fs.ino("d")
		x.is(x.n.Delete(d, x.fs.ino("d/g"), "f"), lowlevel.ErrNotCached)
		// Nevertheless it was an InvalEntry.
		x.parentDropped()
		x.step("stat d/f", "LOOKUP /d/f")
	})
}

// A cached "no such entry" is dropped as by InvalEntry, whatever the child.
func TestDelete_Negative(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		x.refused(unix.ENOENT, "stat d/new", "LOOKUP /d/new")
		x.ok(x.n.Delete(x.fs.ino("d"), 4711, "new"))
		x.refused(unix.ENOENT, "stat d/new", "LOOKUP /d/new")
	})
}

func TestDelete_MountedOn(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("tmpfs d/sub")
		x.ok(x.n.Delete(x.fs.ino("d"), x.fs.ino("d/sub"), "sub"))
		x.eventually("false", "ismounted d/sub")
	})
}

func TestDelete_DirectoryInUse(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		d, sub := x.fs.ino("d"), x.fs.ino("d/sub")
		x.prepare("open a d/sub/deep rdonly", "chdir d/sub")
		x.is(x.n.Delete(d, sub, "sub"), unix.ENOTEMPTY)
		x.step("stat ./deep")
		x.refused(unix.ENOENT, "getcwd") // Nevertheless it was an InvalEntry.
		x.prepare("close a", "stat d/sub")
		x.unused("d/sub/deep")
		x.ok(x.n.Delete(d, sub, "sub"))
	})
}

// A process whose working directory was deleted sees it gone.
func TestDelete_WorkingDirectory(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("chdir d/sub")
		d, sub := x.fs.ino("d"), x.fs.ino("d/sub")
		x.fs.remove("d/sub")
		x.ok(x.n.Delete(d, sub, "sub"))
		x.refused(unix.ENOENT, "getcwd")
		x.refused(unix.ENOENT, "stat ./deep")
		x.refused(unix.ENOENT, "create ./new")
		x.refused(unix.ENOENT, "list ./.", "OPENDIR /d/sub")
	})
}

func TestDelete_WaitsForWhatHoldsTheChild(t *testing.T) {
	for _, row := range []struct{ command, request string }{
		{"write a 0 4096 z", "WRITE /d/f 0+4096"},
		{"truncate d/f 10", "SETATTR /d/f"},
		{"setxattr d/f user.x new", "SETXATTR /d/f user.x"},
		{"read a 0 4096", ""},
		{"stat d/f", ""},
	} {
		t.Run(row.command, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				_, err := x.client(1).call("open a d/f rdwr")
				x.must(err)
				d, ino := x.fs.ino("d"), x.fs.ino("d/f")
				if row.request == "" {
					x.ok(x.n.InvalInodeAttr(ino))
					request := map[string]string{"read a 0 4096": "READ /d/f 0+4096", "stat d/f": "GETATTR /d/f"}[row.command]
					b, h := x.caught(row.command, request)
					x.ok(x.n.Delete(d, ino, "f"))
					h.answer()
					x.result(b)
					return
				}
				b, h := x.caught(row.command, row.request)
				x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).Delete(d, ino, "f") })
				h.answer()
				x.settled()
				x.result(b)
				x.step("stat d/f", "LOOKUP /d/f")
			})
		})
	}
}

func TestDelete_WaitsForWhatHoldsTheParent(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d/g")
		d, g := x.fs.ino("d"), x.fs.ino("d/g")
		b, h := x.caught("stat d/new", "LOOKUP /d/new")
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).Delete(d, g, "g") })
		h.answer()
		x.settled()
		<-b.done
		x.step("stat d/g", "LOOKUP /d/g")
	})
}

// Child 0 is no child: that is InvalEntry.
func TestDelete_ChildZero(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("watch file d/f")
		x.ok(x.n.Delete(x.fs.ino("d"), 0, "f"))
		x.gives("", "events file")
		x.step("stat d/f", "LOOKUP /d/f")
	})
}
