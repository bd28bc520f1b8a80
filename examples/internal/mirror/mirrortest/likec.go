package mirrortest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// makeTree makes a tree with all that a tree can have.
const makeTree = `
	mkdir -p sub/deep empty; seq 1 1000 > sub/numbers; head -c 300000 /dev/zero | tr '\0' x > sub/deep/large
	echo secret > sub/secret; chmod 600 sub/secret; chown 1001:1002 sub/secret; chmod 1777 empty; chmod 4755 sub/numbers
	ln -s ../sub/numbers sub/deep/link; ln -s nowhere dangling; ln sub/numbers hard; mkfifo fifo; mknod null c 1 3; mknod block b 7 99
	truncate -s 10M sparse; setfattr -n user.comment -v "an attribute" hard
	touch "name with space" $'new\nline' $'\xc3\xa4\xff'; for i in $(seq 300); do echo $i > sub/deep/f$i; done
	find . -mindepth 1 -print0 | xargs -0 touch -h -d '2020-02-02 02:02:02.123456789'`

// SameTreeAsC mounts one directory by the C program and by ours: all there is to see must be the same.
func SameTreeAsC(t *testing.T, name string, args ...string) {
	fusetest.RequireRoot(t)
	src := newDir(t)
	theirs := mountSource(t, cProgram(t, name), src)
	ours := mountSource(t, exampletest.Self(t), src, args...)
	if out, err := ours.sh(root, src, makeTree); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, script := range []string{
		`find . -mindepth 1 -printf '%p %y %m %U:%G %n %i %s %b %l %T+ %C+\n' | sort`,
		`ls -aiU . sub sub/deep empty`,
		`find . -type f -print0 | sort -z | xargs -0 sha256sum`,
		`getfattr -h -R -P -d -m - . | sort`,
		`stat -f -c '%s %S %b %c %l' . sub hard`,
		`stat -c '%n %t:%T %f' null block fifo .`,
		`cat none; ls none; cat sub; ls sub/numbers/; readlink hard; ls $(printf %0256d 1); getfattr -n user.none hard`,
	} {
		want, wantErr := theirs.sh(root, theirs.Dir, script)
		got, gotErr := ours.sh(root, ours.Dir, script)
		if got != want || fusetest.ExitCode(gotErr) != fusetest.ExitCode(wantErr) {
			t.Errorf("%s\ngot (%d):\n%s\nwant (%d):\n%s", script, fusetest.ExitCode(gotErr), got, fusetest.ExitCode(wantErr), want)
		}
	}
}

// SameChangesAsC does the same on two directories, one mounted by the C program and one by ours: what is said and what is there then must be the same.
func SameChangesAsC(t *testing.T, name string, args ...string) {
	fusetest.RequireRoot(t)
	theirs := mountSource(t, cProgram(t, name), newDir(t))
	ours := Mount(t, args...)
	for what, script := range map[string]string{
		"create":   `umask 027; echo x > f; mkdir d; ln -s f l; mkfifo p; mknod c c 1 3; ln f g; umask 0; touch h`,
		"change":   `touch f; chmod 4751 f; chown 12:34 f; truncate -s 77 f; touch -d @99 f; stat -c '%X %Y %s' f; echo more >> f; stat -c %s f`,
		"remove":   `mkdir -p d/e; touch d/f; rmdir d; rm d/f; rmdir d/e d; rm none; rmdir none; touch f; rmdir f`,
		"rename":   `mkdir a b; touch a/f b/g; mv a/f b/f; mv -T b/f b/g; mv a b; mv -T b b/x; mv none x; ls -R`,
		"unlinked": `echo x > f; exec 3<f; rm f; cat <&3; stat -L -c %h /proc/self/fd/3; exec 3<&-`,
		"xattr":    `touch f; setfattr -n user.a -v 1 f; getfattr -d f; setfattr -x user.b f; setfattr -n bad -v 1 f; setfattr -x user.a f; getfattr -d f`,
		"links":    `echo x > f; ln f g; echo y >> g; cat f; stat -c %h f g; rm f; stat -c %h g; ln -s $(printf %04000d 1) l; readlink l | wc -c`,
		"copy":     `seq 100000 > f; cp f g; cmp f g; cat f g | sha256sum; dd if=f of=h bs=4k skip=3 seek=5 count=7 status=none; stat -c %s h`,
		"access":   `touch f; chmod 0 f; test -r f && echo r; test -x f || echo no x; chmod 755 f; test -x f && echo x`,
		"exec":     `printf '#!/bin/sh\necho ran\n' > s; chmod 755 s; ./s`,
		"list":     `mkdir d; for i in $(seq 400); do : > d/$i; done; ls d | wc -l; ls -l d | wc -l; rm d/1*; ls d | wc -l`,
	} {
		ours.same(root, what, ":", script, func(t *testing.T) string {
			dir := filepath.Join(theirs.Dir, what)
			if err := os.MkdirAll(filepath.Join(theirs.Src, what), 0o755); err != nil {
				t.Fatal(err)
			}
			return dir
		})
	}
}

