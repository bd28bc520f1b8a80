package fusetest

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// peer is the server's end of the socket.
type peer struct {
	t  testing.TB
	fd int
}

func newPeer(t testing.TB, fd int) *peer {
	t.Cleanup(func() { _ = unix.Close(fd) })
	return &peer{t, fd}
}

// request reads the next request.
func (p *peer) request() (InHeader, []byte) {
	p.t.Helper()
	buf := make([]byte, maxMessage)
	n, err := unix.Read(p.fd, buf)
	if err != nil || n == 0 {
		p.t.Fatalf("read: %d, %v", n, err)
	}
	h, body, err := decodePrefix[InHeader](buf[:n])
	if err != nil {
		p.t.Fatal(err)
	}
	return h, body
}

func (p *peer) send(msg []byte) {
	p.t.Helper()
	if _, err := unix.Write(p.fd, msg); err != nil {
		p.t.Fatal(err)
	}
}

// out makes a message with a header.
func out(code int32, unique uint64, body []byte) []byte {
	return append(appendStruct(nil, OutHeader{uint32(OutHeaderSize + len(body)), code, unique}), body...)
}

// start returns a kernel that nobody checks, and its peer.
func start(t *testing.T) (*Kernel, *peer) {
	t.Helper()
	k, fd, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k, newPeer(t, fd)
}

