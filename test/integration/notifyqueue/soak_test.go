package notifyqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// soakEnv is the environment variable that says how long the soak takes: "10m".
const soakEnv = "FUSE_TEST_SOAK"

func soakTime(t *testing.T) time.Duration {
	text := os.Getenv(soakEnv)
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", soakEnv, err)
	}
	return d
}

// queueRandom queues something about what the clients use.
func queueRandom(q *lowlevel.NotifyQueue) error {
	d, i := rand.N(dirs), rand.N(files)
	name := fmt.Sprint("f", i)
	switch rand.N(20) {
	case 0, 1, 2:
		return q.InvalEntry(dirIno(d), name)
	case 3, 4, 5:
		return q.ExpireEntry(dirIno(d), name)
	case 6:
		return q.Delete(dirIno(d), fileIno(d, i), name)
	case 7:
		return q.InvalEntry(lowlevel.RootIno, fmt.Sprint("d", d))
	case 8, 9:
		return q.InvalInode(dirIno(d))
	case 10, 11:
		return q.InvalInode(fileIno(d, i))
	case 12, 13:
		return q.InvalInodeRange(fileIno(d, i), 4096*rand.Int64N(16), 4096)
	case 14, 15:
		return q.InvalInodeAttr(fileIno(d, i))
	case 16, 17:
		return q.Store(fileIno(d, i), 4096*rand.Int64N(16), make([]byte, 4096))
	case 18:
		return ignoreUnsupported(q.Prune(fileIno(d, i), fileIno(d, rand.N(files))))
	}
	return ignoreUnsupported(q.IncrementEpoch())
}

// ignoreUnsupported is for kernels that are older.
func ignoreUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// TestNotifyQueue_SoakBesideHandlers: clients keep the handlers busy, which queue notifications about what they work on, and more
// come from outside: all that is queued gets through, the mount answers, and nothing is left.
func TestNotifyQueue_SoakBesideHandlers(t *testing.T) {
	for name, writeback := range map[string]bool{"write-through": false, "writeback": true} {
		t.Run(name, func(t *testing.T) { soak(t, soakTime(t)/2, writeback) })
	}
}

// produce queues from several goroutines until stop is called.
func produce(t *testing.T, q *lowlevel.NotifyQueue, count int) (stop func()) {
	var ended atomic.Bool
	var producers sync.WaitGroup
	for range count {
		producers.Add(1)
		go func() {
			defer producers.Done()
			for !ended.Load() {
				if err := queueRandom(q); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	return func() {
		ended.Store(true)
		producers.Wait()
	}
}

func soak(t *testing.T, d time.Duration, writeback bool) {
	f := mount(t, d+2*time.Minute, writeback)
	f.warm(t)
	var unexpected atomic.Pointer[error]
	q := f.Notifier().NewQueue(lowlevel.QueueConfig{Size: 1000, Workers: 8, OnError: func(err error) { unexpected.Store(&err) }})
	f.queue.Store(q)

	var clients []*client
	for range 3 {
		clients = append(clients, start(t, os.Args[0], "client", f.dir))
	}
	stop := produce(t, q, 2)
	flushes := 0
	for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); flushes++ {
		flush(t, q, 30*time.Second)
		sum(t, q.Stats())
		if flushes%50 == 0 {
			fusetest.Run(t, 30*time.Second, "stat", f.dir+"/d3/f3")
		}
	}
	stop()
	for _, c := range clients {
		said := c.stop(t)
		if !strings.HasSuffix(said, " calls") || len(said) < len("100 calls") {
			t.Errorf("a client said %q, want at least 100 calls", said)
		}
		t.Log("client:", said)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := q.Close(ctx); err != nil {
		t.Errorf("close: %v; %+v", err, q.Stats())
	}
	st := q.Stats()
	t.Logf("%d flushes; full %d times in handlers; %+v", flushes, f.refused.Load(), st)
	sum(t, st)
	if st.Sent == 0 || st.NotCached == 0 || st.Coalesced == 0 || st.Pending+int(st.Dropped+st.Failed) != 0 {
		t.Errorf("got %+v, want some of each, and nothing pending, dropped or failed", st)
	}
	if err := unexpected.Load(); err != nil {
		t.Errorf("a notification failed: %v", *err)
	}
	out := fusetest.Run(t, 20*time.Second, "ls", f.dir+"/d3")
	if len(strings.Fields(out)) < files {
		t.Errorf("in the end the mount lists %q", out)
	}
	f.end(t)
}
