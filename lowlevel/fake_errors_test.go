package lowlevel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// errnoCases are errors of handlers and the errnos that are sent for them.
var errnoCases = []struct {
	err  error
	want unix.Errno
}{
	{unix.EPERM, unix.EPERM},
	{unix.Errno(0), unix.EIO}, // no error is nil
	{unix.ENOSYS, unix.ENOSYS},
	{unix.Errno(133), 133},
	{unix.Errno(511), 511},
	{unix.Errno(512), unix.EIO},
	{unix.Errno(524), unix.EOPNOTSUPP},
	{unix.Errno(999), unix.EIO},
	{unix.Errno(1000), unix.EIO},
	{unix.Errno(1 << 31), unix.EIO},
	{^unix.Errno(0), unix.EIO}, // a negative number in disguise
	{fmt.Errorf("wrapped: %w", unix.ENOTEMPTY), unix.ENOTEMPTY},
	{&os.PathError{Op: "open", Path: "x", Err: unix.ELOOP}, unix.ELOOP},
	{errors.Join(errors.New("x"), unix.EXDEV), unix.EXDEV},
	{context.Canceled, unix.EINTR},
	{context.DeadlineExceeded, unix.ETIMEDOUT},
	{os.ErrDeadlineExceeded, unix.ETIMEDOUT},
	{fs.ErrNotExist, unix.ENOENT},
	{fs.ErrExist, unix.EEXIST},
	{fs.ErrPermission, unix.EACCES},
	{fs.ErrInvalid, unix.EINVAL},
	{fs.ErrClosed, unix.EBADF},
	{errors.ErrUnsupported, unix.EOPNOTSUPP},
	{io.ErrUnexpectedEOF, unix.EIO},
	{errors.New("anything"), unix.EIO},
	{io.EOF, unix.EIO},
}

func TestFake_ErrnoTable(t *testing.T) {
	var err error
	replies := make(chan reply, 1)
	cfg, _ := quiet()
	k := serveConfig(t, &lowlevel.Ops{
		Lookup: func(request, ino, string) (lowlevel.EntryParam, error) { return someEntry, err },
		Unlink: func(r request, _ ino, _ string) error {
			replies <- r.Detach()
			return nil
		},
	}, cfg)
	for _, tt := range errnoCases {
		if tt.want == 511 && lowlevel.HeaderVersion() >= 316 {
			tt.want = unix.ERANGE // libfuse: the C library has no name for it
		}
		err = tt.err
		r := k.MustCall(t, fusetest.Lookup(1, "n"))
		wantBytes(t, fmt.Sprintf("%#v", tt.err), r.Bytes(), errMessage(r.Unique, tt.want))

		req := fusetest.Unlink(1, "n")
		if err := k.Send(req); err != nil {
			t.Fatal(err)
		}
		if err := (<-replies).Err(tt.err); err != nil {
			t.Errorf("reply: %v", err)
		}
		r, err := k.Reply(req.Unique)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, fmt.Sprintf("detached %#v", tt.err), r.Bytes(), errMessage(r.Unique, tt.want))
	}
}

func TestFake_ErrorsOfEveryOp(t *testing.T) {
	k := serve(t, allOps(func(string, []any) error { return unix.EDQUOT }))
	for _, v := range validRequests() {
		want := unix.EDQUOT
		if !v.here() {
			want = unix.ENOSYS
		}
		r := k.MustCall(t, v.req)
		wantBytes(t, v.String(), r.Bytes(), errMessage(r.Unique, want))
	}
}

// logBuffer is a slog handler's output.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.buf.String()
	b.buf.Reset()
	return s
}

// quiet is a Config for sessions that have something to complain about.
func quiet() (lowlevel.Config, *logBuffer) {
	log := &logBuffer{}
	return lowlevel.Config{SingleThread: true, Logger: slog.New(slog.NewTextHandler(log, nil))}, log
}

