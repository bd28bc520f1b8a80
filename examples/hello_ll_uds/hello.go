package main

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// The filesystem has two inodes: the root, which is always number 1, and the file.
const (
	rootIno  = lowlevel.RootIno
	helloIno = lowlevel.Ino(2)

	helloName = "hello"
	helloText = "Hello World!\n"

	timeout = time.Second
)

var ops = &lowlevel.Ops{
	Lookup:  lookup,
	Getattr: getattr,
	Readdir: readdir,
	Open:    open,
	Read:    read,
}

// attrs are the attributes of both.
var attrs = map[lowlevel.Ino]lowlevel.Stat{
	rootIno:  {Ino: uint64(rootIno), Mode: unix.S_IFDIR | 0o755, Nlink: 2},
	helloIno: {Ino: uint64(helloIno), Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(helloText))},
}

func lookup(_ *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
	if parent != rootIno || name != helloName {
		return lowlevel.EntryParam{}, unix.ENOENT
	}
	return lowlevel.EntryParam{Ino: helloIno, Attr: attrs[helloIno], AttrTimeout: timeout, EntryTimeout: timeout}, nil
}

func getattr(_ *lowlevel.Request, ino lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
	attr, ok := attrs[ino]
	if !ok {
		return attr, 0, unix.ENOENT
	}
	return attr, timeout, nil
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
		attr := attrs[entries[i].ino]
		if !dst.Add(entries[i].name, &attr, int64(i+1)) {
			break // full
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

func read(_ *lowlevel.Request, _ lowlevel.Ino, dst []byte, off int64, _ *lowlevel.FileInfo) (int, error) {
	if off >= int64(len(helloText)) {
		return 0, nil
	}
	return copy(dst, helloText[off:]), nil
}
