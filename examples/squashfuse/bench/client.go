package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// clientCommand as first argument makes the program the client; what to do and where follow.
const clientCommand = "client"

const (
	bigFile = "big-file"
	bigSize = 96 << 20
)

// A measurement is what is measured on one mount, step by step. A step without a name is not measured.
type measurement struct {
	name  string
	steps []step
}

type step struct {
	name string
	run  func(mnt string) error
}

var measurements = []measurement{
	{"tar", []step{{"tar, cold", tar}, {"tar, warm", tar}}},
	{"find", []step{{"find -ls, cold", find}, {"find -ls, warm", find}}},
	{"sequential", []step{{"one large file", client("sequential")}}},
	{"random", []step{{"4000 random 4k, 8 threads", client("random")}}},
	{"random1", []step{{"1000 random 4k, 1 thread", client("random1")}}},
	{"stat", []step{{"lookup of each name", client("lookup")}, {"50000 getattr", client("getattr")}}},
}

// tar reads everything. The pipe is because tar does not read files for /dev/null.
func tar(mnt string) error { return shell(mnt, "tar cf - . | cat >/dev/null") }

func find(mnt string) error { return shell(mnt, "find . -ls >/dev/null") }

func shell(dir, script string) error {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// client runs in a process of its own, which must not be the one that unmounts.
func client(what string) func(string) error {
	return func(mnt string) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.Command(self, clientCommand, what, mnt)
		cmd.Stderr = os.Stderr
		return cmd.Run()
	}
}

func clientMain(what, mnt string) error {
	switch what {
	case "sequential":
		return sequential(mnt)
	case "random":
		return random(mnt, 8, 4000)
	case "random1":
		return random(mnt, 1, 1000)
	case "lookup":
		return lookup(mnt)
	case "getattr":
		return getattr(mnt, 50000)
	}
	return fmt.Errorf("no such thing to do: %s", what)
}

func sequential(mnt string) error {
	f, err := os.Open(filepath.Join(mnt, bigFile))
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for {
		if n, err := f.Read(buf); n == 0 {
			return ignoreEOF(err)
		}
	}
}

func ignoreEOF(err error) error {
	if err != nil && err.Error() == "EOF" {
		return nil
	}
	return err
}

// random reads pages of the large file in an order that is no order, by several threads. No page is read twice.
func random(mnt string, threads, count int) error {
	f, err := os.Open(filepath.Join(mnt, bigFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
		return err
	}
	pages := rand.New(rand.NewPCG(3, 4)).Perm(bigSize / 4096)[:count]
	errs := make([]error, threads)
	var all sync.WaitGroup
	for i := range threads {
		all.Add(1)
		go func() {
			defer all.Done()
			buf := make([]byte, 4096)
			for k := i; k < count; k += threads {
				if _, err := f.ReadAt(buf, int64(pages[k])*4096); err != nil {
					errs[i] = err
				}
			}
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// lookup asks for each name, in an order other than that of the listing.
func lookup(mnt string) error {
	var names []string
	err := filepath.WalkDir(mnt, func(path string, e fs.DirEntry, err error) error { // does not look up what is no directory
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	rand.New(rand.NewPCG(5, 6)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var st unix.Stat_t
	for _, name := range names {
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
	}
	return nil
}

// getattr asks the server for the attributes of a file over and over.
func getattr(mnt string, count int) error {
	var st unix.Statx_t
	for range count {
		if err := unix.Statx(unix.AT_FDCWD, filepath.Join(mnt, bigFile), unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &st); err != nil {
			return err
		}
	}
	return nil
}
