package highlevel

import (
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// Operations on names: lookup, and what makes, removes and renames.

// lookup also answers for "." and "..", which an NFS server asks for by inode.
func (f *FS) lookup(req *lowlevel.Request, parent Ino, name string) (lowlevel.EntryParam, error) {
	switch name {
	case ".":
		return f.lookupInode(req, parent)
	case "..":
		above, err := f.above(parent)
		if err != nil {
			return lowlevel.EntryParam{}, err
		}
		return f.lookupInode(req, above)
	}
	e, err := f.entry(req, want{ino: parent, name: name}, func(*request, string) error { return nil })
	if is(err, syscall.ENOENT) && f.cfg.NegativeTimeout > 0 {
		return lowlevel.EntryParam{EntryTimeout: f.cfg.NegativeTimeout}, nil
	}
	return e, err
}

// above returns the directory that an inode is in.
func (f *FS) above(ino Ino) (Ino, error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n, err := f.tree.node(ino)
	switch {
	case err != nil:
		return 0, err
	case n == f.tree.root:
		return 0, syscall.ENOENT
	case n.parent == 0:
		return 0, errNoName
	}
	return f.tree.parent(n).ino, nil
}

// lookupInode is a lookup of an inode that is known.
func (f *FS) lookupInode(req *lowlevel.Request, ino Ino) (e lowlevel.EntryParam, err error) {
	return f.entry(req, want{ino: ino}, func(*request, string) error { return nil })
}

// entry does op on a path, and returns what is there then, with a lookup counted.
func (f *FS) entry(req *lowlevel.Request, w want, op func(ctx *request, path string) error) (e lowlevel.EntryParam, err error) {
	err = f.with(req, w, func(ctx *request, h held) error {
		if err := op(ctx, h.path); err != nil {
			return err
		}
		e, err = f.lookupPath(ctx, h, w.name, nil)
		return err
	})
	return e, err
}

// lookupPath counts a lookup of what is at a path: name in h.dir, or h.dir itself. fi is for Getattr.
func (f *FS) lookupPath(ctx *request, h held, name string, fi *FileInfo) (lowlevel.EntryParam, error) {
	st, err := f.opGetattr(ctx, h.path, fi)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := h.dir
	if name != "" {
		n = f.tree.named(&h, name)
	}
	f.tree.count(n)
	f.saw(n, &st)
	f.dress(&st, n.ino)
	return lowlevel.EntryParam{Ino: n.ino, Attr: st, AttrTimeout: f.cfg.AttrTimeout, EntryTimeout: f.cfg.EntryTimeout}, nil
}

func (f *FS) forget(_ *lowlevel.Request, ino Ino, nlookup uint64) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	f.tree.forget(ino, nlookup)
}

func (f *FS) forgetMulti(_ *lowlevel.Request, forgets []lowlevel.ForgetData) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	for _, g := range forgets {
		f.tree.forget(g.Ino, g.Nlookup)
	}
}

func (f *FS) readlink(req *lowlevel.Request, ino Ino) (target string, err error) {
	err = f.at(req, ino, func(ctx *request, path string) error {
		target, err = f.ops.Readlink(ctx, path)
		return err
	})
	return target, err
}

// mknod makes a regular file by Create, if there is such an operation.
func (f *FS) mknod(req *lowlevel.Request, parent Ino, name string, mode uint32, rdev uint64) (e lowlevel.EntryParam, err error) {
	defer f.changes.Add(1)
	err = f.with(req, want{ino: parent, name: name}, func(ctx *request, h held) error {
		err := error(syscall.ENOSYS)
		if mode&unix.S_IFMT == unix.S_IFREG && f.ops.Create != nil {
			e, err = f.makeRegular(ctx, h, name, mode)
		}
		if !is(err, syscall.ENOSYS) || f.ops.Mknod == nil {
			return err
		}
		if err := f.ops.Mknod(ctx, h.path, mode, rdev); err != nil {
			return err
		}
		e, err = f.lookupPath(ctx, h, name, nil)
		return err
	})
	return e, err
}

func (f *FS) makeRegular(ctx *request, h held, name string, mode uint32) (lowlevel.EntryParam, error) {
	fi := &FileInfo{Flags: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY}
	if err := f.ops.Create(ctx, h.path, mode, fi); err != nil {
		return lowlevel.EntryParam{}, err
	}
	e, err := f.lookupPath(ctx, h, name, fi)
	f.opRelease(ctx, h.path, fi)
	return e, err
}

