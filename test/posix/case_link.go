package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var linkCases = []testCase{
	{"link/counts", linkCounts},
	{"link/times", linkTimes},
	{"link/refused_keeps_times", linkRefused},
	{"link/search_and_write_permission", linkPermission},
	{"link/exists", linkExists},
	{"link/directory", linkDirectory},
	{"link/symlink_itself", linkSymlink},
	{"link/owner_unchanged", linkOwner},
	{"link/shared_content", linkContent},
	{"link/open_unlinked", linkUnlinked},
	{"link/limit", linkLimit},
}

func linkCounts(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "a")
		t.lstat("a", isKind(kind), isNlink(1))
		t.ok(root.link("a", "b"))
		t.lstat("a", isKind(kind), isNlink(2))
		t.lstat("b", isKind(kind), isNlink(2), isIno(t.ino("a")))
		t.ok(root.link("b", "c"))
		for _, p := range []string{"a", "b", "c"} {
			t.lstat(p, isKind(kind), isNlink(3), isIno(t.ino("a")))
		}
		same := []check{isKind(kind), isOwner(65534, 65533)}
		if kind != Symlink {
			t.ok(root.chmod("b", 0o201))
			same = append(same, isMode(0o201))
		}
		t.ok(root.lchown("b", 65534, 65533))
		for _, p := range []string{"a", "b", "c"} {
			t.lstat(p, append(same, isNlink(3))...)
		}
		t.ok(root.unlink("a"))
		t.gone("a")
		t.lstat("b", append(same, isNlink(2))...)
		t.lstat("c", append(same, isNlink(2))...)
		t.ok(root.unlink("c"))
		t.gone("a", "c")
		t.lstat("b", append(same, isNlink(1))...)
		t.ok(root.unlink("b"))
		t.gone("a", "b", "c")
	}
}

func linkTimes(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "f")
		watch := append(stamps("f", "c"), stamps(".", "cm")...)
		t.updates(watch, watch, func() { t.ok(root.link("f", "g")) })
		t.updates(watch, watch, func() { t.ok(root.unlink("g")) })
		t.keeps(stamps("f", "m"), func() { t.ok(root.link("f", "g")) })
		t.ok(root.unlink("f"), root.unlink("g"))
	}
}

func linkRefused(t *T) {
	for _, kind := range fileKinds {
		t.create(kind, "f")
		t.ok(root.lchown("f", 65534, -1))
		t.keeps(append(stamps("f", "cm"), stamps(".", "cm")...), func() { t.want(nobody.link("f", "g"), unix.EACCES) })
		t.gone("g")
		t.lstat("f", isNlink(1))
		t.ok(root.unlink("f"))
	}
}

func linkPermission(t *T) {
	for _, kind := range []string{Regular, Fifo} {
		for _, d := range []string{"a", "b"} {
			t.createFor(Dir, d, 65534, 65534)
		}
		t.ok(owner.create(kind, "a/f"))
		t.ok(owner.link("a/f", "b/g"), owner.unlink("b/g"))
		t.ok(root.chmod("a", 0o644))
		t.want(owner.link("a/f", "a/g"), unix.EACCES)
		t.want(owner.link("a/f", "b/g"), unix.EACCES)
		t.ok(root.chmod("a", 0o755), root.chmod("b", 0o644))
		t.want(owner.link("a/f", "b/g"), unix.EACCES)
		t.ok(root.chmod("b", 0o555))
		t.want(owner.link("a/f", "b/g"), unix.EACCES)
		t.ok(root.chmod("a", 0o555))
		t.want(owner.link("a/f", "a/g"), unix.EACCES)
		t.ok(root.chmod("b", 0o755), owner.link("a/f", "b/g"))
		t.lstat("b/g", isNlink(2), isKind(kind))
		t.ok(root.unlink("a/f"), root.unlink("b/g"), root.rmdir("a"), root.rmdir("b"))
	}
}

