// Command passthrough mirrors the host's files through FUSE: each operation is done on the path that it names. It takes the command line of libfuse's
// example of the same name:
//
//	passthrough /mnt                                         # shows /
//	passthrough -o modules=subdir,subdir=/home/me /mnt       # shows /home/me
//	passthrough -o allow_other,default_permissions /mnt      # for all users, as root
//
// The operations are in package examples/internal/mirror; passthrough_fh, which goes by file handles where it can, shares them, and is faster. What C's example leaves
// out is there, too: flags of rename, all modes of fallocate, fsync; new files belong to who makes them; paths may be longer than PATH_MAX.
//
// Without default_permissions the kernel checks no permissions, and a server that runs as root gives everybody who may use
// the mount root's access to existing files. Mount with default_permissions wherever allow_other is used.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
)

// options are the program's own options.
type options struct {
	Plus       bool `fuse:"--plus"`
	ZeroInodes bool `fuse:"--readdir-zero-inodes"`
}

const help = `
File-system specific options:
    --plus                 listings come with all attributes
    --readdir-zero-inodes  listings come without inode numbers
`

type passthrough struct {
	*mirror.Files
	opts options
}

func main() {
	files, err := mirror.New()
	if err != nil {
		fmt.Fprintln(os.Stderr, "passthrough:", err)
		os.Exit(1)
	}
	fs := &passthrough{Files: files}
	os.Exit(highlevel.Main(&highlevel.Program{Ops: fs.ops(), Options: &fs.opts, Help: help}))
}

func (fs *passthrough) ops() *highlevel.Operations {
	return &highlevel.Operations{
		Init:          fs.init,
		Getattr:       fs.Getattr,
		Statx:         fs.Statx,
		Access:        fs.Access,
		Readlink:      fs.Readlink,
		Readdir:       fs.readdir,
		Mknod:         fs.Mknod,
		Mkdir:         fs.Mkdir,
		Symlink:       fs.Symlink,
		Unlink:        fs.Unlink,
		Rmdir:         fs.Rmdir,
		Rename:        fs.Rename,
		Link:          fs.Link,
		Chmod:         fs.Chmod,
		Chown:         fs.Chown,
		Truncate:      fs.Truncate,
		Utimens:       fs.Utimens,
		Open:          fs.Open,
		Create:        fs.Create,
		Read:          fs.Read,
		Write:         fs.Write,
		Statfs:        fs.Statfs,
		Release:       fs.Release,
		Fsync:         fs.Fsync,
		Fallocate:     fs.Fallocate,
		Setxattr:      fs.Setxattr,
		Getxattr:      fs.Getxattr,
		Listxattr:     fs.Listxattr,
		Removexattr:   fs.Removexattr,
		CopyFileRange: fs.CopyFileRange,
		Lseek:         fs.Lseek,
	}
}

func (fs *passthrough) init(conn *highlevel.ConnInfo, cfg *highlevel.Config) any {
	fs.Init(conn, cfg)
	return nil
}

// readdir lists the whole directory at once: all offsets are 0.
func (fs *passthrough) readdir(_ context.Context, path string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	d, err := mirror.OpenDir(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	var st highlevel.Stat // one for all: fill copies it
	return d.Each(func(e mirror.Dirent) bool {
		known := d.Stat(e, fs.opts.Plus, &st)
		if fs.opts.ZeroInodes {
			st.Ino = 0
		}
		return fill(e.Name, &st, 0, known)
	})
}
