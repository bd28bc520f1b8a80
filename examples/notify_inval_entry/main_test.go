package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "notify_inval_entry"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func ls(t testing.TB, dir string) string { return exampletest.Sh(t, dir, "ls") }

func exists(t testing.TB, dir, name string) bool {
	return exampletest.Sh(t, dir, "[ -e "+name+" ] && echo yes || echo no") == "yes"
}

// lookedUp returns a name that the kernel has looked up.
func lookedUp(t testing.TB, dir string) (name string) {
	t.Helper()
	exampletest.Eventually(t, "the name of the file lasts until it is looked up", func() bool {
		name = ls(t, dir)
		return exists(t, dir, name)
	})
	return name
}

// renamed waits for the file to have another name.
func renamed(t testing.TB, dir, old string) {
	t.Helper()
	exampletest.Eventually(t, "the file has another name", func() bool { return ls(t, dir) != old })
}

var ways = map[string][]string{
	"InvalEntry":     nil,
	"ExpireEntry":    {"--only-expire"},
	"IncrementEpoch": {"--inc-epoch"},
}

func TestNotify_OldNameIsGone(t *testing.T) {
	mounts := map[string]string{} // all at a time, since each takes seconds
	for way, options := range ways {
		for _, threads := range []string{"-s", "-omax_threads=4"} {
			options := append([]string{"--timeout=3600", threads}, options...)
			mounts[way+threads] = exampletest.Mount(t, exampletest.Self(t), options...).Mountpoint
		}
	}
	for range 2 {
		names := map[string]string{}
		for way, dir := range mounts {
			names[way] = lookedUp(t, dir)
		}
		for way, dir := range mounts {
			name := names[way]
			exampletest.Eventually(t, way+": the old name is gone", func() bool { return !exists(t, dir, name) })
			if got := ls(t, dir); got == name {
				t.Errorf("%s: the name is gone, but ls shows it: %s", way, got)
			}
		}
	}
}

// TestNotify_Inode shows where the ways differ: InvalEntry drops the inode at once, after the others it is kept until the name turns out to be gone.
func TestNotify_Inode(t *testing.T) {
	for way, options := range ways {
		t.Run(way, func(t *testing.T) {
			exampletest.Undisturbed(t, func(t testing.TB) {
				p := exampletest.Mount(t, exampletest.Self(t), append([]string{"--timeout=3600", "-d"}, options...)...)
				forgets := func() int { return exampletest.Requests(p, "FORGET") }
				name := lookedUp(t, p.Mountpoint)
				renamed(t, p.Mountpoint, name)
				if way == "InvalEntry" {
					exampletest.Eventually(t, "the inode is forgotten", func() bool { return forgets() == 1 })
					return
				}
				renamed(t, p.Mountpoint, ls(t, p.Mountpoint)) // so that the notification of the first time is through
				exampletest.Settle(t, p)
				if got := forgets(); got != 0 {
					t.Errorf("FORGETs before anybody has looked again: got %d, want none", got)
				}
				if exists(t, p.Mountpoint, name) {
					t.Errorf("the old name %s is still there", name)
				}
				exampletest.Eventually(t, "the inode is forgotten", func() bool { return forgets() == 1 })
			})
		})
	}
}

func TestNoNotify_OldNameStays(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t), "--no-notify", "--timeout=3600", "-d")
		name := lookedUp(t, p.Mountpoint)
		exampletest.Settle(t, p)
		lookups := exampletest.Requests(p, "LOOKUP")
		renamed(t, p.Mountpoint, name)
		renamed(t, p.Mountpoint, ls(t, p.Mountpoint))
		if !exists(t, p.Mountpoint, name) {
			t.Errorf("the old name %s is gone, but nobody told", name)
		}
		exampletest.Settle(t, p)
		if got := exampletest.Requests(p, "LOOKUP"); got != lookups {
			t.Errorf("LOOKUPs: got %d, want still %d", got, lookups)
		}
		if got := exampletest.Notifications(p, 3); got != 0 {
			t.Errorf("notifications: got %d, want none", got)
		}
	})
}

func TestNoNotify_OldNameEndsWithTheTimeout(t *testing.T) {
	dir := exampletest.Mount(t, exampletest.Self(t), "--no-notify", "--timeout=1.5").Mountpoint
	name := lookedUp(t, dir)
	exampletest.Eventually(t, "the old name is gone", func() bool { return !exists(t, dir, name) })
}

// TestOnlyExpire_SurvivesWhatIsNotCached: from the second time on, nobody has looked up the name that is expired. C's program of libfuse 3.14
// dies of that.
func TestOnlyExpire_SurvivesWhatIsNotCached(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "--only-expire", "-d")
	lookedUp(t, p.Mountpoint)
	exampletest.Eventually(t, "names are expired", func() bool { return exampletest.Notifications(p, 3) >= 4 })
	lookedUp(t, p.Mountpoint)
}

func TestNotify_InBackground(t *testing.T) {
	exampletest.Background(t, func(dir string) {
		name := lookedUp(t, dir)
		exampletest.Eventually(t, "the old name is gone", func() bool { return !exists(t, dir, name) })
	}, "--timeout=3600")
}

