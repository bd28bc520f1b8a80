package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asProgram has the test binary be hello_ll.
const asProgram = "HELLO_LL_TEST_AS_PROGRAM"

// TestMain makes every further process of the test binary the program under test: built as the test is, also with -race.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// start mounts the filesystem, and unmounts it at the end of the test: then the program exits with 0.
func start(t *testing.T, options ...string) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	p := fusetest.StartProgram(t, append([]string{self(t)}, options...)...)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, 2*time.Minute, p.Mountpoint)
	return p.Mountpoint
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// sh runs a shell script in a directory and returns what it prints. A command that may fail runs by try.
func sh(t *testing.T, dir, script string) string {
	t.Helper()
	out, err := fusetest.Command{Timeout: time.Minute, Dir: dir, Env: append(os.Environ(), "LC_ALL=C", "TZ=UTC")}.
		Run("bash", "-euo", "pipefail", "-c", `try() { "$@" || echo "exit code $?"; }; `+script)
	if err != nil {
		t.Error(err)
	}
	return out
}

// check runs a script and compares what it prints.
func check(t *testing.T, dir, script, want string) {
	t.Helper()
	if got := strings.TrimSpace(sh(t, dir, script)); got != want {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", script, got, want)
	}
}

func TestHello_Read(t *testing.T) {
	dir := start(t)
	check(t, dir, "cat hello", "Hello World!")
	check(t, dir, "tail -c 7 hello", "World!")
	check(t, dir, "dd if=hello bs=5 skip=1 count=1 status=none", "Worl")
	check(t, dir, "dd if=hello bs=100 skip=1 status=none", "")
	check(t, dir, "ls -a; stat -c '%n %i %A %h %s' . hello", ".\n..\nhello\n. 1 drwxr-xr-x 2 0\nhello 2 -r--r--r-- 1 13")
}

func TestHello_Refuses(t *testing.T) {
	dir := start(t)
	check(t, dir, "try cat none 2>&1", "cat: none: No such file or directory\nexit code 1")
	check(t, dir, "try dd of=hello status=none conv=notrunc 2>&1 </dev/null", "dd: failed to open 'hello': Permission denied\nexit code 1")
	check(t, dir, "try mkdir new 2>&1", "mkdir: cannot create directory 'new': Function not implemented\nexit code 1")
}

func TestHello_Xattr(t *testing.T) {
	if _, err := exec.LookPath("setfattr"); err != nil {
		fusetest.Skip(t, "needs getfattr and setfattr: %v", err)
	}
	dir := start(t)
	for _, file := range []string{".", "hello"} {
		check(t, dir, "getfattr --only-values -n hello_ll_getxattr_name "+file, "hello_ll_getxattr_value")
		check(t, dir, "try getfattr -n hello_ll_other "+file+" 2>&1", file+": hello_ll_other: Operation not supported\nexit code 1")
		check(t, dir, "setfattr -n hello_ll_setxattr_name -v hello_ll_setxattr_value "+file, "")
		check(t, dir, "try setfattr -n hello_ll_setxattr_name -v other "+file+" 2>&1", "setfattr: "+file+": Operation not supported\nexit code 1")
		check(t, dir, "setfattr -x hello_ll_removexattr_name "+file, "")
		check(t, dir, "try setfattr -x hello_ll_other "+file+" 2>&1", "setfattr: "+file+": Operation not supported\nexit code 1")
	}
}

func TestHello_ManyReaders(t *testing.T) {
	dir := start(t)
	check(t, dir, `
		for i in {1..8}; do (for j in {1..20}; do cat hello; ls; done) & done | sort | uniq -c | tr -s ' '
		wait`, "160 Hello World!\n 160 hello")
}
