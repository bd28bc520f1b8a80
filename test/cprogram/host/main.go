// Package host is Go for the C programs in c/, which are about living together: starting, forking, signals, the end.
package main

// #include <stdint.h>
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

var attr = lowlevel.Stat{Ino: 2, Mode: unix.S_IFREG | 0o644, Nlink: 1}

func init() {
	lowlevel.Export("ll", func(s *lowlevel.Session) (*lowlevel.Ops, error) {
		return &lowlevel.Ops{Lookup: lookup, Readlink: readlink, Read: read}, nil
	})
	highlevel.Export("hl", func(*lowlevel.Session) (*highlevel.Operations, error) {
		return &highlevel.Operations{Getattr: func(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
			if path == "/" {
				return lowlevel.Stat{Mode: unix.S_IFDIR | 0o755}, nil
			}
			return attr, nil
		}}, nil
	})
}

func lookup(req *lowlevel.Request, _ lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	switch name {
	case "fault":
		var nothing *lowlevel.Stat
		return lowlevel.EntryParam{Attr: *nothing}, nil //nolint:govet // it is meant to panic
	case "deep":
		return lowlevel.EntryParam{Ino: 2, Attr: attr, Generation: uint64(deep(1000))}, nil
	case "late":
		reply := req.Detach()
		go func() { _ = reply.Entry(&lowlevel.EntryParam{Ino: 2, Attr: attr}) }()
	}
	return lowlevel.EntryParam{Ino: 2, Attr: attr}, nil
}

// deep takes stack.
func deep(n int) int {
	var some [64]int
	if n > 0 {
		some[n%64] = deep(n - 1)
	}
	return some[n%64] + 1
}

// readlink says what Go knows of the process.
func readlink(*lowlevel.Request, lowlevel.Ino) (string, error) {
	return fmt.Sprintf("%s %d %s", os.Args[0], len(os.Args), os.Getenv("HOST_TEST")), nil
}

func read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, _ int64, _ *lowlevel.FileInfo) (int, error) {
	return len(dst), nil
}

//export host_add
func host_add(a, b C.int) C.int { return a + b }

// host_heap returns how many bytes of Go's heap are in use, and *goroutines how many there are.
//
//export host_heap
func host_heap(goroutines *C.int) C.uint64_t {
	<-time.After(time.Millisecond) // with the first timer, Go opens two files for good
	var m runtime.MemStats
	for range 3 { // cleanups run after a collection
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	*goroutines = C.int(runtime.NumGoroutine())
	return C.uint64_t(m.HeapAlloc)
}

var adopted *lowlevel.Session

//export host_adopt
func host_adopt(se unsafe.Pointer) C.int {
	var err error
	if adopted, err = lowlevel.AdoptSession(se); err != nil {
		return -1
	}
	q := adopted.Notifier().NewQueue(lowlevel.QueueConfig{})
	if q.TryInvalInode(1) != nil || adopted.Notifier().InvalInode(1) != nil {
		return -2
	}
	return 0
}

//export host_release
func host_release() C.int {
	if adopted.Close() != nil {
		return -1
	}
	return 0
}

// host_log has libfuse's log come to Go.
//
//export host_log
func host_log() { lowlevel.SetLogger(slog.New(slog.NewTextHandler(os.Stdout, nil))) }

// host_session makes a session of Go's own, which needs libfuse's log for a moment.
//
//export host_session
func host_session() C.int {
	s, err := lowlevel.New(&lowlevel.Ops{}, lowlevel.Config{Args: []string{"host", "-o", "no_such_option"}})
	var why *lowlevel.LibraryError
	if !errors.As(err, &why) {
		_ = s.Close()
		return -1
	}
	return 0
}

func main() {}
