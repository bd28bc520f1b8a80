package highlevel

import (
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// Operations on open files.

func (f *FS) open(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	if fi.Flags&unix.O_TRUNC != 0 {
		defer f.changes.Add(1)
	}
	return f.at(req, ino, func(ctx *request, path string) error {
		if f.ops.Open != nil {
			if err := f.ops.Open(ctx, path, fi); err != nil {
				return err
			}
		}
		f.opened(ctx, path, ino, fi)
		return nil
	})
}

// opened counts an open file, and sets what Config says.
func (f *FS) opened(ctx *request, path string, ino Ino, fi *FileInfo) {
	fi.DirectIO = fi.DirectIO || f.cfg.DirectIO
	fi.KeepCache = fi.KeepCache || f.cfg.KernelCache
	fi.Noflush = fi.Noflush || f.cfg.NoRofdFlush && fi.Flags&unix.O_ACCMODE == unix.O_RDONLY
	fi.ParallelDirectWrites = fi.ParallelDirectWrites || f.cfg.ParallelDirectWrites && fi.DirectIO
	if f.cfg.AutoCache && f.unchanged(ctx, path, ino, fi) {
		fi.KeepCache = true
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if n := f.tree.inodes.inode(ino); n != nil {
		n.opens++
	}
}

// unchanged reports whether a file is as it was when it was opened before: AutoCache.
func (f *FS) unchanged(ctx *request, path string, ino Ino, fi *FileInfo) bool {
	f.tree.mu.Lock()
	n := f.tree.inodes.inode(ino)
	if n == nil {
		f.tree.mu.Unlock()
		return false
	}
	seen := &f.tree.inodes.more(n).seen
	ask := seen.valid && time.Since(seen.at) > f.cfg.acTimeout()
	f.tree.mu.Unlock()
	var st Stat
	var err error
	if ask {
		st, err = f.opGetattr(ctx, path, fi)
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	switch {
	case err != nil:
		seen.valid = false
	case ask:
		seen.update(&st)
	}
	same := seen.valid
	seen.valid = true
	return same
}

func (f *FS) create(req *lowlevel.Request, parent Ino, name string, mode uint32, fi *FileInfo) (e lowlevel.EntryParam, err error) {
	defer f.changes.Add(1)
	err = f.with(req, want{ino: parent, name: name}, func(ctx *request, h held) error {
		if err := f.ops.Create(ctx, h.path, mode, fi); err != nil {
			return err
		}
		e, err = f.lookupPath(ctx, h, name, fi)
		if err == nil && e.Attr.Mode&unix.S_IFMT != unix.S_IFREG {
			f.forget(req, e.Ino, 1)
			err = syscall.EIO
		}
		if err != nil {
			f.opRelease(ctx, h.path, fi)
			return err
		}
		f.opened(ctx, h.path, e.Ino, fi)
		return nil
	})
	return e, err
}

// tmpfile makes a node without a name.
func (f *FS) tmpfile(req *lowlevel.Request, parent Ino, mode uint32, fi *FileInfo) (e lowlevel.EntryParam, err error) {
	err = f.at(req, parent, func(ctx *request, path string) error {
		st, err := f.ops.Tmpfile(ctx, path, mode, fi)
		if err != nil {
			return err
		}
		f.tree.mu.Lock()
		n := f.tree.inodes.take()
		n.nlookup = 1
		ino := n.ino
		f.tree.mu.Unlock()
		f.opened(ctx, "", ino, fi)
		f.dress(&st, ino)
		e = lowlevel.EntryParam{Ino: ino, Attr: st, AttrTimeout: f.cfg.AttrTimeout, EntryTimeout: f.cfg.EntryTimeout}
		return nil
	})
	return e, err
}

func (f *FS) read(req *lowlevel.Request, ino Ino, dst []byte, off int64, fi *FileInfo) (n int, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		n, err = f.ops.Read(ctx, path, dst, off, fi)
		return err
	})
	return n, err
}

func (f *FS) readBuf(req *lowlevel.Request, ino Ino, size int, off int64, fi *FileInfo) (buf BufVec, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		buf, err = f.ops.ReadBuf(ctx, path, size, off, fi)
		return err
	})
	return buf, err
}

