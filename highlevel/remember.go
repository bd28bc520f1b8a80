package highlevel

import "time"

// oldNodes are those that the kernel has forgotten and that are kept for Config.Remember, oldest first.
type oldNodes struct {
	store          *nodeStore
	oldest, newest index
	n              int
}

// remembered is a node's place among them.
type remembered struct {
	older, newer index
	since        time.Duration // when the kernel forgot it, from birth on
}

var birth = time.Now()

func (o *oldNodes) add(n *node) {
	n.old = true
	n.remembered = remembered{older: o.newest, since: time.Since(birth)}
	if last := o.store.at(o.newest); last != nil {
		last.newer = n.index()
	} else {
		o.oldest = n.index()
	}
	o.newest = n.index()
	o.n++
}

// remove takes a node out, if it is there.
func (o *oldNodes) remove(n *node) {
	if !n.old {
		return
	}
	if older := o.store.at(n.older); older != nil {
		older.newer = n.newer
	} else {
		o.oldest = n.newer
	}
	if newer := o.store.at(n.newer); newer != nil {
		newer.older = n.older
	} else {
		o.newest = n.older
	}
	n.old = false
	o.n--
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
	t := f.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := t.inodes.at(t.old.oldest); n != nil && n.since < before.Sub(birth); {
		next := t.inodes.at(n.newer)
		if n.children == 0 {
			t.discard(n)
		}
		n = next
	}
}
