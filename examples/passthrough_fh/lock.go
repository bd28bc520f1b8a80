package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror"
	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Locks are set on the files below, so that they also count for those who do not come through this mount. For fcntl locks that takes --locks: otherwise the kernel
// keeps them for the mount, faster, and finds deadlocks.

// flock is flock(2): the lock belongs to the open file, and so it does below.
func (fs *passthrough) flock(ctx context.Context, _ string, fi *highlevel.FileInfo, op highlevel.FlockOp) error {
	return wait(ctx, op&lowlevel.FlockNonblock == 0, func() error {
		return unix.Flock(mirror.FD(fi), int(op|lowlevel.FlockNonblock))
	})
}

// wait calls try until it gets a lock, or ctx is cancelled; once if it is not to wait. System calls that wait for a lock could not be ended: all signal
// handlers of a Go program restart them.
func wait(ctx context.Context, waits bool, try func() error) error {
	const longest = 20 * time.Millisecond
	for pause := time.Millisecond; ; pause = min(2*pause, longest) {
		if err := try(); err != unix.EAGAIN || !waits {
			return err
		}
		select {
		case <-ctx.Done():
			return unix.EINTR
		case <-time.After(pause):
		}
	}
}

// lockTable holds the fcntl locks. Those belong to an owner (a process), not to an open file; and to take them by fcntl would make them all this process's.
// So each owner who has locks on a file has a descriptor of that file here, for locks of the kind that belong to a descriptor.
type lockTable struct {
	mu   sync.Mutex
	open map[lockKey]int
}

type lockKey struct {
	dev, ino uint64
	owner    lowlevel.LockOwner
}

// lock is fcntl(2)'s F_GETLK, F_SETLK and F_SETLKW.
func (fs *passthrough) lock(ctx context.Context, _ string, fi *highlevel.FileInfo, cmd int, lock *highlevel.FileLock) error {
	var st unix.Stat_t
	if err := unix.Fstat(mirror.FD(fi), &st); err != nil {
		return err
	}
	key := lockKey{uint64(st.Dev), st.Ino, fi.LockOwner}
	switch {
	case cmd == unix.F_GETLK:
		return fs.locks.get(key, mirror.FD(fi), lock)
	case lock.Type == unix.F_UNLCK && lock.Start == 0 && lock.Len == 0:
		return fs.locks.close(key)
	}
	return wait(ctx, cmd == unix.F_SETLKW, func() error { return fs.locks.set(key, mirror.FD(fi), lock) })
}

// get looks for somebody else's lock. Through an owner's descriptor the own locks are not in the way; fd has none.
func (t *lockTable) get(key lockKey, fd int, lock *highlevel.FileLock) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own, ok := t.open[key]; ok {
		fd = own
	}
	l := flockOf(lock)
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &l); err != nil {
		return err
	}
	*lock = highlevel.FileLock{Type: l.Type, Whence: l.Whence, Start: l.Start, Len: l.Len, PID: l.Pid}
	return nil
}

// set sets or removes a lock.
func (t *lockTable) set(key lockKey, fd int, lock *highlevel.FileLock) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, ok := t.open[key]
	if !ok {
		if lock.Type == unix.F_UNLCK {
			return nil
		}
		var err error
		if own, err = mirror.OpenAgain(fd); err != nil {
			return err
		}
		if t.open == nil {
			t.open = make(map[lockKey]int)
		}
		t.open[key] = own
	}
	l := flockOf(lock)
	return unix.FcntlFlock(uintptr(own), unix.F_OFD_SETLK, &l)
}

// close drops all locks that an owner has on a file.
func (t *lockTable) close(key lockKey) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	fd, ok := t.open[key]
	if !ok {
		return nil
	}
	delete(t.open, key)
	return unix.Close(fd)
}

func flockOf(l *highlevel.FileLock) unix.Flock_t {
	return unix.Flock_t{Type: l.Type, Whence: l.Whence, Start: l.Start, Len: l.Len}
}
