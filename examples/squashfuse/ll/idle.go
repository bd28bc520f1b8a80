package ll

import (
	"context"
	"sync/atomic"
	"time"
)

// Idle says whether anybody uses the filesystem: last_access and open_refcount in C.
type Idle struct {
	last  atomic.Int64 // when it was used last, in nanoseconds since start
	files atomic.Int64 // files and directories that are open
}

// start is what times are measured from, by a clock that nobody sets.
var start = time.Now()

func (i *Idle) touch() { i.last.Store(int64(time.Since(start))) }

func (i *Idle) opened() { i.files.Add(1) }

func (i *Idle) closed() {
	i.touch() // before it counts as closed
	i.files.Add(-1)
}

// Wait returns true when nothing has been open and nobody has asked for anything for a time, or false when ctx is done: setup_idle_timeout and alarm_tick, but that C looks
// once a second.
func (i *Idle) Wait(ctx context.Context, idle time.Duration) bool {
	i.touch()
	for {
		left := time.Duration(i.last.Load()) + idle - time.Since(start)
		switch {
		case i.files.Load() > 0:
			left = idle // it starts anew when it is closed
		case left <= 0:
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(left):
		}
	}
}
