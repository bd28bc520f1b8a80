package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// program is the path of the program under test.
var program string

// TestMain builds the program. Started with "client" as its first argument, the test binary is a client of the filesystem
// instead, for what no command can do: a process must not use a mount that it serves.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "client" {
		os.Exit(client(os.Args[2:]))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "passthrough_ll")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "passthrough_ll")
	args := []string{"build", "-o", program}
	if raceEnabled() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// raceEnabled reports whether the tests run under the race detector. Then the program does, too.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// mount is a mounted passthrough_ll.
type mount struct {
	t        *testing.T
	src, dir string
	prog     *fusetest.Program
}

// posixOptions are what a mount needs to behave as the filesystem below it for all users.
const posixOptions = "default_permissions,allow_other"

// newMount mounts a new source directory with options.
func newMount(t *testing.T, options ...string) *mount {
	t.Helper()
	fusetest.RequireFUSE(t)
	return mountSource(t, newDir(t), options...)
}

// mountSource mounts a source directory. Empty options are left out.
func mountSource(t *testing.T, src string, options ...string) *mount {
	t.Helper()
	return mountBy(t, []string{program}, src, options...)
}

// mountBy is mountSource by a command that runs the program.
func mountBy(t *testing.T, command []string, src string, options ...string) *mount {
	t.Helper()
	dir := newDir(t)
	args := append(slices.Clip(command), "-f", "-o", "source="+src)
	for _, o := range options {
		if o != "" {
			args = append(args, "-o", o)
		}
	}
	return &mount{t: t, src: src, dir: dir, prog: start(t, dir, append(args, dir)...)}
}

// start starts a program that mounts at dir. It ends by being unmounted: after a signal its exit code is 1, as in C.
func start(t *testing.T, dir string, args ...string) *fusetest.Program {
	t.Helper()
	prog := fusetest.StartProgramAt(t, dir, args...)
	t.Cleanup(func() { _ = prog.StopBy(prog.Unmount) }) // its result comes again in StartProgramAt's cleanup
	fusetest.Watchdog(t, 5*time.Minute, dir)
	return prog
}

// newDir returns a new directory that all users can get at. Its path has no comma, which would end an option.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "passthrough_ll_test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// user is whom a command runs as.
type user struct {
	uid, gid uint32
	groups   []uint32
}

var (
	root  = user{}
	alice = user{uid: 1001, gid: 2001, groups: []uint32{3001, 3002}}
	bob   = user{uid: 1002, gid: 2002, groups: []uint32{3001}}
)

// sh runs a shell script in dir as a user, and returns what it wrote. $S and $M are the source and the mount.
func (m *mount) sh(u user, dir, script string) (string, error) {
	env := append(os.Environ(), "S="+m.src, "M="+m.dir, "LC_ALL=C", "HOME=/nonexistent", "CLIENT="+os.Args[0])
	return fusetest.Command{
		Timeout: time.Minute, Dir: dir, Env: env,
		Setup: func(cmd *exec.Cmd) {
			if u.uid != 0 || u.gid != 0 {
				cmd.SysProcAttr.Credential = &syscall.Credential{Uid: u.uid, Gid: u.gid, Groups: u.groups}
			}
		},
	}.Run("sh", "-c", script)
}

// in is m for a part of the test.
func (m *mount) in(t *testing.T) *mount {
	part := *m
	part.t = t
	return &part
}

// run runs a script on the mount as root, and fails the test if it fails.
func (m *mount) run(script string) string {
	m.t.Helper()
	out, err := m.sh(root, m.dir, "set -e\n"+script)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, script)
	}
	return out
}

// want runs a script on the mount as root and compares its output.
func (m *mount) want(want, script string) {
	m.t.Helper()
	if got := strings.TrimSpace(m.run(script)); got != want {
		m.t.Errorf("%s\ngot:  %s\nwant: %s", script, got, want)
	}
}

// sameAsBelow runs a script as a user on the mount, and on a directory without FUSE, and compares output and result.
func (m *mount) sameAsBelow(u user, name, prepare, script string) {
	m.t.Helper()
	m.t.Run(name, func(t *testing.T) {
		mm := m.in(t)
		plain := newDir(t)
		want := mm.listing(u, plain, prepare, script)
		if err := os.MkdirAll(filepath.Join(m.src, name), 0o755); err != nil {
			t.Fatal(err)
		}
		got := mm.listing(u, filepath.Join(m.dir, name), prepare, script)
		if got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", script, got, want)
		}
	})
}

// listing runs prepare as root and script as u in dir, and returns what the latter wrote and what is in dir then.
func (m *mount) listing(u user, dir, prepare, script string) string {
	m.t.Helper()
	if out, err := m.sh(root, dir, "set -e; umask 022\n"+prepare); err != nil {
		m.t.Fatalf("prepare: %v\n%s", err, out)
	}
	out, err := m.sh(u, dir, script)
	out = fmt.Sprintf("%sexit code %d\n", out, fusetest.ExitCode(err))
	list, err := m.sh(root, dir, `find . ! -name . -printf '%p %M %U %G %n %s %l\n' | grep -v '^\. ' | sort`)
	if err != nil {
		m.t.Fatalf("list: %v", err)
	}
	return strings.ReplaceAll(out+list, dir, "DIR")
}

// client is what the test binary does as a client of the filesystem.
func client(args []string) int {
	commands := map[string]func(args []string) error{
		"handle":   clientHandle,
		"setxattr": func(a []string) error { return unix.Setxattr(a[0], a[1], []byte(a[2]), 0) },
		"setacl":   clientSetACL,
		"getxattr": clientGetxattr,
		"read":     clientRead,
		"renames":  clientRenames,
		"mmap":     clientMmap,
		"tmpfile":  clientTmpfile,
	}
	f, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "client: no command %q\n", args[0])
		return 2
	}
	if err := f(args[1:]); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func clientGetxattr(args []string) error {
	buf := make([]byte, 100)
	n, err := unix.Getxattr(args[0], args[1], buf)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", buf[:n])
	return nil
}

// clientRead prints a file without asking for its attributes, as cat does.
func clientRead(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	buf := make([]byte, 100)
	n, err := unix.Read(fd, buf)
	fmt.Printf("%s\n", buf[:max(n, 0)])
	return err
}

// clientSetACL sets a default ACL: u::rwx, g::rwx, o::rx.
func clientSetACL(args []string) error {
	acl := []byte{2, 0, 0, 0} // the version, then tag, permissions and ID of each entry
	for _, entry := range [][2]byte{{0x01, 7}, {0x04, 7}, {0x20, 5}} {
		acl = append(acl, entry[0], 0, entry[1], 0, 0xff, 0xff, 0xff, 0xff)
	}
	return unix.Setxattr(args[0], "system.posix_acl_default", acl, 0)
}

// clientMmap writes a word into a file, opened with O_DIRECT, through a shared mapping.
func clientMmap(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	mem, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(mem, args[1])
	return unix.Msync(mem, unix.MS_SYNC)
}
