package notify

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const whole = "a*4096 b*4096 c*4096 d*4096 e*4096 f*4096 g*4096 h*4096"

// cached has the client know all of /f, by the open file a.
func (x *experiment) cached() {
	x.step("open a f rdonly", "LOOKUP /f", "OPEN /f")
	x.gives(whole, "read a 0 32768", "READ /f 0+32768")
	x.step("stat f", "GETATTR /f") // reading has changed the time of access
	x.gives(whole, "read a 0 32768")
	x.step("stat f")
}

// All that the kernel knows of the file is gone; what is open stays open.
func TestInvalInode_DropsAttributesAndData(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.cached()
		x.ok(x.n.InvalInode(x.fs.ino("f")))
		x.step("stat f", "GETATTR /f")
		x.gives(whole, "read a 0 32768", "READ /f 0+32768")
		x.step("read a 0 32768")
	})
}

func TestInvalInodeRange_DropsWholePagesAndAllAttributes(t *testing.T) {
	for _, row := range []struct {
		name      string
		off, size int64
		read      []string
	}{
		{"a byte", 2*page + 5, 1, []string{"READ /f 8192+4096"}},
		{"across pages", 2*page - 1, 2, []string{"READ /f 4096+8192"}},
		{"beyond the end", 6 * page, 1 << 40, []string{"READ /f 24576+8192"}},
		{"to the end of all", 6 * page, 1<<63 - 1, []string{"READ /f 24576+8192"}},
		{"behind the end", 100 * page, page, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.cached()
				x.ok(x.n.InvalInodeRange(x.fs.ino("f"), row.off, row.size))
				x.step("stat f", "GETATTR /f")
				x.gives(whole, "read a 0 32768", row.read...)
			})
		})
	}
}

func TestInvalInodeRange_RefusesWhatMeansSomethingElse(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.cached()
		x.is(x.n.InvalInodeRange(x.fs.ino("f"), -1, 1), unix.EINVAL)
		x.is(x.n.InvalInodeRange(x.fs.ino("f"), 0, 0), unix.EINVAL)
		x.is(x.n.InvalInodeRange(x.fs.ino("f"), 0, -1), unix.EINVAL)
		x.step("stat f")
		x.step("read a 0 32768")
		x.errored = false // it was not libfuse who refused
	})
}

func TestInvalInodeAttr_KeepsData(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.cached()
		x.ok(x.n.InvalInodeAttr(x.fs.ino("f")))
		x.step("stat f", "GETATTR /f")
		x.gives(whole, "read a 0 32768")
	})
}

// With CapAutoInvalData the Getattr decides about the data; a read asks for it by itself.
func TestInvalInodeAttr_AutoInvalData(t *testing.T) {
	for _, row := range []struct {
		name  string
		setup setup
		mtime int64
		size  int
		getattr,
		read []string
		text string
	}{
		{"same", setup{}, 1000, 8 * page, []string{"GETATTR /f"}, nil, "a*4096"},
		{"mtime", setup{}, 1001, 8 * page, []string{"GETATTR /f"}, []string{"READ /f 0+4096"}, "z*4096"},
		{"size", setup{}, 1000, 9 * page, []string{"GETATTR /f"}, []string{"READ /f 0+4096"}, "z*4096"},
		{"mtime, without", setup{disable: lowlevel.CapAutoInvalData}, 1001, 8 * page, nil, nil, "a*4096"},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				x.cached()
				x.fs.change("f", "z", row.size, row.mtime)
				x.ok(x.n.InvalInodeAttr(x.fs.ino("f")))
				x.gives(row.text, "read a 0 4096", append(row.getattr, row.read...)...)
			})
		})
	}
}

func TestInvalInode_UnknownIsNotCached(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		const nobody = 4711
		x.is(x.n.InvalInode(nobody), lowlevel.ErrNotCached)
		x.is(x.n.InvalInodeRange(nobody, 0, 1), lowlevel.ErrNotCached)
		x.is(x.n.InvalInodeAttr(nobody), lowlevel.ErrNotCached)
	})
}

// The cached listing of a directory goes with its data, not with its attributes.
func TestInvalInode_Directory(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.gives("sub,f,g", "list d", "LOOKUP /d", "OPENDIR /d", "READDIR /d 0", "READDIR /d 3")
		x.gives("sub,f,g", "list d", "OPENDIR /d")
		x.fs.add("d/new", unix.S_IFREG|0o644)
		x.ok(x.n.InvalInodeAttr(x.fs.ino("d")))
		x.gives("sub,f,g", "list d", "OPENDIR /d", "GETATTR /d")
		x.ok(x.n.InvalInode(x.fs.ino("d")))
		x.gives("sub,f,g,new", "list d", "OPENDIR /d", "GETATTR /d", "READDIR /d 0", "READDIR /d 4")
		x.step("list d", "OPENDIR /d")
	})
}