func (f *FS) mkdir(req *lowlevel.Request, parent Ino, name string, mode uint32) (lowlevel.EntryParam, error) {
	defer f.changes.Add(1)
	return f.entry(req, want{ino: parent, name: name}, func(ctx *request, path string) error {
		return f.ops.Mkdir(ctx, path, mode)
	})
}

func (f *FS) symlink(req *lowlevel.Request, target string, parent Ino, name string) (lowlevel.EntryParam, error) {
	defer f.changes.Add(1)
	return f.entry(req, want{ino: parent, name: name}, func(ctx *request, path string) error {
		return f.ops.Symlink(ctx, target, path)
	})
}

func (f *FS) link(req *lowlevel.Request, ino, newParent Ino, newName string) (e lowlevel.EntryParam, err error) {
	defer f.changes.Add(1)
	var h [2]held
	if err := f.tree.acquire(h[:], want{ino: ino}, want{ino: newParent, name: newName}); err != nil {
		return e, err
	}
	defer f.tree.release(h[:]...)
	ctx := f.begin(req)
	defer ctx.end()
	if err := f.ops.Link(ctx, h[0].path, h[1].path); err != nil {
		return e, err
	}
	return f.lookupPath(ctx, h[1], newName, nil)
}

func (f *FS) unlink(req *lowlevel.Request, parent Ino, name string) error {
	defer f.changes.Add(1)
	w := want{ino: parent, name: name, write: true}
	return f.with(req, w, func(ctx *request, h held) error {
		if !f.cfg.HardRemove && f.isOpen(h.changes) {
			path, hidden, err := f.hide(ctx, h, name)
			if err == nil {
				f.unlinkClosed(ctx, h, hidden, path)
			}
			return err
		}
		return f.unlinkNow(ctx, h, name)
	})
}

// unlinkNow removes name in h.dir, also where it is open.
func (f *FS) unlinkNow(ctx *request, h held, name string) error {
	if err := f.ops.Unlink(ctx, h.path); err != nil {
		return err
	}
	f.removed(h, name)
	return nil
}

func (f *FS) rmdir(req *lowlevel.Request, parent Ino, name string) error {
	defer f.changes.Add(1)
	w := want{ino: parent, name: name, write: true}
	return f.with(req, w, func(ctx *request, h held) error {
		last := f.lastLook(ctx, h)
		err := f.ops.Rmdir(ctx, h.path)
		if f.onlyHidden(ctx, h, err) {
			err = f.ops.Rmdir(ctx, h.path)
		}
		if err != nil {
			return err
		}
		f.removed(h, name)
		f.keepRemoved(h, last)
		return nil
	})
}

func (f *FS) removed(h held, name string) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	f.tree.remove(h.dir, name)
}

func (f *FS) rename(req *lowlevel.Request, parent Ino, name string, newParent Ino, newName string, flags RenameFlags) error {
	defer f.changes.Add(1)
	var h [2]held
	err := f.tree.acquire(h[:], want{ino: parent, name: name, write: true}, want{ino: newParent, name: newName, write: true})
	if err != nil {
		return err
	}
	defer f.tree.release(h[:]...)
	ctx := f.begin(req)
	defer ctx.end()
	replaces := flags&(lowlevel.RenameExchange|lowlevel.RenameNoreplace) == 0
	if replaces && !f.cfg.HardRemove && f.isOpen(h[1].changes) {
		return f.renameOverOpen(ctx, h, name, newName, flags)
	}
	return f.renameNow(ctx, h, name, newName, flags)
}

// renameNow renames, also over what is open.
func (f *FS) renameNow(ctx *request, h [2]held, name, newName string, flags RenameFlags) error {
	exchange := flags&lowlevel.RenameExchange != 0
	var last *Stat
	if !exchange {
		last = f.lastLook(ctx, h[1])
	}
	err := f.ops.Rename(ctx, h[0].path, h[1].path, flags)
	if !exchange && f.onlyHidden(ctx, h[1], err) {
		err = f.ops.Rename(ctx, h[0].path, h[1].path, flags)
	}
	if err != nil {
		return err
	}
	f.renamed(h, name, newName, exchange)
	f.keepRemoved(h[1], last)
	return nil
}

func (f *FS) renamed(h [2]held, name, newName string, exchange bool) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if exchange {
		f.tree.exchange(h[0].dir, name, h[1].dir, newName)
	} else {
		f.tree.rename(h[0].dir, name, h[1].dir, newName)
	}
}
