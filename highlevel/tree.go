package highlevel

import (
	"container/list"
	"iter"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// tree knows by what path the kernel's inodes are to be had. A node stands for a name: a file with two names has two nodes, as in
// C. It lives as long as the kernel remembers it (lookup count) or one of its children.
type tree struct {
	mu      sync.Mutex
	inodes  table
	names   table
	root    *node
	lastIno lowlevel.Ino
	waiting []*waiter // for locks, oldest first
	keeps   bool      // Config.Remember: nodes with a name are kept when the kernel has forgotten them
	prunes  bool      // but not for ever
	old     oldNodes
	hidden  map[*node]struct{} // those that are hidden
}

// node is a name that the kernel knows. All of it is guarded by tree.mu.
type node struct {
	parent   *node // nil: the root, or no name left
	name     string
	ino      lowlevel.Ino
	nlookup  uint64
	children int32    // nodes whose parent this is
	opens    int32    // open files
	lock     int32    // operations that have it in their path; -1: one that changes its name
	wanted   int32    // operations that wait to change its name: no new ones may take it into their path
	hash     uint32   // of parent and name
	next     [2]*node // in the tables, by linkKind
	hidden   bool     // removed while it was open, and renamed instead
	kept     bool     // not to be dropped when the kernel forgets it
	dir      bool     // it was a directory when it was looked up
	extra    *nodeExtra
}

// nodeExtra is what few nodes have.
type nodeExtra struct {
	seen   cachedStat    // of Config.AutoCache
	locks  lockList      // POSIX locks
	forgot *list.Element // of Config.Remember: among those that the kernel has forgotten
	last   *Stat         // of a directory that was removed
}

func newTree() *tree {
	root := &node{ino: lowlevel.RootIno, nlookup: 1}
	t := &tree{
		inodes:  newTable(byIno),
		names:   newTable(byName),
		hidden:  map[*node]struct{}{},
		root:    root,
		lastIno: lowlevel.RootIno,
	}
	t.inodes.put(root)
	return t
}

// node returns the node of an inode.
func (t *tree) node(ino lowlevel.Ino) (*node, error) {
	n := t.inode(ino)
	if n == nil {
		return nil, syscall.ESTALE
	}
	return n, nil
}

// more returns what few nodes have.
func (n *node) more() *nodeExtra {
	if n.extra == nil {
		n.extra = new(nodeExtra)
	}
	return n.extra
}

// find returns the node of a name, which is made if there is none. Without a lookup or children, drop must follow.
func (t *tree) find(parent *node, name string) *node {
	if n := t.child(parent, name); n != nil {
		return n
	}
	t.lastIno++
	n := &node{ino: t.lastIno}
	t.inodes.put(n)
	t.attach(n, parent, name)
	return n
}

// attach gives a node its name.
func (t *tree) attach(n, parent *node, name string) {
	n.parent, n.name, n.hash = parent, name, hashName(parent, name)
	parent.children++
	t.names.put(n)
}

// detach takes a node's name. The node must not be in the path of an operation.
func (t *tree) detach(n *node) {
	if n.parent == nil {
		return
	}
	parent := n.parent
	t.names.remove(n)
	n.parent, n.name = nil, ""
	parent.children--
	t.drop(parent)
}

// setHidden says whether a node was removed while it was open, and renamed instead.
func (t *tree) setHidden(n *node, hidden bool) {
	n.hidden = hidden
	if hidden {
		t.hidden[n] = struct{}{}
	} else {
		delete(t.hidden, n)
	}
}

// drop forgets a node that nobody needs.
func (t *tree) drop(n *node) {
	if n.nlookup > 0 || n.kept || n.children > 0 || n.lock != 0 || n.wanted > 0 || n == t.root {
		return
	}
	t.inodes.remove(n)
	delete(t.hidden, n)
	t.detach(n)
}

// count adds a lookup.
func (t *tree) count(n *node) {
	if t.keeps && n.nlookup == 0 {
		t.old.remove(n)
		n.kept = n.parent != nil
	}
	n.nlookup++
}

// forget takes back lookups.
func (t *tree) forget(ino lowlevel.Ino, nlookup uint64) {
	n := t.inode(ino)
	if n == nil || n == t.root {
		return
	}
	n.nlookup -= min(nlookup, n.nlookup)
	if n.nlookup == 0 && n.kept && t.prunes {
		t.old.remove(n) // a kernel that forgets more than it knows
		t.old.add(n)
	}
	t.drop(n)
}

// remove takes the name of what an operation has removed.
func (t *tree) remove(parent *node, name string) {
	if n := t.child(parent, name); n != nil {
		t.detach(n)
		delete(t.hidden, n)
		t.discard(n)
	}
}

// discard no longer keeps a node for the sake of its number.
func (t *tree) discard(n *node) {
	t.old.remove(n)
	n.kept = false
	t.drop(n)
}

// rename gives a node another name. What had it before loses it.
func (t *tree) rename(parent *node, name string, newParent *node, newName string) {
	n := t.child(parent, name)
	if n == nil {
		t.remove(newParent, newName)
		return
	}
	if t.child(newParent, newName) != n {
		t.remove(newParent, newName)
	}
	// The new parent first: the old one may live by this child only, and be an ancestor.
	newParent.children++
	t.detach(n)
	newParent.children--
	t.attach(n, newParent, newName)
}

// exchange has two names change places.
func (t *tree) exchange(parent *node, name string, newParent *node, newName string) {
	a, b := t.find(parent, name), t.find(newParent, newName)
	if a == b {
		return
	}
	t.names.remove(a)
	t.names.remove(b)
	a.parent, a.name, a.hash, b.parent, b.name, b.hash = b.parent, b.name, b.hash, a.parent, a.name, a.hash
	t.names.put(a)
	t.names.put(b)
	t.drop(a)
	t.drop(b)
}

// path returns the path of a name in a directory; of the directory itself without a name. ESTALE: the directory has none.
func (t *tree) path(dir *node, name string) (string, error) {
	size := len(name) + 1
	if name == "" {
		size = 0
	}
	for n := dir; n != t.root; n = n.parent {
		if n.parent == nil {
			return "", syscall.ESTALE
		}
		size += len(n.name) + 1
	}
	if size == 0 {
		return "/", nil
	}
	buf := make([]byte, size)
	end := size
	put := func(s string) {
		end -= len(s)
		copy(buf[end:], s)
		end--
		buf[end] = '/'
	}
	if name != "" {
		put(name)
	}
	for n := dir; n != t.root; n = n.parent {
		put(n.name)
	}
	return unsafe.String(&buf[0], len(buf)), nil // nobody else has buf
}

// elements are the names that a path consists of.
func elements(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(path, "/") {
			if name != "" && name != "." && !yield(name) {
				return
			}
		}
	}
}

// walk returns the node of a path that the kernel knows, or nil.
func (t *tree) walk(path string) *node {
	n := t.root
	for name := range elements(path) {
		if n = t.child(n, name); n == nil {
			return nil
		}
	}
	return n
}

// errNoName is the answer where an inode has no path: it was removed.
const errNoName = syscall.ESTALE
