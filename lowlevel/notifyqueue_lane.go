package lowlevel

import "sync"

// A lane holds the messages about one directory or inode that wait. At most one worker is inside it, busy with a message it has taken out.
type lane struct {
	key        Ino
	head, tail *queued
	inode      *queued // the last that waits about the inode itself
	len        int
	names      map[string]*queued // those about entries, once they are many
	busy       bool
	next       *lane // in a laneList
}

// queued is a message in a lane.
type queued struct {
	message
	prev, next *queued
	joined     *flush
}

// Most lanes hold one message and are gone again at once.
var (
	lanePool   = sync.Pool{New: func() any { return new(lane) }}
	queuedPool = sync.Pool{New: func() any { return new(queued) }}
)

func newLane(key Ino) *lane {
	l := lanePool.Get().(*lane)
	l.key = key
	return l
}

func (l *lane) free() {
	*l = lane{}
	lanePool.Put(l)
}

func newQueued(m *message, f *flush) *queued {
	n := queuedPool.Get().(*queued)
	n.message, n.joined = *m, f
	return n
}

func (n *queued) free() {
	*n = queued{}
	queuedPool.Put(n)
}

// Lanes of what belongs to no inode. The kernel does not use such numbers; should a filesystem do so, they wait for each other, no more.
const (
	epochLane = ^Ino(0)
	pruneLane = ^Ino(1)
)

// laneKey tells in which lane a message goes: what waits for the same locks goes into the same one.
func (m *message) laneKey() Ino {
	switch m.kind {
	case kindInvalEntry, kindExpireEntry, kindDelete:
		return m.parent
	case kindIncrementEpoch:
		return epochLane
	case kindPrune:
		return pruneLane
	}
	return m.ino
}

// aboutEntry tells messages about a name in a directory from others.
func (m *message) aboutEntry() bool {
	return m.kind == kindInvalEntry || m.kind == kindExpireEntry || m.kind == kindDelete
}

func (m *message) aboutInode() bool {
	return m.kind == kindInvalInode || m.kind == kindInvalInodeAttr || m.kind == kindStore
}

func (l *lane) push(n *queued) {
	n.prev = l.tail
	if l.tail != nil {
		l.tail.next = n
	} else {
		l.head = n
	}
	l.tail = n
	l.len++
	if n.aboutInode() {
		l.inode = n
	}
	l.index(n)
}

// pop takes out the first.
func (l *lane) pop() *queued {
	n := l.head
	l.remove(n)
	return n
}

// remove takes out a message.
func (l *lane) remove(n *queued) {
	if l.inode == n {
		l.inode = n.inodeBefore()
	}
	if l.names != nil && n.aboutEntry() {
		delete(l.names, n.name)
	}
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.tail = n.prev
	}
	n.prev, n.next = nil, nil
	l.len--
}

// inodeBefore returns the last message before n about the inode itself.
func (n *queued) inodeBefore() *queued {
	for n = n.prev; n != nil && !n.aboutInode(); {
		n = n.prev
	}
	return n
}

// indexFrom is how many messages a lane must hold for an index to be worth its memory.
const indexFrom = 8

// index keeps the names findable.
func (l *lane) index(n *queued) {
	switch {
	case l.names != nil:
		if n.aboutEntry() {
			l.names[n.name] = n
		}
	case l.len > indexFrom:
		l.names = make(map[string]*queued)
		for n := l.head; n != nil; n = n.next {
			if n.aboutEntry() {
				l.names[n.name] = n
			}
		}
	}
}

// find returns the message that waits about an entry. There is never more than one.
func (l *lane) find(name string) *queued {
	if l.names != nil {
		return l.names[name]
	}
	for n := l.head; n != nil; n = n.next {
		if n.aboutEntry() && n.name == name {
			return n
		}
	}
	return nil
}

// laneList is first in, first out.
type laneList struct {
	first, last *lane
}

func (list *laneList) push(l *lane) {
	if list.last != nil {
		list.last.next = l
	} else {
		list.first = l
	}
	list.last = l
}

func (list *laneList) pop() *lane {
	l := list.first
	if l == nil {
		return nil
	}
	list.first = l.next
	if list.first == nil {
		list.last = nil
	}
	l.next = nil
	return l
}
