// Package mirrortest tests a program that mirrors a directory by highlevel: examples passthrough and passthrough_fh must pass the same tests.
package mirrortest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Main is for TestMain. The test binary is the program under test; with "client" as its first argument, a client of the filesystem, for what no command
// can do.
func Main(m *testing.M, program func()) {
	exampletest.Main(m, func() {
		if len(os.Args) > 2 && os.Args[1] == "client" {
			os.Exit(client(os.Args[2:]))
		}
		program()
	})
}

// Mirror is a mounted program.
type Mirror struct {
	T        *testing.T
	Src, Dir string
	Prog     *fusetest.Program
}

// posixOptions are what a mount needs to behave as the filesystem below it for all users.
const posixOptions = "default_permissions,allow_other"

// Mount mounts a new source directory by the program under test.
func Mount(t *testing.T, args ...string) *Mirror {
	t.Helper()
	return mountSource(t, exampletest.Self(t), newDir(t), args...)
}

// mountSource mounts a source directory by a program. At the end of the test it is unmounted, and must leave nothing.
func mountSource(t *testing.T, program, src string, args ...string) *Mirror {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	dir := newDir(t)
	args = append([]string{program, "-f", "-o", "modules=subdir,subdir=" + src}, args...)
	p := fusetest.StartProgramAt(t, dir, append(args, dir)...)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, 5*time.Minute, dir)
	return &Mirror{T: t, Src: src, Dir: dir, Prog: p}
}

// newDir returns a new directory that all users can get at. Its path has no comma, which would end an option.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mirrortest")
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
func (m *Mirror) sh(u user, dir, script string) (string, error) {
	env := append(os.Environ(), "S="+m.Src, "M="+m.Dir, "LC_ALL=C", "TZ=UTC", "HOME=/nonexistent", "CLIENT="+os.Args[0])
	return fusetest.Command{
		Timeout: time.Minute, Dir: dir, Env: env,
		Setup: func(cmd *exec.Cmd) {
			if u.uid != 0 || u.gid != 0 {
				cmd.SysProcAttr.Credential = &syscall.Credential{Uid: u.uid, Gid: u.gid, Groups: u.groups}
			}
		},
	}.Run("bash", "-c", script)
}

// Run runs a script on the mount as root, and fails the test if it fails.
func (m *Mirror) Run(script string) string {
	m.T.Helper()
	out, err := m.sh(root, m.Dir, "set -e\n"+script)
	if err != nil {
		m.T.Fatalf("%v\n%s", err, script)
	}
	return out
}

// Want runs a script on the mount as root and compares its output.
func (m *Mirror) Want(want, script string) {
	m.T.Helper()
	if got := strings.TrimSpace(m.Run(script)); got != want {
		m.T.Errorf("%s\ngot:  %s\nwant: %s", script, got, want)
	}
}

// same runs a script as a user in a new directory of two places, and compares output and result. prepare runs as root before.
func (m *Mirror) same(u user, name, prepare, script string, place func(t *testing.T) string) {
	m.T.Helper()
	m.T.Run(name, func(t *testing.T) {
		mm := *m
		mm.T = t
		want := mm.listing(u, place(t), prepare, script)
		dir := filepath.Join(m.Dir, name)
		if err := os.MkdirAll(filepath.Join(m.Src, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := mm.listing(u, dir, prepare, script); got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", script, got, want)
		}
	})
}

// sameAsBelow compares with a directory without FUSE.
func (m *Mirror) sameAsBelow(u user, name, prepare, script string) {
	m.T.Helper()
	m.same(u, name, prepare, script, func(t *testing.T) string { return newDir(t) })
}

// listing runs prepare as root and script as u in dir, and returns what the latter wrote and what is in dir then.
func (m *Mirror) listing(u user, dir, prepare, script string) string {
	m.T.Helper()
	if out, err := m.sh(root, dir, "set -e; umask 022\n"+prepare); err != nil {
		m.T.Fatalf("prepare: %v\n%s", err, out)
	}
	out, err := m.sh(u, dir, script)
	out = fmt.Sprintf("%sexit code %d\n", out, fusetest.ExitCode(err))
	list, err := m.sh(root, dir, `find . ! -name . -printf '%p %M %U %G %n %s %l\n' | grep -v '^\. ' | sort`)
	if err != nil {
		m.T.Fatalf("list: %v", err)
	}
	return strings.ReplaceAll(out+list, dir, "DIR")
}

// cProgram compiles libfuse's example of that name with all that its build enables.
func cProgram(t *testing.T, name string) string {
	t.Helper()
	source := "/usr/share/doc/libfuse3-dev/examples/" + name + ".c"
	if _, err := os.Stat(source); err != nil {
		fusetest.Skip(t, "needs the C program: %v", err)
	}
	program := filepath.Join(t.TempDir(), name)
	args := []string{"-w", "-O2", "-o", program, source}
	for _, have := range []string{"UTIMENSAT", "SETXATTR", "POSIX_FALLOCATE", "COPY_FILE_RANGE", "FSTATAT", "FDATASYNC"} {
		args = append(args, "-DHAVE_"+have)
	}
	flags := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	fusetest.Run(t, 5*time.Minute, "gcc", slices.Concat(args, flags)...)
	return program
}
