// Command hello is libfuse's example of that name in Go, and the place to begin: a filesystem by paths with one file, whose name and content are options.
//
//	hello --name=greeting --contents=$'Hello there\n' /mnt
//	cat /mnt/greeting
//	fusermount3 -u /mnt
//
// A filesystem is a struct of functions. Four will do to read: Getattr says what there is, Readdir lists it, Open and Read let one have it. What is not in
// the struct is not possible, and the kernel says so: try to write to the file, or to remove it. With -d one sees every request. hello_ll is the same by inodes.
package main

import (
	"context"
	"os"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"golang.org/x/sys/unix"
)

type hello struct {
	Name     string `fuse:"--name=%s"`
	Contents string `fuse:"--contents=%s"`
}

const help = `
File-system specific options:
    --name=<s>          name of the file (hello)
    --contents=<s>      its content ("Hello World!\n")
`

func main() {
	h := &hello{Name: "hello", Contents: "Hello World!\n"}
	os.Exit(highlevel.Main(&highlevel.Program{
		Ops: &highlevel.Operations{
			Init:    h.init,
			Getattr: h.getattr,
			Readdir: h.readdir,
			Open:    h.open,
			Read:    h.read,
		},
		Options: h,
		Help:    help,
	}))
}

// init has the kernel keep what it has read: the content never changes.
func (h *hello) init(_ *highlevel.ConnInfo, cfg *highlevel.Config) any {
	cfg.KernelCache = true
	return nil
}

func (h *hello) getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	switch path {
	case "/":
		return highlevel.Stat{Mode: unix.S_IFDIR | 0o755, Nlink: 2}, nil
	case "/" + h.Name:
		return highlevel.Stat{Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(h.Contents))}, nil
	}
	return highlevel.Stat{}, unix.ENOENT
}

func (h *hello) readdir(_ context.Context, path string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	if path != "/" {
		return unix.ENOENT
	}
	for _, name := range []string{".", "..", h.Name} {
		fill(name, nil, 0, 0)
	}
	return nil
}

func (h *hello) open(_ context.Context, path string, fi *highlevel.FileInfo) error {
	switch {
	case path != "/"+h.Name:
		return unix.ENOENT
	case fi.Flags&unix.O_ACCMODE != unix.O_RDONLY:
		return unix.EACCES
	}
	return nil
}

func (h *hello) read(_ context.Context, path string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	if path != "/"+h.Name {
		return 0, unix.ENOENT
	}
	return copy(dst, h.Contents[min(off, int64(len(h.Contents))):]), nil
}
