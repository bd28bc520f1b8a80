package lowlevel_test

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// TestFake_NilOps: a handler that is not set leaves libfuse's own answer.
func TestFake_NilOps(t *testing.T) {
	success := map[fusetest.Opcode][]byte{
		fusetest.OpOpen:       zeros(16),
		fusetest.OpOpendir:    zeros(16),
		fusetest.OpRelease:    nil,
		fusetest.OpReleasedir: nil,
		fusetest.OpStatfs:     cat(u64(0, 0, 0, 0, 0), u32(512, 255), zeros(32)),
	}
	k := serve(t, &lowlevel.Ops{})
	for _, v := range validRequests() {
		r := k.MustCall(t, v.req)
		want := errMessage(r.Unique, unix.ENOSYS)
		if body, ok := success[v.req.Opcode]; ok {
			want = okMessage(r.Unique, body)
		}
		wantBytes(t, v.String(), r.Bytes(), want)
	}
	for _, r := range []*fusetest.Request{
		fusetest.Forget(1, 1),
		fusetest.BatchForget(fusetest.ForgetOne{NodeID: 1, Nlookup: 1}, fusetest.ForgetOne{NodeID: 2, Nlookup: 1}),
	} {
		if err := k.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, k)
}

// TestFake_IoctlOfDirectoryWithoutCapability is libfuse's own answer, too.
func TestFake_IoctlOfDirectoryWithoutCapability(t *testing.T) {
	ops := ioctlOps(func([]byte) lowlevel.IoctlReply { return lowlevel.IoctlReply{Result: 1} })
	ops.Init = func(c *lowlevel.ConnInfo) { c.Disable(lowlevel.CapIoctlDir) }
	k := serve(t, &ops)
	r := k.MustCall(t, fusetest.Ioctl(1, fusetest.IoctlIn{Flags: fusetest.IoctlDir}, nil))
	wantBytes(t, "directory", r.Bytes(), errMessage(r.Unique, unix.ENOTTY))
	r = k.MustCall(t, fusetest.Ioctl(1, fusetest.IoctlIn{}, nil))
	wantBytes(t, "file", r.Bytes(), okMessage(r.Unique, u32(1, 0, 0, 0)))
}

// TestFake_OneHandlerDoesNotStandForAnother: each member is set by its own field.
func TestFake_OneHandlerDoesNotStandForAnother(t *testing.T) {
	for _, v := range validRequests() {
		if !v.here() {
			continue
		}
		ops := &lowlevel.Ops{}
		*ops = *allOps(func(field string, _ []any) error {
			if field != v.field {
				t.Errorf("%v: handler %s was called", v, field)
			}
			return unix.EDQUOT
		})
		only := keepOnly(ops, v.field)
		k := serve(t, only)
		r := k.MustCall(t, v.req)
		wantBytes(t, v.String(), r.Bytes(), errMessage(r.Unique, unix.EDQUOT))
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		k = serve(t, clearOne(ops, v.field))
		r = k.MustCall(t, v.req)
		if r.Errno == unix.EDQUOT {
			t.Errorf("%v: answered by another handler", v)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFake_WriteFallbacks: which of two handlers answers where both could.
func TestFake_WriteFallbacks(t *testing.T) {
	k := serve(t, &lowlevel.Ops{Write: func(_ request, _ ino, data []byte, _ int64, _ file) (int, error) { return len(data), nil }})
	r := k.MustCall(t, fusetest.Write(1, fusetest.WriteIn{}, []byte("data")))
	wantBytes(t, "Write alone", r.Bytes(), okMessage(r.Unique, u32(4, 0)))

	k = serve(t, &lowlevel.Ops{
		Read: func(_ request, _ ino, dst []byte, _ int64, _ file) (int, error) { return copy(dst, "Read"), nil },
		ReadBuf: func(request, ino, int, int64, file) (lowlevel.BufVec, error) {
			return lowlevel.BufMem([]byte("ReadBuf")), nil
		},
	})
	r = k.MustCall(t, fusetest.Read(1, fusetest.ReadIn{Size: 10}))
	wantBytes(t, "Read and ReadBuf", r.Bytes(), okMessage(r.Unique, []byte("Read")))
}
