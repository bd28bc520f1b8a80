package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// modes are the ways to mount for all users.
var modes = []string{"", "cache=never", "cache=always", "writeback", "timeout=0", "xattr"}

// Whatever a user creates must look as it does on the filesystem below.
func TestOwner_SameAsBelow(t *testing.T) {
	fusetest.RequireRoot(t)
	const create = `umask 027; touch f; mkdir d; ln -s target l; mkfifo p; umask 0; touch g; mkdir e; umask 0777; touch h`
	for _, opts := range modes {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, posixOptions, opts)
			all := `chmod 777 .`
			m.sameAsBelow(root, "root", all, create)
			m.sameAsBelow(user{uid: 0, gid: 2001}, "root in another group", all, create)
			m.sameAsBelow(alice, "user", all, create)
			m.sameAsBelow(alice, "sticky", `chmod 1777 .; touch x; mkdir y; chmod 777 y`, create+`; rm -f x y/z; rmdir y`)
			m.sameAsBelow(alice, "sgid directory", `chgrp 2002 .; chmod 2777 .`, create+`; mkdir -m 2755 s; install -m 2755 f t`)
			m.sameAsBelow(alice, "sgid directory of an own group", `chgrp 3002 .; chmod 2777 .`, create+`; mkdir -m 2755 s`)
			m.sameAsBelow(alice, "right by supplementary group", `chgrp 3002 .; chmod 770 .`, create)
			m.sameAsBelow(alice, "no right", `chmod 755 .`, create)
			m.sameAsBelow(bob, "refused by group", `chgrp 2002 .; chmod 707 .`, create)
		})
	}
}

// Permissions, the bits that grant them, and who may change what.
func TestPermissions_SameAsBelow(t *testing.T) {
	fusetest.RequireRoot(t)
	for _, opts := range modes {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, posixOptions, opts)
			own := `chmod 777 .; touch f; chown 1001:2001 f; `
			m.sameAsBelow(alice, "chmod own", own, `chmod 6755 f; chmod g+s .; chmod 640 f`)
			m.sameAsBelow(alice, "chmod sgid in another group", own+`chgrp 2002 f`, `chmod 2755 f`)
			m.sameAsBelow(alice, "chmod sgid in a supplementary group", own+`chgrp 3002 f`, `chmod 2755 f`)
			m.sameAsBelow(bob, "chmod not own", own, `chmod 777 f`)
			m.sameAsBelow(alice, "chgrp", own+`chmod 6755 f`, `chgrp 3001 f; chgrp 2002 f; chown 1002 f`)
			m.sameAsBelow(root, "chown", own+`chmod 6755 f`, `chown 1002:2002 f`)
			m.sameAsBelow(root, "chown of a directory", `mkdir d; chmod 6755 d`, `chown 1002:2002 d`)
			m.sameAsBelow(root, "chown of a link", `ln -s none l`, `chown -h 1002:2002 l; touch -h -d @1000 l; stat -c %Y l`)
			m.sameAsBelow(bob, "write drops suid", own+`chmod 6777 f`, `echo x >> f`)
			m.sameAsBelow(bob, "write keeps sgid without x", own+`chmod 2766 f; chgrp 2002 f; chmod 2766 f`, `echo x >> f`)
			m.sameAsBelow(bob, "truncate drops suid", own+`chmod 6777 f`, `truncate -s 10 f`)
			m.sameAsBelow(bob, "open with O_TRUNC drops suid", own+`echo x > f; chmod 6777 f`, `: > f`)
			m.sameAsBelow(bob, "fallocate drops suid", own+`chmod 6777 f`, `fallocate -l 100 f`)
			m.sameAsBelow(root, "root's write keeps suid", own+`chmod 6777 f`, `echo x > f; truncate -s 5 f; echo y >> f`)
			m.sameAsBelow(alice, "open", own+`touch r w; chmod 444 r; chmod 222 w`, `cat r; cat w; echo x > r; echo x > w`)
			m.sameAsBelow(alice, "times", own+`touch g`, `touch -d @1000 f; touch -d @1000 g; touch g; stat -c %Y f`)
			m.sameAsBelow(alice, "link", own+`echo x > g; mkfifo q`, `ln f f2; ln g g2; ln q q2`)
			m.sameAsBelow(alice, "mode 0", `chmod 777 .`, `umask 777; echo x > f; cat f; echo y > f`)
			m.sameAsBelow(root, "devices", `:`, `mknod c c 1 3; mknod b b 7 200; stat -c %t:%T c b; mknod -m 642 p p`)
			m.sameAsBelow(alice, "device", `chmod 777 .`, `mknod c c 1 3`)
		})
	}
}

