package mixed

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// inGo counts what handlers in Go have been called for.
var inGo atomic.Int64

func TestMain(m *testing.M) {
	recorder.RecordTo(func(line string) {
		if strings.Contains(line, "(") {
			inGo.Add(1)
		}
	})
	os.Exit(m.Run())
}

func serve(t testing.TB, ops *lowlevel.Ops, c lowlevel.COps, more ...func(*lowlevel.Config)) (*fusetest.Served, *lowlevel.Session) {
	t.Helper()
	cfg := lowlevel.Config{SingleThread: true, C: c}
	for _, f := range more {
		f(&cfg)
	}
	s, err := lowlevel.New(ops, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return fusetest.Start(t, s), s
}

// expected is what handlers answer, in C or in Go.
var expected = sync.OnceValue(func() []string {
	s, err := lowlevel.New(recorder.Inodes(), lowlevel.Config{SingleThread: true})
	if err != nil {
		panic(err)
	}
	k, err := fusetest.Connect(s, fusetest.DefaultInit())
	if err != nil {
		panic(err)
	}
	defer k.Close()
	var list []string
	for _, a := range requests() {
		r, err := k.Call(a.Req)
		if err != nil {
			panic(err)
		}
		list = append(list, recorder.Text(r))
	}
	return list
})

// requests are those that the handlers in C know.
func requests() []recorder.Asked {
	return slices.DeleteFunc(recorder.Requests(recorder.Ino), func(a recorder.Asked) bool {
		return a.Req.Opcode == fusetest.OpTmpfile || a.Req.Opcode == fusetest.OpStatx || a.Req.Opcode == fusetest.OpSyncfs
	})
}

// check asks everything. byC says who must answer.
func check(t *testing.T, k *fusetest.Served, byC func(member string) bool) {
	t.Helper()
	want := expected()
	for i, a := range requests() {
		Called()
		inGo.Store(0)
		if got := recorder.Text(k.MustCall(t, a.Req)); got != want[i] {
			t.Errorf("%v: got %s, want %s", a.Req.Opcode, got, want[i])
		}
		wantC, wantGo := 0, 1
		if byC(a.Member) {
			wantC, wantGo = 1, 0
		}
		if c, _ := Called(); c != wantC || inGo.Load() != int64(wantGo) {
			t.Errorf("%v: C was called %d times, Go %d times; want %d and %d", a.Req.Opcode, c, inGo.Load(), wantC, wantGo)
		}
	}
}

func all(string) bool  { return true }
func none(string) bool { return false }

// TestCOps_AllInC: without a handler in Go, none of C's requests come to Go; they have their userdata.
func TestCOps_AllInC(t *testing.T) {
	data := Userdata()
	defer Free(data)
	k, s := serve(t, &lowlevel.Ops{}, Table(data))
	check(t, k, all)
	k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{}))
	if _, got := Called(); got != data || s.Userdata() != data {
		t.Errorf("userdata: got %v in C, %v in Go, want %v", got, s.Userdata(), data)
	}
}

// TestCOps_AllInGo: a handler in Go prevails.
func TestCOps_AllInGo(t *testing.T) {
	k, _ := serve(t, recorder.Inodes(), Table(nil))
	check(t, k, none)
}

// TestCOps_OneByOne: as a filesystem is ported.
func TestCOps_OneByOne(t *testing.T) {
	allOps := reflect.ValueOf(recorder.Inodes("Write", "ReadBuf", "RetrieveReply", "Init", "Destroy")).Elem()
	ops := &lowlevel.Ops{}
	for i := range allOps.NumField() {
		reflect.ValueOf(ops).Elem().Field(i).Set(allOps.Field(i)) // one more
		k, _ := serve(t, ops, Table(nil))
		check(t, k, func(member string) bool { return reflect.ValueOf(ops).Elem().FieldByName(member).IsNil() })
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

// handOver returns Ops whose handlers give their requests to give.
func handOver(give func(req *lowlevel.Request, member string, size int, number uint64)) *lowlevel.Ops {
	ops := recorder.Inodes("Write", "ReadBuf", "RetrieveReply", "Init", "Destroy", "Forget", "ForgetMulti")
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		name, typ := v.Type().Field(i).Name, v.Field(i).Type()
		if v.Field(i).IsNil() {
			continue
		}
		v.Field(i).Set(reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
			recorder.Note("%s()", name)
			size, number := sizeAndNumber(name, args)
			give(args[0].Interface().(*lowlevel.Request), name, size, number)
			var out []reflect.Value
			for i := range typ.NumOut() {
				out = append(out, reflect.Zero(typ.Out(i)))
			}
			return out
		}))
	}
	return ops
}

