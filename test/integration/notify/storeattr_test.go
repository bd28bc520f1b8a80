package notify

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What Store has to do with size and time of a file.

// autoOff has the kernel drop no data by itself when the time has changed, and all data when the size has.
var autoOff = setup{disable: lowlevel.CapAutoInvalData}

// explicit has it drop no data by itself.
var explicit = setup{disable: lowlevel.CapAutoInvalData, enable: lowlevel.CapExplicitInvalData}

// Data that ends behind the end makes the file longer. The next one who asks for the size causes a Getattr, though, and what the filesystem says then
// counts: it must have the new size by then.
func TestStore_ExtendsTheFile(t *testing.T) {
	for _, row := range []struct {
		name  string
		setup setup
		size  int   // what the filesystem has
		mtime int64 // too
		want  string
		tail  string // what is read from the old end on
		reads []string
	}{
		{"filesystem has it", setup{}, 9 * page, 1000, "size=36864 mtime=1000", "z*4096", nil},
		{"filesystem has it not", setup{}, 8 * page, 1000, "size=32768 mtime=1000", "", nil},
		{"filesystem has more", setup{}, 10 * page, 1000, "size=40960 mtime=1000", "y*8192", []string{"READ /f 32768+8192"}},
		{"another mtime", setup{}, 9 * page, 2000, "size=36864 mtime=2000", "y*4096", []string{"READ /f 32768+4096"}},
		{"another mtime, auto off", autoOff, 9 * page, 2000, "size=36864 mtime=2000", "z*4096", nil},
		{"another mtime, explicit", explicit, 9 * page, 2000, "size=36864 mtime=2000", "z*4096", nil},
		{"more, auto off", autoOff, 10 * page, 1000, "size=40960 mtime=1000", "y*8192", []string{"READ /f 32768+8192"}},
		{"more, explicit", explicit, 10 * page, 1000, "size=40960 mtime=1000", "z*4096 y*4096", []string{"READ /f 36864+4096"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				x.prepare("open a f rdonly", "stat f")
				x.fs.change("f", "y", row.size, row.mtime)
				x.ok(x.n.Store(x.fs.ino("f"), 8*page, letters(page, "z")))
				x.gives("ino=5 "+row.want+" nlink=1", "stat f", "GETATTR /f")
				x.gives(row.tail, "read a 32768 8192", row.reads...)
			})
		})
	}
}

// One who only reads sees the new end as well.
func TestStore_ExtendsTheFileForReaders(t *testing.T) {
	for _, row := range []struct {
		name  string
		setup setup
		asks  []string
	}{
		{"auto", setup{}, []string{"GETATTR /f"}},
		{"auto off", autoOff, nil},
		{"explicit", explicit, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, row.setup, func(x *experiment) {
				x.prepare("open a f rdonly", "stat f")
				x.fs.change("f", "y", 8*page+100, 1000)
				x.ok(x.n.Store(x.fs.ino("f"), 8*page, letters(100, "z")))
				x.gives("z*100", "read a 32768 100", row.asks...)
			})
		})
	}
}

// Between the old end and the data the file is not cached: it is read.
func TestStore_LeavesAHole(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		x.fs.change("f", "y", 10*page, 1000)
		x.ok(x.n.Store(x.fs.ino("f"), 9*page, letters(page, "z")))
		x.prepare("stat f")
		x.gives("y*4096 z*4096", "read a 32768 8192", "READ /f 32768+4096")
	})
}

// With CapAutoInvalData, data that was stored goes as soon as the kernel hears of the new mtime. So with Store, InvalInodeAttr
// is of use only without that capability.
func TestStore_AndTheNewMtime(t *testing.T) {
	for _, row := range []struct {
		name  string
		setup setup
		want  string
		reads []string
	}{
		{"auto", setup{}, "y*4096", []string{"READ /f 0+4096"}},
		{"auto off", autoOff, "z*4096", nil},
		{"explicit", explicit, "z*4096", nil},
	} {
		for _, order := range []string{"attributes first", "data first"} {
			t.Run(row.name+", "+order, func(t *testing.T) {
				run(t, row.setup, func(x *experiment) {
					x.cached()
					f := x.fs.ino("f")
					x.fs.change("f", "y", 8*page, 2000)
					if order == "attributes first" {
						x.ok(x.n.InvalInodeAttr(f))
						x.ok(x.n.Store(f, 0, letters(page, "z")))
					} else {
						x.ok(x.n.Store(f, 0, letters(page, "z")))
						x.gives("z*4096", "read a 0 4096")
						x.ok(x.n.InvalInodeAttr(f))
					}
					x.gives("ino=5 size=32768 mtime=2000 nlink=1", "stat f", "GETATTR /f")
					x.gives(row.want, "read a 0 4096", row.reads...)
				})
			})
		}
	}
	t.Run("auto, mtime known before", func(t *testing.T) {
		run(t, setup{}, func(x *experiment) {
			x.cached()
			f := x.fs.ino("f")
			x.fs.change("f", "y", 8*page, 2000)
			x.ok(x.n.InvalInodeAttr(f))
			x.step("stat f", "GETATTR /f")
			x.ok(x.n.Store(f, 0, letters(page, "z")))
			x.gives("z*4096", "read a 0 4096")
		})
	})
}

// A Getattr that was answered before the Store comes too late, too.
func TestRace_GetattrAndStore(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("open a f rdonly", "stat f")
		f := x.fs.ino("f")
		x.ok(x.n.InvalInodeAttr(f))
		b, h := x.caught("stat f", "GETATTR /f")
		x.fs.change("f", "y", 9*page, 1000)
		x.ok(x.n.Store(f, 8*page, letters(page, "z")))
		h.answer()
		x.result(b)
		x.gives("ino=5 size=36864 mtime=1000 nlink=1", "stat f", "GETATTR /f")
		x.gives("z*4096", "read a 32768 8192")
	})
}
