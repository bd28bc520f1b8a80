package notify

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// The handlers of a tree. Each writes its request down, settles the answer, and waits where a test wants it to.

func (fs *tree) ops() *lowlevel.Ops {
	ops := &lowlevel.Ops{
		Init: fs.init, Lookup: fs.lookup, Forget: fs.forget, Getattr: fs.getattr, Setattr: fs.setattr, Readlink: fs.readlink,
		Create: fs.create, Mkdir: fs.mkdir, Unlink: fs.unlink, Rename: fs.rename,
		Open: fs.open, Release: fs.release, Read: fs.read, Write: fs.write, Fsync: fs.fsync, Getxattr: fs.getxattr, Setxattr: fs.setxattr,
		Opendir: fs.opendir, Readdir: fs.readdir, Releasedir: fs.release,
	}
	if fs.setup.plus {
		ops.Readdirplus = fs.readdirplus
	}
	if fs.setup.ops != nil {
		fs.setup.ops(fs, ops)
	}
	return ops
}

func (fs *tree) init(conn *lowlevel.ConnInfo) {
	conn.Disable(fs.setup.disable)
	fs.enabled = conn.Enable(fs.setup.enable)
	if fs.setup.maxWrite != 0 && fs.enabled == nil {
		fs.enabled = conn.SetMaxWrite(fs.setup.maxWrite)
	}
}

// label names a node in the log.
func (fs *tree) label(ino lowlevel.Ino) string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.nodes[ino].label
}

func (fs *tree) path(parent lowlevel.Ino, name string) string {
	return strings.TrimSuffix(fs.label(parent), "/") + "/" + name
}

// entry counts a lookup.
func (fs *tree) entry(ino lowlevel.Ino) lowlevel.EntryParam {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if ino == 0 {
		return lowlevel.EntryParam{EntryTimeout: fs.setup.entryTimeout}
	}
	fs.looked[ino]++
	return lowlevel.EntryParam{Ino: ino, Attr: fs.nodes[ino].attr(), AttrTimeout: long, EntryTimeout: fs.setup.entryTimeout}
}

func (fs *tree) find(parent lowlevel.Ino, name string) lowlevel.Ino {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.nodes[parent].find(name)
}

func (fs *tree) lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	h := fs.note("LOOKUP %s", fs.path(parent, name))
	e := fs.entry(fs.find(parent, name))
	h.wait()
	return e, nil
}

func (fs *tree) forget(_ *lowlevel.Request, ino lowlevel.Ino, n uint64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.forgot[ino] += n
}

func (fs *tree) attr(ino lowlevel.Ino) lowlevel.Stat {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.nodes[ino].attr()
}

func (fs *tree) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	h := fs.note("GETATTR %s", fs.label(ino))
	st := fs.attr(ino)
	h.wait()
	return st, long, nil
}

func (fs *tree) setattr(_ *lowlevel.Request, ino lowlevel.Ino, attr *lowlevel.Stat, toSet lowlevel.SetAttr, _ *lowlevel.FileInfo,
) (lowlevel.Stat, time.Duration, error) {
	h := fs.note("SETATTR %s", fs.label(ino))
	fs.mu.Lock()
	if toSet&lowlevel.SetAttrSize != 0 {
		fs.nodes[ino].resize(int(attr.Size))
	}
	if toSet&lowlevel.SetAttrMtime != 0 {
		fs.nodes[ino].mtime = attr.Mtim.Sec
	}
	fs.mu.Unlock()
	st := fs.attr(ino)
	h.wait()
	return st, long, nil
}

func (fs *tree) readlink(_ *lowlevel.Request, ino lowlevel.Ino) (string, error) {
	fs.note("READLINK %s", fs.label(ino)).wait()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.nodes[ino].target, nil
}

func (fs *tree) create(_ *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32, _ *lowlevel.FileInfo) (lowlevel.EntryParam, error) {
	path := fs.path(parent, name)
	fs.note("CREATE %s", path).wait()
	e := fs.entry(fs.add(path[1:], unix.S_IFREG|mode))
	fs.opened(e.Ino)
	return e, nil
}

func (fs *tree) mkdir(_ *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32) (lowlevel.EntryParam, error) {
	path := fs.path(parent, name)
	fs.note("MKDIR %s", path).wait()
	return fs.entry(fs.add(path[1:], unix.S_IFDIR|mode)), nil
}

