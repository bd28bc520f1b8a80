package iomodes

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// cached is the mode of a filesystem that asks for nothing, with attributes that are good for ever. direct is direct-io.
var (
	cached = mode{attrTimeout: lowlevel.Forever}
	direct = mode{attrTimeout: lowlevel.Forever, open: lowlevel.FileInfo{DirectIO: true}}
)

func TestDirectIO_EveryReadIsARequest(t *testing.T) {
	const size = 1000
	run(t, direct, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		x.gives("a*100", "read a 5 100", "READ 5+100")
		x.gives("a*100", "read a 5 100", "READ 5+100")
		x.gives("a*96 b*4", "read a 4000 100", "READ 4000+100")
		var each []string // no read-ahead: what is asked for, until one brings nothing
		for off := 0; off < pages*page; off += size {
			each = append(each, fmt.Sprintf("READ %d+%d", off, size))
		}
		x.step(fmt.Sprintf("readall a %d", size), append(each, fmt.Sprintf("READ %d+%d", pages*page, size))...)
	})
	run(t, cached, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		result, requests := x.do("read a 5 100")
		x.check(result == "a*100", "read %q", result)
		x.wholePages(requests)
		x.gives("a*100", "read a 5 100")
		_, requests = x.do(fmt.Sprintf("readall a %d", size))
		x.check(len(requests) < pages, "%d requests for the rest of %d pages: %s", len(requests), pages, describe(requests))
		x.step(fmt.Sprintf("readall a %d", size))
	})
}

// wholePages checks that the requests are reads of whole pages, one at least.
func (x *experiment) wholePages(requests []string) {
	for _, r := range requests {
		var off, size int
		_, err := fmt.Sscanf(r, "READ %d+%d", &off, &size)
		x.check(err == nil && off%page == 0 && size%page == 0 && size > 0, "%q is no read of whole pages", r)
	}
	x.check(len(requests) > 0, "no request")
}

func TestDirectIO_EveryWriteIsARequest(t *testing.T) {
	run(t, direct, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.gives("50", "write a 100 50 x", "WRITE 100+50")
		x.gives("8192", "write a 4096 8192 y", "WRITE 4096+8192")
		x.gives("y*4096", "read a 4096 4096", "READ 4096+4096") // nothing was cached on the way
		x.step("close a", "FLUSH", "RELEASE")
	})
	run(t, writeback, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.gives("8192", "write a 4096 8192 y")
		x.gives("y*4096", "read a 4096 4096")
	})
}

// Direct-io holds also where the rest of the mount has the writeback cache.
func TestDirectIO_InWritebackMount(t *testing.T) {
	m := writeback
	m.open.DirectIO = true
	run(t, m, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.gives("50", "write a 100 50 x", "WRITE 100+50")
		x.gives("a*100", "read a 0 100", "READ 0+100")
	})
}

func TestDirectIO_Mmap(t *testing.T) {
	run(t, direct, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.refused(unix.ENODEV, "mmap s a shared rw 32768")
		x.refused(unix.ENODEV, "mmap s a shared r 32768")
		x.step("mmap p a private rw 32768")
		result, requests := x.do("peek p 5000")
		x.check(result == "b", "found %q", result)
		x.wholePages(requests)
		x.step("poke p 5000 z")
		x.step("munmap p") // what was written is private
		x.gives("b*10", "read a 5000 10", "READ 5000+10")
	})
	run(t, cached, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		for _, how := range []string{"shared rw", "shared r", "private rw", "private r"} {
			x.step("mmap m a " + how + " 32768")
			if result, _ := x.do("peek m 5000"); result != "b" {
				x.fail("%s: found %q", how, result)
			}
			x.step("munmap m")
		}
	})
}

// With FUSE_CAP_DIRECT_IO_ALLOW_MMAP a file of direct-io has shared mappings, through the page cache; read and write still pass it by.
func TestDirectIOAllowMmap(t *testing.T) {
	m := direct
	m.enable = lowlevel.CapDirectIOAllowMmap
	if lowlevel.HeaderVersion() < 317 {
		wantRefused(t, m, "FUSE_CAP_DIRECT_IO_ALLOW_MMAP", "libfuse 3.17")
		return
	}
	run(t, m, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.step("mmap s a shared rw 32768")
		result, requests := x.do("peek s 5000")
		x.check(result == "b", "found %q", result)
		x.wholePages(requests)
		x.step("poke s 5000 z")
		x.step("msync s", "WRITE 4096+4096 from cache", "FSYNC data")
		x.gives("b*904 z*1 b*95", "read a 4096 1000", "READ 4096+1000")
		x.step("poke s 5000 y")
		x.gives("y*1", "read a 5000 1", "WRITE 4096+4096 from cache", "READ 5000+1") // read sees what was mapped
		x.step("munmap s")
	})
}

// wantRefused checks that a capability that the library does not have is refused, and by whom.
func wantRefused(t *testing.T, m mode, feature, need string) {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	x := mount(t, m)
	var refused *lowlevel.UnsupportedError
	if !errors.As(x.fs.enabled, &refused) {
		t.Fatalf("Enable returned %v, want an *UnsupportedError", x.fs.enabled)
	}
	if want := (lowlevel.UnsupportedError{Feature: feature, Lacks: lowlevel.LibraryLacks, Need: need}); *refused != want {
		t.Errorf("Enable returned %+v, want %+v", *refused, want)
	}
	for _, f := range x.session.Features() {
		if f.Name == feature && (f.Library || f.Usable() || f.Enabled || f.NeedLibrary != need) {
			t.Errorf("Features has %+v", f)
		}
	}
}

// Two writes to a file are in the filesystem at the same time with FOPEN_PARALLEL_DIRECT_WRITES, and only then.
func TestParallelDirectWrites(t *testing.T) {
	const deadline = 20 * time.Second
	for _, parallel := range []bool{true, false} {
		t.Run(fmt.Sprint(parallel), func(t *testing.T) {
			together := parallel && lowlevel.HeaderVersion() >= 317 // else libfuse has no word for it
			var inside, most atomic.Int32
			leave := make(chan struct{})
			m := direct
			m.open.ParallelDirectWrites = parallel
			m.writes = func() {
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				select {
				case <-leave:
				case <-time.After(deadline):
				}
				inside.Add(-1)
			}
			run(t, m, func(x *experiment) {
				x.step("open a f rdwr", "OPEN")
				done := make(chan struct{})
				go func() {
					defer close(done)
					x.do("together a 100 0 4096")
				}()
				fusetest.Eventually(t, deadline, "a write in the filesystem", func() bool { return inside.Load() > 0 })
				fusetest.Eventually(t, deadline, "two threads in write(2)", func() bool { return sleepingWriters(t, x.client.cmd.Process.Pid) == 2 })
				if together {
					fusetest.Eventually(t, deadline, "two writes in the filesystem", func() bool { return inside.Load() == 2 })
				}
				close(leave)
				<-done
				x.check(together || most.Load() == 1, "%d writes at the same time", most.Load())
			})
		})
	}
}
