package lowlevel_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func TestToErrno_Table(t *testing.T) {
	for _, tt := range errnoCases {
		assert.Equal(t, tt.want, lowlevel.ToErrno(tt.err), "%#v", tt.err)
		if tt.want != unix.EIO { // what says nothing says nothing when wrapped, either
			assert.Equal(t, tt.want, lowlevel.ToErrno(fmt.Errorf("a: %w", fmt.Errorf("b: %w", tt.err))), "wrapped %#v", tt.err)
		}
	}
	assert.Zero(t, lowlevel.ToErrno(nil))
}

func TestToErrno_ErrorsOfThisPackage(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want unix.Errno
	}{
		{&lowlevel.UnsupportedError{Feature: "x", Lacks: lowlevel.KernelLacks}, unix.EOPNOTSUPP},
		{&lowlevel.OpError{Op: "open", Err: unix.EROFS}, unix.EROFS},
		{&lowlevel.OpError{Op: "open", Err: fs.ErrNotExist}, unix.ENOENT},
		{&lowlevel.LibraryError{Text: "Permission denied"}, unix.EIO},
		{&lowlevel.NameError{Name: "a/b", Reason: "contains '/'"}, unix.EIO},
		{lowlevel.ErrClosed, unix.EIO},
	} {
		assert.Equal(t, tt.want, lowlevel.ToErrno(tt.err), "%#v", tt.err)
	}
}

// The first errno wins, also over errors of package fs.
func TestToErrno_SeveralErrors(t *testing.T) {
	assert.Equal(t, unix.EXDEV, lowlevel.ToErrno(errors.Join(unix.EXDEV, unix.ENOENT)))
	assert.Equal(t, unix.ELOOP, lowlevel.ToErrno(errors.Join(fs.ErrExist, unix.ELOOP)))
	_, err := os.Open("/does/not/exist")
	assert.Equal(t, unix.ENOENT, lowlevel.ToErrno(err))
}

func TestOpError_Text(t *testing.T) {
	for want, err := range map[string]*lowlevel.OpError{
		"mount: /mnt: permission denied (be root)": {Op: "mount", Path: "/mnt", Err: unix.EACCES, Hint: "be root"},
		"new: invalid argument":                    {Op: "new", Err: unix.EINVAL},
		"new: a (b)":                               {Op: "new", Err: errors.New("a"), Hint: "b"},
	} {
		assert.EqualError(t, err, want)
	}
}
