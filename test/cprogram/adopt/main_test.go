package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv(recorder.AllInGo) != "" {
		os.Exit(lowlevel.Main(&lowlevel.Program{Ops: &lowlevel.Ops{}, Serving: func(_ context.Context, s *lowlevel.Session) error {
			SendAll(s.Notifier())
			return nil
		}}))
	}
	cprogram.Main(m)
}

func program(t *testing.T) string {
	t.Helper()
	return cprogram.Build(t, ".", "adopttest").Program(t, cprogram.Static, "c/main.c")
}

func start(t *testing.T, scenario, how string, args ...string) *recorder.Recorded {
	t.Helper()
	return recorder.Start(t, fusetest.DefaultInit(), []string{"SCENARIO=" + scenario, "HOW=" + how}, program(t), args...)
}

// lookup has C's handler call Go, and returns what is in the record then.
func lookup(t *testing.T, p *recorder.Recorded) []string {
	t.Helper()
	if r := p.MustCall(t, fusetest.Lookup(1, "x")); r.Err() != nil {
		t.Fatal(r)
	}
	return p.Lines()
}

// rest ends the connection, and returns what is in the record then.
func rest(t *testing.T, p *recorder.Recorded) []string {
	t.Helper()
	if err := p.Unmount(); err != nil {
		t.Error(err)
	}
	lines := p.Rest()
	recorder.CheckEnd(t, "C program", p)
	return lines
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestAdoptSession_Errors(t *testing.T) {
	for _, loop := range [][]string{{"-s"}, nil} {
		p := start(t, "errors", "", loop...)
		want(t, "when new and mounted", lines(p, 9),
			"adopt when it is nil: adopt: invalid argument", "adopt when it is not mounted: ErrNotMounted", "adopt when mounted: <nil>",
			"notify before INIT: ErrNotMounted", "queue before INIT: ErrNotMounted", "Mount: ErrAdopted", "Serve: ErrAdopted", "Unmount: ErrAdopted", "Conn: false")
		want(t, "from a handler", lookup(t, p), "notify from C's handler: <nil>")
		want(t, "at the end", rest(t, p),
			"Close: <nil>", "Close again: <nil>", "notify after Close: ErrClosed", "Store after Close: ErrClosed", "queue after Close: ErrClosed",
			"Retrieve after Close: ErrClosed", "adopt when looped, again: <nil>", "Close of that: <nil>")
	}
}

func lines(p *recorder.Recorded, n int) (list []string) {
	for range n {
		list = append(list, p.Next())
	}
	return list
}

// sent is what a program sends, in a C program's session or one of Go's: its record, and the bytes.
func sent(t *testing.T, p *recorder.Recorded) string {
	t.Helper()
	var text strings.Builder
	for line := ""; !strings.HasPrefix(line, "StartRetrieve: "); {
		line = p.Next()
		fmt.Fprintln(&text, line)
	}
	p.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{}))
	for n, ok := p.TryNotification(); ok; n, ok = p.TryNotification() {
		fmt.Fprintln(&text, n)
	}
	return text.String()
}

// TestNotifier_Bytes: what is sent on a C program's session is what is sent on one of Go's.
func TestNotifier_Bytes(t *testing.T) {
	all := recorder.Start(t, fusetest.DefaultInit(), []string{recorder.AllInGo + "=1"}, self(t))
	inGo := sent(t, all)

	p := start(t, "notify", "retrieve")
	if got := p.Next(); got != "adopt when mounted: <nil>" {
		t.Fatal(got)
	}
	if err := p.Send(fusetest.Lookup(1, "x")); err != nil {
		t.Fatal(err)
	}
	recorder.Compare(t, "bound, with gf_ll_init", sent(t, p), inGo)
	want(t, "at the end", rest(t, p), "Close: <nil>")

	if strings.Contains(inGo, "Err") || strings.Count(inGo, "FUSE_NOTIFY") < 17 {
		t.Errorf("got\n%s", inGo)
	}
}

// TestNotifier_SocketOfC: what a peer of a socket can do is not known without its INIT: what is new is not tried.
func TestNotifier_SocketOfC(t *testing.T) {
	p := start(t, "notify", "")
	p.Next()
	if err := p.Send(fusetest.Lookup(1, "x")); err != nil {
		t.Fatal(err)
	}
	got := sent(t, p)
	for _, unknown := range []string{"ExpireEntry", "Resend", "IncrementEpoch", "Prune", "StartRetrieve"} {
		if !strings.Contains(got, unknown+": ErrUnsupported\n") {
			t.Errorf("%s: got\n%s", unknown, got)
		}
	}
	if n := strings.Count(got, "ErrUnsupported"); n != 5 {
		t.Errorf("got %d that are not supported, want 5:\n%s", n, got)
	}
	rest(t, p)
}

