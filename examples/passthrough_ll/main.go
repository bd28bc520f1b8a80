// Command passthrough_ll mirrors a directory through FUSE: every request is carried out on the files below the source
// directory, by system calls relative to file descriptors. It takes the command line of libfuse's example of the same name:
//
//	passthrough_ll -o source=/home/me /mnt/mirror
//	passthrough_ll -o source=/srv,allow_other,default_permissions /mnt/srv   # for all users, as root
//
// and more options, for the modes of reading, writing and caching that C's does not offer (iomodes.go).
//
// A tour: this file has the options, the table of operations and main. inode.go keeps the inodes that the kernel knows, each with
// an O_PATH descriptor; nodeid.go chooses their numbers. caller.go lets root's server create files as the calling user. The
// operations are in lookup.go, create.go, attr.go, dir.go, file.go, lock.go and xattr.go.
//
// Without default_permissions the kernel checks no permissions, and a server that runs as root gives everybody who may use
// the mount root's access to existing files. Mount with default_permissions wherever allow_other is used.
package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Values of options.Cache.
const (
	cacheNever  = 0
	cacheAuto   = 1
	cacheAlways = 2
)

// options are the program's own -o options.
type options struct {
	Writeback  bool    `fuse:"writeback:1,no_writeback:0"`
	Source     string  `fuse:"source=%s"`
	Flock      bool    `fuse:"flock:1,no_flock:0"`
	Xattr      bool    `fuse:"xattr:1,no_xattr:0"`
	Timeout    float64 `fuse:"timeout=%lf"`
	TimeoutSet bool    `fuse:"timeout=:1"`
	Cache      int     `fuse:"cache=never:0,cache=auto:1,cache=always:2"`

	// See iomodes.go. They come in addition to what Cache says.
	DirectIO             bool `fuse:"direct_io"`
	DirectIOAllowMmap    bool `fuse:"direct_io_allow_mmap"`
	ParallelDirectWrites bool `fuse:"parallel_direct_writes:1,no_parallel_direct_writes:0"`
	KeepCache            bool `fuse:"keep_cache"`
	CacheReaddir         bool `fuse:"cache_readdir"`
	CacheSymlinks        bool `fuse:"cache_symlinks"`
	ExplicitInvalData    bool `fuse:"explicit_inval_data"`
	NoOpen               bool `fuse:"no_open"`
	NoOpendir            bool `fuse:"no_opendir"`
}

// defaultOptions are C's. Flock is true because that is what C's program does: it has a flock handler, so libfuse asks the
// kernel for flock requests whatever the option says. Here no_flock turns them off.
func defaultOptions() options {
	return options{Source: "/", Flock: true, Cache: cacheAuto, ParallelDirectWrites: true}
}

const help = `    -o writeback           Enable writeback
    -o no_writeback        Disable write back
    -o source=/home/dir    Source directory to be mounted
    -o flock               Enable flock
    -o no_flock            Disable flock
    -o xattr               Enable xattr
    -o no_xattr            Disable xattr
    -o timeout=1.0         Caching timeout
    -o timeout=0/1         Timeout is set
    -o cache=never         Disable cache
    -o cache=auto          Auto enable cache
    -o cache=always        Cache always
`

// passthrough is the filesystem.
type passthrough struct {
	opts    options
	debug   bool
	timeout time.Duration // for how long the kernel may cache names and attributes
	inodes  *inodeTable
	nodes   *nodeIDs
	dirs    dirTable
	self    serverIdentity
	fdLimit int // how many files the process may have open
}

func main() {
	fs := &passthrough{opts: defaultOptions()}
	os.Exit(lowlevel.Main(&lowlevel.Program{
		Ops:     fs.ops(),
		Options: &fs.opts,
		Help:    help + ioModesHelp,
		Setup:   fs.setup,
	}))
}

func (fs *passthrough) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Init:          fs.init,
		Destroy:       fs.destroy,
		Lookup:        fs.lookup,
		Forget:        fs.forget,
		ForgetMulti:   fs.forgetMulti,
		Readlink:      fs.readlink,
		Getattr:       fs.getattr,
		Setattr:       fs.setattr,
		Statx:         fs.statx,
		Statfs:        fs.statfs,
		Create:        fs.create,
		Mknod:         fs.mknod,
		Mkdir:         fs.mkdir,
		Symlink:       fs.symlink,
		Tmpfile:       fs.tmpfile,
		Link:          fs.link,
		Unlink:        fs.unlink,
		Rmdir:         fs.rmdir,
		Rename:        fs.rename,
		Opendir:       fs.opendir,
		Readdir:       fs.readdir,
		Readdirplus:   fs.readdirplus,
		Releasedir:    fs.releasedir,
		Fsyncdir:      fs.fsyncdir,
		Open:          fs.open,
		Read:          fs.read,
		Write:         fs.write,
		Flush:         fs.flush,
		Release:       fs.release,
		Fsync:         fs.fsync,
		Fallocate:     fs.fallocate,
		CopyFileRange: fs.copyFileRange,
		Lseek:         fs.lseek,
		Flock:         fs.flock,
		Getxattr:      fs.getxattr,
		Listxattr:     fs.listxattr,
		Setxattr:      fs.setxattr,
		Removexattr:   fs.removexattr,
		// Getlk and Setlk stay nil, as in C: the kernel then keeps POSIX locks itself, correctly, for this mount. They
		// belong to a process; the open file description locks that a server could take instead belong to an
		// open file, so a process that opens a file twice would lock itself out.
	}
}

