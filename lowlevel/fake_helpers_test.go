package lowlevel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// serve serves ops to a fake kernel, on one thread: requests are answered in the order in which they were sent.
func serve(t testing.TB, ops *lowlevel.Ops) *fusetest.Served {
	t.Helper()
	return serveConfig(t, ops, lowlevel.Config{SingleThread: true})
}

func serveConfig(t testing.TB, ops *lowlevel.Ops, cfg lowlevel.Config) *fusetest.Served {
	t.Helper()
	return fusetest.Start(t, newSession(t, ops, cfg))
}

func newSession(t testing.TB, ops *lowlevel.Ops, cfg lowlevel.Config) *lowlevel.Session {
	t.Helper()
	s, err := lowlevel.New(ops, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// u64 and u32 put numbers together as C does.
func u64(ns ...uint64) (b []byte) {
	for _, n := range ns {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return b
}

func u32(ns ...uint32) (b []byte) {
	for _, n := range ns {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	return b
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func zeros(n int) []byte { return make([]byte, n) }

// okMessage and errMessage are whole replies.
func okMessage(unique uint64, body []byte) []byte {
	return cat(u32(uint32(16+len(body)), 0), u64(unique), body)
}

func errMessage(unique uint64, errno unix.Errno) []byte {
	return cat(u32(16, uint32(-int32(errno))), u64(unique))
}

func wantBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\ngot  %x\nwant %x", what, got, want)
	}
}

// since skips what the installed libfuse does not have.
func since(t *testing.T, version int) {
	t.Helper()
	if v := lowlevel.HeaderVersion(); v < version {
		t.Skipf("needs libfuse %d.%d, has %d.%d", version/100, version%100, v/100, v%100)
	}
}

// valid is a well-formed request of each kind, and the member of Ops that gets it.
type valid struct {
	field string
	req   *fusetest.Request
	since int // the libfuse that knows it, 0 for all
}

func (v valid) String() string { return v.req.Opcode.String() + " to " + v.field }

// here reports whether the installed libfuse knows the request.
func (v valid) here() bool { return v.since <= lowlevel.HeaderVersion() }

// validRequests returns one request of each kind that the kernel waits for an answer to. The handler of "Init" and
// "Destroy" is not called by any of them.
func validRequests() []valid {
	lk := fusetest.LkIn{Fh: 1, Owner: 2, Lk: fusetest.FileLock{Start: 3, End: 4, Type: unix.F_WRLCK, PID: 5}}
	flock := lk
	flock.LkFlags = fusetest.LkFlock
	read := fusetest.ReadIn{Fh: 1, Size: 4096}
	return []valid{
		{"Lookup", fusetest.Lookup(1, "name"), 0},
		{"Getattr", fusetest.Getattr(1, fusetest.GetattrIn{}), 0},
		{"Setattr", fusetest.Setattr(1, fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o600}), 0},
		{"Readlink", fusetest.Readlink(1), 0},
		{"Mknod", fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFREG}, "name"), 0},
		{"Mkdir", fusetest.Mkdir(1, fusetest.MkdirIn{Mode: 0o755}, "name"), 0},
		{"Unlink", fusetest.Unlink(1, "name"), 0},
		{"Rmdir", fusetest.Rmdir(1, "name"), 0},
		{"Symlink", fusetest.Symlink(1, "name", "target"), 0},
		{"Rename", fusetest.Rename(1, 2, "old", "new"), 0},
		{"Rename", fusetest.Rename2(1, fusetest.Rename2In{Newdir: 2, Flags: 1}, "old", "new"), 0},
		{"Link", fusetest.Link(1, 2, "name"), 0},
		{"Open", fusetest.Open(1, fusetest.OpenIn{Flags: unix.O_RDWR}), 0},
		{"Read", fusetest.Read(1, read), 0},
		{"Write", fusetest.Write(1, fusetest.WriteIn{Fh: 1}, []byte("data")), 0},
		{"Flush", fusetest.Flush(1, fusetest.FlushIn{Fh: 1}), 0},
		{"Release", fusetest.Release(1, fusetest.ReleaseIn{Fh: 1}), 0},
		{"Fsync", fusetest.Fsync(1, fusetest.FsyncIn{Fh: 1}), 0},
		{"Opendir", fusetest.Opendir(1, fusetest.OpenIn{}), 0},
		{"Readdir", fusetest.Readdir(1, read), 0},
		{"Releasedir", fusetest.Releasedir(1, fusetest.ReleaseIn{Fh: 1}), 0},
		{"Fsyncdir", fusetest.Fsyncdir(1, fusetest.FsyncIn{Fh: 1}), 0},
		{"Statfs", fusetest.Statfs(1), 0},
		{"Setxattr", fusetest.Setxattr(1, fusetest.SetxattrIn{}, "user.a", []byte("value")), 0},
		{"Getxattr", fusetest.Getxattr(1, fusetest.GetxattrIn{Size: 100}, "user.a"), 0},
		{"Listxattr", fusetest.Listxattr(1, fusetest.GetxattrIn{Size: 100}), 0},
		{"Removexattr", fusetest.Removexattr(1, "user.a"), 0},
		{"Access", fusetest.Access(1, 4), 0},
		{"Create", fusetest.Create(1, fusetest.CreateIn{Mode: 0o644}, "name"), 0},
		{"Getlk", fusetest.Getlk(1, lk), 0},
		{"Setlk", fusetest.Setlk(1, lk), 0},
		{"Setlk", fusetest.Setlkw(1, lk), 0},
		{"Flock", fusetest.Setlk(1, flock), 0},
		{"Bmap", fusetest.Bmap(1, fusetest.BmapIn{Block: 1, Blocksize: 512}), 0},
		{"Ioctl", fusetest.Ioctl(1, fusetest.IoctlIn{Cmd: 1, OutSize: 8}, []byte("in")), 0},
		{"Poll", fusetest.Poll(1, fusetest.PollIn{Fh: 1, Events: unix.POLLIN}), 0},
		{"Fallocate", fusetest.Fallocate(1, fusetest.FallocateIn{Length: 10}), 0},
		{"Readdirplus", fusetest.Readdirplus(1, read), 0},
		{"CopyFileRange", fusetest.CopyFileRange(1, fusetest.CopyFileRangeIn{NodeIDOut: 2, Len: 10}), 0},
		{"Lseek", fusetest.Lseek(1, fusetest.LseekIn{Whence: unix.SEEK_DATA}), 0},
		{"Tmpfile", fusetest.Tmpfile(1, fusetest.CreateIn{Mode: 0o600}), 317},
		{"Statx", fusetest.Statx(1, fusetest.StatxIn{}), 318},
		{"Syncfs", fusetest.Syncfs(1), 319},
		{"CopyFileRange", fusetest.CopyFileRange64(1, fusetest.CopyFileRangeIn{NodeIDOut: 2, Len: 10}), 318},
	}
}

