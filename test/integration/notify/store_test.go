package notify

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestStore_IsReadWithoutRead(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		f := x.fs.ino("f")
		x.ok(x.n.Store(f, page, letters(2*page, "y")))
		x.gives("y*8192", "read a 4096 8192")
		x.gives("a*4096", "read a 0 4096", "READ /f 0+4096")
		x.prepare("stat f")
		x.ok(x.n.Store(f, 0, letters(page, "z"))) // over what is cached
		x.gives("z*4096 y*8192", "read a 0 12288")
		x.step("stat f")
	})
}

// Several pieces lie behind each other.
func TestStore_Pieces(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		x.ok(x.n.Store(x.fs.ino("f"), 0, letters(1, "v"), nil, letters(100, "w"), letters(page-101, "x"), letters(page, "y"), letters(6*page, "z")))
		x.gives("v*1 w*100 x*3995 y*4096 z*24576", "read a 0 32768")
	})
}

func TestStore_PartOfACachedPage(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "read a 0 8192", "stat f")
		x.ok(x.n.Store(x.fs.ino("f"), 4000, letters(200, "z")))
		x.gives("a*4000 z*200 b*3992", "read a 0 8192")
	})
}

// A part of a page that is not cached is of no use: the page is read as if nothing had been stored. Only from the beginning of the page to the end of the
// file it is: then the rest of the page is zero.
func TestStore_PartOfAPageThatIsNotCached(t *testing.T) {
	for _, row := range []struct {
		name      string
		off, size int
		want      string
		requests  []string
	}{
		{"beginning", 0, 100, "a*4096", []string{"READ /f 0+4096"}},
		{"middle", 1000, 100, "a*4096", []string{"READ /f 0+4096"}},
		{"end", 1000, page - 1000, "a*4096", []string{"READ /f 0+4096"}},
		{"all", 0, page, "z*4096", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("open a f rdonly", "stat f")
				x.ok(x.n.Store(x.fs.ino("f"), int64(row.off), letters(row.size, "z")))
				x.gives(row.want, "read a 0 4096", row.requests...)
			})
		})
	}
	t.Run("all pages but the last", func(t *testing.T) {
		run(t, setup{}, func(x *experiment) {
			x.prepare("open a f rdonly", "stat f")
			x.ok(x.n.Store(x.fs.ino("f"), 1000, letters(2*page, "z")))
			x.gives("a*4096 z*4096 c*4096", "read a 0 12288", "READ /f 0+4096", "READ /f 8192+4096")
		})
	})
	t.Run("to the end of the file", func(t *testing.T) {
		run(t, setup{}, func(x *experiment) {
			x.fs.change("f", "a", page+100, 1000)
			x.prepare("open a f rdonly", "stat f")
			x.ok(x.n.Store(x.fs.ino("f"), page, letters(100, "z")))
			x.gives("z*100", "read a 4096 4096")
		})
	})
}

func TestStore_Errors(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d", "stat link", "stat f")
		data := letters(page, "z")
		x.is(x.n.Store(4711, 0, data), lowlevel.ErrNotCached)
		x.is(x.n.Store(x.fs.ino("e"), 0, data), lowlevel.ErrNotCached)
		x.is(x.n.Store(x.fs.ino("d"), 0, data), unix.EINVAL)
		x.is(x.n.Store(x.fs.ino("link"), 0, data), unix.EINVAL)
		x.is(x.n.Store(x.fs.ino("f"), -1, data), unix.EINVAL)
		x.ok(x.n.Store(x.fs.ino("f"), 0))
		x.ok(x.n.Store(x.fs.ino("f"), 0, nil))
		x.prepare("open a f rdonly")
		x.step("read a 0 4096", "READ /f 0+4096")
	})
}

// More pieces than one message takes, and none of them as long as a page.
func TestStore_ManyPieces(t *testing.T) {
	const pieces, size = 3000, 1000
	run(t, setup{}, func(x *experiment) {
		x.fs.change("f", "a", pieces*size, 1000)
		x.prepare("open a f rdonly", "stat f")
		var data [][]byte
		for i := range pieces {
			data = append(data, letters(size, string(rune('a'+i%26))))
		}
		x.ok(x.n.Store(x.fs.ino("f"), 0, data...))
		x.gives(sum(bytes.Join(data, nil)), fmt.Sprintf("sum a 0 %d", pieces*size))
	})
}

// It waits for a Write that has the page locked, and for no other.
func TestStore_WhileWriting(t *testing.T) {
	for _, row := range []struct {
		name, command, request string
		setup                  setup
		waits                  bool
	}{
		{"whole page", "write a 0 4096 w", "WRITE /f 0+4096", setup{}, false},
		{"part of a page that is not cached", "write a 0 10 w", "WRITE /f 0+10", setup{}, true},
		{"written back", "fsync a", "WRITE /f 0+4096", writeback, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				_, err := x.client(1).call("open a f rdwr")
				x.must(err)
				if row.command == "fsync a" {
					x.prepare("open a f rdwr", "write a 0 4096 w")
				}
				f := x.fs.ino("f")
				b, h := x.caught(row.command, row.request)
				store := func(ctx context.Context) error { return x.n.WithContext(ctx).Store(f, 0, letters(page, "z")) }
				if row.waits {
					x.blocks(store)
				} else {
					x.ok(store(context.Background()))
				}
				h.answer()
				x.settled()
				x.result(b)
			})
		})
	}
}
