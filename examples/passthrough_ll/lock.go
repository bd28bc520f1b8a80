package main

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// flock locks the file below, so that the lock also counts for those who do not come through this mount.
//
// A lock that must be waited for is waited for outside of the handler, as waiting handlers would take all threads.
func (fs *passthrough) flock(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo, op lowlevel.FlockOp) error {
	fd := int(fi.Fh)
	err := unix.Flock(fd, int(op|lowlevel.FlockNonblock))
	if err != unix.EWOULDBLOCK || op&lowlevel.FlockNonblock != 0 {
		return err
	}
	reply := req.Detach()
	go func() {
		_ = reply.Err(waitForLock(reply.Context(), fd, op)) // nobody is left to hear that this failed
	}()
	return nil
}

// waitForLock tries until it has the lock or ctx is done. A blocking flock(2) could not be ended: all signal handlers of a
// Go program restart it.
func waitForLock(ctx context.Context, fd int, op lowlevel.FlockOp) error {
	const longest = 20 * time.Millisecond
	for pause := time.Millisecond; ; pause = min(2*pause, longest) {
		select {
		case <-ctx.Done():
			return unix.EINTR
		case <-time.After(pause):
		}
		if err := unix.Flock(fd, int(op|lowlevel.FlockNonblock)); err != unix.EWOULDBLOCK {
			return err
		}
	}
}
