// Command notify_inval_entry is libfuse's example of that name in Go: a filesystem with one file whose name tells the time. The kernel
// remembers names for as long as it is allowed to (--timeout), and has to be told when one is gone: InvalEntry, ExpireEntry or IncrementEpoch.
//
// See first what happens without that. ls always shows the right name, as listings are not cached here, but the old name works on, until the
// timeout is over:
//
//	notify_inval_entry --timeout=20 --no-notify /mnt
//	f=/mnt/$(ls /mnt); for i in 1 2 3; do stat -c %n $f; sleep 1; done; ls /mnt
//	fusermount3 -u /mnt
//
// With notifications the old name is gone as soon as there is a new one:
//
//	notify_inval_entry --timeout=20 /mnt
//	f=/mnt/$(ls /mnt); for i in 1 2 3; do stat -c %n $f; sleep 1; done; ls /mnt
//
// Three ways lead there; -d shows how they differ. By default the kernel drops the name at once, and with it the inode (FORGET). With --only-expire
// it keeps both, and asks before the name is used again (LOOKUP): better where the file may be the same still. With --inc-epoch it does so with
// all names that it knows.
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
)

// options are the program's own.
type options struct {
	NoNotify   bool    `fuse:"--no-notify"`
	Interval   uint    `fuse:"--update-interval=%u"` // seconds
	Timeout    float32 `fuse:"--timeout=%f"`         // seconds
	OnlyExpire bool    `fuse:"--only-expire"`
	IncEpoch   bool    `fuse:"--inc-epoch"`
}

const help = `
Options of this filesystem:
    --update-interval=SECS   rename the file that often (default: 1)
    --timeout=SECS           for how long the kernel may remember names and attributes (default: 5)
    --no-notify              do not tell the kernel of new names
    --only-expire            expire the old name instead of invalidating it
    --inc-epoch              expire all names by a new epoch instead
`

// clock is the filesystem.
type clock struct {
	opts  options
	name  atomic.Pointer[string] // of the file
	known atomic.Bool            // the kernel has begun to look up names
}

func main() {
	c := &clock{opts: options{Interval: 1, Timeout: 5}}
	c.rename(time.Now())
	os.Exit(lowlevel.Main(&lowlevel.Program{Ops: c.ops(), Options: &c.opts, Help: help, Setup: c.setup, Serving: c.run}))
}

func (c *clock) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup:  c.lookup,
		Getattr: c.getattr,
		Readdir: c.readdir,
	}
}

func (c *clock) setup(*lowlevel.Cmdline) error {
	if c.opts.OnlyExpire && c.opts.IncEpoch {
		return errors.New("notify_inval_entry: --only-expire and --inc-epoch exclude each other")
	}
	return nil
}

// rename gives the file its new name, and returns the old one.
func (c *clock) rename(now time.Time) (old string) {
	name := now.Format("Time_is_15h_04m_05s")
	if p := c.name.Swap(&name); p != nil {
		old = *p
	}
	return old
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

// update renames the file, then tells the kernel: in this order, since whoever comes after the notification must not find the old name. No
// lock may be held meanwhile that a handler needs: the kernel waits for lookups that are under way.
func (c *clock) update(n *lowlevel.Notifier) error {
	old := c.rename(time.Now())
	if c.opts.NoNotify || !c.known.Load() {
		return nil
	}
	err := c.notify(n, old)
	if errors.Is(err, lowlevel.ErrNotCached) {
		return nil // nobody has looked at that name
	}
	return err
}

func (c *clock) notify(n *lowlevel.Notifier, old string) error {
	switch {
	case c.opts.OnlyExpire:
		return n.ExpireEntry(rootIno, old)
	case c.opts.IncEpoch:
		return n.IncrementEpoch()
	}
	return n.InvalEntry(rootIno, old)
}

// timeout is for how long the kernel may remember things.
func (c *clock) timeout() time.Duration { return lowlevel.Seconds(float64(c.opts.Timeout)) }

func stat(ino lowlevel.Ino) (lowlevel.Stat, error) {
	switch ino {
	case rootIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 1}, nil
	case fileIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG, Nlink: 1}, nil
	}
	return lowlevel.Stat{}, unix.ENOENT
}

func (c *clock) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	c.known.Store(true) // first: with a name that changes from here on, the kernel has to be told of it
	if parent != rootIno || name != *c.name.Load() {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	attr, err := stat(fileIno)
	return lowlevel.EntryParam{Ino: fileIno, Attr: attr, AttrTimeout: c.timeout(), EntryTimeout: c.timeout()}, err
}

func (c *clock) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	attr, err := stat(ino)
	return attr, c.timeout(), err
}

func (c *clock) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	if ino != rootIno {
		return unix.ENOTDIR
	}
	if off == 0 {
		attr, err := stat(fileIno)
		if err != nil {
			return err
		}
		dst.Add(*c.name.Load(), &attr, 1)
	}
	return nil
}
