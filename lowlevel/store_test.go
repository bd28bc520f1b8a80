package lowlevel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// messageLimit is how much data a message to a fake kernel carries: max_write.
const messageLimit = 128 << 10

// limited has a session agree on messageLimit. By default it is what libfuse has for the fake kernel: 128 KiB until 3.16, then 1 MiB.
func limited() lowlevel.Config {
	return lowlevel.Config{Args: []string{"fs", "-o", fmt.Sprint("max_write=", messageLimit)}}
}

// pattern is data of which every part is different.
func pattern(n int) []byte {
	data := make([]byte, 0, n+8)
	for i := uint64(1); len(data) < n; i++ {
		data = append(data, u64(i*0x9e3779b97f4a7c15)...)
	}
	return data[:n]
}

// wantStored checks that messages of Store follow that together store data at off, in order, and that there is nothing after them. Each carries at most
// limit, and all but the last end with a page, which would else be lost, where they are longer than that; they are as large as they can be.
func wantStored(t *testing.T, k *fusetest.Served, off int64, data []byte, limit int) {
	t.Helper()
	for first := true; first || len(data) > 0; first = false {
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		head, got, err := n.Store()
		if err != nil {
			t.Fatal(err)
		}
		size := len(got)
		if want := (fusetest.StoreOut{NodeID: 5, Offset: uint64(off), Size: uint32(size)}); head != want {
			t.Fatalf("got %+v, want %+v", head, want)
		}
		if size > limit || size > len(data) || !bytes.Equal(got, data[:size]) {
			t.Fatalf("at %d: got %d bytes, want the first of %d, at most %d", off, size, len(data), limit)
		}
		end := off + int64(size)
		if last := size == len(data); !last && size > 4096 && (end%4096 != 0 || size <= limit-4096) {
			t.Errorf("message of %d bytes at %d, to %d: does not end with the last page that it could", size, off, end)
		}
		if size == 0 && len(data) > 0 {
			t.Fatalf("at %d: an empty message, with %d bytes to go", off, len(data))
		}
		off, data = end, data[size:]
	}
	wantNoNotice(t, k, "Store")
}

// split cuts data into pieces of these sizes, and the rest.
func split(data []byte, sizes ...int) [][]byte {
	var pieces [][]byte
	for _, n := range sizes {
		pieces = append(pieces, data[:n])
		data = data[n:]
	}
	return append(pieces, data)
}

func TestStore_Pieces(t *testing.T) {
	const limit = messageLimit
	repeat := func(size, n int) []int { return bytesToInts(bytes.Repeat([]byte{byte(size)}, n)) }
	for _, tt := range []struct {
		name   string
		size   int
		pieces []int // the last is what is left
		limit  int   // 0: messageLimit
	}{
		{name: "empty"},
		{name: "empty pieces", pieces: []int{0, 0, 0}},
		{name: "a byte", size: 1},
		{name: "a full message", size: limit},
		{name: "one byte more", size: limit + 1},
		{name: "many messages", size: 5*limit + 4711},
		{name: "two pieces", size: 1000, pieces: []int{1}},
		{name: "empty ones between", size: 1000, pieces: []int{0, 400, 0, 0, 600, 0}},
		{name: "pieces that fill a message", size: limit, pieces: []int{limit - 1}},
		{name: "a piece across messages", size: 2 * limit, pieces: []int{limit - 1, 2}},
		{name: "pieces as large as messages", size: 3 * limit, pieces: []int{limit, limit}},
		{name: "large pieces", size: 7 * limit, pieces: []int{3*limit + 1, 2 * limit}},
		{name: "as many as one message can name", size: 2 * 1022, pieces: repeat(2, 1021), limit: 2 * 1022},
		{name: "one more", size: 2 * 1023, pieces: repeat(2, 1022), limit: 2 * 1022},
		{name: "very many", size: 3 * 5000, pieces: repeat(3, 4999), limit: 3 * 1022},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, oneFile(), limited())
			k := fusetest.Start(t, s)
			data := pattern(tt.size)
			before := bytes.Clone(data)
			if err := s.Notifier().Store(5, 1<<33, split(data, tt.pieces...)...); err != nil {
				t.Fatal(err)
			}
			most := limit
			if tt.limit != 0 {
				most = tt.limit
			}
			wantStored(t, k, 1<<33, data, most)
			if !bytes.Equal(data, before) {
				t.Error("Store has changed its data")
			}
		})
	}
}

func bytesToInts(b []byte) []int {
	list := make([]int, len(b))
	for i := range b {
		list[i] = int(b[i])
	}
	return list
}

