package highlevel

import (
	"iter"
	"math"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// index says where a node is. 0 is no node.
type index uint32

// slabSize is how many nodes a slab has: 8 KiB of them. Larger ones would be no faster, and stay for the sake of fewer nodes.
const slabSize = 64

// nodeStore keeps nodes in slabs, where they stay. An inode's number is a node's index, so that finding it takes no search; in its upper half is how often the index was
// given out before, so that no number is used twice. A slab goes when nothing is left in it, unless nodes are being taken from it.
type nodeStore struct {
	slabs   []slab
	current int32   // the slab that nodes are taken from
	room    []int32 // others that have room
	n       int
}

type slab struct {
	nodes  *[slabSize]node       // nil: gone
	tails  *[slabSize]string     // of long names, if there are any
	extras *[slabSize]*nodeExtra // if there are any
	free   index                 // first of the nodes that are free; the others follow by next
	used   int32
	uses   uint32 // of the index used most, when the slab went
}

func newNodeStore() nodeStore {
	s := nodeStore{slabs: make([]slab, 1)}
	s.fill(0)
	return s
}

func (n *node) index() index { return index(n.ino) }

// at returns the node at an index that is in use, or nil for 0.
func (s *nodeStore) at(i index) *node {
	if i == 0 {
		return nil
	}
	return &s.slabs[i/slabSize].nodes[i%slabSize]
}

// inode returns the node of an inode, or nil.
func (s *nodeStore) inode(ino lowlevel.Ino) *node {
	i := index(ino)
	if int(i/slabSize) >= len(s.slabs) || s.slabs[i/slabSize].nodes == nil {
		return nil
	}
	n := &s.slabs[i/slabSize].nodes[i%slabSize]
	if !n.live || n.ino != ino {
		return nil
	}
	return n
}

// tail returns what of a long name its node has no room for.
func (s *nodeStore) tail(n *node) string {
	if n.size <= shortName {
		return ""
	}
	return s.slabs[n.index()/slabSize].tails[n.index()%slabSize]
}

func (s *nodeStore) setTail(n *node, tail string) {
	sl := &s.slabs[n.index()/slabSize]
	if sl.tails == nil {
		sl.tails = new([slabSize]string)
	}
	sl.tails[n.index()%slabSize] = tail
}

// more returns what few nodes have.
func (s *nodeStore) more(n *node) *nodeExtra {
	sl, k := &s.slabs[n.index()/slabSize], n.index()%slabSize
	if sl.extras == nil {
		sl.extras = new([slabSize]*nodeExtra)
	}
	if !n.extra {
		n.extra, sl.extras[k] = true, new(nodeExtra)
	}
	return sl.extras[k]
}

// take returns a new node.
func (s *nodeStore) take() *node {
	if s.slabs[s.current].free == 0 {
		s.current = s.withRoom()
	}
	sl := &s.slabs[s.current]
	n := s.at(sl.free)
	sl.free, n.next = n.next, 0
	n.live = true
	sl.used++
	s.n++
	return n
}

// withRoom returns a slab that has room.
func (s *nodeStore) withRoom() int32 {
	if last := len(s.room) - 1; last >= 0 {
		i := s.room[last]
		s.room = s.room[:last]
		if s.slabs[i].nodes == nil {
			s.fill(i)
		}
		return i
	}
	s.slabs = append(s.slabs, slab{})
	last := int32(len(s.slabs) - 1)
	s.fill(last)
	return last
}

// fill makes a slab of free nodes.
func (s *nodeStore) fill(i int32) {
	sl := &s.slabs[i]
	sl.nodes = new([slabSize]node)
	for k := slabSize - 1; k >= 0; k-- {
		if at := index(i)*slabSize + index(k); at != 0 {
			sl.nodes[k] = node{ino: lowlevel.Ino(sl.uses)<<32 | lowlevel.Ino(at), next: sl.free}
			sl.free = at
		}
	}
}

// giveBack takes a node that nobody needs.
func (s *nodeStore) giveBack(n *node) {
	s.n--
	at, uses := n.index(), n.ino>>32
	i := int32(at / slabSize)
	sl := &s.slabs[i]
	if n.extra {
		sl.extras[at%slabSize] = nil
	}
	*n = node{}
	if uses == math.MaxUint32 {
		return // no number is left for it: it is never used again
	}
	if sl.free == 0 && i != s.current {
		s.room = append(s.room, i)
	}
	n.ino, n.next = (uses+1)<<32|lowlevel.Ino(at), sl.free
	sl.free = at
	sl.used--
	if sl.used == 0 && i != s.current {
		for k := range sl.nodes {
			sl.uses = max(sl.uses, uint32(sl.nodes[k].ino>>32))
		}
		*sl = slab{uses: sl.uses}
	}
}

// len returns how many nodes there are.
func (s *nodeStore) len() int { return s.n }

// all yields the nodes. None may be added or removed meanwhile.
func (s *nodeStore) all() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for i := range s.slabs {
			if s.slabs[i].nodes == nil {
				continue
			}
			for k := range s.slabs[i].nodes {
				if n := &s.slabs[i].nodes[k]; n.live && !yield(n) {
					return
				}
			}
		}
	}
}
