package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "invalidate_path"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// seen is what somebody sees who looks through the cache. The second file is not read: after a read the kernel asks for a new atime, and gets the size as well.
func seen(t testing.TB, dir string) (clock string, size int) {
	t.Helper()
	clock = exampletest.Sh(t, dir, "cat current_time")
	size, err := strconv.Atoi(exampletest.Sh(t, dir, "stat -c %s growing"))
	if err != nil {
		t.Error(err)
	}
	return clock, size
}

// direct reads the clock past the cache.
func direct(t testing.TB, dir string) string {
	t.Helper()
	return exampletest.Sh(t, dir, "dd if=current_time iflag=direct bs=4k status=none")
}

// TestNotify_ReadersSeeWhatIsNew counts, too: names are looked up once, and there is a READ of a file for a notification at most.
func TestNotify_ReadersSeeWhatIsNew(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t), "-d")
		dir := p.Mountpoint
		clock, grown := seen(t, dir)
		exampletest.Eventually(t, "the clock goes, and the other file grows", func() bool {
			newClock, newGrown := seen(t, dir)
			return newClock != clock && newGrown > grown+1
		})
		least := len(exampletest.Sh(t, dir, "cat growing"))
		if x := exampletest.Sh(t, dir, "cat growing"); strings.Trim(x, "x") != "" || len(x) < least || least < grown+2 {
			t.Errorf("growing: got %q, want x for at least %d times, and that for at least %d", x, least, grown+2)
		}
		exampletest.Settle(t, p)
		if got := exampletest.Requests(p, "LOOKUP"); got != 2 {
			t.Errorf("LOOKUPs: got %d, want 2", got)
		}
		notes := exampletest.Notifications(p, 2)
		if got := exampletest.Requests(p, "READ"); notes < 4 || got > notes+2 {
			t.Errorf("got %d READs and %d notifications, want at least 4 notifications, and no more READs than those and 2", got, notes)
		}
	})
}

func TestNoNotify_ReadersSeeWhatIsOld(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t), "--no-notify", "-d")
		dir := p.Mountpoint
		clock, grown := seen(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { return direct(t, dir) != clock })
		if newClock, newGrown := seen(t, dir); newClock != clock || newGrown != grown {
			t.Errorf("through the cache: got %q and %d, want %q and %d", newClock, newGrown, clock, grown)
		}
		exampletest.Settle(t, p)
		if got := exampletest.Notifications(p, 2); got != 0 {
			t.Errorf("notifications: got %d, want none", got)
		}
	})
}

// What the kernel does not know is not notified of.
func TestNotify_NothingCached(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "--update-interval=0", "-d")
	exampletest.Settle(t, p)
	if got := exampletest.Notifications(p, 2); got != 0 {
		t.Errorf("notifications before anybody has looked: got %d, want none", got)
	}
	_, _ = seen(t, p.Mountpoint)
	exampletest.Eventually(t, "notifications", func() bool { return exampletest.Notifications(p, 2) > 10 })
}

func TestUpdateInterval_IsKept(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "--update-interval=3600")
	other := exampletest.Mount(t, exampletest.Self(t)).Mountpoint
	old := direct(t, p.Mountpoint)
	_, grown := seen(t, other)
	exampletest.Eventually(t, "another one goes", func() bool {
		_, now := seen(t, other)
		return now > grown
	})
	if got := direct(t, p.Mountpoint); got != old {
		t.Errorf("got %q, want still %q", got, old)
	}
	if _, got := seen(t, p.Mountpoint); got != 1 {
		t.Errorf("growing: got %d, want 1", got)
	}
}

func TestNotify_InBackground(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		clock, _ := seen(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { now, _ := seen(t, dir); return now != clock })
	})
}

// It is ended while it notifies all the time.
func TestEnds(t *testing.T) { exampletest.CheckEnds(t) }

func TestNotify_Message(t *testing.T) {
	f := exampletest.Fake(t, fusetest.DefaultInit())
	f.Lookup("growing")
	want := fusetest.InvalInodeOut{Ino: 2}
	n := f.Next()
	if got, err := n.InvalInode(); err != nil || got != want {
		t.Errorf("got %v (%v), want %+v", n, err, want)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if code, out := f.End(); code != 0 || out != "" {
		t.Errorf("got exit code %d, %q, want 0 and no output", code, out)
	}
}

// still has the files stay as they are: in C's program, from the first change on, which comes at once.
var still = []string{"--update-interval=3600"}

func TestLikeC_Use(t *testing.T) {
	besidec.Use(t, program, still, `
		ls -lAn --time-style=+%s; ls -a; ls; find . -printf '%p %y %m %s %n\n'
		stat -c '%n %f %h %s %b %u %g %X %Y %Z %t:%T' . current_time growing; stat -c '%n %i' growing current_time
		sed s/[0-9]/N/g current_time; cat growing; try cat none; try cat .; try cat current_time/x
		dd if=current_time bs=4 skip=1 count=3 status=none; echo; try dd of=current_time status=none </dev/null
		try touch new; try mkdir d; try rm -f current_time; try mv growing other; try chmod 600 current_time
	`)
}

func TestLikeC_Requests(t *testing.T) {
	besidec.Requests(t, program, append(still, "--no-notify"), "ls; cat current_time; cat current_time; ls -l; cat growing; cat growing; try cat none; try cat none")
}

func TestLikeC_CommandLine(t *testing.T) {
	besidec.CommandLine(t, program,
		[]string{"--update-interval=soon", "DIR"},
		[]string{"--update-interval=", "DIR"},
		[]string{"--update-interval", "1", "DIR"},
		[]string{"--no-notify=1", "DIR"},
		[]string{"DIR/none", "--no-notify", "--update-interval=2"},
	)
}

func TestHelp(t *testing.T) {
	besidec.Help(t, program)
	besidec.Version(t, program)
	besidec.NoMountpoint(t, program, "--no-notify")
}
