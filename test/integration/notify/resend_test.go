package notify

import (
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

// The answer of a handler that has not detached is lost silently, and with it the lookup that it would have counted.
func TestResend_LookupIsCountedOnce(t *testing.T) {
	run(t, setup{}, func(x *experiment) {
		x.prepare("stat d")
		ino := x.fs.ino("d/f")
		first := x.hold("LOOKUP /d/f")
		second := x.hold("LOOKUP /d/f")
		b := x.start(1, "stat d/f")
		x.reached(first)
		x.ok(x.n.Resend())
		x.reached(second)
		first.answer()
		second.answer()
		x.result(b)
		x.check(x.fs.known(ino) == 2, "the filesystem has answered %d lookups, want 2", x.fs.known(ino))
		x.ok(x.n.InvalEntry(x.fs.ino("d"), "f"))
		x.until(func() bool { return x.fs.known(ino) == 1 }, func() string { return "a Forget" })
	})
}
