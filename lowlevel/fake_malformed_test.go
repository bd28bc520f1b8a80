package lowlevel_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// strict serves ops that complain when any handler but Statfs is called.
func strict(t *testing.T) *fusetest.Served {
	return serve(t, allOps(func(field string, args []any) error {
		if field != "Statfs" {
			t.Errorf("handler %s was called with %v", field, args[1:])
		}
		return nil
	}))
}

// wantRefused checks that a malformed request is answered with an error, and the session goes on.
func wantRefused(t *testing.T, k *fusetest.Served, what string, r *fusetest.Request) {
	t.Helper()
	r.Unique = k.NextUnique()
	if err := k.SendRaw(r.Bytes()); err != nil {
		t.Fatal(err)
	}
	settle(t, k)
	if !r.Opcode.HasReply() {
		return // the Kernel takes an answer for a violation
	}
	got, ok := k.TryReply(r.Unique)
	if !ok {
		t.Errorf("%s: not answered", what)
		return
	}
	if got.Errno == 0 {
		t.Errorf("%s: answered %v, want an error", what, got)
	}
}

func TestFake_TruncatedRequests(t *testing.T) {
	k := strict(t)
	list := []*fusetest.Request{
		fusetest.Forget(1, 1), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 1, Nlookup: 2}), fusetest.Interrupt(7),
		fusetest.NotifyReply(9, 1, fusetest.NotifyRetrieveIn{}, []byte("data")),
	}
	for _, v := range validRequests() {
		if v.req.Opcode == fusetest.OpTmpfile { // what follows the struct counts for nothing
			v.req.Body = v.req.Body[:16]
		}
		list = append(list, v.req)
	}
	for _, r := range list {
		for n, cut := range r.Truncations() {
			wantRefused(t, k, fmt.Sprintf("%v cut to %d of %d", r.Opcode, n, len(r.Body)), cut)
		}
	}
}

func TestFake_LyingLengths(t *testing.T) {
	k := strict(t)
	for _, v := range validRequests() {
		n := uint32(len(v.req.Bytes()))
		for _, lie := range []uint32{0, 39, 40, n - 1, n + 1, n + 4096, math.MaxUint32} {
			if lie == n {
				continue
			}
			wantRefused(t, k, fmt.Sprintf("%v of %d bytes that claims %d", v.req.Opcode, n, lie), v.req.WithLen(lie))
		}
	}
}

func TestFake_ShortMessages(t *testing.T) {
	k := strict(t)
	msg := fusetest.Lookup(1, "name").WithUnique(1001).Bytes()
	for n := 1; n < fusetest.InHeaderSize; n++ {
		if err := k.SendRaw(msg[:n]); err != nil {
			t.Fatal(err)
		}
		settle(t, k)
	}
}

func TestFake_MalformedContent(t *testing.T) {
	k := strict(t)
	huge := uint32(math.MaxUint32)
	write := fusetest.WriteIn{Size: 5}
	tests := map[string]*fusetest.Request{
		"empty name":             fusetest.Lookup(1, ""),
		"name with slash":        fusetest.Lookup(1, "a/b"),
		"absolute name":          fusetest.Mkdir(1, fusetest.MkdirIn{}, "/etc"),
		"empty second name":      fusetest.Rename(1, 1, "a", ""),
		"slash in second name":   fusetest.Rename2(1, fusetest.Rename2In{}, "a", "b/c"),
		"no second name":         fusetest.Rename(1, 1, "a", "").WithBody(cat(u64(1), []byte("a\x00"))),
		"no target":              fusetest.Symlink(1, "a", "").WithBody([]byte("a\x00")),
		"unended target":         fusetest.Symlink(1, "a", "").WithBody([]byte("a\x00target")),
		"unended xattr name":     fusetest.Removexattr(1, "").WithBody([]byte("user.a")),
		"write beyond the data":  fusetest.Write(1, write, []byte("four")),
		"write of 4 GiB":         fusetest.Write(1, fusetest.WriteIn{Size: huge}, []byte("four")),
		"setxattr beyond":        fusetest.Setxattr(1, fusetest.SetxattrIn{Size: 6}, "n", []byte("value")),
		"setxattr of 4 GiB":      fusetest.Setxattr(1, fusetest.SetxattrIn{Size: huge}, "n", []byte("value")),
		"ioctl in beyond":        fusetest.Ioctl(1, fusetest.IoctlIn{InSize: 3}, []byte("in")),
		"ioctl in of 4 GiB":      fusetest.Ioctl(1, fusetest.IoctlIn{InSize: huge}, []byte("in")),
		"ioctl out of 4 GiB":     fusetest.Ioctl(1, fusetest.IoctlIn{OutSize: huge}, nil),
		"read of 4 GiB":          fusetest.Read(1, fusetest.ReadIn{Size: huge}),
		"readdir of 4 GiB":       fusetest.Readdir(1, fusetest.ReadIn{Size: huge}),
		"getxattr of 4 GiB":      fusetest.Getxattr(1, fusetest.GetxattrIn{Size: huge}, "n"),
		"batch forget beyond":    fusetest.BatchForget().WithBody(cat(u32(2, 0), u64(1, 1), u64(2))),
		"batch forget of 4 Gi":   fusetest.BatchForget().WithBody(cat(u32(huge, 0), u64(1, 1))),
		"notify reply beyond":    fusetest.NotifyReply(1, 1, fusetest.NotifyRetrieveIn{Size: 9}, []byte("data")),
		"notify reply of nobody": fusetest.NotifyReply(1, 1, fusetest.NotifyRetrieveIn{}, []byte("data")),
		"second INIT":            fusetest.DefaultInit().Request(),
		"CUSE_INIT":              fusetest.NewRequest(fusetest.OpCuseInit, 0, make([]byte, 16)),
	}
	for name, r := range tests {
		wantRefused(t, k, name, r)
	}
}

