// Package adopt is Go in c/main.c, a filesystem in C whose session it adopts. What it does there, SCENARIO in the environment says.
package main

// #include <stdint.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"golang.org/x/sys/unix"
)

// scenario is called at each step of the session's life.
type scenario func(where string, se unsafe.Pointer)

var scenarios = map[string]scenario{
	"errors":    errorsScenario,
	"notify":    notifyScenario,
	"forgotten": forgottenScenario,
	"guard":     guardScenario,
	"retrieve":  retrieveScenario,
	"blocked":   blockedScenario,
	"same":      sameScenario,
	"cycles":    cyclesScenario,
	"stuck":     stuckScenario,
}

// hook is where C comes by.
//
//export hook
func hook(where *C.char, se unsafe.Pointer) {
	if f := scenarios[os.Getenv("SCENARIO")]; f != nil {
		f(C.GoString(where), se)
	}
}

// note records what a call has returned.
func note(what string, err error) { recorder.Note("%s: %s", what, errorName(err)) }

func errorName(err error) string {
	for name, e := range map[string]error{
		"ErrAdopted": lowlevel.ErrAdopted, "ErrBusy": lowlevel.ErrBusy, "ErrClosed": lowlevel.ErrClosed, "ErrInHandler": lowlevel.ErrInHandler,
		"ErrNotMounted": lowlevel.ErrNotMounted, "ErrNotCached": lowlevel.ErrNotCached, "ErrUnsupported": errors.ErrUnsupported,
	} {
		if errors.Is(err, e) {
			return name
		}
	}
	return fmt.Sprint(err)
}

var (
	session *lowlevel.Session
	queue   *lowlevel.NotifyQueue
	done    = make(chan bool)
)

// adopt does, and notes it.
func adopt(where string, se unsafe.Pointer) {
	s, err := lowlevel.AdoptSession(se)
	note("adopt when "+where, err)
	if err == nil {
		session = s
	}
}

// untilInited waits for INIT.
func untilInited() {
	for errors.Is(session.Notifier().InvalInodeAttr(1), lowlevel.ErrNotMounted) {
		time.Sleep(time.Millisecond)
	}
}

// errorsScenario has all that can go wrong.
func errorsScenario(where string, se unsafe.Pointer) {
	switch where {
	case "new":
		adopt("it is nil", nil)
		adopt("it is not mounted", se)
	case "mounted":
		adopt(where, se)
		note("notify before INIT", session.Notifier().InvalInode(1))
		queue = session.Notifier().NewQueue(lowlevel.QueueConfig{})
		note("queue before INIT", queue.TryInvalInode(1))
		note("Mount", session.Mount("/"))
		note("Serve", session.Serve(context.Background()))
		note("Unmount", session.Unmount())
		_, ok := session.Conn()
		recorder.Note("Conn: %v", ok)
	case "handler": // of C: it is not told from elsewhere
		note("notify from C's handler", session.Notifier().InvalInodeAttr(1))
	case "looped":
		note("Close", session.Close())
		note("Close again", session.Close())
		note("notify after Close", session.Notifier().InvalInode(1))
		note("Store after Close", session.Notifier().Store(1, 0, []byte("data")))
		note("queue after Close", queue.TryInvalInode(1))
		_, err := session.Notifier().Retrieve(context.Background(), 1, 0, 1)
		note("Retrieve after Close", err)
		adopt("looped, again", se)
		note("Close of that", session.Close())
	}
}

var sendOnce sync.Once

// notifyScenario sends one of each.
func notifyScenario(where string, se unsafe.Pointer) {
	switch where {
	case "mounted":
		adopt(where, se)
	case "handler":
		sendOnce.Do(func() {
			go func() {
				SendAll(session.Notifier())
				close(done)
			}()
		})
		<-done
	case "looped":
		note("Close", session.Close())
	}
}

// SendAll sends one of each notification, and notes what comes of it.
func SendAll(n *lowlevel.Notifier) {
	const big = 0x123456789abc
	note("InvalInode", n.InvalInode(big))
	note("InvalInodeRange", n.InvalInodeRange(big, 1<<40, 1<<41))
	note("InvalInodeAttr", n.InvalInodeAttr(big))
	note("InvalEntry", n.InvalEntry(big, "n\xffme"))
	note("ExpireEntry", n.ExpireEntry(big, "name"))
	note("Delete", n.Delete(big, big+1, "name"))
	note("Store", n.Store(big, 1<<40, []byte("stored")))
	note("Store of pieces", n.Store(big, 1<<40, []byte("sto"), nil, []byte("red")))
	_, err := n.StoreBuf(big, 4096, lowlevel.BufMem([]byte("stored")))
	note("StoreBuf", err)
	_, err = n.StoreBuf(big, 4096, file("of a file"))
	note("StoreBuf of a file", err)
	note("Resend", n.Resend())
	note("IncrementEpoch", n.IncrementEpoch())
	note("Prune", n.Prune(big, big+1))
	note("InvalInode with a context", n.WithContext(context.Background()).InvalInode(big))
	q := n.NewQueue(lowlevel.QueueConfig{})
	note("queue", errors.Join(q.TryInvalInode(big), q.Flush(context.Background())))
	c := q.Changes(lowlevel.ChangesConfig{})
	note("changes", errors.Join(c.EntryAdded(big, "new"), q.Flush(context.Background()), c.ContentChanged(big), q.Flush(context.Background())))
	note("StartRetrieve", n.StartRetrieve(big, 1<<40, 100, 5))
}

