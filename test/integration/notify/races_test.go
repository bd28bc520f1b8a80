package notify

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// What becomes of an answer that was settled before a notification, and comes after it.

// InvalEntry waits for a first lookup of the name: what that finds is dropped after it.
func TestRace_LookupAndInvalEntry(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		d := x.fs.ino("d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(d, "f") })
		h.answer()
		x.settled()
		x.result(b)
		x.step("stat d/f", "LOOKUP /d/f")
	})
}

// revalidating has the client 1 look up an entry that it knows and that has expired: such a lookup does not hold the parent's lock.
func (x *experiment) revalidating() (*background, *hold) {
	x.prepare("stat d/f")
	x.ok(x.n.ExpireEntry(x.fs.ino("d"), "f"))
	return x.caught("stat d/f", "LOOKUP /d/f")
}

func TestRace_RevalidationAndInvalEntry(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		b, h := x.revalidating()
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f")) // does not wait
		h.answer()
		x.result(b)
		x.step("stat d/f", "LOOKUP /d/f")
		x.prepare("open a d/f rdonly")
		x.step("read a 0 4096", "READ /d/f* 0+4096")
	})
}

func TestRace_RevalidationAndDelete(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		b, h := x.revalidating()
		d, f := x.fs.ino("d"), x.fs.ino("d/f")
		x.fs.remove("d/f")
		x.ok(x.n.Delete(d, f, "f")) // does not wait
		h.answer()
		x.result(b)
		x.refused(unix.ENOENT, "stat d/f", "LOOKUP /d/f")
	})
}

// The expiry is lost: the answer, though settled before, sets the time anew.
func TestRace_RevalidationAndExpireEntry(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		b, h := x.revalidating()
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(x.n.ExpireEntry(x.fs.ino("d"), "f")) // does not wait
		h.answer()
		x.result(b)
		x.step("stat d/f") // the old one, for an hour
	})
}

// ExpireEntry waits for a first lookup, as InvalEntry does.
func TestRace_LookupAndExpireEntry(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		d := x.fs.ino("d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).ExpireEntry(d, "f") })
		h.answer()
		x.settled()
		x.result(b)
		x.step("stat d/f", "LOOKUP /d/f", "LOOKUP /d/f")
	})
}

func TestRace_ReaddirplusAndInvalEntry(t *testing.T) {
	run(t, setup{plus: true}, func(x *experiment) {
		x.prepare("stat d")
		d := x.fs.ino("d")
		b, h := x.caught("list d", "READDIRPLUS /d 0")
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalEntry(d, "f") })
		h.answer()
		x.settled()
		x.result(b)
		x.step("stat d/g") // known by the listing
		x.step("stat d/f", "LOOKUP /d/f")
	})
}

// An answer to a lookup that began before counts as of before.
func TestRace_LookupAndIncrementEpoch(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(x.n.IncrementEpoch())
		h.answer()
		x.result(b)
		x.step("stat d/f", "LOOKUP /d", "LOOKUP /d/f")
		x.step("stat d/f")
	})
}

func TestRace_RevalidationAndIncrementEpoch(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		b, h := x.revalidating()
		x.fs.replace("d/f", unix.S_IFREG|0o644)
		x.ok(x.n.IncrementEpoch())
		h.answer()
		x.result(b)
		x.step("stat d/f", "LOOKUP /d", "LOOKUP /d/f")
		x.step("stat d/f")
	})
}

func TestRace_ReaddirplusAndIncrementEpoch(t *testing.T) {
	run(t, setup{plus: true}, func(x *experiment) {
		x.prepare("stat d")
		b, h := x.caught("list d", "READDIRPLUS /d 0")
		x.ok(x.n.IncrementEpoch())
		h.answer()
		x.result(b)
		x.step("stat d/g", "LOOKUP /d", "LOOKUP /d/g")
	})
}

// The late answer goes to who asked for it, and is not kept.
func TestRace_GetattrAndInvalInodeAttr(t *testing.T) {
	for name, inval := range map[string]func(n *lowlevel.Notifier, ino lowlevel.Ino) error{
		"InvalInodeAttr": (*lowlevel.Notifier).InvalInodeAttr,
		"InvalInode":     (*lowlevel.Notifier).InvalInode,
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				x.prepare("stat f")
				ino := x.fs.ino("f")
				x.ok(x.n.InvalInodeAttr(ino))
				b, h := x.caught("stat f", "GETATTR /f")
				x.fs.change("f", "z", 5, 2000)
				x.ok(inval(x.n, ino))
				h.answer()
				if got, want := x.result(b), "ino=5 size=32768 mtime=1000 nlink=1"; got != want {
					x.fail("the one who had asked: got %s, want %s", got, want)
				}
				x.gives("ino=5 size=5 mtime=2000 nlink=1", "stat f", "GETATTR /f")
			})
		})
	}
}

