package lowlevel_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Sessions begin and end while goroutines send notifications of all kinds on them. Nothing crashes or leaks, everybody is told, and each Retrieve
// that was taken is answered once.
func TestNotifier_RacesWithTheEnd(t *testing.T) {
	fusetest.CheckLeaks(t)
	fusetest.Watchdog(t, 2*time.Minute, "")
	sessions := 300
	if testing.Short() {
		sessions = 30
	}
	ways := []string{"Close", "Unmount", "context", "the kernel's end"}
	sent := 0
	for i := range sessions {
		sent += raceWithTheEnd(t, endings[ways[i%len(ways)]], rand.New(rand.NewPCG(1, uint64(i))))
		if t.Failed() {
			t.Fatalf("session %d", i)
		}
	}
	t.Logf("%d sessions, %d notifications sent", sessions, sent)
	if sent < sessions {
		t.Errorf("got %d notifications sent, want more than sessions: the end came too soon", sent)
	}
}

// raceWithTheEnd is one session. It returns how many notifications were sent.
func raceWithTheEnd(t *testing.T, end func(*testing.T, *lowlevel.Session, *fusetest.Served), rnd *rand.Rand) int {
	s := newSession(t, oneFile(), lowlevel.Config{})
	r := &racers{t: t, list: withContext(notices()), n: s.Notifier()}
	var racing sync.WaitGroup
	for range 6 {
		racing.Add(1)
		go func(rnd *rand.Rand) {
			defer racing.Done()
			r.race(rnd)
		}(rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64())))
	}
	k, err := fusetest.Connect(s, fusetest.DefaultInit())
	if err != nil {
		t.Fatal(err)
	}
	r.mounted.Store(true)
	settle(t, k)              // Serve has begun
	endAfter := rnd.IntN(300) // of the racers' notifications
	ready := make(chan struct{})
	var answering sync.WaitGroup
	answering.Add(1)
	go func() {
		defer answering.Done()
		answerRetrieves(k, endAfter, ready)
	}()
	<-ready
	end(t, s, k)
	if err := errors.Join(k.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	racing.Wait()
	answering.Wait()
	if n := s.Notifier().Blocked(); n != 0 {
		t.Errorf("got %d blocked, want none", n)
	}
	if asked, answered := r.asked.Load(), r.answered.Load(); asked != answered {
		t.Errorf("retrieves: %d were sent, %d answered", asked, answered)
	}
	return int(r.sent.Load())
}

// racers send notifications from before the mount until after the end.
type racers struct {
	t                     *testing.T
	list                  []notice
	n                     notifier
	mounted               atomic.Bool
	sent, asked, answered atomic.Int64
}

func (r *racers) race(rnd *rand.Rand) {
	for {
		mounted := r.mounted.Load()
		what, err := r.one(rnd)
		if errors.Is(err, lowlevel.ErrClosed) {
			return
		}
		if errors.Is(err, lowlevel.ErrNotMounted) && !mounted {
			runtime.Gosched()
			continue
		}
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			r.t.Errorf("%s: got error %v (%T)", what, err, err)
			return
		}
		if err == nil {
			r.sent.Add(1)
		}
	}
}

// one sends one notification, now and then one that is given up.
func (r *racers) one(rnd *rand.Rand) (what string, err error) {
	n := r.n
	switch rnd.IntN(8) {
	case 0:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rnd.IntN(50))*time.Microsecond)
		defer cancel()
		n = n.WithContext(ctx)
	case 1:
		err := n.RetrieveFunc(1, 0, 1, func([]byte, error) { r.answered.Add(1) })
		if err == nil {
			r.asked.Add(1)
		}
		return "RetrieveFunc", err
	case 2:
		_, err := n.Retrieve(context.Background(), 1, 0, 1)
		return "Retrieve", err
	}
	tt := r.list[rnd.IntN(len(r.list))]
	return tt.name, tt.call(n)
}

// answerRetrieves takes notifications and answers what asks, until the connection ends. It closes ready after so many.
func answerRetrieves(k *fusetest.Served, many int, ready chan<- struct{}) {
	for taken := 0; ; taken++ {
		if taken == many {
			close(ready)
		}
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			if taken < many {
				close(ready)
			}
			return
		}
		if ask, err := n.Retrieve(); err == nil {
			_ = k.Send(fusetest.NotifyReply(ask.NotifyUnique, ask.NodeID, fusetest.NotifyRetrieveIn{Offset: ask.Offset}, []byte("x")))
		}
	}
}
