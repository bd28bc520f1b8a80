package highlevel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// dentry is what a kernel knows of a name. Its locks are those that a kernel takes, or fewer.
type dentry struct {
	dir     sync.RWMutex // the names in it: held for reading by lookups and listings, else for writing
	use     sync.RWMutex // ino: held for reading while a request is about it
	ino     uint64       // 0: not looked up
	blocks  uint64       // tells one file from another
	removed atomic.Bool
	opens   atomic.Int32

	mu   sync.Mutex
	kids map[string]*dentry // nil: no directory
}

func (d *dentry) kid(name string) *dentry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kids[name]
}

func (d *dentry) set(name string, kid *dentry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if kid == nil {
		delete(d.kids, name)
	} else {
		d.kids[name] = kid
	}
}

func (d *dentry) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.kids))
}

// model is a kernel's part: dentries, and open files.
type model struct {
	*rig
	names sync.RWMutex // held for writing by renames from one directory to another
	root  *dentry
	steps atomic.Int64
}

// client is one of those that use the filesystem at the same time.
type client struct {
	*model
	rnd  *rand.Rand
	open []openFile
}

type openFile struct {
	d   *dentry
	ino uint64
	fh  uint64
}

func (c *client) errorf(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf(format, args...)
}

func (c *client) name() string { return string(rune('a' + c.rnd.IntN(6))) }

// someDir returns a directory that has been looked up.
func (c *client) someDir() *dentry {
	d := c.root
	for range c.rnd.IntN(4) {
		if kid := d.kid(c.name()); kid != nil && kid.kids != nil {
			d = kid
		}
	}
	return d
}

// some returns a dentry, which may be being removed.
func (c *client) some() *dentry {
	d := c.someDir()
	if kid := d.kid(c.name()); kid != nil {
		return kid
	}
	return d
}

// with runs f while d is not forgotten, if it is known.
func (d *dentry) with(f func(ino uint64)) {
	d.use.RLock()
	defer d.use.RUnlock()
	if d.ino != 0 {
		f(d.ino)
	}
}

// learn takes the answer to a request for a name.
func (c *client) learn(d *dentry, what string, e fusetest.EntryOut) {
	d.use.Lock()
	defer d.use.Unlock()
	if d.ino != 0 && d.ino != e.NodeID {
		c.errorf("%s: got node %d, want %d", what, e.NodeID, d.ino)
	}
	if d.blocks != 0 && d.blocks != e.Attr.Blocks {
		c.errorf("%s: got file %d, want %d", what, e.Attr.Blocks, d.blocks)
	}
	d.ino, d.blocks = e.NodeID, e.Attr.Blocks
}

func (c *client) expect(what string, reply fusetest.Reply, want ...syscall.Errno) bool {
	if !slices.Contains(want, reply.Errno) {
		c.errorf("%s: got %v, want one of %v", what, reply, want)
	}
	return reply.Errno == 0
}

func (c *client) lookup() {
	d, name := c.someDir(), c.name()
	c.names.RLock()
	defer c.names.RUnlock()
	d.dir.RLock()
	defer d.dir.RUnlock()
	d.with(func(ino uint64) {
		kid := d.kid(name)
		want := syscall.Errno(0)
		if kid == nil {
			want = syscall.ENOENT
		}
		if d.removed.Load() {
			return
		}
		reply := c.call(fusetest.Lookup(ino, name))
		if c.expect("lookup", reply, want) && kid != nil {
			e, _ := reply.Entry()
			c.learn(kid, "lookup", e)
		}
	})
}

// change runs f for a directory whose names it may change.
func (c *client) change(f func(d *dentry, ino uint64)) {
	d := c.someDir()
	c.names.RLock()
	defer c.names.RUnlock()
	d.dir.Lock()
	defer d.dir.Unlock()
	if !d.removed.Load() {
		d.with(func(ino uint64) { f(d, ino) })
	}
}

func (c *client) create() {
	c.change(func(d *dentry, ino uint64) {
		name := c.name()
		if d.kid(name) != nil {
			c.expect("mkdir of what there is", c.call(fusetest.Mkdir(ino, fusetest.MkdirIn{}, name)), syscall.EEXIST)
			return
		}
		kid := &dentry{}
		var e fusetest.EntryOut
		switch c.rnd.IntN(4) {
		case 0:
			kid.kids = map[string]*dentry{}
			e, _ = c.want(0, fusetest.Mkdir(ino, fusetest.MkdirIn{Mode: 0o755}, name)).Entry()
		case 1:
			e, _ = c.want(0, fusetest.Mknod(ino, fusetest.MknodIn{Mode: unix.S_IFREG | 0o644}, name)).Entry()
		default:
			var o fusetest.OpenOut
			e, o, _ = c.want(0, fusetest.Create(ino, createIn, name)).Create()
			c.opened(kid, e.NodeID, o.Fh)
		}
		c.learn(kid, "create", e)
		d.set(name, kid)
	})
}