var files []*os.File // which stay open

func file(content string) lowlevel.BufVec {
	f, err := os.CreateTemp("", "adopt")
	if err == nil {
		_, err = f.WriteString(content)
		_ = os.Remove(f.Name())
	}
	if err != nil {
		panic(err)
	}
	files = append(files, f)
	return lowlevel.BufFD(int(f.Fd()), len(content), 0)
}

// forgottenScenario does not close, and goes on using what C has destroyed.
func forgottenScenario(where string, se unsafe.Pointer) {
	switch where {
	case "mounted":
		adopt(where, se)
	case "handler":
		note("notify", session.Notifier().InvalInodeAttr(1))
	case "unmounted", "destroyed":
		n := session.Notifier()
		note("InvalInode when "+where, n.InvalInode(1))
		note("InvalEntry when "+where, n.InvalEntry(1, "name"))
		note("Store when "+where, n.Store(1, 0, []byte("data")))
		note("Resend when "+where, n.Resend())
		note("StartRetrieve when "+where, n.StartRetrieve(1, 0, 1, 1))
		if where == "destroyed" {
			note("Close", session.Close())
			note("InvalInode when closed", n.InvalInode(1))
		}
	}
}

func init() {
	lowlevel.Export("readlink", func(s *lowlevel.Session) (*lowlevel.Ops, error) {
		return &lowlevel.Ops{Readlink: readlink, Init: func(*lowlevel.ConnInfo) {}}, nil
	})
}

// readlink is the one handler in Go, of the sessions that are bound.
func readlink(req *lowlevel.Request, _ lowlevel.Ino) (string, error) {
	n := req.Session().Notifier()
	note("InvalInode from Go's handler", n.InvalInode(1))
	note("InvalInodeAttr from Go's handler", n.InvalInodeAttr(1)) // which never waits
	note("Close from Go's handler", req.Session().Close())
	_, err := n.Retrieve(context.Background(), 1, 0, 1)
	note("Retrieve from Go's handler", err)
	if session != nil {
		recorder.Note("the same session: %v", session == req.Session())
	}
	req.AfterReply(func() { note("InvalInode after the reply", n.InvalInode(1)) })
	return "target", nil
}

// guardScenario has nothing but the handler above.
func guardScenario(string, unsafe.Pointer) {}

// sameScenario adopts a session that is bound.
func sameScenario(where string, se unsafe.Pointer) {
	if where == "handler" {
		adopt(where, se)
	}
}

// retrieveScenario retrieves.
func retrieveScenario(where string, se unsafe.Pointer) {
	switch where {
	case "handler":
		adopt(where, se)
		go func() {
			data, err := session.Notifier().Retrieve(context.Background(), 2, 5, 9)
			recorder.Note("Retrieve: %q %s", data, errorName(err))
		}()
	}
}

var count atomic.Int64 // messages

// blockedScenario closes while a notification waits.
func blockedScenario(where string, se unsafe.Pointer) {
	switch where {
	case "mounted":
		adopt(where, se)
	case "handler":
		go func() {
			data := make([]byte, 64<<10)
			for {
				err := session.Notifier().Store(2, 0, data)
				if count.Add(1); err != nil {
					note("Store", err)
					close(done)
					return
				}
			}
		}()
		for sent := int64(-1); sent != count.Load(); time.Sleep(100 * time.Millisecond) { // until the socket is full: its peer does not read
			sent = count.Load()
		}
		begin := time.Now()
		note("Close", session.Close())
		recorder.Note("within a second and a half: %v", time.Since(begin) < 1500*time.Millisecond)
	case "looped":
		<-done
		note("Close again", session.Close())
	}
}

// cyclesScenario adopts and closes a hundred times.
func cyclesScenario(where string, se unsafe.Pointer) {
	if where != "handler" {
		return
	}
	before := 0
	for i := range 105 {
		if i == 5 { // the runtime has what it opens once: the last of it with the first timer
			<-time.After(time.Millisecond)
			before = fds()
		}
		s, err := lowlevel.AdoptSession(se)
		if err != nil {
			note("adopt", err)
			return
		}
		q := s.Notifier().NewQueue(lowlevel.QueueConfig{})
		if err := errors.Join(q.TryInvalInode(5), s.Close()); err != nil {
			note("Close", err)
		}
	}
	runtime.GC()
	recorder.Note("files more than before: %d", fds()-before)
}

// stuckScenario notifies when it is told to, on SIGUSR1, and closes when the session has ended: unless that is bound, and the notification ends with it.
func stuckScenario(where string, se unsafe.Pointer) {
	switch where {
	case "mounted":
		adopt(where, se)
		told := make(chan os.Signal, 1)
		signal.Notify(told, unix.SIGUSR1)
		go func() {
			<-told
			err := session.Notifier().InvalInode(3)
			note("InvalInode", err)
			close(done)
		}()
	case "slow":
		recorder.Note("slow")
	case "looped":
		if os.Getenv("HOW") != "bound" {
			note("Close", session.Close())
		}
	case "destroyed":
		if os.Getenv("HOW") == "bound" {
			<-done
		}
	}
}

func fds() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(list)
}

func main() {}
