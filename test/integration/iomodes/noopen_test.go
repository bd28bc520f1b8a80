package iomodes

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// After ENOSYS the kernel neither opens nor releases any file. Their caches are kept, as with FOPEN_KEEP_CACHE.
func TestNoOpen(t *testing.T) {
	m := cached
	m.enable, m.noOpen = lowlevel.CapNoOpenSupport, true
	run(t, m, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		_, requests := x.do("readall a 4096")
		x.wholePages(requests)
		x.step("close a", "FLUSH")
		x.step("open a f rdwr")
		x.step("readall a 4096")
		x.step("close a", "FLUSH")
	})
	run(t, cached, func(x *experiment) {
		for range 2 {
			x.step("open a f rdonly", "OPEN")
			_, requests := x.do("readall a 4096")
			x.wholePages(requests)
			x.step("close a", "FLUSH", "RELEASE")
		}
	})
}

// With FUSE_CAP_ATOMIC_O_TRUNC, which libfuse wants by default, O_TRUNC comes with OPEN and with nothing else: after ENOSYS it is lost. A filesystem
// without Open must not want it.
func TestNoOpen_Truncates(t *testing.T) {
	m := cached
	m.enable, m.noOpen = lowlevel.CapNoOpenSupport, true
	run(t, m, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		x.step("open a f wronly,trunc")
		before := newCountingFS(m).text()
		x.check(x.fs.text() == before, "the file was truncated")
	})
	m.disable = lowlevel.CapAtomicOTrunc
	run(t, m, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		x.step("open a f wronly,trunc", "SETATTR size=0")
		x.check(x.fs.text() == "", "the file holds %s", x.fs.text())
	})
}

// Likewise for directories, whose listings are cached then, as with FOPEN_CACHE_DIR and FOPEN_KEEP_CACHE.
func TestNoOpendir(t *testing.T) {
	m := cached
	m.enable, m.noOpendir = lowlevel.CapNoOpendirSupport, true
	run(t, m, func(x *experiment) {
		x.step("open a dir rdonly,directory", "OPENDIR")
		plain, plus := x.lists("a")
		x.check(plain+plus > 0, "no request")
		x.step("close a")
		x.step("open a dir rdonly,directory")
		x.step("list a")
		x.step("close a")
	})
	run(t, cached, func(x *experiment) {
		for range 2 {
			x.step("open a dir rdonly,directory", "OPENDIR")
			plain, plus := x.lists("a")
			x.check(plain+plus > 0, "no request")
			x.step("close a", "RELEASEDIR")
		}
	})
}