// Without default_permissions the server still decides who may create where, and whose it is.
func TestOwner_WithoutDefaultPermissions(t *testing.T) {
	fusetest.RequireRoot(t)
	m := newMount(t, "allow_other")
	m.run(`mkdir -m 755 closed; mkdir -m 777 open; touch mine; chown 1001:2002 mine`)
	out, err := m.sh(alice, m.dir, `touch open/f; mkdir open/d; touch closed/f; chmod 2755 mine; stat -c '%u:%g %a' open/f mine`)
	if err != nil {
		t.Fatal(err)
	}
	want := "touch: cannot touch 'closed/f': Permission denied\n1001:2001 644\n1001:2002 755"
	if got := strings.TrimSpace(out); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// A default ACL takes the place of the umask.
func TestOwner_DefaultACL(t *testing.T) {
	m := newMount(t, "xattr")
	m.run(`mkdir d; $CLIENT client setacl $S/d`)
	m.want("-rw-rw-r-- drwxrwxr-x", `umask 077; touch d/f; mkdir d/e; echo $(stat -c %A d/f d/e)`)
}

// A server that is not root's serves its own user, and what is created is that user's.
func TestOwner_ServerOfAUser(t *testing.T) {
	fusetest.RequireRoot(t)
	fusetest.RequireFUSE(t)
	m := mountFor(t, alice)
	out, err := m.sh(alice, m.dir, `umask 027; echo x > f; mkdir d; ln -s f l; ln f g; cat g; mv d e; rm l
		stat -c '%n %A %u:%g %h' e f`)
	want := "x\ne drwxr-x--- 1001:2001 2\nf -rw-r----- 1001:2001 2\n"
	if err != nil || out != want {
		t.Errorf("got:\n%s%v\nwant:\n%s", out, err, want)
	}
	if out, err := m.sh(bob, "/", `ls $M`); err == nil {
		t.Errorf("another user sees the mount: %s", out)
	}
}

// mountFor mounts a new source directory for a user, and runs the server as that user: the way of mount.fuse3 with
// drop_privileges.
func mountFor(t *testing.T, u user) *mount {
	t.Helper()
	src, dir := newDir(t), newDir(t)
	for _, d := range []string{src, dir} {
		if err := os.Chown(d, int(u.uid), int(u.gid)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dev.Close() }()
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", dev.Fd(), u.uid, u.gid)
	if err := unix.Mount("test", dir, "fuse.passthrough_ll", unix.MS_NOSUID|unix.MS_NODEV, data); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-f", "-o", "source="+src, "/dev/fd/3")
	cmd.ExtraFiles = []*os.File{dev}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.uid, Gid: u.gid}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
			_ = fusetest.ForceUnmount(dir)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, time.Minute, dir)
	return &mount{t: t, src: src, dir: dir}
}

// Users who create files at the same time must not get each other's, and no thread of the server may stay somebody else.
func TestOwner_Concurrent(t *testing.T) {
	fusetest.RequireRoot(t)
	m := newMount(t, posixOptions)
	m.run(`chmod 777 .; mkdir sgid; chgrp 3001 sgid; chmod 2777 sgid`)
	var wg sync.WaitGroup
	for _, u := range []user{alice, bob, root, {uid: 1003, gid: 3001}} {
		for w := range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				out, err := m.sh(u, m.dir, fmt.Sprintf(`for i in $(seq 100); do
					for d in . sgid; do touch $d/f.%[1]d.%[2]d.$i; mkdir $d/d.%[1]d.%[2]d.$i; done; done`, u.uid, w))
				if err != nil {
					t.Errorf("user %d: %v\n%s", u.uid, err, out)
				}
			}()
		}
	}
	wg.Wait()
	// Names begin with the owner's number. All groups in sgid are 3001.
	m.want("3200 0 0", `cd $S; find . -mindepth 1 -name '[fd].*' -printf '%f %U %G %h\n' |
		awk 'split($1, n, ".") && n[2] != $2 { wrong++ } $4 == "./sgid" && $3 != 3001 { wrongGroup++ }
			END { print NR, wrong+0, wrongGroup+0 }'`)
	threads := m.run(fmt.Sprintf(`grep -h -E '^(Uid|Gid|Groups|CapEff):' /proc/%d/task/*/status | sort | uniq -c | wc -l`,
		m.prog.Cmd.Process.Pid))
	if got := strings.TrimSpace(threads); got != "4" {
		t.Errorf("the server's threads have %s different lines of identity, want 4", got)
	}
}
