// Package adopt has notifications, in Go, for the C program c/main.c, which is a filesystem in C, whole as it is: it makes the session, runs it, and tells what has changed. Go tells the kernel, through a queue: C never
// waits, and however often a file changes, the kernel is told of it once for each time it looks.
//
//	go-libfuse3-build -n notify .
//	gcc -I. -o scores c/main.c libnotify.a $(pkg-config --cflags --libs go-libfuse3)
//
// See docs/c-notifications.md.
package main

// #include <stdint.h>
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What notify_start has made. C calls one after the other.
var (
	session *lowlevel.Session
	queue   *lowlevel.NotifyQueue
)

// notify_start begins: se is the session, which is mounted. It returns 0, or -1 after saying why.
//
//export notify_start
func notify_start(se unsafe.Pointer) C.int {
	s, err := lowlevel.AdoptSession(se)
	if err != nil {
		fmt.Fprintln(os.Stderr, "notify:", err)
		return -1
	}
	session, queue = s, s.Notifier().NewQueue(lowlevel.QueueConfig{}) // for as many files as there are, and no more
	return 0
}

// notify_changed says that a file's content has changed. It does not wait.
//
//export notify_changed
func notify_changed(ino C.uint64_t) {
	_ = queue.TryInvalInode(lowlevel.Ino(ino)) // an error: the kernel has not said INIT yet, and knows nothing
}

// notify_stop ends it: to be called before the session is unmounted.
//
//export notify_stop
func notify_stop() {
	if err := session.Close(); err != nil { // the queue is drained
		fmt.Fprintln(os.Stderr, "notify:", err)
	}
}

func main() {}
