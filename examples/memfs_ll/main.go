// Memfs_ll is a filesystem in memory, like tmpfs: regular files with holes, directories, links, symbolic links, special files,
// extended attributes, with limits on space and inodes. What it holds is gone when it is unmounted.
//
//	memfs_ll [options] MOUNTPOINT
//	memfs_ll -o size=1g,nr_inodes=1m,allow_other /mnt/scratch
//
// It is meant to be read. This file is the tour; each other file treats one topic and leans on few others:
//
//	main.go       the options, the table of handlers, what is agreed with the kernel
//	inode.go      files of all types, their numbers, and when they end
//	names.go      lookup, and making and removing names      rename.go     moving them
//	directory.go  the entries of a directory                 readdir.go    listing them
//	attr.go       attributes, times, how long the kernel may cache them
//	file.go       reading and writing                        sparse.go     the content of a file
//	xattr.go      extended attributes                        pagetree.go   where its pages are
//	limits.go     what there is of space and inodes          shrink.go     a map that gives memory back
//
// # Locks
//
// memfs.tree guards all directories: who wants to see or change names takes it. table.mu guards the numbers of inodes, inode.mu the
// attributes and the content of one inode. They are taken in that order, and never two of one kind.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// memfs is the filesystem. Its methods with the signatures of lowlevel.Ops are the handlers; they run concurrently.
type memfs struct {
	space  budget // bytes: pages of files, targets of symbolic links, extended attributes
	inodes budget
	table  table

	tree sync.RWMutex // guards the entries and the parents of all directories

	// What init has agreed on with the kernel.
	writeback bool // the kernel collects writes, and says when files were changed
	skipOpen  bool // it is content when open is answered ENOSYS
}

// ops is the table of handlers. What is missing is either kept by the kernel (locks) or needs nothing done (release, flush,
// fsync).
func (fs *memfs) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Init: fs.init,

		Lookup:      fs.lookup,
		Forget:      fs.forget,
		ForgetMulti: fs.forgetMulti,
		Statfs:      fs.statfs,

		Mknod:   fs.mknod,
		Mkdir:   fs.mkdir,
		Symlink: fs.symlink,
		Create:  fs.createFile,
		Tmpfile: fs.tmpfile,
		Link:    fs.link,
		Unlink:  fs.unlink,
		Rmdir:   fs.rmdir,
		Rename:  fs.rename,

		Readdir:     fs.readdir,
		Readdirplus: fs.readdirplus,

		Getattr:     fs.getattr,
		Setattr:     fs.setattr,
		Readlink:    fs.readlink,
		Setxattr:    fs.setxattr,
		Getxattr:    fs.getxattr,
		Listxattr:   fs.listxattr,
		Removexattr: fs.removexattr,

		Open:          fs.open,
		Read:          fs.read,
		Write:         fs.write,
		Fallocate:     fs.fallocate,
		Lseek:         fs.lseek,
		CopyFileRange: fs.copyFileRange,
	}
}

// init agrees with the kernel on how to work together. Everything that changes this filesystem passes through the kernel, so its
// caches are always right, and it need not ask much.
func (fs *memfs) init(conn *lowlevel.ConnInfo) {
	fs.writeback = conn.Want()&lowlevel.CapWritebackCache != 0 // -o writeback_cache

	// Opening a file does nothing here: leave it out. O_TRUNC must be a setattr then. Not so with directories: the kernel
	// would cache listings, and mix those that begin before a change with those that begin after it.
	fs.skipOpen = conn.Enable(lowlevel.CapNoOpenSupport) == nil
	conn.Disable(lowlevel.CapAtomicOTrunc)

	// Without this the kernel drops a file's cached data whenever it sees a new mtime, although it was it who wrote.
	conn.Disable(lowlevel.CapAutoInvalData)

	// What kernel or library do not have is done without.
	for _, c := range []lowlevel.Cap{
		lowlevel.CapExplicitInvalData, // nor on a new size
		lowlevel.CapExportSupport,     // lookup knows "." and ".."
		lowlevel.CapCacheSymlinks,     // they never change
		lowlevel.CapParallelDirops,    // we lock by ourselves
	} {
		_ = conn.Enable(c)
	}
}

// options are our own -o options; those of the library are known to it.
type options struct {
	Size     string `fuse:"size=%s"`
	NrInodes string `fuse:"nr_inodes=%s"`
	Mode     string `fuse:"mode=%s"`
	UID      string `fuse:"uid=%s"`
	GID      string `fuse:"gid=%s"`
}

const help = `
File system options:
    -o size=NUM            space, with k, m, g or t behind the number (half of the memory)
    -o nr_inodes=NUM       how many files there may be (one for each 4k of space)
    -o mode=OCTAL          permissions of the root directory (1777)
    -o uid=NUM             its owner (who mounts)
    -o gid=NUM             its group (who mounts)
`

// setup makes the filesystem, empty but for its root.
func (fs *memfs) setup(o *options) error {
	if err := fs.setLimits(o.Size, o.NrInodes); err != nil {
		return err
	}
	mode, err := parseID("mode", o.Mode, 8, 0o1777)
	if err != nil {
		return err
	}
	uid, err := parseID("uid", o.UID, 10, os.Getuid())
	if err != nil {
		return err
	}
	gid, err := parseID("gid", o.GID, 10, os.Getgid())
	if err != nil {
		return err
	}
	root, err := fs.newInode(owner{uid, gid}, unix.S_IFDIR|mode&0o7777)
	if err != nil {
		return err
	}
	root.parent = root
	root.nlink = 2 // it is never unlinked, so never reaped

	// The heap may be a quarter larger than what it can hold: by default it would grow to twice that before it is cleaned.
	debug.SetMemoryLimit(fs.space.limit/4*5 + fs.inodes.limit*inodeCost + 64<<20)
	return nil
}

// parseID reads the number of an option.
func parseID(option, s string, base, unset int) (uint32, error) {
	if s == "" {
		return uint32(unset), nil
	}
	n, err := strconv.ParseUint(s, base, 32)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: not a number", option, s)
	}
	return uint32(n), nil
}

func main() {
	fs, o := new(memfs), new(options)
	os.Exit(lowlevel.Main(&lowlevel.Program{
		Ops:     fs.ops(),
		Options: o,
		Help:    help,
		Setup: func(c *lowlevel.Cmdline) error {
			// We leave it to the kernel to check permissions: so it must, and not only when the user says so.
			c.Args = append(c.Args, "-o", "default_permissions")
			return fs.setup(o)
		},
	}))
}
