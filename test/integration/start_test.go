package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// inNamespace runs a script in a mount namespace of its own. The FUSE filesystems of others are not kept alive by it.
func inNamespace(t *testing.T, s script) (string, error) {
	t.Helper()
	s.text = `exec unshare --mount bash -euo pipefail -c '
		findmnt -rno TARGET,FSTYPE | { grep -E " fuse(blk)?([.]|$)" || true; } | while read -r point _; do umount -l "$(printf %b "$point")" || true; done
		` + strings.ReplaceAll(s.text, "'", `'\''`) + `'`
	return s.run()
}

// serverOf finds the process that serves a mount: the one of a program with an argument that begins so.
func serverOf(prog, mountpoint string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(text), prog+"\x00") || !strings.Contains(string(text), "\x00"+mountpoint) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err == nil {
			return pid
		}
	}
	return 0
}

// waitGone wants a process to end.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	fusetest.Eventually(t, exitTimeout, "end of the server", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// cleanMount takes a mount away that a failed test left.
func cleanMount(t *testing.T, dir string) {
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(dir); err != nil {
			t.Error(err)
		}
	})
}

// Without -f the command comes back when the filesystem is there, and the server stays.
func TestBackground_CommandReturnsMounted(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	for _, f := range []filesystem{memfs, passthrough} {
		for _, end := range []string{"umount", "fusermount3 -u", "kill"} {
			t.Run(f.name+" "+end, func(t *testing.T) {
				dir := newDir(t)
				cleanMount(t, dir)
				fusetest.Watchdog(t, time.Minute, dir)
				args := f.args(t)
				out := fusetest.Run(t, 20*time.Second, args[0], append(args[1:], dir)...)
				if out != "" {
					t.Errorf("it said %q", out)
				}
				if m, err := fusetest.FindMount(dir); m == nil || err != nil {
					t.Fatalf("not mounted when the command came back: %v", err)
				}
				pid := serverOf(args[0], dir)
				if pid == 0 {
					t.Fatal("no server")
				}
				wantDaemon(t, pid)
				script{dir: dir, text: `echo x > $D/f; [ $(cat $D/f) = x ]; rm $D/f`}.must(t)
				switch end {
				case "umount":
					fusetest.Run(t, 10*time.Second, "umount", dir)
				case "kill":
					if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
						t.Error(err)
					}
				default:
					fusetest.Run(t, 10*time.Second, "fusermount3", "-u", dir)
				}
				waitGone(t, pid)
				wantUnmounted(t, dir)
			})
		}
	}
}

// wantDaemon checks what fuse_daemonize leaves: a session of its own, the root directory, nothing of the terminal.
func wantDaemon(t *testing.T, pid int) {
	t.Helper()
	proc := "/proc/" + strconv.Itoa(pid)
	if cwd, err := os.Readlink(proc + "/cwd"); err != nil || cwd != "/" {
		t.Errorf("working directory %q, %v", cwd, err)
	}
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of process %d, %v", sid, pid, err)
	}
	for _, fd := range []string{"0", "1", "2"} {
		if to, err := os.Readlink(proc + "/fd/" + fd); err != nil || to != "/dev/null" {
			t.Errorf("descriptor %s is %q, %v", fd, to, err)
		}
	}
}

