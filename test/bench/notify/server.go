package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// The server in Go does what c/server.c does, and more: what C has no counterpart for.

const (
	fileIno  = lowlevel.Ino(2)
	fileSize = 64 << 20
	blocks   = fileSize >> 20
)

func attributes(ino lowlevel.Ino) lowlevel.Stat {
	if ino == lowlevel.RootIno {
		return lowlevel.Stat{Ino: 1, Mode: unix.S_IFDIR | 0o755, Nlink: 1}
	}
	return lowlevel.Stat{Ino: 2, Mode: unix.S_IFREG | 0o644, Nlink: 1, Size: fileSize}
}

var ops = lowlevel.Ops{
	Lookup: func(*lowlevel.Request, lowlevel.Ino, string) (lowlevel.EntryParam, error) {
		return lowlevel.EntryParam{Ino: fileIno, Attr: attributes(fileIno), AttrTimeout: time.Hour, EntryTimeout: time.Hour}, nil
	},
	Getattr: func(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
		return attributes(ino), time.Hour, nil
	},
}

// server is the filesystem, and what it sends.
type server struct {
	n     *lowlevel.Notifier
	queue *lowlevel.NotifyQueue
	block []byte
	file  *os.File
}

// serve is the program that main.go starts: see c/server.c.
func serve(dir string) error {
	file, err := os.CreateTemp("", "bench-notify-")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := errors.Join(os.Remove(file.Name()), fill(file)); err != nil {
		return err
	}
	s, err := lowlevel.New(&ops, lowlevel.Config{SingleThread: true})
	if err != nil {
		return err
	}
	if err := s.Mount(dir); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	n := s.Notifier()
	srv := &server{n: n, queue: n.NewQueue(lowlevel.QueueConfig{}), block: make([]byte, 1<<20), file: file}
	fmt.Println("ready")
	srv.obey()
	return errors.Join(s.Close(), <-served)
}

func fill(f *os.File) error {
	_, err := f.Write(make([]byte, fileSize))
	return err
}

func (s *server) obey() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var what string
		var count int
		if _, err := fmt.Sscan(lines.Text(), &what, &count); err != nil {
			return
		}
		start := time.Now()
		err := s.run(what, count)
		took := time.Since(start).Nanoseconds()
		if err != nil {
			fmt.Fprintln(os.Stderr, what, err)
			took = -1
		}
		fmt.Println(took)
	}
}

func (s *server) run(what string, count int) error {
	var err error
	for i := 0; i < count && err == nil; i++ {
		err = s.once(what, i)
	}
	if err == nil && what == "queue" {
		err = s.queue.Flush(context.Background())
	}
	return err
}

func (s *server) once(what string, i int) error {
	off := int64(i%blocks) << 20
	switch what {
	case "inval_attr":
		return s.n.InvalInodeAttr(fileIno)
	case "inval_inode":
		return s.n.InvalInodeRange(fileIno, fileSize, 4096)
	case "inval_entry":
		if err := s.n.InvalEntry(lowlevel.RootIno, "unknown"); !errors.Is(err, lowlevel.ErrNotCached) {
			return fmt.Errorf("got %v, want that it is not cached", err)
		}
		return nil
	case "queue": // inodes that nobody knows: nothing can be left out
		return s.queue.InvalInodeAttr(lowlevel.Ino(1000 + i))
	case "store_4k":
		return s.n.Store(fileIno, off, s.block[:4096])
	case "store_128k":
		return s.n.Store(fileIno, off, s.block[:128<<10])
	case "store_1m":
		return s.n.Store(fileIno, off, s.block)
	case "store_vector_1m":
		return s.n.Store(fileIno, off, s.block[:512<<10], s.block[512<<10:])
	case "store_copied_1m": // what others do: one message in one piece of memory
		return s.n.Store(fileIno, off, bytes.Clone(s.block))
	case "store_fd_1m":
		_, err := s.n.StoreBuf(fileIno, off, lowlevel.BufFD(int(s.file.Fd()), 1<<20, off))
		return err
	}
	return errors.ErrUnsupported
}
