package highlevel

import "github.com/go-libfuse3/go-libfuse3/lowlevel"

func (f *FS) setxattr(req *lowlevel.Request, ino Ino, name string, value []byte, flags XattrFlags) error {
	defer f.changes.Add(1)
	return f.at(req, ino, func(ctx *request, path string) error { return f.ops.Setxattr(ctx, path, name, value, flags) })
}

func (f *FS) getxattr(req *lowlevel.Request, ino Ino, name string, dst []byte) (n int, err error) {
	err = f.at(req, ino, func(ctx *request, path string) error {
		n, err = f.ops.Getxattr(ctx, path, name, dst)
		return err
	})
	return n, err
}

func (f *FS) listxattr(req *lowlevel.Request, ino Ino, dst []byte) (n int, err error) {
	err = f.at(req, ino, func(ctx *request, path string) error {
		n, err = f.ops.Listxattr(ctx, path, dst)
		return err
	})
	return n, err
}

func (f *FS) removexattr(req *lowlevel.Request, ino Ino, name string) error {
	defer f.changes.Add(1)
	return f.at(req, ino, func(ctx *request, path string) error { return f.ops.Removexattr(ctx, path, name) })
}