func TestKernel_RepliesInAnyOrder(t *testing.T) {
	k, p := start(t)
	a, b := Lookup(1, "a"), Lookup(1, "b")
	for _, r := range []*Request{a, b} {
		if err := k.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	h1, body := p.request()
	h2, _ := p.request()
	if h1.Opcode != OpLookup || h1.Unique != a.Unique || h1.Len != 42 || string(body) != "a\x00" {
		t.Errorf("first request: got %+v %q", h1, body)
	}
	p.send(out(-int32(unix.ENOENT), h2.Unique, nil))
	p.send(out(0, h1.Unique, []byte("hello")))
	ra, err := k.Reply(a.Unique)
	if err != nil || ra.Errno != 0 || string(ra.Body) != "hello" || ra.Op != OpLookup {
		t.Errorf("first reply: got %v, %v", ra, err)
	}
	rb, err := k.Reply(b.Unique)
	if err != nil || rb.Errno != unix.ENOENT || !errors.Is(rb.Err(), unix.ENOENT) {
		t.Errorf("second reply: got %v, %v", rb, err)
	}
	if got := k.Unanswered(); got != nil {
		t.Errorf("unanswered: got %v", got)
	}
	if got := k.Violations(); got != nil {
		t.Errorf("violations: got %v", got)
	}
}

func TestKernel_NotificationsAmongReplies(t *testing.T) {
	k, p := start(t)
	r := Statfs(1)
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	h, _ := p.request()
	p.send(out(int32(NotifyInvalEntry), 0, cat(u64(1), u32(3, 1), []byte("abc\x00"))))
	p.send(out(int32(NotifyPoll), 0, u64(77)))
	p.send(out(-int32(unix.EIO), h.Unique, nil))
	if reply, err := k.Reply(r.Unique); err != nil || reply.Errno != unix.EIO {
		t.Errorf("reply: got %v, %v", reply, err)
	}
	n, err := k.Notification(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	inval, name, err := n.InvalEntry()
	if err != nil || inval != (InvalEntryOut{1, 3, ExpireOnly}) || name != "abc" {
		t.Errorf("notification: got %+v %q, %v", inval, name, err)
	}
	if n, err = k.Notification(time.Second); err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.Delete(); err == nil {
		t.Error("a poll notification was read as delete")
	}
	if w, err := n.Poll(); err != nil || w.Kh != 77 {
		t.Errorf("poll: got %v, %v", w, err)
	}
	if _, err := k.Notification(time.Millisecond); err == nil || !strings.Contains(err.Error(), "none within") {
		t.Errorf("third notification: got error %v", err)
	}
}

func TestKernel_Deadline(t *testing.T) {
	k, _ := start(t)
	k.Timeout = time.Millisecond
	r := Lookup(1, "a")
	if _, err := k.Call(r); err == nil || !strings.Contains(err.Error(), "FUSE_LOOKUP 2: none within 1ms") {
		t.Errorf("got error %v", err)
	}
	if got := k.Unanswered(); !reflect.DeepEqual(got, []uint64{r.Unique}) {
		t.Errorf("unanswered: got %v, want [%d]", got, r.Unique)
	}
	if _, err := k.Reply(99); err == nil || !strings.Contains(err.Error(), "no such request") {
		t.Errorf("unknown request: got error %v", err)
	}
	if _, err := k.Call(Forget(1, 1)); err == nil {
		t.Error("a forget was called")
	}
}

func TestKernel_ServerGone(t *testing.T) {
	k, fd, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close() }()
	r := Lookup(1, "a")
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Reply(r.Unique); !errors.Is(err, errServerClosed) {
		t.Errorf("reply: got error %v, want %v", err, errServerClosed)
	}
	if _, err := k.Notification(time.Minute); !errors.Is(err, errServerClosed) {
		t.Errorf("notification: got error %v, want %v", err, errServerClosed)
	}
	if err := k.Send(Lookup(1, "b")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("send: got error %v, want EPIPE", err)
	}
	select {
	case <-k.Done():
	case <-time.After(time.Second):
		t.Error("Done is not closed")
	}
}

func TestKernel_CloseEndsTheServersRead(t *testing.T) {
	k, p := start(t)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Read(p.fd, make([]byte, 100)); n != 0 || err != nil {
		t.Errorf("read: got %d, %v, want 0, nil", n, err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestKernel_Violations(t *testing.T) {
	tests := []struct {
		name string
		msg  func(unique uint64) []byte
		want string
	}{
		{"short", func(uint64) []byte { return []byte("short") }, "message too short"},
		{"length", func(u uint64) []byte { return append(out(0, u, nil), 1) }, "message of 17 bytes has 16"},
		{"positive error", func(u uint64) []byte { return out(2, u, nil) }, "error 2 is out of range"},
		{"errno range", func(u uint64) []byte { return out(-512, u, nil) }, "error -512 is out of range"},
		{"error and body", func(u uint64) []byte { return out(-2, u, []byte("x")) }, "error -2 with a body"},
		{"unknown", func(uint64) []byte { return out(0, 999, nil) }, "reply to 999: no such request"},
		{"notification", func(uint64) []byte { return out(10, 0, nil) }, "unknown notification 10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, p := start(t)
			r := Lookup(1, "a")
			if err := k.Send(r); err != nil {
				t.Fatal(err)
			}
			h, _ := p.request()
			p.send(tt.msg(h.Unique))
			p.send(out(0, h.Unique, nil))
			if _, err := k.Reply(r.Unique); err != nil {
				t.Errorf("the right reply afterwards: %v", err)
			}
			err := k.Close()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got violations %v, want %q", err, tt.want)
			}
		})
	}
}

func TestKernel_SecondReplyAndReplyToForget(t *testing.T) {
	k, p := start(t)
	r, f := Lookup(1, "a"), Forget(1, 1)
	for _, r := range []*Request{r, f} {
		if err := k.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	p.send(out(0, r.Unique, nil))
	p.send(out(0, r.Unique, nil))
	p.send(out(0, f.Unique, nil))
	if !waitFor(time.Second, func() bool { return len(k.Violations()) == 2 }) {
		t.Fatalf("violations: got %v, want 2", k.Violations())
	}
	got := errors.Join(k.Violations()...).Error()
	for _, want := range []string{"FUSE_LOOKUP 2: second one", "FUSE_FORGET 4: it has none"} {
		if !strings.Contains(got, want) {
			t.Errorf("violations: got %q, want %q", got, want)
		}
	}
}

func TestKernel_RawMessages(t *testing.T) {
	k, p := start(t)
	if err := k.SendRaw([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := unix.Read(p.fd, buf); err != nil || string(buf[:n]) != "hi" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	if err := k.SendRaw(Lookup(1, "a").WithUnique(42).Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.TryReply(42); ok {
		t.Error("there is a reply already")
	}
	p.request()
	p.send(out(0, 42, nil))
	if r, err := k.Reply(42); err != nil || r.Op != OpLookup {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestKernel_BigMessages(t *testing.T) {
	k, p := start(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 16<<10/16*8) // 128 KiB: fits for every user
	w := Write(1, WriteIn{}, data)
	if err := k.Send(w); err != nil {
		t.Fatal(err)
	}
	if _, body := p.request(); !bytes.Equal(body[40:], data) {
		t.Error("the data of a write has changed on the way")
	}
	p.send(out(0, w.Unique, data))
	if r, err := k.Reply(w.Unique); err != nil || !bytes.Equal(r.Body, data) {
		t.Errorf("reply: got %v, %v", r, err)
	}
}

// testServer answers INIT and LOOKUP.
type testServer struct {
	t      testing.TB
	fd     int
	closed bool
}

func (s *testServer) MountFD(fd int) error {
	s.fd = fd
	p := &peer{s.t, fd}
	h, _ := p.request()
	p.send(out(0, h.Unique, appendStruct(nil, InitOut{Major: 7, Minor: 31, MaxWrite: 4096, Flags: 1, Flags2: 2})))
	return nil
}

func (s *testServer) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = unix.Shutdown(s.fd, unix.SHUT_RD) })
	defer stop()
	buf := make([]byte, maxMessage)
	for {
		n, err := unix.Read(s.fd, buf)
		if n <= 0 {
			return errors.Join(err, ctx.Err())
		}
		h, _, err := decodePrefix[InHeader](buf[:n])
		if err != nil {
			return err
		}
		if _, err := unix.Write(s.fd, out(-int32(unix.ENOENT), h.Unique, nil)); err != nil {
			return err
		}
	}
}

func (s *testServer) Close() error {
	s.closed = true
	return unix.Close(s.fd)
}

func TestServe_HandshakeCallsEnd(t *testing.T) {
	CheckLeaks(t)
	s := &testServer{t: t}
	k, err := Connect(s, DefaultInit())
	if err != nil {
		t.Fatal(err)
	}
	if k.Init.Minor != 31 || k.Init.MaxWrite != 4096 || k.Init.InitFlags() != InitAsyncRead|2<<32 {
		t.Errorf("INIT: got %+v", k.Init)
	}
	for range 3 {
		if r := k.MustCall(t, Lookup(1, "x")); r.Errno != syscall.ENOENT {
			t.Errorf("lookup: got %v", r)
		}
	}
	if err := k.Close(); err != nil || !s.closed {
		t.Errorf("close: got %v, server closed: %v", err, s.closed)
	}
	if err := k.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestParseInitOut_OldSizes(t *testing.T) {
	full := appendStruct(nil, InitOut{Major: 7, Minor: 4, MaxReadahead: 9, MaxWrite: 8, TimeGran: 1})
	for n, want := range map[int]InitOut{
		8:  {Major: 7, Minor: 4},
		24: {Major: 7, Minor: 4, MaxReadahead: 9, MaxWrite: 8},
		64: {Major: 7, Minor: 4, MaxReadahead: 9, MaxWrite: 8, TimeGran: 1},
	} {
		if got, err := ParseInitOut(full[:n]); err != nil || got != want {
			t.Errorf("%d bytes: got %+v, %v, want %+v", n, got, err, want)
		}
	}
	if _, err := ParseInitOut(full[:30]); err == nil {
		t.Error("30 bytes: no error")
	}
}