// TestClose_Blocked: a notification that does not get through holds up Close for a while only. When it has got through, another Close frees everything.
func TestClose_Blocked(t *testing.T) {
	kernel, server, err := fusetest.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(program(t), "-s", "-f", "/dev/fd/3")
	cmd.Env = append(os.Environ(), "SCENARIO=blocked")
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(server), "server"), w}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	w.Close()
	cmd.ExtraFiles[0].Close()
	record := bufio.NewScanner(r)
	next := func() string {
		record.Scan()
		return record.Text()
	}
	buf := make([]byte, 1<<20)
	for _, q := range []*fusetest.Request{fusetest.DefaultInit().Request().WithUnique(2), fusetest.Lookup(1, "x").WithUnique(4)} {
		if _, err := unix.Write(kernel, q.Bytes()); err != nil {
			t.Fatal(err)
		}
		if q.Opcode == fusetest.OpInit {
			unix.Read(kernel, buf)
		}
	}
	want(t, "blocked", []string{next(), next(), next()}, "adopt when mounted: <nil>", "Close: ErrBusy", "within a second and a half: true")
	for n := 1; n > 0; { // until the reply to the lookup
		n, err = unix.Read(kernel, buf)
		if err != nil {
			t.Fatal(err)
		}
		if buf[8] == 4 {
			break
		}
	}
	want(t, "not blocked any more", []string{next()}, "Store: ErrClosed")
	unix.Close(kernel)
	want(t, "at the end", []string{next(), next()}, "Close again: <nil>", "")
	if err := cmd.Wait(); fusetest.ExitCode(err) != 1 {
		t.Errorf("got %v, want exit code 1", err)
	}
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAdoptSession_Forgotten: C destroys the session, and Go goes on using it.
func TestAdoptSession_Forgotten(t *testing.T) {
	for _, loop := range [][]string{{"-s"}, nil} {
		p := start(t, "forgotten", "", loop...)
		p.Next()
		want(t, "before", lookup(t, p), "notify: <nil>")
		var after []string
		for _, where := range []string{"unmounted", "destroyed"} {
			for _, call := range []string{"InvalInode", "InvalEntry", "Store"} {
				after = append(after, call+" when "+where+": ErrClosed")
			}
			after = append(after, "Resend when "+where+": ErrUnsupported", "StartRetrieve when "+where+": ErrUnsupported")
		}
		want(t, "after", rest(t, p), append(after, "Close: <nil>", "InvalInode when closed: ErrClosed")...)
	}
}

// TestNotifier_GuardsGoHandlers: handlers in Go of a C program's session may not wait for themselves.
func TestNotifier_GuardsGoHandlers(t *testing.T) {
	p := start(t, "guard", "bound")
	if r := p.MustCall(t, fusetest.Readlink(2)); r.Err() != nil {
		t.Fatal(r)
	}
	want(t, "from Go's handler", lines(p, 5),
		"InvalInode from Go's handler: ErrInHandler", "InvalInodeAttr from Go's handler: <nil>", "Close from Go's handler: ErrInHandler",
		"Retrieve from Go's handler: ErrUnsupported", "InvalInode after the reply: <nil>")
	want(t, "at the end", rest(t, p))
}

// TestAdoptSession_Bound: a session that Go knows is that one.
func TestAdoptSession_Bound(t *testing.T) {
	p := start(t, "same", "bound")
	want(t, "adopted", lookup(t, p), "adopt when handler: <nil>")
	p.MustCall(t, fusetest.Readlink(2))
	if got := lines(p, 6); got[4] != "the same session: true" {
		t.Errorf("got %q", got)
	}
	rest(t, p)
}

// TestNotifier_Retrieve: it works where the table has gf_ll_retrieve_reply.
func TestNotifier_Retrieve(t *testing.T) {
	p := start(t, "retrieve", "retrieve")
	want(t, "adopted", lookup(t, p), "adopt when handler: <nil>")
	n, err := p.Notification(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.Retrieve()
	if err != nil || out.NodeID != 2 || out.Offset != 5 || out.Size != 9 {
		t.Fatalf("got %+v, %v", out, err)
	}
	if err := p.Send(fusetest.NotifyReply(out.NotifyUnique, 2, fusetest.NotifyRetrieveIn{Offset: 5}, []byte("retrieved"))); err != nil {
		t.Fatal(err)
	}
	want(t, "retrieved", lines(p, 1), `Retrieve: "retrieved" <nil>`)
	rest(t, p)

	p = start(t, "retrieve", "bound")
	if err := p.Send(fusetest.Lookup(1, "x")); err != nil {
		t.Fatal(err)
	}
	want(t, "without gf_ll_retrieve_reply", lines(p, 2), "adopt when handler: <nil>", `Retrieve: "" ErrUnsupported`)
	rest(t, p)
}

// TestAdoptSession_LeavesNothing: a hundred times.
func TestAdoptSession_LeavesNothing(t *testing.T) {
	p := start(t, "cycles", "")
	want(t, "after a hundred times", lookup(t, p), "files more than before: 0")
	rest(t, p)
}