// SameNamesAsC uses names in other encodings on two directories, one mounted by the C program and one by ours: what is said and what is there then, and below, must be the
// same.
func SameNamesAsC(t *testing.T, name string) {
	fusetest.RequireRoot(t)
	for code, word := range map[string]string{
		"ISO-8859-1": "caf\xe9", "KOI8-R": "\xc1\xc2", "EUC-JP": "\xc6\xfc\xcb\xdc", "SHIFT_JIS": "\x95\\\x93\xfa", "GB18030": "\xc8\xd5\x949\xfc6", "ASCII": "cafe",
	} {
		options := "modules=subdir:iconv,to_code=" + code
		theirs, ours := mountSource(t, cProgram(t, name), newDir(t), "-o", options), Mount(t, "-o", options)
		for _, script := range []string{
			`mkdir "$W"; echo x > "$W/$W"; cat "$W/$W"; ln -s "../$W/$W" "$W/l"; readlink "$W/l"; cat "$W/l"; mv "$W/$W" "$W/x$W"; ls -1 "$W"; ln "$W/x$W" "$W$W"; rm "$W/l"; find . | sort`,
			`cd "$S"; find . | sort`,
			`touch "$S/"$'\xe2\x82\xac\xd7\x90' "$S/"$'bad\xff'; ls -1; echo x > $'bad\xff\xff' && echo taken; ls -1 $'\x80'`,
		} {
			env := "W='" + word + "'\n"
			got, gotErr := ours.sh(root, ours.Dir, env+script)
			want, wantErr := theirs.sh(root, theirs.Dir, env+script)
			if got != want || fusetest.ExitCode(gotErr) != fusetest.ExitCode(wantErr) {
				t.Errorf("%s: %s\ngot (%d):\n%s\nwant (%d):\n%s", code, script, fusetest.ExitCode(gotErr), got, fusetest.ExitCode(wantErr), want)
			}
		}
	}
}

// CommandLine compares command lines that mount nothing with the C program.
func CommandLine(t *testing.T, name string) {
	theirs, dir := cProgram(t, name), t.TempDir()
	for _, line := range []string{
		"",
		"-f",
		"-o modules=subdir,subdir=/tmp",
		"-X DIR",
		"DIR --no-such-option",
		"-o no_such_option,ro DIR",
		"-o plus DIR",
		"--plu DIR",
		"DIR another",
		"DIR/none",
		"-f none/of/these",
		"-o",
		"-o modules=subdir DIR",
		"-o modules=iconv,to_code=nonsense DIR",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "DIR", dir))
		got, want := exampletest.Run(t, exampletest.Self(t), name, dir, args...), exampletest.Run(t, theirs, name, dir, args...)
		if got != want {
			t.Errorf("%s %s:\ngot:  %+v\nwant: %+v", name, line, got, want)
		}
	}
}

// Help checks that --help names options, and ends well.
func Help(t *testing.T, name string, options ...string) {
	for _, arg := range []string{"-h", "--help"} {
		out := exampletest.Run(t, exampletest.Self(t), name, "", arg)
		if out.Code != 0 || out.Stderr != "" {
			t.Errorf("%s: got %+v, want exit code 0", arg, out)
		}
		for _, want := range append(options, "usage: "+name+" [options] <mountpoint>\n", "-o allow_other", "modules=", "subdir=DIR") {
			if !strings.Contains(out.Stdout, want) {
				t.Errorf("%s: %q is not in:\n%s", arg, want, out.Stdout)
			}
		}
	}
}

// Ends checks the ways to end, in the foreground and in the background, and the exit codes.
func Ends(t *testing.T) {
	for what, end := range map[string]func(p *fusetest.Program) error{
		"SIGTERM": (*fusetest.Program).Stop,
		"unmount": func(p *fusetest.Program) error { return p.StopBy(p.Unmount) },
	} {
		m := Mount(t)
		m.Run("echo x > f; cat f")
		if err := end(m.Prog); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		want := map[string]int{"SIGTERM": 8, "unmount": 0}[what] // as C
		if got := m.Prog.Cmd.ProcessState.ExitCode(); got != want || m.Prog.Output() != "" {
			t.Errorf("%s: got exit code %d and output %q, want %d and none", what, got, m.Prog.Output(), want)
		}
	}
	exampletest.Background(t, func(dir string) {
		exampletest.Sh(t, dir, "ls libfuse3-dev > /dev/null")
	}, "-o", "modules=subdir,subdir=/usr/share/doc")
}
