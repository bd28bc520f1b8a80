package lowlevel_test

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// The input of FuzzRequests: a byte that says how the session behaves, then messages, each with a byte that says what to put right in
// it, two bytes of length, and its own bytes.
const (
	fuzzHandlers  = 3 << 0 // how handlers answer: see fuzzOps
	fuzzWriteBuf  = 1 << 2 // WriteBuf instead of Write, and ForgetMulti instead of Forget
	fuzzEarly     = 1 << 3 // send the messages before INIT
	fuzzOldKernel = 1 << 4 // the kernel's protocol is 7.8
	fuzzMaxPages  = 1 << 5 // the kernel has InitMaxPages

	fixLen    = 1 << 0 // the header's length is the true one
	fixUnique = 1 << 1 // the request's number is a new one
	fixOpcode = 1 << 2 // the opcode is one that exists
)

// FuzzRequests sends any bytes to a session, in one message or several. Afterwards the session must still answer, and when it is
// closed nothing of it must be left.
func FuzzRequests(f *testing.F) {
	for _, seed := range fuzzSeeds() {
		f.Add(seed)
	}
	before := count()
	f.Fuzz(func(t *testing.T, input []byte) {
		how, messages := byte(0), [][]byte(nil)
		if len(input) > 0 {
			how, messages = input[0], splitInput(input[1:])
		}
		fuzzOnce(t, how, messages)
		before.compare(t)
	})
}

func splitInput(input []byte) [][]byte {
	var list [][]byte
	for unique := uint64(1 << 60); len(input) >= 3; unique -= 2 {
		fix, n := input[0], int(binary.LittleEndian.Uint16(input[1:]))
		input = input[3:]
		n = min(n, len(input))
		list = append(list, repair(append([]byte(nil), input[:n]...), fix, unique))
		input = input[n:]
	}
	return list
}

// repair makes a message right enough to get beyond the first check.
func repair(msg []byte, fix byte, unique uint64) []byte {
	if len(msg) < fusetest.InHeaderSize {
		return msg
	}
	if fix&fixLen != 0 {
		binary.NativeEndian.PutUint32(msg, uint32(len(msg)))
	}
	if fix&fixOpcode != 0 {
		binary.NativeEndian.PutUint32(msg[4:], binary.NativeEndian.Uint32(msg[4:])%54)
	}
	if fix&fixUnique != 0 {
		binary.NativeEndian.PutUint64(msg[8:], unique)
	}
	return msg
}

// fuzzOnce serves a session and sends the messages to it.
func fuzzOnce(t *testing.T, how byte, messages [][]byte) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) // of the panics that handlers make
	s := newSession(t, fuzzOps(how), lowlevel.Config{Logger: log, DrainTimeout: 20 * time.Second})
	k, fd, err := fusetest.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = k.Close() }() // violations are what can be expected here
	p := fusetest.DefaultInit()
	if how&fuzzOldKernel != 0 {
		p.Minor = 8
	}
	if how&fuzzMaxPages != 0 {
		p.Flags |= fusetest.InitMaxPages
	}
	if how&fuzzEarly != 0 {
		sendAll(t, k, messages)
	}
	if err := k.SendInit(p); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	if how&fuzzEarly == 0 {
		sendAll(t, k, messages)
	}
	probe(t, k, unused(messages), hasDestroy(messages))
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("Close took %v: a request was left", d)
	}
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve has not returned")
	}
}

func sendAll(t *testing.T, k *fusetest.Kernel, messages [][]byte) {
	for _, msg := range messages {
		if len(msg) == 0 {
			continue // that is the end of the connection
		}
		if err := k.SendRaw(msg); err != nil {
			t.Fatalf("send %x: %v", msg, err)
		}
	}
}

// unused returns a number that no message has.
func unused(messages [][]byte) uint64 {
	used := make(map[uint64]bool)
	for _, msg := range messages {
		var head [16]byte
		copy(head[:], msg)
		used[binary.NativeEndian.Uint64(head[8:])] = true
	}
	unique := uint64(1<<60 + 2)
	for used[unique] {
		unique += 2
	}
	return unique
}

// hasDestroy tells whether a message may be a DESTROY. Since 3.17 libfuse answers all that comes after it with EIO.
func hasDestroy(messages [][]byte) bool {
	return lowlevel.HeaderVersion() >= 317 && slices.ContainsFunc(messages, func(msg []byte) bool {
		return len(msg) >= 8 && fusetest.Opcode(binary.NativeEndian.Uint32(msg[4:])) == fusetest.OpDestroy
	})
}

// probe checks that the session still answers.
func probe(t *testing.T, k *fusetest.Kernel, unique uint64, destroyed bool) {
	r, err := k.Call(fusetest.Statfs(1).WithUnique(unique))
	if err != nil {
		t.Fatalf("the session does not answer any more: %v", err)
	}
	if destroyed && r.Errno == unix.EIO {
		return
	}
	if st, err := r.Statfs(); err != nil || st.Blocks != big {
		t.Fatalf("statfs: got %+v, %v", st, err)
	}
}

var errFuzz = errors.New("no luck")

