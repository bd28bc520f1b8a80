package highlevel

import (
	"math"
	"slices"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// POSIX locks are the filesystem's business (Operations.Lock). What was granted is also kept here, so that F_GETLK can tell who holds a lock: only the
// process that asked has its PID.

// posixLock is a lock of the bytes from start to end, both included.
type posixLock struct {
	write      bool
	start, end int64
	owner      lowlevel.LockOwner
	pid        int32
}

// lockList is the locks of a file, ordered by start for each owner.
type lockList []posixLock

func lockOf(l *FileLock, owner lowlevel.LockOwner) posixLock {
	p := posixLock{write: l.Type == unix.F_WRLCK, start: l.Start, end: math.MaxInt64, owner: owner, pid: l.PID}
	if l.Len > 0 {
		p.end = l.Start + l.Len - 1
	}
	return p
}

func (p *posixLock) overlaps(o *posixLock) bool { return p.start <= o.end && o.start <= p.end }

// conflict returns a lock of somebody else that does not go with p.
func (l lockList) conflict(p *posixLock) *posixLock {
	for i := range l {
		if l[i].owner != p.owner && (l[i].write || p.write) && l[i].overlaps(p) {
			return &l[i]
		}
	}
	return nil
}

// put has the owner of p hold p, and nothing else there; with unlock, nothing at all.
func (l *lockList) put(p posixLock, unlock bool) {
	var left lockList
	for _, old := range *l {
		if old.owner != p.owner || !old.overlaps(&p) {
			left = append(left, old)
			continue
		}
		if old.start < p.start {
			before := old
			before.end = p.start - 1
			left = append(left, before)
		}
		if old.end > p.end {
			after := old
			after.start = p.end + 1
			left = append(left, after)
		}
	}
	if !unlock {
		left = append(left, p)
	}
	*l = left.merged()
}

// merged joins the neighbours of an owner that are of one kind.
func (l lockList) merged() lockList {
	slices.SortFunc(l, func(a, b posixLock) int {
		if a.owner != b.owner {
			return compare(a.owner, b.owner)
		}
		return compare(a.start, b.start)
	})
	var list lockList
	for _, p := range l {
		if n := len(list); n > 0 {
			last := &list[n-1]
			if last.owner == p.owner && last.write == p.write && last.end != math.MaxInt64 && last.end+1 == p.start {
				last.end = p.end
				continue
			}
		}
		list = append(list, p)
	}
	return list
}

func compare[T lowlevel.LockOwner | int64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (f *FS) getlk(req *lowlevel.Request, ino Ino, fi *FileInfo, lock *FileLock) error {
	if found := f.knownConflict(ino, fi, lock); found != nil {
		*lock = *found
		return nil
	}
	return f.atFile(req, ino, fi, func(ctx *request, path string) error {
		return f.ops.Lock(ctx, path, fi, unix.F_GETLK, lock)
	})
}

// knownConflict answers F_GETLK from the locks that are kept.
func (f *FS) knownConflict(ino Ino, fi *FileInfo, lock *FileLock) *FileLock {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	n := f.tree.inodes.inode(ino)
	if n == nil || !n.extra {
		return nil
	}
	p := lockOf(lock, fi.LockOwner)
	c := f.tree.inodes.more(n).locks.conflict(&p)
	if c == nil {
		return nil
	}
	found := &FileLock{Type: unix.F_RDLCK, Whence: unix.SEEK_SET, PID: c.pid, Start: c.start}
	if c.write {
		found.Type = unix.F_WRLCK
	}
	if c.end != math.MaxInt64 {
		found.Len = c.end - c.start + 1
	}
	return found
}

func (f *FS) setlk(req *lowlevel.Request, ino Ino, fi *FileInfo, lock *FileLock, sleep bool) error {
	if sleep {
		wanted := *lock
		return f.aside(req, ino, fi, func(ctx *request, path string, fi *FileInfo) error {
			return f.opSetlk(ctx, path, ino, fi, unix.F_SETLKW, &wanted)
		})
	}
	return f.atFile(req, ino, fi, func(ctx *request, path string) error {
		return f.opSetlk(ctx, path, ino, fi, unix.F_SETLK, lock)
	})
}

func (f *FS) opSetlk(ctx *request, path string, ino Ino, fi *FileInfo, cmd int, lock *FileLock) error {
	if err := f.ops.Lock(ctx, path, fi, cmd, lock); err != nil {
		return err
	}
	f.keepLock(ino, lockOf(lock, fi.LockOwner), lock.Type == unix.F_UNLCK)
	return nil
}

func (f *FS) keepLock(ino Ino, p posixLock, unlock bool) {
	f.tree.mu.Lock()
	defer f.tree.mu.Unlock()
	if n := f.tree.inodes.inode(ino); n != nil && (!unlock || n.extra) {
		f.tree.inodes.more(n).locks.put(p, unlock)
	}
}

// unlockAll drops all locks of who closes a file.
func (f *FS) unlockAll(ctx *request, path string, ino Ino, fi *FileInfo) error {
	all := &FileLock{Type: unix.F_UNLCK, Whence: unix.SEEK_SET}
	err := f.ops.Lock(ctx, path, fi, unix.F_SETLK, all)
	f.keepLock(ino, lockOf(all, fi.LockOwner), true)
	return err
}

func (f *FS) flock(req *lowlevel.Request, ino Ino, fi *FileInfo, op FlockOp) error {
	if op&(lowlevel.FlockNonblock|lowlevel.FlockUnlock) == 0 {
		return f.aside(req, ino, fi, func(ctx *request, path string, fi *FileInfo) error { return f.ops.Flock(ctx, path, fi, op) })
	}
	return f.atFile(req, ino, fi, func(ctx *request, path string) error { return f.ops.Flock(ctx, path, fi, op) })
}

const errNotPermitted = syscall.EPERM
