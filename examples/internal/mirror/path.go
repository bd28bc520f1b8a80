package mirror

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// place is where a file is, as the system calls take it whose names end in "at".
type place struct {
	dir  int // AT_FDCWD, or a descriptor that close closes
	name string
}

// mostName is how long name is at most where dir is a descriptor: path must fit a system call, too.
const mostName = unix.PathMax - 1 - len("/proc/self/fd/2147483647/")

// placeOf returns the place of a file. It is the path itself, as long as that fits a system call.
//
// The paths that a caller gives are shorter than PATH_MAX, but here they come with that of the source directory before them; and from a deep
// working directory a caller reaches files that no path leads to. Such a path is walked in pieces.
func placeOf(path string) (place, error) {
	p := place{unix.AT_FDCWD, path}
	if len(path) < unix.PathMax {
		return p, nil
	}
	for len(p.name) > mostName {
		cut := strings.LastIndexByte(p.name[:mostName+1], '/')
		if cut <= 0 {
			p.close()
			return place{}, unix.ENAMETOOLONG
		}
		var err error
		if p, err = p.step(cut); err != nil {
			return place{}, err
		}
	}
	return p, nil
}

// placeInDir returns the place of a file, with the directory open that it is in.
func placeInDir(path string) (place, error) {
	p, err := placeOf(path)
	if err != nil {
		return place{}, err
	}
	if cut := strings.LastIndexByte(p.name, '/'); cut >= 0 {
		return p.step(cut)
	}
	return p, nil
}

// step opens the directory that the name's first cut bytes lead to. It closes p.
func (p place) step(cut int) (place, error) {
	defer p.close()
	dir := p.name[:cut]
	if dir == "" {
		dir = "/"
	}
	fd, err := unix.Openat(p.dir, dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, err
	}
	return place{fd, p.name[cut+1:]}, nil
}

// path is a path to the file, for system calls that take nothing else.
func (p place) path() string {
	if p.dir == unix.AT_FDCWD {
		return p.name
	}
	return procPath(p.dir) + "/" + p.name
}

func (p place) close() {
	if p.dir != unix.AT_FDCWD {
		_ = unix.Close(p.dir)
	}
}

// at calls f with the place of a file.
func at(path string, f func(p place) error) error {
	p, err := placeOf(path)
	if err != nil {
		return err
	}
	defer p.close()
	return f(p)
}

// at2 calls f with the places of two files.
func at2(path1, path2 string, f func(p1, p2 place) error) error {
	return at(path1, func(p1 place) error {
		return at(path2, func(p2 place) error { return f(p1, p2) })
	})
}

// procPath is a path to the file that fd has open.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// IgnoringEINTR calls f again if a signal has interrupted it. The Go runtime sends itself signals.
func IgnoringEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}
