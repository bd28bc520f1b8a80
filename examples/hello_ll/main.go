// Command hello_ll is libfuse's example of that name in Go: a filesystem with one file, read-only, written against the
// low-level API. It is the smallest filesystem there is; start here.
//
//	hello_ll /mnt
//	cat /mnt/hello
//	fusermount3 -u /mnt
package main

import (
	"os"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// The filesystem has two inodes: the root, which is always number 1, and the file.
const (
	rootIno  = lowlevel.RootIno
	helloIno = lowlevel.Ino(2)

	helloName = "hello"
	helloText = "Hello World!\n"

	// Nothing ever changes; a second is what C's example has.
	timeout = time.Second
)

func main() {
	os.Exit(lowlevel.Main(&lowlevel.Program{Ops: &lowlevel.Ops{
		Lookup:      lookup,
		Getattr:     getattr,
		Readdir:     readdir,
		Open:        open,
		Read:        read,
		Setxattr:    setxattr,
		Getxattr:    getxattr,
		Removexattr: removexattr,
	}}))
}

// stat returns the attributes of an inode.
func stat(ino lowlevel.Ino) (lowlevel.Stat, error) {
	switch ino {
	case rootIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFDIR | 0o755, Nlink: 2}, nil
	case helloIno:
		return lowlevel.Stat{Ino: uint64(ino), Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(helloText))}, nil
	}
	return lowlevel.Stat{}, unix.ENOENT
}

func lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if parent != rootIno || name != helloName {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	attr, err := stat(helloIno)
	return lowlevel.EntryParam{Ino: helloIno, Attr: attr, AttrTimeout: timeout, EntryTimeout: timeout}, err
}

func getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	attr, err := stat(ino)
	return attr, timeout, err
}

// entries is the root directory. An entry's offset is the index of the one after it.
var entries = []struct {
	name string
	ino  lowlevel.Ino
}{
	{".", rootIno},
	{"..", rootIno},
	{helloName, helloIno},
}

func readdir(_ *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, _ *lowlevel.FileInfo) error {
	if ino != rootIno {
		return unix.ENOTDIR
	}
	for i := int(off); i < len(entries); i++ {
		attr, err := stat(entries[i].ino)
		if err != nil {
			return err
		}
		if !dst.Add(entries[i].name, &attr, int64(i+1)) {
			break // full: the kernel comes back with the offset of the last entry it got
		}
	}
	return nil
}

func open(_ *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
	switch {
	case ino != helloIno:
		return unix.EISDIR
	case fi.Flags&unix.O_ACCMODE != unix.O_RDONLY:
		return unix.EACCES
	}
	return nil
}

// read copies what there is from off on. Less than the kernel asked for is the end of the file.
func read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	if off >= int64(len(helloText)) {
		return 0, nil
	}
	return copy(dst, helloText[off:]), nil
}

// The extended attributes are there to be tried: one that can be read, one that takes one value, and one that can be
// removed. None of them is stored.

func getxattr(_ *lowlevel.Request, _ lowlevel.Ino, name string, dst []byte) (int, error) {
	if name != "hello_ll_getxattr_name" {
		return 0, unix.ENOTSUP
	}
	return lowlevel.XattrValue(dst, []byte("hello_ll_getxattr_value"))
}

func setxattr(_ *lowlevel.Request, _ lowlevel.Ino, name string, value []byte, _ lowlevel.XattrFlags) error {
	if name != "hello_ll_setxattr_name" || string(value) != "hello_ll_setxattr_value" {
		return unix.ENOTSUP
	}
	return nil
}

func removexattr(_ *lowlevel.Request, _ lowlevel.Ino, name string) error {
	if name != "hello_ll_removexattr_name" {
		return unix.ENOTSUP
	}
	return nil
}