func TestFake_PanicsOfEveryOp(t *testing.T) {
	cfg, log := quiet()
	k := serveConfig(t, allOps(func(field string, _ []any) error { panic("in " + field) }), cfg)
	for _, v := range validRequests() {
		if !v.here() {
			continue
		}
		r := k.MustCall(t, v.req)
		wantBytes(t, v.String(), r.Bytes(), errMessage(r.Unique, unix.EIO))
		if text := log.take(); !strings.Contains(text, "in "+v.field) || !strings.Contains(text, "fake_errors_test.go") {
			t.Errorf("%v: log: got %q, want the panic and its stack", v, text)
		}
	}
	for _, r := range []*fusetest.Request{fusetest.Forget(1, 1), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 1, Nlookup: 1})} {
		if err := k.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	k.MustCall(t, fusetest.Statfs(1)) // and there is no answer to a forget: see Violations
}

func TestFake_RuntimeErrorsArePanics(t *testing.T) {
	cfg, _ := quiet()
	var nothing any
	k := serveConfig(t, &lowlevel.Ops{
		Lookup: func(_ request, _ ino, name string) (lowlevel.EntryParam, error) {
			return lowlevel.EntryParam{Ino: lowlevel.Ino(name[len(name)])}, nil // out of range
		},
		Unlink: func(request, ino, string) error { panic(nothing) },
	}, cfg)
	for _, r := range []*fusetest.Request{fusetest.Lookup(1, "n"), fusetest.Unlink(1, "n")} {
		reply := k.MustCall(t, r)
		wantBytes(t, r.Opcode.String(), reply.Bytes(), errMessage(reply.Unique, unix.EIO))
	}
}

func TestFake_PanicAfterDetach(t *testing.T) {
	cfg, _ := quiet()
	replies := make(chan reply, 1)
	k := serveConfig(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		replies <- r.Detach()
		panic("after Detach")
	}}, cfg)
	req := fusetest.Unlink(1, "n")
	if err := k.Send(req); err != nil {
		t.Fatal(err)
	}
	// Either the panic is the reply, or it is left to who has the Reply: but there is exactly one.
	err := (<-replies).Err(unix.EBUSY)
	if err != nil && !errors.Is(err, lowlevel.ErrReplied) {
		t.Errorf("reply: got %v", err)
	}
	want := unix.EBUSY
	if err != nil {
		want = unix.EIO
	}
	r, err := k.Reply(req.Unique)
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "reply", r.Bytes(), errMessage(r.Unique, want))
}

func TestFake_SecondReplyIsRefused(t *testing.T) {
	replies := make(chan reply, 1)
	k := serve(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		a, b := r.Detach(), r.Detach()
		if a != b {
			t.Error("Detach returned two Replies")
		}
		replies <- a
		return unix.EPERM
	}})
	r := fusetest.Unlink(1, "n")
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	rep := <-replies
	var wg sync.WaitGroup
	var mu sync.Mutex
	sent := 0
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := rep.Err(unix.EBUSY)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				sent++
			case !errors.Is(err, lowlevel.ErrReplied):
				t.Errorf("got %v, want ErrReplied", err)
			}
		}()
	}
	wg.Wait()
	if sent != 1 {
		t.Errorf("%d replies were sent, want 1", sent)
	}
	got, err := k.Reply(r.Unique)
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "reply", got.Bytes(), errMessage(r.Unique, unix.EBUSY))
}

