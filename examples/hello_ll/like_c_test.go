package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// This file: the program and the one in C that it stands in for, side by side.

// source is where distributions have the C program.
const source = "/usr/share/doc/libfuse3-dev/examples/hello_ll.c"

// both returns the programs: ours, and the C program, compiled for the test.
func both(t *testing.T) (ours, theirs string) {
	t.Helper()
	for _, tool := range []string{"gcc", "pkg-config"} {
		if _, err := exec.LookPath(tool); err != nil {
			fusetest.Skip(t, "needs the C program: %v", err)
		}
	}
	if _, err := os.Stat(source); err != nil {
		fusetest.Skip(t, "needs the C program: %v", err)
	}
	theirs = filepath.Join(t.TempDir(), "hello_ll")
	flags := strings.Fields(fusetest.Run(t, time.Minute, "pkg-config", "--cflags", "--libs", "fuse3"))
	fusetest.Run(t, 5*time.Minute, "gcc", append([]string{"-w", "-o", theirs, source}, flags...)...)
	return self(t), theirs
}

// outcome is all that a caller sees of a program.
type outcome struct {
	code           int
	stdout, stderr string
}

// prepare sets what both programs have in common, their name first of all. It returns where they write to.
func prepare(cmd *exec.Cmd) (stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Args[0] = "hello_ll"
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return stdout, stderr
}

func result(cmd *exec.Cmd, stdout, stderr *bytes.Buffer) outcome {
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), theirOwn(stderr.String())}
}

// theirOwn drops what libfuse 3.14 says of the C program alone, which leaves a field of struct fuse_loop_config unset.
func theirOwn(stderr string) string {
	lines := slices.DeleteFunc(strings.SplitAfter(stderr, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "Ignoring invalid max threads value")
	})
	return strings.Join(lines, "")
}

// run runs a program that ends by itself.
func run(t *testing.T, program, dir string, args ...string) outcome {
	t.Helper()
	var cmd *exec.Cmd
	var stdout, stderr *bytes.Buffer
	_, err := fusetest.Command{Timeout: time.Minute, Dir: dir, Setup: func(c *exec.Cmd) {
		cmd = c
		stdout, stderr = prepare(c)
	}}.Run(program, args...)
	if fusetest.ExitCode(err) < 0 {
		t.Fatal(err)
	}
	return result(cmd, stdout, stderr)
}

func compare(t *testing.T, what string, ours, theirs outcome) {
	t.Helper()
	if ours != theirs {
		t.Errorf("%s:\ngot:  %+v\nwant: %+v", what, ours, theirs)
	}
}

func TestLikeC_CommandLine(t *testing.T) {
	ours, theirs := both(t)
	dir := t.TempDir()
	for _, args := range [][]string{
		{},
		{"-h"},
		{"--help", "--no-such-option"},
		{"-f"},
		{"-o", "allow_other"},
		{"-X", dir},
		{dir, "--no-such-option"},
		{"-o", "no_such_option,ro", dir},
		{dir, "another"},
		{filepath.Join(dir, "none")},
		{"none/of/these"},
		{"-o"},
	} {
		compare(t, "hello_ll "+strings.Join(args, " "), run(t, ours, dir, args...), run(t, theirs, dir, args...))
	}
}

// TestLikeC_Version does not ask for the order of the lines. Those of fusermount3 come when it runs, those of libfuse when C's stdio has
// them written.
func TestLikeC_Version(t *testing.T) {
	ours, theirs := both(t)
	for _, arg := range []string{"-V", "--version"} {
		a, b := run(t, ours, "", arg), run(t, theirs, "", arg)
		a.stdout, b.stdout = sorted(a.stdout), sorted(b.stdout)
		compare(t, arg, a, b)
	}
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// session is a mounted program, started by us.
type session struct {
	t              *testing.T
	cmd            *exec.Cmd
	dir            string
	stdout, stderr *bytes.Buffer
	exited         chan struct{}
}

// foreground starts a program in the foreground, and waits for the mount. DIR in args is the mountpoint.
func foreground(t *testing.T, program string, args ...string) *session {
	t.Helper()
	s := &session{t: t, cmd: exec.Command(program), dir: mountpoint(t), exited: make(chan struct{})}
	for _, a := range args {
		s.cmd.Args = append(s.cmd.Args, strings.ReplaceAll(a, "DIR", s.dir))
	}
	s.stdout, s.stderr = prepare(s.cmd)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
	})
	fusetest.Eventually(t, 20*time.Second, program+" is mounted", func() bool { return mounted(t, s.dir) != nil })
	return s
}

// end waits until the program has ended.
func (s *session) end() outcome {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.t.Fatalf("%s does not end", s.cmd)
	}
	if mounted(s.t, s.dir) != nil {
		s.t.Errorf("%s has left its mount", s.cmd)
	}
	return result(s.cmd, s.stdout, s.stderr)
}

// mountpoint returns a directory where nothing is left mounted after the test.
func mountpoint(t *testing.T) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(dir); err != nil {
			t.Error(err)
		}
	})
	fusetest.Watchdog(t, 3*time.Minute, dir)
	return dir
}

