package main

import (
	"context"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// dirTable holds the open directories. Their handle is the descriptor.
type dirTable struct {
	mu   sync.RWMutex
	open map[lowlevel.FileHandle]*mirror.Dir
}

func (t *dirTable) add(d *mirror.Dir) lowlevel.FileHandle {
	fh := lowlevel.FileHandle(d.FD)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(map[lowlevel.FileHandle]*mirror.Dir)
	}
	t.open[fh] = d
	return fh
}

func (t *dirTable) get(fi *highlevel.FileInfo) *mirror.Dir {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.open[fi.Fh]
}

func (t *dirTable) remove(fi *highlevel.FileInfo) *mirror.Dir {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.open[fi.Fh]
	delete(t.open, fi.Fh)
	return d
}

func (fs *passthrough) opendir(_ context.Context, path string, fi *highlevel.FileInfo) error {
	d, err := mirror.OpenDir(path)
	if err != nil {
		return err
	}
	fi.Fh = fs.dirs.add(d)
	return nil
}

// readdir lists the directory from the entry at off on, as much of it as there is room for. Calls for one handle come one after the other.
func (fs *passthrough) readdir(_ context.Context, _ string, fill highlevel.FillDir, off int64, fi *highlevel.FileInfo, flags highlevel.ReaddirFlags) error {
	d := fs.dirs.get(fi)
	if d == nil {
		return unix.EBADF
	}
	if err := d.SeekTo(off); err != nil {
		return err
	}
	var st highlevel.Stat // one for all: fill copies it
	return d.Each(func(e mirror.Dirent) bool {
		known := d.Stat(e, flags&highlevel.ReaddirPlus != 0, &st)
		return fill(e.Name, &st, e.Next, known)
	})
}

func (fs *passthrough) releasedir(_ context.Context, _ string, fi *highlevel.FileInfo) error {
	d := fs.dirs.remove(fi)
	if d == nil {
		return unix.EBADF
	}
	return d.Close()
}

func (fs *passthrough) fsyncdir(ctx context.Context, path string, datasync bool, fi *highlevel.FileInfo) error {
	return fs.Fsync(ctx, path, datasync, fi) // the handle is a descriptor here, too
}
