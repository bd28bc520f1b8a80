package main

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func (fs *passthrough) getattr(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo,
) (lowlevel.Stat, time.Duration, error) {
	in, err := fs.path(ino)
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	defer in.close()
	var st unix.Stat_t
	if err := unix.Fstat(in.fd, &st); err != nil {
		return lowlevel.Stat{}, 0, err
	}
	return lowlevel.StatOf(&st), fs.timeout, nil
}

func (fs *passthrough) statx(req *lowlevel.Request, ino lowlevel.Ino, flags, mask uint32, fi *lowlevel.FileInfo,
) (unix.Statx_t, time.Duration, error) {
	var st unix.Statx_t
	in, err := fs.path(ino)
	if err != nil {
		return st, 0, err
	}
	defer in.close()
	err = unix.Statx(in.fd, "", int(flags)|unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, int(mask), &st)
	return st, fs.timeout, err
}

func (fs *passthrough) statfs(req *lowlevel.Request, ino lowlevel.Ino) (lowlevel.Statfs, error) {
	if ino == 0 {
		ino = lowlevel.RootIno
	}
	in, err := fs.path(ino)
	if err != nil {
		return lowlevel.Statfs{}, err
	}
	defer in.close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(in.fd, &st); err != nil {
		return lowlevel.Statfs{}, err
	}
	return lowlevel.StatfsOf(&st), nil
}

// setattr makes the changes in an order in which none undoes another: the owner before the mode, as chown clears the
// set-user-ID bit, and the times last.
func (fs *passthrough) setattr(req *lowlevel.Request, ino lowlevel.Ino, attr *lowlevel.Stat, toSet lowlevel.SetAttr,
	fi *lowlevel.FileInfo,
) (lowlevel.Stat, time.Duration, error) {
	in, err := fs.path(ino)
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	defer in.close()
	target := attrTarget{path: in.fd, file: -1}
	if fi != nil && !fs.opts.NoOpen {
		target.file = int(fi.Fh)
	}
	if toSet&(lowlevel.SetAttrUID|lowlevel.SetAttrGID) != 0 {
		err = target.chown(attr, toSet)
	}
	if err == nil && toSet&lowlevel.SetAttrMode != 0 {
		err = target.chmod(req, attr.Mode)
	}
	if err == nil && toSet&lowlevel.SetAttrSize != 0 {
		err = target.truncate(attr.Size)
	}
	if err == nil && toSet&(lowlevel.SetAttrAtime|lowlevel.SetAttrMtime) != 0 {
		err = target.utimens(attr, toSet)
	}
	if err != nil {
		return lowlevel.Stat{}, 0, err
	}
	return fs.getattr(req, ino, fi)
}

// attrTarget is a file whose attributes are to change.
type attrTarget struct {
	path int // an O_PATH descriptor
	file int // an open file, or -1
}

func (t *attrTarget) chown(attr *lowlevel.Stat, toSet lowlevel.SetAttr) error {
	uid, gid := -1, -1
	if toSet&lowlevel.SetAttrUID != 0 {
		uid = int(attr.UID)
	}
	if toSet&lowlevel.SetAttrGID != 0 {
		gid = int(attr.GID)
	}
	return unix.Fchownat(t.path, "", uid, gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
}

func (t *attrTarget) chmod(req *lowlevel.Request, mode uint32) error {
	mode &= 0o7777
	if mode&unix.S_ISGID != 0 && t.mustDropSGID(req) {
		mode &^= unix.S_ISGID
	}
	if t.file >= 0 {
		return unix.Fchmod(t.file, mode)
	}
	return unix.Chmod(procPath(t.path), mode)
}

// mustDropSGID reports whether the caller may not set the set-group-ID bit, for being outside of the file's group. With
// default_permissions the kernel has seen to that.
func (t *attrTarget) mustDropSGID(req *lowlevel.Request) bool {
	if req.UID == 0 {
		return false
	}
	var st unix.Stat_t
	if err := unix.Fstat(t.path, &st); err != nil || st.Gid == req.GID {
		return false
	}
	groups, err := req.Groups()
	return err == nil && !slices.Contains(groups, st.Gid)
}

func (t *attrTarget) truncate(size int64) error {
	if t.file >= 0 {
		return unix.Ftruncate(t.file, size)
	}
	return unix.Truncate(procPath(t.path), size)
}

func (t *attrTarget) utimens(attr *lowlevel.Stat, toSet lowlevel.SetAttr) error {
	times := []unix.Timespec{
		timeToSet(attr.Atim, toSet, lowlevel.SetAttrAtime, lowlevel.SetAttrAtimeNow),
		timeToSet(attr.Mtim, toSet, lowlevel.SetAttrMtime, lowlevel.SetAttrMtimeNow),
	}
	err := unix.UtimesNanoAt(t.path, "", times, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.EINVAL || err == unix.ENOENT { // Linux before 5.8 has no AT_EMPTY_PATH here
		err = unix.UtimesNanoAt(unix.AT_FDCWD, procPath(t.path), times, 0)
	}
	return err
}

// timeToSet returns what utimensat wants to hear about one of the two times.
func timeToSet(t unix.Timespec, toSet, set, now lowlevel.SetAttr) unix.Timespec {
	switch {
	case toSet&now != 0:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	case toSet&set != 0:
		return t
	}
	return unix.Timespec{Nsec: unix.UTIME_OMIT}
}
