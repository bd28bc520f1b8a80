package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestMain(m *testing.M) {
	switch os.Getenv(recorder.AllInGo) {
	case "all":
		os.Exit(lowlevel.Main(&lowlevel.Program{Ops: recorder.Inodes()}))
	case "few":
		os.Exit(lowlevel.Main(&lowlevel.Program{Ops: recorder.Inodes(few...)}))
	}
	cprogram.Main(m)
}

func program(t *testing.T) string {
	t.Helper()
	return cprogram.Build(t, ".", "lltest").Program(t, cprogram.Static, "c/main.c")
}

// servers are the same filesystem, in a C program and in one of Go.
func servers(t *testing.T, filesystem string) []*recorder.Server {
	t.Helper()
	return []*recorder.Server{
		recorder.InC(program(t), filesystem, "", "Destroy"),
		recorder.InGo(t, filesystem, "Destroy"),
	}
}

func start(t *testing.T, s *recorder.Server, args ...string) *recorder.Recorded {
	t.Helper()
	return s.Start(t, "Init", args...)
}

// transcript asks everything about an inode.
func transcript(p *recorder.Recorded, ino uint64) string {
	var lines strings.Builder
	for _, a := range recorder.Requests(ino) {
		fmt.Fprintf(&lines, "%v: %s\n", a.Req.Opcode, p.Ask(a.Req))
	}
	return lines.String()
}

// TestOps_EveryMember: all arguments and all answers are those of a session of Go's, which lowlevel's own tests compare with what is on the wire; and those of a file, for people to read.
func TestOps_EveryMember(t *testing.T) {
	var both []string
	for _, s := range servers(t, "all") {
		p := start(t, s, "-s")
		both = append(both, transcript(p, recorder.Ino))
		s.End(t, p)
	}
	recorder.Compare(t, "in a C program, against Go alone", both[0], both[1])
	recorder.Golden(t, "testdata/all.txt", both[0])
}

// TestOps_StandIn: Go has one of two members for the same, C's table has both, or the other.
func TestOps_StandIn(t *testing.T) {
	write := fusetest.Write(recorder.Ino, fusetest.WriteIn{Fh: recorder.Fh, Offset: 5}, []byte("some data"))
	forgets := []*fusetest.Request{
		fusetest.Forget(recorder.Ino, 7), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 5, Nlookup: 6}, fusetest.ForgetOne{NodeID: 7, Nlookup: 8}),
	}
	const (
		buf   = `WriteBuf(0 0 0 0, 20015998343868, "some data" <nil>, 5, fi{Fh:57545995238622}) -> 0800000000000000`
		plain = `Write(0 0 0 0, 20015998343868, "some data", 5, fi{Fh:57545995238622}) -> 0800000000000000`
	)
	const forgotten = "Forget(0 0 0 0, 20015998343868, 7) -> no reply"
	for _, tt := range []struct {
		filesystem, how, write, read string
		forgotten                    []string
	}{
		{"all", "", buf, "Read(", []string{forgotten, "ForgetMulti(0 0 0 0, [{5 6} {7 8}]) -> no reply"}},
		{"all", "write", plain, "Read(", nil},
		{"few", "", plain, "Read(", []string{forgotten, "Forget(0 0 0 0, 5, 6) -> no reply", "Forget(0 0 0 0, 7, 8)"}},
		{"few", "write", plain, "Read(", nil},
		{"buffers", "", buf, "ReadBuf(", nil},
		{"buffers", "write", buf, "ReadBuf(", nil},
	} {
		what := tt.filesystem + " " + tt.how
		s := recorder.InC(program(t), tt.filesystem, tt.how, "Destroy")
		p := start(t, s, "-s")
		for _, r := range append(forgets, write) {
			r.As(0, 0, 0).Unique = 0
		}
		if got := p.Ask(write); got != tt.write {
			t.Errorf("%s: got %s\nwant %s", what, got, tt.write)
		}
		if got := p.Ask(fusetest.Read(recorder.Ino, fusetest.ReadIn{Fh: recorder.Fh, Size: 4})); !strings.HasPrefix(got, tt.read) || !strings.HasSuffix(got, " -> 6162") {
			t.Errorf("%s: got %s, want %s... -> 6162", what, got, tt.read)
		}
		if tt.forgotten != nil {
			var got []string
			for _, r := range forgets {
				got = append(got, p.Ask(r))
			}
			for len(got) < len(tt.forgotten) {
				got = append(got, p.Next())
			}
			if !slices.Equal(got, tt.forgotten) {
				t.Errorf("%s: got %q\nwant %q", what, got, tt.forgotten)
			}
		}
		s.End(t, p)
	}
}

// TestOps_Fail: an error is its errno, one without is EIO, and so is a panic, which the process survives.
func TestOps_Fail(t *testing.T) {
	for _, s := range servers(t, "all") {
		p := start(t, s, "-s")
		for how, want := range map[uint64]string{recorder.Err: "error 18", recorder.Plain: "error 5", recorder.Panic: "error 5"} {
			for _, a := range recorder.Requests(how) {
				if got := p.Ask(a.Req); !strings.HasSuffix(got, " -> "+want) {
					t.Errorf("%s: %#x: %v: got %s, want %s", s.Name, how, a.Req.Opcode, got, want)
				}
			}
		}
		p.Quiet(s.Name)
		if err := p.Unmount(); err != nil {
			t.Error(err)
		}
		for _, want := range []string{"handler panicked; answered EIO op=lookup", "not an errno"} {
			if !strings.Contains(p.Output(), want) {
				t.Errorf("%s: no %q in the output:\n%s", s.Name, want, p.Output())
			}
		}
	}
}

