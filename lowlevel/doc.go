// Package lowlevel is libfuse3's low-level API in Go: typed, and one to one.
//
// Who knows a C name guesses the Go name: struct fuse_lowlevel_ops is [Ops], fuse_reply_entry is [Reply.Entry] (or a handler's return
// value), FUSE_CAP_WRITEBACK_CACHE is [CapWritebackCache]. Every C name stands in the documentation of its counterpart; docs/api.md in the
// project has the whole table.
//
// # A filesystem
//
// A filesystem is a set of functions, the fields of [Ops]. The kernel names files by node IDs ([Ino]), which the filesystem gives out
// in Lookup and takes back in Forget:
//
//	ops := &lowlevel.Ops{
//		Lookup:  func(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) { ... },
//		Getattr: func(req *lowlevel.Request, ino lowlevel.Ino, fi *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) { ... },
//		Read:    func(req *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) { ... },
//	}
//
// # A program
//
// [Main] makes a program of it that takes the command line of any FUSE program (-f, -d, -s, -o ...) and, through struct tags, the
// filesystem's own options ([ParseCmdline]):
//
//	func main() { os.Exit(lowlevel.Main(&lowlevel.Program{Ops: ops})) }
//
// # A session
//
// Who wants more say uses a [Session]:
//
//	s, err := lowlevel.New(ops, lowlevel.Config{})
//	err = s.Mount("/mnt")  // returns when the kernel is there, or with the reason why not
//	err = s.Serve(ctx)     // until unmounted, or ctx ends
//	err = s.Close()        // nothing is left after this
//
// Signals, the background and logging are the program's business: a Session does nothing about them.
//
// # Replies
//
// A handler returns its reply. Where it cannot yet, it takes the reply over with [Request.Detach] and sends it later, from any goroutine:
// exactly once, which is checked.
//
// # Threads
//
// Handlers run on threads made in C, one request a thread at a time; up to Config.MaxThreads of them. A handler that waits for something holds its
// thread: when all of them wait, no other request is read, not even an interrupt. Handlers that may wait for long (locks, network)
// should detach. At first one thread alone reads requests; others join in as soon as requests queue or a handler takes long (about a
// millisecond). For a client that does one thing after the other that is the fastest way.
//
// # What not to do
//
// A program should not open files of its own mount: the Go runtime registers them with epoll, the kernel then asks the filesystem, and all this happens in
// system calls during which the runtime does not schedule. With Ops.Poll nil and more than one thread it works most of the time; let
// another process do it.
//
// # Build tags
//
// With -tags fusedebug a Request that is used after its handler has returned panics, and borrowed buffers lose their content when the
// handler returns.
package lowlevel
