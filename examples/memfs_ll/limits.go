package main

import (
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// budget counts how much of something is in use, and ensures that it is no more than there is.
type budget struct {
	limit int64
	used  atomic.Int64

	freed      atomic.Int64 // how much has been given back since the last collect
	collecting atomic.Bool  // one is due
}

// take takes n, if there is that much left.
func (b *budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// give gives n back.
func (b *budget) give(n int64) {
	b.used.Add(-n)
	if b.freed.Add(n) >= collectAfter && b.collecting.CompareAndSwap(false, true) {
		time.AfterFunc(collectDelay, b.collect)
	}
}

// Memory is returned to the system when so many bytes have been given back, and so much later: often it is wanted again soon.
const (
	collectAfter = 128 << 20
	collectDelay = 2 * time.Second
)

// collect returns unused memory to the system. Left to itself Go would do it some minutes later, or when memory is short.
func (b *budget) collect() {
	b.freed.Store(0)
	b.collecting.Store(false)
	debug.FreeOSMemory()
}

// free returns how much is left.
func (b *budget) free() int64 { return b.limit - b.used.Load() }

// statfs answers df(1).
func (fs *memfs) statfs(*lowlevel.Request, lowlevel.Ino) (lowlevel.Statfs, error) {
	free := uint64(fs.space.free() / pageSize)
	return lowlevel.Statfs{
		Bsize:   pageSize,
		Frsize:  pageSize,
		Blocks:  uint64(fs.space.limit / pageSize),
		Bfree:   free,
		Bavail:  free,
		Files:   uint64(fs.inodes.limit),
		Ffree:   uint64(fs.inodes.free()),
		Namemax: nameMax,
	}, nil
}

// maxInodes bounds nr_inodes. Each link counts as an inode, so no link count can overflow, and EMLINK does not exist.
const maxInodes = math.MaxInt32

// inodeCost is about how much memory an inode takes, with its entry.
const inodeCost = 1 << 10

// defaultSpace is what tmpfs takes: half of the memory.
func defaultSpace() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 1 << 30
	}
	return int64(info.Totalram) * int64(info.Unit) / 2
}

// setLimits reads the options size and nr_inodes. Without the latter there may be one inode a page, as with tmpfs.
func (fs *memfs) setLimits(size, inodes string) error {
	space := defaultSpace()
	if size != "" {
		var err error
		if space, err = parseSize(size); err != nil {
			return fmt.Errorf("size=%s: %w", size, err)
		}
	}
	fs.space.limit = (space + pageSize - 1) / pageSize * pageSize

	count := min(fs.space.limit/pageSize, maxInodes)
	if inodes != "" {
		var err error
		if count, err = parseSize(inodes); err != nil {
			return fmt.Errorf("nr_inodes=%s: %w", inodes, err)
		}
		if count > maxInodes {
			return fmt.Errorf("nr_inodes=%s: more than %d", inodes, maxInodes)
		}
	}
	fs.inodes.limit = count
	return nil
}

// parseSize reads a positive number that may end in k, m, g or t.
func parseSize(s string) (int64, error) {
	digits, shift := s, 0
	if s != "" {
		if i := strings.IndexByte("kmgt", s[len(s)-1]|0x20); i >= 0 {
			digits, shift = s[:len(s)-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > maxFileSize>>shift {
		return 0, fmt.Errorf("want a positive number, with k, m, g or t behind it at will")
	}
	return n << shift, nil
}
