package highlevel

import (
	"context"

	"golang.org/x/sys/unix"
)

// MapPaths returns operations that call those of next with other paths: what most layers begin with. to must be safe to be called at the same time by several; its error is the answer. The
// path "" (an open file's, see Config.NullpathOK) stays as it is. Targets of links and names in listings are left alone.
func MapPaths(next *Operations, to func(path string) (string, error)) *Operations {
	ops := *next
	to = keepEmpty(to)
	for _, part := range []func(ops, next *Operations, to pathFunc){
		mapAttributes, mapXattrs, mapNames, mapTwoNames, mapOpen, mapData, mapDirs, mapRest,
	} {
		part(&ops, next, to)
	}
	return &ops
}

type pathFunc = func(path string) (string, error)

func keepEmpty(to pathFunc) pathFunc {
	return func(path string) (string, error) {
		if path == "" {
			return "", nil
		}
		return to(path)
	}
}

func mapAttributes(ops, next *Operations, to pathFunc) {
	if f := next.Getattr; f != nil {
		ops.Getattr = func(ctx context.Context, path string, fi *FileInfo) (r Stat, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Statx; f != nil {
		ops.Statx = func(ctx context.Context, path string, flags, mask uint32, fi *FileInfo) (r unix.Statx_t, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, flags, mask, fi)
		}
	}
	if f := next.Chmod; f != nil {
		ops.Chmod = func(ctx context.Context, path string, mode uint32, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mode, fi)
		}
	}
	if f := next.Chown; f != nil {
		ops.Chown = func(ctx context.Context, path string, uid, gid uint32, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, uid, gid, fi)
		}
	}
	if f := next.Truncate; f != nil {
		ops.Truncate = func(ctx context.Context, path string, size int64, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, size, fi)
		}
	}
	if f := next.Utimens; f != nil {
		ops.Utimens = func(ctx context.Context, path string, atime, mtime unix.Timespec, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, atime, mtime, fi)
		}
	}
	if f := next.Access; f != nil {
		ops.Access = func(ctx context.Context, path string, mask uint32) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mask)
		}
	}
}

func mapXattrs(ops, next *Operations, to pathFunc) {
	if f := next.Setxattr; f != nil {
		ops.Setxattr = func(ctx context.Context, path, name string, value []byte, flags XattrFlags) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, name, value, flags)
		}
	}
	if f := next.Getxattr; f != nil {
		ops.Getxattr = func(ctx context.Context, path, name string, dst []byte) (r int, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, name, dst)
		}
	}
	if f := next.Listxattr; f != nil {
		ops.Listxattr = func(ctx context.Context, path string, dst []byte) (r int, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, dst)
		}
	}
	if f := next.Removexattr; f != nil {
		ops.Removexattr = func(ctx context.Context, path, name string) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, name)
		}
	}
}

func mapNames(ops, next *Operations, to pathFunc) {
	if f := next.Readlink; f != nil {
		ops.Readlink = func(ctx context.Context, path string) (r string, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path)
		}
	}
	if f := next.Mknod; f != nil {
		ops.Mknod = func(ctx context.Context, path string, mode uint32, rdev uint64) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mode, rdev)
		}
	}
	if f := next.Mkdir; f != nil {
		ops.Mkdir = func(ctx context.Context, path string, mode uint32) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mode)
		}
	}
	if f := next.Symlink; f != nil {
		ops.Symlink = func(ctx context.Context, target, path string) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, target, path)
		}
	}
	if f := next.Unlink; f != nil {
		ops.Unlink = func(ctx context.Context, path string) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path)
		}
	}
	if f := next.Rmdir; f != nil {
		ops.Rmdir = func(ctx context.Context, path string) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path)
		}
	}
}

func mapTwoNames(ops, next *Operations, to pathFunc) {
	if f := next.Rename; f != nil {
		ops.Rename = func(ctx context.Context, oldPath, newPath string, flags RenameFlags) (err error) {
			if oldPath, err = to(oldPath); err != nil {
				return err
			}
			if newPath, err = to(newPath); err != nil {
				return err
			}
			return f(ctx, oldPath, newPath, flags)
		}
	}
	if f := next.Link; f != nil {
		ops.Link = func(ctx context.Context, oldPath, newPath string) (err error) {
			if oldPath, err = to(oldPath); err != nil {
				return err
			}
			if newPath, err = to(newPath); err != nil {
				return err
			}
			return f(ctx, oldPath, newPath)
		}
	}
	if f := next.CopyFileRange; f != nil {
		ops.CopyFileRange = func(ctx context.Context, pathIn string, fiIn *FileInfo, offIn int64, pathOut string, fiOut *FileInfo, offOut int64, size uint64, flags uint32) (r uint64, err error) {
			if pathIn, err = to(pathIn); err != nil {
				return r, err
			}
			if pathOut, err = to(pathOut); err != nil {
				return r, err
			}
			return f(ctx, pathIn, fiIn, offIn, pathOut, fiOut, offOut, size, flags)
		}
	}
}

