package highlevel

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"
)

// goFile is an open file of an fs.FS.
type goFile struct {
	fs   fs.FS
	name string
	size int64 // that Stat has said

	at io.ReaderAt // nil: the file has no ReadAt

	mu   sync.Mutex
	file fs.File
	pos  int64  // of file
	seen []byte // what comes before pos, where file cannot seek
}

// keepSeen is how much of a file that cannot seek is kept to go back to. The kernel reads ahead by several requests at a time, which come in any order.
const keepSeen = 512 << 10

func openGoFile(fsys fs.FS, name string) (*goFile, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &goFile{fs: fsys, name: name, file: file, size: info.Size()}
	f.at, _ = file.(io.ReaderAt)
	return f, nil
}

func (f *goFile) stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Stat()
}

func (f *goFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}

// readAt fills dst, but for the end of the file.
func (f *goFile) readAt(dst []byte, off int64) (int, error) {
	n, err := f.readAny(dst, off)
	if off > f.size && errors.Is(err, fs.ErrInvalid) {
		return 0, nil // embed.FS and others complain, where read(2) says that there is nothing
	}
	return n, noEOF(err)
}

func (f *goFile) readAny(dst []byte, off int64) (int, error) {
	if f.at != nil {
		return f.at.ReadAt(dst, off)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if seeker, ok := f.file.(io.Seeker); ok {
		if _, err := seeker.Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
		return io.ReadFull(f.file, dst)
	}
	return f.readOn(dst, off)
}

// readOn reads a file that can only be read from its beginning to its end.
func (f *goFile) readOn(dst []byte, off int64) (int, error) {
	if off < f.pos-int64(len(f.seen)) {
		if err := f.reopen(); err != nil {
			return 0, err
		}
	}
	if err := f.advance(off+int64(len(dst)), max(keepSeen, len(dst))); err != nil {
		return 0, err
	}
	if off >= f.pos {
		return 0, nil
	}
	return copy(dst, f.seen[off-f.pos+int64(len(f.seen)):]), nil
}

// reopen goes back to the beginning.
func (f *goFile) reopen() error {
	file, err := f.fs.Open(f.name)
	if err != nil {
		return err
	}
	_ = f.file.Close() // nobody reads on there
	f.file, f.pos, f.seen = file, 0, f.seen[:0]
	return nil
}

// advance reads up to an offset, or the end of the file, and keeps at least so much of the last of it.
func (f *goFile) advance(to int64, keep int) error {
	const chunk = 128 << 10
	for f.pos < to {
		if len(f.seen)+chunk > 2*keep {
			f.seen = f.seen[:copy(f.seen, f.seen[len(f.seen)-keep:])]
		}
		old := len(f.seen)
		f.seen = slices.Grow(f.seen, chunk)
		n, err := f.file.Read(f.seen[old : old+int(min(chunk, to-f.pos))])
		f.seen = f.seen[:old+n]
		f.pos += int64(n)
		if err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// noEOF: less than what was asked for says it all.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