// sizeAndNumber are the arguments that the answer depends on.
func sizeAndNumber(name string, args []reflect.Value) (size int, number uint64) {
	switch name {
	case "Read", "Listxattr":
		size = args[2].Len()
	case "Getxattr":
		size = args[3].Len()
	case "WriteBuf":
		size = args[2].Interface().(lowlevel.BufVec).Size()
	case "Readdir", "Readdirplus":
		size, number = 4096, uint64(args[3].Int())
		if number > 0 {
			size = map[string]int{"Readdir": 100, "Readdirplus": 200}[name]
		}
	case "CopyFileRange":
		size = int(args[7].Uint())
	case "Bmap":
		number = args[3].Uint()
	case "Ioctl":
		size, number = args[7].Len(), args[2].Uint()
	case "Lseek":
		number = uint64(args[2].Int())
	}
	return size, number
}

// TestHandOver_EveryMember: C answers what began in Go: at once, later on another thread, and after Go has kept it for a while.
func TestHandOver_EveryMember(t *testing.T) {
	for what, give := range map[string]func(req *lowlevel.Request, member string, size int, number uint64){
		"at once": func(req *lowlevel.Request, member string, size int, number uint64) {
			Answer(req.HandOver(), member, size, number, false)
		},
		"later": func(req *lowlevel.Request, member string, size int, number uint64) {
			Answer(req.HandOver(), member, size, number, true)
		},
		"from a goroutine": func(req *lowlevel.Request, member string, size int, number uint64) {
			reply := req.Detach()
			go func() { Answer(reply.HandOver(), member, size, number, false) }()
		},
		"with a context": func(req *lowlevel.Request, member string, size int, number uint64) {
			ctx := req.Context()
			p := req.HandOver()
			if ctx.Err() == nil {
				t.Error("the context has not ended")
			}
			Answer(p, member, size, number, false)
		},
	} {
		t.Run(what, func(t *testing.T) {
			k, _ := serve(t, handOver(give), lowlevel.COps{})
			check(t, k, none)
		})
	}
}

// TestHandOver_Once: a request is answered by one of them.
func TestHandOver_Once(t *testing.T) {
	ops := &lowlevel.Ops{Getattr: func(req *lowlevel.Request, _ lowlevel.Ino, _ *lowlevel.FileInfo) (lowlevel.Stat, time.Duration, error) {
		reply := req.Detach()
		p := reply.HandOver()
		for what, again := range map[string]unsafe.Pointer{"Reply.HandOver": reply.HandOver(), "Request.HandOver": req.HandOver()} {
			if again != nil {
				t.Errorf("%s again: got %v, want nil", what, again)
			}
		}
		if err := reply.Err(nil); !errors.Is(err, lowlevel.ErrReplied) {
			t.Errorf("Err: got %v, want %v", err, lowlevel.ErrReplied)
		}
		if reply.Context().Err() == nil {
			t.Error("the context has not ended")
		}
		Answer(p, "Getattr", 0, 0, false)
		return lowlevel.Stat{}, 0, nil
	}, Readlink: func(req *lowlevel.Request, _ lowlevel.Ino) (string, error) {
		reply := req.Detach()
		if err := reply.Readlink("from Go"); err != nil {
			t.Error(err)
		}
		if p := reply.HandOver(); p != nil {
			t.Errorf("HandOver after the reply: got %v, want nil", p)
		}
		return "", nil
	}}
	k, _ := serve(t, ops, lowlevel.COps{})
	if r := k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{})); r.Err() != nil {
		t.Error(r)
	}
	if data, err := k.MustCall(t, fusetest.Readlink(1)).Data(); err != nil || string(data) != "from Go" {
		t.Errorf("got %q, %v", data, err)
	}
}

