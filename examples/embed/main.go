// Package embed is a part of a filesystem, in Go, for the C program c/main.c: the file's data, which changes by itself once a second. The C program has
// the rest: it makes and runs the session, and answers what is about names and attributes.
//
//	go-libfuse3-build -n ticks .
//	gcc -o ticks c/main.c libticks.a $(pkg-config --cflags --libs go-libfuse3)
//
// See docs/c-program.md.
package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// File is the inode of the only file: C has it in c/main.c.
const file lowlevel.Ino = 2

func init() {
	lowlevel.Export("ticks", func(s *lowlevel.Session) (*lowlevel.Ops, error) {
		t := &ticks{notifier: s.Notifier(), stop: make(chan struct{})}
		return &lowlevel.Ops{Init: t.init, Destroy: t.destroy, Read: t.read}, nil
	})
}

// ticks is the filesystem, for one session.
type ticks struct {
	n        atomic.Int64
	notifier *lowlevel.Notifier
	stop     chan struct{}
}

func (t *ticks) init(*lowlevel.ConnInfo) { go t.run() }

// run counts, and tells the kernel that what it has read before is out of date.
func (t *ticks) run() {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-second.C:
			t.n.Add(1)
			_ = t.notifier.InvalInode(file) // not cached, or the session ends: nothing to do
		}
	}
}

func (t *ticks) destroy() { close(t.stop) }

func (t *ticks) read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	text := fmt.Sprintf("%010d\n", t.n.Load())
	return copy(dst, text[min(off, int64(len(text))):]), nil
}

func main() {}