// The attributes that a lookup brings are dropped as well: whoever wants them asks once more.
func TestRace_RevalidationAndInvalInodeAttr(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		b, h := x.revalidating()
		ino := x.fs.ino("d/f")
		x.fs.change("d/f", "z", 5, 2000)
		x.ok(x.n.InvalInodeAttr(ino))
		h.answer()
		const want = "ino=6 size=5 mtime=2000 nlink=1"
		if got := x.result(b); got != want {
			x.fail("got %s, want %s", got, want)
		}
		x.gives(want, "stat d/f")
	})
}

// A first lookup is different: the kernel does not know the inode yet, so there is nothing to invalidate, and then it keeps what is old.
func TestRace_LookupAndInvalInodeAttr(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		b, h := x.caught("stat d/f", "LOOKUP /d/f")
		x.fs.change("d/f", "z", 5, 2000)
		x.is(x.n.InvalInodeAttr(x.fs.ino("d/f")), lowlevel.ErrNotCached)
		h.answer()
		x.result(b)
		x.gives("ino=6 size=32768 mtime=1000 nlink=1", "stat d/f")
	})
}

// InvalInode waits for a Read of the pages, and drops what it brings: see TestInvalInode_WaitsForRead. Store waits too, and overwrites it.
func TestRace_ReadAndStore(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		ino := x.fs.ino("f")
		_, err := x.client(1).call("open a f rdonly")
		x.must(err)
		x.prepare("open a f rdonly")
		b, h := x.caught("read a 8192 4096", "READ /f 8192+4096")
		x.ok(x.n.Store(ino, 0, letters(page, "z"))) // another page
		x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).Store(ino, 2*page, letters(page, "z")) })
		h.answer()
		x.settled()
		x.result(b)
		x.prepare("stat f")
		x.gives("z*4096", "read a 8192 4096")
		x.gives("z*4096", "read a 0 4096")
	})
}

// Whether InvalInode waits for a Write that goes straight through.
func TestRace_WriteAndInvalInode(t *testing.T) {
	for _, row := range []struct {
		name, command, request string
		cached, waits          bool
	}{
		{"whole page", "write a 0 4096 z", "WRITE /f 0+4096", false, false},
		{"part of a cached page", "write a 0 10 z", "WRITE /f 0+10", true, false},
		{"part of a page that is not cached", "write a 0 10 z", "WRITE /f 0+10", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			run(t, setup{}, func(x *experiment) {
				ino := x.fs.ino("f")
				_, err := x.client(1).call("open a f rdwr")
				x.must(err)
				if row.cached {
					x.prepare("open a f rdonly", "read a 0 4096")
				}
				b, h := x.caught(row.command, row.request)
				if row.waits {
					x.blocks(func(ctx context.Context) error { return x.n.WithContext(ctx).InvalInode(ino) })
				} else {
					x.ok(x.n.InvalInode(ino))
				}
				h.answer()
				x.settled()
				x.result(b)
			})
		})
	}
}

// The late answer to a change is not kept either.
func TestRace_SetattrAndInvalInodeAttr(t *testing.T) {
	for _, command := range []string{"chmod f 600", "truncate f 32768", "truncate f 4096"} {
		for _, notify := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s notify=%v", command, notify), func(t *testing.T) {
				run(t, setup{}, func(x *experiment) {
					x.prepare("stat f")
					b, h := x.caught(command, "SETATTR /f")
					x.fs.change("f", "z", 5, 2000)
					want := []string(nil)
					if notify {
						x.ok(x.n.InvalInodeAttr(x.fs.ino("f")))
						want = []string{"GETATTR /f"}
					}
					h.answer()
					x.result(b)
					x.step("stat f", want...)
				})
			})
		}
	}
}

// The attributes that a Readdirplus brings late are not kept either.
func TestRace_ReaddirplusAndInvalInodeAttr(t *testing.T) {
	run(t, setup{plus: true}, func(x *experiment) {
		x.prepare("stat d/f")
		f := x.fs.ino("d/f")
		b, h := x.caught("list d", "READDIRPLUS /d 0")
		x.fs.change("d/f", "z", 5, 2000)
		x.ok(x.n.InvalInodeAttr(f))
		h.answer()
		x.result(b)
		x.gives("ino=6 size=5 mtime=2000 nlink=1", "stat d/f", "GETATTR /d/f")
	})
}