// Without any piece there is a message, too: the kernel says whether it knows the inode.
func TestStore_Nothing(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	for name, data := range map[string][][]byte{"no piece": {}, "nil": {nil}, "empty": {{}}, "two": {nil, {}}} {
		if err := s.Notifier().Store(5, 7, data...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantStored(t, k, 7, nil, 1)
	}
}

func TestStore_NegativeOffset(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	n := s.Notifier()
	if err := n.Store(5, -1, []byte("x")); err != unix.EINVAL {
		t.Errorf("Store: got error %v, want EINVAL", err)
	}
	if stored, err := n.StoreBuf(5, -1, lowlevel.BufMem([]byte("x"))); stored != 0 || err != unix.EINVAL {
		t.Errorf("StoreBuf: got %d, %v, want 0, EINVAL", stored, err)
	}
	wantNoNotice(t, k, "a negative offset")
}

func TestStoreBuf_Memory(t *testing.T) {
	s := newSession(t, oneFile(), limited())
	k := fusetest.Start(t, s)
	data := pattern(messageLimit + 200)
	parts := split(data, 100, 0, messageLimit)
	var v lowlevel.BufVec
	for _, p := range parts {
		v = append(v, lowlevel.Buf{Mem: p})
	}
	if stored, err := s.Notifier().StoreBuf(5, 3, v); stored != len(data) || err != nil {
		t.Errorf("got %d, %v, want %d, nil", stored, err, len(data))
	}
	wantStored(t, k, 3, data, messageLimit)
	if stored, err := s.Notifier().StoreBuf(5, 3, nil); stored != 0 || err != nil {
		t.Errorf("no buffer: got %d, %v, want 0, nil", stored, err)
	}
	wantNoNotice(t, k, "no buffer")
}

// fileLimit is how much of a file goes through a socket in a message.
const fileLimit = 64 << 10

func TestStoreBuf_File(t *testing.T) {
	content := pattern(3*fileLimit + 5)
	for _, tt := range []struct {
		name      string
		pos, size int
		want      []byte
	}{
		{"all", 0, len(content), content},
		{"a part", 1000, 4096, content[1000:5096]},
		{"a byte", 1, 1, content[1:2]},
		{"several messages", 5, 2*fileLimit + 1, content[5 : 2*fileLimit+6]},
		{"ends early", fileLimit, 10 * fileLimit, content[fileLimit:]},
		{"ends early by a byte", 7, len(content) - 6, content[7:]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			fd := dataFile(t, string(content))
			stored, err := s.Notifier().StoreBuf(5, 9, lowlevel.BufFD(fd, tt.size, int64(tt.pos)))
			if stored != len(tt.want) || err != nil {
				t.Errorf("got %d, %v, want %d, nil", stored, err, len(tt.want))
			}
			wantStored(t, k, 9, tt.want, fileLimit)
			if at, err := unix.Seek(fd, 0, io.SeekCurrent); at != 0 || err != nil {
				t.Errorf("the file's own offset: got %d, %v, want 0", at, err)
			}
		})
	}
}

// Without BufFDSeek it is read where it is, and its offset moves on.
func TestStoreBuf_FileAtItsOwnOffset(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	fd := dataFile(t, "0123456789")
	v := lowlevel.BufVec{{FD: fd, Size: 4, Pos: 77}}
	for _, want := range []string{"0123", "4567", "89"} {
		if stored, err := s.Notifier().StoreBuf(5, 0, v); stored != len(want) || err != nil {
			t.Errorf("got %d, %v, want %d, nil", stored, err, len(want))
		}
		wantStored(t, k, 0, []byte(want), fileLimit)
	}
}

// At the end of a file there is nothing to store.
func TestStoreBuf_Nothing(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	fd := dataFile(t, "data")
	for name, v := range map[string]lowlevel.BufVec{
		"at the end":          lowlevel.BufFD(fd, 10, 4),
		"behind the end":      lowlevel.BufFD(fd, 10, 1<<40),
		"no bytes":            lowlevel.BufFD(fd, 0, 0),
		"no bytes, then none": append(lowlevel.BufFD(fd, 0, 0), lowlevel.BufFD(fd, 3, 4)...),
	} {
		if stored, err := s.Notifier().StoreBuf(5, 0, v); stored != 0 || err != nil {
			t.Errorf("%s: got %d, %v, want 0, nil", name, stored, err)
		}
		wantNoNotice(t, k, name)
	}
}