func TestFake_WrongReplyIsRefused(t *testing.T) {
	replies := make(chan reply, 1)
	k := serve(t, allOps(func(_ string, args []any) error {
		replies <- args[0].(request).Detach()
		return nil
	}))
	kinds := map[string]func(reply) error{
		"entry":    func(r reply) error { return r.Entry(&someEntry) },
		"create":   func(r reply) error { return r.Create(&someEntry, &someFile) },
		"attr":     func(r reply) error { return r.Attr(&someStat, 0) },
		"open":     func(r reply) error { return r.Open(&someFile) },
		"write":    func(r reply) error { return r.Write(1) },
		"buf":      func(r reply) error { return r.Buf([]byte("x")) },
		"readlink": func(r reply) error { return r.Readlink("x") },
		"statfs":   func(r reply) error { return r.Statfs(&someStatfs) },
		"xattr":    func(r reply) error { return r.Xattr(1) },
		"lock":     func(r reply) error { return r.Lock(&lowlevel.FileLock{}) },
		"bmap":     func(r reply) error { return r.Bmap(1) },
		"ioctl":    func(r reply) error { return r.Ioctl(0, nil) },
		"poll":     func(r reply) error { return r.Poll(1) },
		"lseek":    func(r reply) error { return r.Lseek(1) },
		"none":     func(r reply) error { return r.None() },
	}
	for _, v := range []valid{{"Unlink", fusetest.Unlink(1, "n"), 0}, {"Setxattr", fusetest.Setxattr(1, fusetest.SetxattrIn{}, "n", nil), 0}} {
		if err := k.Send(v.req); err != nil {
			t.Fatal(err)
		}
		rep := <-replies
		for name, send := range kinds {
			if err := send(rep); !errors.Is(err, lowlevel.ErrWrongReply) {
				t.Errorf("%v answered by %s: got %v, want ErrWrongReply", v, name, err)
			}
		}
		if err := rep.Err(nil); err != nil {
			t.Errorf("%v: the right reply afterwards: %v", v, err)
		}
		r, err := k.Reply(v.req.Unique)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, v.String(), r.Bytes(), okMessage(r.Unique, nil))
	}
}

func TestFake_DroppedReplyIsAnswered(t *testing.T) {
	cfg, log := quiet()
	k := serveConfig(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		r.Detach()
		return nil
	}}, cfg)
	r := fusetest.Unlink(1, "n")
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	settle(t, k)
	var got fusetest.Reply
	fusetest.Eventually(t, 10*time.Second, "a reply for one that was dropped", func() bool {
		runtime.GC()
		var ok bool
		got, ok = k.TryReply(r.Unique)
		return ok
	})
	wantBytes(t, "reply", got.Bytes(), errMessage(r.Unique, unix.EIO))
	fusetest.Eventually(t, 10*time.Second, "a log of it", func() bool { return strings.Contains(log.take(), "unlink") })
}

func TestFake_BadResultsAreEIO(t *testing.T) {
	cfg, _ := quiet()
	n := 0
	k := serveConfig(t, &lowlevel.Ops{
		Read:     func(request, ino, []byte, int64, file) (int, error) { return n, nil },
		Write:    func(request, ino, []byte, int64, file) (int, error) { return n, nil },
		Readlink: func(request, ino) (string, error) { return strings.Repeat("x", n), nil },
		Readdir: func(_ request, _ ino, dst *lowlevel.DirBuf, _ int64, _ file) error {
			dst.Add([]string{"good", "", "sl/ash", "nul\x00", strings.Repeat("x", lowlevel.NameMax+1)}[n], &lowlevel.Stat{Ino: 1}, 1)
			return nil
		},
		Statfs: func(request, ino) (lowlevel.Statfs, error) { return lowlevel.Statfs{}, nil },
	}, cfg)
	check := func(r *fusetest.Request, values ...int) {
		t.Helper()
		for _, n = range values {
			got := k.MustCall(t, r.Clone())
			wantBytes(t, fmt.Sprintf("%v with %d", r.Opcode, n), got.Bytes(), errMessage(got.Unique, unix.EIO))
		}
	}
	check(fusetest.Read(1, fusetest.ReadIn{Size: 10}), 11, -1)
	check(fusetest.Write(1, fusetest.WriteIn{}, []byte("abc")), 4, -1)
	check(fusetest.Readlink(1), 4096, 1<<20)
	check(fusetest.Readdir(1, fusetest.ReadIn{Size: 4096}), 1, 2, 3, 4)
	n = 4095
	if got := k.MustCall(t, fusetest.Readlink(1)); len(got.Body) != 4095 {
		t.Errorf("a link target of 4095 bytes: got %v", got)
	}
}

