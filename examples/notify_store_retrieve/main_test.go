package main

import (
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "notify_store_retrieve"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// cached reads the file through the cache, direct past it.
func cached(t testing.TB, dir string) string { return exampletest.Sh(t, dir, "cat current_time") }

func direct(t testing.TB, dir string) string {
	return exampletest.Sh(t, dir, "dd if=current_time iflag=direct bs=4k status=none")
}

// TestNotify_ReadersSeeTheTime shows also that nobody ever has to ask for it: there is no READ.
func TestNotify_ReadersSeeTheTime(t *testing.T) {
	for _, mode := range [][]string{{"-d"}, {"-d", "-s"}} {
		t.Run(mode[len(mode)-1], func(t *testing.T) {
			exampletest.Undisturbed(t, func(t testing.TB) {
				p := exampletest.Mount(t, exampletest.Self(t), mode...)
				exampletest.Sh(t, p.Mountpoint, "stat current_time")
				exampletest.Eventually(t, "the time was stored and retrieved", func() bool { return exampletest.Requests(p, "NOTIFY_REPLY") > 0 })
				seen := map[string]bool{}
				exampletest.Eventually(t, "the clock goes", func() bool {
					seen[cached(t, p.Mountpoint)] = true
					return len(seen) >= 3
				})
				exampletest.Settle(t, p)
				if got := exampletest.Requests(p, "READ"); got != 0 {
					t.Errorf("READs: got %d, want none", got)
				}
				if got := exampletest.Requests(p, "NOTIFY_REPLY"); got < 3 {
					t.Errorf("answers to Retrieve: got %d, want at least 3", got)
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
		if got := exampletest.Notifications(p, 4) + exampletest.Notifications(p, 5); got != 0 {
			t.Errorf("notifications: got %d, want none", got)
		}
	})
}

func TestNotify_InBackground(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		old := cached(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { return cached(t, dir) != old })
	})
}

// stored takes a Store and the Retrieve after it, and returns what was stored. Retrieve gets answer, or what was stored.
func stored(t *testing.T, f *exampletest.Faked, answer *string) string {
	t.Helper()
	store, data, err := f.Next().Store()
	if err != nil || store.NodeID != 2 || store.Offset != 0 {
		t.Fatalf("store: got %+v (%v), want inode 2, offset 0", store, err)
	}
	ask, err := f.Next().Retrieve()
	if err != nil || ask.NodeID != 2 || ask.Offset != 0 || int(ask.Size) != len(data) {
		t.Fatalf("retrieve: got %+v (%v), want inode 2, offset 0, %d bytes", ask, err, len(data))
	}
	reply := data
	if answer != nil {
		reply = []byte(*answer)
	}
	if err := f.Send(fusetest.NotifyReply(ask.NotifyUnique, 2, fusetest.NotifyRetrieveIn{}, reply)); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNotify_Messages(t *testing.T) {
	f := exampletest.Fake(t, fusetest.DefaultInit())
	nothing := ""
	for _, answer := range []*string{nil, &nothing, nil} {
		if got := stored(t, f, answer); !strings.HasPrefix(got, "The current time is ") {
			t.Errorf("stored: got %q, want the time", got)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if code, out := f.End(); code != 0 || out != "" {
		t.Errorf("got exit code %d, %q, want 0 and no output", code, out)
	}
}

// TestNotify_ChecksTheCache has a kernel that keeps something else, and one that keeps nothing.
func TestNotify_ChecksTheCache(t *testing.T) {
	other := "The current time is whatever\n"
	f := exampletest.Fake(t, fusetest.DefaultInit())
	stored(t, f, &other)
	if code, out := f.End(); code != 1 || !strings.Contains(out, `but the cache has "The current time is whatever\n"`) {
		t.Errorf("another content: got exit code %d, %q, want 1 and why", code, out)
	}

	nothing := ""
	f = exampletest.Fake(t, fusetest.DefaultInit())
	stored(t, f, &nothing)
	stored(t, f, &nothing)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if code, out := f.End(); code != 1 || !strings.Contains(out, "nothing of what was stored") {
		t.Errorf("no content: got exit code %d, %q, want 1 and why", code, out)
	}
}

func TestNotify_KernelLacksIt(t *testing.T) {
	init := fusetest.DefaultInit()
	init.Minor = 14
	f := exampletest.Fake(t, init)
	if code, out := f.End(); code != 1 || !strings.Contains(out, "not supported by kernel") {
		t.Errorf("got exit code %d, %q, want 1, \"not supported by kernel\"", code, out)
	}
}

func TestHelp(t *testing.T) { exampletest.CheckHelp(t, program, "--update-interval=", "--no-notify") }

// likeCInterval is as long as can be: the time is not to change. That of C ends when the interval is over, from libfuse 3.17 on.
func likeCInterval() string {
	if lowlevel.Version() >= 317 {
		return "1"
	}
	return "3600"
}

func TestLikeC(t *testing.T) {
	exampletest.LikeC(t, program, [][]string{
		{"--update-interval=soon", "DIR"},
		{"--update-interval", "1", "DIR"},
		{"--no-notify=1", "DIR"},
		{"DIR/none", "--no-notify", "--update-interval=2"},
	}, []string{"--update-interval=" + likeCInterval()}, `
		sed s/[0-9]/N/g current_time; try cat none; try cat .
		ls -lAn --time-style=+%s; ls; find . -printf '%p %y %m %s %n\n'
		stat -c '%n %i %f %h %s %b %u %g %X %Y %Z %t:%T' . current_time
		dd if=current_time bs=4 skip=1 count=3 status=none; echo; dd if=current_time bs=100 skip=1 status=none
		try dd of=current_time status=none </dev/null
		try touch new; try mkdir d; try rm -f current_time; try mv current_time other; try chmod 600 current_time; try cat current_time/x
	`)
}

func TestEnds(t *testing.T) { exampletest.CheckEnds(t) }