var errorType = reflect.TypeFor[error]()

// allOps returns Ops with every handler set but for Init and Destroy, and those that replace others (ReadBuf, WriteBuf,
// ForgetMulti). Each calls f with its name and arguments and returns zeros and f's error.
func allOps(f func(field string, args []any) error) *lowlevel.Ops {
	ops := &lowlevel.Ops{}
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch name {
		case "Init", "Destroy", "ReadBuf", "WriteBuf", "ForgetMulti":
			continue
		}
		setHandler(v.Field(i), func(args []any) error { return f(name, args) })
	}
	return ops
}

func setHandler(field reflect.Value, f func(args []any) error) {
	typ := field.Type()
	field.Set(reflect.MakeFunc(typ, func(in []reflect.Value) []reflect.Value {
		args := make([]any, len(in))
		for i := range in {
			args[i] = in[i].Interface()
		}
		err := f(args)
		out := make([]reflect.Value, typ.NumOut())
		for i := range out {
			out[i] = reflect.Zero(typ.Out(i))
			if typ.Out(i) == errorType && err != nil {
				out[i] = reflect.ValueOf(&err).Elem()
			}
		}
		return out
	}))
}

// recorder keeps what arrives in handlers.
type recorder struct {
	t   testing.TB
	got chan []any
}

func newRecorder(t testing.TB) *recorder { return &recorder{t, make(chan []any, 100)} }

// note keeps the values of args: pointers are borrowed.
func (r *recorder) note(args ...any) {
	vals := make([]any, len(args))
	for i, a := range args {
		vals[i] = value(a)
	}
	r.got <- vals
}

// value returns what a handler's argument holds, so that it can be kept.
func value(a any) any {
	switch a := a.(type) {
	case *lowlevel.FileInfo:
		if a == nil {
			return nil
		}
		return *a
	case *lowlevel.Stat:
		return *a
	case *lowlevel.FileLock:
		return *a
	case *lowlevel.Request:
		return caller{a.UID, a.GID, a.PID, a.Umask, a.Unique()}
	case []byte:
		return string(a)
	case []lowlevel.ForgetData:
		return append([]lowlevel.ForgetData(nil), a...)
	case *lowlevel.DirBuf, *lowlevel.DirPlusBuf:
		return "dir"
	case *lowlevel.PollHandle:
		return a != nil
	case lowlevel.BufVec:
		s := ""
		for _, b := range a {
			s += string(b.Mem)
		}
		return s
	}
	return a
}

// caller is what of a Request is to be checked.
type caller struct {
	uid, gid, pid, umask uint32
	unique               uint64
}

// next returns what arrived next.
func (r *recorder) next() []any {
	r.t.Helper()
	select {
	case vals := <-r.got:
		return vals
	case <-time.After(10 * time.Second):
		r.t.Fatal("no handler was called")
		return nil
	}
}

// none checks that nothing (more) has arrived.
func (r *recorder) none() {
	r.t.Helper()
	select {
	case vals := <-r.got:
		r.t.Errorf("a handler was called with %v", vals)
	default:
	}
}

// settle returns when the session, which has one thread, is done with everything sent before.
func settle(t testing.TB, k *fusetest.Served) {
	t.Helper()
	k.MustCall(t, fusetest.Statfs(1))
}

// wantArgs compares what arrived in a handler, but for the request.
func wantArgs(t testing.TB, got []any, want ...any) {
	t.Helper()
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w || !reflect.DeepEqual(got, want) {
		t.Errorf("arguments\ngot  %s\nwant %s", g, w)
	}
}

// keepOnly returns ops with one handler, clearOne with all but that one.
func keepOnly(ops *lowlevel.Ops, field string) *lowlevel.Ops {
	only := &lowlevel.Ops{}
	reflect.ValueOf(only).Elem().FieldByName(field).Set(reflect.ValueOf(ops).Elem().FieldByName(field))
	return only
}

func clearOne(ops *lowlevel.Ops, field string) *lowlevel.Ops {
	rest := *ops
	reflect.ValueOf(&rest).Elem().FieldByName(field).SetZero()
	return &rest
}

// address is where p is in memory.
func address(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }
