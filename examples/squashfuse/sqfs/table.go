package sqfs

// table is an array in metadata, with a list of the blocks that it is in: sqfs_table.
type table struct {
	each   int // bytes of an element
	count  int64
	blocks []int64
}

// newTable reads the list of blocks that begins at start: sqfs_table_init.
func (fs *FS) newTable(start uint64, each int, count int64) (table, error) {
	t := table{each: each, count: count}
	if count == 0 {
		return t, nil
	}
	n := divceil(count*int64(each), metadataSize)
	if start > uint64(fs.size) || n*8 > fs.size-int64(start) { // before memory is asked for
		return t, corrupt("size of a table")
	}
	list := make([]byte, n*8)
	if err := fs.readAt(list, int64(start)); err != nil {
		return t, err
	}
	t.blocks = make([]int64, n)
	for i := range t.blocks {
		t.blocks[i] = int64(le.Uint64(list[i*8:]))
	}
	return t, nil
}

// get reads an element: sqfs_table_get.
func (t *table) get(fs *FS, index uint32, dst []byte) error {
	if int64(index) >= t.count {
		return corrupt("index into a table")
	}
	pos := int64(index) * int64(t.each)
	return fs.mdRead(Cursor{t.blocks[pos/metadataSize], int(pos % metadataSize)}, dst)
}

// divceil returns how many groups it takes for total: sqfs_divceil.
func divceil(total, group int64) int64 {
	n := total / group
	if total%group != 0 {
		n++
	}
	return n
}
