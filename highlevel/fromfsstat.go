package highlevel

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// statOf makes attributes of what fsys says.
func statOf(info fs.FileInfo, err error) (Stat, error) {
	if err != nil {
		return Stat{}, err
	}
	if info == nil {
		return Stat{}, errors.New("no error and no fs.FileInfo")
	}
	st := Stat{Mode: modeOf(info.Mode()), Nlink: 1, UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
	if !info.IsDir() {
		st.Size = info.Size()
		st.Blocks = (st.Size + 511) / 512
	}
	if t := info.ModTime(); !t.IsZero() {
		st.Mtim, _ = unix.TimeToTimespec(t) // beyond what 32 bits can say: 0
	}
	st.Atim, st.Ctim = st.Mtim, st.Mtim
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && sys != nil {
		addSystem(&st, sys)
	}
	return st, nil
}

// addSystem adds what a file has only on a real filesystem.
func addSystem(st *Stat, sys *syscall.Stat_t) {
	st.Nlink, st.UID, st.GID = uint32(sys.Nlink), sys.Uid, sys.Gid
	st.Size, st.Blocks, st.Rdev = sys.Size, sys.Blocks, uint64(sys.Rdev) //nolint:unconvert // not uint64 everywhere
	st.Atim, st.Ctim = unix.Timespec(sys.Atim), unix.Timespec(sys.Ctim)
}

// modeOf makes a mode_t of what Go has.
func modeOf(m fs.FileMode) uint32 {
	mode := typeOf(m) | uint32(m.Perm())
	for _, bit := range []struct {
		has  fs.FileMode
		mode uint32
	}{
		{fs.ModeSetuid, unix.S_ISUID},
		{fs.ModeSetgid, unix.S_ISGID},
		{fs.ModeSticky, unix.S_ISVTX},
	} {
		if m&bit.has != 0 {
			mode |= bit.mode
		}
	}
	return mode
}

func typeOf(m fs.FileMode) uint32 {
	switch {
	case m&fs.ModeDir != 0:
		return unix.S_IFDIR
	case m&fs.ModeSymlink != 0:
		return unix.S_IFLNK
	case m&fs.ModeNamedPipe != 0:
		return unix.S_IFIFO
	case m&fs.ModeSocket != 0:
		return unix.S_IFSOCK
	case m&fs.ModeCharDevice != 0:
		return unix.S_IFCHR
	case m&fs.ModeDevice != 0:
		return unix.S_IFBLK
	}
	return unix.S_IFREG
}
