package lowlevel_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// These tests run Main in processes of its own: this test program, which is the filesystem instead when programEnv is set.
const (
	programEnv = "LOWLEVEL_TEST_PROGRAM" // which program
	pidFileEnv = "LOWLEVEL_TEST_PIDFILE" // where it writes its process ID to
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(programEnv); kind != "" {
		os.Exit(program(kind))
	}
	os.Exit(m.Run())
}

// program is main of the filesystem.
func program(kind string) int {
	var o struct {
		Word string `fuse:"word=%s"`
	}
	return lowlevel.Main(&lowlevel.Program{
		Ops:     oneFile(),
		Options: &o,
		Help:    "    -o word=WORD           the filesystem's own help\n",
		Setup: func(c *lowlevel.Cmdline) error {
			if file := os.Getenv(pidFileEnv); file != "" {
				if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
					return err
				}
			}
			switch kind {
			case "no setup":
				return fmt.Errorf("setup has failed at %s", c.Mountpoint)
			case "exit 7":
				os.Exit(7)
			case "killed":
				_ = unix.Kill(os.Getpid(), unix.SIGKILL)
			}
			return nil
		},
	})
}

// command runs the filesystem to its end, or until it has gone to the background.
type command struct {
	kind    string
	pidFile string
	extra   []*os.File // its descriptors from 3 on
	dir     string
}

func newCommand(t *testing.T, kind string) *command {
	return &command{kind: kind, pidFile: filepath.Join(t.TempDir(), "pid")}
}

func (c *command) cmd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"the-fs"}, args...)
	cmd.Env = append(os.Environ(), programEnv+"="+c.kind, pidFileEnv+"="+c.pidFile)
	cmd.ExtraFiles = c.extra
	cmd.Dir = c.dir
	return cmd
}

// run returns the exit code and what was printed. It waits until nobody holds stdout and stderr any more.
func (c *command) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := c.cmd(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatalf("%v: still runs, or holds stdout\n%s%s", args, out.String(), errs.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// pid returns the process ID of the filesystem.
func (c *command) pid(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(c.pidFile)
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	return pid
}

// alive tells whether a process is there, and no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func wantGone(t *testing.T, pid int) {
	t.Helper()
	fusetest.Eventually(t, 10*time.Second, "the filesystem's process has ended", func() bool { return !alive(pid) })
}

// mountDir returns a directory to mount at. What is mounted there at the end of the test goes.
func mountDir(t *testing.T) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	dir := t.TempDir()
	fusetest.Watchdog(t, time.Minute, dir)
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func wantMounted(t *testing.T, dir string, want bool) {
	t.Helper()
	m, err := fusetest.FindMount(dir)
	require.NoError(t, err)
	assert.Equal(t, want, m != nil, "mounted")
}

func TestMain_OutputAndExitCode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dir := t.TempDir()
	usage := "usage: the-fs [options] <mountpoint>\n"
	for name, tt := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // how they begin
		ends           string // how stdout ends
	}{
		"-h":              {[]string{"-h"}, 0, usage + "\n    -h   --help            print help\n", "", "the filesystem's own help\n"},
		"--help at last":  {[]string{dir, "-f", "--help"}, 0, usage, "", "the filesystem's own help\n"},
		"no mountpoint":   {nil, 1, usage + "       the-fs --help\n", "", "       the-fs --help\n"},
		"options alone":   {[]string{"-f", "-o", "word=x"}, 1, usage, "", ""},
		"unknown option":  {[]string{"-f", "-o", "nonsense", dir}, 1, "", "fuse: unknown option(s): `-o nonsense'\n", ""},
		"unknown flag":    {[]string{"-f", "-q", dir}, 1, "", "fuse: unknown option(s): `-q'\n", ""},
		"bad value":       {[]string{"-o", "max_threads=x", dir}, 1, "", "fuse: invalid parameter in option `max_threads=x'\n", ""},
		"two mountpoints": {[]string{"-f", dir, dir}, 1, "", "fuse: invalid argument `" + dir + "'\n", ""},
		"missing":         {[]string{"-f", "/does/not/exist"}, 1, "", "fuse: bad mount point `/does/not/exist': No such file or directory\n", ""},
		"is a file":       {[]string{"-f", file}, 1, "", "fuse: mount: " + file + ": not a directory", ""},
		"bad descriptor":  {[]string{"-f", "/dev/fd/99"}, 1, "", "fuse: Invalid file descriptor /dev/fd/99", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(name, "is a") || strings.HasPrefix(name, "bad desc") {
				fusetest.RequireFUSE(t)
			}
			code, stdout, stderr := newCommand(t, "plain").run(t, tt.args...)
			assert.Equal(t, tt.code, code, "exit code")
			wantText(t, "stdout", stdout, tt.stdout, tt.ends)
			wantText(t, "stderr", stderr, tt.stderr, "")
			wantMounted(t, dir, false)
		})
	}
}

