package main

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A who is the user a call is made as: effective uid, and groups of which the first is the effective gid and all are the supplementary ones.
type who struct {
	uid  int
	gids []int
}

// The users of the tests. None of them needs to exist in /etc/passwd.
var (
	root   = who{0, []int{0}}
	owner  = asUser(65534, 65534)
	other  = asUser(65533, 65533)
	nobody = asUser(65534) // keeps root's group
)

// asUser is uid with gids; without gids it keeps group 0.
func asUser(uid int, gids ...int) who {
	if len(gids) == 0 {
		gids = []int{0}
	}
	return who{uid, gids}
}

func (w who) String() string { return fmt.Sprintf("%d:%v", w.uid, w.gids) }

func (w who) same(o who) bool { return w.uid == o.uid && slices.Equal(w.gids, o.gids) }

// current is the user of the suite's only thread.
var current = who{0, nil}

// become makes the calling thread act as w. The real and saved user stay root, so that it can come back; the kernel looks at the effective ids.
// The calls are raw because those of package unix change all threads of the process.
func (w who) become() {
	if current.same(w) {
		return
	}
	const keep = ^uintptr(0)
	must(unix.SYS_SETRESUID, keep, 0, keep)
	setGroups(w.gids)
	must(unix.SYS_SETRESGID, keep, uintptr(w.gids[0]), keep)
	must(unix.SYS_SETRESUID, keep, uintptr(w.uid), keep)
	current = w
}

func setGroups(gids []int) {
	list := make([]uint32, len(gids))
	for i, g := range gids {
		list[i] = uint32(g)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(list)), uintptr(unsafe.Pointer(&list[0])), 0)
	if errno != 0 {
		panic(fmt.Sprintf("setgroups: %v", errno))
	}
}

func must(trap, a, b, c uintptr) {
	if _, _, errno := unix.RawSyscall(trap, a, b, c); errno != 0 {
		panic(fmt.Sprintf("cannot change user: system call %d: %v", trap, errno))
	}
}
