package iomodes

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What is cached of a file is dropped when it is opened, unless the answer has FOPEN_KEEP_CACHE.
func TestKeepCache(t *testing.T) {
	keep := cached
	keep.open.KeepCache = true
	for _, m := range []mode{keep, cached} {
		run(t, m, func(x *experiment) {
			x.step("open a f rdonly", "OPEN")
			x.do("readall a 4096")
			x.step("readall a 4096")
			x.step("open b f rdonly", "OPEN")
			_, requests := x.do("readall b 4096")
			if kept := len(requests) == 0; kept != m.open.KeepCache {
				x.fail("KeepCache %v: requests %s", m.open.KeepCache, describe(requests))
			}
		})
	}
}

// seen is what a client sees of a file that was changed behind the kernel's back, the second time it reads.
type seen struct {
	text     string
	requests []string
}

// reread has a client read a file twice, with a change in between. The attributes are good for no time.
func reread(t *testing.T, m mode, letter string, size int, mtime int64) seen {
	t.Helper()
	m.attrTimeout = 0
	m.open.KeepCache = true
	var s seen
	run(t, m, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		x.do("readall a 32768")
		x.do("stat f")
		x.fs.change(letter, size, mtime)
		x.do("stat f")
		s.text, s.requests = x.do("read a 0 4096")
	})
	return s
}

// With FUSE_CAP_AUTO_INVAL_DATA, the default, the kernel asks for the attributes before it reads from its cache, and drops the cache
// when time or size have changed. Without, it does not ask, and drops the cache when it happens to hear of another size. With
// FUSE_CAP_EXPLICIT_INVAL_DATA it never drops what is within the size.
func TestInvalData(t *testing.T) {
	auto := mode{}
	none := mode{disable: lowlevel.CapAutoInvalData}
	explicit := mode{disable: lowlevel.CapAutoInvalData, enable: lowlevel.CapExplicitInvalData}
	both := mode{enable: lowlevel.CapExplicitInvalData} // AUTO_INVAL_DATA prevails
	const size, time = pages * page, 1000
	for _, row := range []struct {
		name  string
		mode  mode
		size  int
		mtime int64
		anew  bool
	}{
		{"auto: nothing", auto, size, time, false},
		{"auto: mtime", auto, size, time + 1, true},
		{"auto: size", auto, size + page, time, true},
		{"none: mtime", none, size, time + 1, false},
		{"none: size", none, size + page, time, true},
		{"explicit: mtime", explicit, size, time + 1, false},
		{"explicit: size", explicit, size + page, time, false},
		{"explicit: size and mtime", explicit, size + page, time + 1, false},
		{"auto and explicit: mtime", both, size, time + 1, true},
		{"auto and explicit: size", both, size + page, time, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := reread(t, row.mode, "z", row.size, row.mtime)
			want := "a*4096"
			if row.anew {
				want = "z*4096"
			}
			if got.text != want || count(got.requests, "READ") > 0 != row.anew {
				t.Errorf("read %q, requests %s, want %q", got.text, describe(got.requests), want)
			}
			autoInval := row.mode.disable == 0
			if n := count(got.requests, "GETATTR"); n > 0 != autoInval {
				t.Errorf("%d times GETATTR before the read: %s", n, describe(got.requests))
			}
		})
	}
}

// FUSE_CAP_EXPLICIT_INVAL_DATA needs somebody who tells the kernel: the notification.
func TestExplicitInvalData_Notification(t *testing.T) {
	m := cached
	m.disable, m.enable = lowlevel.CapAutoInvalData, lowlevel.CapExplicitInvalData
	run(t, m, func(x *experiment) {
		x.step("open a f rdonly", "OPEN")
		x.do("readall a 32768")
		x.fs.change("z", pages*page, 2000)
		x.gives("a*10", "read a 0 10")
		if err := x.session.Notifier().InvalInode(fileIno); err != nil {
			x.fail("InvalInode: %v", err)
		}
		result, requests := x.do("read a 0 10")
		x.check(result == "z*10" && count(requests, "READ") == 1, "read %q, requests %s", result, describe(requests))
	})
}

// A surprise: with FUSE_CAP_AUTO_INVAL_DATA a client's own write changes the time of the file, and the next read drops all that was cached of
// it. Not so with the writeback cache, where the time is the kernel's.
func TestAutoInvalData_OwnWriteDropsCache(t *testing.T) {
	for _, row := range []struct {
		mode  mode
		reads bool
	}{{cached, true}, {writethrough, false}, {writeback, false}} {
		run(t, row.mode, func(x *experiment) {
			x.step("open a f rdwr", "OPEN")
			x.do("readall a 32768")
			x.do("write a 0 4096 x")
			_, requests := x.do("read a 8192 10")
			if got := count(requests, "READ") > 0; got != row.reads {
				x.fail("%v: reads again: %v, want %v: %s", row.mode, got, row.reads, describe(requests))
			}
		})
	}
}
