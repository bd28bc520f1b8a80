// Package sqfs reads SquashFS 4.0 archives. It is libsquashfuse in Go, with its parts under their names: FS is sqfs, Inode sqfs_inode, Dir sqfs_dir and so on.
//
// All of it may be used by any number of goroutines at a time, but for a Dir, which belongs to one. Nothing that stands in an archive is trusted: what is
// wrong there makes errors.
package sqfs

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// Errors, as far as somebody wants to tell them apart: sqfs_err. Anything else that is wrong with an archive is a *CorruptError, or what reading has returned.
var (
	// ErrFormat says that it is no SquashFS archive: SQFS_BADFORMAT.
	ErrFormat = errors.New("not a squashfs archive")
	// ErrNoXattr says that there is no extended attribute of that name.
	ErrNoXattr = errors.New("no such extended attribute")
)

// VersionError says that it is an archive of a version that nobody here reads: SQFS_BADVERSION.
type VersionError struct{ Major, Minor int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("squashfs version %d.%d is not supported", e.Major, e.Minor)
}

// CompressionError says that an archive is compressed in a way that nobody here can undo: SQFS_BADCOMP.
type CompressionError struct{ Type Compression }

func (e *CompressionError) Error() string { return e.Type.String() + " compression is not supported" }

// CorruptError says what in an archive cannot be: SQFS_ERR.
type CorruptError struct{ What string }

func (e *CorruptError) Error() string { return "corrupt archive: " + e.What }

func corrupt(what string) error { return &CorruptError{what} }

// FS is an open archive: struct sqfs.
type FS struct {
	// SB is what the archive says of itself.
	SB SuperBlock

	r      io.ReaderAt
	offset int64 // of the archive in r
	size   int64 // from there to the end of r

	idTable    table
	fragTable  table
	xattrTable table
	xattrStart int64 // of what the xattr table points into

	mdCache    *cache
	dataCache  *cache
	fragCache  *cache
	indexes    indexes
	decompress decompressor
	inputs     bufPool // for what is to be decompressed
}

// New opens the archive that begins at offset in r, which has size bytes in all: sqfs_init.
//
// Errors: ErrFormat, *VersionError, *CompressionError, *CorruptError, those of r.
func New(r io.ReaderAt, size, offset int64) (*FS, error) {
	if offset < 0 || offset > size {
		return nil, ErrFormat
	}
	fs := &FS{r: r, offset: offset, size: size - offset}
	if err := fs.readSuperBlock(); err != nil {
		return nil, err
	}
	var err error
	if fs.decompress, err = newDecompressor(Compression(fs.SB.Compression)); err != nil {
		return nil, err
	}
	fs.inputs.size = max(int(fs.SB.BlockSize), metadataSize)
	fs.initCaches()
	return fs, fs.readTables()
}

func (fs *FS) readSuperBlock() error {
	var b [superBlockSize]byte
	if err := fs.readAt(b[:], 0); err != nil {
		return ErrFormat
	}
	sb := &fs.SB
	sb.Magic, sb.Inodes, sb.MkfsTime, sb.BlockSize = le.Uint32(b[0:]), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])
	sb.Fragments, sb.Compression, sb.BlockLog = le.Uint32(b[16:]), le.Uint16(b[20:]), le.Uint16(b[22:])
	sb.Flags, sb.IDs, sb.Major, sb.Minor = le.Uint16(b[24:]), le.Uint16(b[26:]), le.Uint16(b[28:]), le.Uint16(b[30:])
	sb.RootInode, sb.BytesUsed = le.Uint64(b[32:]), le.Uint64(b[40:])
	sb.IDTableStart, sb.XattrIDTableStart = le.Uint64(b[48:]), le.Uint64(b[56:])
	sb.InodeTableStart, sb.DirectoryTableStart = le.Uint64(b[64:]), le.Uint64(b[72:])
	sb.FragmentTableStart, sb.LookupTableStart = le.Uint64(b[80:]), le.Uint64(b[88:])
	if sb.Magic != magic {
		return ErrFormat
	}
	if sb.Major != majorVersion || sb.Minor > minorVersion {
		return &VersionError{int(sb.Major), int(sb.Minor)}
	}
	return sb.check(fs.size)
}