// TestOps_Late: handlers have detached their requests, and other goroutines answer them.
func TestOps_Late(t *testing.T) {
	var both []string
	for _, s := range servers(t, "all") {
		p := start(t, s, "-s")
		both = append(both, transcript(p, recorder.Late))
		s.End(t, p)
	}
	recorder.Compare(t, "in a C program, against Go alone", both[0], both[1])
	recorder.Golden(t, "testdata/late.txt", both[0])
}

// TestOps_Missing: what Go does not have, answers ENOSYS.
func TestOps_Missing(t *testing.T) {
	p := recorder.Start(t, fusetest.DefaultInit(), []string{"FILESYSTEM=none"}, program(t), "-s")
	all := recorder.Requests(recorder.Ino)
	all = append(all, recorder.Asked{Req: fusetest.Poll(recorder.Ino, fusetest.PollIn{Fh: recorder.Fh, Kh: 77, Flags: fusetest.PollScheduleNotify})})
	for _, a := range all {
		if got := recorder.Text(p.MustCall(t, a.Req)); got != "error 38" {
			t.Errorf("%v: got %s, want error 38 (ENOSYS)", a.Req.Opcode, got)
		}
	}
	for _, r := range []*fusetest.Request{fusetest.Forget(recorder.Ino, 7), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 5, Nlookup: 6})} {
		if err := p.Send(r); err != nil {
			t.Error(err)
		}
	}
	if err := p.Unmount(); err != nil {
		t.Error(err)
	}
	recorder.CheckEnd(t, "none", p)
	if rest := p.Rest(); len(rest) != 0 {
		t.Errorf("got %q in the record", rest)
	}
}

// TestOpen_Fails: where Go cannot open the filesystem, each request is answered EIO, and the reason is printed, once.
func TestOpen_Fails(t *testing.T) {
	for _, tt := range []struct{ filesystem, how, want string }{
		{"fails", "", "not today"},
		{"panics", "", "not today"},
		{"unheard of", "", "no such filesystem among all, buffers, fails, few, none, panics"},
		{"", "", "several filesystems, gf_bind must say which: all, buffers, fails, few, none, panics"},
		{"all", "unbound", "several filesystems"},
	} {
		p := recorder.Start(t, fusetest.DefaultInit(), []string{"FILESYSTEM=" + tt.filesystem, "HOW=" + tt.how}, program(t), "-s")
		for _, a := range recorder.Requests(recorder.Ino) {
			if got := recorder.Text(p.MustCall(t, a.Req)); got != "error 5" {
				t.Errorf("%+v: %v: got %s, want error 5 (EIO)", tt, a.Req.Opcode, got)
			}
		}
		if err := p.Unmount(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(p.Output(), "cannot open the filesystem"); n != 1 || !strings.Contains(p.Output(), tt.want) {
			t.Errorf("%+v: want this once, got\n%s", tt, p.Output())
		}
		if rest := p.Rest(); len(rest) != 0 {
			t.Errorf("%+v: got %q in the record", tt, rest)
		}
	}
}

// TestOps_Interrupt: the context ends, by the kernel's INTERRUPT.
func TestOps_Interrupt(t *testing.T) {
	for _, s := range servers(t, "all") {
		p := start(t, s)
		for _, a := range []*fusetest.Request{fusetest.Getattr(recorder.Wait, fusetest.GetattrIn{}), fusetest.Readlink(recorder.Wait)} {
			if err := p.Send(a); err != nil {
				t.Fatal(err)
			}
			p.Next()
			if got, want := p.Next(), "waits"; got != want {
				t.Fatalf("%s: got %q, want %q", s.Name, got, want)
			}
			if err := p.Send(fusetest.Interrupt(a.Unique)); err != nil {
				t.Fatal(err)
			}
			r, err := p.Reply(a.Unique)
			if got := recorder.Text(r); err != nil || got != "error 4" {
				t.Errorf("%s: got %s, %v, want error 4 (EINTR)", s.Name, got, err)
			}
			if got, want := p.Next(), "context canceled: request was interrupted"; got != want {
				t.Errorf("%s: got %q, want %q", s.Name, got, want)
			}
		}
		s.End(t, p)
	}
}

// TestPoll_Handle: the handle wakes whoever polls, and is freed.
func TestPoll_Handle(t *testing.T) {
	for _, s := range servers(t, "all") {
		p := start(t, s, "-s")
		got := p.Ask(fusetest.Poll(recorder.Ino, fusetest.PollIn{Fh: recorder.Fh, Kh: 0xabcdef, Flags: fusetest.PollScheduleNotify, Events: 1}).As(0, 0, 0))
		if want := "Poll(0 0 0 0, 20015998343868, fi{Fh:57545995238622 PollEvents:1}, handle) -> 0300000000000000"; got != want {
			t.Errorf("%s: got %s\nwant %s", s.Name, got, want)
		}
		n, err := p.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := n.Poll(); err != nil || out.Kh != 0xabcdef {
			t.Errorf("%s: got %v, %v", s.Name, n, err)
		}
		s.End(t, p)
	}
}

// TestInit_Negotiates: what Init asks for, the kernel is told.
func TestInit_Negotiates(t *testing.T) {
	var both []fusetest.InitOut
	for _, s := range servers(t, "all") {
		p := start(t, s, "-s")
		both = append(both, p.Init)
		s.End(t, p)
	}
	if both[0] != both[1] {
		t.Errorf("in a C program: got %+v, want as in Go alone %+v", both[0], both[1])
	}
	if got := both[0]; got.MaxReadahead != 0x8000 || got.TimeGran != 1000 || fusetest.InitFlags(got.Flags)&fusetest.InitWritebackCache == 0 {
		t.Errorf("got %+v", got)
	}
}
