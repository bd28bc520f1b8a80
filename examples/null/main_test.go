package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "null"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// use does with a file called file all that one can think of.
const use = `
	stat -c '%F %s %b %o %h %a %u %g %i %t' file; stat -f -c '%T %l %s %b %f' file
	[ $(stat -c %Y file) -ge $(($(date +%s) - 60)) ] && echo recent
	head -c 20 file | od -c; dd if=file bs=1M count=3 status=none | sha256sum; dd if=file iflag=direct bs=4k count=2 status=none | od -c
	dd if=file bs=1M skip=4095 status=none | wc -c; dd if=file bs=1M skip=4000 count=1000 status=none | wc -c; try dd if=file bs=1M skip=5000 status=none
	echo gone >file; echo more >>file; stat -c %s file; head -c 5 file | od -c
	truncate -s 5 file; stat -c %s file; dd if=/dev/zero of=file bs=64k count=10 seek=100000 conv=notrunc status=none
	dd if=/dev/zero of=file oflag=direct bs=4k count=3 conv=notrunc status=none; head -c 100000 /dev/zero | tee file | wc -c
	try chmod 600 file; try touch file; try chown 1:1 file; try setfattr -n user.a -v b file; try flock file echo locked
	try ls file/x; try mkdir file/y; try cat file/; try ls -d file/..; try rm file; try mv file other; try ln file other; try rmdir file
	ls -An . | cut -d' ' -f1-5
`

func TestLikeC_Use(t *testing.T) {
	ours, theirs := exampletest.Self(t), exampletest.C(t, program)
	for _, options := range [][]string{nil, {"-s"}, {"-o", "ro,fsname=a,subtype=b"}} {
		script := use
		if len(options) > 1 {
			script = "stat -c '%F %s' file; head -c 20 file | od -c; touch x; try tee file <x; try truncate -s 1 file; rm x"
		}
		a, b := besidec.OnFile(t, ours, options...), besidec.OnFile(t, theirs, options...)
		fusetest.Watchdog(t, 2*time.Minute, a)
		fusetest.Watchdog(t, 2*time.Minute, b)
		got, want := exampletest.Sh(t, filepath.Dir(a), script), exampletest.Sh(t, filepath.Dir(b), script)
		if got != want {
			t.Errorf("%v:\ngot:\n%s\nwant:\n%s", options, got, want)
		}
	}
}

func TestLikeC_CommandLine(t *testing.T) {
	besidec.CommandLine(t, program, []string{"DIR"}, []string{"-s", "-f", "DIR"}, []string{"DIR/."})
}

func TestHelp(t *testing.T) {
	got := exampletest.Run(t, exampletest.Self(t), program, "", "-h") // C's says: missing mountpoint parameter
	if first := "usage: null [options] <mountpoint>\n"; got.Code != 0 || got.Stderr != "" || len(got.Stdout) < 1000 || got.Stdout[:len(first)] != first {
		t.Errorf("got %+v, want exit code 0, and %q first", got, first)
	}
	besidec.NoMountpoint(t, program, "-f")
}

// What was on the file before is there again, untouched.
func TestNull_HidesTheFileBelow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	script := "exec 2>&1; set -e; echo below >$1; $0 $1; echo lost >$1; head -c 3 $1 | od -An -c; fusermount3 -u $1; cat $1"
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(file); err != nil {
			t.Error(err)
		}
	})
	fusetest.RequireFUSE(t)
	fusetest.Watchdog(t, time.Minute, file)
	got := fusetest.Run(t, time.Minute, "bash", "-c", script, exampletest.Self(t), file)
	if want := "  \\0  \\0  \\0\nbelow\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	exampletest.Eventually(t, "the server in the background ends", func() bool { return len(exampletest.Servers(t, file)) == 0 })
}
