package mirror

import (
	"context"
	"log"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
)

// Files must belong to whoever creates them. A server that runs as root takes on the caller's identity for the one system call that creates a
// file: the kernel below then applies all its rules (owner, group, set-group-ID, ACLs, quota) by itself, at once. To the kernel an identity
// belongs to a thread, and an operation runs on one thread from beginning to end, so nobody else is affected.
//
// Everything else is done as root. Whether the caller may do it has been checked by the kernel above, if the mount
// has default_permissions. Example passthrough_ll does the same.

// serverIdentity is what the server's threads are when they act for nobody.
type serverIdentity struct {
	identity
	canSwitch bool // whether threads can act as somebody else
}

// identity is whom a thread acts for.
type identity struct {
	uid, gid uint32
	groups   []uint32 // supplementary groups
}

// nobody stands for "leave it as it is" in the system calls that change IDs.
const nobody = ^uint32(0)

func newServerIdentity() (serverIdentity, error) {
	gids, err := unix.Getgroups()
	if err != nil {
		return serverIdentity{}, err
	}
	s := serverIdentity{identity: identity{uid: uint32(unix.Geteuid()), gid: uint32(unix.Getegid())}}
	for _, g := range gids {
		s.groups = append(s.groups, uint32(g))
	}
	s.canSwitch = s.uid == 0 && mayChangeIDs()
	return s, nil
}

// mayChangeIDs reports whether the process has the capabilities to change its user and groups. Root may lack them: mount.fuse3
// with drop_privileges takes them away.
func mayChangeIDs() bool {
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	var data [2]unix.CapUserData
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err := unix.Capget(&hdr, &data[0])
	return err == nil && data[0].Effective&need == need
}

// asCaller runs f, which creates the file at path, as the user who asks. A server that is not root's runs it as itself.
//
// The way to the directory is the server's, which knows places that the caller may not go to: those above the source directory.
func (s *serverIdentity) asCaller(ctx context.Context, path string, f func(p place) error) error {
	caller := highlevel.CallerOf(ctx)
	if !s.canSwitch || (caller.UID == s.uid && caller.GID == s.gid) {
		return at(path, f)
	}
	if caller.UID == nobody || caller.GID == nobody {
		return unix.EOVERFLOW
	}
	p, err := placeInDir(path)
	if err != nil {
		return err
	}
	defer p.close()
	id := identity{uid: caller.UID, gid: caller.GID, groups: s.groups}
	if caller.UID != 0 { // root needs no groups
		id.groups, _ = highlevel.Groups(ctx) // none where the caller is gone, or out of sight in another PID namespace
	}
	return s.as(&id, func() error { return f(p) })
}

// as runs f with another identity.
func (s *serverIdentity) as(id *identity, f func() error) error {
	// Without this the Go runtime might start a thread from this one while it runs f, which would then have the wrong
	// identity for good.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer s.restore()
	if err := id.assume(); err != nil {
		return err
	}
	return f()
}

// assume makes the current thread act for id. The user comes last: it takes away the right to change the others.
//
// Only the effective IDs change. They are those that the kernel looks at when a file is created, while signals and
// ptrace, which look at the real ones, keep their hands off the thread.
func (id *identity) assume() error {
	if err := setgroups(id.groups); err != nil {
		return err
	}
	if err := setegid(id.gid); err != nil {
		return err
	}
	return seteuid(id.uid)
}

// restore makes the current thread act for the server again.
func (s *serverIdentity) restore() {
	err := seteuid(s.uid)
	if err == nil {
		err = setegid(s.gid)
	}
	if err == nil {
		err = setgroups(s.groups)
	}
	if err != nil {
		// The thread would go on serving other users as the wrong one.
		log.Fatalf("cannot become the server's user again: %v", err)
	}
}
