package lowlevel_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// startInit serves ops to a kernel that begins with p.
func startInit(t *testing.T, ops *lowlevel.Ops, cfg lowlevel.Config, p fusetest.InitParams) *fusetest.Served {
	t.Helper()
	return fusetest.StartInit(t, newSession(t, ops, cfg), p)
}

// caps are the capabilities and what they are on the wire. sent: libfuse tells the kernel that they are wanted.
var caps = []struct {
	cap  lowlevel.Cap
	flag fusetest.InitFlags
	sent bool
}{
	{lowlevel.CapAsyncRead, fusetest.InitAsyncRead, true},
	{lowlevel.CapPosixLocks, fusetest.InitPosixLocks, true},
	{lowlevel.CapAtomicOTrunc, fusetest.InitAtomicOTrunc, true},
	{lowlevel.CapExportSupport, fusetest.InitExportSupport, true},
	{lowlevel.CapDontMask, fusetest.InitDontMask, true},
	{lowlevel.CapFlockLocks, fusetest.InitFlockLocks, true},
	{lowlevel.CapAutoInvalData, fusetest.InitAutoInvalData, true},
	{lowlevel.CapReaddirplus, fusetest.InitDoReaddirplus, true},
	{lowlevel.CapReaddirplusAuto, fusetest.InitReaddirplusAuto, true},
	{lowlevel.CapAsyncDio, fusetest.InitAsyncDIO, true},
	{lowlevel.CapWritebackCache, fusetest.InitWritebackCache, true},
	{lowlevel.CapNoOpenSupport, fusetest.InitNoOpenSupport, false},
	{lowlevel.CapPosixACL, fusetest.InitPosixACL, true},
	{lowlevel.CapCacheSymlinks, fusetest.InitCacheSymlinks, true},
	{lowlevel.CapNoOpendirSupport, fusetest.InitNoOpendirSupport, false},
	{lowlevel.CapExplicitInvalData, fusetest.InitExplicitInvalData, true},
}

func TestFake_InitCapabilities(t *testing.T) {
	for _, tt := range caps {
		t.Run(tt.cap.String(), func(t *testing.T) {
			enabled := false
			ops := &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) {
				if c.Capable()&tt.cap == 0 {
					t.Error("not capable")
				}
				c.Disable(c.Want())
				if err := c.Enable(tt.cap); err != nil {
					t.Error(err)
				}
				enabled = c.Want() == tt.cap
			}}
			k := startInit(t, ops, lowlevel.Config{}, fusetest.DefaultInit())
			if !enabled {
				t.Error("not wanted after Enable")
			}
			want := fusetest.InitBigWrites | fusetest.InitExt
			if tt.sent {
				want |= tt.flag
			}
			if got := k.Init.InitFlags(); got != want && tt.sent || got&^tt.flag != want&^tt.flag {
				t.Errorf("flags: got %#x, want %#x", got, want)
			}
		})
	}
}

func TestFake_InitKernelLacks(t *testing.T) {
	for _, tt := range caps {
		t.Run(tt.cap.String(), func(t *testing.T) {
			ops := &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) {
				if c.Capable()&tt.cap != 0 {
					t.Error("capable")
				}
				before := c.Want()
				err := c.Enable(tt.cap | lowlevel.CapAsyncRead)
				if tt.cap == lowlevel.CapAsyncRead {
					err = c.Enable(tt.cap)
				}
				var lacks *lowlevel.UnsupportedError
				if !errors.As(err, &lacks) || !errors.Is(err, errors.ErrUnsupported) || lacks.Lacks == lowlevel.LibraryLacks {
					t.Errorf("Enable: got %v", err)
				}
				if c.Want() != before {
					t.Errorf("want has changed: got %v, before %v", c.Want(), before)
				}
			}}
			p := fusetest.DefaultInit()
			p.Flags &^= tt.flag
			k := startInit(t, ops, lowlevel.Config{}, p)
			if k.Init.InitFlags()&tt.flag != 0 {
				t.Error("the kernel is told of what it does not know")
			}
		})
	}
}

