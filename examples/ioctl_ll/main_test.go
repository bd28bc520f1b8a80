package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Tests on real mounts.

// asProgram has the test binary be ioctl_ll.
const asProgram = "IOCTL_LL_TEST_AS_PROGRAM"

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

// mount mounts a filesystem program, and unmounts it at the end of the test. It returns the path of the file.
func mount(t *testing.T, program string) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	p := fusetest.StartProgram(t, program)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, 2*time.Minute, p.Mountpoint)
	return filepath.Join(p.Mountpoint, "fioc")
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// client builds the client.
func client(t *testing.T) string {
	t.Helper()
	return fusetest.Build(t, "./ioctl_ll_client")
}

// step is a command and what it is to print.
type step struct {
	command, want string
}

// check runs shell commands: client is $c, the file $f.
func check(t *testing.T, client, file string, steps []step) {
	t.Helper()
	for _, s := range steps {
		out, err := fusetest.Command{
			Timeout: time.Minute,
			Env:     append(os.Environ(), "LC_ALL=C", "c="+client, "f="+file),
		}.Run("bash", "-c", s.command+` 2>&1; code=$?; [ $code = 0 ] || echo "exit code $code"`)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(out, "\n"); got != s.want {
			t.Errorf("%s:\ngot:\n%s\nwant:\n%s", s.command, got, s.want)
		}
	}
}

func TestIoctl_Size(t *testing.T) {
	check(t, client(t), mount(t, self(t)), []step{
		{"$c get_size $f", "0"},
		{"printf foobar >$f; $c get_size $f", "6"},
		{"$c set_size $f 3", "Size set to 3"},
		{"cat $f; stat -c %s $f", "foo3"},
		{"$c set_size $f 0x10", "Size set to 16"},
		{"$c get_size $f; stat -c %s $f", "16\n16"},
		{"od -An -c $f | tr -d ' \\n'", `foo\0\0\0\0\0\0\0\0\0\0\0\0\0`},
		{"printf bar >>$f; $c get_size $f", "19"},
		{"printf x | dd of=$f bs=1 seek=29 conv=notrunc status=none; $c get_size $f", "30"},
		{"$c set_size $f 0", "Size set to 0"},
		{"cat $f; $c get_size $f", "0"},
		{"printf again >$f; printf ok >$f; cat $f", "ok"},
	})
}

func TestIoctl_Errors(t *testing.T) {
	file := mount(t, self(t))
	eio := ": Input/output error\nexit code 1" // such ioctls are for CUSE
	check(t, client(t), file, []step{
		{"$c read $f 0 10", "ioctl(FIOC_READ)" + eio},
		{"$c write $f 0 hello", "ioctl(FIOC_WRITE)" + eio},
		{"$c get_size $f.none", "open: No such file or directory\nexit code 1"},
		{"$c get_size ${f%fioc}", "open: Is a directory\nexit code 1"},
		{"$c set_size $f", "set_size requires a size argument\nexit code 1"},
		{"$c set_size $f ten", "invalid size 'ten'\nexit code 1"},
		{"$c set_size $f 10000000000000", "ioctl(FIOC_SET_SIZE): File too large\nexit code 1"},
		{"$c read $f 1", "read requires offset and size\nexit code 1"},
		{"$c read $f 1 -1", "invalid size '-1'\nexit code 1"},
		{"$c write $f 1", "write requires offset and data\nexit code 1"},
		{"$c get_size /dev/null", "ioctl(FIOC_GET_SIZE): Inappropriate ioctl for device\nexit code 1"},
		{"$c 2>&1 | head -n 1", "Usage: ioctl_ll_client <command> <fioc_file> [args]"},
		{"$c get_size >/dev/null 2>&1", "exit code 1"},
		{"$c resize $f 2>&1 | head -n 1", "Unknown command: resize"},
		{"$c resize $f >/dev/null 2>&1", "exit code 1"},
		{"ls -A ${f%fioc}", "fioc"},
		{"$c get_size $f", "0"},
	})
}

// TestIoctl_AtTheSameTime has many clients at work. Each size is one that a client has set.
func TestIoctl_AtTheSameTime(t *testing.T) {
	check(t, client(t), mount(t, self(t)), []step{{`
		work() { for i in {1..15}; do $c set_size $f $1$1 >/dev/null; $c get_size $f; cat $f | tr -d '\0'; done; }
		for n in {1..6}; do work $n & done | sort | uniq | grep -Evx '11|22|33|44|55|66'
		wait`, ""}})
}

// ---- together with libfuse's programs ----

// examples is where distributions have them.
const examples = "/usr/share/doc/libfuse3-dev/examples/"

// compile compiles one of them.
func compile(t *testing.T, name string) string {
	t.Helper()
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			fusetest.Skip(t, "needs C programs: %v", err)
		}
	}
	if _, err := os.Stat(examples + name + ".c"); err != nil {
		fusetest.Skip(t, "needs C programs: %v", err)
	}
	program := filepath.Join(t.TempDir(), name)
	flags := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	fusetest.Run(t, 5*time.Minute, "gcc", append([]string{"-w", "-o", program, examples + name + ".c"}, flags...)...)
	return program
}

// TestIoctl_ClientInC calls our ioctls from C: numbers and sizes are the same.
func TestIoctl_ClientInC(t *testing.T) {
	check(t, compile(t, "ioctl_client"), mount(t, self(t)), []step{
		{"$c $f", "0"},
		{"printf foobar >$f; $c $f", "6"},
		{"$c $f 3; cat $f", "foo"},
		{"$c $f 10000000000000", "ioctl: File too large\nexit code 1"},
	})
}

// TestIoctl_FilesystemInC is our client with the C filesystem.
func TestIoctl_FilesystemInC(t *testing.T) {
	check(t, client(t), mount(t, compile(t, "ioctl")), []step{
		{"$c get_size $f", "0"},
		{"printf foobar >$f; $c get_size $f", "6"},
		{"$c set_size $f 3", "Size set to 3"},
		{"$c get_size $f", "3"},
		{"$c read $f 0 1", "ioctl(FIOC_READ): Invalid argument\nexit code 1"},
	})
}