func TestFake_XattrSizes(t *testing.T) {
	value := []byte("value")
	k := serve(t, &lowlevel.Ops{
		Getxattr: func(_ request, _ ino, name string, dst []byte) (int, error) {
			if name == "length" { // the other way to say that it does not fit
				return len(value), nil
			}
			return lowlevel.XattrValue(dst, value)
		},
		Listxattr: func(_ request, _ ino, dst []byte) (int, error) { return lowlevel.XattrValue(dst, value) },
	})
	for _, name := range []string{"error", "length"} {
		r := k.MustCall(t, fusetest.Getxattr(1, fusetest.GetxattrIn{Size: 4}, name))
		wantBytes(t, "too small: "+name, r.Bytes(), errMessage(r.Unique, unix.ERANGE))
	}
	r := k.MustCall(t, fusetest.Listxattr(1, fusetest.GetxattrIn{Size: 4}))
	wantBytes(t, "listxattr too small", r.Bytes(), errMessage(r.Unique, unix.ERANGE))
	r = k.MustCall(t, fusetest.Listxattr(1, fusetest.GetxattrIn{Size: 5}))
	wantBytes(t, "listxattr", r.Bytes(), okMessage(r.Unique, value))
}

func TestFake_AfterReplyRunsOnceTheReplyHasLeft(t *testing.T) {
	ran := make(chan string, 4)
	replies := make(chan reply, 1)
	k := serve(t, &lowlevel.Ops{
		Lookup: func(r request, _ ino, _ string) (lowlevel.EntryParam, error) {
			r.AfterReply(func() { ran <- "lookup" })
			return lowlevel.EntryParam{}, unix.ENOENT
		},
		Unlink: func(r request, _ ino, _ string) error {
			r.AfterReply(func() { ran <- "before Detach" })
			rep := r.Detach()
			r.AfterReply(func() { ran <- "after Detach" })
			rep.AfterReply(func() { ran <- "of Reply" })
			replies <- rep
			return nil
		},
		Forget: func(r request, _ ino, _ uint64) { r.AfterReply(func() { ran <- "forget" }) },
	})
	wait := func() string {
		t.Helper()
		select {
		case s := <-ran:
			return s
		case <-time.After(10 * time.Second):
			t.Fatal("not run")
			return ""
		}
	}
	k.MustCall(t, fusetest.Lookup(1, "n"))
	if got := wait(); got != "lookup" {
		t.Errorf("got %q", got)
	}
	if err := k.Send(fusetest.Forget(1, 1)); err != nil {
		t.Fatal(err)
	}
	if got := wait(); got != "forget" {
		t.Errorf("got %q", got)
	}
	r := fusetest.Unlink(1, "n")
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	rep := <-replies
	settle(t, k)
	select {
	case s := <-ran:
		t.Errorf("%q ran before the reply", s)
	default:
	}
	if err := rep.Err(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Reply(r.Unique); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{wait(): true, wait(): true, wait(): true}
	if len(got) != 3 {
		t.Errorf("got %v, want all three", got)
	}
}

func TestFake_ReplyAfterClose(t *testing.T) {
	replies := make(chan reply, 1)
	cfg := lowlevel.Config{SingleThread: true, DrainTimeout: 500 * time.Millisecond}
	k := serveConfig(t, &lowlevel.Ops{Unlink: func(r request, _ ino, _ string) error {
		replies <- r.Detach()
		return nil
	}}, cfg)
	r := fusetest.Unlink(1, "n")
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	rep := <-replies
	ctx := rep.Context()
	if ctx.Err() != nil {
		t.Errorf("context: got %v before the end", ctx.Err())
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := rep.Err(nil); !errors.Is(err, lowlevel.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if cause := context.Cause(ctx); !errors.Is(cause, lowlevel.ErrShutdown) {
		t.Errorf("context: got cause %v, want ErrShutdown", cause)
	}
	got, ok := k.TryReply(r.Unique)
	if !ok {
		t.Fatal("Close has left a request unanswered")
	}
	wantBytes(t, "reply", got.Bytes(), errMessage(r.Unique, unix.EIO))
}
