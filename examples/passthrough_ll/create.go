package main

import (
	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func (fs *passthrough) create(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32,
	fi *lowlevel.FileInfo,
) (lowlevel.EntryParam, error) {
	if fs.debug {
		debugf("lo_create(parent=%d, name=%s)", parent, name)
	}
	if fs.opts.NoOpen {
		return lowlevel.EntryParam{}, unix.ENOSYS // the kernel makes the file by mknod
	}
	// The kernel has seen that there was no such file. If there is one now, a symbolic link must not lead out of the source.
	flags := fs.openFlags(fi.Flags) | unix.O_CREAT | unix.O_NOFOLLOW
	e, err := fs.createOpen(req, parent, name, flags, mode, fi)
	if err == unix.ELOOP {
		err = unix.ESTALE // makes the kernel look again
	}
	return e, err
}

func (fs *passthrough) tmpfile(req *lowlevel.Request, parent lowlevel.Ino, mode uint32, fi *lowlevel.FileInfo,
) (lowlevel.EntryParam, error) {
	if fs.opts.NoOpen {
		return lowlevel.EntryParam{}, unix.ENOSYS
	}
	return fs.createOpen(req, parent, ".", fs.openFlags(fi.Flags)|unix.O_TMPFILE, mode, fi)
}

// createOpen creates and opens a regular file.
func (fs *passthrough) createOpen(req *lowlevel.Request, parent lowlevel.Ino, name string, flags int, mode uint32,
	fi *lowlevel.FileInfo,
) (lowlevel.EntryParam, error) {
	dir, err := fs.path(parent)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	defer dir.close()
	mode = fs.maskedMode(dir, mode, req.Umask)
	fd := -1
	err = fs.self.asCaller(req, func() (err error) {
		fd, err = ignoringEINTR(func() (int, error) { return unix.Openat(dir.fd, name, flags, mode) })
		return err
	})
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	// By descriptor, not by name: the name may be another file's by now.
	path, err := openPath(unix.AT_FDCWD, procPath(fd), 0)
	if err != nil {
		closeFD(fd)
		return lowlevel.EntryParam{}, err
	}
	e, err := fs.adopt(path)
	if err != nil {
		closeFD(fd)
		return lowlevel.EntryParam{}, err
	}
	fs.opened(fi, fd)
	return e, nil
}

func (fs *passthrough) mknod(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32, rdev uint64,
) (lowlevel.EntryParam, error) {
	return fs.createEntry(req, parent, name, func(dir pathFD) error {
		return unix.Mknodat(dir.fd, name, fs.maskedMode(dir, mode, req.Umask), int(rdev))
	})
}

func (fs *passthrough) mkdir(req *lowlevel.Request, parent lowlevel.Ino, name string, mode uint32,
) (lowlevel.EntryParam, error) {
	return fs.createEntry(req, parent, name, func(dir pathFD) error {
		return unix.Mkdirat(dir.fd, name, fs.maskedMode(dir, mode, req.Umask))
	})
}

func (fs *passthrough) symlink(req *lowlevel.Request, target string, parent lowlevel.Ino, name string,
) (lowlevel.EntryParam, error) {
	return fs.createEntry(req, parent, name, func(dir pathFD) error {
		return unix.Symlinkat(target, dir.fd, name)
	})
}

// createEntry makes a new entry by calling f as the caller, and looks it up.
func (fs *passthrough) createEntry(req *lowlevel.Request, parent lowlevel.Ino, name string, f func(dir pathFD) error,
) (lowlevel.EntryParam, error) {
	dir, err := fs.path(parent)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	defer dir.close()
	if err := fs.self.asCaller(req, func() error { return f(dir) }); err != nil {
		return lowlevel.EntryParam{}, err
	}
	return fs.lookupAt(dir, name)
}

// maskedMode applies the caller's umask to the mode of a new file, unless dir has a default ACL, which then takes the umask's
// place. (The kernel leaves this to the server because of CapDontMask. Were that missing, it would have applied umask
// already, and doing it again changes nothing.)
func (fs *passthrough) maskedMode(dir pathFD, mode, umask uint32) uint32 {
	umask &= 0o777
	if mode&umask == 0 {
		return mode
	}
	if n, err := unix.Getxattr(procPath(dir.fd), "system.posix_acl_default", nil); err == nil && n > 0 {
		return mode
	}
	return mode &^ umask
}

func (fs *passthrough) link(req *lowlevel.Request, ino, newparent lowlevel.Ino, newname string,
) (lowlevel.EntryParam, error) {
	in, err := fs.path(ino)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	defer in.close()
	dir, err := fs.path(newparent)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	defer dir.close()
	err = unix.Linkat(unix.AT_FDCWD, procPath(in.fd), dir.fd, newname, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return lowlevel.EntryParam{}, err
	}
	linked := fs.inodes.refNode(ino)
	if linked == nil {
		return lowlevel.EntryParam{}, unix.ESTALE
	}
	return fs.statEntry(linked)
}

func (fs *passthrough) unlink(req *lowlevel.Request, parent lowlevel.Ino, name string) error {
	return fs.remove(parent, name, 0)
}

func (fs *passthrough) rmdir(req *lowlevel.Request, parent lowlevel.Ino, name string) error {
	return fs.remove(parent, name, unix.AT_REMOVEDIR)
}

func (fs *passthrough) remove(parent lowlevel.Ino, name string, flags int) error {
	dir, err := fs.path(parent)
	if err != nil {
		return err
	}
	defer dir.close()
	return unix.Unlinkat(dir.fd, name, flags)
}

func (fs *passthrough) rename(req *lowlevel.Request, parent lowlevel.Ino, name string,
	newparent lowlevel.Ino, newname string, flags lowlevel.RenameFlags,
) error {
	from, err := fs.path(parent)
	if err != nil {
		return err
	}
	defer from.close()
	to, err := fs.path(newparent)
	if err != nil {
		return err
	}
	defer to.close()
	if flags == 0 { // also on kernels and filesystems without renameat2
		return unix.Renameat(from.fd, name, to.fd, newname)
	}
	return unix.Renameat2(from.fd, name, to.fd, newname, uint(flags))
}
