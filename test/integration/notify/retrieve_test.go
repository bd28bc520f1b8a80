package notify

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// retrieved checks what the kernel has of f.
func (x *experiment) retrieved(off int64, size int, want string) {
	data, err := x.n.Retrieve(context.Background(), x.fs.ino("f"), off, size)
	if got := runs(data); err != nil || got != want {
		x.fail("Retrieve %d+%d: got %q, %v; want %q", off, size, got, err, want)
	}
}

func TestRetrieve_EndsAtTheFirstAbsentPage(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly")
		x.retrieved(0, 8*page, "")
		x.prepare("read a 0 8192", "read a 12288 4096")
		x.retrieved(0, 8*page, "a*4096 b*4096")
		x.retrieved(100, 8*page, "a*3996 b*4096")
		x.retrieved(0, 100, "a*100")
		x.retrieved(2*page, page, "")
		x.retrieved(3*page, 8*page, "d*4096")
		x.ok(x.n.InvalInodeRange(x.fs.ino("f"), 0, 1))
		x.retrieved(0, 8*page, "")
		x.retrieved(page, 8*page, "b*4096")
		x.step("read a 4096 4096", "GETATTR /f")
	})
}

func TestRetrieve_EndsWithTheFile(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.fs.change("f", "z", page+100, 1000)
		x.prepare("open a f rdonly", "read a 0 8192")
		x.retrieved(0, 8*page, "z*4196")
		x.retrieved(page+50, page, "z*50")
		x.retrieved(2*page, page, "")
		x.retrieved(1<<40, page, "")
		x.retrieved(0, 0, "")
	})
}

// More than an answer carries is fetched in pieces.
func TestRetrieve_InPieces(t *testing.T) {
	run(t, setup{maxWrite: 2 * page}, func(x *experiment) {
		x.prepare("open a f rdonly", "read a 0 32768")
		x.retrieved(0, 8*page, whole)
		x.retrieved(100, 8*page, "a*3996"+whole[len("a*4096"):])
		var got []byte
		done := make(chan error, 1)
		x.ok(x.n.RetrieveFunc(x.fs.ino("f"), 0, 8*page, func(data []byte, err error) {
			got = append(got, data...)
			done <- err
		}))
		x.ok(<-done)
		x.check(len(got) == 2*page, "RetrieveFunc: got %d bytes, want %d", len(got), 2*page)
	})
}

func TestRetrieve_DirtyData(t *testing.T) {
	run(t, setup{enable: lowlevel.CapWritebackCache}, func(x *experiment) {
		x.prepare("open a f rdwr", "read a 0 32768", "write a 4096 4096 z")
		x.fs.take()
		x.retrieved(0, 3*page, "a*4096 z*4096 c*4096")
		if got := x.fs.take(); len(got) != 0 {
			x.fail("requests: %s", describe(got))
		}
	})
}

func TestRetrieve_Errors(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d", "stat link", "stat f")
		get := func(ino lowlevel.Ino, off int64) error {
			_, err := x.n.Retrieve(context.Background(), ino, off, page)
			return err
		}
		x.is(get(4711, 0), lowlevel.ErrNotCached)
		x.is(get(x.fs.ino("f"), -1), unix.EINVAL)
		x.is(get(x.fs.ino("d"), 0), unix.EINVAL)
		x.is(get(x.fs.ino("link"), 0), unix.EINVAL)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := x.n.Retrieve(ctx, x.fs.ino("f"), 0, page)
		x.is(err, context.Canceled)
	})
}

func TestStartRetrieve_ComesWithTheCookie(t *testing.T) {
	type answer struct {
		cookie uint64
		ino    lowlevel.Ino
		off    int64
		text   string
	}
	got := make(chan answer, 1)
	s := setup{ops: func(_ *tree, ops *lowlevel.Ops) {
		ops.RetrieveReply = func(_ *lowlevel.Request, cookie uint64, ino lowlevel.Ino, off int64, buf lowlevel.BufVec) {
			data := make([]byte, buf.Size())
			n, _ := lowlevel.BufCopy(lowlevel.BufMem(data), buf, 0)
			got <- answer{cookie, ino, off, runs(data[:n])}
		}
	}}
	run(t, s, func(x *experiment) {
		x.prepare("open a f rdonly", "read a 0 8192")
		f := x.fs.ino("f")
		x.ok(x.n.StartRetrieve(f, page, 8*page, 1<<63+7))
		select {
		case a := <-got:
			want := answer{1<<63 + 7, f, page, "b*4096"}
			x.check(a == want, "got %+v, want %+v", a, want)
		case <-time.After(patience):
			x.fail("there was no answer")
		}
	})
}

// The function runs on a thread that serves, and may notify as a handler may that has replied.
func TestRetrieveFunc_MayNotify(t *testing.T) {
	for _, row := range []struct {
		name   string
		config lowlevel.Config
		want   error
	}{
		{"threads", lowlevel.Config{}, nil},
		{"single thread", lowlevel.Config{SingleThread: true}, lowlevel.ErrInHandler},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{config: row.config}, func(x *experiment) {
				x.prepare("open a f rdonly", "read a 0 8192", "stat d")
				got := make(chan error, 1)
				x.ok(x.n.RetrieveFunc(x.fs.ino("f"), 0, page, func([]byte, error) {
					got <- x.n.InvalEntry(lowlevel.RootIno, "d")
				}))
				x.is(<-got, row.want)
			})
		})
	}
}

// It waits for no request, and ends before a page that is being read.
func TestRetrieve_WhileReading(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		_, err := x.client(1).call("open a f rdonly")
		x.must(err)
		x.prepare("open a f rdonly", "read a 0 4096")
		b, h := x.caught("read a 4096 4096", "READ /f 4096+4096")
		x.retrieved(0, 2*page, "a*4096")
		h.answer()
		x.result(b)
		x.retrieved(0, 2*page, "a*4096 b*4096")
	})
}

// A page that is being written is there, if all of it is known.
func TestRetrieve_WhileWriting(t *testing.T) {
	for _, row := range []struct {
		name, command, request, want string
		setup                        setup
	}{
		{"whole page", "write a 0 4096 z", "WRITE /f 0+4096", "z*4096 b*4096", setup{}},
		{"part of a page that is not cached", "write a 0 10 z", "WRITE /f 0+10", "", setup{}},
		{"written back", "fsync a", "WRITE /f 0+4096", "z*4096 b*4096", setup{enable: lowlevel.CapWritebackCache}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				_, err := x.client(1).call("open a f rdwr")
				x.must(err)
				x.prepare("open a f rdwr", "read a 4096 4096")
				if row.command == "fsync a" {
					x.prepare("write a 0 4096 z")
				}
				b, h := x.caught(row.command, row.request)
				x.retrieved(0, 2*page, row.want)
				h.answer()
				x.result(b)
			})
		})
	}
}

// What Store has put into a part of a page that was not cached is not to be had.
func TestRetrieve_AfterStoreOfAPart(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly")
		x.ok(x.n.Store(x.fs.ino("f"), 10, letters(20, "z")))
		x.retrieved(0, page, "")
		x.ok(x.n.Store(x.fs.ino("f"), 0, letters(2*page, "z")))
		x.retrieved(0, 8*page, "z*8192")
	})
}
