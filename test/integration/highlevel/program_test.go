package highlevel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// This file: Main. The test binary is the program.

// program shows its configuration as a file.
func program() int {
	var o struct {
		Text      string `fuse:"--text=%s"`
		FailSetup bool   `fuse:"--fail-setup"`
		FailServe bool   `fuse:"--fail-serving"`
		More      string `fuse:"--more=%s"`
	}
	cfg := highlevel.DefaultConfig()
	cfg.AttrTimeout = 7 * time.Second
	files := fstest.MapFS{}
	ops := highlevel.FromFS(files)
	ops.Init = func(_ *highlevel.ConnInfo, cfg *highlevel.Config) any {
		files["config"] = &fstest.MapFile{Data: fmt.Appendf(nil, "entry %v attr %v text %s\n", cfg.EntryTimeout, cfg.AttrTimeout, o.Text)}
		return nil
	}
	return highlevel.Main(&highlevel.Program{
		Ops:     ops,
		Options: &o,
		Help:    "\nOptions of the test:\n    --text=TEXT\n",
		Config:  &cfg,
		Setup: func(cl *lowlevel.Cmdline) error {
			if o.FailSetup {
				return errors.New("setup failed")
			}
			if o.More != "" {
				cl.Args = append(cl.Args, "-o", o.More)
			}
			files["dir/file"] = &fstest.MapFile{Data: []byte("file\n")}
			return nil
		},
		Serving: func(ctx context.Context, f *highlevel.FS) error {
			if o.FailServe {
				return errors.New("serving failed")
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
}

type outcome struct {
	code           int
	stdout, stderr string
}

// runProgram runs it to its end.
func runProgram(t testing.TB, dir string, args ...string) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	_, err = fusetest.Command{Dir: dir, Env: append(os.Environ(), asProgram+"=1"), Setup: func(cmd *exec.Cmd) {
		cmd.Args[0] = "prog"
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
	}}.Run(self, args...)
	if fusetest.ExitCode(err) < 0 {
		t.Fatal(err)
	}
	return outcome{fusetest.ExitCode(err), stdout.String(), stderr.String()}
}

func TestMain_Fails(t *testing.T) {
	dir := mountpoint(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "error: no mountpoint specified"},
		{"-f -o kernel_cache", 2, "error: no mountpoint specified"},
		{"--text=x --text", 2, "error: no mountpoint specified"},
		{"-f none", 1, "fuse: bad mount point `none': No such file or directory"},
		{"-f . other", 1, "fuse: invalid argument `other'"},
		{"-f . --nope", 3, "fuse: unknown option(s): `--nope'"},
		{". --nope", 3, "fuse: unknown option(s): `--nope'"},
		{"-f . -o modules=nope", 3, "fuse: modules: nope: no such module (there are iconv, subdir)"},
		{"-f . -o modules=subdir", 3, "fuse-subdir: missing 'subdir' option"},
		{". -o modules=subdir", 3, "fuse-subdir: missing 'subdir' option"},
		{"-f . -o subdir=/x", 3, "fuse: unknown option(s): `-o subdir=/x'"},
		{"-f . -o modules=iconv,from_code=nope", 3, "fuse-iconv: cannot convert from "},
		{"-f . --fail-setup", 1, "setup failed"},
		{". --fail-setup", 1, "setup failed"},
		{"-f . --fail-serving", 8, "fuse: serving failed"},
		{"-f . -o uid=root", 3, "fuse: invalid parameter in option `uid=root'"}, // once, though Setup fails with it
		{"-f . -o rootcontext=none,ro", 4, "fuse: "},
		{". -o rootcontext=none,ro", 4, "fuse: "},
		{"-o", 1, "fuse: missing argument after `-o'"},
	} {
		got := runProgram(t, dir, strings.Fields(c.args)...)
		if got.code != c.code || got.stdout != "" || !strings.HasPrefix(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("prog %s: got %+v, want exit code %d and the line %q", c.args, got, c.code, c.says)
		}
		if m := mounted(t, dir); m != nil {
			t.Fatalf("prog %s: left mounted", c.args)
		}
	}
}

func TestMain_HelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"--help"}, {"-h", "--nope", "-o", "modules=none"}} {
		got := runProgram(t, "", args...)
		for _, want := range []string{
			"usage: prog [options] <mountpoint>\n", "-o allow_other", "-o kernel_cache", "-o [no]auto_cache", "-o no_rofd_flush", "-o umask=", "-o fmask=", "-o dmask=", "-o uid=", "-o gid=",
			"-o entry_timeout=", "-o attr_timeout=", "-o ac_attr_timeout=", "-o negative_timeout=", "-o noforget", "-o remember=", "-o modules=", "-o parallel_direct_write=", "-o subdir=",
			"-o [no]rellinks", "-o from_code=", "-o to_code=", "--text=TEXT",
		} {
			if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, want) {
				t.Errorf("%q: got %+v, want exit code 0 and %q", args, got, want)
			}
		}
	}
	for _, arg := range []string{"-V", "--version"} {
		got := runProgram(t, "", arg)
		if got.code != 0 || got.stderr != "" || !strings.Contains(got.stdout, "FUSE library version "+lowlevel.PackageVersion()) {
			t.Errorf("%s: got %+v, want exit code 0 and libfuse's version", arg, got)
		}
	}
}

