package lowlevel_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestNotifier_Bytes(t *testing.T) {
	for _, tt := range withContext(notices()) {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			if err := tt.call(s.Notifier()); err != nil {
				t.Fatal(err)
			}
			wantNotice(t, k, tt.name, tt.want)
			wantNoNotice(t, k, tt.name+" again")
		})
	}
}

func TestNotifier_RangeOfInode(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	for _, tt := range []struct {
		name      string
		off, size int64
		wantSize  uint64
		err       error
	}{
		{"a byte", 0, 1, 1, nil},
		{"all there can be", 0, math.MaxInt64, math.MaxInt64, nil},
		{"up to the last byte", 1, math.MaxInt64 - 1, math.MaxInt64 - 1, nil},
		{"one too many: to the end", 1, math.MaxInt64, 0, nil},
		{"far too many: to the end", math.MaxInt64, math.MaxInt64, 0, nil},
		{"no byte, which C takes as all", 5, 0, 0, unix.EINVAL},
		{"negative size, which C takes as all", 5, -1, 0, unix.EINVAL},
		{"negative offset, which C takes as attributes only", -1, 1, 0, unix.EINVAL},
		{"least", math.MinInt64, math.MinInt64, 0, unix.EINVAL},
	} {
		err := s.Notifier().InvalInodeRange(3, tt.off, tt.size)
		if err != tt.err {
			t.Errorf("%s: got error %v, want %v", tt.name, err, tt.err)
		}
		if tt.err != nil {
			wantNoNotice(t, k, tt.name)
			continue
		}
		wantNotice(t, k, tt.name, noticeBytes(fusetest.NotifyInvalInode, u64(3, uint64(tt.off), tt.wantSize)))
	}
}

// named are the notifications with a name in them, and how their message begins.
var named = map[string]struct {
	call func(n notifier, name string) error
	head func(nameLen uint32) []byte
	code fusetest.NotifyCode
}{
	"InvalEntry": {
		func(n notifier, name string) error { return n.InvalEntry(3, name) },
		func(l uint32) []byte { return cat(u64(3), u32(l, 0)) }, fusetest.NotifyInvalEntry,
	},
	"ExpireEntry": {
		func(n notifier, name string) error { return n.ExpireEntry(3, name) },
		func(l uint32) []byte { return cat(u64(3), u32(l, 1)) }, fusetest.NotifyInvalEntry,
	},
	"Delete": {
		func(n notifier, name string) error { return n.Delete(3, 4, name) },
		func(l uint32) []byte { return cat(u64(3, 4), u32(l, 0)) }, fusetest.NotifyDelete,
	},
}

// What is too long for the kernel is the kernel's to refuse: its limit differs between versions. Ours is PATH_MAX, NUL included.
func TestNotifier_Names(t *testing.T) {
	longest := strings.Repeat("x", 4095)
	for what, kind := range named {
		t.Run(what, func(t *testing.T) {
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			for _, tt := range []struct {
				label, name string
				err         error
			}{
				{"a letter", "x", nil},
				{"as many as Linux allows", longest[:255], nil},
				{"what newer kernels allow", longest[:1024], nil},
				{"any bytes", "\xff\x80 \n\t", nil},
				{"as long as ours", longest, nil},
				{"too long", longest + "x", unix.ENAMETOOLONG},
				{"far too long", strings.Repeat(longest, 100), unix.ENAMETOOLONG},
				{"NUL", "a\x00b", unix.EINVAL},
				{"NUL at the end", "a\x00", unix.EINVAL},
				{"NUL in what is too long", longest + "\x00", unix.EINVAL},
			} {
				if err := kind.call(s.Notifier(), tt.name); err != tt.err {
					t.Errorf("%s: got error %v, want %v", tt.label, err, tt.err)
				}
				if tt.err != nil {
					wantNoNotice(t, k, tt.label)
					continue
				}
				wantNotice(t, k, tt.label, noticeBytes(kind.code, kind.head(uint32(len(tt.name))), []byte(tt.name+"\x00")))
			}
		})
	}
}

// Many inodes go in several messages, each of which fits through a socket.
func TestNotifier_PruneManyInodes(t *testing.T) {
	for _, count := range []int{0, 1, 4096, 4097, 10000} {
		s := newSession(t, oneFile(), lowlevel.Config{})
		k := fusetest.Start(t, s)
		inos := make([]ino, count)
		for i := range inos {
			inos[i] = big + ino(i)
		}
		if err := s.Notifier().Prune(inos...); err != nil {
			t.Fatalf("%d inodes: %v", count, err)
		}
		for rest := inos; len(rest) > 0; {
			some := rest[:min(4096, len(rest))]
			var ids []byte
			for _, i := range some {
				ids = append(ids, u64(uint64(i))...)
			}
			wantNotice(t, k, itoa(count)+" inodes", noticeBytes(fusetest.NotifyPrune, u32(uint32(len(some)), 0), u64(0), ids))
			rest = rest[len(some):]
		}
		wantNoNotice(t, k, itoa(count)+" inodes")
	}
}

func TestPollHandle_NotifyBytes(t *testing.T) {
	ops := oneFile()
	handles := make(chan *lowlevel.PollHandle, 1)
	ops.Poll = func(_ request, _ ino, _ file, ph *lowlevel.PollHandle) (uint32, error) {
		handles <- ph
		return 0, nil
	}
	k := serve(t, ops)
	k.MustCall(t, fusetest.Poll(2, fusetest.PollIn{Kh: big, Flags: fusetest.PollScheduleNotify}))
	var ph *lowlevel.PollHandle
	select {
	case ph = <-handles:
	case <-time.After(10 * time.Second):
		t.Fatal("no handle")
	}
	for range 2 { // the handle stays usable
		if err := ph.Notify(); err != nil {
			t.Fatal(err)
		}
		wantNotice(t, k, "Notify", noticeBytes(fusetest.NotifyPoll, u64(big)))
	}
	ph.Close()
	if err := ph.Notify(); err != lowlevel.ErrClosed {
		t.Errorf("after Close: got %v, want %v", err, lowlevel.ErrClosed)
	}
	wantNoNotice(t, k, "Notify after Close")
}
