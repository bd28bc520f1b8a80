package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "ioctl"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// mount mounts a filesystem program, and returns a function that runs shell commands there: the client is $c.
func mount(t *testing.T, filesystem, client string, options ...string) func(script string) string {
	t.Helper()
	dir := exampletest.Mount(t, filesystem, options...).Mountpoint
	return func(script string) string { return exampletest.Sh(t, dir, "c="+client+"; "+script) }
}

// sizes sets and gets sizes, by ioctls and otherwise.
const sizes = `
	$c fioc; printf foobar >>fioc; $c fioc
	$c fioc 3; $c fioc; stat -c %s fioc; cat fioc; echo
	$c fioc 0x10; $c fioc; od -An -c fioc
	$c fioc 010; $c fioc; truncate -s 5 fioc; $c fioc; $c fioc 0; $c fioc
	try $c none; try $c .; try $c /dev/null; try $c /dev/null 1
`

const sizesPrinted = `0
6
3
3
foo
16
   f   o   o  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0  \0
8
5
0
open: No such file or directory
exit code 1
open: Is a directory
exit code 1
ioctl: Inappropriate ioctl for device
exit code 1
ioctl: Inappropriate ioctl for device
exit code 1`

// TestIoctl_EachWithEach has our filesystem and C's, each with our client and C's. C's lets the kernel believe an old size for a second unless it is told not to.
func TestIoctl_EachWithEach(t *testing.T) {
	clients := map[string]string{"our client": fusetest.Build(t, "./ioctl_client"), "C's client": exampletest.C(t, "ioctl_client")}
	for filesystem, path := range map[string]string{"ours": exampletest.Self(t), "C's": exampletest.C(t, program)} {
		for client, c := range clients {
			t.Run(filesystem+", "+client, func(t *testing.T) {
				if got := mount(t, path, c, "-o", "attr_timeout=0")(sizes); got != sizesPrinted {
					t.Errorf("got:\n%s\nwant:\n%s", got, sizesPrinted)
				}
			})
		}
	}
}

// TestIoctl_WhereCIsWrong has what C's filesystem does not do: it lets the kernel believe an old size for a second, overlooks O_TRUNC, and says nothing of
// sizes that it cannot set.
func TestIoctl_WhereCIsWrong(t *testing.T) {
	run := mount(t, exampletest.Self(t), fusetest.Build(t, "./ioctl_client"))
	for _, c := range []struct{ script, want string }{
		{"printf foobar >fioc; stat -c %s fioc; $c fioc 3; stat -c %s fioc; cat fioc; $c fioc 8; cat fioc | od -An -c", "6\n3\nfoo   f   o   o  \\0  \\0  \\0  \\0  \\0"},
		{"echo long >fioc; echo s >fioc; cat fioc; $c fioc", "s\n2"},
		{"try $c fioc 10000000000000; try truncate -s 2G fioc; $c fioc", "ioctl: File too large\nexit code 1\ntruncate: failed to truncate 'fioc' at 2147483648 bytes: File too large\nexit code 1\n2"},
		{"try $c fioc ten; try $c fioc -1; try $c fioc ''; $c fioc", "invalid size 'ten'\nexit code 1\ninvalid size '-1'\nexit code 1\ninvalid size ''\nexit code 1\n2"},
		{"try $c", "Usage: ioctl_client FIOC_FILE [size]\n\nWithout size, print the size; otherwise set it\nexit code 1"},
		{"printf x | dd of=fioc bs=1 seek=29 conv=notrunc status=none; $c fioc; : >fioc; $c fioc", "30\n0"},
	} {
		if got := run(c.script); got != c.want {
			t.Errorf("%s:\ngot:\n%s\nwant:\n%s", c.script, got, c.want)
		}
	}
}

// Each size is one that a client has set.
func TestIoctl_AtTheSameTime(t *testing.T) {
	var calls strings.Builder
	for n := 11; n <= 66; n += 11 {
		fmt.Fprintf(&calls, "work %d & ", n)
	}
	got := mount(t, exampletest.Self(t), fusetest.Build(t, "./ioctl_client"))(`
		work() { for i in {1..15}; do $c fioc $1; $c fioc; cat fioc | tr -d '\0'; done; }
		{ ` + calls.String() + ` wait; } | sort -u | { grep -Evx '11|22|33|44|55|66' || true; }`)
	if got != "" {
		t.Errorf("got sizes that nobody has set:\n%s", got)
	}
}

func TestLikeC_Use(t *testing.T) {
	besidec.Use(t, program, nil, `
		ls -lAn --time-style=+%N | sed 's/ [0-9]* fioc/ fioc/'; ls -a; find . -printf '%p %y %m %s %n\n'; stat -c '%n %i %F %h %s %a %u %g' . fioc
		[ $(stat -c %X fioc) -ge $(($(date +%s) - 60)) ] && echo recent
		cat fioc; try cat none fioc/x; try cat .
		try bash -c 'printf "some text" >>fioc'; cat fioc; echo; dd if=fioc bs=2 skip=1 count=2 status=none; echo; dd if=fioc bs=1000 skip=1 status=none
		try bash -c 'printf x | dd of=fioc bs=1 seek=20 conv=notrunc status=none'; od -c fioc; try truncate -s 5 fioc; cat fioc; echo
		try truncate -s 1 .; try touch new; try mkdir d; try rm -f fioc; try mv fioc other; try ln fioc other; try chmod 600 fioc
	`)
}

func TestLikeC_CommandLine(t *testing.T) { besidec.CommandLine(t, program) }

func TestHelp(t *testing.T) {
	besidec.Help(t, program)
	besidec.Version(t, program)
	besidec.NoMountpoint(t, program)
}
