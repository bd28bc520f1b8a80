// Command poll is libfuse's example of that name in Go: a filesystem whose files can be waited for with select(2) and poll(2). It has 16 files, 0 to F,
// each a queue of up to 10 bytes into which one is put now and then. Reading takes them out.
//
//	poll -f /mnt &
//	cd /mnt && poll_client
//
// Poll_client waits for all files, 16 times. See what the filesystem prints: POLL when the kernel asks whether there is something to read, NOTIFY when
// there is now, for somebody who waits, and READ when he has got it.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"golang.org/x/sys/unix"
)

const (
	names    = "0123456789ABCDEF"
	capacity = 10
	interval = 250 * time.Millisecond
)

// queue is a file.
type queue struct {
	bytes  int
	open   bool
	waiter *highlevel.PollHandle // whoever waits for bytes
}

// filesystem's operations run at the same time, hence the lock.
type filesystem struct {
	mu     sync.Mutex
	queues [len(names)]queue
	polled int // how often a queue was found empty since one was not
}

func main() {
	f := new(filesystem)
	os.Exit(highlevel.Main(&highlevel.Program{
		Ops: &highlevel.Operations{
			Getattr: f.getattr,
			Readdir: f.readdir,
			Open:    f.open,
			Release: f.release,
			Read:    f.read,
			Poll:    f.poll,
		},
		Serving: f.produce,
	}))
}

// produce puts a byte into one queue after the other; later into 2, and 4, at a time.
func (f *filesystem) produce(ctx context.Context, _ *highlevel.FS) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for first, at := 0, 1; ; {
		for i := range at {
			f.put((first + i*len(names)/at) % len(names))
		}
		if first = (first + 1) % len(names); first == 0 {
			at = at * 2 % 7 // 1, 2, 4 and again
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// put puts a byte into a queue, if it has room, and wakes who waits for that: once, for then the kernel polls again, with a new handle.
func (f *filesystem) put(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.queues[i]
	if q.bytes == capacity {
		return
	}
	q.bytes++
	if q.waiter != nil {
		fmt.Printf("NOTIFY %X\n", i)
		_ = highlevel.NotifyPoll(q.waiter) // fails when the filesystem was unmounted meanwhile: nobody waits then
		q.waiter = nil
	}
}

// poll tells whether there are bytes. If not, ph is what to notify when there are. A handle that is replaced has served its turn.
func (f *filesystem) poll(_ context.Context, _ string, fi *highlevel.FileInfo, ph *highlevel.PollHandle) (uint32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.queues[fi.Fh]
	if ph != nil {
		q.waiter = ph
	}
	if q.bytes == 0 {
		f.polled++
		return 0, nil
	}
	fmt.Printf("POLL   %X cnt=%d polled_zero=%d\n", fi.Fh, q.bytes, f.polled)
	f.polled = 0
	return unix.POLLIN, nil
}

func (f *filesystem) read(_ context.Context, _ string, dst []byte, _ int64, fi *highlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := &f.queues[fi.Fh]
	n := copy(dst, strings.Repeat(names[fi.Fh:fi.Fh+1], q.bytes))
	fmt.Printf("READ   %X transferred=%d cnt=%d\n", fi.Fh, n, q.bytes)
	q.bytes -= n
	return n, nil
}

// index returns which file a path names.
func index(path string) (int, error) {
	if len(path) != 2 || !strings.Contains(names, path[1:]) {
		return 0, unix.ENOENT
	}
	return strings.Index(names, path[1:]), nil
}

// open lets one in at a time, so that who polls is known by the file alone.
func (f *filesystem) open(_ context.Context, path string, fi *highlevel.FileInfo) error {
	i, err := index(path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case fi.Flags&unix.O_ACCMODE != unix.O_RDONLY:
		return unix.EACCES
	case f.queues[i].open:
		return unix.EBUSY
	}
	f.queues[i].open = true
	fi.Fh = highlevel.FileHandle(i)
	fi.DirectIO = true // what was read is gone: it must not be cached
	fi.Nonseekable = true
	return nil
}

func (f *filesystem) release(_ context.Context, _ string, fi *highlevel.FileInfo) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queues[fi.Fh].open = false
	return nil
}

func (f *filesystem) getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	if path == "/" {
		return highlevel.Stat{Mode: unix.S_IFDIR | 0o555, Nlink: 2}, nil
	}
	i, err := index(path)
	if err != nil {
		return highlevel.Stat{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return highlevel.Stat{Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(f.queues[i].bytes)}, nil
}

func (f *filesystem) readdir(_ context.Context, path string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	if path != "/" {
		return unix.ENOENT
	}
	for i := range names {
		fill(names[i:i+1], nil, 0, 0)
	}
	return nil
}
