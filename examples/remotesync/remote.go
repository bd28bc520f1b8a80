package main

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// remote stands for what is elsewhere: a server with a tree of files, which others change. Here it is in the same process, and its
// writers are in writers.go. It keeps a journal, of which a client can ask what has happened since it last asked.
type remote struct {
	mu      sync.RWMutex
	nodes   map[uint64]*node
	lastID  uint64
	journal []event
	dropped uint64 // how many events are no longer in the journal
	history *history
}

// node is a file or a directory.
type node struct {
	id       uint64
	parent   uint64
	name     string
	children map[string]uint64 // nil: a file
	data     []byte            // replaced as a whole, never changed
	mode     uint32
	mtime    time.Time
}

// event is an entry of the journal.
type event struct {
	kind           eventKind
	id             uint64 // of the file or directory
	parent, former uint64 // directories: where it is, where it was
	name, old      string
	replaced       uint64 // what was there before
	data           []byte // the new content
	shrunk         bool   // it is shorter than before
	at             time.Time
}

type eventKind int

const (
	written eventKind = iota
	touched           // attributes only
	added
	removed
	renamed
)

const rootID = 1

// journalLength is how many events are kept. Who asks too late must take it that everything has changed.
const journalLength = 10000

var errGone = errors.New("gone")

func newRemote() *remote {
	root := &node{id: rootID, parent: rootID, children: map[string]uint64{}, mode: 0o755, mtime: time.Now()}
	return &remote{nodes: map[uint64]*node{rootID: root}, lastID: rootID, history: newHistory()}
}

// since returns what has happened since the event with that number, and the number for the next call. complete is false where the journal does
// not go back that far.
func (r *remote) since(seen uint64) (events []event, next uint64, complete bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	next = r.dropped + uint64(len(r.journal))
	if seen < r.dropped {
		return nil, next, false
	}
	return slices.Clone(r.journal[seen-r.dropped:]), next, true
}

// log adds to the journal. r.mu is held.
func (r *remote) log(e event) {
	e.at = time.Now()
	if e.kind == written {
		r.history.wrote(e.id, stampOf(e.data), e.at)
	}
	if len(r.journal) == journalLength {
		half := journalLength / 2
		r.journal = slices.Clone(r.journal[half:])
		r.dropped += uint64(half)
	}
	r.journal = append(r.journal, e)
}

// get returns a copy of a node; its children and data must not be changed.
func (r *remote) get(id uint64) (node, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n := r.nodes[id]
	if n == nil {
		return node{}, errGone
	}
	c := *n
	if n.children != nil {
		c.children = make(map[string]uint64, len(n.children))
		for name, id := range n.children {
			c.children[name] = id
		}
	}
	return c, nil
}

// lookup returns what a directory has under a name.
func (r *remote) lookup(dir uint64, name string) (node, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d := r.nodes[dir]
	if d == nil || d.children[name] == 0 {
		return node{}, errGone
	}
	return *r.nodes[d.children[name]], nil
}

// create makes a file, or a directory if data is nil.
func (r *remote) create(dir uint64, name string, data []byte) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.nodes[dir]
	if d == nil || d.children == nil || d.children[name] != 0 {
		return 0
	}
	r.lastID++
	n := &node{id: r.lastID, parent: dir, name: name, data: data, mode: 0o644, mtime: time.Now()}
	if data == nil {
		n.children, n.mode = map[string]uint64{}, 0o755
	}
	r.nodes[n.id] = n
	d.children[name] = n.id
	d.mtime = n.mtime
	r.log(event{kind: added, id: n.id, parent: dir, name: name})
	return n.id
}

// write replaces the content of a file.
func (r *remote) write(id uint64, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[id]
	if n == nil || n.children != nil {
		return
	}
	shrunk := len(data) < len(n.data)
	n.data, n.mtime = data, time.Now()
	r.log(event{kind: written, id: id, data: data, shrunk: shrunk})
}

// chmod changes a mode.
func (r *remote) chmod(id uint64, mode uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.nodes[id]; n != nil {
		n.mode = mode
		r.log(event{kind: touched, id: id})
	}
}

// remove removes a file.
func (r *remote) remove(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.nodes[id]
	if n == nil || n.children != nil {
		return
	}
	r.unlink(n)
	delete(r.nodes, id)
	r.log(event{kind: removed, id: id, parent: n.parent, name: n.name})
}

func (r *remote) unlink(n *node) {
	d := r.nodes[n.parent]
	delete(d.children, n.name)
	d.mtime = time.Now()
}

// rename moves a file; what has the new name is removed.
func (r *remote) rename(id, dir uint64, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, d := r.nodes[id], r.nodes[dir]
	if n == nil || d == nil || d.children == nil || n.parent == dir && n.name == name {
		return
	}
	e := event{kind: renamed, id: id, parent: dir, name: name, former: n.parent, old: n.name, replaced: d.children[name]}
	if old := r.nodes[e.replaced]; old != nil {
		r.unlink(old)
		delete(r.nodes, old.id)
	}
	r.unlink(n)
	n.parent, n.name = dir, name
	d.children[name] = id
	d.mtime = time.Now()
	r.log(e)
}
