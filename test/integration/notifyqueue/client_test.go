package notifyqueue

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runClient uses the filesystem at dir until in ends, and says how many calls it has made. What they return does not matter: the caches
// are dropped below its feet.
func runClient(dir string, in io.Reader) string {
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(stop)
	}()
	buf := make([]byte, fileSize)
	for calls := 1; ; calls++ {
		select {
		case <-stop:
			return fmt.Sprintf("%d calls", calls)
		default:
		}
		d := filepath.Join(dir, fmt.Sprint("d", rand.N(dirs)))
		f := filepath.Join(d, fmt.Sprint("f", rand.N(files)))
		switch rand.N(6) {
		case 0:
			_, _ = os.Lstat(f)
		case 1:
			_, _ = os.ReadFile(f)
		case 2:
			_, _ = os.ReadDir(d)
		case 3:
			if file, err := os.OpenFile(f, os.O_RDWR, 0); err == nil {
				_, _ = file.WriteAt(buf[:4096], rand.Int64N(16)*4096)
				_, _ = file.ReadAt(buf, 0)
				file.Close()
			}
		case 4:
			made := filepath.Join(d, fmt.Sprint("made", rand.N(4)))
			_ = os.Mkdir(made, 0o755)
			_ = os.Remove(made)
		case 5:
			_, _ = os.Lstat(filepath.Join(d, "none"))
		}
	}
}

// client is a process that uses the filesystem.
type client struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bytes.Buffer
	end chan error
}

// start runs a program, which is killed at the end of the test if it still runs.
func start(t *testing.T, name string, args ...string) *client {
	t.Helper()
	c := &client{cmd: exec.Command(name, args...), out: new(bytes.Buffer), end: make(chan error, 1)}
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.out
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in = in
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.end <- c.cmd.Wait() }()
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.cmd.Process.Kill() // has ended already: fine
	})
	return c
}

func (c *client) running() bool { return len(c.end) == 0 }

// stop has the client end, and returns what it said.
func (c *client) stop(t *testing.T) string {
	t.Helper()
	_ = c.in.Close()
	select {
	case err := <-c.end:
		if err != nil {
			t.Errorf("%v: %v\n%s", c.cmd, err, c.out)
		}
	case <-time.After(20 * time.Second):
		wchan, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", c.cmd.Process.Pid))
		t.Errorf("%v does not end: waits in %s", c.cmd, wchan)
		return ""
	}
	return strings.TrimSpace(c.out.String())
}
