package lowlevel_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// waitedFor is a context that tells when somebody begins to wait for its end.
type waitedFor struct {
	context.Context
	once   sync.Once
	waited chan struct{}
}

func (c *waitedFor) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waited) })
	return c.Context.Done()
}

// giveUp makes a call that blocks, and has its context end when it does. It returns the call's error.
func giveUp(t *testing.T, n notifier, call func(notifier) error) error {
	t.Helper()
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx := &waitedFor{Context: parent, waited: make(chan struct{})}
	result := make(chan error, 1)
	go func() { result <- call(n.WithContext(ctx)) }()
	waitFor(t, ctx.waited, "the call waits")
	cancel()
	select {
	case err := <-result:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the call does not return when its context ends")
		return nil
	}
}

// A call that blocks is given up, counted, and no longer counted when it is through.
func TestNotifier_ContextEnds(t *testing.T) {
	k := startDeaf(t, oneFile(), lowlevel.Config{})
	n := k.session.Notifier()
	for _, tt := range notices() {
		k.drain()
		k.fill()
		for i := range 3 {
			if err := giveUp(t, n, tt.call); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got error %v, want %v", tt.name, err, context.Canceled)
			}
			if got := n.Blocked(); got != i+1 {
				t.Errorf("%s: %d are blocked, want %d", tt.name, got, i+1)
			}
		}
		fusetest.Eventually(t, 10*time.Second, tt.name+" is through", func() bool {
			k.drain()
			return n.Blocked() == 0
		})
	}
}

func TestNotifier_DeadlinePasses(t *testing.T) {
	k := startDeaf(t, oneFile(), lowlevel.Config{})
	k.fill()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := k.session.Notifier().WithContext(ctx).InvalInode(1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
	}
}

// Where the context has ended before, nothing is sent, and where it goes on, the result is the kernel's.
func TestNotifier_ContextEndedBefore(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	k := fusetest.Start(t, s)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	n := s.Notifier()
	for _, tt := range notices() {
		if err := tt.call(n.WithContext(ended)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want %v", tt.name, err, context.Canceled)
		}
	}
	if _, err := n.Retrieve(ended, 1, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Retrieve: got error %v, want %v", err, context.Canceled)
	}
	wantNoNotice(t, k, "an ended context")
	if got := n.Blocked(); got != 0 {
		t.Errorf("%d are blocked, want 0", got)
	}
}

// The data of a call that was given up is not looked at any more once Blocked is 0, and until then it is what is sent.
func TestNotifier_GivenUpCallIsSentLater(t *testing.T) {
	k := startDeaf(t, oneFile(), lowlevel.Config{})
	n := k.session.Notifier()
	k.fill()
	data := []byte("old")
	err := giveUp(t, n, func(n notifier) error { return n.Store(2, 0, data) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	want := noticeBytes(fusetest.NotifyStore, u64(2, 0), u32(3, 0), []byte("old"))
	for {
		msg := k.read()
		if len(msg) > 16 { // what fill has sent is shorter
			wantBytes(t, "Store", msg, want)
			break
		}
	}
	fusetest.Eventually(t, 10*time.Second, "the call is through", func() bool { return n.Blocked() == 0 })
}

// drainTimeout of the tests below.
const drainTimeout = 100 * time.Millisecond

// A kernel that does not read keeps nobody from closing: calls that are blocked end, those that were given up are no longer counted.
func TestNotifier_CloseWhileBlocked(t *testing.T) {
	for _, tt := range []struct {
		name     string
		call     func(notifier) error
		function string
	}{
		{"InvalInode", func(n notifier) error { return n.InvalInode(1) }, "gf_notify_inval_inode"},
		{"Resend", notifier.Resend, "gf_notify_resend"},
		{"Store", func(n notifier) error { return n.Store(1, 0, []byte("data")) }, "gf_notify_store"},
		{"Store of pieces", func(n notifier) error { return n.Store(1, 0, []byte("da"), []byte("ta")) }, "gf_notify_storev"},
		{"InvalEntry", func(n notifier) error { return n.InvalEntry(1, "name") }, "gf_notify_inval_entry"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fusetest.CheckLeaks(t)
			fusetest.Watchdog(t, 30*time.Second, "")
			k := startDeaf(t, oneFile(), lowlevel.Config{DrainTimeout: drainTimeout})
			n := k.session.Notifier()
			k.fill()
			results := make(chan error, 1)
			go func() { results <- tt.call(n) }()
			waitInSend(t, tt.function)
			if err := giveUp(t, n, tt.call); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want %v", err, context.Canceled)
			}
			k.closeInTime()
			wantError(t, "the call that was blocked", results, lowlevel.ErrClosed)
			fusetest.Eventually(t, 10*time.Second, "nobody is blocked", func() bool { return n.Blocked() == 0 })
		})
	}
}

// Notify of a poll handle does not block on Linux. On a socket it does.
func TestPollHandle_CloseWhileBlocked(t *testing.T) {
	fusetest.CheckLeaks(t)
	fusetest.Watchdog(t, 30*time.Second, "")
	ops := oneFile()
	handles := make(chan *lowlevel.PollHandle, 1)
	ops.Poll = func(_ request, _ ino, _ file, ph *lowlevel.PollHandle) (uint32, error) {
		handles <- ph
		return 0, nil
	}
	k := startDeaf(t, ops, lowlevel.Config{DrainTimeout: drainTimeout})
	k.send(fusetest.Poll(2, fusetest.PollIn{Kh: 7, Flags: fusetest.PollScheduleNotify}).WithUnique(4))
	k.read()
	ph := <-handles
	k.fill()
	results := make(chan error, 1)
	go func() { results <- ph.Notify() }()
	waitInSend(t, "fuse_lowlevel_notify_poll")
	k.closeInTime()
	wantError(t, "Notify", results, lowlevel.ErrClosed)
}

// closeInTime closes the session, which must not take longer than it says.
func (k *deafKernel) closeInTime() {
	k.t.Helper()
	closed := make(chan error, 1)
	start := time.Now()
	go func() { closed <- k.session.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			k.t.Errorf("Close: got error %v", err)
		}
	case <-time.After(10 * time.Second):
		k.hangUp() // which lets it go on
		k.t.Errorf("Close has not returned within 10 s; after the kernel's end: %v", <-closed)
		return
	}
	if took := time.Since(start); took > 3*time.Second {
		k.t.Errorf("Close took %v, want about twice %v", took, drainTimeout)
	}
}
