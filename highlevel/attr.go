package highlevel

import (
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

func (f *FS) opGetattr(ctx *request, path string, fi *FileInfo) (Stat, error) {
	if f.ops.Getattr == nil {
		return Stat{}, syscall.ENOSYS
	}
	return f.ops.Getattr(ctx, path, fi)
}

// dress changes attributes as Config says.
func (f *FS) dress(st *Stat, ino Ino) {
	if !f.cfg.UseIno {
		st.Ino = uint64(ino)
	}
	if f.cfg.SetMode {
		st.Mode = st.Mode&unix.S_IFMT | 0o777&^f.mask(st.IsDir())
	}
	if f.cfg.SetUID {
		st.UID = f.cfg.UID
	}
	if f.cfg.SetGID {
		st.GID = f.cfg.GID
	}
}

func (f *FS) mask(dir bool) uint32 {
	switch {
	case dir && f.cfg.SetDmask:
		return f.cfg.Dmask
	case !dir && f.cfg.SetFmask:
		return f.cfg.Fmask
	}
	return f.cfg.Umask
}

func (f *FS) getattr(req *lowlevel.Request, ino Ino, fi *FileInfo) (st Stat, timeout time.Duration, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		st, err = f.opGetattr(ctx, path, fi)
		return err
	})
	if err == errNoName {
		st, err = f.removedDir(ino)
	}
	if err != nil {
		return st, 0, err
	}
	return f.attributes(st, ino, fi)
}

// attributes is the answer to Getattr and Setattr.
func (f *FS) attributes(st Stat, ino Ino, fi *FileInfo) (Stat, time.Duration, error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if n := f.tree.inodes.inode(ino); n != nil {
		if n.hidden && st.Nlink > 0 {
			st.Nlink--
		}
		f.saw(n, &st)
	}
	f.dress(&st, ino)
	return st, f.cfg.AttrTimeout, nil
}

// setattr does one thing after the other, and stops at the first error.
func (f *FS) setattr(req *lowlevel.Request, ino Ino, attr *Stat, toSet lowlevel.SetAttr, fi *FileInfo) (st Stat, timeout time.Duration, err error) {
	defer f.changes.Add(1)
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		for _, step := range []func(*request, string, *Stat, lowlevel.SetAttr, *FileInfo) error{f.setMode, f.setOwner, f.setSize, f.setTimes} {
			if err := step(ctx, path, attr, toSet, fi); err != nil {
				return err
			}
		}
		st, err = f.opGetattr(ctx, path, fi)
		return err
	})
	if err != nil {
		return st, 0, err
	}
	return f.attributes(st, ino, fi)
}

func (f *FS) setMode(ctx *request, path string, attr *Stat, toSet lowlevel.SetAttr, fi *FileInfo) error {
	switch {
	case toSet&lowlevel.SetAttrMode == 0:
		return nil
	case f.ops.Chmod == nil:
		return syscall.ENOSYS
	}
	return f.ops.Chmod(ctx, path, attr.Mode, fi)
}

func (f *FS) setOwner(ctx *request, path string, attr *Stat, toSet lowlevel.SetAttr, fi *FileInfo) error {
	uid, gid := KeepID, KeepID
	if toSet&lowlevel.SetAttrUID != 0 {
		uid = attr.UID
	}
	if toSet&lowlevel.SetAttrGID != 0 {
		gid = attr.GID
	}
	switch {
	case toSet&(lowlevel.SetAttrUID|lowlevel.SetAttrGID) == 0:
		return nil
	case f.ops.Chown == nil:
		return syscall.ENOSYS
	}
	return f.ops.Chown(ctx, path, uid, gid, fi)
}

func (f *FS) setSize(ctx *request, path string, attr *Stat, toSet lowlevel.SetAttr, fi *FileInfo) error {
	switch {
	case toSet&lowlevel.SetAttrSize == 0:
		return nil
	case f.ops.Truncate == nil:
		return syscall.ENOSYS
	}
	return f.ops.Truncate(ctx, path, attr.Size, fi)
}

func (f *FS) setTimes(ctx *request, path string, attr *Stat, toSet lowlevel.SetAttr, fi *FileInfo) error {
	switch {
	case toSet&(lowlevel.SetAttrAtime|lowlevel.SetAttrMtime) == 0:
		return nil
	case f.ops.Utimens == nil:
		return syscall.ENOSYS
	}
	atime := setTime(attr.Atim, toSet&lowlevel.SetAttrAtime != 0, toSet&lowlevel.SetAttrAtimeNow != 0)
	mtime := setTime(attr.Mtim, toSet&lowlevel.SetAttrMtime != 0, toSet&lowlevel.SetAttrMtimeNow != 0)
	return f.ops.Utimens(ctx, path, atime, mtime, fi)
}

func setTime(t unix.Timespec, set, now bool) unix.Timespec {
	switch {
	case !set:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case now:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return t
}

func (f *FS) statx(req *lowlevel.Request, ino Ino, flags, mask uint32, fi *FileInfo) (stx unix.Statx_t, timeout time.Duration, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		stx, err = f.ops.Statx(ctx, path, flags, mask, fi)
		return err
	})
	if err == errNoName {
		stx, err = f.removedDirStatx(ino)
	}
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if n := f.tree.inodes.inode(ino); n != nil && n.hidden && stx.Nlink > 0 {
		stx.Nlink--
	}
	st := Stat{Ino: stx.Ino, Mode: uint32(stx.Mode), UID: stx.Uid, GID: stx.Gid}
	f.dress(&st, ino)
	stx.Ino, stx.Mode, stx.Uid, stx.Gid = st.Ino, uint16(st.Mode), st.UID, st.GID
	return stx, f.cfg.AttrTimeout, err
}

func (f *FS) access(req *lowlevel.Request, ino Ino, mask uint32) error {
	return f.at(req, ino, func(ctx *request, path string) error { return f.ops.Access(ctx, path, mask) })
}

func (f *FS) statfs(req *lowlevel.Request, ino Ino) (st Statfs, err error) {
	if f.ops.Statfs == nil {
		return Statfs{Namemax: 255, Bsize: 512}, nil
	}
	if ino == 0 {
		ino = lowlevel.RootIno
	}
	err = f.at(req, ino, func(ctx *request, path string) error {
		st, err = f.ops.Statfs(ctx, path)
		return err
	})
	return st, err
}

// cachedStat is what AutoCache compares.
type cachedStat struct {
	mtime unix.Timespec
	size  int64
	at    time.Time
	valid bool // the file has not changed since it was opened
}

// saw keeps what must be known of attributes that the kernel gets with a lookup, before they are dressed. tree.mu is held.
func (f *FS) saw(n *node, st *Stat) {
	n.dir = st.IsDir()
	if f.cfg.AutoCache && st.Mode&unix.S_IFMT == unix.S_IFREG {
		f.tree.inodes.more(n).seen.update(st)
	}
}

// update takes attributes.
func (c *cachedStat) update(st *Stat) {
	if c.mtime != st.Mtim || c.size != st.Size {
		c.valid = false
	}
	c.mtime, c.size, c.at = st.Mtim, st.Size, time.Now()
}