// As in C, where fusermount3's line comes is up to stdio: first with glibc where stdout is no terminal, but not with musl.
func TestMain_Version(t *testing.T) {
	fusermount := fusetest.Run(t, 10*time.Second, "fusermount3", "--version")
	for _, arg := range []string{"-V", "--version"} {
		code, stdout, stderr := newCommand(t, "plain").run(t, arg)
		assert.Equal(t, 0, code, "exit code")
		assert.Empty(t, stderr, "stderr")
		assert.Contains(t, stdout, fusermount)
		rest := strings.Replace(stdout, fusermount, "", 1)
		wantText(t, "stdout", rest, "FUSE library version "+lowlevel.PackageVersion()+"\nusing FUSE kernel interface version 7.", "\n")
	}
}

func wantText(t *testing.T, what, got, begin, end string) {
	t.Helper()
	if begin == "" {
		assert.Empty(t, got, what)
		return
	}
	assert.True(t, strings.HasPrefix(got, begin) && strings.HasSuffix(got, end), "%s: got %q, want %q...%q", what, got, begin, end)
}

func TestMain_SetupError(t *testing.T) {
	for name, args := range map[string][]string{"foreground": {"-f"}, "background": nil} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			code, stdout, stderr := newCommand(t, "no setup").run(t, append(args, dir)...)
			assert.Equal(t, 1, code)
			assert.Empty(t, stdout)
			assert.Equal(t, "setup has failed at "+dir+"\n", stderr)
			wantMounted(t, dir, false)
		})
	}
}

func TestMain_FailureInTheBackground(t *testing.T) {
	for name, tt := range map[string]struct {
		kind   string
		args   []string
		code   int
		stderr string
	}{
		"unknown option": {"plain", []string{"-o", "nonsense"}, 1, "fuse: unknown option(s): `-o nonsense'\n"},
		"exit code":      {"exit 7", nil, 7, ""},
		"killed":         {"killed", nil, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := newCommand(t, tt.kind)
			code, stdout, stderr := c.run(t, append(tt.args, dir)...)
			assert.Equal(t, tt.code, code)
			assert.Empty(t, stdout)
			assert.Equal(t, tt.stderr, stderr)
			wantMounted(t, dir, false)
		})
	}
}

func TestMain_BackgroundEndsOnlyWhenMounted(t *testing.T) {
	dir := mountDir(t)
	c := newCommand(t, "plain")
	code, stdout, stderr := c.run(t, dir)
	require.Equal(t, 0, code, stderr)
	wantMounted(t, dir, true)
	assert.Empty(t, stdout+stderr)
	assert.Contains(t, fusetest.Run(t, 5*time.Second, "stat", filepath.Join(dir, "f")), "regular file")

	pid := c.pid(t)
	wantDaemon(t, pid)
	fusetest.Run(t, 5*time.Second, "fusermount3", "-u", dir)
	wantGone(t, pid)
}

