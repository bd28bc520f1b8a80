package recorder

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// Recorded is a program with a recording filesystem, on a fake kernel.
type Recorded struct {
	*fusetest.FakedProgram
	t      testing.TB
	record *os.File
	read   []byte // what no line has been made of yet
	ended  bool
}

// Start starts a program with args, -f and /dev/fd/3. env is added to its environment.
func Start(t testing.TB, init fusetest.InitParams, env []string, program string, args ...string) *Recorded {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd := exec.Command(program, append(args, "-f", "/dev/fd/3")...)
	cmd.Env = append(os.Environ(), env...)
	cmd.ExtraFiles = []*os.File{w} // FD
	p := &Recorded{t: t, record: r}
	p.FakedProgram = fusetest.StartFaked(t, init, cmd)
	w.Close()
	return p
}

const patience = 20 * time.Second

// take reads what is there.
func (p *Recorded) take() {
	p.t.Helper()
	raw, err := p.record.SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for more := true; more; {
		err := raw.Read(func(fd uintptr) bool {
			n, err := unix.Read(int(fd), buf)
			more = n > 0
			p.ended = n == 0 && err == nil
			p.read = append(p.read, buf[:max(n, 0)]...)
			return true
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

// line returns the next line, if there is one.
func (p *Recorded) line() (line string, ok bool) {
	before, after, ok := bytes.Cut(p.read, []byte("\n"))
	if ok {
		p.read = after
	}
	return string(before), ok
}

// Next returns the next line of the record.
func (p *Recorded) Next() (line string) {
	p.t.Helper()
	fusetest.Eventually(p.t, patience, "a line in the record", func() (ok bool) {
		if line, ok = p.line(); !ok {
			p.take()
			line, ok = p.line()
		}
		return ok || p.ended
	})
	return line
}

// Lines returns the lines that there are. What a handler notes before the reply is there when the reply is.
func (p *Recorded) Lines() (lines []string) {
	p.t.Helper()
	p.take()
	for line, ok := p.line(); ok; line, ok = p.line() {
		lines = append(lines, line)
	}
	return lines
}

// Rest returns the lines up to the program's end.
func (p *Recorded) Rest() (lines []string) {
	p.t.Helper()
	fusetest.Eventually(p.t, patience, "the end of the record", func() bool {
		lines = append(lines, p.Lines()...)
		return p.ended
	})
	return lines
}

// Quiet checks that nothing more is in the record.
func (p *Recorded) Quiet(what string) {
	p.t.Helper()
	if lines := p.Lines(); len(lines) > 0 {
		p.t.Errorf("%s: got %q in the record", what, lines)
	}
}

// Ask sends a request, and returns what came of it in a few words: the record's line and the answer.
func (p *Recorded) Ask(r *fusetest.Request) string {
	p.t.Helper()
	reply := "no reply"
	if r.Opcode.HasReply() {
		reply = Text(p.MustCall(p.t, r))
	} else if err := p.Send(r); err != nil {
		p.t.Fatal(err)
	}
	return p.Next() + " -> " + reply
}

// Text is a reply in a line.
func Text(r fusetest.Reply) string {
	if r.Errno != 0 {
		return fmt.Sprintf("error %d", int(r.Errno))
	}
	if len(r.Body) > 500 {
		return fmt.Sprintf("%d bytes %x...", len(r.Body), r.Body[:20])
	}
	return fmt.Sprintf("%x", r.Body)
}
