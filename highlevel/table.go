package highlevel

import (
	"hash/maphash"
	"iter"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// table is a hash table of nodes, which are chained through the nodes themselves: with a million of them, what a lookup costs is how often it goes to memory
// that is in no cache, and a map goes there more often. It grows by one bucket at a time (linear hashing), so that no lookup has to wait for all to be moved.
type table struct {
	link    linkKind
	buckets []*node
	base    int // a power of two; buckets beyond it are those below split, split
	n       int
}

// linkKind says which of a node's two links the table uses.
type linkKind int

const (
	byIno linkKind = iota
	byName
)

func newTable(link linkKind) table {
	return table{link: link, buckets: make([]*node, 1), base: 1}
}

var hashSeed = maphash.MakeSeed()

func hashIno(ino lowlevel.Ino) uint32 { return uint32(uint64(ino) * 0x9e3779b97f4a7c15 >> 32) }

func hashName(parent *node, name string) uint32 {
	return uint32(maphash.String(hashSeed, name)) ^ hashIno(parent.ino)
}

func (t *table) hash(n *node) uint32 {
	if t.link == byIno {
		return hashIno(n.ino)
	}
	return n.hash
}

func (t *table) index(hash uint32) int {
	i := int(hash) & (2*t.base - 1)
	if i >= len(t.buckets) {
		i -= t.base
	}
	return i
}

// put adds a node, which must not be in the table.
func (t *table) put(n *node) {
	t.n++
	if t.n > len(t.buckets) {
		t.grow()
	}
	b := &t.buckets[t.index(t.hash(n))]
	n.next[t.link], *b = *b, n
}

// grow splits a bucket in two.
func (t *table) grow() {
	if len(t.buckets) == 2*t.base {
		t.base *= 2
	}
	from := len(t.buckets) - t.base
	list := t.buckets[from]
	t.buckets[from] = nil
	t.buckets = append(t.buckets, nil)
	for list != nil {
		n := list
		list = n.next[t.link]
		b := &t.buckets[t.index(t.hash(n))]
		n.next[t.link], *b = *b, n
	}
}

// remove takes a node out, if it is in the table.
func (t *table) remove(n *node) {
	for p := &t.buckets[t.index(t.hash(n))]; *p != nil; p = &(*p).next[t.link] {
		if *p == n {
			*p, n.next[t.link] = n.next[t.link], nil
			t.n--
			return
		}
	}
}

// len returns how many nodes there are.
func (t *table) len() int { return t.n }

// all yields the nodes. The table must not be changed meanwhile.
func (t *table) all() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, n := range t.buckets {
			for ; n != nil; n = n.next[t.link] {
				if !yield(n) {
					return
				}
			}
		}
	}
}

// inode returns the node of an inode, or nil.
func (t *tree) inode(ino lowlevel.Ino) *node {
	for n := t.inodes.buckets[t.inodes.index(hashIno(ino))]; n != nil; n = n.next[byIno] {
		if n.ino == ino {
			return n
		}
	}
	return nil
}

// child returns the node of a name in a directory, or nil.
func (t *tree) child(parent *node, name string) *node {
	hash := hashName(parent, name)
	for n := t.names.buckets[t.names.index(hash)]; n != nil; n = n.next[byName] {
		if n.hash == hash && n.parent == parent && n.name == name {
			return n
		}
	}
	return nil
}
