package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestCacheTimeout(t *testing.T) {
	for _, tc := range []struct {
		opts options
		want float64
		err  string
	}{
		{defaultOptions(), 1, ""},
		{options{Cache: cacheNever}, 0, ""},
		{options{Cache: cacheAlways}, 86400, ""},
		{options{Cache: cacheAlways, Timeout: 2.5, TimeoutSet: true}, 2.5, ""},
		{options{Cache: cacheAuto, Timeout: 0, TimeoutSet: true}, 0, ""},
		{options{Timeout: -1, TimeoutSet: true}, 0, "timeout is negative (-1.000000)"},
	} {
		got, err := tc.opts.cacheTimeout()
		if got != tc.want || (err != nil) != (tc.err != "") || err != nil && err.Error() != tc.err {
			t.Errorf("%+v: got %v, %v, want %v, %q", tc.opts, got, err, tc.want, tc.err)
		}
	}
}

// cProgram compiles the C original that the distribution ships.
func cProgram(t *testing.T) string {
	t.Helper()
	const source = "/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c"
	if _, err := os.Stat(source); err != nil {
		fusetest.Skip(t, "the C example is not installed: %v", err)
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "fuse3").Output()
	if err != nil {
		t.Fatalf("pkg-config: %v", err)
	}
	out := filepath.Join(t.TempDir(), "passthrough_ll")
	fusetest.Run(t, time.Minute, "gcc", append([]string{"-O2", "-o", out, source}, strings.Fields(string(flags))...)...)
	return out
}

// Command lines that mount nothing must give the same output and exit code as the C original.
func TestCommandLine_SameAsC(t *testing.T) {
	c := cProgram(t)
	dir := newDir(t)
	mnt, file, link := filepath.Join(dir, "mnt"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.Mkdir(mnt, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, "")
	if err := os.Symlink(mnt, link); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{},
		{"-h"},
		{"--help"},
		{"--help", mnt},
		{"-h", "-o", "bogus"},
		{"-V"},
		{"--version"},
		{"-V", "-h"},
		{"-f"},
		{"-o", "source=" + dir},
		{"-f", "-o", "bogus", mnt},
		{"-f", "--bogus", mnt},
		{"-x", mnt},
		{"-f", mnt, dir},
		{"-f", filepath.Join(dir, "none")},
		{"-f", "-o", "source=" + filepath.Join(dir, "none"), mnt},
		{"-o", "source=" + filepath.Join(dir, "none"), mnt},
		{"-f", "-o", "source=" + filepath.Join(dir, "none"), "-o", "bogus", mnt},
		{"-f", "-o", "source=" + filepath.Join(file, "x"), mnt},
		{"-f", "-o", "source=", mnt},
		{"-f", "-o", "source=" + file, mnt},
		{"-f", "-o", "source=" + link, mnt},
		{"-f", "-o", "source", mnt},
		{"-f", "-o", "timeout=-1", mnt},
		{"-f", "-o", "timeout=-0.5,source=" + dir, mnt},
		{"-f", "-o", "timeout=-1,source=" + file, mnt},
		{"-f", "-o", "timeout=abc", mnt},
		{"-f", "-o", "timeout=", mnt},
		{"-f", "-o", "timeout", mnt},
		{"-f", "-o", "cache=sometimes", mnt},
		{"-f", "-o", "cache", mnt},
		{"-f", "-o", "source=" + dir + ",nonsense=1", mnt},
	} {
		t.Run(strings.ReplaceAll(strings.Join(args, " "), dir, ""), func(t *testing.T) {
			wantOut, wantErr, wantCode := runAs(t, c, args)
			gotOut, gotErr, gotCode := runAs(t, program, args)
			if gotOut != wantOut || gotErr != wantErr || gotCode != wantCode {
				t.Errorf("got exit code %d\nstdout: %s\nstderr: %s\nwant exit code %d\nstdout: %s\nstderr: %s",
					gotCode, gotOut, gotErr, wantCode, wantOut, wantErr)
			}
		})
	}
}

// runAs runs a program under the name passthrough_ll.
func runAs(t *testing.T, path string, args []string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut strings.Builder
	_, err := fusetest.Command{Timeout: 20 * time.Second, Setup: func(cmd *exec.Cmd) {
		cmd.Args[0] = "passthrough_ll"
		cmd.Stdout, cmd.Stderr = &out, &errOut
	}}.Run(path, args...)
	// C's 3.14 hands libfuse an uninitialised number, and libfuse says so. It is no part of what is compared.
	text := errOut.String()
	if i := strings.Index(text, "Ignoring invalid max threads value"); i >= 0 {
		text = text[:i] + text[i+strings.Index(text[i:], "\n")+1:]
	}
	// Where stdout is no terminal, what fusermount3 prints for -V comes before or after the rest.
	likeC := strings.Replace(out.String(), ioModesHelp, "", 1) // C's program has no such options
	lines := strings.SplitAfter(likeC, "\n")
	if slices.ContainsFunc(args, func(a string) bool { return a == "-V" || a == "--version" }) {
		slices.Sort(lines)
	}
	return strings.Join(lines, ""), text, fusetest.ExitCode(err)
}