func TestFake_UnknownOpcodes(t *testing.T) {
	k := strict(t)
	list := []fusetest.Opcode{0, 7, 19, fusetest.OpSetupmapping, fusetest.OpRemovemapping, 4095, 4097, 1 << 20, 1 << 31, math.MaxUint32}
	for op := fusetest.Opcode(54); op < 300; op++ {
		list = append(list, op)
	}
	for _, op := range list {
		for _, n := range []int{0, 8, 200} {
			r := k.MustCall(t, fusetest.NewRequest(op, 1, make([]byte, n)))
			wantBytes(t, op.String(), r.Bytes(), errMessage(r.Unique, unix.ENOSYS))
		}
	}
}

// TestFake_BeforeInit: what comes before INIT is answered EIO, and INIT is still waited for.
func TestFake_BeforeInit(t *testing.T) {
	s := newSession(t, allOps(func(field string, _ []any) error {
		t.Errorf("handler %s was called", field)
		return nil
	}), lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	mounted := make(chan error, 1)
	go func() { mounted <- s.MountFD(fd) }()
	for _, v := range validRequests() {
		r := k.MustCall(t, v.req)
		wantBytes(t, v.String(), r.Bytes(), errMessage(r.Unique, unix.EIO))
	}
	for _, cut := range fusetest.Write(1, fusetest.WriteIn{}, []byte("data")).Truncations() {
		if r := k.MustCall(t, cut); r.Errno != unix.EIO {
			t.Errorf("malformed: got %v", r)
		}
	}
	for _, r := range []*fusetest.Request{fusetest.Forget(1, 1), fusetest.BatchForget(), fusetest.Interrupt(1)} {
		if err := k.SendRaw(r.WithUnique(k.NextUnique()).Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.SendRaw([]byte("short")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-mounted:
		t.Fatalf("MountFD has returned before INIT: %v", err)
	default:
	}
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.InitReply(); err != nil {
		t.Fatal(err)
	}
	if err := <-mounted; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFake_CloseBeforeInit(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, &lowlevel.Ops{Destroy: func() { t.Error("Destroy without Init") }}, lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	mounted := make(chan error, 1)
	go func() { mounted <- s.MountFD(fd) }()
	k.MustCall(t, fusetest.Statfs(1)) // MountFD is at it
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-mounted; !errors.Is(err, lowlevel.ErrClosed) {
		t.Errorf("MountFD: got %v, want ErrClosed", err)
	}
}

func TestFake_KernelGoneBeforeInit(t *testing.T) {
	fusetest.CheckLeaks(t)
	s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("MountFD: got %v, want ENOTCONN", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFake_DestroyRequest: DESTROY is answered, and Destroy is called once.
func TestFake_DestroyRequest(t *testing.T) {
	calls := make(chan struct{}, 10)
	k := serve(t, &lowlevel.Ops{Destroy: func() { calls <- struct{}{} }})
	r := k.MustCall(t, fusetest.Destroy())
	wantBytes(t, "reply", r.Bytes(), okMessage(r.Unique, nil))
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if len(calls) != 1 {
		t.Errorf("Destroy was called %d times, want once", len(calls))
	}
}

// TestFake_UniqueZero: such a request cannot be answered: the answer would be a notification.
func TestFake_UniqueZero(t *testing.T) {
	k := serve(t, allOps(func(string, []any) error { return unix.EPERM }))
	zero := fusetest.Lookup(1, "n")
	if err := k.SendRaw(zero.Bytes()); err != nil {
		t.Fatal(err)
	}
	settle(t, k)
	k.MustCall(t, fusetest.Lookup(1, "n"))
	if n, err := k.Notification(10 * time.Millisecond); err == nil {
		t.Errorf("got %v", n)
	}
}

// TestFake_ExtensionsAreIgnored: what may follow a request since protocol 7.38.
func TestFake_ExtensionsAreIgnored(t *testing.T) {
	rec := newRecorder(t)
	k := serve(t, allOps(func(field string, args []any) error {
		rec.note(append([]any{field}, args[1:]...)...)
		return nil
	}))
	for _, tt := range nameCases() {
		switch tt.name {
		case "mknod", "mkdir", "symlink", "create":
			req := tt.req.Clone().WithExtension(fusetest.ExtGroups, u32(2, 10, 20))
			if r := k.MustCall(t, req); r.Errno != 0 {
				t.Errorf("%s: got %v", tt.name, r)
			}
			wantArgs(t, rec.next(), append([]any{tt.field}, slices.Clone(tt.want)...)...)
		}
	}
}
