package highlevel

import "github.com/go-libfuse3/go-libfuse3/lowlevel"

// Operations that are not about names or data: ioctl, poll, bmap, syncfs.

func (f *FS) ioctl(req *lowlevel.Request, ino Ino, cmd uint32, arg uint64, fi *FileInfo, flags IoctlFlags, in, out []byte) (r lowlevel.IoctlReply, err error) {
	if flags&lowlevel.IoctlUnrestricted != 0 {
		return r, errNotPermitted
	}
	if flags&lowlevel.IoctlDir != 0 {
		if d := f.dirs.get(fi.Fh); d != nil {
			fi.Fh = d.fh
		}
	}
	// One buffer for both ways, as in C: what goes in is at its beginning.
	data := out
	if len(in) > len(out) {
		data = make([]byte, len(in))
	}
	n := copy(data, in)
	clear(data[n:])
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		r.Result, err = f.ops.Ioctl(ctx, path, cmd, arg, fi, flags, data)
		return err
	})
	r.N = len(out)
	if len(in) > len(out) {
		copy(out, data)
	}
	return r, err
}

func (f *FS) poll(req *lowlevel.Request, ino Ino, fi *FileInfo, ph *PollHandle) (revents uint32, err error) {
	err = f.atFile(req, ino, fi, func(ctx *request, path string) error {
		revents, err = f.ops.Poll(ctx, path, fi, ph)
		return err
	})
	return revents, err
}

func (f *FS) bmap(req *lowlevel.Request, ino Ino, blocksize int, idx uint64) (block uint64, err error) {
	err = f.at(req, ino, func(ctx *request, path string) error {
		block, err = f.ops.Bmap(ctx, path, blocksize, idx)
		return err
	})
	return block, err
}

func (f *FS) syncfs(req *lowlevel.Request, ino Ino) error {
	return f.at(req, ino, func(ctx *request, path string) error { return f.ops.Syncfs(ctx, path) })
}