// cat returns what the program says of its configuration.
func cat(t testing.TB, dir string) string {
	t.Helper()
	return fusetest.Run(t, time.Minute, "cat", filepath.Join(dir, "config"))
}

// TestMain_Background: the parent exits with 0 and without a word when the filesystem is there; unmounted, nothing is left.
func TestMain_Background(t *testing.T) {
	for args, want := range map[string]string{
		".":                                      "entry 1s attr 7s text \n",
		". -s":                                   "entry 1s attr 7s text \n",
		"--text=a -o entry_timeout=3 .":          "entry 3s attr 7s text a\n",
		". --text=b --more=attr_timeout=9":       "entry 1s attr 9s text b\n",
		"-o ro,max_threads=2,attr_timeout=0.5 .": "entry 1s attr 500ms text \n",
	} {
		dir := mountpoint(t)
		if got := runProgram(t, dir, strings.Fields(args)...); got != (outcome{}) {
			t.Errorf("prog %s: got %+v, want exit code 0 and no word", args, got)
			continue
		}
		if got := cat(t, dir); got != want {
			t.Errorf("prog %s: got %q, want %q", args, got, want)
		}
		fusetest.Run(t, time.Minute, "fusermount3", "-u", dir)
	}
}

// TestMain_Foreground: exit code 0 after an unmount, whatever the options.
func TestMain_Foreground(t *testing.T) {
	t.Setenv(asProgram, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"-f", "-d", "-f -s", "-odebug", "-f -o modules=subdir,subdir=/dir"} {
		dir := mountpoint(t)
		p := fusetest.StartProgramAt(t, dir, append([]string{self, dir}, strings.Fields(args)...)...)
		if strings.Contains(args, "subdir") {
			if got := fusetest.Run(t, time.Minute, "ls", dir); got != "file\n" {
				t.Errorf("%s: got %q, want what is in the directory", args, got)
			}
		} else if got := cat(t, dir); got != "entry 1s attr 7s text \n" {
			t.Errorf("%s: got %q", args, got)
		}
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
		if got := p.Cmd.ProcessState.ExitCode(); got != 0 {
			t.Errorf("%s: got exit code %d, want 0", args, got)
		}
		if debug := strings.Contains(args, "d") && !strings.Contains(args, "sub"); debug != strings.Contains(p.Output(), "opcode: INIT") {
			t.Errorf("%s: got output %q, want debug output: %v", args, p.Output(), debug)
		}
	}
}

// TestMain_Signals: it unmounts, and the exit code is not 0.
func TestMain_Signals(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		dir := mountpoint(t)
		cmd := exec.Command(self, "-f", dir)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		fusetest.Eventually(t, time.Minute, "it is mounted", func() bool { return mounted(t, dir) != nil })
		cat(t, dir) // Main has its handler of signals by then
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		err := within(t, "Wait", cmd.Wait)
		if got := fusetest.ExitCode(err); got != exitSignal || mounted(t, dir) != nil {
			t.Errorf("%v: got exit code %d, mounted %+v, want %d and no mount", sig, got, mounted(t, dir), exitSignal)
		}
	}
}

// exitSignal is the exit code after a signal.
const exitSignal = 8
