package main

import (
	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// xattrFile returns the file that an operation is about. Without the xattr option it returns ENOSYS, after which the kernel does
// not ask again. The system calls take a path, for they refuse O_PATH descriptors.
func (fs *passthrough) xattrFile(ino lowlevel.Ino, op, name string) (pathFD, error) {
	if !fs.opts.Xattr {
		return pathFD{}, unix.ENOSYS
	}
	if fs.debug {
		debugf("%s(ino=%d, name=%s)", op, ino, name)
	}
	return fs.path(ino)
}

func (fs *passthrough) getxattr(req *lowlevel.Request, ino lowlevel.Ino, name string, dst []byte) (int, error) {
	in, err := fs.xattrFile(ino, "lo_getxattr", name)
	if err != nil {
		return 0, err
	}
	defer in.close()
	return unix.Getxattr(procPath(in.fd), name, dst)
}

func (fs *passthrough) listxattr(req *lowlevel.Request, ino lowlevel.Ino, dst []byte) (int, error) {
	in, err := fs.xattrFile(ino, "lo_listxattr", "")
	if err != nil {
		return 0, err
	}
	defer in.close()
	return unix.Listxattr(procPath(in.fd), dst)
}

func (fs *passthrough) setxattr(req *lowlevel.Request, ino lowlevel.Ino, name string, value []byte,
	flags lowlevel.XattrFlags,
) error {
	in, err := fs.xattrFile(ino, "lo_setxattr", name)
	if err != nil {
		return err
	}
	defer in.close()
	return unix.Setxattr(procPath(in.fd), name, value, int(flags))
}

func (fs *passthrough) removexattr(req *lowlevel.Request, ino lowlevel.Ino, name string) error {
	in, err := fs.xattrFile(ino, "lo_removexattr", name)
	if err != nil {
		return err
	}
	defer in.close()
	return unix.Removexattr(procPath(in.fd), name)
}
