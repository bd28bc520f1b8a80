package lowlevel

import "math"

// What follows from how the kernel works: InvalInode, InvalInodeRange, InvalInodeAttr, InvalEntry and ExpireEntry only make it forget. Whatever it learns after
// forgetting is newer than the change that they tell of. So it does not matter in which order a set of them is sent, nor how
// often each, as long as each is sent after it was queued; therefore they go into messages that have not been taken out yet, however far ahead in the lane. A Store teaches it
// something: what forgets must not be moved across it.

// reach is how many messages are looked at to find one to join. It bounds the time under the lock.
const reach = 16

// coalesce tries to say m by messages that wait.
func (q *NotifyQueue) coalesce(m *message) bool {
	l := q.lanes[m.laneKey()]
	if l == nil || l.head == nil {
		return false
	}
	switch m.kind {
	case kindInvalEntry, kindExpireEntry, kindDelete:
		return l.joinEntry(m)
	case kindInvalInodeAttr:
		// All that forgets something of an inode forgets its attributes. InvalEntry does so for its directory only when it finds the entry.
		return l.inode != nil && l.inode.kind != kindStore
	case kindInvalInode:
		return q.joinRange(l, *m)
	case kindStore:
		return l.joinStore(m)
	case kindIncrementEpoch:
		return l.tail.kind == kindIncrementEpoch
	case kindPrune:
		return l.joinPrune(m)
	}
	return false
}

// joinEntry: one message about a name is enough.
//
// InvalEntry and Delete both take the name out of the cache, Delete also where the child is another or it fails in the end, and ExpireEntry is only weaker. What comes
// behind would find nothing, or what was looked up since. That goes for a Delete behind an InvalEntry, too: sent, it would fail with ENOENT and no
// watcher would hear of it. Making the InvalEntry a Delete would do more than was asked for.
//
// An ExpireEntry before a Delete or InvalEntry has no effect that is left after it.
func (l *lane) joinEntry(m *message) bool {
	n := l.find(m.name)
	if n == nil {
		return false
	}
	if n.kind == kindExpireEntry {
		n.kind, n.ino = m.kind, m.ino
	}
	return true
}

// joinRange: ranges that have no gap between them are one, and attributes are dropped with any range. Ranges with a gap stay apart: data between them is still good.
//
// The range may close the gap between two that wait. They all go into the first of them: who waits for a later one by Flush waits for
// the first as well.
func (q *NotifyQueue) joinRange(l *lane, m message) bool {
	var into *queued
	n := l.inode
	for range reach {
		if n == nil || n.kind == kindStore {
			break
		}
		before := n.prev
		if n.aboutInode() && n.touches(&m) {
			m = n.union(&m)
			if into != nil {
				q.removeJoined(l, into)
			}
			into = n
			into.message = m
		}
		n = before
	}
	return into != nil
}

// removeJoined takes out a message that another one says now.
func (q *NotifyQueue) removeJoined(l *lane, n *queued) {
	l.remove(n)
	q.flushes.leave(n.joined)
	n.free()
	q.waiting--
	q.stats.Coalesced++
	q.space.Signal()
}

// span is the part of the file that is dropped: up to but not including to.
func (m *message) span() (from, to int64) {
	if m.size == 0 {
		return m.off, math.MaxInt64
	}
	return m.off, m.off + m.size
}

// touches tells whether nothing lies between two ranges. Attributes are the empty range that touches all.
func (m *message) touches(o *message) bool {
	if m.kind == kindInvalInodeAttr {
		return true
	}
	from, to := m.span()
	oFrom, oTo := o.span()
	return from <= oTo && oFrom <= to
}

// union is both ranges in one. o is no kindInvalInodeAttr.
func (m *message) union(o *message) message {
	if m.kind == kindInvalInodeAttr {
		return *o
	}
	from, to := m.span()
	oFrom, oTo := o.span()
	u := message{kind: kindInvalInode, ino: m.ino, off: min(from, oFrom)}
	if to = max(to, oTo); to != math.MaxInt64 {
		u.size = to - u.off
	}
	return u
}

// joinStore: data that is about to be overwritten need not be sent. InvalInodeAttr may come in between, as it often does: the order of the two does not matter, since a Store
// makes no attributes valid.
func (l *lane) joinStore(m *message) bool {
	n := l.inode
	for range reach {
		if n == nil || n.aboutInode() && n.kind != kindInvalInodeAttr {
			break
		}
		n = n.prev
	}
	if n == nil || n.kind != kindStore || m.off > n.off || m.off+m.dataSize() < n.off+n.dataSize() {
		return false
	}
	n.off, n.data = m.off, m.data
	return true
}

func (m *message) dataSize() int64 { return int64(totalLen(m.data)) }

// joinPrune: one message names many inodes.
func (l *lane) joinPrune(m *message) bool {
	n := l.tail
	if n.kind != kindPrune || len(n.inos)+len(m.inos) > pruneMost {
		return false
	}
	n.inos = append(n.inos, m.inos...)
	return true
}
