package sqfs

import (
	"sync"
	"sync/atomic"
)

// cache keeps the blocks that were used last, by where they are in the archive: sqfs_cache. In C it belongs to one thread, who searches it from end to end; here
// it is for all of them. The lock is held to find a block, never to read or to decompress one: whoever wants a block that somebody is loading waits for that block alone.
type cache struct {
	load func(b *block, pos int64, header uint32) error
	max  int
	pool bufPool

	mu     sync.Mutex
	blocks map[int64]*block
	ring   block // the list's ends: older is the block used last, newer the one not used for longest
}

// block is a block in a cache: sqfs_block, with what sqfs_cache knows of it.
type block struct {
	data []byte // not to be changed
	next int64  // metadata: where the next block begins

	buf    *[]byte // whose beginning data is
	pos    int64
	refs   atomic.Int32  // those who use it, and the cache
	loaded chan struct{} // closed when data or err is there
	done   atomic.Bool   // the same, and costs less to ask
	err    error

	newer, older *block // in the list, guarded by the cache's mu
}

// newCache makes a cache for up to count blocks, of up to size bytes each: sqfs_cache_init.
func newCache(size, count int, load func(*block, int64, uint32) error) *cache {
	c := &cache{load: load, max: max(count, 8), pool: bufPool{size: size}, blocks: map[int64]*block{}}
	c.ring.newer, c.ring.older = &c.ring, &c.ring
	return c
}

// get returns the block at pos, which must be released. header is passed on to load.
func (c *cache) get(pos int64, header uint32) (*block, error) {
	c.mu.Lock()
	b, ok := c.blocks[pos]
	if ok {
		b.refs.Add(1)
		b.unlink()
		c.link(b)
		c.mu.Unlock()
		if !b.done.Load() {
			<-b.loaded
		}
	} else {
		b = c.add(pos)
		c.mu.Unlock()
		c.fill(b, header)
	}
	if err := b.err; err != nil {
		c.release(b)
		return nil, err
	}
	return b, nil
}

// peek returns the block at pos if it is there, ready to be used.
func (c *cache) peek(pos int64) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.blocks[pos]
	if !ok || !b.done.Load() || b.err != nil {
		return nil
	}
	b.refs.Add(1)
	b.unlink()
	c.link(b)
	return b
}

// add makes a block that is yet to be filled. The lock is held.
func (c *cache) add(pos int64) *block {
	b := &block{pos: pos, buf: c.pool.get(), loaded: make(chan struct{})}
	b.data = *b.buf
	b.refs.Store(2) // the cache and the caller
	c.blocks[pos] = b
	c.link(b)
	if len(c.blocks) > c.max {
		c.drop(c.ring.newer)
	}
	return b
}

// fill loads a block. One that cannot be loaded does not stay in the cache.
func (c *cache) fill(b *block, header uint32) {
	b.err = c.load(b, b.pos, header)
	b.done.Store(true)
	close(b.loaded)
	if b.err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blocks[b.pos] == b {
		c.drop(b)
	}
}

// drop takes a block out of the cache. The lock is held.
func (c *cache) drop(b *block) {
	delete(c.blocks, b.pos)
	b.unlink()
	c.release(b)
}

// release gives back a block: sqfs_block_dispose.
func (c *cache) release(b *block) {
	if b.refs.Add(-1) == 0 {
		c.pool.put(b.buf)
		b.buf, b.data = nil, nil
	}
}

func (c *cache) link(b *block) {
	b.newer, b.older = &c.ring, c.ring.older
	b.newer.older, b.older.newer = b, b
}

func (b *block) unlink() { b.newer.older, b.older.newer = b.older, b.newer }

// bufPool keeps buffers of one size.
type bufPool struct {
	size int
	pool sync.Pool
}

func (p *bufPool) get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, p.size)
	return &b
}

func (p *bufPool) put(b *[]byte) { p.pool.Put(b) }