// setup checks the options and opens the source directory.
func (fs *passthrough) setup(cmd *lowlevel.Cmdline) error {
	fs.debug = cmd.Debug
	if err := checkSource(fs.opts.Source); err != nil {
		return err
	}
	seconds, err := fs.opts.cacheTimeout()
	if err != nil {
		return err
	}
	if err := fs.opts.checkIOModes(); err != nil {
		return err
	}
	fs.timeout = lowlevel.Seconds(seconds)
	root, err := openPath(unix.AT_FDCWD, fs.opts.Source, 0)
	if err != nil {
		return fmt.Errorf("open(\"%s\", O_PATH): %s", fs.opts.Source, strerror(err))
	}
	unix.Umask(0) // the callers' umasks count: see maskedMode
	return fs.start(root)
}

// start makes the filesystem ready for requests. It takes over root, an O_PATH descriptor.
func (fs *passthrough) start(root int) error {
	var st unix.Stat_t
	if err := unix.Fstat(root, &st); err != nil {
		return err
	}
	self, err := newServerIdentity()
	if err != nil {
		return err
	}
	fs.self = self
	fs.fdLimit = raiseFileLimit()
	fs.nodes = newNodeIDs(root, uint64(st.Dev))
	fs.inodes = newInodeTable(root, &st)
	return nil
}

func (fs *passthrough) init(conn *lowlevel.ConnInfo) {
	want := func(c lowlevel.Cap, what string) {
		if conn.Capable()&c == 0 {
			return
		}
		if fs.debug && what != "" {
			debugf("lo_init: activating %s", what)
		}
		_ = conn.Enable(c) // capable, so it cannot fail
	}
	want(lowlevel.CapExportSupport, "")
	want(lowlevel.CapParallelDirops, "")
	want(lowlevel.CapDontMask, "") // see maskedMode
	// With it the kernel sends O_TRUNC with the open, before it has found out that the file is a running program, and
	// without a word about set-user-ID bits. Else a setattr follows the open.
	conn.Disable(lowlevel.CapAtomicOTrunc)
	if fs.opts.Writeback {
		want(lowlevel.CapWritebackCache, "writeback")
	}
	if fs.opts.Flock && !fs.opts.NoOpen { // a lock is held by an open file
		want(lowlevel.CapFlockLocks, "flock locks")
	} else {
		conn.Disable(lowlevel.CapFlockLocks)
	}
	fs.initIOModes(conn)
}

func (fs *passthrough) destroy() {
	fs.inodes.close()
	fs.nodes.close()
}

// checkSource says what is wrong with the source directory, in C's words. As in C it must not be a symbolic link.
func checkSource(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("failed to stat source (\"%s\"): %s", path, strerror(err))
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errors.New("source is not a directory")
	}
	return nil
}

// cacheTimeout returns the timeout option, or the one that goes with the cache option, in seconds.
func (o *options) cacheTimeout() (float64, error) {
	switch {
	case o.TimeoutSet && o.Timeout < 0:
		return 0, fmt.Errorf("timeout is negative (%f)", o.Timeout)
	case o.TimeoutSet:
		return o.Timeout, nil
	case o.Cache == cacheNever:
		return 0, nil
	case o.Cache == cacheAlways:
		return 86400, nil
	}
	return 1, nil
}

// raiseFileLimit lets the process open as many files as it may, as inodes take a descriptor each, and returns that number.
func raiseFileLimit() int {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return math.MaxInt32
	}
	const nrOpen = 1 << 20 // the kernel's default for fs.nr_open, the most that root may ask for
	for _, want := range []uint64{nrOpen, lim.Max} {
		if want <= lim.Cur {
			continue
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want, Max: max(want, lim.Max)}); err == nil {
			return int(min(want, math.MaxInt32))
		}
	}
	return int(min(lim.Cur, math.MaxInt32))
}

// strerror is C's text for err, which begins with a capital letter.
func strerror(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// debugf prints a line for -d, where C's fuse_log does.
func debugf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
