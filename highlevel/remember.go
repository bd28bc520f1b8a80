package highlevel

import (
	"container/list"
	"time"
)

// oldNodes are those that the kernel has forgotten and that are kept for Config.Remember, oldest first.
type oldNodes struct{ list.List }

type oldNode struct {
	node  *node
	since time.Time
}

func (o *oldNodes) add(n *node) { n.more().forgot = o.PushBack(oldNode{n, time.Now()}) }

func (o *oldNodes) remove(n *node) {
	if n.extra != nil && n.extra.forgot != nil {
		o.Remove(n.extra.forgot)
		n.extra.forgot = nil
	}
}

// prune drops nodes that have been kept for long enough, until the end.
func (f *FS) prune() {
	keep := time.Duration(f.cfg.Remember) * time.Second
	tick := time.NewTicker(min(max(keep/10, time.Second), time.Hour))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			f.pruneAt(now.Add(-keep))
		case <-f.stop:
			return
		}
	}
}

// pruneAt drops nodes that the kernel forgot before a time. Directories stay while there is something in them that is known.
func (f *FS) pruneAt(before time.Time) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	var next *list.Element
	for e := f.tree.old.Front(); e != nil && e.Value.(oldNode).since.Before(before); e = next {
		next = e.Next()
		if n := e.Value.(oldNode).node; n.children == 0 {
			f.tree.discard(n)
		}
	}
}
