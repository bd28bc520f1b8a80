package recorder

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Recorded is a program with a recording filesystem, on a fake kernel.
type Recorded struct {
	*fusetest.FakedProgram
	t     testing.TB
	lines chan string
}

// Start starts a program with args and "/dev/fd/3". env is added to its environment.
func Start(t testing.TB, init fusetest.InitParams, env []string, program string, args ...string) *Recorded {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append(args, "-f", "/dev/fd/3")...)
	cmd.Env = append(os.Environ(), env...)
	cmd.ExtraFiles = []*os.File{w} // FD
	p := &Recorded{t: t, lines: make(chan string, 1000)}
	go func() {
		defer close(p.lines)
		defer r.Close()
		for s := bufio.NewScanner(r); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	p.FakedProgram = fusetest.StartFaked(t, init, cmd)
	w.Close()
	return p
}

const patience = 20 * time.Second

// Next returns the next line of the record.
func (p *Recorded) Next() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("the record has ended\n%s", p.Output())
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("no line in the record\n%s", p.Output())
		return ""
	}
}

// Rest returns the lines that there are up to the program's end.
func (p *Recorded) Rest() (lines []string) {
	for line := range p.lines {
		lines = append(lines, line)
	}
	return lines
}

// Quiet checks that nothing more is in the record: everything has been answered.
func (p *Recorded) Quiet(what string) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			p.t.Errorf("%s: got %q in the record", what, line)
		}
	default:
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
