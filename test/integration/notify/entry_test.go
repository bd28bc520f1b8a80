package notify

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// known has the client know the names in d, its attributes and its listing.
func (x *experiment) known() {
	x.prepare("list d", "stat d", "stat d/f", "stat d/g", "stat d/sub", "stat d/sub/deep")
	for _, name := range []string{"d", "d/f", "d/g", "d/sub", "d/sub/deep"} {
		x.step("stat " + name)
	}
	x.step("list d", "OPENDIR /d")
	x.unused("d")
}

// parentKept checks that the kernel has kept what it knew of d itself.
func (x *experiment) parentKept() {
	x.step("stat d")
	x.step("list d", "OPENDIR /d")
}

// parentDropped checks the contrary.
func (x *experiment) parentDropped() {
	x.step("stat d", "GETATTR /d")
	_, got := x.do("list d")
	x.check(len(got) > 1 && got[0] == "OPENDIR /d" && got[1] == "READDIR /d 0", "list d: requests %s", describe(got))
}

func TestInvalEntry_NextLookupAsks(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f"))
		x.parentDropped()
		x.step("stat d/f", "LOOKUP /d/f")
		x.step("stat d/f")
		x.step("stat d/g")
	})
}

func TestInvalEntry_FindsAnother(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f"))
		x.prepare("open b d/f rdonly")
		x.step("read b 0 4096", "READ /d/f* 0+4096")
	})
}

func TestInvalEntry_Negative(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		x.refused(unix.ENOENT, "stat d/new", "LOOKUP /d/new")
		x.refused(unix.ENOENT, "stat d/new")
		x.fs.add("d/new", unix.S_IFREG|0o644)
		x.refused(unix.ENOENT, "stat d/new")
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "new"))
		x.step("stat d/new", "LOOKUP /d/new")
	})
}

// The inode is forgotten if nobody uses it.
func TestInvalEntry_ForgetsUnused(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		ino := x.fs.ino("d/f")
		x.check(x.fs.known(ino) == 1, "before: lookup count %d, want 1", x.fs.known(ino))
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f"))
		x.until(func() bool { return x.fs.known(ino) == 0 }, func() string { return "a Forget" })
	})
}

// All below is dropped with a directory, and what is mounted there.
func TestInvalEntry_DropsWhatIsBelow(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		deep := x.fs.ino("d/sub/deep")
		x.ok(x.n.InvalEntry(lowlevel.RootIno, "d"))
		x.until(func() bool { return x.fs.known(deep) == 0 }, func() string { return "a Forget of what is below" })
		x.step("stat d/sub/deep", "LOOKUP /d", "LOOKUP /d/sub", "LOOKUP /d/sub/deep")
	})
}

func TestInvalEntry_DetachesMounts(t *testing.T) {
	for name, parent := range map[string]string{"on the entry": "d", "below it": ""} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("tmpfs d/sub")
				x.gives("true", "ismounted d/sub")
				entry := map[string]string{"d": "sub", "": "d"}[parent]
				x.ok(x.n.InvalEntry(x.fs.ino(parent), entry))
				x.eventually("false", "ismounted d/sub")
			})
		})
	}
}

// Files that are open stay open, under no name; a process whose working directory it is stays there.
func TestInvalEntry_OpenFilesStay(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a d/f rdonly", "read a 0 4096", "fstat a", "chdir d/sub", "list d/sub")
		ino := x.fs.ino("d/f")
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f"))
		x.gives("a*4096", "read a 0 4096")
		x.gives("b*4096", "read a 4096 4096", "READ /d/f 4096+4096")
		x.gives("/d/f (deleted)", "fdpath a")
		x.check(x.fs.known(ino) == 1, "lookup count %d, want 1", x.fs.known(ino))
		// Looked up again it is the same inode, whose data is still there.
		x.step("open b d/f rdonly", "LOOKUP /d/f", "OPEN /d/f")
		x.gives("a*4096", "read b 0 4096")

		x.ok(x.n.InvalEntry(x.fs.ino("d"), "sub"))
		x.refused(unix.ENOENT, "getcwd")
		x.step("stat ./deep", "LOOKUP /d/sub/deep")
		x.step("create ./new", "LOOKUP /d/sub/new", "CREATE /d/sub/new")
		x.step("stat d/sub", "LOOKUP /d/sub") // it is known again, and what was looked up below it meanwhile
		x.gives("/d/sub", "getcwd")
		x.step("stat d/sub/deep")
	})
}

// Of an entry that the kernel does not know, nothing of the parent is dropped.
func TestInvalEntry_UnknownIsNotCached(t *testing.T) {
	for name, call := range map[string]func(n *lowlevel.Notifier, parent lowlevel.Ino, name string) error{
		"InvalEntry":  (*lowlevel.Notifier).InvalEntry,
		"ExpireEntry": (*lowlevel.Notifier).ExpireEntry,
		"Delete": func(n *lowlevel.Notifier, parent lowlevel.Ino, name string) error {
			return n.Delete(parent, 4711, name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.known()
				d := x.fs.ino("d")
				x.is(call(x.n, d, "unknown"), lowlevel.ErrNotCached)
				x.parentKept()
				x.is(call(x.n, 4711, "f"), lowlevel.ErrNotCached)          // the parent is no inode
				x.is(call(x.n, x.fs.ino("e"), "f"), lowlevel.ErrNotCached) // the parent was not looked up
				x.is(call(x.n, d, strings.Repeat("n", 255)), lowlevel.ErrNotCached)
				x.is(call(x.n, d, "a\x00b"), unix.EINVAL)
				x.parentKept()
				x.is(call(x.n, x.fs.ino("d/f"), "x"), unix.ENOTDIR)
				x.is(call(x.n, d, strings.Repeat("n", 1024)), lowlevel.ErrNotCached)
				x.is(call(x.n, d, strings.Repeat("n", 4096)), unix.ENAMETOOLONG)
				x.is(call(x.n, d, ""), lowlevel.ErrNotCached)
			})
		})
	}
}

func TestInvalEntry_WaitsForWhatHoldsTheParent(t *testing.T) {
	for _, row := range []struct {
		command, request string
		expired          string // an entry that expires before
	}{
		{"stat d/new", "LOOKUP /d/new", ""},
		{"create d/new", "CREATE /d/new", ""},
		{"mkdir d/new", "MKDIR /d/new", ""},
		{"unlink d/f", "UNLINK /d/f", ""},
		{"rename d/f d/new", "RENAME /d/f /d/new", ""},
		{"rename d/f e/new", "RENAME /d/f /e/new", ""},
		{"list d", "READDIR /d 0", ""},
		// A lookup that revalidates holds the lock only where it is part of a change.
		{"unlink d/f", "LOOKUP /d/f", "f"},
		{"rename d/f d/new", "LOOKUP /d/f", "f"},
	} {
		t.Run(row.command+" "+row.request, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("stat d/g", "stat d/f", "stat f")
				d := x.fs.ino("d")
				if row.expired != "" {
					x.ok(x.n.ExpireEntry(d, row.expired))
				}
				b, h := x.caught(row.command, row.request)
				x.ok(x.n.InvalEntry(lowlevel.RootIno, "f")) // in another directory
				x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(d, "g") })
				h.answer()
				x.settled()
				<-b.done
				x.step("stat d/g", "LOOKUP /d/g")
			})
		})
	}
}
