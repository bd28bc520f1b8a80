package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// exitTimeout is how long a server may take to end once it must.
const exitTimeout = 10 * time.Second

func wantUnmounted(t *testing.T, dir string) {
	t.Helper()
	if m, err := fusetest.FindMount(dir); m != nil || err != nil {
		t.Errorf("still mounted: %v, %v", m, err)
	}
}

// An unmount from outside while clients work: they get errors, the server ends as after any unmount.
func TestUnmount_DuringLoad(t *testing.T) {
	ways := map[string][]string{
		"umount -l":         {"umount", "-l"},
		"fusermount3 -u -z": {"fusermount3", "-u", "-z"},
	}
	for name, way := range ways {
		for _, f := range filesystems() {
			t.Run(name+" "+f.name, func(t *testing.T) {
				p := f.start(t, posixOptions...)
				clients := startLoad(t, p.dir)
				fusetest.Run(t, 10*time.Second, way[0], append(way[1:], p.dir)...)
				wantUnmounted(t, p.dir)
				clients.wait(exitTimeout, true)
				clients.kill()
				if code := p.exitCode(t); code != 0 {
					t.Errorf("exit code %d, want 0\n%s", code, p.output())
				}
				if out := p.output(); out != "" {
					t.Errorf("the server said %q", out)
				}
			})
		}
	}
}

// A busy mount is not unmounted by a plain umount, and keeps working.
func TestUnmount_BusyIsRefused(t *testing.T) {
	p := memfs.start(t)
	clients := startLoad(t, p.dir)
	for _, way := range [][]string{{"umount"}, {"fusermount3", "-u"}} {
		out, err := fusetest.RunError(t, 10*time.Second, way[0], append(way[1:], p.dir)...)
		if err == nil || !strings.Contains(out, "busy") {
			t.Errorf("%s: %v\n%s", way, err, out)
		}
	}
	script{dir: p.dir, text: `echo alive > $D/x; [ $(cat $D/x) = alive ]`}.must(t)
	clients.kill()
}

// The server is killed while clients work: they get errors at once, nothing hangs, and the dead mount can be taken away.
func TestKill_DuringLoad(t *testing.T) {
	for _, f := range filesystems() {
		t.Run(f.name, func(t *testing.T) {
			p := f.start(t, posixOptions...)
			clients := startLoad(t, p.dir)
			p.signal(t, syscall.SIGKILL)
			if code := p.exitCode(t); code != -1 {
				t.Errorf("exit code %d of a killed process", code)
			}
			said := clients.wait(exitTimeout, false)
			if !strings.Contains(said, "Transport endpoint is not connected") && !strings.Contains(said, "Software caused connection abort") {
				t.Errorf("the clients said:\n%s", said)
			}
			out, err := script{dir: p.dir, text: `ls $D`, timeout: 10 * time.Second}.run()
			if err == nil || !strings.Contains(out, "Transport endpoint is not connected") {
				t.Errorf("ls of the dead mount: %v\n%s", err, out)
			}
			fusetest.Run(t, 10*time.Second, "fusermount3", "-u", p.dir)
			wantUnmounted(t, p.dir)
		})
	}
}

// On a mountpoint that a dead server has left, a new one says what is wrong.
func TestKill_DeadMountpoint(t *testing.T) {
	p := memfs.start(t)
	p.signal(t, syscall.SIGKILL)
	p.exitCode(t)
	out, err := fusetest.RunError(t, 10*time.Second, program(t, memfs.pkg), "-f", p.dir)
	if fusetest.ExitCode(err) != 1 || !strings.Contains(out, "ransport endpoint is not connected") {
		t.Errorf("exit code %d: %s", fusetest.ExitCode(err), out)
	}
	fusetest.Run(t, 10*time.Second, "fusermount3", "-u", p.dir)
	q := startAt(t, p.dir, program(t, memfs.pkg), "-f", p.dir)
	fusetest.Run(t, 10*time.Second, "umount", p.dir)
	if code := q.exitCode(t); code != 0 {
		t.Errorf("exit code %d of the new server", code)
	}
}

// signalExitCode is that of libfuse's examples: fuse_session_loop returns the signal's number, and main makes 1 of it; fuse_main makes 8.
func (f filesystem) signalExitCode() int {
	if f.byPath {
		return 8
	}
	return 1
}

