// Command notify_inval_inode is libfuse's example of that name in Go: a filesystem with one file, current_time, that tells the time. The
// kernel may keep what it has read for ever, so it has to be told when the time has changed: InvalInode.
//
// See first what happens without that. The clock stands still:
//
//	notify_inval_inode --no-notify /mnt
//	for i in 1 2 3; do cat /mnt/current_time; sleep 1; done
//	fusermount3 -u /mnt
//
// With notifications it goes, although nothing else is different:
//
//	notify_inval_inode /mnt
//	for i in 1 2 3; do cat /mnt/current_time; sleep 1; done
//
// With -d one can see what it costs: for each second in which somebody reads the file there is one GETATTR and one READ,
// and none for further readers of the same second. notify_store_retrieve saves these, too.
package main

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
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
    --update-interval=SECS   set the clock that often (default: 1)
    --no-notify              do not tell the kernel of it
`

// clock is the filesystem.
type clock struct {
	opts options
	text atomic.Pointer[string] // the content of the file
}

func main() {
	c := &clock{opts: options{Interval: 1}}
	c.set(time.Now())
	os.Exit(lowlevel.Main(&lowlevel.Program{Ops: c.ops(), Options: &c.opts, Help: help, Serving: c.run}))
}

func (c *clock) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup:  c.lookup,
		Getattr: c.getattr,
		Readdir: c.readdir,
		Open:    c.open,
		Read:    c.read,
	}
}

func (c *clock) set(now time.Time) {
	text := now.Format("The current time is 15:04:05\n")
	c.text.Store(&text)
}

// run keeps the clock going beside the handlers.
func (c *clock) run(ctx context.Context, s *lowlevel.Session) error {
	for ctx.Err() == nil {
		if err := c.update(s.Notifier()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(c.opts.Interval) * time.Second):
		}
	}
	return nil
}

// update sets the clock, then tells the kernel: in this order, since whoever comes after the notification must find the new time. No lock
// may be held meanwhile that a handler needs: InvalInode waits for reads that are under way.
func (c *clock) update(n *lowlevel.Notifier) error {
	c.set(time.Now())
	if c.opts.NoNotify {
		return nil
	}
	err := n.InvalInode(fileIno)
	if errors.Is(err, lowlevel.ErrNotCached) {
		return nil // nobody has looked at the file
	}
	return err
}

func (c *clock) stat(ino lowlevel.Ino) (lowlevel.Stat, error) {
	switch ino {
	case rootIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 1}, nil
	case fileIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(*c.text.Load()))}, nil
	}
	return lowlevel.Stat{}, unix.ENOENT
}

func (c *clock) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if parent != rootIno || name != fileName {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	attr, err := c.stat(fileIno)
	return lowlevel.EntryParam{Ino: fileIno, Attr: attr, AttrTimeout: lowlevel.Forever, EntryTimeout: lowlevel.Forever}, err
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
	text := *c.text.Load()
	if off >= int64(len(text)) {
		return 0, nil
	}
	return copy(dst, text[off:]), nil
}
