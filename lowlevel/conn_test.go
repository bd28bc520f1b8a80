package lowlevel

import (
	"errors"
	"math"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// newConn returns what Init gets from a kernel of protocol 7.minor that is capable of caps.
func newConn(minor uint32, caps Cap) *ConnInfo {
	return &ConnInfo{c: cshim.ConnInfo{
		ProtoMajor: 7, ProtoMinor: minor, Capable: uint64(caps), MaxWrite: 1 << 20, MaxReadahead: 128 << 10, TimeGran: 1,
	}}
}

func TestConnInfo_SettersHaveBounds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		set       func(c *ConnInfo, v uint32) error
		get       func(c *ConnInfo) uint32
		good, bad []uint32
	}{
		{"max_write", (*ConnInfo).SetMaxWrite, (*ConnInfo).MaxWrite, []uint32{4096, 1 << 20, math.MaxUint32}, []uint32{0, 1, 4095}},
		{"max_read", (*ConnInfo).SetMaxRead, (*ConnInfo).MaxRead, []uint32{0, 1, 4096, math.MaxUint32}, nil},
		{
			"max_readahead", (*ConnInfo).SetMaxReadahead, (*ConnInfo).MaxReadahead,
			[]uint32{128 << 10, 4096, 0},
			[]uint32{1, math.MaxUint32}, // after 0 nothing else: it is only ever lowered
		},
		{"max_background", (*ConnInfo).SetMaxBackground, (*ConnInfo).MaxBackground, []uint32{0, 1, 65535}, []uint32{65536, math.MaxUint32}},
		{
			"congestion_threshold", (*ConnInfo).SetCongestionThreshold, (*ConnInfo).CongestionThreshold,
			[]uint32{0, 1, 65535},
			[]uint32{65536, math.MaxUint32},
		},
		{
			"time_gran", (*ConnInfo).SetTimeGran, (*ConnInfo).TimeGran,
			[]uint32{1, 10, 1000, 1000000, 1000000000},
			[]uint32{0, 2, 11, 999, 1000000001, math.MaxUint32},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newConn(38, 0)
			for _, v := range tt.good {
				require.NoError(t, tt.set(c, v), "%d", v)
				assert.Equal(t, v, tt.get(c))
			}
			before := tt.get(c)
			for _, v := range tt.bad {
				err := tt.set(c, v)
				require.ErrorIs(t, err, unix.EINVAL, "%d", v)
				require.ErrorContains(t, err, tt.name)
				assert.Equal(t, before, tt.get(c), "after %d was refused", v)
			}
		})
	}
}

func TestConnInfo_NewerSettersNeedTheLibrary(t *testing.T) {
	c := newConn(43, 0)
	for _, tt := range []struct {
		name string
		have bool
		need string
		set  func() error
		get  func() bool
	}{
		{
			"max_backing_stack_depth", cshim.HavePassthrough, "libfuse 3.17",
			func() error { return c.SetMaxBackingStackDepth(1) }, func() bool { return c.MaxBackingStackDepth() == 1 },
		},
		{
			"request_timeout", cshim.HaveRequestTimeout, "libfuse 3.18",
			func() error { return c.SetRequestTimeout(60) }, func() bool { return c.RequestTimeout() == 60 },
		},
		{
			"no_interrupt", cshim.HaveNoInterrupt, "libfuse 3.17",
			func() error { return c.SetNoInterrupt(true) }, c.NoInterrupt,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.set()
			assert.Equal(t, tt.have, tt.get(), "is set")
			if tt.have {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, &UnsupportedError{tt.name, LibraryLacks, tt.need}, err)
		})
	}
}

func TestConnInfo_NewerSettersHaveBounds(t *testing.T) {
	c := newConn(43, 0)
	if cshim.HavePassthrough {
		require.ErrorIs(t, c.SetMaxBackingStackDepth(2), unix.EINVAL)
	}
	if cshim.HaveRequestTimeout {
		require.ErrorIs(t, c.SetRequestTimeout(65536), unix.EINVAL)
		var lacks *UnsupportedError
		require.ErrorAs(t, newConn(42, 0).SetRequestTimeout(1), &lacks)
		assert.Equal(t, KernelLacks, lacks.Lacks)
	}
	if cshim.HaveNoInterrupt {
		require.NoError(t, c.SetNoInterrupt(true))
		require.NoError(t, c.SetNoInterrupt(false))
		assert.False(t, c.NoInterrupt())
	}
}