func mounted(t *testing.T, dir string) *fusetest.Mount {
	t.Helper()
	m, err := fusetest.FindMount(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// same compares mounts, but for what differs from one to the next.
func same(t *testing.T, ours, theirs *fusetest.Mount) {
	t.Helper()
	a, b := *ours, *theirs
	a.Minor, a.Point, b.Minor, b.Point = 0, "", 0, ""
	if a != b {
		t.Errorf("mount:\ngot:  %+v\nwant: %+v", a, b)
	}
}

// use is what is done with a mount. Every error counts, too.
const use = `exec 2>&1
	cat hello; try cat none; try cat .
	ls -lAn --time-style=+%s; ls -f | sort; find . -printf '%p %y %s\n'
	stat -c '%n %i %f %h %s %b %u %g %X %Y %Z %t:%T' . hello
	stat -f -c '%T %l %b %f %c %d' .
	head -c 5 hello; echo; tail -c +7 hello; dd if=hello bs=3 skip=2 count=2 status=none; echo
	try dd of=hello status=none </dev/null
	try dd of=hello status=none conv=notrunc,nocreat oflag=append </dev/null
	try touch new; try touch hello; try mkdir d; try rmdir hello; try rm -f hello; try mv hello other
	try ln hello other; try ln -s hello other; try chmod 600 hello; try truncate -s 0 hello
	try mknod fifo p; try cat hello/x; try ls hello/
	test -r hello; test -x .; sync hello
`

// TestLikeC_Use mounts both in several ways, and compares the mounts and what can be seen in them.
func TestLikeC_Use(t *testing.T) {
	ours, theirs := both(t)
	fusetest.CheckLeaks(t)
	for _, args := range []string{
		"-f DIR",
		"DIR -f -s",
		"-s DIR -o ro,fsname=greeting,subtype=words -f",
		"-f -o max_threads=2 DIR -o default_permissions",
	} {
		t.Run(args, func(t *testing.T) {
			a, b := foreground(t, ours, strings.Fields(args)...), foreground(t, theirs, strings.Fields(args)...)
			same(t, mounted(t, a.dir), mounted(t, b.dir))
			if got, want := sh(t, a.dir, use), sh(t, b.dir, use); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			for _, s := range []*session{a, b} {
				fusetest.Run(t, time.Minute, "fusermount3", "-u", s.dir)
			}
			compare(t, "after an unmount", a.end(), b.end())
		})
	}
}

func TestLikeC_Signals(t *testing.T) {
	ours, theirs := both(t)
	fusetest.CheckLeaks(t)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
		var ends []outcome
		for _, program := range []string{ours, theirs} {
			s := foreground(t, program, "-f", "DIR")
			check(t, s.dir, "cat hello", "Hello World!") // since libfuse 3.17 a signal before it serves, when it runs mount(8) for the record, makes mounting fail
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, s.end())
		}
		compare(t, sig.String(), ends[0], ends[1])
	}
}

// TestLikeC_Background starts both without -f: when the command is done, the filesystem is mounted, and a process left that serves it.
func TestLikeC_Background(t *testing.T) {
	ours, theirs := both(t)
	fusetest.CheckLeaks(t)
	var ends []outcome
	var mounts []*fusetest.Mount
	for _, program := range []string{ours, theirs} {
		dir := mountpoint(t)
		ends = append(ends, run(t, program, filepath.Dir(dir), "mnt")) // relative: the server works elsewhere
		m := mounted(t, dir)
		if m == nil {
			t.Fatalf("%s: not mounted when the parent has ended: %+v", program, ends[len(ends)-1])
		}
		mounts = append(mounts, m)
		check(t, dir, "cat hello", "Hello World!")
		checkDaemon(t, program, dir)
	}
	compare(t, "hello_ll DIR", ends[0], ends[1])
	same(t, mounts[0], mounts[1])
	if got, want := mounts[0].Type, "fuse.hello_ll"; got != want {
		t.Errorf("type: got %s, want %s", got, want)
	}
}

// checkDaemon looks at the process that serves dir, and has it end by an unmount.
func checkDaemon(t *testing.T, program, dir string) {
	t.Helper()
	pids := processes(t, program)
	if len(pids) != 1 {
		t.Fatalf("processes of %s: got %v, want one", program, pids)
	}
	if sid, err := unix.Getsid(pids[0]); err != nil || sid != pids[0] {
		t.Errorf("session of the server: got %d (%v), want its own, %d", sid, err, pids[0])
	}
	proc := filepath.Join("/proc", strconv.Itoa(pids[0]))
	for link, want := range map[string]string{"cwd": "/", "fd/0": os.DevNull, "fd/1": os.DevNull, "fd/2": os.DevNull} {
		if got, err := os.Readlink(filepath.Join(proc, link)); err != nil || got != want {
			t.Errorf("%s of the server: got %s (%v), want %s", link, got, err, want)
		}
	}
	fusetest.Run(t, time.Minute, "fusermount3", "-u", dir)
	fusetest.Eventually(t, 20*time.Second, "the server ends", func() bool { return len(processes(t, program)) == 0 })
}

// processes returns the processes that run a program, but for this one.
func processes(t *testing.T, program string) []int {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, link := range links {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if exe, _ := os.Readlink(link); err == nil && exe == program && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