func TestStoreBuf_BadFile(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	dir, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	v := append(lowlevel.BufMem([]byte("before")), lowlevel.BufFD(dir, 10, 0)...)
	if stored, err := s.Notifier().StoreBuf(5, 0, v); stored != 6 || !errors.Is(err, unix.EISDIR) {
		t.Errorf("got %d, %v, want 6, EISDIR", stored, err)
	}
	wantStored(t, k, 0, []byte("before"), fileLimit)
}

// Data in several places is stored in order. Nothing is stored behind where a file ends early.
func TestStoreBuf_Mixed(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	fd := dataFile(t, "0123456789")
	mem := func(text string) lowlevel.Buf { return lowlevel.Buf{Mem: []byte(text)} }
	part := func(size int, pos int64) lowlevel.Buf { return lowlevel.BufFD(fd, size, pos)[0] }
	for _, tt := range []struct {
		name string
		src  lowlevel.BufVec
		want []string // a message each
	}{
		{"memory, file, memory", lowlevel.BufVec{mem("ab"), mem("c"), part(3, 2), mem("de")}, []string{"abc", "234", "de"}},
		{"files", lowlevel.BufVec{part(5, 5), part(5, 0)}, []string{"56789", "01234"}},
		{"a file that ends early", lowlevel.BufVec{mem("a"), part(5, 8), mem("not"), part(1, 0)}, []string{"a", "89"}},
	} {
		stored, err := s.Notifier().StoreBuf(5, 100, tt.src)
		off := 100
		for _, want := range tt.want {
			wantNotice(t, k, tt.name, noticeBytes(fusetest.NotifyStore, u64(5, uint64(off)), u32(uint32(len(want)), 0), []byte(want)))
			off += len(want)
		}
		wantNoNotice(t, k, tt.name)
		if stored != off-100 || err != nil {
			t.Errorf("%s: got %d, %v, want %d, nil", tt.name, stored, err, off-100)
		}
	}
}

// A pipe brings its data bit by bit, and may end early.
func TestStoreBuf_Pipe(t *testing.T) {
	for name, rest := range map[string]string{"all of it": "456789", "ends early": "456"} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			type result struct {
				stored int
				err    error
			}
			results := make(chan result, 1)
			fd := int(r.Fd()) // which makes it block
			go func() {
				stored, err := s.Notifier().StoreBuf(5, 0, lowlevel.BufVec{{FD: fd, Size: 10}})
				results <- result{stored, err}
			}()
			write := func(text string) {
				t.Helper()
				if _, err := w.WriteString(text); err != nil {
					t.Fatal(err)
				}
			}
			write("0123")
			wantNotice(t, k, "first", noticeBytes(fusetest.NotifyStore, u64(5, 0), u32(4, 0), []byte("0123")))
			write(rest)
			wantNotice(t, k, "rest", noticeBytes(fusetest.NotifyStore, u64(5, 4), u32(uint32(len(rest)), 0), []byte(rest)))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-results:
				if got != (result{4 + len(rest), nil}) {
					t.Errorf("got %+v, want %d, nil", got, 4+len(rest))
				}
			case <-time.After(10 * time.Second):
				t.Fatal("StoreBuf has not returned")
			}
		})
	}
}

// endsLate is a context that has ended once it is asked a second time, and that nobody is told of.
type endsLate struct {
	context.Context
	asked atomic.Int32
}

func (c *endsLate) Err() error {
	if c.asked.Add(1) > 1 {
		return context.Canceled
	}
	return nil
}

// What was stored counts, also where the context ends right after.
func TestStoreBuf_ContextEndsAfterwards(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	fd := dataFile(t, "data")
	ctx := &endsLate{Context: context.Background()}
	if stored, err := s.Notifier().WithContext(ctx).StoreBuf(5, 0, lowlevel.BufFD(fd, 4, 0)); stored != 4 || err != nil {
		t.Errorf("got %d, %v, want 4, nil", stored, err)
	}
	wantStored(t, k, 0, []byte("data"), fileLimit)
}

// A file that does not come, such as an empty pipe, is waited for aside.
func TestStoreBuf_ContextEndsWhileItWaitsForAFile(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	n := s.Notifier()
	err := giveUp(t, n, func(n notifier) error {
		stored, err := n.StoreBuf(5, 0, lowlevel.BufVec{{FD: p[0], Size: 10}})
		if stored != 0 {
			t.Errorf("got %d stored, want 0", stored)
		}
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	if got := n.Blocked(); got != 1 {
		t.Errorf("%d are blocked, want 1", got)
	}
	if err := unix.Close(p[1]); err != nil { // the end of the file
		t.Fatal(err)
	}
	fusetest.Eventually(t, 10*time.Second, "the call is through", func() bool { return n.Blocked() == 0 })
	wantNoNotice(t, k, "an empty pipe")
}
