package main

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "notify_prune"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// cached reads the file through the cache, direct past it.
func cached(t testing.TB, dir string) string { return exampletest.Sh(t, dir, "cat current_time") }

func direct(t testing.TB, dir string) string {
	return exampletest.Sh(t, dir, "dd if=current_time iflag=direct bs=4k status=none")
}

// said counts how often the program has said something.
func said(p *fusetest.Program, what string) int { return strings.Count(p.Output(), what+"\n") }

func needsPrune(t testing.TB, p *fusetest.Program) {
	t.Helper()
	exampletest.Sh(t, p.Mountpoint, "stat current_time")
	exampletest.Eventually(t, "it was tried", func() bool {
		return said(p, "prune sent") > 0 || strings.Contains(p.Output(), "not supported by kernel")
	})
	if said(p, "prune sent") == 0 {
		_ = p.StopBy(func() error { return nil }) // it ends by itself
		fusetest.Skip(t, "the kernel cannot prune: %s", p.Output())
	}
}

func TestNotify_ReadersSeeTheTime(t *testing.T) {
	for _, mode := range [][]string{{"-d"}, {"-d", "-s"}} {
		t.Run(mode[len(mode)-1], func(t *testing.T) {
			exampletest.Undisturbed(t, func(t testing.TB) {
				p := exampletest.Mount(t, exampletest.Self(t), mode...)
				needsPrune(t, p)
				seen := map[string]bool{}
				exampletest.Eventually(t, "the clock goes", func() bool {
					seen[cached(t, p.Mountpoint)] = true
					return len(seen) >= 3
				})
				exampletest.Eventually(t, "the program has seen it, too", func() bool { return said(p, "prune complete") >= 2 })
				exampletest.Settle(t, p)
				if lookups, forgets := exampletest.Requests(p, "LOOKUP"), exampletest.Requests(p, "FORGET"); lookups < 3 || forgets < 2 {
					t.Errorf("got %d LOOKUPs, %d FORGETs, want at least 3, 2", lookups, forgets)
				}
				// The time does not change while it is known: each is looked up and read once.
				if reads, forgets := exampletest.Requests(p, "READ"), exampletest.Requests(p, "FORGET"); reads > forgets+1 {
					t.Errorf("READs: got %d, want at most %d (FORGETs and one)", reads, forgets+1)
				}
			})
		})
	}
}

// TestNotify_SaysWhenItHasWorked does nothing but wait after the first look.
func TestNotify_SaysWhenItHasWorked(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t))
		old := cached(t, p.Mountpoint)
		needsPrune(t, p)
		exampletest.Eventually(t, "it has worked", func() bool { return said(p, "prune complete") > 0 })
		if got := cached(t, p.Mountpoint); got == old {
			t.Errorf("got still %q", got)
		}
	})
}

func TestNoNotify_TheClockStandsStill(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		p := exampletest.Mount(t, exampletest.Self(t), "--no-notify", "-d")
		other := exampletest.Mount(t, exampletest.Self(t))
		needsPrune(t, other)
		old := cached(t, p.Mountpoint)
		seen := map[string]bool{}
		exampletest.Eventually(t, "another clock goes", func() bool {
			seen[cached(t, other.Mountpoint)] = true
			return len(seen) >= 3
		})
		for name, read := range map[string]func(testing.TB, string) string{"cached": cached, "direct": direct} {
			if got := read(t, p.Mountpoint); got != old {
				t.Errorf("%s: got %q, want %q", name, got, old)
			}
		}
		exampletest.Settle(t, p)
		if got := exampletest.Requests(p, "FORGET"); got != 0 || said(p, "prune sent") != 0 {
			t.Errorf("got %d FORGETs, output:\n%s\nwant none, and no prune", got, p.Output())
		}
	})
}

// hold opens the file and keeps it open until the returned func is called.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	cmd := exec.Command("bash", "-c", `exec 3<"$1" && echo open && read`, "bash", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	closed := false
	release = func() {
		if !closed {
			closed = true
			in.Close()
			_ = cmd.Wait() // read fails at the end of the file
		}
	}
	t.Cleanup(release)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("open %s: got %q (%v)", path, line, err)
	}
	return release
}

func TestNotify_WhatIsOpenStays(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "-d")
	needsPrune(t, p)
	release := hold(t, filepath.Join(p.Mountpoint, "current_time"))
	old := cached(t, p.Mountpoint)
	exampletest.Settle(t, p)
	forgets, sent := exampletest.Requests(p, "FORGET"), said(p, "prune sent")
	exampletest.Eventually(t, "it is pruned twice", func() bool { return said(p, "prune sent") >= sent+2 })
	if got := direct(t, p.Mountpoint); got != old {
		t.Errorf("while it is open: got %q, want %q", got, old)
	}
	exampletest.Settle(t, p)
	if got := exampletest.Requests(p, "FORGET"); got != forgets {
		t.Errorf("FORGETs while it is open: got %d, want still %d", got, forgets)
	}
	release()
	exampletest.Eventually(t, "the clock goes", func() bool { return cached(t, p.Mountpoint) != old })
}

func TestNotify_InBackground(t *testing.T) {
	needsPrune(t, exampletest.Mount(t, exampletest.Self(t)))
	exampletest.Background(t, func(dir string) {
		old := cached(t, dir)
		exampletest.Eventually(t, "the clock goes", func() bool { return cached(t, dir) != old })
	})
}

// TestNotify_Message has a kernel that obeys: it gets no message while it knows nothing of the file.
func TestNotify_Message(t *testing.T) {
	f := exampletest.Fake(t, fusetest.DefaultInit())
	for range 2 {
		if n, ok := f.TryNotification(); ok {
			t.Fatalf("got %v before the file is known", n)
		}
		f.Lookup("current_time")
		n := f.Next()
		if got, err := n.Prune(); err != nil || !slices.Equal(got, []uint64{2}) {
			t.Fatalf("got %v (%v), want a prune of inode 2", n, err)
		}
		if err := f.Send(fusetest.Forget(2, 1)); err != nil {
			t.Fatal(err)
		}
		for f.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{})); ; {
			if _, ok := f.TryNotification(); !ok { // one may have been under way when the FORGET came
				break
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if code, out := f.End(); code != 0 || !strings.HasPrefix(out, "prune sent\n") {
		t.Errorf("got exit code %d, %q, want 0, \"prune sent\"", code, out)
	}
}

// TestNotify_KernelLacksIt: the program mounts, and says what is missing when it comes to it.
func TestNotify_KernelLacksIt(t *testing.T) {
	init := fusetest.DefaultInit()
	init.Minor = 44
	f := exampletest.Fake(t, init)
	f.Lookup("current_time")
	if code, out := f.End(); code != 1 || !strings.Contains(out, "not supported by kernel") {
		t.Errorf("got exit code %d, %q, want 1, \"not supported by kernel\"", code, out)
	}
}

func TestHelp(t *testing.T) { exampletest.CheckHelp(t, program, "--update-interval=", "--no-notify") }

func TestEnds(t *testing.T) { exampletest.CheckEnds(t) }
