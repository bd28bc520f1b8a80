package lowlevel

import (
	"math"
	"strings"
	"syscall"
	"unsafe"
)

// InvalInode tells the kernel that it knows nothing of inode ino any more: neither attributes, ACLs, nor data. Cached pages are dropped (dirty ones are written
// back first), of a directory the cached listing, of a symbolic link its target. What is open stays open, names stay known; the next read asks.
//
// It waits for the locks of pages: for each Read, and with CapWritebackCache each Write, of this inode that is under way. With CapWritebackCache the size and mtime of a file stay what the
// kernel holds them to be: see [Changes.ContentChanged].
//
// Errors: ErrNotCached.
//
// Implements:
//
//	int fuse_lowlevel_notify_inval_inode(struct fuse_session *se, fuse_ino_t ino, off_t off, off_t len); // off 0, len 0
func (n *Notifier) InvalInode(ino Ino) error {
	return n.send(&message{kind: kindInvalInode, ino: ino})
}

// InvalInodeRange is InvalInode for a part of a file's data: size bytes from off on; pages that they touch are dropped whole. The size may go
// beyond the end of the file. Attributes are dropped all.
//
// It waits for each Read and Write of these pages that is under way.
//
// Errors: ErrNotCached; EINVAL where off is negative or size not positive: what those mean to C's function has names of its own here.
//
// Implements:
//
//	int fuse_lowlevel_notify_inval_inode(struct fuse_session *se, fuse_ino_t ino, off_t off, off_t len); // off >= 0, len > 0
func (n *Notifier) InvalInodeRange(ino Ino, off, size int64) error {
	if off < 0 || size <= 0 {
		return syscall.EINVAL
	}
	if size > math.MaxInt64-off {
		size = 0 // to the end
	}
	return n.send(&message{kind: kindInvalInode, ino: ino, off: off, size: size})
}

// InvalInodeAttr tells the kernel that inode ino has other attributes, or ACLs, than it knows; the next one who asks for them causes a
// Getattr. An answer to a Getattr that is under way is not kept. Data stays in the cache. With CapAutoInvalData the kernel drops it nevertheless when that Getattr brings another size or
// mtime, and a directory's listing as well.
//
// It does not block, and may be called from a handler.
//
// Errors: ErrNotCached.
//
// Implements:
//
//	int fuse_lowlevel_notify_inval_inode(struct fuse_session *se, fuse_ino_t ino, off_t off, off_t len); // off -1
func (n *Notifier) InvalInodeAttr(ino Ino) error {
	return n.send(&message{kind: kindInvalInodeAttr, ino: ino, off: -1})
}

// InvalEntry tells the kernel that directory parent need not have an entry name any more, or has another one. The entry is dropped, with all that
// the kernel knows below it, and whatever is mounted there is detached; the next lookup asks. A cached "no such entry" is dropped as well. So are the attributes of parent and its cached
// listing. An inode that nobody uses is forgotten, its pages with it. Open files stay open; a process whose working directory it was can go on there, but not say where that is. Watchers (inotify) hear
// nothing.
//
// It waits for parent's lock, which the kernel holds during each first Lookup of a name, Create, Mkdir, Unlink, Rename, Readdir, ... in that directory.
//
// Errors: ErrNotCached where the kernel does not know the entry: then parent's attributes and listing are left as they are (InvalInode drops them); ENOTDIR; ENAMETOOLONG; EINVAL for a NUL in name.
//
// Implements:
//
//	int fuse_lowlevel_notify_inval_entry(struct fuse_session *se, fuse_ino_t parent, const char *name, size_t namelen);
func (n *Notifier) InvalEntry(parent Ino, name string) error {
	return n.sendName(&message{kind: kindInvalEntry, parent: parent, name: name})
}

// ExpireEntry ends the time for which the kernel may trust the entry name of directory parent (EntryParam.EntryTimeout): before it is used again, there is a Lookup. If that
// finds the same inode, all stays as it was, unlike after InvalEntry: the inode with its pages, what is known below it, what is mounted there. If not, it is as after InvalEntry, and there is a second
// Lookup. The attributes of parent and its cached listing are dropped.
//
// It waits for parent's lock, as InvalEntry does.
//
// A Lookup that is under way to revalidate this very entry does not hold that lock. Its answer sets the time anew, and the ExpireEntry is lost: see [Changes.Guard].
//
// Errors: as InvalEntry. A kernel that cannot expire would invalidate: it is not asked (*UnsupportedError).
//
// Since: FUSE protocol 7.38 (Linux 6.2).
//
// Implements:
//
//	int fuse_lowlevel_notify_expire_entry(struct fuse_session *se, fuse_ino_t parent, const char *name, size_t namelen);
func (n *Notifier) ExpireEntry(parent Ino, name string) error {
	return n.sendName(&message{kind: kindExpireEntry, parent: parent, name: name})
}

