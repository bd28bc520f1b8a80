package lowlevel_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// question waits until the kernel is asked for data.
func question(t testing.TB, k *fusetest.Served) fusetest.RetrieveOut {
	t.Helper()
	n, err := k.Notification(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	ask, err := n.Retrieve()
	if err != nil {
		t.Fatal(err)
	}
	return ask
}

func answerQuestion(t testing.TB, k *fusetest.Served, ask fusetest.RetrieveOut, data []byte) {
	t.Helper()
	send(t, k, fusetest.NotifyReply(ask.NotifyUnique, ask.NodeID, fusetest.NotifyRetrieveIn{Offset: ask.Offset, Size: uint32(len(data))}, data))
}

// retrieved is what Retrieve or a callback has brought.
type retrieved struct {
	data string
	err  error
}

func wantRetrieved(t testing.TB, what string, results <-chan retrieved, data string, err error) {
	t.Helper()
	select {
	case got := <-results:
		if got.data != data || !errors.Is(got.err, err) {
			t.Errorf("%s: got %.40q (%d bytes), %v, want %.40q (%d bytes), %v", what, got.data, len(got.data), got.err, data, len(data), err)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: nothing within 10 s", what)
	}
}

// startRetrieving calls Retrieve.
func startRetrieving(ctx context.Context, n notifier, off int64, size int) <-chan retrieved {
	results := make(chan retrieved, 1)
	go func() {
		data, err := n.Retrieve(ctx, 5, off, size)
		results <- retrieved{string(data), err}
	}()
	return results
}

// cache is what a kernel has of a file: it answers at most piece bytes at a time.
type cache struct {
	data  []byte
	piece int
}

// TestRetrieve_Pieces: what is larger than one answer comes in several, up to the first page that is not cached.
func TestRetrieve_Pieces(t *testing.T) {
	data := pattern(100_000)
	for _, tt := range []struct {
		name  string
		cache cache
		off   int64
		size  int
		want  []byte
		asked []fusetest.RetrieveOut // offset and size
	}{
		{"in one", cache{data, 1 << 17}, 10, 1000, data[10:1010], []fusetest.RetrieveOut{{Offset: 10, Size: 1000}}},
		{
			"in pieces",
			cache{data, 4096},
			0, 10000, data[:10000],
			[]fusetest.RetrieveOut{{Offset: 0, Size: 10000}, {Offset: 4096, Size: 10000 - 4096}, {Offset: 8192, Size: 10000 - 8192}},
		},
		{
			"up to the end",
			cache{data, 1 << 17},
			60_000, 1 << 20, data[60_000:],
			[]fusetest.RetrieveOut{{Offset: 60_000, Size: 1 << 20}, {Offset: 100_000, Size: 1<<20 - 40_000}},
		},
		{"nothing cached", cache{nil, 1 << 17}, 0, 4096, nil, []fusetest.RetrieveOut{{Offset: 0, Size: 4096}}},
		{
			"more than a message can ask for",
			cache{data, 1 << 17},
			0, 1 << 40, data,
			[]fusetest.RetrieveOut{{Offset: 0, Size: 1 << 30}, {Offset: 100_000, Size: 1 << 30}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			results := startRetrieving(context.Background(), s.Notifier(), tt.off, tt.size)
			for i, want := range tt.asked {
				ask := question(t, k)
				if ask.NodeID != 5 || ask.Offset != want.Offset || ask.Size != want.Size {
					t.Errorf("question %d: got %+v, want inode 5, offset %d, size %d", i, ask, want.Offset, want.Size)
				}
				from := min(int(ask.Offset), len(tt.cache.data))
				to := min(from+min(tt.cache.piece, int(ask.Size)), len(tt.cache.data))
				answerQuestion(t, k, ask, tt.cache.data[from:to])
			}
			wantRetrieved(t, tt.name, results, string(tt.want), nil)
			wantNoNotice(t, k, tt.name)
		})
	}
}

// The callback gets the data where it is, once.
func TestRetrieveFunc_CallsBackOnce(t *testing.T) {
	for name, writeBuf := range map[string]bool{"memory": false, "splice wanted": true} {
		t.Run(name, func(t *testing.T) {
			ops := oneFile()
			if writeBuf {
				ops.WriteBuf = func(request, ino, lowlevel.BufVec, int64, file) (int, error) { return 0, nil }
			}
			ops.RetrieveReply = func(request, uint64, ino, int64, lowlevel.BufVec) { t.Error("RetrieveReply was called") }
			s := newSession(t, ops, lowlevel.Config{SingleThread: true})
			k := fusetest.Start(t, s)
			results := make(chan retrieved, 3)
			err := s.Notifier().RetrieveFunc(5, 4096, 10, func(data []byte, err error) {
				results <- retrieved{string(data), err}
			})
			if err != nil {
				t.Fatal(err)
			}
			ask := question(t, k)
			answerQuestion(t, k, ask, []byte("pa\x00ge"))
			wantRetrieved(t, "answer", results, "pa\x00ge", nil)
			answerQuestion(t, k, ask, []byte("again"))
			settle(t, k)
			if len(results) != 0 {
				t.Errorf("got a second answer: %+v", <-results)
			}
		})
	}
}

// Two that wait are told apart, whatever the order of answers, and one that was started C's way goes to the handler.
func TestRetrieve_TellsThemApart(t *testing.T) {
	fromHandler := make(chan uint64, 1)
	ops := oneFile()
	ops.RetrieveReply = func(_ request, cookie uint64, _ ino, _ int64, _ lowlevel.BufVec) { fromHandler <- cookie }
	s := newSession(t, ops, lowlevel.Config{})
	k := fusetest.Start(t, s)
	first := startRetrieving(context.Background(), s.Notifier(), 0, 5)
	firstAsk := question(t, k)
	second := startRetrieving(context.Background(), s.Notifier(), 0, 6)
	secondAsk := question(t, k)
	if err := s.Notifier().StartRetrieve(5, 0, 1, 0); err != nil { // a cookie that may be a number of ours
		t.Fatal(err)
	}
	thirdAsk := question(t, k)
	answerQuestion(t, k, thirdAsk, nil)
	answerQuestion(t, k, secondAsk, []byte("second"))
	answerQuestion(t, k, firstAsk, []byte("first"))
	wantRetrieved(t, "first", first, "first", nil)
	wantRetrieved(t, "second", second, "second", nil)
	select {
	case cookie := <-fromHandler:
		if cookie != 0 {
			t.Errorf("cookie: got %d, want 0", cookie)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("RetrieveReply was not called")
	}
}

func TestRetrieve_ManyAtATime(t *testing.T) {
	const callers, calls = 32, 20
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	content := func(off uint64) []byte { return pattern(int(off%5000) + 1) }
	go answerAll(k, content)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range calls {
				off := uint64(caller*1000 + i)
				want := content(off)
				got, err := s.Notifier().Retrieve(context.Background(), 5, int64(off), len(want))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("at %d: got %d bytes, %v, want %d bytes", off, len(got), err, len(want))
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("not done within 30 s")
	}
}

// Whoever waits when the session ends is told, whether or not Serve runs.
func TestRetrieve_TheEndComesFirst(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			fusetest.CheckLeaks(t)
			s := newSession(t, oneFile(), lowlevel.Config{})
			k := fusetest.Start(t, s)
			settle(t, k)
			results := startRetrieving(context.Background(), s.Notifier(), 0, 5)
			called := make(chan retrieved, 2)
			question(t, k)
			if err := s.Notifier().RetrieveFunc(5, 0, 5, func(data []byte, err error) { called <- retrieved{string(data), err} }); err != nil {
				t.Fatal(err)
			}
			question(t, k)
			end(t, s, k)
			wantRetrieved(t, "Retrieve", results, "", lowlevel.ErrClosed)
			wantRetrieved(t, "RetrieveFunc", called, "", lowlevel.ErrClosed)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if len(called) != 0 {
				t.Errorf("called again: %+v", <-called)
			}
		})
	}
}

