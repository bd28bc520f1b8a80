package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Options for what the kernel caches and how it reads and writes, in addition to C's: docs/iomodes.md tells what they are good for. libfuse
// itself has -o writeback_cache, auto_inval_data and readdirplus.

const ioModesHelp = `    -o direct_io           Read and write past the page cache
    -o direct_io_allow_mmap  Shared mmap of such files (libfuse 3.17)
    -o no_parallel_direct_writes  One write of such a file at a time
    -o keep_cache          Keep what is cached of files and directories
    -o cache_readdir       Cache listings
    -o cache_symlinks      Cache targets of symbolic links
    -o explicit_inval_data  Drop no cached data by itself
    -o no_open             Do without open files
    -o no_opendir          Do without open directories
`

// directIO reports whether files are read and written past the page cache.
func (o *options) directIO() bool { return o.DirectIO || o.Cache == cacheNever }

// keepCache reports whether the page cache of a file outlives its last close.
func (o *options) keepCache() bool { return o.KeepCache || o.Cache == cacheAlways }

// ioModeCaps are the capabilities that the options ask for.
func (o *options) ioModeCaps() lowlevel.Cap {
	var caps lowlevel.Cap
	for _, c := range []struct {
		on  bool
		cap lowlevel.Cap
	}{
		{o.DirectIOAllowMmap, lowlevel.CapDirectIOAllowMmap},
		{o.CacheSymlinks, lowlevel.CapCacheSymlinks},
		{o.ExplicitInvalData, lowlevel.CapExplicitInvalData},
		{o.NoOpen, lowlevel.CapNoOpenSupport},
		{o.NoOpendir, lowlevel.CapNoOpendirSupport},
	} {
		if c.on {
			caps |= c.cap
		}
	}
	return caps
}

// checkIOModes says which options exclude each other, and what this libfuse cannot do.
func (o *options) checkIOModes() error {
	switch {
	case o.directIO() && o.KeepCache:
		return errors.New("keep_cache is not for direct_io and cache=never")
	case o.directIO() && o.NoOpen:
		return errors.New("no_open is not for direct_io and cache=never")
	}
	if o.DirectIOAllowMmap && lowlevel.HeaderVersion() < 317 {
		return fmt.Errorf("direct_io_allow_mmap: not supported by libfuse %s (needs libfuse 3.17)", lowlevel.PackageVersion())
	}
	return nil
}

// initIOModes tells the kernel about the modes. If it lacks one, that is a reason to end: Init has no other way than a signal.
func (fs *passthrough) initIOModes(conn *lowlevel.ConnInfo) {
	if fs.opts.ExplicitInvalData {
		conn.Disable(lowlevel.CapAutoInvalData) // which would prevail
	}
	if err := conn.Enable(fs.opts.ioModeCaps()); err != nil {
		fmt.Fprintf(os.Stderr, "passthrough_ll: %v\n", err)
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
	}
	// -o writeback_cache, which is libfuse's, takes what -o writeback does.
	fs.opts.Writeback = conn.Want()&lowlevel.CapWritebackCache != 0
}

// file returns a descriptor of the file that a request is for. With no_open the kernel has none to give, and the file is opened as
// flags say, for this request.
func (fs *passthrough) file(ino lowlevel.Ino, fi *lowlevel.FileInfo, flags int) (pathFD, error) {
	if !fs.opts.NoOpen {
		return pathFD{fd: int(fi.Fh)}, nil
	}
	in, err := fs.path(ino)
	if err != nil {
		return pathFD{}, err
	}
	defer in.close()
	fd, err := reopen(in.fd, flags|unix.O_CLOEXEC)
	return pathFD{fd: fd, temporary: true}, err
}

// directory is the same for directories, with no_opendir. done must be called when the request is.
func (fs *passthrough) directory(ino lowlevel.Ino, fi *lowlevel.FileInfo) (d *openDir, done func(), err error) {
	if !fs.opts.NoOpendir {
		d, err = fs.dirs.get(fi)
		return d, func() {}, err
	}
	d, err = fs.openDirectory(ino)
	if err != nil {
		return nil, nil, err
	}
	return d, d.close, nil
}