// Delete tells the kernel that the entry name of directory parent, which was inode child, has been removed. It is InvalEntry, and then marks the inode as one that has a name less,
// as if somebody had removed it through the mount: fstat(2) of a file that is open says so, and no process can make files in a directory that is gone. Watchers (inotify) of the inode hear IN_DELETE_SELF, once nobody has
// it open; those of parent hear nothing (Linux 6.18).
//
// It waits for the locks of parent and of child: for requests as with InvalEntry, and for Write, Setattr, Setxattr and the like of child.
//
// Errors: ErrNotCached where the kernel does not know the entry, or knows another inode as it; ENOTEMPTY where it is a directory in which the kernel knows something that is in use. In these two
// cases it has done what InvalEntry does. ENOTDIR; ENAMETOOLONG; EINVAL for a NUL in name. (EBUSY, for something mounted there, is in the kernel's source, but does not happen on Linux 6.18: it is detached before.)
//
// Implements:
//
//	int fuse_lowlevel_notify_delete(struct fuse_session *se, fuse_ino_t parent, fuse_ino_t child, const char *name, size_t namelen);
func (n *Notifier) Delete(parent, child Ino, name string) error {
	return n.sendName(&message{kind: kindDelete, parent: parent, ino: child, name: name})
}

func (n *Notifier) sendName(m *message) error {
	if strings.IndexByte(m.name, 0) >= 0 {
		return syscall.EINVAL
	}
	return n.send(m)
}

// Resend has the kernel send again every request that a filesystem has read and not answered. It is meant for one that took over
// the descriptor of a process that died. Where handlers are still at work, each of their requests comes a second time
// ([Request.Resent]), and only the answer to that copy counts. The answer to the first fails with ENOENT, which a [Reply] tells. What a handler has
// returned that way is undone by Forget and Release: see [Ops].
//
// It does not block, and may be called from a handler; but there it repeats that handler's own request, too: not unless Request.Resent says no.
//
// Since: FUSE protocol 7.40 (Linux 6.9). No libfuse has a function for it.
func (n *Notifier) Resend() error { return n.send(&message{kind: kindResend}) }

// IncrementEpoch makes all entries that the kernel knows now old. Each is dropped when it is to be used next, as InvalEntry would, and looked up again: what is mounted there is detached, inodes that nobody
// uses are forgotten with their pages, the path of an open file is gone. Until then attributes stay, those of the root and of open files beyond that, and cached listings of directories that are in
// use: see [Changes.Everything] for what to do when everything may have changed.
//
// A Lookup or Readdirplus under way counts as one of before: there is no race.
//
// It does not block, and may be called from a handler.
//
// Since: FUSE protocol 7.44 (Linux 6.16), with any libfuse; its own function is from 3.18.
//
// Implements:
//
//	int fuse_lowlevel_notify_increment_epoch(struct fuse_session *se);
func (n *Notifier) IncrementEpoch() error { return n.send(&message{kind: kindIncrementEpoch}) }

// Prune asks the kernel to forget inodes: those that nobody uses get a Forget soon; a directory, once nothing below it is known. Others, and those that the kernel does not know, are
// passed over without an error. It serves to bound what a filesystem must keep in memory.
//
// It may have to write back data (Write), and waits for that.
//
// Since: FUSE protocol 7.45 (Linux 6.18), with any libfuse; its own function is from 3.19.
//
// Implements:
//
//	int fuse_lowlevel_notify_prune(struct fuse_session *se, fuse_ino_t *nodeids, uint32_t count);
func (n *Notifier) Prune(inos ...Ino) error {
	return n.send(&message{kind: kindPrune, inos: inos})
}

// pruneMost is how many inodes one message names: it must fit through a socket, too.
const pruneMost = 4096

func (s *Session) prune(inos []Ino) error {
	for len(inos) > 0 {
		some := inos[:min(len(inos), pruneMost)]
		if err := s.c.Prune(unsafe.Slice((*uint64)(&some[0]), len(some))); err != nil {
			return err
		}
		inos = inos[len(some):]
	}
	return nil
}
