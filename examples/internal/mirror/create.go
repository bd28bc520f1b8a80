package mirror

import (
	"context"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Create makes and opens a regular file. The handle is the descriptor.
//
// The kernel has seen that there was no such file. If there is one now, a symbolic link must not lead out of the source.
func (f *Files) Create(ctx context.Context, path string, mode uint32, fi *highlevel.FileInfo) error {
	mode = maskedMode(ctx, path, mode)
	return f.self.asCaller(ctx, path, func(p place) error { return p.open(fi, unix.O_CREAT, mode) })
}

// Open opens a file. The handle is the descriptor.
func (f *Files) Open(_ context.Context, path string, fi *highlevel.FileInfo) error {
	return at(path, func(p place) error { return p.open(fi, 0, 0) })
}

func (p place) open(fi *highlevel.FileInfo, flags int, mode uint32) error {
	flags |= int(fi.Flags) | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := IgnoringEINTR(func() (int, error) { return unix.Openat(p.dir, p.name, flags, mode) })
	if err == unix.ELOOP {
		return unix.ESTALE // makes the kernel look again
	}
	fi.Fh = lowlevel.FileHandle(fd)
	return err
}

func (f *Files) Mknod(ctx context.Context, path string, mode uint32, rdev uint64) error {
	mode = maskedMode(ctx, path, mode)
	return f.self.asCaller(ctx, path, func(p place) error { return unix.Mknodat(p.dir, p.name, mode, int(rdev)) })
}

func (f *Files) Mkdir(ctx context.Context, path string, mode uint32) error {
	mode = maskedMode(ctx, path, mode)
	return f.self.asCaller(ctx, path, func(p place) error { return unix.Mkdirat(p.dir, p.name, mode) })
}

func (f *Files) Symlink(ctx context.Context, target, path string) error {
	return f.self.asCaller(ctx, path, func(p place) error { return unix.Symlinkat(target, p.dir, p.name) })
}

// maskedMode applies the caller's umask to the mode of a new file, unless the directory has a default ACL, which then takes the umask's
// place. (The kernel leaves this to the filesystem because of CapDontMask.)
func maskedMode(ctx context.Context, path string, mode uint32) uint32 {
	umask := highlevel.CallerOf(ctx).Umask & 0o777
	if mode&umask == 0 {
		return mode
	}
	dir := path[:strings.LastIndexByte(path, '/')+1]
	err := at(dir, func(p place) error {
		_, err := unix.Getxattr(p.path(), "system.posix_acl_default", nil)
		return err
	})
	if err == nil {
		return mode
	}
	return mode &^ umask
}
