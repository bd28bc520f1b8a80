package highlevel

import (
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const errNoRequest = syscall.EINVAL

// FS is a filesystem by paths: it turns the kernel's requests, which are about inodes, into Operations, which are about paths. struct fuse in C.
type FS struct {
	ops     Operations
	cfg     Config
	tree    *tree
	dirs    dirTable
	private any
	hidden  uint32        // how many names hidden files were given; guarded by tree.mu
	changes atomic.Uint64 // how many operations have changed something
	session atomic.Pointer[lowlevel.Session]
	guards  atomic.Pointer[[]*lowlevel.Changes] // those that are told of every operation
	stop    chan struct{}                       // closed by Destroy
}

// New returns a filesystem. Most programs use Main or Mount instead.
func New(ops *Operations, cfg Config) *FS {
	return &FS{ops: *ops, cfg: cfg, tree: newTree(), stop: make(chan struct{})}
}

// Ops returns what serves the filesystem in a lowlevel.Session. There may be one such session.
func (f *FS) Ops() *lowlevel.Ops {
	ops := &lowlevel.Ops{
		Init:        f.init,
		Destroy:     f.destroy,
		Lookup:      f.lookup,
		Forget:      f.forget,
		ForgetMulti: f.forgetMulti,
		Getattr:     f.getattr,
		Setattr:     f.setattr,
		Open:        f.open,
		Release:     f.release,
		Opendir:     f.opendir,
		Readdir:     f.readdir,
		Readdirplus: f.readdirplus,
		Releasedir:  f.releasedir,
		Flush:       f.flush,
		Statfs:      f.statfs,
	}
	f.addNames(ops)
	f.addFiles(ops)
	f.addRest(ops)
	return ops
}

// opsAt returns Ops for a mountpoint. A filesystem that lists nothing, on a file, is a file itself: nothing is looked up in it, and that is how lowlevel knows that it
// needs no directory.
func (f *FS) opsAt(mountpoint string) *lowlevel.Ops {
	ops := f.Ops()
	info, err := os.Stat(mountpoint)
	if err == nil && info.Mode().IsRegular() && f.ops.Readdir == nil {
		ops.Lookup = nil
	}
	return ops
}

// What Operations does not have stays nil here, so that libfuse and the kernel do what they do for C.

func (f *FS) addNames(ops *lowlevel.Ops) {
	set(&ops.Readlink, f.readlink, f.ops.Readlink != nil)
	set(&ops.Mknod, f.mknod, f.ops.Mknod != nil || f.ops.Create != nil)
	set(&ops.Mkdir, f.mkdir, f.ops.Mkdir != nil)
	set(&ops.Unlink, f.unlink, f.ops.Unlink != nil)
	set(&ops.Rmdir, f.rmdir, f.ops.Rmdir != nil)
	set(&ops.Symlink, f.symlink, f.ops.Symlink != nil)
	set(&ops.Rename, f.rename, f.ops.Rename != nil)
	set(&ops.Link, f.link, f.ops.Link != nil)
	set(&ops.Create, f.create, f.ops.Create != nil)
	set(&ops.Tmpfile, f.tmpfile, f.ops.Tmpfile != nil)
}

func (f *FS) addFiles(ops *lowlevel.Ops) {
	// Unlike in C, Read and Write come first: without CapSpliceWrite and CapSpliceRead, which the kernel does not use unless asked to, they are faster.
	set(&ops.Read, f.read, f.ops.Read != nil)
	set(&ops.ReadBuf, f.readBuf, f.ops.Read == nil && f.ops.ReadBuf != nil)
	set(&ops.Write, f.write, f.ops.Write != nil)
	set(&ops.WriteBuf, f.writeBuf, f.ops.Write == nil && f.ops.WriteBuf != nil)
	set(&ops.Fsync, f.fsync, f.ops.Fsync != nil)
	set(&ops.Fsyncdir, f.fsyncdir, f.ops.Fsyncdir != nil)
	set(&ops.Fallocate, f.fallocate, f.ops.Fallocate != nil)
	set(&ops.CopyFileRange, f.copyFileRange, f.ops.CopyFileRange != nil)
	set(&ops.Lseek, f.lseek, f.ops.Lseek != nil)
	set(&ops.Getlk, f.getlk, f.ops.Lock != nil)
	set(&ops.Setlk, f.setlk, f.ops.Lock != nil)
	set(&ops.Flock, f.flock, f.ops.Flock != nil)
}

func (f *FS) addRest(ops *lowlevel.Ops) {
	set(&ops.Setxattr, f.setxattr, f.ops.Setxattr != nil)
	set(&ops.Getxattr, f.getxattr, f.ops.Getxattr != nil)
	set(&ops.Listxattr, f.listxattr, f.ops.Listxattr != nil)
	set(&ops.Removexattr, f.removexattr, f.ops.Removexattr != nil)
	set(&ops.Access, f.access, f.ops.Access != nil)
	set(&ops.Bmap, f.bmap, f.ops.Bmap != nil)
	set(&ops.Ioctl, f.ioctl, f.ops.Ioctl != nil)
	set(&ops.Poll, f.poll, f.ops.Poll != nil)
	set(&ops.Statx, f.statx, f.ops.Statx != nil)
	set(&ops.Syncfs, f.syncfs, f.ops.Syncfs != nil)
}

// is reports whether the kernel would be told that errno.
func is(err error, errno syscall.Errno) bool { return lowlevel.ToErrno(err) == errno }

// set sets a member if the filesystem has it.
func set[F any](member *F, f F, has bool) {
	if has {
		*member = f
	}
}

// init asks for what C's high-level library asks for, before the filesystem has its say.
func (f *FS) init(conn *lowlevel.ConnInfo) {
	_ = conn.Enable(lowlevel.CapExportSupport) // an old kernel lacks it: then there is no NFS
	if f.ops.Init != nil {
		f.private = f.ops.Init(conn, &f.cfg)
	}
	f.tree.keeps = f.cfg.Remember != 0
	f.tree.prunes = f.cfg.Remember > 0
	if f.tree.prunes {
		go f.prune()
	}
}

func (f *FS) destroy() {
	close(f.stop)
	f.removeHidden()
	if f.ops.Destroy != nil {
		f.ops.Destroy(f.private)
	}
}

// at runs an operation on an inode's path.
func (f *FS) at(req *lowlevel.Request, ino Ino, op func(ctx *request, path string) error) error {
	return f.with(req, want{ino: ino}, func(ctx *request, h held) error { return op(ctx, h.path) })
}

// with runs an operation while it has a path.
func (f *FS) with(req *lowlevel.Request, w want, op func(ctx *request, h held) error) error {
	h, err := f.tree.one(w)
	if err != nil {
		return err
	}
	defer f.tree.release(h)
	ctx := f.begin(req)
	defer ctx.end()
	return op(ctx, h)
}

// aside is atFile for what may wait for long, on a goroutine of its own: enough of them would leave no thread to read the request that ends the waiting.
func (f *FS) aside(req *lowlevel.Request, ino Ino, fi *FileInfo, op func(ctx *request, path string, fi *FileInfo) error) error {
	ctx, file := f.begin(req), *fi
	reply := req.Detach()
	ctx.end()
	ctx.inner = reply.Context()
	go func() {
		err := f.guarded(func() error {
			if f.cfg.NullpathOK {
				return op(ctx, "", &file)
			}
			h, err := f.tree.one(want{ino: ino, open: true})
			if err != nil {
				return err
			}
			defer f.tree.release(h)
			return op(ctx, h.path, &file)
		})
		_ = reply.Err(err) // the session has ended: it has answered
	}()
	return nil
}

// guarded turns a panic into an error, as lowlevel does for handlers.
func (f *FS) guarded(op func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("fuse: operation panicked; answered EIO", "panic", p, "stack", string(debug.Stack()))
			err = syscall.EIO
		}
	}()
	return op()
}

// open files have the path "" where that is wanted, and where they have none left.
func (f *FS) atFile(req *lowlevel.Request, ino Ino, fi *FileInfo, op func(ctx *request, path string) error) error {
	if fi != nil && f.cfg.NullpathOK {
		ctx := f.begin(req)
		defer ctx.end()
		return op(ctx, "")
	}
	return f.with(req, want{ino: ino, open: fi != nil}, func(ctx *request, h held) error { return op(ctx, h.path) })
}