// answerAdopted answers as recorder does, for the members whose answer depends on nothing.
func answerAdopted(reply *lowlevel.Reply, op string) (known bool, err error) {
	if slices.Contains([]string{
		"Read", "Readdir", "Readdirplus", "WriteBuf", "CopyFileRange", "Getxattr", "Listxattr", "Bmap", "Ioctl", "Lseek", "Poll",
	}, op) {
		return false, reply.Err(os.ErrNotExist)
	}
	return true, recorder.Answer(op, reply)
}

// TestAdoptRequest_EveryMember: Go answers what began in C, from a goroutine; also in a session that is C's alone.
func TestAdoptRequest_EveryMember(t *testing.T) {
	OnAdopt = func(req unsafe.Pointer, op string) {
		reply := lowlevel.AdoptRequest(req)
		go func() {
			if op == "Forget" || op == "ForgetMulti" {
				_ = reply.None()
				return
			}
			if _, err := answerAdopted(reply, op); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			if err := reply.Err(nil); !errors.Is(err, lowlevel.ErrReplied) {
				t.Errorf("%s again: got %v, want %v", op, err, lowlevel.ErrReplied)
			}
		}()
	}
	ask := func(t *testing.T, k *fusetest.Kernel) {
		t.Helper()
		for i, a := range requests() {
			want := expected()[i]
			switch a.Member {
			case "Read", "Readdir", "Readdirplus", "WriteBuf", "CopyFileRange", "Getxattr", "Listxattr", "Bmap", "Ioctl", "Lseek", "Poll":
				want = "error 2"
			}
			if got := recorder.Text(k.MustCall(t, a.Req)); got != want {
				t.Errorf("%v: got %s, want %s", a.Req.Opcode, got, want)
			}
		}
		for _, r := range []*fusetest.Request{fusetest.Forget(5, 6), fusetest.BatchForget(fusetest.ForgetOne{NodeID: 7, Nlookup: 8})} {
			if err := k.Send(r); err != nil {
				t.Error(err)
			}
		}
	}
	t.Run("GoSession", func(t *testing.T) {
		k, _ := serve(t, &lowlevel.Ops{}, Adopting(nil))
		ask(t, k.Kernel)
	})
	t.Run("CSession", func(t *testing.T) {
		k, fd := fusetest.NewKernel(t)
		done := make(chan int, 1)
		go func() { done <- Serve(fd) }()
		if err := k.SendInit(fusetest.DefaultInit()); err != nil {
			t.Fatal(err)
		}
		if _, err := k.InitReply(); err != nil {
			t.Fatal(err)
		}
		ask(t, k)
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// TestAdoptRequest_ByClose: what nobody has answered, Close answers.
func TestAdoptRequest_ByClose(t *testing.T) {
	replies := make(chan *lowlevel.Reply, 1)
	OnAdopt = func(req unsafe.Pointer, _ string) { replies <- lowlevel.AdoptRequest(req) }
	k, s := serve(t, &lowlevel.Ops{}, Adopting(nil), func(c *lowlevel.Config) { c.DrainTimeout = 50 * time.Millisecond })
	r := fusetest.Getattr(1, fusetest.GetattrIn{})
	if err := k.Send(r); err != nil {
		t.Fatal(err)
	}
	reply := <-replies
	if reply.Context().Err() != nil {
		t.Error("the context has ended before the session")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, err := k.Reply(r.Unique); err != nil || recorder.Text(got) != "error 5" {
		t.Errorf("got %v, %v, want error 5 (EIO)", got, err)
	}
	if err := reply.Err(nil); !errors.Is(err, lowlevel.ErrClosed) {
		t.Errorf("after Close: got %v, want %v", err, lowlevel.ErrClosed)
	}
	if reply.Context().Err() == nil {
		t.Error("the context has not ended")
	}
}

// TestCOps_InitAndDestroy: C's are called unless Go has its own; what they ask for counts.
func TestCOps_InitAndDestroy(t *testing.T) {
	data := Userdata()
	defer Free(data)
	var called []string
	goInit := func(c *lowlevel.ConnInfo) {
		called = append(called, "Init")
		if err := c.SetTimeGran(1000); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		what          string
		ops           lowlevel.Ops
		readahead     uint32
		gran          uint32
		init, destroy unsafe.Pointer
		called        []string
	}{
		{"both in C", lowlevel.Ops{}, 0x4000, 100, data, data, nil},
		{"init in Go", lowlevel.Ops{Init: goInit}, 128 << 10, 1000, nil, data, []string{"Init"}},
		{"destroy in Go", lowlevel.Ops{Destroy: func() { called = append(called, "Destroy") }}, 0x4000, 100, data, nil, []string{"Destroy"}},
	} {
		called = nil
		InitAndDestroy()
		k, s := serve(t, &tt.ops, Table(data))
		if k.Init.MaxReadahead != tt.readahead || k.Init.TimeGran != tt.gran {
			t.Errorf("%s: got %+v", tt.what, k.Init)
		}
		if conn, ok := s.Conn(); !ok || conn.TimeGran() != tt.gran || conn.MaxReadahead() != tt.readahead {
			t.Errorf("%s: Conn: got %+v, %v", tt.what, conn, ok)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		if init, destroy := InitAndDestroy(); init != tt.init || destroy != tt.destroy {
			t.Errorf("%s: init got %v, destroy %v, want %v and %v", tt.what, init, destroy, tt.init, tt.destroy)
		}
		if !slices.Equal(called, tt.called) {
			t.Errorf("%s: in Go: got %q, want %q", tt.what, called, tt.called)
		}
	}
}

// TestRetrieve_BothSides: the answers to C and to Go are told apart.
func TestRetrieve_BothSides(t *testing.T) {
	k, s := serve(t, &lowlevel.Ops{}, Table(nil))
	if rc := Retrieve(s.C(), 2, 10, 20); rc != 0 {
		t.Fatalf("retrieve in C: got %d", rc)
	}
	answer := func(data string) {
		t.Helper()
		n, err := k.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		out, err := n.Retrieve()
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Send(fusetest.NotifyReply(out.NotifyUnique, out.NodeID, fusetest.NotifyRetrieveIn{Offset: out.Offset}, []byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	answer("for C")
	fusetest.Eventually(t, 10*time.Second, "C has its answer", func() bool { return Retrieved() != "" })
	if got, want := Retrieved(), "C's cookie 2 20 for C"; got != want {
		t.Errorf("in C: got %q, want %q", got, want)
	}
	done := make(chan string)
	go func() {
		data, err := s.Notifier().Retrieve(context.Background(), 3, 30, 6)
		if err != nil {
			t.Error(err)
		}
		done <- string(data)
	}()
	answer("for Go")
	if got := <-done; got != "for Go" {
		t.Errorf("in Go: got %q", got)
	}
}

// TestCOps_Size: a table of another libfuse's may be shorter, or longer.
func TestCOps_Size(t *testing.T) {
	short := Table(nil)
	short.Size = SizeUpToLookup
	k, _ := serve(t, &lowlevel.Ops{Readlink: func(*lowlevel.Request, lowlevel.Ino) (string, error) { return "in Go", nil }}, short)
	if r := k.MustCall(t, fusetest.Lookup(1, "x")); r.Err() != nil {
		t.Errorf("lookup, which is in the table: got %v", r)
	}
	if r := k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{})); recorder.Text(r) != "error 38" {
		t.Errorf("getattr, which is beyond it: got %v, want ENOSYS", r)
	}
	if r := k.MustCall(t, fusetest.Readlink(1)); r.Err() != nil {
		t.Errorf("readlink, which is in Go: got %v", r)
	}
	nothing := Table(nil)
	nothing.Size = 0
	k, _ = serve(t, &lowlevel.Ops{}, nothing)
	if r := k.MustCall(t, fusetest.Lookup(1, "x")); recorder.Text(r) != "error 38" {
		t.Errorf("with an empty table: got %v, want ENOSYS", r)
	}
}

// TestCOps_SeveralSessions: at the same time, with different tables and userdata, also on libfuse's own threads.
func TestCOps_SeveralSessions(t *testing.T) {
	one, two := Userdata(), Userdata()
	defer Free(one)
	defer Free(two)
	var adopted atomic.Int64
	OnAdopt = func(req unsafe.Pointer, op string) {
		adopted.Add(1)
		reply := lowlevel.AdoptRequest(req)
		go func() { _ = reply.Attr(&recorder.Attr, time.Second) }()
	}
	for _, cloneFD := range []bool{false, true} {
		loop := func(c *lowlevel.Config) { c.SingleThread, c.CloneFD = false, cloneFD }
		a, sa := serve(t, &lowlevel.Ops{}, Table(one), loop)
		b, sb := serve(t, recorder.Inodes("Getattr"), Adopting(two), loop)
		c, _ := serve(t, recorder.Inodes(), lowlevel.COps{}, loop)
		Called()
		adopted.Store(0)
		var wg sync.WaitGroup
		for _, k := range []*fusetest.Served{a, b, c} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 100 {
					if r, err := k.Call(fusetest.Getattr(1, fusetest.GetattrIn{})); err != nil || r.Err() != nil {
						t.Errorf("got %v, %v", r, err)
					}
				}
			}()
		}
		wg.Wait()
		if n, data := Called(); n != 100 || data != one {
			t.Errorf("in C: got %d requests, with %v, want 100 with %v", n, data, one)
		}
		if n := adopted.Load(); n != 100 {
			t.Errorf("adopted: got %d requests, want 100", n)
		}
		if sa.Userdata() != one || sb.Userdata() != two {
			t.Errorf("got userdata %v, %v, want %v, %v", sa.Userdata(), sb.Userdata(), one, two)
		}
		for _, k := range []*fusetest.Served{a, b, c} {
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCOps_SameUserdata: on libfuse's own threads sessions are told apart by their userdata. A second one with the same is refused; on threads of ours it works.
func TestCOps_SameUserdata(t *testing.T) {
	first, _ := serve(t, &lowlevel.Ops{}, Table(nil), func(c *lowlevel.Config) { c.SingleThread, c.CloneFD = false, true })
	second, _ := serve(t, recorder.Inodes(), Table(nil))
	for _, k := range []*fusetest.Served{first, second} {
		if r := k.MustCall(t, fusetest.Getattr(1, fusetest.GetattrIn{})); r.Err() != nil {
			t.Error(r)
		}
	}
	s, err := lowlevel.New(&lowlevel.Ops{}, lowlevel.Config{C: Table(nil), CloneFD: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k, fd := fusetest.NewKernel(t)
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(context.Background()); !errors.Is(err, unix.EEXIST) {
		t.Errorf("got %v, want %v", err, unix.EEXIST)
	}
}

// TestClose_WithRequestInC: Close does not wait for a request that C holds.
func TestClose_WithRequestInC(t *testing.T) {
	k, s := serve(t, &lowlevel.Ops{}, Table(nil))
	Keep(true)
	defer Keep(false)
	if err := k.Send(fusetest.Getattr(1, fusetest.GetattrIn{})); err != nil {
		t.Fatal(err)
	}
	fusetest.Eventually(t, 10*time.Second, "C has the request", func() bool { return Kept() != nil })
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestSessions_LeaveNothing: a hundred of them.
func TestSessions_LeaveNothing(t *testing.T) {
	fusetest.CheckLeaks(t)
	OnAdopt = func(req unsafe.Pointer, op string) {
		reply := lowlevel.AdoptRequest(req)
		go func() { _ = reply.Attr(&recorder.Attr, time.Second) }()
	}
	data := Userdata()
	defer Free(data)
	for i := range 100 {
		base, ops := Table(data), recorder.Inodes("Getattr")
		if i%2 == 0 {
			base = Adopting(data)
		}
		s, err := lowlevel.New(ops, lowlevel.Config{C: base})
		if err != nil {
			t.Fatal(err)
		}
		k, err := fusetest.Connect(s, fusetest.DefaultInit())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []*fusetest.Request{fusetest.Getattr(1, fusetest.GetattrIn{}), fusetest.Lookup(1, "x")} {
			if got := k.MustCall(t, r); got.Err() != nil {
				t.Error(got)
			}
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}
