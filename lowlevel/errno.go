package lowlevel

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Errno is an error number. Handlers return unix.ENOENT and so on as they are.
type Errno = syscall.Errno

// maxErrno is the largest errno that the kernel takes as a reply. It rejects a larger one, and its caller hangs.
const maxErrno = 511

// ENOTSUPP is the kernel's own errno for "not supported". It leaks from some kernels, and is no valid reply.
const enotsupp Errno = 524

// ToErrno returns the errno that is sent for the error that a handler returns: 0 for nil; an [Errno] of 1 to 511, also a
// wrapped one, as it is; and else
//
//	524 (ENOTSUPP)                    EOPNOTSUPP
//	context.Canceled                  EINTR
//	context.DeadlineExceeded, os.ErrDeadlineExceeded  ETIMEDOUT
//	fs.ErrNotExist                    ENOENT
//	fs.ErrExist                       EEXIST
//	fs.ErrPermission                  EACCES
//	fs.ErrInvalid                     EINVAL
//	fs.ErrClosed                      EBADF
//	errors.ErrUnsupported             EOPNOTSUPP (never ENOSYS: the kernel would not ask again)
//	anything else                     EIO (also Errno(0), which is an error that says it is none)
//
// io.EOF is EIO, but from Ops.Read and ReadBuf it is a short read. libfuse 3.16 and newer send ERANGE for an errno that the C library has no name for (beyond 133).
func ToErrno(err error) Errno {
	errno, _ := toErrno(err)
	return errno
}

var errnoOf = []struct {
	err   error
	errno Errno
}{
	{context.Canceled, syscall.EINTR},
	{context.DeadlineExceeded, syscall.ETIMEDOUT},
	{os.ErrDeadlineExceeded, syscall.ETIMEDOUT},
	{fs.ErrNotExist, syscall.ENOENT},
	{fs.ErrExist, syscall.EEXIST},
	{fs.ErrPermission, syscall.EACCES},
	{fs.ErrInvalid, syscall.EINVAL},
	{fs.ErrClosed, syscall.EBADF},
	{errors.ErrUnsupported, syscall.EOPNOTSUPP},
}

// toErrno also tells whether the error has an errno of its own; if not, its cause would be lost and is logged.
func toErrno(err error) (errno Errno, known bool) {
	if err == nil {
		return 0, true
	}
	errno, ok := err.(Errno)
	if !ok {
		errno, ok = wrappedErrno(err)
	}
	if ok {
		switch {
		case errno >= 1 && errno <= maxErrno:
			return errno, true
		case errno == enotsupp:
			return syscall.EOPNOTSUPP, true
		}
		return syscall.EIO, false
	}
	for _, m := range errnoOf {
		if errors.Is(err, m.err) {
			return m.errno, true
		}
	}
	return syscall.EIO, false
}

// wrappedErrno is a function of its own, so that toErrno does not allocate.
func wrappedErrno(err error) (errno Errno, ok bool) {
	ok = errors.As(err, &errno)
	return errno, ok
}
