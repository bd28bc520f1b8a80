package sqfs

import "bytes"

// Dir reads the entries of a directory: sqfs_dir. It must be closed.
type Dir struct {
	fs     *FS
	r      mdReader
	offset int64 // in the directory, in bytes
	total  int64
	header dirHeader
	left   uint32 // entries below the header that are yet to come
	name   [NameMax]byte
}

// DirEntry is an entry of a directory: sqfs_dir_entry.
type DirEntry struct {
	// Name is valid until the next entry is read.
	Name []byte
	// Inode is the ID of the inode, Number its number.
	Inode  InodeID
	Number uint32
	// Mode is the type of the inode, as in st_mode.
	Mode uint32
	// NextOffset is where the entry after this one is.
	NextOffset int64
}

// emptyDirSize is the size of a directory without entries. "." and ".." count, but are not there.
const emptyDirSize = 3

// OpenDir begins to read a directory, at an offset that was an entry's NextOffset, or 0: sqfs_dir_open.
func (fs *FS) OpenDir(i *Inode, offset int64) (*Dir, error) {
	if !i.IsDir() {
		return nil, corrupt("a directory that is none")
	}
	d := &Dir{fs: fs, total: max(0, int64(i.dirSize)-emptyDirSize)}
	at, err := fs.dirIndexByOffset(i, offset)
	if err != nil {
		return nil, err
	}
	d.start(i, at)
	var e DirEntry
	for d.offset < offset {
		if more, err := d.Next(&e); err != nil || !more {
			d.Close()
			return d, err
		}
	}
	return d, nil
}

// start places the reader where an index entry says.
func (d *Dir) start(i *Inode, at dirIndexEntry) {
	d.offset = int64(at.offset)
	d.r = d.fs.mdReader(Cursor{tablePos(d.fs.SB.DirectoryTableStart, at.block), (int(i.dirOffset) + int(at.offset)) % metadataSize})
}

// Close gives back what d holds.
func (d *Dir) Close() { d.r.close() }

// Next reads the next entry, and reports whether there was one: sqfs_dir_next.
func (d *Dir) Next(e *DirEntry) (bool, error) {
	if d.left == 0 {
		if d.offset >= d.total {
			return false, nil
		}
		if err := d.readHeader(); err != nil {
			return false, err
		}
	}
	d.left--
	var b [dirEntrySize]byte
	var entry dirEntry
	if err := d.read(b[:]); err != nil {
		return false, err
	}
	entry.decode(&b)
	size := int(entry.size) + 1
	if size > NameMax {
		return false, corrupt("length of a name")
	}
	e.Name = d.name[:size]
	if err := d.read(e.Name); err != nil {
		return false, err
	}
	e.Inode = InodeID(d.header.startBlock)<<16 | InodeID(entry.offset)
	e.Number = d.header.inodeNumber + uint32(int32(entry.inodeNumber))
	e.Mode = modeOf(int(entry.inodeType))
	e.NextOffset = d.offset
	return true, checkEntry(e)
}

func (d *Dir) readHeader() error {
	var b [dirHeaderSize]byte
	if err := d.read(b[:]); err != nil {
		return err
	}
	d.header.decode(&b)
	if d.header.count >= dirHeaderMax {
		return corrupt("number of entries")
	}
	d.left = d.header.count + 1
	return nil
}

func (d *Dir) read(dst []byte) error {
	d.offset += int64(len(dst))
	return d.r.read(dst)
}

// checkEntry refuses what would be a way out of the directory.
func checkEntry(e *DirEntry) error {
	switch {
	case bytes.IndexByte(e.Name, '/') >= 0 || bytes.IndexByte(e.Name, 0) >= 0 || string(e.Name) == "." || string(e.Name) == "..":
		return corrupt("a name")
	case e.Mode == 0:
		return corrupt("type of an entry")
	}
	return nil
}

// Lookup finds a name in a directory: sqfs_dir_lookup.
func (fs *FS) Lookup(i *Inode, name string) (e DirEntry, found bool, err error) {
	if !i.IsDir() {
		return e, false, corrupt("a directory that is none")
	}
	at, err := fs.dirIndexByName(i, name)
	if err != nil {
		return e, false, err
	}
	d := Dir{fs: fs, total: max(0, int64(i.dirSize)-emptyDirSize)}
	d.start(i, at)
	defer d.Close()
	for {
		if more, err := d.Next(&e); err != nil || !more {
			return e, false, err
		}
		switch { // sorted by name
		case string(e.Name) == name:
			return e, true, nil
		case string(e.Name) > name:
			return e, false, nil
		}
	}
}

// dirIndexEntry says where in a directory a block of metadata begins: struct squashfs_dir_index.
type dirIndexEntry struct {
	offset uint32
	block  uint32
}

// dirIndexByOffset returns the last entry of a directory's index that is not beyond offset.
func (fs *FS) dirIndexByOffset(i *Inode, offset int64) (dirIndexEntry, error) {
	return fs.dirIndexSearch(i, func(at dirIndexEntry, _ []byte) bool { return int64(at.offset) > offset })
}

// dirIndexByName returns the last entry whose block begins with name, or one before it.
func (fs *FS) dirIndexByName(i *Inode, name string) (dirIndexEntry, error) {
	return fs.dirIndexSearch(i, func(_ dirIndexEntry, first []byte) bool { return string(first) > name })
}

// dirIndexSearch returns the last entry of a directory's index before the first that is beyond what is looked for: dir_ff in C.
func (fs *FS) dirIndexSearch(i *Inode, beyond func(at dirIndexEntry, first []byte) bool) (dirIndexEntry, error) {
	last := dirIndexEntry{block: i.dirBlock}
	r := fs.mdReader(i.next)
	defer r.close()
	for range i.dirIndex {
		var b [dirIndexSize]byte
		if err := r.read(b[:]); err != nil {
			return last, err
		}
		at := dirIndexEntry{le.Uint32(b[:]), le.Uint32(b[4:])}
		size := le.Uint32(b[8:])
		if size >= NameMax {
			return last, corrupt("length of a name")
		}
		var name [NameMax]byte
		if err := r.read(name[:size+1]); err != nil {
			return last, err
		}
		if beyond(at, name[:size+1]) {
			break
		}
		last = at
	}
	return last, nil
}