// mount.fuse3 starts a program by its path, with the options of mount behind the mountpoint.
func TestMountFuse3_StartsProgram(t *testing.T) {
	need(t, "mount.fuse3")
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	prog := program(t, helloPkg)
	passProg := program(t, passthrough.pkg)
	src := newDir(t)
	rows := []struct{ name, command string }{
		{"mount.fuse3 program", "mount.fuse3 " + prog + " $D -o ro,noatime,allow_other"},
		{"mount -t fuse", "mount -t fuse -o ro,noatime,allow_other " + prog + " $D"},
		{"mount -t fuse3", "mount -t fuse3 -o ro,noatime,allow_other " + prog + " $D"},
		{"setuid to root", "mount.fuse3 " + prog + " $D -o ro,allow_other,setuid=root"},
		{"own options", "mount.fuse3 " + passProg + " $D -o ro,allow_other,source=" + src + ",xattr,timeout=0.5"},
	}
	if err := os.WriteFile(filepath.Join(src, "hello"), []byte("Hello World!\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := newDir(t)
			cleanMount(t, dir)
			fusetest.Watchdog(t, time.Minute, dir)
			script{dir: dir, text: row.command, timeout: 20 * time.Second}.must(t)
			m, err := fusetest.FindMount(dir)
			if m == nil || err != nil {
				t.Fatalf("not mounted: %v", err)
			}
			if !strings.Contains(m.Options, "ro") || !strings.Contains(m.SuperOptions, "allow_other") {
				t.Errorf("options of the mount: %s; %s", m.Options, m.SuperOptions)
			}
			if out := (script{dir: dir, text: `cat $D/hello`}).must(t); out != "Hello World!\n" {
				t.Errorf("read %q", out)
			}
			fusetest.Run(t, 10*time.Second, "umount", dir)
			wantUnmounted(t, dir)
		})
	}
}

// The mount fails when the program does. A source ("program#source", or "-t fuse.program source") is handed to the program as its first argument; what
// serves one mountpoint and nothing else refuses it, as libfuse's examples do.
func TestMountFuse3_ReportsFailure(t *testing.T) {
	need(t, "mount.fuse3")
	fusetest.RequireRoot(t)
	prog := program(t, memfs.pkg)
	dir := newDir(t)
	rows := []struct{ command, says string }{
		{"mount.fuse3 " + prog + " $D -o nonsense=1", "nonsense"},
		{"mount.fuse3 " + prog + "#source $D", "bad mount point `source'"},
		{"PATH=$BIN:$PATH mount.fuse3 source $D -t fuse.memfs_ll", "bad mount point `source'"},
		{"mount.fuse3 " + prog + "#/tmp $D", "invalid argument"},
		{"mount.fuse3 " + prog + " $D/missing", "No such file or directory"},
		{"mount.fuse3 " + prog + " $D/missing -o drop_privileges", "No such file or directory"},
	}
	for _, row := range rows {
		out, err := script{dir: dir, text: row.command, timeout: 20 * time.Second}.run()
		if err == nil || !strings.Contains(out, row.says) {
			t.Errorf("%s: %v: %s", row.command, err, out)
		}
		wantUnmounted(t, dir)
	}
}

// From /etc/fstab: in a mount namespace, with an fstab of its own.
func TestFstab_Mounts(t *testing.T) {
	need(t, "unshare", "mount.fuse3", "findmnt")
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	if _, err := os.Stat("/etc/fstab"); err != nil {
		fusetest.Skip(t, "needs a file to mount another one over: %v", err)
	}
	src := newDir(t)
	lines := map[string]string{
		"memfs_ll":                       program(t, memfs.pkg) + " %s fuse allow_other,size=64m 0 0",
		"memfs_ll by fuse3":              program(t, memfs.pkg) + " %s fuse3 noauto,allow_other 0 0",
		"passthrough_ll":                 program(t, passthrough.pkg) + " %s fuse source=" + src + ",default_permissions,allow_other,nosuid 0 0",
		"memfs_ll drop_privileges":       program(t, memfs.pkg) + " %s fuse drop_privileges,allow_other 0 0",
		"passthrough_ll drop_privileges": program(t, passthrough.pkg) + " %s fuse source=" + src + ",drop_privileges 0 0",
	}
	for name, line := range lines {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			fstab := filepath.Join(newDir(t), "fstab")
			if err := os.WriteFile(fstab, []byte(strings.ReplaceAll(line, "%s", dir)+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			fusetest.Watchdog(t, time.Minute, "")
			out, err := inNamespace(t, script{dir: dir, env: []string{"FSTAB=" + fstab}, timeout: 30 * time.Second, text: `
				mount --bind $FSTAB /etc/fstab
				mount $D
				findmnt -no FSTYPE $D
				mkdir $D/d; echo content > $D/d/f; cat $D/d/f; rm -r $D/d; ls $D
				umount $D
				findmnt $D || echo unmounted`})
			if err != nil || !strings.HasPrefix(out, "fuse") || !strings.HasSuffix(out, "content\nunmounted\n") {
				t.Errorf("%v\n%s", err, out)
			}
			if pid := serverOf(strings.Fields(line)[0], dir); pid != 0 {
				waitGone(t, pid)
			}
		})
	}
}

