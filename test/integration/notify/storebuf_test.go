package notify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// source is a file of random bytes.
func source(t *testing.T, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(data)
	f, err := os.Create(filepath.Join(t.TempDir(), "source"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f, data
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

func TestStoreBuf_FromAFile(t *testing.T) {
	const size = 5<<20 + 12345
	file, data := source(t, size)
	for _, row := range []struct {
		name string
		from int // offset in the source
	}{{"aligned", 0}, {"unaligned", 777}} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				want := data[row.from:]
				x.fs.change("f", "a", len(want), 1000)
				x.prepare("open a f rdonly", "stat f")
				n, err := x.n.StoreBuf(x.fs.ino("f"), 0, lowlevel.BufFD(int(file.Fd()), len(want), int64(row.from)))
				if n != len(want) || err != nil {
					x.fail("StoreBuf: got %d, %v; want %d", n, err, len(want))
				}
				x.gives(sum(want), fmt.Sprintf("sum a 0 %d", len(want)))
			})
		})
	}
}

// At a position in the middle of a page, that page is as after a Store of a part.
func TestStoreBuf_UnalignedPosition(t *testing.T) {
	const size = 2 << 20
	file, data := source(t, size)
	run(t, setup{}, func(x *experiment) {
		x.fs.change("f", "a", size, 1000)
		x.prepare("open a f rdonly", "stat f", "read a 0 4096", "stat f")
		n, err := x.n.StoreBuf(x.fs.ino("f"), 100, lowlevel.BufFD(int(file.Fd()), size-100, 0))
		if n != size-100 || err != nil {
			x.fail("StoreBuf: got %d, %v; want %d", n, err, size-100)
		}
		x.gives(sum(append(letters(100, "a"), data[:size-100]...)), fmt.Sprintf("sum a 0 %d", size))
	})
}

// Where the file ends early, what comes behind is not stored.
func TestStoreBuf_FileEndsEarly(t *testing.T) {
	file, data := source(t, 3*page)
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		src := append(lowlevel.BufFD(int(file.Fd()), 5*page, page), lowlevel.BufMem(letters(page, "z"))...)
		n, err := x.n.StoreBuf(x.fs.ino("f"), 0, src)
		if n != 2*page || err != nil {
			x.fail("StoreBuf: got %d, %v; want %d", n, err, 2*page)
		}
		x.gives(sum(data[page:]), "sum a 0 8192")
		x.gives("c*4096 d*4096 e*4096 f*4096 g*4096 h*4096", "read a 8192 32768", "READ /f 8192+24576")
	})
}

// Memory and files mixed, and a pipe.
func TestStoreBuf_Mixed(t *testing.T) {
	file, data := source(t, 2*page)
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		r, w, err := os.Pipe()
		x.must(err)
		defer r.Close()
		defer w.Close()
		_, err = w.Write(letters(page, "p"))
		x.must(err)
		src := lowlevel.BufMem(letters(page, "x"))
		src = append(src, lowlevel.BufFD(int(file.Fd()), 2*page, 0)...)
		src = append(src, lowlevel.BufMem(letters(page, "y"))...)
		src = append(src, lowlevel.Buf{FD: int(r.Fd()), Size: page})
		n, err := x.n.StoreBuf(x.fs.ino("f"), 0, src)
		if n != 5*page || err != nil {
			x.fail("StoreBuf: got %d, %v; want %d", n, err, 5*page)
		}
		x.gives("x*4096", "read a 0 4096")
		x.gives(sum(data), "sum a 4096 8192")
		x.gives("y*4096 p*4096", "read a 12288 8192")
	})
}

func TestStoreBuf_Errors(t *testing.T) {
	file, _ := source(t, page)
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d", "stat f")
		store := func(ino lowlevel.Ino, off int64) error {
			n, err := x.n.StoreBuf(ino, off, lowlevel.BufFD(int(file.Fd()), page, 0))
			x.check(n == 0, "stored %d bytes", n)
			return err
		}
		x.is(store(4711, 0), lowlevel.ErrNotCached)
		x.is(store(x.fs.ino("d"), 0), unix.EINVAL)
		x.is(store(x.fs.ino("f"), -1), unix.EINVAL)
		_, err := x.n.StoreBuf(x.fs.ino("f"), 0, lowlevel.BufFD(1<<20, page, 0))
		x.is(err, unix.EBADF)
	})
}

// A pipe that is empty is waited for.
func TestStoreBuf_WaitsForAPipe(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		f := x.fs.ino("f")
		r, w, err := os.Pipe()
		x.must(err)
		defer r.Close()
		defer w.Close()
		src := lowlevel.BufVec{{FD: int(r.Fd()), Size: page}}
		x.blocks(func(ctx context.Context) error {
			n, err := x.n.WithContext(ctx).StoreBuf(f, 0, src)
			x.check(n == 0, "stored %d bytes", n)
			return err
		})
		_, err = w.Write(letters(page, "p"))
		x.must(err)
		x.settled()
		x.gives("p*4096", "read a 0 4096")
	})
}