// wantDaemon checks that a process has let go of everything.
func wantDaemon(t *testing.T, pid int) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", pid)
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprint(proc, "fd/", fd))
		require.NoError(t, err)
		assert.Equal(t, os.DevNull, to, "descriptor %d", fd)
	}
	for _, pipe := range inheritedPipes(t, proc) {
		assert.Contains(t, inheritedPipes(t, "/proc/self/"), pipe, "a pipe of its start is still open")
	}
	cwd, err := os.Readlink(proc + "cwd")
	require.NoError(t, err)
	assert.Equal(t, "/", cwd, "working directory")
	sid, err := unix.Getsid(pid)
	require.NoError(t, err)
	assert.Equal(t, pid, sid, "session leader")
	args, err := os.ReadFile(proc + "cmdline")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(args), "the-fs\x00"), "its name: %q", args)
}

// inheritedPipes returns the open pipes of a process that its children will have, too. Those that a session makes are not among them.
func inheritedPipes(t *testing.T, proc string) (list []string) {
	t.Helper()
	fds, err := os.ReadDir(proc + "fd")
	require.NoError(t, err)
	for _, fd := range fds {
		to, _ := os.Readlink(proc + "fd/" + fd.Name())
		info, _ := os.ReadFile(proc + "fdinfo/" + fd.Name())
		_, flags, _ := strings.Cut(string(info), "flags:\t")
		flags, _, _ = strings.Cut(flags, "\n")
		n, _ := strconv.ParseUint(flags, 8, 64)
		if strings.HasPrefix(to, "pipe:") && n&unix.O_CLOEXEC == 0 {
			list = append(list, to)
		}
	}
	return list
}

func TestMain_BackgroundFromAnotherDirectory(t *testing.T) {
	dir := mountDir(t)
	c := newCommand(t, "plain")
	c.dir = filepath.Dir(dir)
	code, _, stderr := c.run(t, filepath.Base(dir))
	require.Equal(t, 0, code, stderr)
	wantMounted(t, dir, true)
	fusetest.Run(t, 5*time.Second, "fusermount3", "-u", dir)
	wantGone(t, c.pid(t))
}

func TestMain_BackgroundEndsBySignal(t *testing.T) {
	dir := mountDir(t)
	c := newCommand(t, "plain")
	code, _, stderr := c.run(t, dir)
	require.Equal(t, 0, code, stderr)
	pid := c.pid(t)
	require.NoError(t, unix.Kill(pid, unix.SIGTERM))
	wantGone(t, pid)
	wantMounted(t, dir, false)
}

// devFuse mounts dir as mount.fuse3 does for a program without privileges, and returns the descriptor.
func devFuse(t *testing.T, dir string) *os.File {
	t.Helper()
	fusetest.RequireRoot(t)
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	data := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	require.NoError(t, unix.Mount("test", dir, "fuse.test", unix.MS_NOSUID|unix.MS_NODEV, data))
	return os.NewFile(uintptr(fd), "/dev/fuse")
}

// What mount.fuse3 hands over with drop_privileges gets through to the process in the background, whatever its number.
func TestMain_BackgroundKeepsADescriptor(t *testing.T) {
	for _, number := range []int{3, 4, 9} {
		t.Run(itoa(number), func(t *testing.T) {
			dir := mountDir(t)
			dev := devFuse(t, dir)
			defer dev.Close()
			c := newCommand(t, "plain")
			c.extra = make([]*os.File, number-2)
			c.extra[number-3] = dev
			code, _, stderr := c.run(t, "/dev/fd/"+itoa(number))
			require.Equal(t, 0, code, stderr)
			require.NoError(t, dev.Close())
			fusetest.Run(t, 5*time.Second, "stat", filepath.Join(dir, "f"))

			pid := c.pid(t)
			fusetest.Run(t, 5*time.Second, "umount", dir)
			wantGone(t, pid)
		})
	}
}

func TestMain_ForegroundKeepsADescriptor(t *testing.T) {
	dir := mountDir(t)
	dev := devFuse(t, dir)
	c := newCommand(t, "plain")
	c.extra = []*os.File{dev}
	cmd := c.cmd(t, "-f", "/dev/fd/3")
	require.NoError(t, cmd.Start())
	require.NoError(t, dev.Close())
	fusetest.Run(t, 20*time.Second, "stat", filepath.Join(dir, "f"))
	fusetest.Run(t, 5*time.Second, "umount", dir)
	require.NoError(t, cmd.Wait(), "exit code")
}

