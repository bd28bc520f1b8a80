package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// dirs is how many directories all share.
const dirs = 4

// shared are the directories that all use. Only moveAbout changes where they are.
type shared struct {
	root  string
	fd    [dirs + 1]int // the last is the root
	in    [dirs]int     // where each is: an index of fd
	name  [dirs]string
	moves int
	stop  atomic.Bool
}

func newShared(root string) (*shared, error) {
	s := &shared{root: root}
	var err error
	if s.fd[dirs], err = unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", root, err)
	}
	for i := range dirs {
		s.in[i], s.name[i] = dirs, fmt.Sprintf("s%d", i)
		if err := unix.Mkdirat(s.fd[dirs], s.name[i], 0o755); err != nil {
			return nil, fmt.Errorf("mkdir %s: %w", s.name[i], err)
		}
		if s.fd[i], err = unix.Openat(s.fd[dirs], s.name[i], unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("open %s: %w", s.name[i], err)
		}
	}
	return s, nil
}

// inside tells whether directory i is directory j or in it.
func (s *shared) inside(i, j int) bool {
	for ; i != dirs; i = s.in[i] {
		if i == j {
			return true
		}
	}
	return false
}

func (s *shared) path(i int) string {
	if i == dirs {
		return s.root
	}
	return filepath.Join(s.path(s.in[i]), s.name[i])
}

// moveAbout renames directories, into each other, too, until it is stopped.
func (s *shared) moveAbout(seed uint64) error {
	rnd := rand.New(rand.NewPCG(seed, 1<<32))
	for !s.stop.Load() {
		i, to := rnd.IntN(dirs), rnd.IntN(dirs+1)
		if s.inside(to, i) {
			continue
		}
		name := fmt.Sprintf("s%d-%d", i, rnd.IntN(3))
		if err := unix.Renameat(s.fd[s.in[i]], s.name[i], s.fd[to], name); err != nil {
			return fmt.Errorf("rename of directory %s to %s/%s: %w", s.path(i), s.path(to), name, err)
		}
		s.in[i], s.name[i] = to, name
		s.moves++
		if err := s.check(rnd.IntN(dirs)); err != nil {
			return err
		}
	}
	return nil
}

// check finds the directory at its path.
func (s *shared) check(i int) error {
	var open, at unix.Stat_t
	if err := unix.Fstat(s.fd[i], &open); err != nil {
		return fmt.Errorf("fstat of directory %s: %w", s.path(i), err)
	}
	if err := unix.Lstat(s.path(i), &at); err != nil || open.Ino != at.Ino || open.Mode != at.Mode {
		return fmt.Errorf("directory %s: got number %d, mode %o (%v), want %d and %o", s.path(i), at.Ino, at.Mode, err, open.Ino, open.Mode)
	}
	return nil
}
