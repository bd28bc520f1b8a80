package sqfs

import "sync"

// A file's blocks are one behind the other, so that where a block is, is the sum of the sizes of all before it. For large files sqfs_blockidx remembers
// some of the sums; so does this.

// indexStep is how many blocks are between two places that are remembered: as many as there are sizes in a block of metadata.
const indexStep = metadataSize / 4

const (
	indexMax = 1 << 16 // places that are remembered of a file
	filesMax = 16      // files of which some are
)

// blockIndex is what is remembered of a file: place k is that of block k*indexStep.
type blockIndex struct {
	mu     sync.Mutex
	places []blockPlace
}

// blockPlace is sqfs_blockidx_entry.
type blockPlace struct {
	sizes Cursor // where the sizes of the block and those after it are
	pos   int64  // where the block is
}

// indexes are those of the files that were used last, by where their sizes begin.
type indexes struct {
	mu    sync.Mutex
	files map[Cursor]*blockIndex
}

func (x *indexes) of(i *Inode) *blockIndex {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.files[i.next]; ok {
		return f
	}
	if x.files == nil || len(x.files) >= filesMax {
		x.files = map[Cursor]*blockIndex{}
	}
	f := &blockIndex{places: []blockPlace{{i.next, int64(i.startBlock)}}}
	x.files[i.next] = f
	return f
}

// blocklistAt returns the list of a file's blocks from block number n on: sqfs_blockidx_blocklist.
func (fs *FS) blocklistAt(i *Inode, n int64) (blocklist, error) {
	count := fs.blocklistCount(i)
	if i.startBlock > uint64(fs.size) {
		return blocklist{}, corrupt("place of a file")
	}
	l := blocklist{remain: count, r: fs.mdReader(i.next), after: int64(i.startBlock)}
	n = min(n, count)
	if n >= indexStep {
		if err := fs.indexes.of(i).seek(&l, n/indexStep); err != nil {
			return l, err
		}
	}
	if err := l.skip(n - l.number); err != nil {
		l.close()
		return l, err
	}
	return l, nil
}

// seek goes to place k, or as far as is remembered: sqfs_blockidx_add.
func (x *blockIndex) seek(l *blocklist, k int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	known := min(k, int64(len(x.places))-1)
	l.seek(x.places[known], known)
	for ; known < k && len(x.places) < indexMax; known++ {
		if err := l.skip(indexStep); err != nil {
			l.close()
			return err
		}
		x.places = append(x.places, blockPlace{l.r.cur, l.after})
	}
	return nil
}

func (l *blocklist) seek(p blockPlace, k int64) {
	l.r.close()
	l.r.cur, l.after = p.sizes, p.pos
	l.number, l.remain = k*indexStep, l.remain+l.number-k*indexStep
}
