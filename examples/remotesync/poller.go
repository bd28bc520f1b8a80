package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// poller asks the remote what has changed, and tells the kernel.
type poller struct {
	remote  *remote
	queue   *lowlevel.NotifyQueue
	changes *lowlevel.Changes
	seen    uint64
	delays  *delays
}

// run polls until ctx ends.
func (p *poller) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := p.poll(ctx); err != nil && !errors.Is(err, lowlevel.ErrClosed) && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "remotesync:", err)
		}
	}
}

// poll tells of what has happened since the last call, and returns when the kernel has heard it.
func (p *poller) poll(ctx context.Context) error {
	events, next, complete := p.remote.since(p.seen)
	p.seen = next
	if !complete {
		return errors.Join(p.changes.Everything(), p.queue.Flush(ctx))
	}
	if len(events) == 0 {
		return nil
	}
	var errs []error
	for i := range events {
		errs = append(errs, p.tell(&events[i]))
	}
	errs = append(errs, p.queue.Flush(ctx))
	for i := range events {
		p.delays.add(time.Since(events[i].at))
	}
	return errors.Join(errs...)
}

// tell is the heart of it: what has changed, in the words of Changes.
func (p *poller) tell(e *event) error {
	ino, parent := lowlevel.Ino(e.id), lowlevel.Ino(e.parent)
	switch e.kind {
	case written:
		if e.shrunk {
			return p.changes.ContentChanged(ino)
		}
		return p.changes.DataChanged(ino, 0, e.data)
	case touched:
		return p.changes.AttrChanged(ino)
	case added:
		return p.changes.EntryAdded(parent, e.name)
	case removed:
		return p.changes.EntryRemoved(parent, e.name, ino)
	case renamed:
		return p.changes.EntryRenamed(lowlevel.Ino(e.former), e.old, parent, e.name, ino, lowlevel.Ino(e.replaced))
	}
	return nil
}
