package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// A server is a filesystem in the foreground that a test ends in its own way, which need not be a good one. (fusetest.Program wants a clean end.)
type server struct {
	dir     string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // of Wait, once exited is closed
	logPath string
}

// start mounts the filesystem on a new directory. What is left of process and mount at the end of the test is taken away.
func (f filesystem) start(t *testing.T, options ...string) *server {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.RequireRoot(t)
	dir := newDir(t)
	return startAt(t, dir, append(f.args(t, options...), "-f", dir)...)
}

func startAt(t *testing.T, dir string, args ...string) *server {
	t.Helper()
	fusetest.Watchdog(t, time.Minute, dir)
	s := &server{dir: dir, cmd: exec.Command(args[0], args[1:]...), exited: make(chan struct{}), logPath: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(s.logPath)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log // a file: what the server has started does not keep Wait waiting
	before := mountsAt(t, dir)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() { s.clean(t) })
	fusetest.Eventually(t, 20*time.Second, "the mount", func() bool { return mountsAt(t, dir) > before || s.ended() })
	if s.ended() {
		t.Fatalf("the server ended before it was mounted: %v\n%s", s.err, s.output())
	}
	return s
}

func mountsAt(t *testing.T, dir string) int {
	t.Helper()
	list, err := fusetest.Mounts()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range list {
		if m.Point == dir {
			n++
		}
	}
	return n
}

func (s *server) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func (s *server) output() string {
	text, err := os.ReadFile(s.logPath)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// exitCode waits for the server's end; -1 is a death by a signal.
func (s *server) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(exitTimeout):
		t.Fatalf("the server still runs after %v\n%s", exitTimeout, threadsOf(s.cmd.Process.Pid))
	}
	return fusetest.ExitCode(s.err)
}

// signal also fails the test when the server has ended already.
func (s *server) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *server) clean(t *testing.T) {
	if !s.ended() {
		if m, err := fusetest.FindMount(s.dir); err == nil && m != nil {
			_ = fusetest.Abort(s.dir)
		}
		_ = s.cmd.Process.Kill()
		select {
		case <-s.exited:
		case <-time.After(exitTimeout):
			t.Errorf("process %d does not die", s.cmd.Process.Pid)
		}
	}
	if err := fusetest.ForceUnmount(s.dir); err != nil {
		t.Error(err)
	}
}
