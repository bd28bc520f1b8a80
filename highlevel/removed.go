package highlevel

import "golang.org/x/sys/unix"

// A directory that is removed while somebody uses it has no path left, but to those it is still a directory: empty, without links, otherwise as it was when it
// was removed. C answers ESTALE.

// lastLook returns the attributes of a directory that is about to be removed, if the kernel knows it.
func (f *FS) lastLook(ctx *request, h held) *Stat {
	if !f.isKnownDir(h.changes) {
		return nil
	}
	st, err := f.opGetattr(ctx, h.path, nil)
	if err != nil {
		return nil
	}
	return &st
}

func (f *FS) isKnownDir(n *node) bool {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	return n != nil && n.dir && n.nlookup > 0
}

// keepRemoved keeps them for as long as the kernel knows it.
func (f *FS) keepRemoved(h held, last *Stat) {
	if last == nil {
		return
	}
	last.Nlink = 0
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	f.tree.inodes.more(h.changes).last = last
}

// removedDirStatx is removedDir for a Statx.
func (f *FS) removedDirStatx(ino Ino) (unix.Statx_t, error) {
	st, err := f.removedDir(ino)
	return unix.Statx_t{
		Mask: unix.STATX_BASIC_STATS, Blksize: st.Blksize, Nlink: st.Nlink, Uid: st.UID, Gid: st.GID, Mode: uint16(st.Mode), Ino: st.Ino,
		Size: uint64(st.Size), Blocks: uint64(st.Blocks), Atime: statxTime(st.Atim), Mtime: statxTime(st.Mtim), Ctime: statxTime(st.Ctim),
	}, err
}

func statxTime(t unix.Timespec) unix.StatxTimestamp {
	sec, nsec := t.Unix()
	return unix.StatxTimestamp{Sec: sec, Nsec: uint32(nsec)}
}

// removedDir returns the attributes of a directory that was removed. ESTALE: they are not known.
func (f *FS) removedDir(ino Ino) (Stat, error) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := f.tree.inodes.inode(ino)
	if n == nil || !n.extra || n.parent != 0 {
		return Stat{}, errNoName
	}
	if last := f.tree.inodes.more(n).last; last != nil {
		return *last, nil
	}
	return Stat{}, errNoName
}
