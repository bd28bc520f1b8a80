package iomodes

import (
	"fmt"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// writethrough is cached mode in its simplest form. Without FUSE_CAP_AUTO_INVAL_DATA, because with it a read after a write drops the
// whole cache of the file: see TestAutoInvalData_OwnWriteDropsCache.
var writethrough = mode{attrTimeout: lowlevel.Forever, disable: lowlevel.CapAutoInvalData}

func TestWriteThrough_EachWriteIsSentAtOnce(t *testing.T) {
	run(t, writethrough, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.gives("10", "write a 100 10 x", "WRITE 100+10")
		x.gives("10", "write a 110 10 x", "WRITE 110+10")
		x.gives("12288", "write a 4096 12288 y", "WRITE 4096+12288")
		x.step("fsync a", "FSYNC") // nothing is left to be written
		x.step("close a", "FLUSH", "RELEASE")
	})
	run(t, writeback, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.gives("12288", "write a 4096 12288 y")
	})
}

func TestWriteThrough_WritesAreSplitAtMaxWrite(t *testing.T) {
	m := writethrough
	m.maxWrite = 16384
	run(t, m, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.gives("40000", "write a 0 40000 x", "WRITE 0+16384", "WRITE 16384+16384", "WRITE 32768+7232")
	})
	run(t, writethrough, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.gives("40000", "write a 0 40000 x", "WRITE 0+40000")
	})
}

// A page that is written as a whole is cached. Of one that is written in part and was not cached, nothing is kept: then the read
// that follows has to ask. There is no READ for a write in either case.
func TestWriteThrough_NoReadForAWrite(t *testing.T) {
	run(t, writethrough, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.gives("4096", "write a 0 4096 x", "WRITE 0+4096")
		x.gives("x*4096", "read a 0 4096")
		x.gives("10", "write a 28672 10 y", "WRITE 28672+10")
		x.gives("y*10 h*10", "read a 28672 20", "READ 28672+4096")
	})
	run(t, writeback, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.gives("10", "write a 28672 10 y", "READ 28672+4096")
		x.gives("y*10 h*10", "read a 28672 20")
	})
}

func TestWriteThrough_WriteUpdatesCachedPages(t *testing.T) {
	run(t, writethrough, func(x *experiment) {
		x.step("open a f rdwr", "OPEN")
		x.do("readall a 4096")
		x.gives("10", "write a 4090 10 x", "WRITE 4090+10")
		x.gives("a*90 x*10 b*100", "read a 4000 200")
		x.step("mmap s a shared r 32768")
		x.gives("x", "peek s 4095")
	})
}

// The kernel takes its own idea of the file's end for O_APPEND in either mode, but in write-through mode the filesystem gets each write
// at once, and by itself.
func TestWriteThrough_Append(t *testing.T) {
	run(t, writethrough, func(x *experiment) {
		x.step("open a f wronly,append", "OPEN")
		x.gives("10", "append a 10 x", "WRITE 32768+10")
		x.gives("10", "append a 10 y", "WRITE 32778+10")
	})
}

// All ways of mmap work. What is written through a shared mapping is sent by msync, by munmap, and with the next write to the page.
func TestWriteThrough_Mmap(t *testing.T) {
	for _, how := range []string{"shared r", "private r", "private rw", "shared rw"} {
		t.Run(how, func(t *testing.T) {
			run(t, writethrough, func(x *experiment) {
				x.step("open a f rdwr", "OPEN")
				x.step("mmap m a " + how + " 32768")
				result, requests := x.do("peek m 0")
				x.check(result == "a", "found %q", result)
				x.wholePages(requests)
				if how == "private rw" {
					x.step("poke m 0 z")
					x.step("munmap m")
					x.gives("a*10", "read a 0 10")
				}
				if how == "shared rw" {
					x.step("poke m 0 z")
					x.gives("z*1 a*9", "read a 0 10") // one cache for both
					x.step("msync m", "WRITE 0+4096 from cache", "FSYNC data")
					x.step("poke m 0 y")
					x.step("munmap m", "WRITE 0+4096 from cache")
				}
			})
		})
	}
}

// Read-ahead: fewer reads than pages, and no page twice. How far ahead is the kernel's business.
func TestCached_ReadAhead(t *testing.T) {
	const many = 256
	ahead, each := cached, direct
	ahead.pages, each.pages = many, many
	read := fmt.Sprintf("readall a %d", page)
	run(t, ahead, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		_, requests := x.do(read)
		x.wholePages(requests)
		x.check(len(requests) < many, "%d reads of %d pages", len(requests), many)
		x.check(bytesOf(requests) == many*page, "%d bytes read of %d: %s", bytesOf(requests), many*page, describe(requests))
	})
	run(t, each, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		_, requests := x.do(read)
		x.check(len(requests) == many+1, "%d reads of %d pages and the end", len(requests), many)
	})
}

// bytesOf returns how many bytes reads have asked for.
func bytesOf(reads []string) int {
	total := 0
	for _, r := range reads {
		var off, size int
		_, _ = fmt.Sscanf(r, "READ %d+%d", &off, &size)
		total += size
	}
	return total
}