// answerAll answers every question until the connection ends.
func answerAll(k *fusetest.Served, content func(off uint64) []byte) {
	for {
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			return
		}
		if ask, err := n.Retrieve(); err == nil {
			_ = k.Send(fusetest.NotifyReply(ask.NotifyUnique, ask.NodeID, fusetest.NotifyRetrieveIn{Offset: ask.Offset}, content(ask.Offset)))
		}
	}
}

// What was fetched before the end of the context is returned with its error.
func TestRetrieve_ContextEnds(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	results := startRetrieving(ctx, s.Notifier(), 0, 10)
	answerQuestion(t, k, question(t, k), []byte("first"))
	late := question(t, k)
	cancel()
	wantRetrieved(t, "a context that ended", results, "first", context.Canceled)
	answerQuestion(t, k, late, []byte("later"))
	settle(t, k)
	if n := s.Notifier().Blocked(); n != 0 {
		t.Errorf("%d are blocked, want none: the question was sent", n)
	}
}

// An answer that nobody has asked for is dropped.
func TestRetrieve_AnswersToNobody(t *testing.T) {
	ops := oneFile()
	var answers atomic.Int32
	ops.RetrieveReply = func(request, uint64, ino, int64, lowlevel.BufVec) { answers.Add(1) }
	s := newSession(t, ops, lowlevel.Config{SingleThread: true})
	k := fusetest.Start(t, s)
	for _, unique := range []uint64{1, 2, 0x7fffffff, 1<<63 | 1} {
		send(t, k, fusetest.NotifyReply(unique, 5, fusetest.NotifyRetrieveIn{}, []byte("what?")))
	}
	settle(t, k)
	if n := answers.Load(); n != 0 {
		t.Errorf("RetrieveReply was called %d times, want 0", n)
	}
}

