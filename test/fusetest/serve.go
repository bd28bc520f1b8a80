package fusetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Server is a filesystem that can be served on a descriptor: a *lowlevel.Session.
type Server interface {
	// MountFD takes fd over and returns once INIT has been answered.
	MountFD(fd int) error
	// Serve answers requests until the connection or ctx ends.
	Serve(ctx context.Context) error
	// Close ends everything.
	Close() error
}

// Served is a Kernel with a server at the other end.
type Served struct {
	*Kernel
	// Init is the server's answer to INIT.
	Init InitOut

	server   Server
	cancel   context.CancelFunc
	served   chan struct{} // closed when Serve has returned
	serveErr error
	once     sync.Once
	closeErr error
}

// Start serves s to a fake kernel, which begins as DefaultInit says, and ends both with the test. The test fails if the server
// breaks the protocol's rules, does not stop, or leaves requests unanswered that it took.
func Start(t testing.TB, s Server) *Served {
	t.Helper()
	return StartInit(t, s, DefaultInit())
}

// StartInit is Start for a kernel of any version.
func StartInit(t testing.TB, s Server, p InitParams) *Served {
	t.Helper()
	k, err := Connect(s, p)
	if err != nil {
		t.Fatalf("serve to the fake kernel: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("fake kernel: %v", err)
		}
	})
	return k
}

// Connect is StartInit without a test. The caller must Close what it returns, also to end and free s; after an error Connect
// has done so.
func Connect(s Server, p InitParams) (*Served, error) {
	k, fd, err := New()
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	out, err := handshake(k, fd, s, p)
	if err != nil {
		_ = s.Close()
		_ = k.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := &Served{Kernel: k, Init: out, server: s, cancel: cancel, served: make(chan struct{})}
	go func() {
		defer close(served.served)
		served.serveErr = s.Serve(ctx)
	}()
	return served, nil
}

// handshake sends INIT ahead of MountFD, which waits for it.
func handshake(k *Kernel, fd int, s Server, p InitParams) (InitOut, error) {
	if err := k.SendInit(p); err != nil {
		return InitOut{}, err
	}
	if err := s.MountFD(fd); err != nil {
		return InitOut{}, fmt.Errorf("mount: %w", err)
	}
	out, err := k.InitReply()
	if err != nil {
		return InitOut{}, fmt.Errorf("INIT: %w", err)
	}
	return out, nil
}

// Close stops the server as a program would that is told to end, waits until it has, and closes the connection. It returns the
// Kernel's violations and what the server returned.
func (k *Served) Close() error {
	k.once.Do(func() {
		k.cancel()
		serveErr := k.WaitServe(k.Timeout)
		if errors.Is(serveErr, context.Canceled) {
			serveErr = nil
		}
		k.closeErr = errors.Join(serveErr, k.server.Close(), k.waitDone(), k.Kernel.Close())
	})
	return k.closeErr
}

// waitDone takes what the server has sent until it closed its end.
func (k *Served) waitDone() error {
	timer := time.NewTimer(k.Timeout)
	defer timer.Stop()
	select {
	case <-k.Done():
		return nil
	case <-timer.C:
		return fmt.Errorf("the server has not closed its end within %v", k.Timeout)
	}
}

// WaitServe waits until the server's Serve has returned, and returns its error.
func (k *Served) WaitServe(timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-k.served:
		return k.serveErr
	case <-timer.C:
		return fmt.Errorf("serve: has not returned within %v", timeout)
	}
}

// MustCall is Call for a test: no answer at all fails it at once.
func (k *Kernel) MustCall(t testing.TB, r *Request) Reply {
	t.Helper()
	reply, err := k.Call(r)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}
