// Command notify_prune is libfuse's example of that name in Go: a filesystem with one file, current_time, that has the time. It never changes a
// file that the kernel knows: the clock is set only while the kernel has forgotten the file. Usually that is when it is short of
// memory, i.e. never; Prune asks it to forget.
//
// See first what happens without that. The clock stands still after the first look:
//
//	notify_prune --no-notify /mnt
//	for i in 1 2 3 4; do cat /mnt/current_time; sleep 1; done
//	fusermount3 -u /mnt
//
// With Prune it goes:
//
//	notify_prune -f /mnt &
//	for i in 1 2 3 4; do cat /mnt/current_time; sleep 1; done
//
// and the program says "prune sent" when it has asked, and "prune complete" when the file was forgotten and has another time.
// With -d one can see the FORGET after each prune, and the LOOKUP by which the kernel gets to know the file again.
//
// What somebody uses is not forgotten. As long as the file is open, the clock stands still, and there is nothing but "prune sent":
//
//	sleep 5 </mnt/current_time
//
// Real filesystems do so to bound what they must keep in memory for the inodes that the kernel knows.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const (
	rootIno = lowlevel.RootIno
	fileIno = lowlevel.Ino(2)

	fileName = "current_time"
)

// options are the program's own.
type options struct {
	NoNotify bool `fuse:"--no-notify"`
	Interval uint `fuse:"--update-interval=%u"` // seconds
}

const help = `
Options of this filesystem:
    --update-interval=SECS   ask the kernel that often to forget the file (default: 1)
    --no-notify              do not ask it
`

// clock is the filesystem.
type clock struct {
	opts options

	mu      sync.Mutex
	lookups uint64 // that the kernel has not forgotten
	text    string // the content of the file, constant while there are lookups
}

func main() {
	c := &clock{opts: options{Interval: 1}}
	c.set(time.Now())
	os.Exit(lowlevel.Main(&lowlevel.Program{Ops: c.ops(), Options: &c.opts, Help: help, Serving: c.run}))
}

func (c *clock) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup:  c.lookup,
		Forget:  c.forget,
		Getattr: c.getattr,
		Readdir: c.readdir,
		Open:    c.open,
		Read:    c.read,
	}
}

// set sets the clock, unless the kernel knows the file. It returns the content, and whether the kernel knows it.
func (c *clock) set(now time.Time) (text string, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lookups == 0 {
		c.text = now.Format("The current time is 15:04:05\n")
	}
	return c.text, c.lookups > 0
}

func (c *clock) content() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// run prunes the file beside the handlers.
func (c *clock) run(ctx context.Context, s *lowlevel.Session) error {
	pruned := "" // the content of the file that the kernel was asked to forget
	for ctx.Err() == nil {
		text, known := c.set(time.Now())
		if pruned != "" && pruned != text {
			fmt.Println("prune complete")
			pruned = ""
		}
		if known && !c.opts.NoNotify {
			if err := prune(s.Notifier()); err != nil {
				return err
			}
			pruned = text
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(c.opts.Interval) * time.Second):
		}
	}
	return nil
}

// prune asks the kernel to forget the file. No lock may be held that a handler needs: for other files it might have to write back data first.
func prune(n *lowlevel.Notifier) error {
	err := n.Prune(fileIno)
	if errors.Is(err, lowlevel.ErrNotCached) || errors.Is(err, lowlevel.ErrClosed) {
		return nil // it is being unmounted
	}
	if err == nil {
		fmt.Println("prune sent")
	}
	return err
}

func (c *clock) stat(ino lowlevel.Ino) (lowlevel.Stat, error) {
	switch ino {
	case rootIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 1}, nil
	case fileIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(c.content()))}, nil
	}
	return lowlevel.Stat{}, unix.ENOENT
}

func (c *clock) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if parent != rootIno || name != fileName {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	c.mu.Lock()
	c.lookups++
	c.mu.Unlock()
	attr, err := c.stat(fileIno)
	return lowlevel.EntryParam{Ino: fileIno, Attr: attr, AttrTimeout: lowlevel.Forever, EntryTimeout: lowlevel.Forever}, err
}

// forget takes lookups back. With the last one the kernel knows nothing of the file any more, and the clock may be set.
func (c *clock) forget(_ *lowlevel.Request, ino lowlevel.Ino, n uint64) {
	if ino != fileIno {
		return
	}
	c.mu.Lock()
	c.lookups -= n
	c.mu.Unlock()
	c.set(time.Now())
}

func (c *clock) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	attr, err := c.stat(ino)
	return attr, lowlevel.Forever, err
}

func (c *clock) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	if ino != rootIno {
		return unix.ENOTDIR
	}
	if off == 0 {
		attr, err := c.stat(fileIno)
		if err != nil {
			return err
		}
		dst.Add(fileName, &attr, 1)
	}
	return nil
}

func (c *clock) open(_ *lowlevel.Request, _ lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if fi.Flags&unix.O_ACCMODE != unix.O_RDONLY {
		return unix.EACCES
	}
	fi.KeepCache = true // without it each open would drop what is cached
	return nil
}

func (c *clock) read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	text := c.content()
	if off >= int64(len(text)) {
		return 0, nil
	}
	return copy(dst, text[off:]), nil
}
