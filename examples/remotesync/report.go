package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// delays collects durations.
type delays struct {
	mu   sync.Mutex
	list []time.Duration
}

func (d *delays) add(x time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, x)
}

// quantile returns the duration that a part q of all does not exceed.
func (d *delays) quantile(q float64) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) == 0 {
		return 0
	}
	slices.Sort(d.list)
	return d.list[int(q*float64(len(d.list)-1))]
}

func (d *delays) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.list)
}

// history is when which content of a file was replaced by the next.
type history struct {
	mu    sync.Mutex
	ended map[uint64][]ended
}

// historyLength is how many contents of a file are remembered.
const historyLength = 1000

type ended struct {
	stamp int64 // the next content's
	at    time.Time
}

func newHistory() *history { return &history{ended: map[uint64][]ended{}} }

// wrote notes that a file has a new content.
func (h *history) wrote(id uint64, stamp int64, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := append(h.ended[id], ended{stamp, at})
	h.ended[id] = list[max(len(list)-historyLength, 0):]
}

// age returns for how long the content with that stamp had been out of date at a time; 0 if it was not.
func (h *history) age(id uint64, stamp int64, when time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, next := range h.ended[id] {
		if next.stamp > stamp {
			return max(when.Sub(next.at), 0)
		}
	}
	return 0
}

// side is one of the two mounts that are compared.
type side struct {
	name  string
	fs    *mirror
	stale delays
}

// report prints what the caches have saved, and how old what was read was.
func report(w io.Writer, told, polled *side, toKernel *delays) {
	fmt.Fprintf(w, "%d changes; from the change until the kernel knew: %v median, %v at most\n",
		toKernel.count(), round(toKernel.quantile(0.5)), round(toKernel.quantile(1)))
	if polled == nil {
		fmt.Fprintf(w, "%d requests\n", told.fs.requests.Load())
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "mount\tfiles read\trequests\tout of date\tby 99 %\tby at most\t")
	for _, s := range []*side{told, polled} {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f %%\t%v\t%v\t\n", s.name, s.stale.count(), s.fs.requests.Load(),
			100*s.stale.positive(), round(s.stale.quantile(0.99)), round(s.stale.quantile(1)))
	}
	_ = t.Flush()
	a, b := told.perRead(), polled.perRead()
	if b > 0 {
		fmt.Fprintf(w, "requests saved: %.1f %%\n", 100*(1-a/b))
	}
}

// perRead returns the requests for each file read: the readers need not have been equally fast.
func (s *side) perRead() float64 {
	if s.stale.count() == 0 {
		return 0
	}
	return float64(s.fs.requests.Load()) / float64(s.stale.count())
}

// positive returns which part is not 0.
func (d *delays) positive() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, x := range d.list {
		if x > 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(n) / float64(len(d.list))
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
