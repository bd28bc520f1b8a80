package notify

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const (
	page  = 4096
	pages = 8 // of each file, when a test begins
	long  = time.Hour
)

// A node is an inode of the filesystem. Requests are written down with its label, the path that it had at first.
type node struct {
	ino     lowlevel.Ino
	label   string
	mode    uint32
	content []byte
	mtime   int64 // seconds
	target  string
	xattr   string
	entries []entry
}

type entry struct {
	name string
	ino  lowlevel.Ino
}

// tree is a filesystem in memory that lets the kernel keep what it knows for an hour, and writes down the requests it gets. Its own methods change it
// behind the kernel's back.
type tree struct {
	setup setup

	mu      sync.Mutex
	nodes   map[lowlevel.Ino]*node
	next    lowlevel.Ino
	log     []string
	forgot  map[lowlevel.Ino]uint64 // how many lookups the kernel has given back
	opens   map[lowlevel.Ino]int    // how often it is open
	looked  map[lowlevel.Ino]uint64 // how many it got
	holds   []*hold
	enabled error // of Enable
}

// setup is what a test needs.
type setup struct {
	enable, disable lowlevel.Cap
	plus            bool // there is a Readdirplus
	maxWrite        uint32
	entryTimeout    time.Duration // 0: an hour
	config          lowlevel.Config
	// ops, if set, changes the handlers.
	ops func(fs *tree, ops *lowlevel.Ops)
}

func newTree(s setup) *tree {
	fs := &tree{setup: s, nodes: map[lowlevel.Ino]*node{}, next: lowlevel.RootIno, forgot: map[lowlevel.Ino]uint64{}, looked: map[lowlevel.Ino]uint64{}, opens: map[lowlevel.Ino]int{}}
	if fs.setup.entryTimeout == 0 {
		fs.setup.entryTimeout = long
	}
	fs.make("", unix.S_IFDIR|0o755)
	for _, dir := range []string{"d", "d/sub", "e"} {
		fs.add(dir, unix.S_IFDIR|0o755)
	}
	for _, file := range []string{"f", "d/f", "d/g", "d/sub/deep"} {
		fs.add(file, unix.S_IFREG|0o644)
	}
	fs.add("link", unix.S_IFLNK|0o777)
	fs.edit("link", func(n *node) { n.target = "target" })
	return fs
}

// make makes an inode without a name.
func (fs *tree) make(label string, mode uint32) lowlevel.Ino {
	ino := fs.next
	fs.next++
	n := &node{ino: ino, label: "/" + label, mode: mode, mtime: 1000, xattr: "old"}
	if mode&unix.S_IFMT == unix.S_IFREG {
		for i := range pages {
			n.content = append(n.content, letters(page, string(rune('a'+i)))...)
		}
	}
	fs.nodes[ino] = n
	return ino
}

// add adds a name with a new inode.
func (fs *tree) add(path string, mode uint32) lowlevel.Ino {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	ino := fs.make(path, mode)
	parent, name := fs.split(path)
	parent.entries = append(parent.entries, entry{name, ino})
	return ino
}

// remove removes a name.
func (fs *tree) remove(path string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	parent, name := fs.split(path)
	parent.remove(name)
}

// replace gives a name another inode. Its label has a star behind it.
func (fs *tree) replace(path string, mode uint32) lowlevel.Ino {
	fs.remove(path)
	ino := fs.add(path, mode)
	fs.edit(path, func(n *node) { n.label += "*" })
	return ino
}

// change changes a file: its letters, and its size and time.
func (fs *tree) change(path, letter string, size int, mtime int64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	n := fs.walk(path)
	n.content, n.mtime = letters(size, letter), mtime
}

// ino returns the inode that has a path now.
func (fs *tree) ino(path string) lowlevel.Ino {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.walk(path).ino
}

// edit changes an inode in another way.
func (fs *tree) edit(path string, f func(n *node)) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f(fs.walk(path))
}