func TestMount_Background(t *testing.T) {
	fusetest.RequireFUSE(t)
	dir := newDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "src", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "mnt"), 0o755); err != nil {
		t.Fatal(err)
	}
	mnt := filepath.Join(dir, "mnt")
	t.Cleanup(func() { _ = fusetest.ForceUnmount(mnt) })
	// Relative paths must be understood before the program leaves its directory.
	out, err := fusetest.Command{Dir: dir}.Run(program, "mnt", "-o", "source=src")
	if err != nil || out != "" {
		t.Fatalf("got %q, %v", out, err)
	}
	if got := fusetest.Run(t, time.Minute, "ls", mnt); got != "sub\n" {
		t.Errorf("ls: got %q, want sub", got)
	}
	fusetest.Run(t, time.Minute, "umount", mnt)
}

func TestOption_Source(t *testing.T) {
	m := newMount(t)
	m.run(`echo below > $S/a; mkdir $M/d; echo above > $M/d/b`)
	m.want("below above", `echo $(cat $M/a $S/d/b)`)
}

func TestOption_DefaultSourceIsRoot(t *testing.T) {
	fusetest.RequireFUSE(t)
	dir := newDir(t)
	start(t, dir, program, "-f", dir)
	fusetest.Run(t, time.Minute, "cmp", dir+"/etc/passwd", "/etc/passwd")
}

func TestOption_Writeback(t *testing.T) {
	for _, opts := range []string{"writeback", "writeback,cache=always", "no_writeback", "writeback,no_writeback"} {
		t.Run(opts, func(t *testing.T) {
			m := newMount(t, opts)
			// Changing a part of a page through a descriptor that is open for writing only takes a read.
			m.run(`printf 0123456789 > $S/f
				printf xy | dd of=$M/f bs=1 seek=3 conv=notrunc status=none
				printf end >> $M/f`)
			m.want("012xy56789end", `cat $M/f; cmp $M/f $S/f`)
			m.run(`for i in $(seq 2000); do echo line $i; done > $M/g; sync -f $M/g`)
			m.want("2000 line 2000", `echo $(wc -l < $S/g) $(tail -n 1 $S/g)`)
		})
	}
}

func TestOption_Flock(t *testing.T) {
	const script = `exec 3>$M/f; flock 3; if flock -n $S/f true; then echo free; else echo locked; fi`
	for opts, want := range map[string]string{
		"":         "locked", // as with the C program
		"flock":    "locked",
		"no_flock": "free",
	} {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, opts)
			m.want(want, script)
			// Through the mount itself locks count in any case.
			m.want("locked", strings.ReplaceAll(script, "$S", "$M"))
		})
	}
}

// More clients than the server has threads may wait for a lock, and be told not to.
func TestFlock_WaitersTakeNoThreads(t *testing.T) {
	m := newMount(t)
	m.want("waited 30", `exec 3>$M/f; flock 3
		for i in $(seq 30); do flock $M/f sh -c 'echo x >> $M/got' 3>&- & done
		timeout --signal=INT 0.2 flock $M/f true 3>&- || true
		touch $M/other
		test ! -e $M/got
		flock -u 3
		wait
		echo waited $(wc -l < $M/got)`)
}

func TestOption_Xattr(t *testing.T) {
	const script = `touch f; $CLIENT client setxattr f user.a value || true; $CLIENT client getxattr f user.a || true`
	for opts, want := range map[string]string{
		"":               "operation not supported\noperation not supported",
		"no_xattr":       "operation not supported\noperation not supported",
		"xattr,no_xattr": "operation not supported\noperation not supported",
		"xattr":          "value",
	} {
		t.Run("options "+opts, func(t *testing.T) {
			newMount(t, opts).want(want, script)
		})
	}
}

// What the kernel may cache, it does not ask for again.
func TestOption_CacheAndTimeout(t *testing.T) {
	const (
		prepare = `printf one > $S/f; cat $M/f > /dev/null; stat $M/f > /dev/null; printf three > $S/f; `
		size    = prepare + `stat -c %s $M/f`
	)
	for opts, want := range map[string]string{
		"cache=never":            "5",
		"timeout=0":              "5",
		"cache=always,timeout=0": "5",
		"timeout=1000":           "3",
		"cache=always":           "3",
		"timeout=0,timeout=500":  "3",
	} {
		t.Run(opts, func(t *testing.T) {
			newMount(t, opts).want(want, size)
		})
	}
	t.Run("cache=auto", func(t *testing.T) { // a second later the kernel asks
		m := newMount(t, "cache=auto")
		m.run(prepare)
		fusetest.Eventually(t, 10*time.Second, "new size seen", func() bool {
			return strings.TrimSpace(m.run(`stat -c %s $M/f`)) == "5"
		})
	})
	t.Run("cache=always keeps data", func(t *testing.T) {
		newMount(t, "cache=always").want("one one", `printf one > $S/f; a=$($CLIENT client read $M/f)
			printf two > $S/f; echo $a $($CLIENT client read $M/f)`)
	})
	t.Run("cache=never reads anew", func(t *testing.T) {
		newMount(t, "cache=never").want("two", `printf one > $S/f; cat $M/f > /dev/null; printf two > $S/f; cat $M/f`)
	})
}

func TestOption_Debug(t *testing.T) {
	m := newMount(t, "debug")
	m.run(`echo x > a; cat a`)
	for _, want := range []string{"lo_create(parent=1, name=a)", "lo_open(ino=", "lo_read(ino="} {
		fusetest.Eventually(t, 10*time.Second, want, func() bool { return strings.Contains(m.prog.Output(), want) })
	}
}
