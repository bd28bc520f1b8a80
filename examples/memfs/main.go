// Command memfs is a filesystem in memory, written by paths: files of all types, links, sparse files, extended attributes, all that rename can
// do. What it holds is gone when it is unmounted.
//
//	memfs /mnt
//	cd /mnt && git clone https://example.org/something && ...
//
// See how little a complete filesystem needs. There are no inode numbers to look up and no lookups to count, nothing is ever open, and what is removed
// while somebody uses it is not our concern: the highlevel package gives it another name, and removes that when it is closed.
//
// Read node.go first (what a file is, and how a path leads to it), then names.go (making, removing, renaming), attr.go and file.go (content).
//
// Hard links: both names of a file lead to one node, with one number (Config.UseIno) and one content. The kernel, though, takes each name for a file
// of its own, as always with a filesystem by paths: of what is changed by one name it does not know for the other. So it may not trust attributes
// (Config.AttrTimeout). It asks each time, sees that a file was changed by its other name, and reads it again. Only a shared mapping of
// one name does not see what is written to the other.
//
// Replaced files: who looks up a name just before another file is renamed onto it is told ESTALE. The kernel then tries again, once; if it is unlucky twice, so is
// the program. C's library has the same, several times as often.
//
// Memfs_ll, its sibling by inodes, has no such limits, is faster, and has options on space; and it is three times as long.
package main

import (
	"os"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

func main() {
	fs := new(memfs)
	fs.root = fs.newNode(unix.S_IFDIR|unix.S_ISVTX|0o777, uint32(os.Getuid()), uint32(os.Getgid()))
	cfg := highlevel.DefaultConfig()
	cfg.UseIno = true
	cfg.AttrTimeout = 0
	os.Exit(highlevel.Main(&highlevel.Program{Ops: fs.operations(), Config: &cfg, Setup: func(c *lowlevel.Cmdline) error {
		// We leave it to the kernel to check permissions: so it must, and not only when the user says so.
		c.Args = append(c.Args, "-o", "default_permissions")
		return nil
	}}))
}

func (fs *memfs) operations() *highlevel.Operations {
	return &highlevel.Operations{
		Init: fs.init,

		Create:  fs.create,
		Mknod:   fs.mknod,
		Mkdir:   fs.mkdir,
		Symlink: fs.symlink,
		Link:    fs.link,
		Unlink:  fs.unlink,
		Rmdir:   fs.rmdir,
		Rename:  fs.rename,
		Readdir: fs.readdir,

		Getattr:     fs.getattr,
		Chmod:       fs.chmod,
		Chown:       fs.chown,
		Utimens:     fs.utimens,
		Setxattr:    fs.setxattr,
		Getxattr:    fs.getxattr,
		Listxattr:   fs.listxattr,
		Removexattr: fs.removexattr,

		Readlink:  fs.readlink,
		Read:      fs.read,
		Write:     fs.write,
		Truncate:  fs.truncate,
		Fallocate: fs.fallocate,
		Lseek:     fs.lseek,
	}
}

// init wants O_TRUNC as a Truncate: there is no Open to look for it.
func (fs *memfs) init(conn *highlevel.ConnInfo, _ *highlevel.Config) any {
	conn.Disable(lowlevel.CapAtomicOTrunc)
	return nil
}
