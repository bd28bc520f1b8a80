package notify

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// client is another process.
type client struct {
	cmd *exec.Cmd
	in  *os.File
	out *os.File
	buf *bufio.Reader
}

// startClient starts the test binary anew as a client of the filesystem at dir. It ends when its input does.
func startClient(dir string) (*client, error) {
	cmd := exec.Command(os.Args[0], "client", dir)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else its end takes a second under -race
	in, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout = in, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_, _ = in.Close(), out.Close()
	return &client{cmd: cmd, in: w, out: r, buf: bufio.NewReader(r)}, nil
}

// call sends a command and waits for the answer. Should the filesystem hang, the watchdog aborts it, and the answer is an error.
func (c *client) call(command string) (string, error) {
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return "", err
	}
	line, err := c.buf.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the client has ended: %w", err)
	}
	kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	if kind == "ok" {
		return rest, nil
	}
	errno, err := strconv.Atoi(rest)
	if err != nil {
		return "", fmt.Errorf("the client said %q", line)
	}
	return "", unix.Errno(errno)
}

// stop ends the client.
func (c *client) stop() {
	_ = c.in.Close()
	_ = c.cmd.Wait()
	_ = c.out.Close()
}
