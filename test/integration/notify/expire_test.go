package notify

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestExpireEntry_SameInodeKeepsAll(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("open a d/sub/deep rdonly", "read a 0 4096", "tmpfs e", "chdir d/sub")
		x.ok(x.n.ExpireEntry(lowlevel.RootIno, "d"))
		x.step("stat d/sub/deep", "LOOKUP /d", "GETATTR /d/sub/deep") // d alone is looked up; deep has been read since
		x.step("stat d/sub/deep")
		x.gives("a*4096", "read a 0 4096")
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "sub"))
		x.gives("/d/sub", "getcwd")
		x.step("stat ./deep")
		x.step("stat d/sub", "LOOKUP /d/sub")
		x.ok(x.n.ExpireEntry(lowlevel.RootIno, "e"))
		x.prepare("stat e/.")
		x.gives("true", "ismounted e")
	})
}

func TestExpireEntry_OtherInodeIsReplaced(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("open a d/f rdonly")
		old := x.fs.ino("d/f")
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.step("stat d/f")
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "f"))
		x.step("stat d/f", "LOOKUP /d/f", "LOOKUP /d/f")
		x.step("read a 0 4096", "READ /d/f 0+4096")
		x.prepare("close a")
		x.until(func() bool { return x.fs.known(old) == 0 }, func() string { return "a Forget of the inode before" })
	})
}

// A mount on an entry that turns out to be another inode, or gone, is detached.
func TestExpireEntry_OtherInodeDetachesMounts(t *testing.T) {
	for name, change := range map[string]func(fs *tree){
		"another": func(fs *tree) { fs.replace("d/sub", unix.S_IFDIR|0o755) },
		"gone":    func(fs *tree) { fs.remove("d/sub") },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("tmpfs d/sub")
				change(x.fs)
				x.ok(x.n.ExpireEntry(x.fs.ino("d"), "sub"))
				x.gives("true", "ismounted d/sub")
				_, _ = x.client(0).call("stat d/sub")
				x.eventually("false", "ismounted d/sub")
			})
		})
	}
}

func TestExpireEntry_Gone(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.fs.remove("d/f")
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "f"))
		x.refused(unix.ENOENT, "stat d/f", "LOOKUP /d/f", "LOOKUP /d/f")
		x.refused(unix.ENOENT, "stat d/f")
	})
}

func TestExpireEntry_Negative(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		x.refused(unix.ENOENT, "stat d/new", "LOOKUP /d/new")
		x.fs.add("d/new", unix.S_IFREG|0o644)
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "new"))
		x.step("stat d/new", "LOOKUP /d/new")
	})
}

// What the kernel knows of the parent goes with ExpireEntry as with InvalEntry.
func TestExpireEntry_DropsParentsAttributesAndListing(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "f"))
		x.parentDropped()
	})
}