func TestFake_InitDefaults(t *testing.T) {
	base := fusetest.InitAsyncRead | fusetest.InitAutoInvalData | fusetest.InitAsyncDIO | fusetest.InitAtomicOTrunc |
		fusetest.InitBigWrites | fusetest.InitExt
	full := allOps(func(string, []any) error { return nil })
	for name, tt := range map[string]struct {
		ops  *lowlevel.Ops
		want fusetest.InitFlags
	}{
		"no ops": {&lowlevel.Ops{}, base},
		"all ops": {full, base | fusetest.InitPosixLocks | fusetest.InitFlockLocks | fusetest.InitDoReaddirplus |
			fusetest.InitReaddirplusAuto},
		"readdirplus alone": {keepOnly(full, "Readdirplus"), base | fusetest.InitDoReaddirplus},
		"setlk alone":       {keepOnly(full, "Setlk"), base},
	} {
		k := startInit(t, tt.ops, lowlevel.Config{}, fusetest.DefaultInit())
		if got := k.Init.InitFlags(); got != tt.want {
			t.Errorf("%s: flags: got %#x, want %#x", name, got, tt.want)
		}
	}
}

func TestFake_InitVersions(t *testing.T) {
	for minor, size := range map[uint32]int{1: 8, 4: 8, 5: 24, 12: 24, 22: 24, 23: 64, 31: 64, 38: 64, 45: 64, 999: 64} {
		var conn lowlevel.ConnInfo
		ops := &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) { conn = *c }}
		p := fusetest.DefaultInit()
		p.Minor = minor
		k, fd := fusetest.NewKernel(t)
		s := newSession(t, ops, lowlevel.Config{})
		if err := k.SendInit(p); err != nil {
			t.Fatal(err)
		}
		if err := s.MountFD(fd); err != nil {
			t.Fatalf("minor %d: %v", minor, err)
		}
		r, err := k.Reply(2)
		if err != nil || len(r.Body) != size {
			t.Errorf("minor %d: got %v, %v, want %d bytes", minor, r, err, size)
		}
		out, err := r.Init()
		if err != nil || out.Major != 7 {
			t.Errorf("minor %d: got %+v, %v", minor, out, err)
		}
		if conn.ProtoMajor() != 7 || conn.ProtoMinor() != minor {
			t.Errorf("ConnInfo: got %d.%d, want 7.%d", conn.ProtoMajor(), conn.ProtoMinor(), minor)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFake_InitOtherMajor: a newer kernel is told which version is spoken, and begins anew.
func TestFake_InitOtherMajor(t *testing.T) {
	s := newSession(t, &lowlevel.Ops{}, lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	mounted := make(chan error, 1)
	go func() { mounted <- s.MountFD(fd) }()
	if err := k.SendInit(fusetest.InitParams{Major: 6, Minor: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.InitReply(); !errors.Is(err, unix.EPROTO) {
		t.Errorf("major 6: got %v, want EPROTO", err)
	}
	if err := k.SendInit(fusetest.InitParams{Major: 8, Minor: 1}); err != nil {
		t.Fatal(err)
	}
	if out, err := k.InitReply(); err != nil || out.Major != 7 {
		t.Errorf("major 8: got %+v, %v", out, err)
	}
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	if _, err := k.InitReply(); err != nil {
		t.Errorf("major 7: %v", err)
	}
	if err := <-mounted; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFake_InitNumbers(t *testing.T) {
	set := func(f func(c *lowlevel.ConnInfo) error) *lowlevel.Ops {
		return &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) {
			if err := f(c); err != nil {
				t.Error(err)
			}
		}}
	}
	page := uint32(os.Getpagesize())
	tests := []struct {
		name string
		ops  *lowlevel.Ops
		args []string
		got  func(o *fusetest.InitOut) uint32
		want uint32
	}{
		{name: "max_write", got: func(o *fusetest.InitOut) uint32 { return o.MaxWrite }, want: 32 * page},
		{
			name: "set max_write", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetMaxWrite(65536) }),
			got: func(o *fusetest.InitOut) uint32 { return o.MaxWrite }, want: 65536,
		},
		{
			name: "too large max_write", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetMaxWrite(1 << 30) }),
			got: func(o *fusetest.InitOut) uint32 { return o.MaxWrite }, want: 32 * page,
		},
		{
			name: "-o max_write", args: []string{"-o", "max_write=8192"},
			got: func(o *fusetest.InitOut) uint32 { return o.MaxWrite }, want: 8192,
		},
		{name: "max_readahead", got: func(o *fusetest.InitOut) uint32 { return o.MaxReadahead }, want: 128 << 10},
		{
			name: "set max_readahead", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetMaxReadahead(4096) }),
			got: func(o *fusetest.InitOut) uint32 { return o.MaxReadahead }, want: 4096,
		},
		{
			name: "-o max_readahead", args: []string{"-o", "max_readahead=100"},
			got: func(o *fusetest.InitOut) uint32 { return o.MaxReadahead }, want: 100,
		},
		{
			name: "max_background", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetMaxBackground(40) }),
			got: func(o *fusetest.InitOut) uint32 { return uint32(o.MaxBackground) }, want: 40,
		},
		{
			name: "congestion_threshold by default", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetMaxBackground(40) }),
			got: func(o *fusetest.InitOut) uint32 { return uint32(o.CongestionThreshold) }, want: 30,
		},
		{
			name: "congestion_threshold", args: []string{"-o", "max_background=40,congestion_threshold=7"},
			got: func(o *fusetest.InitOut) uint32 { return uint32(o.CongestionThreshold) }, want: 7,
		},
		{name: "time_gran", got: func(o *fusetest.InitOut) uint32 { return o.TimeGran }, want: 1},
		{
			name: "set time_gran", ops: set(func(c *lowlevel.ConnInfo) error { return c.SetTimeGran(1000) }),
			got: func(o *fusetest.InitOut) uint32 { return o.TimeGran }, want: 1000,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ops := tt.ops
			if ops == nil {
				ops = &lowlevel.Ops{}
			}
			cfg := lowlevel.Config{}
			if tt.args != nil {
				cfg.Args = append([]string{"test"}, tt.args...)
			}
			k := startInit(t, ops, cfg, fusetest.DefaultInit())
			if got := tt.got(&k.Init); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// TestFake_InitMaxPages: with it, a write may be as large as libfuse's buffer.
func TestFake_InitMaxPages(t *testing.T) {
	p := fusetest.DefaultInit()
	p.Flags |= fusetest.InitMaxPages
	page := uint32(os.Getpagesize())
	k := startInit(t, &lowlevel.Ops{}, lowlevel.Config{}, p)
	if got := k.Init; got.MaxWrite != 256*page || got.MaxPages != 256 || got.InitFlags()&fusetest.InitMaxPages == 0 {
		t.Errorf("got %+v, want max_write of 256 pages", got)
	}
	k = startInit(t, &lowlevel.Ops{}, lowlevel.Config{Args: []string{"x", "-o", "max_write=8193"}}, p)
	if got := k.Init; got.MaxWrite != 8193 || got.MaxPages != uint16(8192/page+1) {
		t.Errorf("got %+v, want max_write 8193", got)
	}
}

// TestFake_InitBytes: the whole reply, as libfuse 3.14 makes it.
func TestFake_InitBytes(t *testing.T) {
	if v := lowlevel.HeaderVersion(); v != 314 {
		t.Skipf("the bytes are those of libfuse 3.14, this is %d.%d", v/100, v%100)
	}
	p := fusetest.InitParams{Major: 7, Minor: 31, MaxReadahead: 65536, Flags: fusetest.InitAsyncRead | fusetest.InitAsyncDIO}
	ops := &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) {
		for _, err := range []error{c.SetMaxWrite(4096), c.SetMaxBackground(16), c.SetCongestionThreshold(12), c.SetTimeGran(10)} {
			if err != nil {
				t.Error(err)
			}
		}
	}}
	k, fd := fusetest.NewKernel(t)
	s := newSession(t, ops, lowlevel.Config{})
	if err := k.SendInit(p); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); err != nil {
		t.Fatal(err)
	}
	r, err := k.Reply(2)
	if err != nil {
		t.Fatal(err)
	}
	flags := uint32(fusetest.InitAsyncRead | fusetest.InitAsyncDIO | fusetest.InitBigWrites)
	out, _ := r.Init() // Debian's 3.14.0 says 7.31, upstream's 7.38
	wantBytes(t, "INIT", r.Bytes(), okMessage(2, cat(u32(7, out.Minor, 65536, flags, 12<<16|16, 4096, 10), zeros(36))))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFake_InitRefusedByTheFilesystem: options that do not agree.