// foreground starts the filesystem in the foreground, and returns when it is mounted.
func foreground(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := newCommand(t, "plain").cmd(t, append(args, "-f", dir)...)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	fusetest.Eventually(t, 20*time.Second, "mounted", func() bool {
		m, err := fusetest.FindMount(dir)
		return err == nil && m != nil
	})
	fusetest.Run(t, 10*time.Second, "stat", filepath.Join(dir, "f"))
	return cmd
}

func TestMain_ExitCodeAfterUnmount(t *testing.T) {
	dir := mountDir(t)
	cmd := foreground(t, dir)
	m, err := fusetest.FindMount(dir)
	require.NoError(t, err)
	assert.Equal(t, "fuse.the-fs", m.Type)
	fusetest.Run(t, 5*time.Second, "fusermount3", "-u", dir)
	require.NoError(t, cmd.Wait())
}

// A signal ends it within a second, busy or not, and unmounts; the exit code is 1, as that of libfuse's examples.
func TestMain_Signals(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP} {
		for _, busy := range []bool{false, true} {
			t.Run(fmt.Sprint(unix.SignalName(sig), ", busy ", busy), func(t *testing.T) {
				dir := mountDir(t)
				cmd := foreground(t, dir)
				if busy {
					keepBusy(t, filepath.Join(dir, "f"))
				}
				start := time.Now()
				require.NoError(t, cmd.Process.Signal(sig))
				err := cmd.Wait()
				assert.Less(t, time.Since(start), time.Second)
				assert.Equal(t, 1, fusetest.ExitCode(err), "exit code: %v", err)
				wantMounted(t, dir, false)
			})
		}
	}
}

func TestMain_DebugShowsRequestsAndStaysInTheForeground(t *testing.T) {
	dir := mountDir(t)
	c := newCommand(t, "plain")
	cmd := c.cmd(t, "-d", dir)
	var out strings.Builder
	cmd.Stderr = &out
	require.NoError(t, cmd.Start())
	fusetest.Eventually(t, 20*time.Second, "mounted", func() bool {
		m, err := fusetest.FindMount(dir)
		return err == nil && m != nil
	})
	fusetest.Run(t, 10*time.Second, "stat", filepath.Join(dir, "f"))
	assert.Equal(t, cmd.Process.Pid, c.pid(t))
	fusetest.Run(t, 5*time.Second, "fusermount3", "-u", dir)
	require.NoError(t, cmd.Wait())
	assert.Contains(t, out.String(), "opcode: LOOKUP (1)")
}

// ps, pgrep and killall must find it by its name, not as "exe".
func TestMain_BackgroundKeepsItsName(t *testing.T) {
	dir := mountDir(t)
	c := newCommand(t, "plain")
	code, _, stderr := c.run(t, dir)
	require.Equal(t, 0, code, stderr)
	comm, err := os.ReadFile("/proc/" + itoa(c.pid(t)) + "/comm")
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	name := filepath.Base(self)
	assert.Equal(t, name[:min(15, len(name))], strings.TrimSpace(string(comm)))
}

// As fuse_set_signal_handlers: what was ignored (nohup, "&" in a script) stays so.
func TestMain_IgnoredSignalsStayIgnored(t *testing.T) {
	dir := mountDir(t)
	cmd := newCommand(t, "plain").cmd(t, "-f", dir)
	cmd.Args = []string{"sh", "-c", `trap "" HUP; exec "$0" -f "$1"`, cmd.Path, dir}
	cmd.Path = "/bin/sh"
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	fusetest.Eventually(t, 20*time.Second, "mounted", func() bool {
		m, err := fusetest.FindMount(dir)
		return err == nil && m != nil
	})
	fusetest.Run(t, 10*time.Second, "stat", filepath.Join(dir, "f"))
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	fusetest.Run(t, 10*time.Second, "fusermount3", "-u", dir)
	require.NoError(t, cmd.Wait(), "it ends by the unmount, with 0")
}
