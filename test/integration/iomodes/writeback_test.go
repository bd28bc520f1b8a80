package iomodes

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// writeback is the writeback cache. The first flush of a file sends the time of its last change, too: it was made by the kernel.
var writeback = mode{attrTimeout: lowlevel.Forever, enable: lowlevel.CapWritebackCache}

const mtimeSent = "SETATTR mtime"

// Nothing is sent until one of these. The contrast is TestWriteThrough_EachWriteIsSentAtOnce.
func TestWriteback_IsFlushed(t *testing.T) {
	const flushed = "WRITE 0+8192 from cache"
	for command, want := range map[string][]string{
		"close a":     {flushed, mtimeSent, "FLUSH", "RELEASE"},
		"fsync a":     {flushed, mtimeSent, "FSYNC"},
		"fdatasync a": {flushed, mtimeSent, "FSYNC data"},
		"syncrange a": {flushed},
	} {
		t.Run(command, func(t *testing.T) {
			run(t, writeback, func(x *experiment) {
				x.step("open a f wronly", "OPEN")
				x.gives("4096", "write a 0 4096 x")
				x.gives("4096", "write a 4096 4096 y")
				x.gives("4096", "write a 0 4096 z") // the first one never gets there
				x.step(command, want...)
				want := "z*4096 y*4096 c*4096 d*4096 e*4096 f*4096 g*4096 h*4096"
				x.check(x.fs.text() == want, "the filesystem has %s, want %s", x.fs.text(), want)
			})
		})
	}
}

// The last munmap flushes what was written through the mapping when all descriptors were closed already.
func TestWriteback_IsFlushedByMunmap(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.step("mmap s a shared rw 32768")
		x.step("close a", "FLUSH")
		x.do("peek s 4096")
		x.step("poke s 4096 x")
		x.step("munmap s", "WRITE 4096+4096 from cache", mtimeSent, "RELEASE")
	})
}

// Linux flushes the file at the end of any mapping, be it a private one that was never touched.
func TestWriteback_IsFlushedByMunmapOfPrivateMapping(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.step("mmap p a private r 4096")
		x.step("write a 0 4096 x")
		x.step("munmap p", "WRITE 0+4096 from cache", mtimeSent)
	})
}

// A page of which a part is written must be read first, though the file was opened for writing only. The contrast is
// TestWriteThrough_NoReadForAWrite.
func TestWriteback_PartialWriteReads(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.gives("10", "write a 100 10 x", "READ 0+4096")
		x.gives("10", "write a 200 10 x")      // the page is there now
		x.gives("4096", "write a 4096 4096 y") // a whole page
		x.gives("10", "write a 40960 10 z")    // beyond the end there is nothing to read
		x.step("close a", "WRITE 0+8192 from cache", "WRITE 40960+10 from cache", mtimeSent, "FLUSH", "RELEASE")
	})
}

// That data could not be written, the caller hears from fsync, or from close, which knows of EIO and ENOSPC only (Linux 6.18). In
// write-through mode write(2) says so.
func TestWriteback_ErrorsComeLate(t *testing.T) {
	m := writeback
	m.writeError = unix.EDQUOT
	for command, errno := range map[string]unix.Errno{"fsync a": unix.EDQUOT, "close a": unix.EIO} {
		run(t, m, func(x *experiment) {
			x.step("open a f wronly", "OPEN")
			x.step("write a 0 4096 x")
			x.refused(errno, command)
		})
	}
	m = writethrough
	m.writeError = unix.EDQUOT
	run(t, m, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.refused(unix.EDQUOT, "write a 0 4096 x")
	})
}

// Size and time of change are the kernel's. What the filesystem says of them is not believed.
func TestWriteback_KernelKeepsSizeAndTime(t *testing.T) {
	m := writeback
	m.attrTimeout = 0
	run(t, m, func(x *experiment) {
		x.step("open a f wronly,append", "OPEN")
		x.do("append a 4096 x")
		before := x.step("stat f", "GETATTR")
		x.fs.change("q", 100, 77)
		x.gives(before, "stat f", "GETATTR")
	})
	m = writethrough
	m.attrTimeout = 0
	run(t, m, func(x *experiment) {
		x.step("open a f wronly,append", "OPEN")
		x.step("append a 4096 x", "WRITE 32768+4096")
		x.fs.change("q", 100, 77)
		x.gives("100 77", "stat f", "GETATTR")
	})
}

// O_APPEND is the kernel's business: it collects what is appended. On a descriptor that is for writing only it reads the last page.
func TestWriteback_Append(t *testing.T) {
	run(t, writeback, func(x *experiment) {
		x.step("open a f wronly,append", "OPEN")
		x.gives("100", "append a 100 x")
		x.gives("100", "append a 100 y")
		x.step("close a", "WRITE 32768+200 from cache", mtimeSent, "FLUSH", "RELEASE")
	})
	run(t, writeback, func(x *experiment) {
		x.step("open t f rdwr", "OPEN")
		x.step("truncate t 30000", "SETATTR size=30000,mtime")
		x.step("open a f wronly,append", "OPEN")
		x.gives("100", "append a 100 x", "READ 28672+4096")
	})
}

// It appends where it thinks that the end is, though the filesystem has told it of a longer file. In write-through mode it believes that.
func TestWriteback_AppendsAtItsOwnEnd(t *testing.T) {
	const longer = (pages + 1) * page
	ends := func(m mode, appended, closed string) {
		m.attrTimeout = 0
		run(t, m, func(x *experiment) {
			x.step("open a f wronly,append", "OPEN")
			x.fs.change("q", longer, 2000)
			x.step("stat f", "GETATTR")
			_, requests := x.do("append a 4096 x")
			x.check(describe(only(requests, "WRITE")) == appended, "append: %s, want %s", describe(requests), appended)
			_, requests = x.do("close a")
			x.check(describe(only(requests, "WRITE")) == closed, "close: %s, want %s", describe(requests), closed)
		})
	}
	ends(writeback, "none", "WRITE 32768+4096 from cache")
	ends(writethrough, "WRITE 36864+4096", "none")
}