func (f *FS) write(req *lowlevel.Request, ino Ino, data []byte, off int64, fi *FileInfo) (n int, err error) {
	defer f.changes.Add(1)
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		n, err = f.ops.Write(ctx, path, data, off, fi)
		return err
	})
	return n, err
}

func (f *FS) writeBuf(req *lowlevel.Request, ino Ino, buf BufVec, off int64, fi *FileInfo) (n int, err error) {
	defer f.changes.Add(1)
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		n, err = f.ops.WriteBuf(ctx, path, buf, off, fi)
		return err
	})
	return n, err
}

func (f *FS) fsync(req *lowlevel.Request, ino Ino, datasync bool, fi *FileInfo) error {
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.ops.Fsync(ctx, path, datasync, fi) })
}

func (f *FS) flush(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.opFlush(ctx, path, ino, fi) })
}

// opFlush also takes away the POSIX locks of who closes the file.
func (f *FS) opFlush(ctx *request, path string, ino Ino, fi *FileInfo) error {
	err := error(syscall.ENOSYS)
	if f.ops.Flush != nil {
		err = f.ops.Flush(ctx, path, fi)
	}
	if f.ops.Lock == nil || is(f.unlockAll(ctx, path, ino, fi), syscall.ENOSYS) {
		return err
	}
	if is(err, syscall.ENOSYS) {
		return nil // or the kernel would not tell of the next close
	}
	return err
}

func (f *FS) release(req *lowlevel.Request, ino Ino, fi *FileInfo) error {
	err := f.atFile(req, ino, fi, func(ctx *request, path string) error {
		if fi.Flush {
			_ = f.opFlush(ctx, path, ino, fi)
		}
		f.opRelease(ctx, path, fi)
		return nil
	})
	if w, last := f.closed(ino); last && f.ops.Unlink != nil {
		_ = f.with(req, w, func(ctx *request, h held) error { return f.unlinkHidden(ctx, h, w.name) })
	}
	return err
}

func (f *FS) opRelease(ctx *request, path string, fi *FileInfo) {
	if f.ops.Release != nil {
		_ = f.ops.Release(ctx, path, fi) // nobody to tell
	}
}

// closed counts, and tells at the last release of a hidden file what is to be removed.
func (f *FS) closed(ino Ino) (w want, last bool) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := f.tree.inodes.inode(ino)
	if n == nil || n.opens == 0 {
		return want{}, false
	}
	n.opens--
	if n.opens > 0 || !n.hidden || n.parent == 0 {
		return want{}, false
	}
	return want{ino: f.tree.parent(n).ino, name: f.tree.name(n), write: true}, true
}

func (f *FS) fallocate(req *lowlevel.Request, ino Ino, mode uint32, off, length int64, fi *FileInfo) error {
	defer f.changes.Add(1)
	return f.atFile(req, ino, fi, func(ctx *request, path string) error {
		return f.ops.Fallocate(ctx, path, mode, off, length, fi)
	})
}

func (f *FS) lseek(req *lowlevel.Request, ino Ino, off int64, whence int, fi *FileInfo) (pos int64, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		pos, err = f.ops.Lseek(ctx, path, off, whence, fi)
		return err
	})
	return pos, err
}

func (f *FS) copyFileRange(req *lowlevel.Request, inoIn Ino, offIn int64, fiIn *FileInfo, inoOut Ino, offOut int64, fiOut *FileInfo, size uint64, flags uint32) (n uint64, err error) {
	defer f.changes.Add(1)
	var h [2]held
	if !f.cfg.NullpathOK {
		if err := f.tree.acquire(h[:], want{ino: inoIn, open: true}, want{ino: inoOut, open: true}); err != nil {
			return 0, err
		}
		defer f.tree.release(h[:]...)
	}
	ctx := f.begin(req)
	defer ctx.end()
	return f.ops.CopyFileRange(ctx, h[0].path, fiIn, offIn, h[1].path, fiOut, offOut, size, flags)
}
