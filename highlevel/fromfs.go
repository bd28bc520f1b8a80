package highlevel

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// FromFS returns the operations of a filesystem that shows fsys, read-only: a zip archive, an embed.FS, os.DirFS, whatever there is.
//
// It uses fs.StatFS, fs.ReadDirFS and fs.ReadLinkFS where fsys has them, and of its files io.ReaderAt or else io.Seeker. Other files (those of a zip archive) can only be read from the beginning: reading
// on is cheap, and so is going back by less than half a megabyte; further back the file is opened again, and read up to there. Files are
// to have the size that Stat says, but for those of size 0, which are read as far as it goes, past the page cache.
//
// Files belong to the process's user, with the mode and time that fsys says (1970 if none), unless it knows better: what FileInfo.Sys has from the system is shown.
// Changes are answered by EROFS. Nobody looks at permissions, as ever, unless it is mounted with default_permissions. fsys must be safe to be used by several goroutines.
//
// As trees of io/fs are supposed to rest, the kernel may remember all it has seen: timeouts that are as in DefaultConfig become lowlevel.Forever, NegativeTimeout too, and
// KernelCache is set. For a tree that changes, set Init to nil: then all is as Config says.
func FromFS(fsys fs.FS) *Operations {
	f := &goFS{fs: fsys}
	ops := &Operations{
		Init:       f.init,
		Destroy:    f.destroy,
		Getattr:    f.getattr,
		Readlink:   f.readlink,
		Opendir:    f.opendir,
		Readdir:    f.readdir,
		Releasedir: f.releasedir,
		Open:       f.openFile,
		Read:       f.read,
		Release:    f.release,
	}
	refuseChanges(ops)
	return ops
}

// goFS is an fs.FS as a filesystem.
type goFS struct {
	fs     fs.FS
	open   sync.Map // FileHandle -> *goFile, or the name of a directory
	lastFh atomic.Uint64
}

// readLinkFS is fs.ReadLinkFS of Go 1.25.
type readLinkFS interface {
	ReadLink(name string) (string, error)
	Lstat(name string) (fs.FileInfo, error)
}

func (f *goFS) init(_ *ConnInfo, cfg *Config) any {
	common := DefaultConfig()
	for _, timeout := range []struct{ now, common *time.Duration }{
		{&cfg.EntryTimeout, &common.EntryTimeout},
		{&cfg.AttrTimeout, &common.AttrTimeout},
		{&cfg.NegativeTimeout, &common.NegativeTimeout},
	} {
		if *timeout.now == *timeout.common {
			*timeout.now = lowlevel.Forever
		}
	}
	cfg.KernelCache, cfg.NullpathOK = true, true
	return nil
}

// destroy closes what is still open: at an unmount, the kernel does not wait for the last releases.
func (f *goFS) destroy(any) {
	f.open.Range(func(fh, open any) bool {
		f.open.Delete(fh)
		if file, ok := open.(*goFile); ok {
			_ = file.close() // nobody to tell
		}
		return true
	})
}

// goName returns what io/fs calls a path.
func goName(path string) (string, error) {
	name := strings.Trim(path, "/")
	switch {
	case path == "":
		return "", syscall.ESTALE // of what is open, and that f.open knows
	case name == "":
		return ".", nil
	case !fs.ValidPath(name):
		return "", syscall.ENOENT // no such file can be
	}
	return name, nil
}

func (f *goFS) lstat(name string) (fs.FileInfo, error) {
	if links, ok := f.fs.(readLinkFS); ok {
		return links.Lstat(name)
	}
	return fs.Stat(f.fs, name)
}

func (f *goFS) getattr(_ context.Context, path string, fi *FileInfo) (Stat, error) {
	if file := f.file(fi); file != nil {
		info, err := file.stat()
		return statOf(info, err)
	}
	name, err := goName(path)
	if err != nil {
		return Stat{}, err
	}
	return statOf(f.lstat(name))
}

func (f *goFS) readlink(_ context.Context, path string) (string, error) {
	name, err := goName(path)
	if err != nil {
		return "", err
	}
	links, ok := f.fs.(readLinkFS)
	if !ok {
		return "", syscall.EINVAL
	}
	return links.ReadLink(name)
}

// handle gives what is open a number.
func (f *goFS) handle(fi *FileInfo, open any) {
	fi.Fh = lowlevel.FileHandle(f.lastFh.Add(1))
	f.open.Store(fi.Fh, open)
}

