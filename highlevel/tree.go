package highlevel

import (
	"hash/maphash"
	"iter"
	"strings"
	"sync"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// tree knows by what path the kernel's inodes are to be had. A node stands for a name: a file with two names has two nodes, as in
// C. It lives as long as the kernel remembers it (lookup count) or one of its children.
type tree struct {
	mu      sync.Mutex
	inodes  nodeStore
	names   nameTable
	root    *node
	busy    []index   // nodes that are the end of an operation's path
	waiting []*waiter // for locks, oldest first
	keeps   bool      // Config.Remember: nodes with a name are kept when the kernel has forgotten them
	prunes  bool      // but not for ever
	old     oldNodes
	hidden  map[*node]struct{} // those that are hidden
	buf     pathBuf
}

// node is a name that the kernel knows. All of it is guarded by tree.mu. It has no pointers, so that the garbage collector does not look at a million of them, and
// takes two cache lines, which a processor fetches at once.
type node struct {
	ino      lowlevel.Ino
	nlookup  uint64
	parent   index // 0: the root, or no name left
	next     index // in a chain of the table, or of what is free
	hash     uint32
	children int32  // nodes whose parent this is
	opens    int32  // open files
	lock     int32  // operations whose path ends here; -1: one that changes its name
	wanted   int32  // operations that wait to change its name: no new ones may take it into their path
	busy     uint32 // where it is in tree.busy, if lock > 0
	live     bool   // it is in use
	hidden   bool   // removed while it was open, and renamed instead
	kept     bool   // not to be dropped when the kernel forgets it
	dir      bool   // it was a directory when it was looked up
	extra    bool   // it has a nodeExtra
	old      bool   // it is in tree.old
	size     uint16 // of the name
	short    [shortName]byte
	remembered
}

// shortName is how long a name may be that a node has in itself.
const shortName = 56

// nodeExtra is what few nodes have.
type nodeExtra struct {
	seen  cachedStat // of Config.AutoCache
	locks lockList   // POSIX locks
	last  *Stat      // of a directory that was removed
}

func newTree() *tree {
	t := &tree{
		inodes: newNodeStore(),
		hidden: map[*node]struct{}{},
	}
	t.names = newNameTable(&t.inodes)
	t.old.store = &t.inodes
	t.root = t.inodes.take()
	t.root.nlookup = 1
	return t
}

// node returns the node of an inode.
func (t *tree) node(ino lowlevel.Ino) (*node, error) {
	n := t.inodes.inode(ino)
	if n == nil {
		return nil, syscall.ESTALE
	}
	return n, nil
}

// parent returns the directory that a node is in; nil: it is the root, or has no name left.
func (t *tree) parent(n *node) *node { return t.inodes.at(n.parent) }

// name returns a node's name.
func (t *tree) name(n *node) string { return string(n.head()) + t.inodes.tail(n) }

// head is the name, or as much of it as the node has room for.
func (n *node) head() []byte { return n.short[:min(n.size, shortName)] }

// isChild reports whether a node has a name in a directory.
func (t *tree) isChild(n *node, parent index, name string) bool {
	if n.parent != parent || int(n.size) != len(name) {
		return false
	}
	head := n.head()
	return string(head) == name[:len(head)] && t.inodes.tail(n) == name[len(head):]
}

// setName says what it is called, and where.
func (t *tree) setName(n, parent *node, name string) {
	t.clearName(n)
	n.parent, n.size, n.hash = parent.index(), uint16(len(name)), hashName(parent.index(), name)
	copy(n.short[:], name)
	if len(name) > shortName {
		t.inodes.setTail(n, strings.Clone(name[shortName:]))
	}
	t.names.put(n)
}

// clearName undoes it, if it was done.
func (t *tree) clearName(n *node) {
	if n.parent == 0 {
		return
	}
	t.names.remove(n)
	if n.size > shortName {
		t.inodes.setTail(n, "")
	}
	n.parent, n.size = 0, 0
}

// child returns the node of a name in a directory, or nil.
func (t *tree) child(parent *node, name string) *node { return t.childOf(parent.index(), name) }

func (t *tree) childOf(parent index, name string) *node {
	hash := hashName(parent, name)
	for n := t.inodes.at(*t.names.bucket(hash)); n != nil; n = t.inodes.at(n.next) {
		if n.hash == hash && t.isChild(n, parent, name) {
			return n
		}
	}
	return nil
}

// find returns the node of a name, which is made if there is none. Without a lookup or children, drop must follow.
func (t *tree) find(parent *node, name string) *node {
	if n := t.child(parent, name); n != nil {
		return n
	}
	n := t.inodes.take()
	t.attach(n, parent, name)
	return n
}

// attach gives a node its name.
func (t *tree) attach(n, parent *node, name string) {
	t.setName(n, parent, name)
	parent.children++
}

// detach takes a node's name. The node must not be in the path of an operation.
func (t *tree) detach(n *node) {
	parent := t.parent(n)
	if parent == nil {
		return
	}
	t.clearName(n)
	parent.children--
	t.drop(parent)
}

// setHidden says whether a node was removed while it was open, and renamed instead.
func (t *tree) setHidden(n *node, hidden bool) {
	if hidden {
		t.hidden[n] = struct{}{}
	} else if n.hidden {
		delete(t.hidden, n)
	}
	n.hidden = hidden
}

// drop forgets a node that nobody needs.
func (t *tree) drop(n *node) {
	if n.nlookup > 0 || n.kept || n.children > 0 || n.lock != 0 || n.wanted > 0 || n == t.root {
		return
	}
	t.detach(n)
	t.setHidden(n, false)
	t.inodes.giveBack(n)
}

// count adds a lookup.
func (t *tree) count(n *node) {
	if t.keeps && n.nlookup == 0 {
		t.old.remove(n)
		n.kept = n.parent != 0
	}
	n.nlookup++
}

// forget takes back lookups.
func (t *tree) forget(ino lowlevel.Ino, nlookup uint64) {
	n := t.inodes.inode(ino)
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
	t.clearName(b)
	t.setName(a, newParent, newName)
	t.setName(b, parent, name)
	t.drop(a)
	t.drop(b)
}

// path returns the path of a name in a directory; of the directory itself without a name. ESTALE: the directory has none.
func (t *tree) path(dir *node, name string) (string, error) {
	path, _, err := t.freePath(dir, name)
	return path, err
}

// freePath also reports whether nobody changes it or waits to.
func (t *tree) freePath(dir *node, name string) (path string, free bool, err error) {
	t.buf.reset()
	if name != "" || dir == t.root {
		prepend(&t.buf, name, "")
	}
	free = true
	for n := dir; n != t.root; {
		if n.parent == 0 {
			return "", false, syscall.ESTALE
		}
		free = free && n.lock >= 0 && n.wanted == 0
		prepend(&t.buf, n.head(), t.inodes.tail(n))
		n = t.parent(n)
	}
	return t.buf.String(), free, nil
}

// pathBuf is where a path grows from its end. It keeps paths that it has made, so that one that comes again costs no allocation.
type pathBuf struct {
	bytes  []byte
	start  int
	recent [256]string // by hash
}

func (b *pathBuf) reset() { b.start = len(b.bytes) }

// prepend puts a slash and a name, in two parts, before what there is.
func prepend[T string | []byte](b *pathBuf, head T, tail string) {
	size := 1 + len(head) + len(tail)
	if b.start < size {
		b.grow(size)
	}
	b.start -= size
	b.bytes[b.start] = '/'
	n := 1 + copy(b.bytes[b.start+1:], head)
	if tail != "" {
		copy(b.bytes[b.start+n:], tail)
	}
}

func (b *pathBuf) grow(by int) {
	bigger := make([]byte, max(256, 2*len(b.bytes)+by))
	start := len(bigger) - (len(b.bytes) - b.start)
	copy(bigger[start:], b.bytes[b.start:])
	b.bytes, b.start = bigger, start
}

func (b *pathBuf) String() string {
	path := b.bytes[b.start:]
	recent := &b.recent[maphash.Bytes(hashSeed, path)%uint64(len(b.recent))]
	if *recent != string(path) {
		*recent = string(path)
	}
	return *recent
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
