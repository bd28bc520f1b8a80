package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asProgram has the test binary be hello_ll_uds.
const asProgram = "HELLO_LL_UDS_TEST_AS_PROGRAM"

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

// server is the program, running.
type server struct {
	t              *testing.T
	cmd            *exec.Cmd
	path           string // of the socket
	stdout, stderr bytes.Buffer
	exited         chan struct{}
}

// start starts the program and returns when it listens.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	fusetest.CheckLeaks(t)
	return startAt(t, filepath.Join(t.TempDir(), "socket"), args...)
}

func startAt(t *testing.T, path string, args ...string) *server {
	t.Helper()
	fusetest.Watchdog(t, time.Minute, "")
	s := &server{t: t, cmd: command(t, append(args, "--socket="+path)...), path: path, exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
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
	fusetest.Eventually(t, 10*time.Second, "the program listens", s.listens)
	return s
}

// listens tells whether the program waits for a client. It does not connect for that.
func (s *server) listens() bool {
	s.t.Helper()
	list, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		const listening = "00010000" // __SO_ACCEPTCON
		if f := strings.Fields(line); f[len(f)-1] == s.path && f[3] == listening {
			return true
		}
	}
	return false
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Args[0] = "hello_ll_uds"
	return cmd
}

// signal sends a signal.
func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

const (
	awaiting = "Awaiting connection on socket at PATH...\n"
	accepted = awaiting + "Accepted connection!\n"
)

// checkEnd waits for the end, and compares what the program has printed. It ends with 1, and leaves its socket file.
func (s *server) checkEnd(stdout, stderr string) {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the program does not end")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 1 {
		s.t.Errorf("exit code: got %d, want 1", code)
	}
	if got, want := s.stdout.String(), strings.ReplaceAll(stdout, "PATH", s.path); got != want {
		s.t.Errorf("stdout: got %q, want %q", got, want)
	}
	if got := s.stderr.String(); !strings.Contains(got, stderr) || stderr == "" && got != "" {
		s.t.Errorf("stderr: got %q, want %q", got, stderr)
	}
	if st, err := os.Lstat(s.path); err != nil || st.Mode().Type() != os.ModeSocket {
		s.t.Errorf("the socket's file: %v (%v)", st, err)
	}
}

var signals = []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP}

func TestUDS_SignalBeforeConnection(t *testing.T) {
	for _, sig := range signals {
		s := start(t)
		s.signal(sig)
		s.checkEnd(awaiting+"Could not accept connection. Error: Interrupted system call\n", "")
	}
}

func TestUDS_SignalBeforeInit(t *testing.T) {
	for _, sig := range signals {
		s := start(t)
		s.connect()
		fusetest.Eventually(t, 10*time.Second, "the connection is accepted", func() bool { return !s.listens() })
		s.signal(sig)
		s.checkEnd(accepted, "")
	}
}

func TestUDS_SignalWhileServing(t *testing.T) {
	for _, sig := range signals {
		s := start(t)
		s.mount()
		s.signal(sig)
		s.checkEnd(accepted, "")
	}
}

func TestUDS_ClientHangsUp(t *testing.T) {
	s := start(t)
	s.mount().conn.Close()
	s.checkEnd(accepted, "")

	s = start(t)
	s.connect().conn.Close()
	s.checkEnd(accepted, "hello_ll_uds: mount")
}

func TestUDS_CommandLine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 108)
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // part of it
	}{
		{"-h", 0, "usage: hello_ll_uds [options]\n\n    -h ", ""},
		{"--help", 0, "    --socket=PATH          serve on PATH\n" +
			"                           (default: /tmp/libfuse-hello-ll.sock)\n", ""},
		{"-V", 0, "FUSE library version " + lowlevel.PackageVersion() + "\n", ""},
		{"--no-such-option", 1, "", "fuse: unknown option(s): `--no-such-option'\n"},
		{dir + "/none", 1, "", "fuse: bad mount point `" + dir + "/none': No such file or directory\n"},
		{"--socket=" + dir, 1, "Could not delete previous socket file entry at " + dir + ". Error: Directory not empty\n", ""},
		{"--socket=" + dir + "/no/dir", 1, "Could not bind socket. Error: No such file or directory\n", ""},
		{"--socket=" + dir + "/file/socket", 1, "Could not delete previous socket file entry at " + dir + "/file/socket. Error: Not a directory\n", ""},
		{"--socket=" + long, 1, "Socket path may not be longer than 107 characters\n", ""},
	} {
		cmd := command(t, c.args)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		if cmd.ProcessState.ExitCode() != c.code || !strings.Contains(stdout.String(), c.stdout) || stderr.String() != c.stderr {
			t.Errorf("%s: got exit code %d, stdout %q, stderr %q", c.args, cmd.ProcessState.ExitCode(), &stdout, &stderr)
		}
	}
}

// TestUDS_AgainOnTheSameSocket shows that the file that the last run has left is no obstacle, and -d what can be seen.
func TestUDS_AgainOnTheSameSocket(t *testing.T) {
	s := start(t)
	s.signal(unix.SIGTERM)
	<-s.exited

	s = startAt(t, s.path, "-d", "--socket=/no/such/dir") // the last one counts
	c := s.mount()
	c.checkHello()
	c.conn.Close()
	s.checkEnd(accepted, "LOOKUP")
}