func (fs *tree) unlink(_ *lowlevel.Request, parent lowlevel.Ino, name string) error {
	path := fs.path(parent, name)
	fs.note("UNLINK %s", path).wait()
	fs.remove(path[1:])
	return nil
}

func (fs *tree) rename(_ *lowlevel.Request, parent lowlevel.Ino, name string, newParent lowlevel.Ino, newName string, _ lowlevel.RenameFlags) error {
	from, to := fs.path(parent, name), fs.path(newParent, newName)
	fs.note("RENAME %s %s", from, to).wait()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	old := fs.nodes[parent]
	ino := old.find(name)
	old.remove(name)
	dir := fs.nodes[newParent]
	if dir.find(newName) != 0 {
		dir.remove(newName)
	}
	dir.entries = append(dir.entries, entry{newName, ino})
	return nil
}

func (fs *tree) open(_ *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	fs.note("OPEN %s", fs.label(ino)).wait()
	fi.KeepCache = true
	fs.opened(ino)
	return nil
}

func (fs *tree) opened(ino lowlevel.Ino) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.opens[ino]++
}

// release is not written down: nobody waits for it. The kernel uses the inode until it is answered.
func (fs *tree) release(req *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) error {
	req.AfterReply(func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.opens[ino]--
	})
	return nil
}

func (fs *tree) read(_ *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	h := fs.note("READ %s %s", fs.label(ino), span(off, len(dst)))
	fs.mu.Lock()
	n := copy(dst, fs.nodes[ino].at(off))
	fs.mu.Unlock()
	h.wait()
	return n, nil
}

func (fs *tree) write(_ *lowlevel.Request, ino lowlevel.Ino, data []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	h := fs.note("WRITE %s %s", fs.label(ino), span(off, len(data)))
	fs.mu.Lock()
	fs.nodes[ino].put(data, off)
	fs.mu.Unlock()
	h.wait()
	return len(data), nil
}

func (fs *tree) fsync(_ *lowlevel.Request, ino lowlevel.Ino, _ bool, _ *lowlevel.FileInfo) error {
	fs.note("FSYNC %s", fs.label(ino)).wait()
	return nil
}

// acl is the attribute that holds a file's access control list. No file here has one, which is kept in the cache as well.
const acl = "system.posix_acl_access"

func (fs *tree) getxattr(_ *lowlevel.Request, ino lowlevel.Ino, name string, dst []byte) (int, error) {
	fs.note("GETXATTR %s %s", fs.label(ino), name).wait()
	if name == "security.capability" || name == acl {
		return 0, unix.ENODATA
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return lowlevel.XattrValue(dst, []byte(fs.nodes[ino].xattr))
}

func (fs *tree) setxattr(_ *lowlevel.Request, ino lowlevel.Ino, name string, value []byte, _ lowlevel.XattrFlags) error {
	fs.note("SETXATTR %s %s", fs.label(ino), name).wait()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.nodes[ino].xattr = string(value)
	return nil
}

func (fs *tree) opendir(_ *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	fs.note("OPENDIR %s", fs.label(ino)).wait()
	fi.CacheReaddir, fi.KeepCache = true, true
	fs.opened(ino)
	return nil
}

// entries returns the entries of a directory from off on.
func (fs *tree) entries(ino lowlevel.Ino, off int64) []entry {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := fs.nodes[ino].entries
	return append([]entry(nil), all[min(off, int64(len(all))):]...)
}

func (fs *tree) readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	h := fs.note("READDIR %s %d", fs.label(ino), off)
	for i, e := range fs.entries(ino, off) {
		st := fs.attr(e.ino)
		if !dst.Add(e.name, &st, off+int64(i)+1) {
			break
		}
	}
	h.wait()
	return nil
}

func (fs *tree) readdirplus(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirPlusBuf, off int64, _ *lowlevel.FileInfo) error {
	h := fs.note("READDIRPLUS %s %d", fs.label(ino), off)
	for i, e := range fs.entries(ino, off) {
		p := fs.entry(e.ino)
		if !dst.Add(e.name, &p, off+int64(i)+1) {
			break
		}
	}
	h.wait()
	return nil
}