func TestFake_InitRefused(t *testing.T) {
	s := newSession(t, &lowlevel.Ops{Init: func(c *lowlevel.ConnInfo) { _ = c.SetMaxRead(4096) }}, lowlevel.Config{})
	k, fd := fusetest.NewKernel(t)
	if err := k.SendInit(fusetest.DefaultInit()); err != nil {
		t.Fatal(err)
	}
	if err := s.MountFD(fd); !errors.Is(err, unix.EPROTO) {
		t.Errorf("MountFD: got %v, want EPROTO", err)
	}
	if _, err := k.InitReply(); !errors.Is(err, unix.EPROTO) {
		t.Errorf("reply: got %v, want EPROTO", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFake_InitPanic(t *testing.T) {
	cfg, log := quiet()
	k := serveConfig(t, &lowlevel.Ops{Init: func(*lowlevel.ConnInfo) { panic("in Init") }}, cfg)
	settle(t, k)
	if text := log.take(); text == "" {
		t.Error("the panic is not logged")
	}
}

// TestFake_OldReplies: what protocols before 7.9 leave out.
func TestFake_OldReplies(t *testing.T) {
	ops := &lowlevel.Ops{
		Lookup: func(request, ino, string) (lowlevel.EntryParam, error) { return someEntry, nil },
		Statfs: func(request, ino) (lowlevel.Statfs, error) { return someStatfs, nil },
		Mkdir: func(r request, _ ino, name string, mode uint32) (lowlevel.EntryParam, error) {
			return lowlevel.EntryParam{Ino: 1}, fmt.Errorf("umask %o: %w", r.Umask, unix.EPERM)
		},
	}
	p := fusetest.DefaultInit()
	p.Minor = 8
	k := startInit(t, ops, lowlevel.Config{SingleThread: true}, p)
	r := k.MustCall(t, fusetest.Lookup(1, "n"))
	wantBytes(t, "lookup", r.Bytes(), okMessage(r.Unique, someEntryOut[:120]))
	if e, err := r.Entry(); err != nil || e.NodeID != big {
		t.Errorf("got %+v, %v", e, err)
	}
}

// TestFake_SetxattrExt: where it is negotiated, the struct at the head of a SETXATTR is longer.
func TestFake_SetxattrExt(t *testing.T) {
	since(t, 315)
	rec := newRecorder(t)
	k := serve(t, &lowlevel.Ops{
		Init: func(c *lowlevel.ConnInfo) {
			if err := c.Enable(lowlevel.CapSetxattrExt); err != nil {
				t.Error(err)
			}
		},
		Setxattr: func(_ request, node ino, name string, value []byte, flags lowlevel.XattrFlags) error {
			rec.note(node, name, value, flags)
			return nil
		},
	})
	in := fusetest.SetxattrIn{Flags: unix.XATTR_CREATE, SetxattrFlags: fusetest.SetxattrACLKillSGID}
	good := fusetest.SetxattrExt(big, in, "user.a", []byte("value"))
	r := k.MustCall(t, good)
	wantBytes(t, "reply", r.Bytes(), okMessage(r.Unique, nil))
	wantArgs(t, rec.next(), ino(big), "user.a", "value", lowlevel.XattrCreate)
	for n, cut := range good.Truncations() {
		wantRefused(t, k, fmt.Sprintf("cut to %d", n), cut)
	}
	rec.none()
}
