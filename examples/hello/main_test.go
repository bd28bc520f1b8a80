package main

import (
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "hello"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// use does with the file $f all that one can think of.
const use = `
	ls -lAn --time-style=+%s; ls -a; ls -i; find . -printf '%p %y %m %s %n\n'
	stat -c '%n %i %F %h %s %b %o %a %u %g %X %Y %Z' . "$f"; stat -f -c '%l %s %b %f %c %d' .
	cat "$f"; try cat none "$f/x"; try cat .; cat "$f" "$f"
	dd if="$f" bs=3 skip=1 count=2 status=none; echo; dd if="$f" bs=1000 skip=1 status=none; dd if="$f" iflag=direct bs=4k status=none
	try dd of="$f" status=none </dev/null; try truncate -s 1 "$f"
	try touch new; try mkdir d; try rm -f "$f"; try mv "$f" other; try ln "$f" other; try ln -s "$f" other; try chmod 600 "$f"; try rmdir .
	try mkfifo p; try ls none; try setfattr -n user.a -v b "$f"; try flock "$f" echo locked
	try cat <(tail -c 5 "$f")
`

func TestLikeC_Use(t *testing.T) { besidec.Use(t, program, nil, "f=hello;"+use) }

func TestLikeC_NameAndContents(t *testing.T) {
	for name, contents := range map[string]string{"greeting": "Hello there\n", "a name with spaces": ""} {
		besidec.Use(t, program, []string{"--name=" + name, "--contents=" + contents}, "f='"+name+"';"+use)
	}
}

// The content never changes, so it is read once.
func TestLikeC_Requests(t *testing.T) {
	besidec.Requests(t, program, []string{"-o", "entry_timeout=100,attr_timeout=100"}, "ls; ls; cat hello; cat hello; cat hello; try cat none none")
}

// What is asked how often is as the timeouts say.
func TestLikeC_RequestsByTimeouts(t *testing.T) {
	for _, options := range []string{
		"entry_timeout=0,attr_timeout=0", "entry_timeout=0,attr_timeout=100", "entry_timeout=100,attr_timeout=0", "negative_timeout=100,entry_timeout=100,attr_timeout=100",
		"negative_timeout=100,entry_timeout=0,attr_timeout=100", "noforget,entry_timeout=100,attr_timeout=100",
	} {
		t.Run(options, func(t *testing.T) {
			besidec.Requests(t, program, []string{"-o", options}, "for i in 1 2 3; do cat hello; stat -c %s hello; try cat none; try stat none; done")
		})
	}
}

// Owner and mode are as the options say.
func TestLikeC_UseByOptions(t *testing.T) {
	for _, options := range []string{"uid=5,gid=7", "uid=5", "umask=077", "umask=0", "modules=subdir,subdir=/"} {
		t.Run(options, func(t *testing.T) {
			besidec.Use(t, program, []string{"-o", options}, `stat -c '%n %F %a %u %g' . hello; ls -lan --time-style=+; cat hello`)
		})
	}
}

func TestLikeC_CommandLine(t *testing.T) {
	besidec.CommandLine(t, program,
		[]string{"--name", "DIR"},
		[]string{"--name", "x", "--contents", "DIR"},
		[]string{"--contents=x", "DIR/none"},
		[]string{"-o", "name=x", "DIR"},
	)
}

func TestHelp(t *testing.T) {
	besidec.Help(t, program)
	besidec.Version(t, program)
	for _, args := range [][]string{nil, {"-f"}, {"--name=x", "-o", "allow_other"}} {
		besidec.NoMountpoint(t, program, args...)
	}
}

// A directory that is mounted on a file is of no use to anybody.
func TestHello_NotOnAFile(t *testing.T) {
	fusetest.RequireFUSE(t)
	out := exampletest.Run(t, "sh", "sh", t.TempDir(), "-c", `touch file; exec "$0" -f file`, exampletest.Self(t))
	if out.Code != 4 || !strings.Contains(out.Stderr, "not a directory") {
		t.Errorf("got %+v, want exit code 4 and the reason", out)
	}
}

func TestHello_InBackground(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		if got, want := exampletest.Sh(t, dir, "cat greeting"), "Hello there"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}, "--name=greeting", "--contents=Hello there\n")
}
