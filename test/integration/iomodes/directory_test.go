package iomodes

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// everything is the result of listing the directory.
const everything = "1000 file999"

// lists has the client list the directory, and returns how many requests of both kinds there were.
func (x *experiment) lists(name string) (plain, plus int) {
	result, requests := x.do("list " + name)
	x.check(result == everything, "list: got %q, want %q", result, everything)
	plain, plus = count(requests, "READDIR"), count(requests, "READDIRPLUS")
	x.check(len(only(requests, "GETATTR"))+plain+plus == len(requests), "list: requests %s", describe(requests))
	return plain, plus
}

// The listing is cached with FOPEN_CACHE_DIR, and stays so after the directory is closed with FOPEN_KEEP_CACHE as well.
func TestCacheReaddir(t *testing.T) {
	for _, row := range []struct {
		name             string
		opendir          lowlevel.FileInfo
		rewound, renewed bool // is the listing read anew?
	}{
		{"none", lowlevel.FileInfo{}, true, true},
		{"keep_cache", lowlevel.FileInfo{KeepCache: true}, true, true},
		{"cache_readdir", lowlevel.FileInfo{CacheReaddir: true}, false, true},
		{"both", lowlevel.FileInfo{CacheReaddir: true, KeepCache: true}, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := cached
			m.opendir = row.opendir
			run(t, m, func(x *experiment) {
				x.step("open a dir rdonly,directory", "OPENDIR")
				plain, plus := x.lists("a")
				x.check(plain+plus > 0, "no request")
				plain, plus = x.lists("a")
				x.check(plain+plus > 0 == row.rewound, "again, in the same open directory: %d requests", plain+plus)
				x.step("close a", "RELEASEDIR")
				x.step("open b dir rdonly,directory", "OPENDIR")
				plain, plus = x.lists("b")
				x.check(plain+plus > 0 == row.renewed, "again, after opening: %d requests", plain+plus)
			})
		})
	}
}

// A cached listing is dropped when the directory's time has changed; with FUSE_CAP_AUTO_INVAL_DATA the kernel asks for it.
func TestCacheReaddir_Changed(t *testing.T) {
	for _, auto := range []bool{true, false} {
		m := mode{opendir: lowlevel.FileInfo{CacheReaddir: true, KeepCache: true}}
		if !auto {
			m.disable = lowlevel.CapAutoInvalData
		}
		run(t, m, func(x *experiment) {
			x.step("open a dir rdonly,directory", "OPENDIR")
			x.lists("a")
			plain, plus := x.lists("a")
			x.check(plain+plus == 0, "nothing has changed: %d requests", plain+plus)
			x.fs.changeNames(2000, "target")
			plain, plus = x.lists("a")
			x.check(plain+plus > 0 == auto, "changed, auto_inval_data %v: %d requests", auto, plain+plus)
		})
	}
}

// What readdirplus has told of the entries, nobody asks for any more.
func TestReaddirplus(t *testing.T) {
	no := mode{attrTimeout: lowlevel.Forever, disable: lowlevel.CapReaddirplus | lowlevel.CapReaddirplusAuto}
	yes := mode{attrTimeout: lowlevel.Forever, disable: lowlevel.CapReaddirplusAuto}
	auto := cached
	t.Run("no", func(t *testing.T) {
		run(t, no, func(x *experiment) {
			x.step("open a dir rdonly,directory", "OPENDIR")
			plain, plus := x.lists("a")
			x.check(plain > 0 && plus == 0, "%d READDIR, %d READDIRPLUS", plain, plus)
			x.step("stat dir/file0", "LOOKUP file0")
			x.step("stat dir/file999", "LOOKUP file999")
		})
	})
	t.Run("yes", func(t *testing.T) {
		run(t, yes, func(x *experiment) {
			x.step("open a dir rdonly,directory", "OPENDIR")
			plain, plus := x.lists("a")
			x.check(plain == 0 && plus > 1, "%d READDIR, %d READDIRPLUS", plain, plus)
			x.step("stat dir/file0")
			x.step("stat dir/file999")
		})
	})
	t.Run("auto", func(t *testing.T) {
		run(t, auto, func(x *experiment) {
			x.step("open a dir rdonly,directory", "OPENDIR")
			plain, plus := x.lists("a")
			x.check(plain > 0 && plus == 1, "%d READDIR, %d READDIRPLUS", plain, plus)
			x.step("stat dir/file0")
			x.step("stat dir/file999", "LOOKUP file999")
		})
	})
}

// With readdirplus=auto the beginning of a listing is asked for with attributes, and more of it only if somebody has looked up names of the
// directory meanwhile, as ls -l does.
func TestReaddirplusAuto_FollowsLookups(t *testing.T) {
	run(t, cached, func(x *experiment) {
		x.step("open a dir rdonly,directory", "OPENDIR")
		kind := func(want string) {
			_, requests := x.do("listsome a 4096")
			x.check(len(requests) == 1 && count(requests, want) == 1, "requests %s, want one %s", describe(requests), want)
		}
		kind("READDIRPLUS")
		kind("READDIR")
		kind("READDIR")
		x.step("stat dir/file999", "LOOKUP file999")
		kind("READDIRPLUS")
		kind("READDIR")
	})
}

// With FUSE_CAP_CACHE_SYMLINKS a link is read once. Its target is cached as data: only a notification makes the kernel read it anew.
func TestCacheSymlinks(t *testing.T) {
	m := cached
	m.enable = lowlevel.CapCacheSymlinks
	run(t, m, func(x *experiment) {
		x.gives("target", "readlink link", "READLINK")
		x.fs.changeNames(1000, "other")
		x.gives("target", "readlink link")
		if err := x.session.Notifier().InvalInode(linkIno); err != nil {
			x.fail("InvalInode: %v", err)
		}
		x.gives("other", "readlink link", "READLINK")
		x.gives("other", "readlink link")
	})
	run(t, cached, func(x *experiment) {
		x.gives("target", "readlink link", "READLINK")
		x.fs.changeNames(1000, "other")
		x.gives("other", "readlink link", "READLINK")
	})
}