func TestOptions_ExcludeEachOther(t *testing.T) {
	for _, mode := range []string{"-f", "-s"} {
		dir := t.TempDir()
		got := exampletest.Run(t, exampletest.Self(t), program, "", "--only-expire", mode, dir, "--inc-epoch")
		if got.Code != 1 || !strings.Contains(got.Stderr, "exclude each other") {
			t.Errorf("got %+v, want exit code 1 and why", got)
		}
		if m, err := fusetest.FindMount(dir); m != nil || err != nil {
			t.Errorf("mounted: %v (%v)", m, err)
		}
	}
}

// current returns the name of the file, as a fake kernel can read it.
func current(t *testing.T, f *exampletest.Faked) string {
	t.Helper()
	r := f.MustCall(t, fusetest.Readdir(1, fusetest.ReadIn{Size: 4096}))
	entries, err := r.Dirents()
	if err != nil || len(entries) != 1 {
		t.Fatalf("readdir: got %v (%v), want one entry", r, err)
	}
	return entries[0].Name
}

// know has the fake kernel look up the name of the file, and returns it.
func know(t *testing.T, f *exampletest.Faked) (name string) {
	t.Helper()
	exampletest.Eventually(t, "the name lasts until it is looked up", func() bool {
		name = current(t, f)
		return f.MustCall(t, fusetest.Lookup(1, name)).Err() == nil
	})
	return name
}

func TestNotify_Message(t *testing.T) {
	for way, options := range ways {
		t.Run(way, func(t *testing.T) {
			f := exampletest.Fake(t, fusetest.DefaultInit(), options...)
			name := know(t, f)
			n := f.Next()
			if way == "IncrementEpoch" {
				if err := n.Empty(fusetest.NotifyIncEpoch); err != nil {
					t.Error(err)
				}
				return
			}
			flags := uint32(0)
			if way == "ExpireEntry" {
				flags = fusetest.ExpireOnly
			}
			got, old, err := n.InvalEntry()
			if err != nil || got.Parent != 1 || got.Flags != flags || old != name {
				t.Errorf("got %+v, %q (%v), want parent 1, flags %d, %q", got, old, err, flags, name)
			}
		})
	}
}

// TestNotify_KernelLacksIt: the program mounts, and says what is missing when it comes to it.
func TestNotify_KernelLacksIt(t *testing.T) {
	noExpire := fusetest.DefaultInit()
	noExpire.Minor = 37
	noEpoch := fusetest.DefaultInit()
	noEpoch.Minor = 43
	for option, init := range map[string]fusetest.InitParams{"--only-expire": noExpire, "--inc-epoch": noEpoch} {
		f := exampletest.Fake(t, init, option)
		know(t, f)
		code, out := f.End()
		if code != 1 || !strings.Contains(out, "not supported by kernel") {
			t.Errorf("%s: got exit code %d, %q, want 1, \"not supported by kernel\"", option, code, out)
		}
		if n, ok := f.TryNotification(); ok {
			t.Errorf("%s: got %v, want no notification", option, n)
		}
	}
}

func TestTimeout(t *testing.T) {
	for seconds, want := range map[float32]time.Duration{
		0: 0, 1: time.Second, 0.25: 250 * time.Millisecond, 3600: time.Hour, 1e30: lowlevel.Forever,
	} {
		c := clock{opts: options{Timeout: seconds}}
		if got := c.timeout(); got != want {
			t.Errorf("%v: got %v, want %v", seconds, got, want)
		}
	}
}

func TestStat_OfNothing(t *testing.T) {
	if _, err := stat(3); err != unix.ENOENT {
		t.Errorf("got %v, want %v", err, unix.ENOENT)
	}
}

func TestHelp(t *testing.T) {
	exampletest.CheckHelp(t, program, "--update-interval=", "--timeout=", "--no-notify", "--only-expire", "--inc-epoch")
}

func TestLikeC(t *testing.T) {
	exampletest.LikeC(t, program, [][]string{
		{"--update-interval=soon", "DIR"},
		{"--update-interval", "1", "DIR"},
		{"--timeout=", "DIR"},
		{"--timeout=long", "DIR"},
		{"--timeout", "3", "DIR"},
		{"--only-expire=yes", "DIR"},
		{"DIR/none", "--only-expire", "--timeout=2.5"},
	}, []string{"--update-interval=3600", "--timeout=100"}, `
		f=$(ls); ls | sed s/[0-9]/N/g; try cat none
		stat -c '%i %f %h %s %b %u %g %X %Y %Z %t:%T' . $f
		find . -printf '%y %m %s %n\n'
		try touch new; try mkdir d; try rm -f none; { try cat $f; try chmod 600 $f; try mv $f other; } 2>&1 | sed s/[0-9]/N/g
	`)
}

func TestEnds(t *testing.T) {
	for way, options := range ways {
		t.Run(way, func(t *testing.T) { exampletest.CheckEnds(t, options...) })
	}
}