// opendir remembers the name: the path is not known later.
func (f *goFS) opendir(_ context.Context, path string, fi *FileInfo) error {
	name, err := goName(path)
	if err == nil {
		f.handle(fi, name)
	}
	return err
}

func (f *goFS) releasedir(_ context.Context, _ string, fi *FileInfo) error {
	f.open.Delete(fi.Fh)
	return nil
}

func (f *goFS) readdir(_ context.Context, _ string, fill FillDir, _ int64, fi *FileInfo, flags ReaddirFlags) error {
	dir, _ := f.open.Load(fi.Fh)
	name, ok := dir.(string)
	if !ok {
		return syscall.EBADF
	}
	entries, err := fs.ReadDir(f.fs, name)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	self := &Stat{Mode: unix.S_IFDIR}
	fill(".", self, 0, 0)
	fill("..", self, 0, 0)
	for _, e := range entries {
		if !fs.ValidPath(e.Name()) || strings.ContainsAny(e.Name(), "/\x00") {
			continue // no name of a file, and it would end the listing
		}
		st, plus := f.entry(name, e, flags)
		fill(e.Name(), &st, 0, plus)
	}
	return nil
}

// entry returns an entry's type, or all attributes where the kernel wants them and they are to be had.
func (f *goFS) entry(dir string, e fs.DirEntry, flags ReaddirFlags) (Stat, FillDirFlags) {
	kind := typeOf(e.Type())
	_, links := f.fs.(readLinkFS)
	if kind == unix.S_IFLNK && !links {
		// Maybe Stat does not show links as such, as of os.DirFS in Go 1.24: the lookup decides.
		info, err := fs.Stat(f.fs, path.Join(dir, e.Name()))
		if err == nil {
			kind = typeOf(info.Mode())
		}
		return Stat{Mode: kind}, 0
	}
	if flags&ReaddirPlus != 0 {
		if st, err := statOf(e.Info()); err == nil {
			return st, FillDirPlus
		}
	}
	return Stat{Mode: kind}, 0
}

func (f *goFS) openFile(_ context.Context, path string, fi *FileInfo) error {
	if fi.Flags&unix.O_ACCMODE != unix.O_RDONLY {
		return syscall.EROFS
	}
	name, err := goName(path)
	if err != nil {
		return err
	}
	file, err := openGoFile(f.fs, name)
	if err != nil {
		return err
	}
	fi.DirectIO = fi.DirectIO || file.size == 0
	f.handle(fi, file)
	return nil
}

// file returns an open file, or nil.
func (f *goFS) file(fi *FileInfo) *goFile {
	if fi == nil {
		return nil
	}
	file, _ := f.open.Load(fi.Fh)
	found, _ := file.(*goFile)
	return found
}

func (f *goFS) read(_ context.Context, _ string, dst []byte, off int64, fi *FileInfo) (int, error) {
	file := f.file(fi)
	if file == nil {
		return 0, syscall.EBADF
	}
	return file.readAt(dst, off)
}

func (f *goFS) release(_ context.Context, _ string, fi *FileInfo) error {
	file := f.file(fi)
	if file == nil {
		return syscall.EBADF
	}
	f.open.Delete(fi.Fh)
	return file.close()
}

// refuseChanges sets what changes something: without a member, the answer would be ENOSYS.
func refuseChanges(ops *Operations) {
	const no = syscall.EROFS
	ops.Mknod = func(context.Context, string, uint32, uint64) error { return no }
	ops.Mkdir = func(context.Context, string, uint32) error { return no }
	ops.Unlink = func(context.Context, string) error { return no }
	ops.Rmdir = func(context.Context, string) error { return no }
	ops.Symlink = func(context.Context, string, string) error { return no }
	ops.Rename = func(context.Context, string, string, RenameFlags) error { return no }
	ops.Link = func(context.Context, string, string) error { return no }
	ops.Chmod = func(context.Context, string, uint32, *FileInfo) error { return no }
	ops.Chown = func(context.Context, string, uint32, uint32, *FileInfo) error { return no }
	ops.Truncate = func(context.Context, string, int64, *FileInfo) error { return no }
	ops.Utimens = func(context.Context, string, unix.Timespec, unix.Timespec, *FileInfo) error { return no }
	ops.Setxattr = func(context.Context, string, string, []byte, XattrFlags) error { return no }
	ops.Removexattr = func(context.Context, string, string) error { return no }
}
