package fusetest_test

import (
	"fmt"
	"log"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// greeting is a filesystem with one file, "hello".
const greeting = "Hello World!\n"

func attrOf(ino lowlevel.Ino) lowlevel.Stat {
	if ino == lowlevel.RootIno {
		return lowlevel.Stat{Ino: 1, Mode: unix.S_IFDIR | 0o755, Nlink: 2}
	}
	return lowlevel.Stat{Ino: 2, Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(greeting))}
}

func helloOps() *lowlevel.Ops {
	return &lowlevel.Ops{
		Lookup: func(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
			if parent != lowlevel.RootIno || name != "hello" {
				return lowlevel.EntryParam{}, unix.ENOENT
			}
			return lowlevel.EntryParam{Ino: 2, Attr: attrOf(2), AttrTimeout: time.Second, EntryTimeout: time.Second}, nil
		},
		Getattr: func(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
			return attrOf(ino), time.Second, nil
		},
		Readdir: func(req *lowlevel.Request, ino lowlevel.Ino, dst *lowlevel.DirBuf, off int64, fi *lowlevel.FileInfo) error {
			if off == 0 {
				st := attrOf(2)
				dst.Add("hello", &st, 1)
			}
			return nil
		},
		Open: func(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) error {
			if fi.Flags&unix.O_ACCMODE != unix.O_RDONLY {
				return unix.EACCES
			}
			fi.KeepCache = true
			return nil
		},
		Read: func(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
			return copy(dst, greeting[min(off, int64(len(greeting))):]), nil
		},
	}
}

// This tests a filesystem as a kernel would use it for "ls" and "cat hello". In a test, Start replaces Connect and Close, and MustCall
// replaces call.
func Example() {
	session, err := lowlevel.New(helloOps(), lowlevel.Config{})
	if err != nil {
		log.Fatal(err)
	}
	k, err := fusetest.Connect(session, fusetest.DefaultInit())
	if err != nil {
		log.Fatal(err)
	}
	call := func(r *fusetest.Request) fusetest.Reply {
		reply, err := k.Call(r)
		if err != nil {
			log.Fatal(err)
		}
		return reply
	}

	list, err := call(fusetest.Readdir(1, fusetest.ReadIn{Size: 4096})).Dirents()
	fmt.Println(list, err)

	entry, err := call(fusetest.Lookup(1, "hello")).Entry()
	fmt.Printf("node %d, mode %o, %d bytes, %v\n", entry.NodeID, entry.Attr.Mode, entry.Attr.Size, err)

	_, err = call(fusetest.Lookup(1, "goodbye")).Entry()
	fmt.Println("goodbye:", err)

	_, err = call(fusetest.Open(2, fusetest.OpenIn{Flags: unix.O_RDWR})).Open()
	fmt.Println("for writing:", err)

	open, err := call(fusetest.Open(2, fusetest.OpenIn{Flags: unix.O_RDONLY})).Open()
	fmt.Println("for reading:", open.OpenFlags == fusetest.FopenKeepCache, err)

	data, err := call(fusetest.Read(2, fusetest.ReadIn{Fh: open.Fh, Offset: 6, Size: 4096})).Data()
	fmt.Printf("%q %v\n", data, err)

	fmt.Println("end:", k.Close())
	// Output:
	// [{2 1 8 hello}] <nil>
	// node 2, mode 100444, 13 bytes, <nil>
	// goodbye: no such file or directory
	// for writing: permission denied
	// for reading: true <nil>
	// "World!\n" <nil>
	// end: <nil>
}

// Requests can be anything that a kernel sends, and more: here one that is cut off in the middle.
func ExampleRequest_Truncated() {
	session, err := lowlevel.New(helloOps(), lowlevel.Config{})
	if err != nil {
		log.Fatal(err)
	}
	k, err := fusetest.Connect(session, fusetest.DefaultInit())
	if err != nil {
		log.Fatal(err)
	}
	whole := fusetest.Lookup(1, "hello").As(1000, 1000, 1)
	for _, r := range []*fusetest.Request{whole, whole.Truncated(3)} {
		r.Unique = 0 // a new number
		reply, err := k.Call(r)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(r.Bytes()), reply.Errno == 0)
	}
	fmt.Println(k.Close())
	// Output:
	// 46 true
	// 43 false
	// <nil>
}
