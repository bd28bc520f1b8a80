package highlevel

import "hash/maphash"

// nameTable finds nodes by directory and name. It is a hash table, whose chains go through the nodes. With a million of them, what a lookup costs is how often it goes to
// memory that is in no cache: here once for the bucket, and once for each node of its chain, which are few, as there are two buckets for a node. It grows and shrinks
// by one bucket at a time (linear hashing), so that no lookup has to wait for all to be moved.
type nameTable struct {
	store *nodeStore
	pages []*[pageSize]index // of buckets
	size  int                // buckets in use
	base  int                // a power of two; buckets beyond it are those below split, split
	n     int
}

// pageSize is how many buckets come and go together.
const pageSize = 1024

func newNameTable(store *nodeStore) nameTable {
	return nameTable{store: store, pages: []*[pageSize]index{new([pageSize]index)}, size: 1, base: 1}
}

var hashSeed = maphash.MakeSeed()

func hashName(parent index, name string) uint32 {
	return uint32(maphash.String(hashSeed, name)) ^ uint32(parent)*0x9e3779b1
}

// at returns a bucket: the first of its chain.
func (t *nameTable) at(i int) *index { return &t.pages[i/pageSize][i%pageSize] }

// bucket returns that of a hash.
func (t *nameTable) bucket(hash uint32) *index {
	i := int(hash) & (2*t.base - 1)
	if i >= t.size {
		i -= t.base
	}
	return t.at(i)
}

// put adds a node, which must not be in the table.
func (t *nameTable) put(n *node) {
	t.n++
	for t.size < 2*t.n {
		t.grow()
	}
	t.link(n)
}

func (t *nameTable) link(n *node) {
	b := t.bucket(n.hash)
	n.next, *b = *b, n.index()
}

// remove takes a node out, which must be in the table.
func (t *nameTable) remove(n *node) {
	p := t.bucket(n.hash)
	for *p != n.index() {
		p = &t.store.at(*p).next
	}
	*p, n.next = n.next, 0
	t.n--
	for t.size > max(pageSize, 8*t.n) {
		t.shrink()
	}
}

// grow splits a bucket in two.
func (t *nameTable) grow() {
	if t.size == 2*t.base {
		t.base *= 2
	}
	if t.size%pageSize == 0 && t.size/pageSize == len(t.pages) {
		t.pages = append(t.pages, new([pageSize]index))
	}
	t.size++
	t.relink(t.size - 1 - t.base)
}

// shrink undoes it.
func (t *nameTable) shrink() {
	if t.size-1 < t.base {
		t.base /= 2
	}
	t.size--
	t.relink(t.size)
	if t.size%pageSize == 0 {
		t.pages[t.size/pageSize] = nil
		t.pages = t.pages[:t.size/pageSize]
	}
}

// relink moves the nodes of a bucket to where they belong.
func (t *nameTable) relink(i int) {
	list := t.at(i)
	n := t.store.at(*list)
	*list = 0
	for n != nil {
		next := t.store.at(n.next)
		t.link(n)
		n = next
	}
}

// len returns how many nodes there are.
func (t *nameTable) len() int { return t.n }