// text describes the content that a file has.
func (fs *tree) text(path string, size int) (text string) {
	fs.edit(path, func(n *node) { text = runs(n.content[:size]) })
	return text
}

// walk is called with mu held.
func (fs *tree) walk(path string) *node {
	n := fs.nodes[lowlevel.RootIno]
	if path == "" {
		return n
	}
	for name := range strings.SplitSeq(path, "/") {
		ino := n.find(name)
		if ino == 0 {
			panic("no such path: " + path)
		}
		n = fs.nodes[ino]
	}
	return n
}

func (fs *tree) split(path string) (parent *node, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return fs.walk(""), path
	}
	return fs.walk(path[:i]), path[i+1:]
}

func (n *node) find(name string) lowlevel.Ino {
	for _, e := range n.entries {
		if e.name == name {
			return e.ino
		}
	}
	return 0
}

func (n *node) remove(name string) {
	for i, e := range n.entries {
		if e.name == name {
			n.entries = append(n.entries[:i:i], n.entries[i+1:]...)
			return
		}
	}
	panic("no such name: " + name)
}

func (n *node) attr() lowlevel.Stat {
	st := lowlevel.Stat{Ino: uint64(n.ino), Mode: n.mode, Nlink: 1, Mtim: unix.Timespec{Sec: n.mtime}, Size: int64(len(n.content))}
	if n.mode&unix.S_IFMT == unix.S_IFLNK {
		st.Size = int64(len(n.target))
	}
	return st
}

// note writes a request down, and does whatever was wanted before it is answered.
func (fs *tree) note(format string, args ...any) *hold {
	request := fmt.Sprintf(format, args...)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.log = append(fs.log, request)
	for i, h := range fs.holds {
		if h.request == request {
			fs.holds = append(fs.holds[:i:i], fs.holds[i+1:]...)
			return h
		}
	}
	return nil
}

// take returns what was written down since the last call.
func (fs *tree) take() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	log := fs.log
	fs.log = nil
	return log
}

// known returns how many lookups of an inode the kernel has not given back.
func (fs *tree) known(ino lowlevel.Ino) uint64 {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.looked[ino] - fs.forgot[ino]
}

// counts returns how many lookups the kernel has not given back, and how many files are open.
func (fs *tree) counts() (lookups uint64, opens int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for ino := range fs.nodes {
		lookups += fs.looked[ino] - fs.forgot[ino]
		opens += fs.opens[ino]
	}
	return lookups, opens
}

// released tells whether a file is not open.
func (fs *tree) released(ino lowlevel.Ino) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.opens[ino] == 0
}

// hold keeps one request from being answered. What the answer is was settled when it came: it tells the state of before.
type hold struct {
	request string
	arrived chan struct{}
	release chan struct{}
	once    sync.Once
}

// hold returns a hold for the next such request.
func (fs *tree) hold(format string, args ...any) *hold {
	h := &hold{request: fmt.Sprintf(format, args...), arrived: make(chan struct{}), release: make(chan struct{})}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.holds = append(fs.holds, h)
	return h
}

// wait is called by the handler, once it knows the answer.
func (h *hold) wait() {
	if h != nil {
		close(h.arrived)
		<-h.release
	}
}

// answer lets the answer go.
func (h *hold) answer() { h.once.Do(func() { close(h.release) }) }

func (n *node) at(off int64) []byte { return n.content[min(off, int64(len(n.content))):] }

// put writes data into a file.
func (n *node) put(data []byte, off int64) {
	end := int(off) + len(data)
	n.resize(max(end, len(n.content)))
	copy(n.content[off:], data)
	n.mtime++
}

func (n *node) resize(size int) {
	n.content = append(n.content, make([]byte, max(0, size-len(n.content)))...)[:size]
}

func span(off int64, size int) string { return strconv.FormatInt(off, 10) + "+" + strconv.Itoa(size) }
