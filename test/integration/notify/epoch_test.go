package notify

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Every entry is looked up at its next use; the data in the page cache stays.
func TestIncrementEpoch_EntriesAreLookedUp(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("open a d/f rdonly", "read a 0 4096", "fstat a")
		x.ok(x.n.IncrementEpoch())
		x.step("stat d/f", "LOOKUP /d", "LOOKUP /d/f")
		x.step("stat d/f")
		x.step("stat d/g", "LOOKUP /d/g")
		x.gives("a*4096", "read a 0 4096")
	})
}

func TestIncrementEpoch_Negative(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.refused(unix.ENOENT, "stat new", "LOOKUP /new")
		x.refused(unix.ENOENT, "stat new")
		x.ok(x.n.IncrementEpoch())
		x.refused(unix.ENOENT, "stat new", "LOOKUP /new")
	})
}

func TestIncrementEpoch_Attributes(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		x.fs.change("f", "z", 5, 2000)
		x.ok(x.n.IncrementEpoch())
		x.gives("ino=5 size=32768 mtime=1000 nlink=1", "fstat a") // no entry is used for it
		x.gives("ino=5 size=5 mtime=2000 nlink=1", "stat f", "LOOKUP /f")
		x.gives("ino=5 size=5 mtime=2000 nlink=1", "fstat a")
	})
}

// What is not in use is dropped with its entry, data and all: the kernel forgets the inode and gets it anew. So no data stays, unless the file is open.
func TestIncrementEpoch_UnusedIsForgotten(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "open b d/f rdonly", "read a 0 4096", "read b 0 4096", "close a")
		f := x.fs.ino("f")
		x.unused("f")
		x.ok(x.n.IncrementEpoch())
		before := x.fs.known(f)
		x.check(before == 1, "lookup count %d, want 1: nothing happens until the entry is used", before)
		x.step("open a f rdonly", "LOOKUP /f", "OPEN /f")
		x.gives("a*4096", "read a 0 4096", "READ /f 0+4096")
		x.until(func() bool { return x.fs.known(f) == 1 }, func() string { return "a Forget for the lookup before" })
		x.step("open c d/f rdonly", "LOOKUP /d", "LOOKUP /d/f", "OPEN /d/f")
		x.prepare("fstat c")
		x.gives("a*4096", "read c 0 4096")
	})
}

// So a listing is read again, unless the directory is open: then it stays, until the lookup brings another mtime of the directory (with CapAutoInvalData).
func TestIncrementEpoch_Listing(t *testing.T) {
	for _, row := range []struct {
		name   string
		inUse  bool
		mtime  int64
		want   string
		listed []string
	}{
		{"unused", false, 1000, "sub,f,g,new", []string{"READDIR /d 0", "READDIR /d 4"}},
		{"open", true, 1000, "sub,f,g", nil},
		{"open, another mtime", true, 1001, "sub,f,g,new", []string{"READDIR /d 0", "READDIR /d 4"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.known()
				if row.inUse {
					x.prepare("open o d directory")
				}
				x.fs.add("d/new", unix.S_IFREG|0o644)
				x.fs.edit("d", func(n *node) { n.mtime = row.mtime })
				x.ok(x.n.IncrementEpoch())
				x.gives(row.want, "list d", append([]string{"LOOKUP /d", "OPENDIR /d"}, row.listed...)...)
			})
		})
	}
}

// The root has no entry: its listing stays.
func TestIncrementEpoch_Root(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("list .", "stat .")
		x.fs.add("new", unix.S_IFREG|0o644)
		x.ok(x.n.IncrementEpoch())
		x.gives("d,e,f,link", "list .", "OPENDIR /")
		x.step("stat .")
	})
}

// An entry from before is dropped when it is next used, not revalidated: what is mounted on it is detached, even where the lookup finds the same inode.
func TestIncrementEpoch_DetachesMounts(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("tmpfs d/sub", "stat d/sub")
		x.ok(x.n.IncrementEpoch())
		x.gives("true", "ismounted d/sub")
		x.step("stat d/sub", "LOOKUP /d", "LOOKUP /d/sub")
		x.eventually("false", "ismounted d/sub")
	})
}

// An open file has no path any more once its entry was used; a working directory has again.
func TestIncrementEpoch_OpenFilesStay(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("chdir d/sub", "open a d/f rdonly")
		x.ok(x.n.IncrementEpoch())
		x.gives("/d/sub", "getcwd")
		x.gives("/d/f", "fdpath a")
		x.step("stat d/f", "LOOKUP /d", "LOOKUP /d/f")
		x.gives("/d/f (deleted)", "fdpath a")
		x.step("stat d/sub", "LOOKUP /d/sub")
		x.gives("/d/sub", "getcwd")
		x.gives("a*4096", "read a 0 4096", "READ /d/f 0+4096")
	})
}
