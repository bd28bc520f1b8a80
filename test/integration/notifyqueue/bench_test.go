package notifyqueue

import (
	"context"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// BenchmarkNotify sends notifications that the kernel knows nothing of, so what is measured is the way there.
func BenchmarkNotify(b *testing.B) {
	fusetest.RequireFUSE(b)
	f := newFS(b)
	f.serve(b, false)
	n := f.Notifier()
	b.Run("Notifier", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			_ = n.InvalEntry(lowlevel.Ino(1<<32+i), "name")
		}
	})
	b.Run("NotifyQueue", func(b *testing.B) {
		q := n.NewQueue(lowlevel.QueueConfig{})
		b.ReportAllocs()
		for i := range b.N {
			if err := q.InvalEntry(lowlevel.Ino(1<<32+i), "name"); err != nil {
				b.Fatal(err)
			}
		}
		if err := q.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	})
}