func (c *client) link() {
	source := c.some()
	if source.kids != nil {
		return
	}
	c.change(func(d *dentry, ino uint64) {
		name := c.name()
		if d.kid(name) != nil {
			return
		}
		source.with(func(old uint64) {
			reply := c.call(fusetest.Link(ino, old, name))
			want := []syscall.Errno{0}
			if source.removed.Load() {
				want = append(want, syscall.ESTALE, syscall.ENOENT)
			}
			if c.expect("link", reply, want...) {
				kid := &dentry{blocks: source.blocks}
				e, _ := reply.Entry()
				c.learn(kid, "link", e)
				d.set(name, kid)
			}
		})
	})
}

func (c *client) remove() {
	c.change(func(d *dentry, ino uint64) {
		name := c.name()
		kid := d.kid(name)
		switch {
		case kid == nil:
			c.expect("unlink of nothing", c.call(fusetest.Unlink(ino, name)), syscall.ENOENT)
		case kid.kids == nil:
			kid.removed.Store(true)
			c.expect("unlink", c.call(fusetest.Unlink(ino, name)), 0)
			d.set(name, nil)
		default:
			kid.dir.Lock()
			defer kid.dir.Unlock()
			if len(kid.names()) > 0 {
				c.expect("rmdir", c.call(fusetest.Rmdir(ino, name)), syscall.ENOTEMPTY)
				return
			}
			kid.removed.Store(true)
			c.expect("rmdir", c.call(fusetest.Rmdir(ino, name)), 0)
			d.set(name, nil)
		}
	})
}

// renameIn renames within a directory.
func (c *client) renameIn() {
	c.change(func(d *dentry, ino uint64) { c.rename(d, ino, d, ino) })
}

// renameAcross renames from one directory to another, while no other names change.
func (c *client) renameAcross() {
	a, b := c.someDir(), c.someDir()
	c.names.Lock()
	defer c.names.Unlock()
	if a != b && !a.removed.Load() && !b.removed.Load() {
		a.with(func(from uint64) { b.with(func(to uint64) { c.rename(a, from, b, to) }) })
	}
}

func (c *client) rename(a *dentry, from uint64, b *dentry, to uint64) {
	name, newName := c.name(), c.name()
	flags := []uint32{0, 0, 0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE}[c.rnd.IntN(5)]
	source, target := a.kid(name), b.kid(newName)
	exchange := flags == unix.RENAME_EXCHANGE
	switch {
	case source == nil, source == target, exchange && target == nil, source.has(b), target != nil && target.has(a):
		return // the kernel would not ask
	case target != nil && target.blocks == source.blocks: // links to one file, or not known
		return
	case !exchange && target != nil && (target.kids == nil) != (source.kids == nil):
		return
	}
	if a == b && target != nil && target.kids != nil {
		target.dir.Lock() // across directories nothing changes anyway
		defer target.dir.Unlock()
	}
	want := syscall.Errno(0)
	switch {
	case target != nil && flags == unix.RENAME_NOREPLACE:
		want = syscall.EEXIST
	case target != nil && !exchange && len(target.names()) > 0:
		want = syscall.ENOTEMPTY
	case target != nil && !exchange:
		target.removed.Store(true)
	}
	reply := c.call(fusetest.Rename2(from, fusetest.Rename2In{Newdir: to, Flags: flags}, name, newName))
	if c.expect("rename", reply, want) {
		a.set(name, nil)
		if exchange {
			a.set(name, target)
		}
		b.set(newName, source)
	}
}

// has reports whether other is d, or below it.
func (d *dentry) has(other *dentry) bool {
	if d == other {
		return true
	}
	for _, name := range d.names() {
		if kid := d.kid(name); kid != nil && kid.has(other) {
			return true
		}
	}
	return false
}

// getattr goes by inode, whatever is being renamed: that is what paths are locked for.
func (c *client) getattr() {
	d := c.some()
	d.with(func(ino uint64) {
		reply := c.call(fusetest.Getattr(ino, fusetest.GetattrIn{}))
		if d.removed.Load() {
			return
		}
		if c.expect("getattr", reply, 0) {
			if a, _ := reply.Attr(); a.Attr.Blocks != d.blocks {
				c.errorf("getattr of %d: got file %d, want %d", ino, a.Attr.Blocks, d.blocks)
			}
		}
	})
}

func (c *client) opened(d *dentry, ino, fh uint64) {
	d.opens.Add(1)
	c.open = append(c.open, openFile{d, ino, fh})
}

func (c *client) openOrClose() {
	if len(c.open) > 0 && c.rnd.IntN(2) == 0 || len(c.open) > 20 {
		i := c.rnd.IntN(len(c.open))
		o := c.open[i]
		c.open = slices.Delete(c.open, i, i+1)
		c.want(0, fusetest.Read(o.ino, fusetest.ReadIn{Fh: o.fh, Size: 4}))
		c.release(o.ino, o.fh)
		o.d.opens.Add(-1)
		return
	}
	d := c.some()
	if d.kids != nil {
		return
	}
	d.use.RLock()
	ino := d.ino
	if ino == 0 {
		d.use.RUnlock()
		return
	}
	defer d.use.RUnlock()
	reply := c.call(fusetest.Open(ino, fusetest.OpenIn{}))
	if reply.Errno == 0 {
		o, _ := reply.Open()
		c.opened(d, ino, o.Fh)
	} else if !d.removed.Load() {
		c.errorf("open: got %v, want success", reply)
	}
}

