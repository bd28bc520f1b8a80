package notify

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// detached is a request that waits for its answer.
type detached struct {
	reply  *lowlevel.Reply
	resent bool
}

// readlinks returns a setup in which each Readlink is handed out instead of being answered.
func readlinks() (setup, chan detached) {
	got := make(chan detached, 10)
	return setup{ops: func(_ *tree, ops *lowlevel.Ops) {
		ops.Readlink = func(req *lowlevel.Request, _ lowlevel.Ino) (string, error) {
			got <- detached{req.Detach(), req.Resent()}
			return "", nil
		}
	}}, got
}

// arrival waits for the next one.
func (x *experiment) arrival(got chan detached, resent bool) *lowlevel.Reply {
	select {
	case d := <-got:
		x.check(d.resent == resent, "Resent: got %v, want %v", d.resent, resent)
		return d.reply
	case <-time.After(patience):
		x.fail("there was no request")
	}
	return nil
}

// answers answers, and checks whether that counts.
func (x *experiment) answers(r *lowlevel.Reply, target string, want error) {
	if err := r.Readlink(target); err != want {
		x.fail("answer %q: got error %v, want %v", target, err, want)
	}
}

// A request that is not answered arrives again; only the answer to the copy counts, which is the one that the client gets.
func TestResend(t *testing.T) {
	for name, copyFirst := range map[string]bool{"copy answered last": false, "copy answered first": true} {
		t.Run(name, func(t *testing.T) {
			s, got := readlinks()
			run(t, s, func(x *experiment) {
				x.prepare("stat link")
				b := x.start(1, "readlink link")
				first := x.arrival(got, false)
				x.ok(x.n.Resend())
				second := x.arrival(got, true)
				if copyFirst {
					x.answers(second, "second", nil)
				}
				x.answers(first, "first", unix.ENOENT)
				if !copyFirst {
					x.answers(second, "second", nil)
				}
				x.check(x.result(b) == "second", "the client got %q", b.result)
				x.ok(x.n.Resend()) // nothing is left to be sent again
				x.prepare("stat f")
				x.check(len(got) == 0, "another request came")
			})
		})
	}
}

// A second call makes another copy, under the same number: the first answer to one of these counts.
func TestResend_Twice(t *testing.T) {
	s, got := readlinks()
	run(t, s, func(x *experiment) {
		x.prepare("stat link")
		b := x.start(1, "readlink link")
		first := x.arrival(got, false)
		x.ok(x.n.Resend())
		second := x.arrival(got, true)
		x.ok(x.n.Resend())
		third := x.arrival(got, true)
		x.answers(first, "first", unix.ENOENT)
		x.answers(second, "second", nil)
		x.answers(third, "third", unix.ENOENT)
		x.check(x.result(b) == "second", "the client got %q", b.result)
	})
}

// An answer that does not count is undone: the lookups in it are forgotten, and what it opened is released.
func TestResend_LookupsAndOpensCountOnce(t *testing.T) {
	for _, c := range []struct {
		held, prepare, command string
		lookups                uint64 // that count
		opens                  int
	}{
		{"LOOKUP /d/f", "stat d", "stat d/f", 1, 0},
		{"MKDIR /d/new", "stat d", "mkdir d/new", 1, 0},
		{"CREATE /d/new", "stat d", "create d/new", 1, 0}, // which closes it
		{"OPEN /f", "stat f", "open h f rdonly", 0, 1},
		{"OPENDIR /d", "stat d", "open h d directory", 0, 1},
		{"READDIRPLUS /d 0", "stat d", "list d", 3, 0},
	} {
		t.Run(c.command, func(t *testing.T) {
			run(t, setup{plus: true}, func(x *experiment) {
				x.prepare(c.prepare)
				lookups, opens := x.fs.counts()
				first, second := x.hold("%s", c.held), x.hold("%s", c.held)
				b := x.start(1, c.command)
				x.reached(first)
				x.ok(x.n.Resend())
				x.reached(second)
				first.answer()
				second.answer()
				x.result(b)
				var gotLookups uint64
				var gotOpens int
				x.until(func() bool {
					gotLookups, gotOpens = x.fs.counts()
					return gotLookups == lookups+c.lookups && gotOpens == opens+c.opens
				}, func() string {
					return fmt.Sprintf("got %d lookups and %d open files more, want %d and %d", gotLookups-lookups, gotOpens-opens, c.lookups, c.opens)
				})
			})
		})
	}
}
