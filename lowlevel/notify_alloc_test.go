package lowlevel_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What is sent most must not allocate.
func TestNotifier_NoAllocations(t *testing.T) {
	if sanitized {
		t.Skip("the sanitizers allocate")
	}
	const count = 2000
	data := make([]byte, 4096)
	pieces := [][]byte{data[:1000], data[1000:]}
	for _, tt := range []struct {
		name string
		call func(notifier) error
		most int // a call
	}{
		{"InvalInode", func(n notifier) error { return n.InvalInode(2) }, 0},
		{"InvalInodeRange", func(n notifier) error { return n.InvalInodeRange(2, 0, 4096) }, 0},
		{"InvalInodeAttr", func(n notifier) error { return n.InvalInodeAttr(2) }, 0},
		{"InvalEntry", func(n notifier) error { return n.InvalEntry(1, "name") }, 0},
		{"ExpireEntry", func(n notifier) error { return n.ExpireEntry(1, "name") }, 0},
		{"Delete", func(n notifier) error { return n.Delete(1, 2, "name") }, 0},
		{"Store", func(n notifier) error { return n.Store(2, 0, data) }, 1}, // the list of pieces,
		{"Store of pieces", func(n notifier) error { return n.Store(2, 0, pieces...) }, 4},
		{"IncrementEpoch", notifier.IncrementEpoch, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := startRoomy(t, newSession(t, oneFile(), lowlevel.Config{}))
			n := k.session.Notifier()
			got := allocations(count, func() {
				if err := tt.call(n); err != nil {
					t.Fatal(err)
				}
				k.read()
			})
			t.Logf("%.2f allocations a call", got)
			if got > float64(tt.most)+0.05 {
				t.Errorf("got %.2f allocations a call, want %d", got, tt.most)
			}
		})
	}
}

// allocations returns how many allocations of the whole process there are in each of count calls of f.
func allocations(count int, f func()) float64 {
	for range 100 { // what is made once
		f()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range count {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(count)
}

// With a context there is a goroutine a call, and no more than a few allocations.
func BenchmarkNotifier(b *testing.B) {
	data := make([]byte, 128<<10)
	for _, bb := range []struct {
		name  string
		bytes int
		call  func(notifier) error
	}{
		{"InvalInode", 0, func(n notifier) error { return n.InvalInode(2) }},
		{"InvalEntry", 0, func(n notifier) error { return n.InvalEntry(1, "name") }},
		{"InvalEntry with context", 0, func(n notifier) error { return n.WithContext(context.Background()).InvalEntry(1, "name") }},
		{"Store 4 KiB", 4096, func(n notifier) error { return n.Store(2, 0, data[:4096]) }},
		{"Store 128 KiB", len(data), func(n notifier) error { return n.Store(2, 0, data) }},
		{"Store 2x64 KiB", len(data), func(n notifier) error { return n.Store(2, 0, data[:64<<10], data[64<<10:]) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			k := startRoomy(b, newSession(b, oneFile(), lowlevel.Config{}))
			n := k.session.Notifier()
			b.ReportAllocs()
			b.SetBytes(int64(bb.bytes))
			for b.Loop() {
				if err := bb.call(n); err != nil {
					b.Fatal(err)
				}
				k.read()
			}
		})
	}
}