func (c *client) list() {
	d := c.someDir()
	c.names.RLock()
	defer c.names.RUnlock()
	d.dir.RLock()
	defer d.dir.RUnlock()
	if d.removed.Load() {
		return
	}
	d.with(func(ino uint64) {
		o, _ := c.want(0, fusetest.Opendir(ino, fusetest.OpenIn{})).Open()
		list, _ := c.want(0, fusetest.Readdirplus(ino, fusetest.ReadIn{Fh: o.Fh, Size: 16 << 10})).DirentsPlus()
		var names []string
		for _, e := range list {
			if strings.HasPrefix(e.Name, ".") {
				continue
			}
			names = append(names, e.Name)
			if kid := d.kid(e.Name); kid != nil {
				c.learn(kid, "readdirplus", e.Entry)
			}
		}
		if want := d.names(); !slices.Equal(names, want) {
			c.errorf("names: got %v, want %v", names, want)
		}
		c.want(0, fusetest.Releasedir(ino, fusetest.ReleaseIn{Fh: o.Fh}))
	})
}

// forgetOne has the kernel forget a file that nobody uses.
func (c *client) forgetOne() {
	c.change(func(d *dentry, _ uint64) {
		kid := d.kid(c.name())
		if kid == nil || kid.kids != nil {
			return
		}
		kid.use.Lock()
		defer kid.use.Unlock()
		if kid.ino == 0 || kid.opens.Load() > 0 {
			return
		}
		c.mu.Lock()
		n := c.counts[kid.ino]
		delete(c.counts, kid.ino)
		c.mu.Unlock()
		c.send(fusetest.Forget(kid.ino, n))
		kid.ino = 0
	})
}

func (c *client) run(until time.Time) {
	acts := []func(){
		c.lookup, c.lookup, c.create, c.create, c.link, c.remove, c.renameIn, c.renameIn, c.renameAcross,
		c.getattr, c.getattr, c.getattr, c.openOrClose, c.openOrClose, c.openOrClose, c.list, c.forgetOne,
	}
	for time.Now().Before(until) && !c.t.Failed() {
		acts[c.rnd.IntN(len(acts))]()
		c.steps.Add(1)
	}
	for _, o := range c.open {
		c.release(o.ino, o.fh)
	}
}

// TestModel_RandomConcurrentOperations.
func TestModel_RandomConcurrentOperations(t *testing.T) {
	for _, nullpath := range []bool{false, true} {
		t.Run(fmt.Sprintf("nullpath_ok %v", nullpath), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			mem := newMemFS()
			mem.quiet = true
			mem.before = func(string, string) error {
				runtime.Gosched() // a path that changes now is found out
				return nil
			}
			m := &model{
				rig:  newRig(t, mem, func(_ *Operations, cfg *Config) { cfg.NullpathOK = nullpath }),
				root: &dentry{ino: 1, kids: map[string]*dentry{}},
			}
			m.root.blocks = uint64(mem.root.Blocks)
			var wg sync.WaitGroup
			until := time.Now().Add(1500 * time.Millisecond)
			for i := range 8 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					c := &client{model: m, rnd: rand.New(rand.NewPCG(seed, uint64(i)))}
					c.run(until)
				}()
			}
			wg.Wait()
			t.Logf("%d steps, %d files, %d nodes", m.steps.Load(), len(mem.list()), m.fs.tree.inodes.len())
			m.compare()
		})
	}
}

// compare finds that the tree is what the kernel knows, and that nothing is left over.
func (m *model) compare() {
	paths := map[string]uint64{}
	var visit func(prefix string, d *dentry)
	visit = func(prefix string, d *dentry) {
		for _, name := range d.names() {
			kid := d.kid(name)
			paths[prefix+name] = kid.ino
			visit(prefix+name+"/", kid)
		}
	}
	visit("/", m.root)
	sameList(m.t, "files", m.mem.list(), slices.Sorted(maps.Keys(paths)))
	for path, ino := range paths {
		if ino != 0 {
			same(m.t, "path of the node", m.path(ino), path)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.fs.tree
	fusetest.Eventually(m.t, testTimeout, "all forgets", func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.inodes.len() == len(m.counts)+1
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := range t.inodes.all() {
		ino := n.ino
		if n != t.root {
			same(m.t, fmt.Sprintf("lookups of node %d (%q)", ino, t.name(n)), n.nlookup, m.counts[uint64(ino)])
		}
		same(m.t, fmt.Sprintf("locks, waiters, open files of node %d", ino), [3]int32{n.lock, n.wanted, n.opens}, [3]int32{})
		same(m.t, fmt.Sprintf("node %d (%q) is hidden", ino, t.name(n)), n.hidden && n.parent != 0, false)
	}
	for ino := range m.counts {
		if t.inodes.inode(Ino(ino)) == nil {
			m.t.Errorf("node %d: got none, but the kernel knows it", ino)
		}
	}
	same(m.t, "waiters", len(t.waiting), 0)
}
