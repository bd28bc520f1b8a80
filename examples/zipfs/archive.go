package main

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// archive is a zip archive as an fs.FS. Beyond what archive/zip has, it knows symbolic links, tells about files without opening them, and reads what is not compressed from
// anywhere. It is never closed: it lives as long as the program.
type archive struct {
	*zip.Reader
	file       *os.File
	entries    map[string]*zip.File // by name, without the slash that a directory has
	unreadable int
}

func newArchive(name string) (*archive, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, err
	}
	a := &archive{Reader: r, file: file, entries: map[string]*zip.File{}}
	twice := map[string]bool{}
	for _, f := range r.File {
		if !readable(f) {
			a.unreadable++
		}
		name := strings.TrimSuffix(f.Name, "/")
		twice[name] = a.entries[name] != nil
		a.entries[name] = f
	}
	for name, is := range twice {
		if is {
			delete(a.entries, name) // archive/zip says what it thinks of that
		}
	}
	return a, nil
}

const encrypted = 1 // in zip.FileHeader.Flags

func readable(f *zip.File) bool {
	return f.Flags&encrypted == 0 && (f.Method == zip.Store || f.Method == zip.Deflate)
}

// entry returns the entry of that name. It does not know directories without one, nor names that no io/fs file can have.
func (a *archive) entry(name string) *zip.File {
	if !fs.ValidPath(name) {
		return nil
	}
	return a.entries[name]
}

// Open opens a file or directory.
func (a *archive) Open(name string) (fs.File, error) {
	f := a.entry(name)
	if f != nil && !f.Mode().IsDir() {
		return a.openFile(name, f)
	}
	file, err := a.Reader.Open(name)
	if err != nil {
		return nil, err
	}
	if list, ok := file.(fs.ReadDirFile); ok {
		return &directory{list, a, name}, nil
	}
	return file, nil
}

func (a *archive) openFile(name string, f *zip.File) (fs.File, error) {
	switch {
	case !readable(f):
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EOPNOTSUPP}
	case f.Method != zip.Store:
		return a.Reader.Open(name)
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	return &stored{io.NewSectionReader(a.file, at, int64(f.UncompressedSize64)), f}, nil
}

// Stat makes it an fs.StatFS. It shows links as such, as archive/zip does.
func (a *archive) Stat(name string) (fs.FileInfo, error) {
	if f := a.entry(name); f != nil {
		return f.FileInfo(), nil
	}
	return fs.Stat(a.Reader, name)
}

// Lstat and ReadLink make it an fs.ReadLinkFS.
func (a *archive) Lstat(name string) (fs.FileInfo, error) { return a.Stat(name) }

// ReadLink returns the target of a symbolic link: it is the link's content.
func (a *archive) ReadLink(name string) (string, error) {
	f := a.entry(name)
	if f == nil || f.Mode()&fs.ModeSymlink == 0 || f.UncompressedSize64 >= unix.PathMax {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := fs.ReadFile(a, name)
	return string(target), err
}

// stored is an open file that is not compressed. It can be read by several at a time, at any offset.
type stored struct {
	*io.SectionReader
	entry *zip.File
}

func (s *stored) Stat() (fs.FileInfo, error) { return s.entry.FileInfo(), nil }

func (s *stored) Close() error { return nil }

// directory is an open directory. archive/zip does not look at what the archive says of permissions.
type directory struct {
	fs.ReadDirFile
	archive *archive
	name    string
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.archive.Stat(d.name) }

func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	list, err := d.ReadDirFile.ReadDir(n)
	for i, e := range list {
		if f := d.archive.entry(path.Join(d.name, e.Name())); f != nil {
			list[i] = fs.FileInfoToDirEntry(f.FileInfo())
		}
	}
	return list, err
}