// Data for StartRetrieve is dropped where there is no handler for it.
func TestStartRetrieve_NoHandler(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{SingleThread: true})
	k := fusetest.Start(t, s)
	for range 3 {
		if err := s.Notifier().StartRetrieve(5, 0, 5, 1); err != nil {
			t.Fatal(err)
		}
		answerQuestion(t, k, question(t, k), []byte("data"))
	}
	settle(t, k)
}

func TestRetrieve_BadRange(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	n := s.Notifier()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	never := func([]byte, error) { t.Error("called back") }
	for what, call := range map[string]func() error{
		"StartRetrieve": func() error { return n.StartRetrieve(5, -1, 1, 0) },
		"RetrieveFunc":  func() error { return n.RetrieveFunc(5, -1, 1, never) },
		"Retrieve":      func() error { _, err := n.Retrieve(ctx, 5, -1, 1); return err },
		"negative size": func() error { _, err := n.Retrieve(ctx, 5, 0, -1); return err },
	} {
		if err := call(); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: got error %v, want EINVAL", what, err)
		}
	}
	wantNoNotice(t, k, "a bad range")
}

// A callback is a handler of a request that has no reply: it may notify where there is another thread.
func TestRetrieveFunc_Notifies(t *testing.T) {
	for _, tt := range threads {
		t.Run(tt.name, func(t *testing.T) {
			want := error(nil)
			if tt.single {
				want = lowlevel.ErrInHandler
			}
			s := newSession(t, oneFile(), tt.cfg)
			k := fusetest.Start(t, s)
			results := make(chan error, 1)
			if err := s.Notifier().RetrieveFunc(5, 0, 1, func([]byte, error) { results <- s.Notifier().InvalInode(5) }); err != nil {
				t.Fatal(err)
			}
			answerQuestion(t, k, question(t, k), []byte("x"))
			wantError(t, "in the callback", results, want)
		})
	}
}

// Handlers that have replied may wait for an answer as long as a thread is left to read it.
func TestRetrieve_LastFreeThread(t *testing.T) {
	ops := oneFile()
	both := make(chan struct{})
	results := make(chan retrieved, 2)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ops.Access = func(req request, _ ino, _ uint32) error {
		if err := req.Detach().Err(nil); err != nil {
			t.Error(err)
		}
		<-both
		data, err := req.Session().Notifier().Retrieve(ctx, 5, 0, 4)
		results <- retrieved{string(data), err}
		return nil
	}
	k := serveConfig(t, ops, lowlevel.Config{MaxThreads: 2})
	k.MustCall(t, fusetest.Access(1, 0))
	k.MustCall(t, fusetest.Access(1, 0))
	close(both)
	wantRetrieved(t, "one of both", results, "", lowlevel.ErrInHandler)
	go answerAll(k, func(uint64) []byte { return []byte("data") })
	wantRetrieved(t, "the other", results, "data", nil)
}
