package main

const (
	pageSize = 4096

	treeBits = 6
	fanOut   = 1 << treeBits
)

// page is a piece of a file's content.
type page [pageSize]byte

// zeroPage stands in the tree for a page that is paid for but was never written: it takes no memory, and is never written
// to. There is one for all files.
var zeroPage = new(page)

// pageTree maps page numbers to pages: a radix tree, as high as the largest number in it needs. The zero value is empty.
type pageTree struct {
	root   *treeNode
	height int // levels below the root; the leaves are level 0
}

// treeNode has fanOut children of one kind: pages if it is a leaf, else nodes.
type treeNode struct {
	nodes *[fanOut]*treeNode
	pages *[fanOut]*page
	count int64 // pages in this node and below
}

func newTreeNode(level int) *treeNode {
	if level == 0 {
		return &treeNode{pages: new([fanOut]*page)}
	}
	return &treeNode{nodes: new([fanOut]*treeNode)}
}

// span is how many page numbers a child of a node at this level stands for.
func span(level int) int64 { return 1 << (level * treeBits) }

// slot is the place of page number i in a node at this level.
func slot(i int64, level int) int { return int(i>>(level*treeBits)) & (fanOut - 1) }

// len returns how many pages there are.
func (t *pageTree) len() int64 {
	if t.root == nil {
		return 0
	}
	return t.root.count
}

// covers reports whether the tree is high enough for page number i.
func (t *pageTree) covers(i int64) bool { return t.root != nil && i>>((t.height+1)*treeBits) == 0 }

// get returns page number i, nil if there is none.
func (t *pageTree) get(i int64) *page {
	if !t.covers(i) {
		return nil
	}
	n := t.root
	for level := t.height; level > 0; level-- {
		if n = n.nodes[slot(i, level)]; n == nil {
			return nil
		}
	}
	return n.pages[slot(i, 0)]
}

// put sets page number i.
func (t *pageTree) put(i int64, p *page) {
	t.grow(i)
	var added int64
	if t.get(i) == nil {
		added = 1
	}
	n := t.root
	for level := t.height; level > 0; level-- {
		n.count += added
		child := &n.nodes[slot(i, level)]
		if *child == nil {
			*child = newTreeNode(level - 1)
		}
		n = *child
	}
	n.count += added
	n.pages[slot(i, 0)] = p
}

// grow makes the tree high enough for page number i.
func (t *pageTree) grow(i int64) {
	if t.root == nil {
		t.root = newTreeNode(0)
	}
	for !t.covers(i) {
		t.height++
		root := newTreeNode(t.height)
		root.nodes[0] = t.root
		root.count = t.root.count
		t.root = root
	}
}

// drop removes the pages from number from up to, but not including, number to, and returns how many there were.
func (t *pageTree) drop(from, to int64) int64 {
	if t.root == nil {
		return 0
	}
	n := t.root.drop(t.height, 0, from, to)
	if t.root.count == 0 {
		*t = pageTree{}
	}
	return n
}

// drop is pageTree.drop for a node whose first page has the number base.
func (n *treeNode) drop(level int, base, from, to int64) int64 {
	before := n.count
	first, last := n.slots(level, base, from, to)
	for s := first; s <= last; s++ {
		if level == 0 {
			if n.pages[s] != nil {
				n.pages[s] = nil
				n.count--
			}
			continue
		}
		child := n.nodes[s]
		if child == nil {
			continue
		}
		start := base + int64(s)*span(level)
		if from <= start && start+span(level) <= to {
			n.count -= child.count
			n.nodes[s] = nil
			continue
		}
		n.count -= child.drop(level-1, start, from, to)
		if child.count == 0 {
			n.nodes[s] = nil
		}
	}
	return before - n.count
}

// walk calls f for each page from number from up to, but not including, number to, in order, until f returns false. It
// skips what is empty, so it takes as long as there are pages, however far apart.
func (t *pageTree) walk(from, to int64, f func(i int64, p *page) bool) {
	if t.root != nil {
		t.root.walk(t.height, 0, from, to, f)
	}
}

func (n *treeNode) walk(level int, base, from, to int64, f func(int64, *page) bool) bool {
	first, last := n.slots(level, base, from, to)
	for s := first; s <= last; s++ {
		start := base + int64(s)*span(level)
		switch {
		case level > 0 && n.nodes[s] != nil:
			if !n.nodes[s].walk(level-1, start, from, to, f) {
				return false
			}
		case level == 0 && n.pages[s] != nil:
			if !f(start, n.pages[s]) {
				return false
			}
		}
	}
	return true
}

// slots returns the first and the last child of a node that the page numbers from <= i < to concern. There is none
// where last < first.
func (n *treeNode) slots(level int, base, from, to int64) (first, last int) {
	size := span(level)
	lo := max(from-base, 0)
	hi := min(to-base, size*fanOut)
	if lo >= hi {
		return 0, -1
	}
	return int(lo / size), int((hi - 1) / size)
}