// check refuses what would make sizes that nothing can have, so that nobody else needs to.
func (sb *SuperBlock) check(size int64) error {
	switch {
	case sb.BlockSize < minBlockSize || sb.BlockSize > maxBlockSize || sb.BlockLog > 31 || sb.BlockSize != 1<<sb.BlockLog:
		return corrupt("block size")
	case sb.InodeTableStart >= uint64(size) || sb.DirectoryTableStart >= uint64(size):
		return corrupt("place of inodes or directories")
	}
	return nil
}

func (fs *FS) readTables() error {
	var err error
	sb := &fs.SB
	if fs.idTable, err = fs.newTable(sb.IDTableStart, 4, int64(sb.IDs)); err != nil {
		return err
	}
	if fs.fragTable, err = fs.newTable(sb.FragmentTableStart, fragEntrySize, int64(sb.Fragments)); err != nil {
		return err
	}
	return fs.initXattr()
}

// The caches' sizes. C has 8 blocks in each: enough for one reader at a time.
const (
	mdCacheSize   = 8 << 20
	dataCacheSize = 16 << 20
	fragCacheSize = 16 << 20
)

func (fs *FS) initCaches() {
	blockSize := int(fs.SB.BlockSize)
	fs.mdCache = newCache(metadataSize, mdCacheSize/metadataSize, fs.loadMetadata)
	fs.dataCache = newCache(blockSize, dataCacheSize/blockSize, fs.loadData)
	fs.fragCache = newCache(blockSize, fragCacheSize/blockSize, fs.loadData)
}

// Root returns the ID of the root directory's inode: sqfs_inode_root.
func (fs *FS) Root() InodeID { return InodeID(fs.SB.RootInode) }

// ID returns the user or group ID with that index: sqfs_id_get.
func (fs *FS) ID(index uint16) (uint32, error) {
	var b [4]byte
	err := fs.idTable.get(fs, uint32(index), b[:])
	return le.Uint32(b[:]), err
}

// readAt fills dst from a place in the archive.
func (fs *FS) readAt(dst []byte, pos int64) error {
	if pos < 0 || pos > fs.size || int64(len(dst)) > fs.size-pos {
		return io.ErrUnexpectedEOF
	}
	n, err := fs.r.ReadAt(dst, fs.offset+pos)
	if n == len(dst) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // somebody has made the file shorter
	}
	return err
}

// readBlock reads a block of size bytes into dst, which is as long as the block can be when decompressed, and returns how long it is: sqfs_block_read.
func (fs *FS) readBlock(dst []byte, pos int64, size int, compressed bool) (int, error) {
	if !compressed {
		if size > len(dst) {
			return 0, corrupt("size of a block")
		}
		return size, fs.readAt(dst[:size], pos)
	}
	if size > fs.inputs.size {
		return 0, corrupt("size of a compressed block")
	}
	in := fs.inputs.get()
	defer fs.inputs.put(in)
	if err := fs.readAt((*in)[:size], pos); err != nil {
		return 0, err
	}
	return fs.decompress.block(dst, (*in)[:size])
}

// dataHeader takes the size of a block of data apart: sqfs_data_header.
func dataHeader(header uint32) (size int, compressed bool) {
	return int(header &^ dataUncompressed), header&dataUncompressed == 0
}

// loadData reads a block of data for the cache: sqfs_data_block_read.
func (fs *FS) loadData(b *block, pos int64, header uint32) error {
	size, compressed := dataHeader(header)
	n, err := fs.readBlock(b.data, pos, size, compressed)
	b.data = b.data[:n]
	return err
}

// loadMetadata reads a block of metadata for the cache: sqfs_md_block_read.
func (fs *FS) loadMetadata(b *block, pos int64, _ uint32) error {
	var h [2]byte
	if err := fs.readAt(h[:], pos); err != nil {
		return err
	}
	header := le.Uint16(h[:])
	size := int(header &^ metadataUncompressed)
	n, err := fs.readBlock(b.data, pos+2, size, header&metadataUncompressed == 0)
	if err != nil {
		return err
	}
	if n == 0 {
		return corrupt("an empty block of metadata")
	}
	b.data = b.data[:n]
	b.next = pos + 2 + int64(size)
	return nil
}

// tablePos returns where something is that begins block bytes after the start of a table.
func tablePos(start uint64, block uint32) int64 {
	if start > math.MaxInt64-math.MaxUint32 {
		return -1 // reading there fails
	}
	return int64(start) + int64(block)
}