func linkExists(t *T) {
	t.create(Regular, "f")
	for _, kind := range allKinds {
		t.create(kind, "g")
		t.want(root.link("f", "g"), unix.EEXIST)
		t.lstat("g", isKind(kind))
		t.lstat("f", isNlink(1))
		t.remove(kind, "g")
	}
	t.want(root.link("f", "f"), unix.EEXIST)
	t.want(root.link("f", "."), unix.EEXIST)
	t.want(root.link("f", "new/"), unix.ENOENT)
	t.want(root.link("f/", "g"), unix.ENOTDIR)
}

func linkDirectory(t *T) {
	t.createFor(Dir, "d", 65534, 65534)
	t.want(root.link("d", "e"), unix.EPERM)
	t.ok(owner.mkdir("d/e", 0o755))
	t.want(owner.link("d/e", "d/f"), unix.EPERM)
	t.want(root.link("d/.", "f"), unix.EPERM)
	t.gone("e", "f", "d/f")
	t.stat("d", isNlink(3))
}

// Linux links the symlink itself, and with AT_SYMLINK_FOLLOW what it leads to.
func linkSymlink(t *T) {
	t.create(Regular, "f")
	t.ok(root.symlink("f", "l"), root.link("l", "m"))
	t.lstat("m", isKind(Symlink), isNlink(2), isIno(t.ino("l")))
	t.ok(root.linkat("l", "n", unix.AT_SYMLINK_FOLLOW))
	t.lstat("n", isKind(Regular), isNlink(2), isIno(t.ino("f")))
	t.ok(root.symlink("nowhere", "x"), root.link("x", "y"))
	t.lstat("y", isKind(Symlink), isNlink(2))
	t.want(root.linkat("x", "z", unix.AT_SYMLINK_FOLLOW), unix.ENOENT)
	t.gone("z", "nowhere")
}

func linkOwner(t *T) {
	t.createFor(Regular, "f", 65534, 65533)
	t.ok(root.chmod("f", 0o4755), root.mkdir("d", 0o2777), root.chown("d", 1, 65500), root.chmod("d", 0o2777))
	for _, w := range []who{root, asUser(65534, 65533)} {
		t.ok(w.link("f", "d/g"))
		t.lstat("d/g", isOwner(65534, 65533), isMode(0o4755), isNlink(2))
		t.ok(w.unlink("d/g"))
	}
}

func linkContent(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	t.ok(c, root.write(fd, []byte("one"), 0), root.link("f", "g"))
	t.content("g", "one")
	t.ok(root.write(fd, []byte("two!"), 0))
	closeFD(fd)
	t.content("f", "two!")
	t.content("g", "two!")
	t.ok(root.truncate("g", 3))
	t.content("f", "two")
	t.ok(root.unlink("f"))
	t.content("g", "two")
}

// A file without a name cannot be linked by its descriptor, one made with O_TMPFILE can.
func linkUnlinked(t *T) {
	fd, c := root.openFD("f", unix.O_CREAT|unix.O_RDWR, 0o644)
	defer closeFD(fd)
	t.ok(c, root.unlink("f"))
	t.want(root.linkat(fmt.Sprintf("/proc/thread-self/fd/%d", fd), "g", unix.AT_SYMLINK_FOLLOW), unix.ENOENT)
	t.gone("g")
}

// maxLinks is more than ext4's 65,000; a filesystem without such a limit takes them all.
const maxLinks = 65100

func linkLimit(t *T) {
	t.create(Regular, "f")
	root.become()
	n := 1
	var err error
	for ; n < maxLinks && err == nil; n++ {
		err = unix.Link("f", fmt.Sprintf("l%d", n))
	}
	if err != nil {
		n--
		t.want(call{"link past the limit", err}, unix.EMLINK)
	}
	t.lstat("f", isNlink(n))
	t.want(root.link("f", "l1"), unix.EEXIST, unix.EMLINK)
	for i := 1; i < n; i++ {
		if err := unix.Unlink(fmt.Sprintf("l%d", i)); err != nil {
			t.fail("unlink of link %d: %v", i, err)
			break
		}
	}
	t.lstat("f", isNlink(1))
}
