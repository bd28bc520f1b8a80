// Remotesync mounts a tree that others change: a "remote", here in the same process, with several writers. The kernel is told to keep
// everything that it learns for an hour. So that it is never out of date for long, a poller asks the remote what has changed, and tells
// the kernel, through lowlevel.Changes.
//
// Try it:
//
//	mkdir /tmp/told /tmp/polled
//	remotesync -f --compare=/tmp/polled /tmp/told &
//	cat /tmp/told/dir0/file00; sleep 1; cat /tmp/told/dir0/file00
//	fusermount3 -u /tmp/told
//
// With --compare the same tree is also mounted the usual way, with timeouts of one second and nobody who tells of changes: the kernel asks again, and
// drops what it has if there is another mtime. A reader
// reads each of the two trees again and again. At the end, and every --report seconds, the program says how out of date what they read was, and how many
// requests it took.
//
// To go through it step by step, there is --commands: see commands.go.
//
// Where to look:
//
//	remote.go   the remote: a tree with a journal
//	writers.go  those who change it
//	fs.go       the filesystem: a Guard in each handler, and long timeouts
//	poller.go   from the journal to Changes: this is what to copy
//	reader.go   who reads, in a process of its own, and checks
//	report.go   the figures
//	commands.go step by step
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

type options struct {
	Writers  int    `fuse:"--writers=%d"`
	Interval int    `fuse:"--write-interval=%d"`
	Poll     int    `fuse:"--poll-interval=%d"`
	Compare  string `fuse:"--compare=%s"`
	Report   int    `fuse:"--report=%d"`
	Commands bool   `fuse:"--commands"`
}

const help = `
Options of this filesystem:
    --writers=N            how many change the remote (3)
    --write-interval=MS    milliseconds between two changes of a writer (100)
    --poll-interval=MS     milliseconds between two questions what has changed (20)
    --compare=DIR          mount the tree there, too, with timeouts of one second
    --report=SECONDS       print figures so often (0: at the end only)
    --commands             do nothing by itself, but what standard input says
`

func main() {
	if len(os.Args) == 3 && os.Args[1] == readerCommand {
		readTree(os.Args[2])
		return
	}
	p := program{opts: options{Writers: 3, Interval: 100, Poll: 20}, remote: newRemote()}
	p.told = &side{name: "an hour, and told", fs: newMirror(p.remote, time.Hour, true)}
	os.Exit(lowlevel.Main(&lowlevel.Program{
		Ops:     p.told.fs.ops(),
		Options: &p.opts,
		Help:    help,
		Setup:   p.setup,
		Config:  lowlevel.Config{Mount: lowlevel.MountOptions{ReadOnly: true}},
		Serving: p.serving,
	}))
}

type program struct {
	opts     options
	dir      string // the mountpoint
	remote   *remote
	told     *side
	polled   *side // nil without --compare
	toKernel delays
	closing  sync.WaitGroup
}

func (p *program) setup(cl *lowlevel.Cmdline) error {
	if p.opts.Writers < 0 || p.opts.Interval <= 0 || p.opts.Poll <= 0 || p.opts.Report < 0 {
		return errors.New("remotesync: numbers must be positive")
	}
	p.dir = cl.Mountpoint
	if p.opts.Compare != "" {
		var err error
		if p.opts.Compare, err = filepath.Abs(p.opts.Compare); err != nil {
			return err
		}
	}
	if !p.opts.Commands {
		fill(p.remote)
	}
	return nil
}

// serving runs while the filesystem is mounted.
func (p *program) serving(ctx context.Context, s *lowlevel.Session) error {
	queue := s.Notifier().NewQueue(lowlevel.QueueConfig{OnError: func(err error) { fmt.Fprintln(os.Stderr, "remotesync:", err) }})
	changes := queue.Changes(lowlevel.ChangesConfig{Known: p.told.fs.knownInodes})
	p.told.fs.changes.Store(changes)
	poller := &poller{remote: p.remote, queue: queue, changes: changes, delays: &p.toKernel}
	_, poller.seen, _ = p.remote.since(0) // what fill has made, nobody has seen otherwise
	if p.opts.Commands {
		p.obey(ctx, os.Stdin, os.Stdout, poller)
		return nil
	}
	go poller.run(ctx, time.Duration(p.opts.Poll)*time.Millisecond)
	change(ctx, p.remote, p.opts.Writers, time.Duration(p.opts.Interval)*time.Millisecond)
	if p.opts.Compare != "" {
		if err := p.compare(ctx); err != nil {
			return err
		}
	}
	p.reports(ctx)
	p.closing.Wait()
	p.report()
	return nil
}

// reports prints figures now and then, until ctx ends.
func (p *program) reports(ctx context.Context) {
	if p.opts.Report == 0 {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(time.Duration(p.opts.Report) * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.report()
		case <-ctx.Done():
			return
		}
	}
}

func (p *program) report() { report(os.Stdout, p.told, p.polled, &p.toKernel) }

// compare mounts the tree a second time, and starts the readers. All of that ends with ctx.
func (p *program) compare(ctx context.Context) error {
	polled := &side{name: "a second", fs: newMirror(p.remote, time.Second, false)}
	s, err := lowlevel.New(polled.fs.ops(), lowlevel.Config{Mount: lowlevel.MountOptions{ReadOnly: true}})
	if err != nil {
		return err
	}
	if err := s.Mount(p.opts.Compare); err != nil {
		return errors.Join(err, s.Close())
	}
	p.polled = polled
	p.closing.Add(1)
	go func() {
		defer p.closing.Done()
		if err := errors.Join(s.Serve(ctx), s.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "remotesync:", err)
		}
	}()
	for dir, side := range map[string]*side{p.dir: p.told, p.opts.Compare: polled} {
		if err := startReader(ctx, dir, p.remote.history, &side.stale); err != nil {
			return err
		}
	}
	return nil
}