func TestConnInfo_AfterInitNothingChanges(t *testing.T) {
	c := newConn(38, CapAsyncRead|CapWritebackCache)
	require.NoError(t, c.Enable(CapAsyncRead))
	c.fixed = true
	before := *c
	for name, set := range map[string]func() error{
		"Enable":                 func() error { return c.Enable(CapWritebackCache) },
		"SetMaxWrite":            func() error { return c.SetMaxWrite(4096) },
		"SetMaxRead":             func() error { return c.SetMaxRead(4096) },
		"SetMaxReadahead":        func() error { return c.SetMaxReadahead(0) },
		"SetMaxBackground":       func() error { return c.SetMaxBackground(5) },
		"SetCongestionThreshold": func() error { return c.SetCongestionThreshold(5) },
		"SetTimeGran":            func() error { return c.SetTimeGran(10) },
	} {
		require.ErrorIs(t, set(), unix.EINVAL, name)
		require.ErrorContains(t, set(), "only be changed in Init", name)
	}
	c.Disable(CapAsyncRead)
	assert.Equal(t, before, *c)
}

func TestConnInfo_EnableSaysWhoLacksWhat(t *testing.T) {
	newest := uint32(45)
	for _, tt := range []struct {
		name    string
		minor   uint32
		capable Cap
		enable  Cap
		want    *UnsupportedError
		library int // libfuse that must be there for this
	}{
		{"nothing", newest, 0, 0, nil, 0},
		{"there", newest, CapWritebackCache, CapWritebackCache, nil, 0},
		{"old kernel", 22, CapAsyncRead, CapWritebackCache, &UnsupportedError{"FUSE_CAP_WRITEBACK_CACHE", KernelLacks, "FUSE protocol 7.23"}, 0},
		{"mount", 23, CapAsyncRead, CapWritebackCache, &UnsupportedError{"FUSE_CAP_WRITEBACK_CACHE", MountLacks, ""}, 0},
		{
			"first of several", 22, CapAsyncRead, CapAsyncRead | CapWritebackCache | CapPosixACL,
			&UnsupportedError{"FUSE_CAP_WRITEBACK_CACHE", KernelLacks, "FUSE protocol 7.23"}, 0,
		},
		{"io_uring", newest, ^Cap(0), CapOverIOUring, &UnsupportedError{"FUSE_CAP_OVER_IO_URING", LibraryLacks, ""}, 0},
		{"unknown", newest, ^Cap(0), 1 << 60, &UnsupportedError{"0x1000000000000000", LibraryLacks, ""}, 0},
		{"newer", 38, CapAsyncRead, CapPassthrough, &UnsupportedError{"FUSE_CAP_PASSTHROUGH", KernelLacks, "FUSE protocol 7.40"}, 317},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if HeaderVersion() < tt.library {
				t.Skipf("needs %s, has %s", versionString(tt.library), versionString(HeaderVersion()))
			}
			c := newConn(tt.minor, tt.capable)
			c.c.Want = uint64(CapIoctlDir)
			err := c.Enable(tt.enable)
			if tt.want == nil {
				require.NoError(t, err)
				assert.Equal(t, CapIoctlDir|tt.enable, c.Want())
				return
			}
			assert.Equal(t, tt.want, err)
			require.ErrorIs(t, err, errors.ErrUnsupported)
			assert.Equal(t, CapIoctlDir, c.Want(), "want after a refusal")
		})
	}
}

// A capability that the library has no code for is not there, whatever the kernel says.
func TestConnInfo_LibraryLacks(t *testing.T) {
	c := newConn(999, ^Cap(0))
	for _, k := range capInfo {
		err := c.Enable(k.cap)
		switch {
		case k.cap == CapOverIOUring:
			require.Error(t, err)
		case k.library <= HeaderVersion():
			require.NoError(t, err, k.name)
		default:
			assert.Equal(t, &UnsupportedError{k.name, LibraryLacks, versionString(k.library)}, err)
		}
	}
}

func TestConnInfo_Disable(t *testing.T) {
	c := newConn(38, CapAsyncRead|CapIoctlDir)
	require.NoError(t, c.Enable(CapAsyncRead|CapIoctlDir))
	c.Disable(CapAsyncRead | CapPosixACL)
	assert.Equal(t, CapIoctlDir, c.Want())
}

func TestUnsupportedError_Text(t *testing.T) {
	require.EqualError(t, &UnsupportedError{"f", KernelLacks, "FUSE protocol 7.40"}, "f: not supported by kernel (needs FUSE protocol 7.40)")
	require.EqualError(t, &UnsupportedError{Feature: "f", Lacks: MountLacks}, "f: not supported by mount")
	require.NotErrorIs(t, &UnsupportedError{}, unix.EOPNOTSUPP)
}
