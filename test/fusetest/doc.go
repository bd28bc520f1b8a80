/*
Package fusetest tests FUSE filesystems: without mounting them, by playing the kernel, and mounted, without hanging.

# The fake kernel

A FUSE filesystem is a program that reads requests from /dev/fuse and writes replies to it. [Kernel] is the other end: Go code sends
the requests and looks at the replies, byte by byte if need be. It takes a socket and neither root nor /dev/fuse, so it runs
anywhere, also under the race detector and the sanitizers, and what a test sees does not depend on what a kernel caches.

	func TestHello(t *testing.T) {
		session, err := lowlevel.New(ops, lowlevel.Config{})
		...
		k := fusetest.Start(t, session)                                   // INIT is done
		entry, err := k.MustCall(t, fusetest.Lookup(1, "hello")).Entry()   // the reply to LOOKUP
		...
	}

There is a function for every request of the protocol, from [Lookup] to [Syncfs]. Each returns a [*Request] with the exact bytes that Linux
sends, and everything in it can be changed: who asks ([Request.As]), its number, its length, its body. [Kernel.Call] sends one and waits
for its [Reply], [Kernel.Send] and [Kernel.Reply] do so one after the other. A Reply has a method for each kind of body:
[Reply.Entry], [Reply.Dirents] and so on. [Kernel.Notification] returns what the filesystem sends on its own account.

The kernel's version and what it is capable of are the test's choice: [StartInit] takes [InitParams], and [Request.Compat] makes requests of
older protocols. [Request.Truncated], [Request.WithLen] and [Kernel.SendRaw] send what no kernel would.

A Kernel is as strict as Linux: a reply that Linux would refuse fails the test (see [Kernel.Violations]). In other ways it is less than
Linux. It sends what it is told to and nothing else: it caches nothing, checks no permissions, resolves no paths, and
does not tell a server that a notification named something it has never heard of. Every notification succeeds.

Handlers run on threads of C: they may call t.Error, but never t.Fatal or t.FailNow, which would end the whole process.

Without a test at hand (examples, fuzz targets, benchmarks) use [Connect] for [Start] and [New] for [NewKernel]; [Socketpair] has the bare
socket.

# Real mounts

For tests of a mounted filesystem there are [RequireFUSE], which skips a test where there is no FUSE (and fails it in CI, where there must
be), [StartProgram], which runs a filesystem as a process of its own, and cleans up after it come what may, and
[Run], for the commands that use it. A Go program that opens files of a filesystem that it serves itself can deadlock with
itself; use another process. [Watchdog] ends a test that hangs: go test's own timeout cannot, for a process that waits for FUSE cannot
be killed. [CheckLeaks] finds files, goroutines, threads and mounts that a test has left.
*/
package fusetest
