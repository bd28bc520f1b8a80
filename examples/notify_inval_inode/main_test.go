package main

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "notify_inval_inode"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// cached reads the file through the cache, direct past it.
func cached(t testing.TB, dir string) string { return exampletest.Sh(t, dir, "cat current_time") }

func direct(t testing.TB, dir string) string {
	return exampletest.Sh(t, dir, "dd if=current_time iflag=direct bs=4k status=none")
}

// TestNotify_ReadersSeeTheTime counts, too: one READ for each time that is seen, however many readers there are.
func TestNotify_ReadersSeeTheTime(t *testing.T) {
	for _, mode := range [][]string{{"-d"}, {"-d", "-s"}} {
		t.Run(mode[len(mode)-1], func(t *testing.T) {
			exampletest.Undisturbed(t, func(t testing.TB) {
				p := exampletest.Mount(t, exampletest.Self(t), mode...)
				seen, reads := map[string]bool{}, 0
				exampletest.Eventually(t, "the clock goes", func() bool {
					reads++
					seen[cached(t, p.Mountpoint)] = true
					return len(seen) >= 3
				})
				exampletest.Settle(t, p)
				notes := exampletest.Notifications(p, 2)
				if got := exampletest.Requests(p, "READ"); got < len(seen) || got > notes+1 || got >= reads {
					t.Errorf("READs: got %d, want at least %d (times seen), at most %d (notifications and one), less than %d (reads)", got, len(seen), notes+1, reads)
				}
				if got := exampletest.Requests(p, "LOOKUP"); got != 1 {
					t.Errorf("LOOKUPs: got %d, want 1", got)
				}
			})
		})
	}
}

func TestNoNotify_ReadersSeeTheOldTime(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t), "--no-notify", "-d")
		dir := p.Mountpoint
		old := cached(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { return direct(t, dir) != old })
		if got := cached(t, dir); got != old {
			t.Errorf("through the cache: got %q, want %q", got, old)
		}
		exampletest.Settle(t, p)
		if got := exampletest.Notifications(p, 2); got != 0 {
			t.Errorf("notifications: got %d, want none", got)
		}
	})
}

func TestUpdateInterval_IsKept(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "--update-interval=3600", "-d")
	dir := p.Mountpoint
	exampletest.Eventually(t, "the clock is set", func() bool { return exampletest.Notifications(p, 2) > 0 })
	other := exampletest.Mount(t, exampletest.Self(t)).Mountpoint
	old, first := cached(t, dir), cached(t, other)
	exampletest.Eventually(t, "another clock goes", func() bool { return cached(t, other) != first })
	if got := direct(t, dir); got != old {
		t.Errorf("got %q, want still %q", got, old)
	}
}

func TestNotify_InBackground(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		old := cached(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { return cached(t, dir) != old })
	})
}

func TestNotify_Message(t *testing.T) {
	f := exampletest.Fake(t, fusetest.DefaultInit())
	want := fusetest.InvalInodeOut{Ino: 2}
	for range 2 {
		n := f.Next()
		if got, err := n.InvalInode(); err != nil || got != want {
			t.Errorf("got %v (%v), want %+v", n, err, want)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if code, out := f.End(); code != 0 || out != "" {
		t.Errorf("got exit code %d, %q, want 0 and no output", code, out)
	}
}

func TestHelp(t *testing.T) { exampletest.CheckHelp(t, program, "--update-interval=", "--no-notify") }

func TestLikeC(t *testing.T) {
	exampletest.LikeC(t, program, [][]string{
		{"--update-interval=soon", "DIR"},
		{"--update-interval=", "DIR"},
		{"--update-interval", "DIR"},
		{"--update-interval", "1", "DIR"},
		{"--no-notify=1", "DIR"},
		{"DIR/none", "--no-notify", "--update-interval=2"},
	}, []string{"--update-interval=3600"}, `
		sed s/[0-9]/N/g current_time; try cat none; try cat .
		ls -lAn --time-style=+%s; ls; find . -printf '%p %y %m %s %n\n'
		stat -c '%n %i %f %h %s %b %u %g %X %Y %Z %t:%T' . current_time
		dd if=current_time bs=4 skip=1 count=3 status=none; echo; dd if=current_time bs=100 skip=1 status=none
		try dd of=current_time status=none </dev/null
		try touch new; try mkdir d; try rm -f current_time; try mv current_time other; try chmod 600 current_time; try cat current_time/x
	`)
}

func TestEnds(t *testing.T) { exampletest.CheckEnds(t) }
