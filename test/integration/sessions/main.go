// Sessions serves one small filesystem for each directory it is given, all from one process. Each holds a file "name" with the directory's path. It
// prints "mounted" when all are there, and a line for each that ends. It exits when all have, or at a SIGTERM.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const fileIno = lowlevel.Ino(2)

// named is a filesystem with one file.
type named struct{ dir string }

func (n named) stat(ino lowlevel.Ino) lowlevel.Stat {
	if ino == lowlevel.RootIno {
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 2}
	}
	return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(n.dir))}
}

func (n named) ops() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup: func(_ *lowlevel.Request, _ lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
			if name != "name" {
				return lowlevel.EntryParam{}, unix.ENOENT
			}
			return lowlevel.EntryParam{Ino: fileIno, Attr: n.stat(fileIno)}, nil
		},
		Getattr: func(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
			return n.stat(ino), 0, nil
		},
		Read: func(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
			return copy(dst, n.dir[min(off, int64(len(n.dir))):]), nil
		},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dirs []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var sessions []*lowlevel.Session
	for _, dir := range dirs {
		s, err := lowlevel.New(named{dir}.ops(), lowlevel.Config{})
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		if err := s.Mount(dir); err != nil {
			return err
		}
		sessions = append(sessions, s)
	}
	fmt.Println("mounted")
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := s.Serve(ctx)
			fmt.Printf("end of %s: %v, %v\n", dirs[i], err, s.Close())
		}()
	}
	wg.Wait()
	return nil
}
