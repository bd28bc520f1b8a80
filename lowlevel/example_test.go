package lowlevel_test

import (
	"fmt"
	"log"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// A filesystem, served to a fake kernel (test/fusetest) so that it runs anywhere. On a real one, Session.Mount and Session.Serve
// take the place of Connect; Main does all of it for a program.
func Example() {
	const text = "Hello World!\n"
	ops := &lowlevel.Ops{
		Lookup: func(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
			if parent != lowlevel.RootIno || name != "hello" {
				return lowlevel.EntryParam{}, unix.ENOENT
			}
			attr := lowlevel.Stat{Ino: 2, Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(text))}
			return lowlevel.EntryParam{Ino: 2, Attr: attr, AttrTimeout: time.Second, EntryTimeout: time.Second}, nil
		},
		Read: func(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
			return copy(dst, text[min(off, int64(len(text))):]), nil
		},
		Destroy: func() { fmt.Println("destroy") },
	}
	session, err := lowlevel.New(ops, lowlevel.Config{})
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := fusetest.Connect(session, fusetest.DefaultInit())
	if err != nil {
		log.Fatal(err)
	}

	reply, err := kernel.Call(fusetest.Lookup(1, "hello"))
	if err != nil {
		log.Fatal(err)
	}
	entry, err := reply.Entry()
	fmt.Println("hello is node", entry.NodeID, err)

	reply, err = kernel.Call(fusetest.Read(2, fusetest.ReadIn{Size: 5}))
	fmt.Printf("%s %v\n", reply.Body, err)

	reply, err = kernel.Call(fusetest.Getattr(2, fusetest.GetattrIn{})) // there is no handler
	fmt.Println(reply.Err(), err)

	fmt.Println(kernel.Close())
	// Output:
	// hello is node 2 <nil>
	// Hello <nil>
	// function not implemented <nil>
	// destroy
	// <nil>
}

// A handler that has to wait takes the reply over, and so holds no thread.
func ExampleRequest_Detach() {
	data := make(chan string)
	ops := &lowlevel.Ops{
		Read: func(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
			size := len(dst) // dst is borrowed: it must not be used below
			reply := req.Detach()
			go func() {
				select {
				case s := <-data:
					_ = reply.Buf([]byte(s)[:min(size, len(s))])
				case <-reply.Context().Done(): // the caller was interrupted, or the session ends
					_ = reply.Err(unix.EINTR)
				}
			}()
			return 0, nil // ignored
		},
	}
	session, err := lowlevel.New(ops, lowlevel.Config{SingleThread: true})
	if err != nil {
		log.Fatal(err)
	}
	kernel, err := fusetest.Connect(session, fusetest.DefaultInit())
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Close()

	first, second := fusetest.Read(2, fusetest.ReadIn{Size: 100}), fusetest.Read(2, fusetest.ReadIn{Size: 100})
	for _, req := range []*fusetest.Request{first, second} {
		if err := kernel.Send(req); err != nil {
			log.Fatal(err)
		}
	}
	// Both wait now, on one thread, and this still gets through.
	if err := kernel.Send(fusetest.Interrupt(first.Unique)); err != nil {
		log.Fatal(err)
	}
	reply, err := kernel.Reply(first.Unique)
	fmt.Println(reply.Err(), err)

	data <- "here it is"
	reply, err = kernel.Reply(second.Unique)
	fmt.Printf("%s %v\n", reply.Body, err)
	// Output:
	// interrupted system call <nil>
	// here it is <nil>
}

// The filesystem's own options are the fields of a struct. What it holds before are the defaults.
func ExampleParseCmdline() {
	options := struct {
		Source  string  `fuse:"source=%s"`
		Timeout float64 `fuse:"timeout=%lf"`
		Cache   int     `fuse:"cache=never:0,cache=auto:1,cache=always:2"`
		Xattr   bool    `fuse:"xattr:1,no_xattr:0"`
	}{Timeout: 1, Xattr: true}

	args := []string{"myfs", "-f", "/", "-o", "source=/srv/data,cache=always,allow_other", "-o", "no_xattr"}
	c, err := lowlevel.ParseCmdline(args, &options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", options)
	fmt.Println(c.Mountpoint, c.Foreground, c.Args)

	_, err = lowlevel.ParseCmdline([]string{"myfs", "-o", "timeout=soon"}, &options)
	fmt.Println(err)
	// Output:
	// {Source:/srv/data Timeout:1 Cache:2 Xattr:false}
	// / true [myfs -o allow_other -osubtype=myfs]
	// parse: fuse: invalid parameter in option `timeout=soon'
}

func ExampleXattrValue() {
	value := []byte("text/plain")
	getxattr := func(dst []byte) (int, error) { return lowlevel.XattrValue(dst, value) }
	fmt.Println(getxattr(nil)) // only the size is asked for
	fmt.Println(getxattr(make([]byte, 100)))
	fmt.Println(getxattr(make([]byte, 4)))
	// Output:
	// 10 <nil>
	// 10 <nil>
	// 0 numerical result out of range
}

func ExampleCap_String() {
	fmt.Println(lowlevel.CapWritebackCache | lowlevel.CapSpliceRead)
	// Output: FUSE_CAP_SPLICE_READ|FUSE_CAP_WRITEBACK_CACHE
}
