package notify

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Inodes that nobody uses are forgotten; those that are open or have known entries below them stay, unknown ones are passed over.
func TestPrune_ForgetsUnused(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		x.prepare("open a d/f rdonly", "stat f")
		ino := x.fs.ino
		x.ok(x.n.Prune())
		x.ok(x.n.Prune(4711))
		x.ok(x.n.Prune(4711, ino("d/f"), ino("d/g"), 4712, ino("d"), ino("d/sub"), ino("f"), lowlevel.RootIno))
		x.forgotten("d/g", "f")
		for _, path := range []string{"d", "d/f", "d/sub", "d/sub/deep"} {
			x.step("stat " + path)
		}
		x.step("stat d/g", "LOOKUP /d/g")
		x.prepare("close a")
		x.unused("d/f")
		x.ok(x.n.Prune(ino("d/f")))
		x.forgotten("d/f")
	})
}

// In one message, what is below a directory goes before it.
func TestPrune_InOrder(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		ino := x.fs.ino
		x.ok(x.n.Prune(ino("d/sub/deep"), ino("d/sub"), ino("d/f"), ino("d/g"), ino("d")))
		x.forgotten("d/sub/deep", "d/sub", "d/f", "d/g", "d")
		x.step("stat d/f", "LOOKUP /d", "LOOKUP /d/f")
	})
}

// A directory that nobody uses goes with the last entry that was known in it.
func TestPrune_DirectoriesFollow(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.known()
		ino := x.fs.ino
		x.ok(x.n.Prune(ino("d/sub/deep")))
		x.forgotten("d/sub/deep", "d/sub")
		x.step("stat d")
		x.ok(x.n.Prune(ino("d/f"), ino("d/g")))
		x.forgotten("d/f", "d/g", "d")
	})
}

func (x *experiment) forgotten(paths ...string) {
	for _, path := range paths {
		ino := x.fs.ino(path)
		x.until(func() bool { return x.fs.known(ino) == 0 }, func() string { return "a Forget of " + path })
	}
}

// More than fit into one message.
func TestPrune_Many(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat f")
		inos := make([]lowlevel.Ino, 10000)
		for i := range inos {
			inos[i] = lowlevel.Ino(1_000_000 + i)
		}
		inos[len(inos)-1] = x.fs.ino("f")
		x.ok(x.n.Prune(inos...))
		x.forgotten("f")
	})
}

// An open file keeps its data, also what is to be written back.
func TestPrune_OpenFileIsLeftAlone(t *testing.T) {
	run(t, setup{enable: lowlevel.CapWritebackCache}, func(x *experiment) {
		x.prepare("open a f rdwr", "read a 0 32768", "write a 0 4096 z")
		x.fs.take()
		x.ok(x.n.Prune(x.fs.ino("f")))
		if got := x.fs.take(); len(got) != 0 {
			x.fail("requests: %s", describe(got))
		}
		x.step("read a 0 32768")
	})
}