// SIGINT, SIGTERM and SIGHUP end a server cleanly within a second, whatever its clients do.
func TestSignals_UnmountWithinASecond(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		for _, busy := range []bool{false, true} {
			for _, f := range filesystems() {
				t.Run(fmt.Sprintf("%s busy=%v %s", unix.SignalName(sig), busy, f.name), func(t *testing.T) {
					p := f.start(t, posixOptions...)
					var clients *load
					if busy {
						clients = startLoad(t, p.dir)
					}
					begin := time.Now()
					p.signal(t, sig)
					code := p.exitCode(t)
					took := time.Since(begin)
					t.Logf("ended %v after %s", took.Round(time.Millisecond), unix.SignalName(sig))
					if took > time.Second {
						t.Errorf("ended %v after the signal, want less than a second", took)
					}
					if want := f.signalExitCode(); code != want {
						t.Errorf("exit code %d, want %d\n%s", code, want, p.output())
					}
					wantUnmounted(t, p.dir)
					if busy {
						clients.wait(exitTimeout, false)
					}
				})
			}
		}
	}
}

// What cannot be mounted: exit code 1, and a message that names the trouble.
func TestBadInput_IsReported(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	dir := newDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	mnt := filepath.Join(dir, "mnt")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name string
		args []string
		says string
	}{
		{"unknown option", []string{"-f", "-o", "nonsense", mnt}, "nonsense"},
		{"unknown option with value", []string{"-f", "-o", "allow_other,nonsense=5", mnt}, "nonsense=5"},
		{"unknown flag", []string{"-f", "--nonsense", mnt}, "nonsense"},
		{"missing mountpoint", []string{"-f", filepath.Join(dir, "missing")}, "No such file or directory"},
		{"missing mountpoint in the background", []string{filepath.Join(dir, "missing")}, "No such file or directory"},
		{"unknown option in the background", []string{"-o", "nonsense", mnt}, "nonsense"},
		{"file as mountpoint", []string{"-f", file}, "directory"},
		{"below a file", []string{"-f", filepath.Join(file, "x")}, "Not a directory"},
		{"no mountpoint", []string{"-f"}, "usage"},
		{"two mountpoints", []string{"-f", mnt, mnt}, "invalid argument"},
		{"closed descriptor", []string{"-f", "/dev/fd/77"}, "77"},
		{"a descriptor that is no FUSE", []string{"-f", "/dev/fd/0"}, "/dev/fd/0"},
	}
	for _, f := range []filesystem{memfs, passthrough, {name: "hello_ll", pkg: helloPkg}} {
		prog := program(t, f.pkg)
		for _, row := range rows {
			t.Run(f.name+" "+row.name, func(t *testing.T) {
				fusetest.Watchdog(t, 30*time.Second, mnt)
				out, err := fusetest.RunError(t, 10*time.Second, prog, row.args...)
				if fusetest.ExitCode(err) != 1 {
					t.Errorf("exit code %d, want 1", fusetest.ExitCode(err))
				}
				if !strings.Contains(out, row.says) {
					t.Errorf("it said %q, not %q", out, row.says)
				}
				wantUnmounted(t, mnt)
			})
		}
	}
}

func TestHelpAndVersion_ExitZero(t *testing.T) {
	for _, pkg := range []string{memfs.pkg, passthrough.pkg, helloPkg} {
		for flag, want := range map[string]string{"-h": "-o allow_other", "--help": "mountpoint", "-V": "FUSE library version", "--version": "FUSE library version"} {
			out := fusetest.Run(t, 10*time.Second, program(t, pkg), flag)
			if !strings.Contains(out, want) {
				t.Errorf("%s %s: %s", pkg, flag, out)
			}
		}
	}
}

// Where a filesystem is mounted already another one goes on top, as with every mount by root, and uncovers it when it goes.
func TestMount_OnTopOfAnother(t *testing.T) {
	lower := memfs.start(t)
	script{dir: lower.dir, text: `echo lower > $D/which`}.must(t)
	upper := startAt(t, lower.dir, program(t, memfs.pkg), "-f", lower.dir)
	script{dir: lower.dir, text: `[ -z "$(ls $D)" ]; echo upper > $D/which`}.must(t)
	for _, p := range []*server{upper, lower} {
		fusetest.Run(t, 10*time.Second, "umount", lower.dir)
		if code := p.exitCode(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if p == upper && (script{dir: lower.dir, text: `cat $D/which`}).must(t) != "lower\n" {
			t.Error("the lower filesystem was not uncovered")
		}
	}
	wantUnmounted(t, lower.dir)
}

// Without /dev/fuse the error says so. The device is hidden in a mount namespace of its own.
func TestMount_NoDevice(t *testing.T) {
	need(t, "unshare")
	fusetest.RequireRoot(t)
	dir := newDir(t)
	out, err := inNamespace(t, script{dir: dir, text: `
		mount -t tmpfs none /dev
		exec ` + program(t, memfs.pkg) + ` -f $D`})
	if fusetest.ExitCode(err) != 1 || !strings.Contains(out, "fuse") || !strings.Contains(out, "modprobe fuse") {
		t.Errorf("exit code %d: %s", fusetest.ExitCode(err), out)
	}
}