func TestInvalInode_SymbolicLink(t *testing.T) {
	run(t, setup{enable: lowlevel.CapCacheSymlinks}, func(x *experiment) {
		ino := x.fs.ino("link")
		x.gives("target", "readlink link", "LOOKUP /link", "READLINK /link")
		x.gives("target", "readlink link")
		x.fs.edit("link", func(n *node) { n.target = "elsewhere" })
		x.ok(x.n.InvalInodeAttr(ino))
		x.gives("target", "readlink link")
		x.ok(x.n.InvalInode(ino))
		x.gives("elsewhere", "readlink link", "READLINK /link")
	})
}

// The entries that the kernel has looked up stay known.
func TestInvalInode_DirectoryKeepsItsEntries(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.ok(x.n.InvalInode(x.fs.ino("d")))
		x.step("stat d/f")
		x.step("stat d/sub/deep")
		x.step("stat d", "GETATTR /d")
	})
}

// With CapAutoInvalData the listing goes with another mtime, too.
func TestInvalInodeAttr_DirectoryWithAnotherMtime(t *testing.T) {
	for _, row := range []struct {
		name  string
		setup setup
		want  string
		steps []string
	}{
		{"auto", setup{}, "sub,f,g,new", []string{"OPENDIR /d", "GETATTR /d", "READDIR /d 0", "READDIR /d 4"}},
		{"explicit", setup{disable: lowlevel.CapAutoInvalData}, "sub,f,g", []string{"OPENDIR /d"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				x.prepare("list d", "stat d")
				x.gives("sub,f,g", "list d", "OPENDIR /d")
				x.fs.add("d/new", unix.S_IFREG|0o644)
				x.fs.edit("d", func(n *node) { n.mtime++ })
				x.ok(x.n.InvalInodeAttr(x.fs.ino("d")))
				x.gives(row.want, "list d", row.steps...)
			})
		})
	}
}

// What was written and is still in the page cache is written back before it is dropped.
func TestInvalInode_WritesBackFirst(t *testing.T) {
	run(t, setup{enable: lowlevel.CapWritebackCache}, func(x *experiment) {
		x.prepare("open a f rdwr", "read a 0 32768")
		x.prepare("write a 4096 4096 z")
		x.ok(x.n.InvalInode(x.fs.ino("f")))
		if got, want := x.fs.take(), []string{"WRITE /f 4096+4096"}; !sameRequests(got, want) {
			x.fail("requests: got %s, want %s", describe(got), describe(want))
		}
		result, got := x.do("read a 4096 4096")
		x.check(result == "z*4096" && len(got) > 0 && got[len(got)-1] == "READ /f 4096+4096", "got %s after %s", result, describe(got))
	})
}

// A mapping loses the pages, too: the next access reads them anew.
func TestInvalInode_MappedPages(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdwr", "mmap m a 32768")
		x.step("peek m 0", "READ /f 0+4096")
		x.fs.change("f", "z", 8*page, 1000)
		x.gives("a", "peek m 0")
		x.ok(x.n.InvalInode(x.fs.ino("f")))
		result, got := x.do("peek m 0")
		x.check(result == "z" && len(got) == 1, "got %s after %s", result, describe(got))
	})
}

func TestInvalInode_WaitsForRead(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		ino := x.fs.ino("f")
		x.prepare("open a f rdonly", "stat d/f")
		x.client(1)
		_, err := x.client(1).call("open a f rdonly")
		x.must(err)
		b, h := x.caught("read a 8192 4096", "READ /f 8192+4096")
		x.fs.change("f", "z", 8*page, 1000)
		x.ok(x.n.InvalInodeAttr(ino))                // asks for no page
		x.ok(x.n.InvalInodeRange(ino, 4*page, page)) // another page
		x.ok(x.n.InvalInode(x.fs.ino("d/f")))        // another file
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalInodeRange(ino, 2*page, 1) })
		h.answer()
		x.settled()
		// What the answer has brought was dropped; who had asked may have it nevertheless, or read again.
		x.result(b)
		x.check(b.result == "c*4096" || b.result == "z*4096", "the read got %s", b.result)
		got, _ := x.do("read a 8192 4096")
		x.check(got == "z*4096", "the next read got %s", got)
	})
}

func TestInvalInode_WaitsForWriteback(t *testing.T) {
	run(t, setup{enable: lowlevel.CapWritebackCache}, func(x *experiment) {
		ino := x.fs.ino("f")
		x.prepare("open a f rdwr", "read a 0 32768", "write a 0 4096 z")
		h := x.hold("WRITE /f 0+4096")
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalInode(ino) })
		x.reached(h)
		h.answer()
		x.settled()
	})
}

// Only what is written back of these pages is waited for.
func TestInvalInodeRange_WaitsForWriteback(t *testing.T) {
	run(t, setup{enable: lowlevel.CapWritebackCache}, func(x *experiment) {
		ino := x.fs.ino("f")
		_, err := x.client(1).call("open a f rdwr")
		x.must(err)
		x.prepare("open a f rdwr", "read a 0 32768", "write a 0 4096 z")
		b, h := x.caught("fsync a", "WRITE /f 0+4096")
		x.ok(x.n.InvalInodeRange(ino, 4*page, page))
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalInodeRange(ino, 0, 1) })
		h.answer()
		x.settled()
		x.result(b)
	})
}