// fuzzOps look at everything they get. They succeed, fail, panic or detach, in turn where how says so.
func fuzzOps(how byte) *lowlevel.Ops {
	ops := allOps(func(field string, args []any) error {
		touch(args)
		switch how & fuzzHandlers {
		case 1:
			return errFuzz
		case 2:
			panic("fuzz")
		case 3:
			if field != "Forget" && field != "RetrieveReply" {
				rep := args[0].(request).Detach()
				go func() { _ = rep.Err(unix.EPERM) }()
			}
		}
		return nil
	})
	ops.Destroy = func() {}
	ops.Statfs = func(_ request, ino lowlevel.Ino) (lowlevel.Statfs, error) {
		return lowlevel.Statfs{Blocks: big, Bfree: uint64(ino)}, nil
	}
	if how&fuzzHandlers == 0 {
		fuzzData(ops)
	}
	if how&fuzzWriteBuf != 0 {
		ops.WriteBuf = func(_ request, _ ino, buf lowlevel.BufVec, _ int64, f file) (int, error) {
			touch([]any{buf, f})
			return buf.Size(), nil
		}
		ops.ForgetMulti = func(_ request, list []lowlevel.ForgetData) { touch([]any{list}) }
	}
	return ops
}

// fuzzData makes handlers that return data do so.
func fuzzData(ops *lowlevel.Ops) {
	ops.Read = func(_ request, _ ino, dst []byte, _ int64, f file) (int, error) {
		touch([]any{dst, f})
		return copy(dst, "some data"), nil
	}
	ops.Write = func(_ request, _ ino, p []byte, _ int64, f file) (int, error) {
		touch([]any{p, f})
		return len(p), nil
	}
	ops.Readlink = func(request, ino) (string, error) { return "target", nil }
	ops.Readdir = func(_ request, _ ino, dst *lowlevel.DirBuf, _ int64, _ file) error {
		for i := int64(1); i < 100 && dst.Add("name", &lowlevel.Stat{}, i); i++ {
		}
		return nil
	}
	ops.Getxattr = func(_ request, _ ino, name string, dst []byte) (int, error) {
		return lowlevel.XattrValue(dst, []byte(name))
	}
	ops.Lookup = func(request, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil }
}

// seen keeps the compiler from leaving out what touch reads.
var seen atomic.Uint64

// touch reads all memory that came with a request, and writes to what is to be filled, at both ends.
func touch(args []any) {
	var sum uint64
	for _, a := range args {
		switch a := a.(type) {
		case *lowlevel.Request:
			sum += uint64(a.UID + a.GID + a.PID + a.Umask)
		case *lowlevel.PollHandle:
			if a != nil {
				_ = a.Notify()
				a.Close()
			}
		case []byte:
			if len(a) > 0 {
				a[0], a[len(a)-1] = a[len(a)-1], a[0]
			}
			sum += uint64(crc32.ChecksumIEEE(a[:min(len(a), 1<<17)]))
		case []lowlevel.ForgetData:
			for _, f := range a {
				sum += uint64(f.Ino) ^ f.Nlookup
			}
		case lowlevel.BufVec:
			for _, b := range a {
				touch([]any{b.Mem})
			}
		case string:
			sum += uint64(crc32.ChecksumIEEE([]byte(a)))
		case *lowlevel.FileInfo:
			if a != nil {
				sum += uint64(a.Fh)
			}
		}
	}
	seen.Add(sum)
}

// resources is what must not grow.
type resources struct{ files, threads, goroutines int }

func count() resources {
	files, _ := os.ReadDir("/proc/self/fd")
	threads, _ := os.ReadDir("/proc/self/task")
	return resources{len(files), len(threads), runtime.NumGoroutine()}
}

// compare allows for what the runtime and the fuzzing make for themselves, but not for what every session leaves.
func (r resources) compare(t *testing.T) {
	t.Helper()
	var now resources
	deadline := time.Now().Add(10 * time.Second)
	for {
		now = count()
		if now.files-r.files < 10 && now.threads-r.threads < 30 && now.goroutines-r.goroutines < 10 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: got %+v, at first %+v", now, r)
		}
		runtime.Gosched()
	}
}

// fuzzSeeds are all valid requests, alone and together, in each mode, and some that are not valid.
func fuzzSeeds() [][]byte {
	list := []*fusetest.Request{
		fusetest.Forget(1, 1), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 1, Nlookup: 2}, fusetest.ForgetOne{NodeID: 3}),
		fusetest.Interrupt(1 << 60), fusetest.NotifyReply(1, 1, fusetest.NotifyRetrieveIn{}, []byte("data")), fusetest.Destroy(),
		fusetest.DefaultInit().Request(), fusetest.NewRequest(fusetest.OpCuseInit, 0), fusetest.NewRequest(48, 0),
		fusetest.Poll(1, fusetest.PollIn{Kh: 1, Flags: fusetest.PollScheduleNotify}),
		fusetest.Getxattr(1, fusetest.GetxattrIn{}, "user.a"), fusetest.Lookup(1, "").WithLen(10),
		fusetest.BatchForget().WithBody(u32(1<<31, 0)), fusetest.Write(1, fusetest.WriteIn{Size: 1 << 31}, nil),
	}
	for _, v := range validRequests() {
		list = append(list, v.req)
	}
	var seeds [][]byte
	var all []byte
	for i, r := range list {
		r.Unique = 2 * uint64(i+1)
		one := fuzzMessage(fixLen|fixUnique, r.Bytes())
		all = append(all, one...)
		seeds = append(seeds, append([]byte{byte(i % 4)}, one...))
		raw := r.Bytes()
		seeds = append(seeds, append([]byte{0}, fuzzMessage(0, raw[:len(raw)-1])...))
	}
	for how := range 64 {
		seeds = append(seeds, append([]byte{byte(how)}, all...))
	}
	return append(seeds, nil, []byte{0}, []byte{0, 0, 1, 0, 0})
}

func fuzzMessage(fix byte, msg []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{fix}, uint16(len(msg))), msg...)
}
