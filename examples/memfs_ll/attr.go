package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// How long the kernel may believe what it was told. All changes pass through it, so it knows about them.
//
// Names it may believe for good: it holds a lock on the directory both while it looks up a name and while it changes one.
//
// Attributes it reads without a lock. An answer that was overtaken by a change of the same inode may reach it last, and then it
// takes the old for the new; so they are worth a second, and not more. (File sizes and data are safe from that: the kernel
// orders those.)
const (
	entryTimeout = lowlevel.Forever
	attrTimeout  = time.Second
)

// now returns the time by the clock that the kernel stamps files with. It is coarser than time.Now, which would run ahead of
// the times that the kernel sends us with -o writeback_cache.
func now() unix.Timespec {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return unix.NsecToTimespec(time.Now().UnixNano())
	}
	return ts
}

// before reports whether a is earlier than b.
func before(a, b unix.Timespec) bool {
	return a.Sec < b.Sec || a.Sec == b.Sec && a.Nsec < b.Nsec
}

// accessed notes that the content was read: only when it has changed since the last time that was noted, or after a day, as
// the kernel's relatime does, for reading should not mean writing.
func (n *inode) accessed() {
	n.mu.RLock()
	stale := n.atimeIsStale()
	n.mu.RUnlock()
	if stale {
		n.mu.Lock()
		n.atime = now()
		n.mu.Unlock()
	}
}

func (n *inode) atimeIsStale() bool {
	if !before(n.mtime, n.atime) || !before(n.ctime, n.atime) {
		return true
	}
	return n.atime.Sec+24*60*60 <= now().Sec
}

func (fs *memfs) getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	n, err := fs.node(ino)
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.stat(), attrTimeout, nil
}

// setattr is chmod, chown, truncate and utimensat, one at a time or together. Whether the caller may do that, and that
// chown and writing drop the setuid and setgid bits, the kernel sees to: it sends the mode that comes out.
func (fs *memfs) setattr(_ *lowlevel.Request, ino lowlevel.Ino, attr *lowlevel.Stat, toSet lowlevel.SetAttr,
	_ *lowlevel.FileInfo,
) (lowlevel.Stat, time.Duration, error) {
	n, err := fs.node(ino)
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	t := now()
	if toSet&lowlevel.SetAttrSize != 0 {
		if err := n.resize(attr.Size); err != nil {
			return lowlevel.Stat{}, 0, err
		}
		n.mtime = t
	}
	n.setMode(attr, toSet)
	n.setTimes(attr, toSet, t)
	return n.stat(), attrTimeout, nil
}

func (n *inode) resize(size int64) error {
	switch {
	case n.isDir():
		return unix.EISDIR
	case n.kind != unix.S_IFREG || size < 0:
		return unix.EINVAL
	}
	return n.content.truncate(size)
}

func (n *inode) setMode(attr *lowlevel.Stat, toSet lowlevel.SetAttr) {
	if toSet&lowlevel.SetAttrMode != 0 {
		n.perm = attr.Mode & 0o7777
	}
	if toSet&lowlevel.SetAttrUID != 0 {
		n.uid = attr.UID
	}
	if toSet&lowlevel.SetAttrGID != 0 {
		n.gid = attr.GID
	}
	if toSet&lowlevel.SetAttrKillSUID != 0 {
		n.perm &^= unix.S_ISUID
		if n.perm&unix.S_IXGRP != 0 {
			n.perm &^= unix.S_ISGID
		}
	}
}

// setTimes sets the times that are asked for. Whatever setattr changes, it changes ctime as well: to t, or with
// -o writeback_cache to what the kernel says.
func (n *inode) setTimes(attr *lowlevel.Stat, toSet lowlevel.SetAttr, t unix.Timespec) {
	n.ctime = t
	if toSet&lowlevel.SetAttrCtime != 0 {
		n.ctime = attr.Ctim
	}
	if toSet&lowlevel.SetAttrAtime != 0 {
		n.atime = attr.Atim
	}
	if toSet&lowlevel.SetAttrAtimeNow != 0 {
		n.atime = t
	}
	if toSet&lowlevel.SetAttrMtime != 0 {
		n.mtime = attr.Mtim
	}
	if toSet&lowlevel.SetAttrMtimeNow != 0 {
		n.mtime = t
	}
}

func (fs *memfs) readlink(_ *lowlevel.Request, ino lowlevel.Ino) (string, error) {
	n, err := fs.node(ino)
	if err != nil {
		return "", err
	}
	if n.kind != unix.S_IFLNK {
		return "", unix.EINVAL
	}
	n.accessed()
	return n.target, nil
}
