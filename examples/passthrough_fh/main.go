// Command passthrough_fh mirrors the host's files through FUSE: operations on open files go by descriptor, the others by path. It takes the command line of
// libfuse's example of the same name:
//
//	passthrough_fh /mnt                                         # shows /
//	passthrough_fh -o modules=subdir,subdir=/home/me /mnt       # shows /home/me
//	passthrough_fh -o allow_other,default_permissions /mnt      # for all users, as root
//
// The operations by path are in package examples/internal/mirror, which example passthrough shares; what goes by descriptor is in file.go, dir.go and lock.go. What
// C's example leaves out is there, too: flags of rename, all modes of fallocate; new files belong to who makes them; paths may be longer than PATH_MAX.
//
// Without default_permissions the kernel checks no permissions, and a server that runs as root gives everybody who may use
// the mount root's access to existing files. Mount with default_permissions wherever allow_other is used.
package main

import (
	"fmt"
	"os"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// options are the program's own options.
type options struct {
	Locks bool `fuse:"--locks"`
	Bufs  bool `fuse:"--bufs"`
}

const help = `
File-system specific options:
    --locks                set fcntl locks on the files below
    --bufs                 hand descriptors over, for -o splice_read,splice_write
`

type passthrough struct {
	*mirror.Files
	opts  options
	dirs  dirTable
	locks lockTable
}

func main() {
	files, err := mirror.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, "passthrough_fh:", err)
		os.Exit(1)
	}
	fs := &passthrough{Files: files}
	ops := fs.ops()
	os.Exit(highlevel.Main(&highlevel.Program{
		Ops:     ops,
		Options: &fs.opts,
		Help:    help,
		Setup: func(*lowlevel.Cmdline) error {
			if fs.opts.Locks {
				ops.Lock = fs.lock
			}
			if fs.opts.Bufs {
				ops.Read, ops.Write = nil, nil // which would be used first, since without splicing they are faster
			}
			return nil
		},
	}))
}

func (fs *passthrough) ops() *highlevel.Operations {
	return &highlevel.Operations{
		Init:          fs.init,
		Getattr:       fs.getattr,
		Statx:         fs.statx,
		Access:        fs.Access,
		Readlink:      fs.Readlink,
		Opendir:       fs.opendir,
		Readdir:       fs.readdir,
		Releasedir:    fs.releasedir,
		Fsyncdir:      fs.fsyncdir,
		Mknod:         fs.Mknod,
		Mkdir:         fs.Mkdir,
		Symlink:       fs.Symlink,
		Unlink:        fs.Unlink,
		Rmdir:         fs.Rmdir,
		Rename:        fs.Rename,
		Link:          fs.Link,
		Chmod:         fs.chmod,
		Chown:         fs.chown,
		Truncate:      fs.truncate,
		Utimens:       fs.utimens,
		Create:        fs.Create,
		Open:          fs.Open,
		Read:          fs.Read,
		ReadBuf:       fs.readBuf,
		Write:         fs.Write,
		WriteBuf:      fs.writeBuf,
		Statfs:        fs.Statfs,
		Flush:         fs.flush,
		Release:       fs.Release,
		Fsync:         fs.Fsync,
		Fallocate:     fs.Fallocate,
		Setxattr:      fs.Setxattr,
		Getxattr:      fs.Getxattr,
		Listxattr:     fs.Listxattr,
		Removexattr:   fs.Removexattr,
		Flock:         fs.flock,
		CopyFileRange: fs.CopyFileRange,
		Lseek:         fs.Lseek,
	}
}

func (fs *passthrough) init(conn *highlevel.ConnInfo, cfg *highlevel.Config) any {
	fs.Init(conn, cfg)
	cfg.NullpathOK = true
	return nil
}