// drop_privileges: mount.fuse3 mounts, and the program gets /dev/fd/N and no capabilities, also when it goes to the background.
func TestDropPrivileges_ServesWithoutCapabilities(t *testing.T) {
	need(t, "mount.fuse3")
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	prog := program(t, memfs.pkg)
	dir := newDir(t)
	cleanMount(t, dir)
	fusetest.Watchdog(t, time.Minute, dir)
	fusetest.Run(t, 20*time.Second, "mount.fuse3", prog, dir, "-o", "drop_privileges,allow_other")
	if m, err := fusetest.FindMount(dir); m == nil || err != nil {
		t.Fatalf("not mounted: %v", err)
	}
	pid := serverOf(prog, "/dev/fd/")
	if pid == 0 {
		t.Fatal("no server with /dev/fd/N as its mountpoint")
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if !strings.Contains(string(status), set+":\t0000000000000000\n") {
			t.Errorf("%s is not empty:\n%s", set, status)
		}
	}
	wantDaemon(t, pid)
	script{dir: dir, text: `for i in $(seq 50); do echo $i > $D/f$i; done; [ $(cat $D/f* | wc -l) = 50 ]`}.must(t)
	fusetest.Run(t, 10*time.Second, "umount", dir)
	waitGone(t, pid)
	wantUnmounted(t, dir)
}

// A normal user mounts by fusermount3. /dev/fuse is made accessible in a mount namespace, as it is on every desktop.
func TestUser_MountsByFusermount3(t *testing.T) {
	need(t, "unshare", "setpriv", "fusermount3")
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	dir := newDir(t)
	mine, theirs := filepath.Join(dir, "mine"), filepath.Join(dir, "theirs")
	script{dir: dir, text: `mkdir $D/mine $D/theirs; chown 65534:65534 $D/mine`}.must(t)
	fusetest.Watchdog(t, time.Minute, "")
	node := `mknod $D/fuse c 10 229; chmod 666 $D/fuse; mount --bind $D/fuse /dev/fuse
		as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
		`
	env := []string{"MEMFS=" + program(t, memfs.pkg), "MINE=" + mine, "THEIRS=" + theirs}
	for _, f := range []string{"", "-o auto_unmount"} {
		out, err := inNamespace(t, script{dir: newDir(t), env: env, timeout: 30 * time.Second, text: node + `
			as_user $MEMFS ` + f + ` $MINE
			findmnt -no FSTYPE,OPTIONS $MINE
			as_user bash -c "echo content > $MINE/f; cat $MINE/f; stat -c %u:%g $MINE/f"
			if ls $MINE 2>&1; then echo "root may look"; fi
			as_user fusermount3 -u $MINE
			findmnt $MINE || echo unmounted`})
		if err != nil || !strings.Contains(out, "user_id=65534,group_id=65534") || !strings.Contains(out, "content\n65534:65534\n") ||
			!strings.Contains(out, "Permission denied") || !strings.HasSuffix(out, "unmounted\n") {
			t.Errorf("options %q: %v\n%s", f, err, out)
		}
		if pid := serverOf(program(t, memfs.pkg), mine); pid != 0 {
			waitGone(t, pid)
		}
	}
	refused := []struct{ name, command, says string }{
		{"directory of another", `as_user $MEMFS -f $THEIRS`, "no write access"},
		{"allow_other without leave", `as_user $MEMFS -f -o allow_other $MINE`, "user_allow_other"},
		{"no right to the device", `chmod 600 /dev/fuse; as_user $MEMFS -f $MINE`, "ermission denied"},
	}
	for _, row := range refused {
		t.Run(row.name, func(t *testing.T) {
			out, err := inNamespace(t, script{dir: newDir(t), env: env, timeout: 20 * time.Second, text: node + row.command})
			if fusetest.ExitCode(err) != 1 || !strings.Contains(out, row.says) {
				t.Errorf("exit code %d, want 1 and %q: %s", fusetest.ExitCode(err), row.says, out)
			}
		})
	}
}