func mapOpen(ops, next *Operations, to pathFunc) {
	if f := next.Open; f != nil {
		ops.Open = func(ctx context.Context, path string, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Create; f != nil {
		ops.Create = func(ctx context.Context, path string, mode uint32, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mode, fi)
		}
	}
	if f := next.Tmpfile; f != nil {
		ops.Tmpfile = func(ctx context.Context, dir string, mode uint32, fi *FileInfo) (r Stat, err error) {
			if dir, err = to(dir); err != nil {
				return r, err
			}
			return f(ctx, dir, mode, fi)
		}
	}
	if f := next.Flush; f != nil {
		ops.Flush = func(ctx context.Context, path string, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Release; f != nil {
		ops.Release = func(ctx context.Context, path string, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Fsync; f != nil {
		ops.Fsync = func(ctx context.Context, path string, datasync bool, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, datasync, fi)
		}
	}
}

func mapData(ops, next *Operations, to pathFunc) {
	if f := next.Read; f != nil {
		ops.Read = func(ctx context.Context, path string, dst []byte, off int64, fi *FileInfo) (r int, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, dst, off, fi)
		}
	}
	if f := next.ReadBuf; f != nil {
		ops.ReadBuf = func(ctx context.Context, path string, size int, off int64, fi *FileInfo) (r BufVec, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, size, off, fi)
		}
	}
	if f := next.Write; f != nil {
		ops.Write = func(ctx context.Context, path string, data []byte, off int64, fi *FileInfo) (r int, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, data, off, fi)
		}
	}
	if f := next.WriteBuf; f != nil {
		ops.WriteBuf = func(ctx context.Context, path string, buf BufVec, off int64, fi *FileInfo) (r int, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, buf, off, fi)
		}
	}
	if f := next.Fallocate; f != nil {
		ops.Fallocate = func(ctx context.Context, path string, mode uint32, off, length int64, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, mode, off, length, fi)
		}
	}
	if f := next.Lseek; f != nil {
		ops.Lseek = func(ctx context.Context, path string, off int64, whence int, fi *FileInfo) (r int64, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, off, whence, fi)
		}
	}
}

func mapDirs(ops, next *Operations, to pathFunc) {
	if f := next.Opendir; f != nil {
		ops.Opendir = func(ctx context.Context, path string, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Readdir; f != nil {
		ops.Readdir = func(ctx context.Context, path string, fill FillDir, off int64, fi *FileInfo, flags ReaddirFlags) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fill, off, fi, flags)
		}
	}
	if f := next.Releasedir; f != nil {
		ops.Releasedir = func(ctx context.Context, path string, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi)
		}
	}
	if f := next.Fsyncdir; f != nil {
		ops.Fsyncdir = func(ctx context.Context, path string, datasync bool, fi *FileInfo) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, datasync, fi)
		}
	}
	if f := next.Statfs; f != nil {
		ops.Statfs = func(ctx context.Context, path string) (r Statfs, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path)
		}
	}
	if f := next.Syncfs; f != nil {
		ops.Syncfs = func(ctx context.Context, path string) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path)
		}
	}
}

func mapRest(ops, next *Operations, to pathFunc) {
	if f := next.Lock; f != nil {
		ops.Lock = func(ctx context.Context, path string, fi *FileInfo, cmd int, lock *FileLock) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi, cmd, lock)
		}
	}
	if f := next.Flock; f != nil {
		ops.Flock = func(ctx context.Context, path string, fi *FileInfo, op FlockOp) (err error) {
			if path, err = to(path); err != nil {
				return err
			}
			return f(ctx, path, fi, op)
		}
	}
	if f := next.Bmap; f != nil {
		ops.Bmap = func(ctx context.Context, path string, blocksize int, idx uint64) (r uint64, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, blocksize, idx)
		}
	}
	if f := next.Ioctl; f != nil {
		ops.Ioctl = func(ctx context.Context, path string, cmd uint32, arg uint64, fi *FileInfo, flags IoctlFlags, data []byte) (r int32, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, cmd, arg, fi, flags, data)
		}
	}
	if f := next.Poll; f != nil {
		ops.Poll = func(ctx context.Context, path string, fi *FileInfo, ph *PollHandle) (r uint32, err error) {
			if path, err = to(path); err != nil {
				return r, err
			}
			return f(ctx, path, fi, ph)
		}
	}
}