// With auto_unmount the mount goes when the server dies, however it dies. Not quite always: fusermount3 looks whether the mount is dead, and when it looks
// before the kernel has closed the dead server's /dev/fuse, it leaves the mount (C's passthrough_ll: about one kill in 20). So there are more tries.
func TestAutoUnmount_AfterKill(t *testing.T) {
	for _, f := range []filesystem{memfs, passthrough} {
		t.Run(f.name, func(t *testing.T) {
			for range 6 {
				if unmountsWhenKilled(t, f) {
					return
				}
			}
			t.Error("the mount stays")
		})
	}
	t.Run("clean end", func(t *testing.T) {
		p := memfs.mount(t, "auto_unmount")
		script{dir: p.Mountpoint, text: `echo x > $D/f; cat $D/f`}.must(t)
	})
}

func unmountsWhenKilled(t *testing.T, f filesystem) bool {
	p := f.start(t, "auto_unmount")
	script{dir: p.dir, text: `echo x > $D/f; cat $D/f`}.must(t)
	p.signal(t, syscall.SIGKILL)
	p.exitCode(t)
	deadline := time.Now().Add(2 * time.Second)
	for mountsAt(t, p.dir) > 0 {
		if time.Now().After(deadline) {
			return false
		}
	}
	script{dir: p.dir, text: `[ ! -e $D/f ]`}.must(t)
	return true
}

// Several mounts live and end independently.
func TestMounts_Independent(t *testing.T) {
	var all []*fusetest.Program
	for range 4 {
		for _, f := range []filesystem{memfs, passthrough} {
			all = append(all, f.mount(t))
		}
	}
	use := func(list []*fusetest.Program) {
		for i, p := range list {
			script{dir: p.Mountpoint, text: `echo ` + strconv.Itoa(i) + ` > $D/f; [ $(cat $D/f) = ` + strconv.Itoa(i) + ` ]`}.must(t)
		}
	}
	use(all)
	for len(all) > 0 {
		p := all[len(all)/2]
		if err := p.StopBy(func() error { return unmountAndWait(p) }); err != nil {
			t.Error(err)
		}
		all = append(all[:len(all)/2], all[len(all)/2+1:]...)
		use(all)
	}
}

// Sessions of one process are as independent as those of several: each serves its own, and the end of one is nothing to the others.
func TestSessions_OfOneProcess(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	var dirs []string
	for range 5 {
		dirs = append(dirs, newDir(t))
	}
	p := startAt(t, dirs[4], append([]string{program(t, "test/integration/sessions")}, dirs...)...)
	for _, dir := range dirs {
		cleanMount(t, dir)
	}
	fusetest.Eventually(t, exitTimeout, "all mounts", func() bool { return strings.Contains(p.output(), "mounted\n") })
	use := func(list []string) {
		for _, dir := range list {
			if out := (script{dir: dir, text: `for i in $(seq 20); do cat $D/name; echo; done | sort -u`}).must(t); out != dir+"\n" {
				t.Errorf("%s/name holds %q", dir, out)
			}
		}
	}
	use(dirs)
	fusetest.Run(t, 10*time.Second, "umount", dirs[1])
	fusetest.Run(t, 10*time.Second, "umount", "-l", dirs[3])
	fusetest.Eventually(t, exitTimeout, "two ends", func() bool { return strings.Count(p.output(), "end of") == 2 })
	use([]string{dirs[0], dirs[2], dirs[4]})
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.output())
	}
	for _, dir := range dirs {
		wantUnmounted(t, dir)
		if !strings.Contains(p.output(), "end of "+dir+": ") {
			t.Errorf("no end of %s:\n%s", dir, p.output())
		}
	}
	t.Log(p.output())
}
