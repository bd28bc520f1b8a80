package lowlevel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// featuresOf returns the features of a session with a kernel that begins with p, by name.
func featuresOf(t *testing.T, ops *lowlevel.Ops, p fusetest.InitParams) map[string]lowlevel.Feature {
	t.Helper()
	s := newSession(t, ops, lowlevel.Config{})
	fusetest.StartInit(t, s, p)
	return byName(t, s)
}

func byName(t *testing.T, s *lowlevel.Session) map[string]lowlevel.Feature {
	t.Helper()
	list := map[string]lowlevel.Feature{}
	for _, f := range s.Features() {
		assert.NotContains(t, list, f.Name, "listed twice")
		list[f.Name] = f
	}
	return list
}

func oldInit(minor uint32, flags fusetest.InitFlags) fusetest.InitParams {
	p := fusetest.DefaultInit()
	p.Minor = minor
	p.Flags &= flags
	return p
}

// libraryHas tells what Feature.Library should be, by NeedLibrary.
func libraryHas(t *testing.T, f lowlevel.Feature) bool {
	t.Helper()
	var minor int
	_, err := fmt.Sscanf(f.NeedLibrary, "libfuse 3.%d", &minor)
	require.NoError(t, err, "%+v", f)
	return lowlevel.HeaderVersion() >= 300+minor
}

func TestFeatures_BeforeMountOnlyTheLibraryIsKnown(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	defer s.Close()
	list := byName(t, s)
	assert.Greater(t, len(list), 30)
	for name, f := range list {
		assert.Equal(t, libraryHas(t, f), f.Library, name)
		assert.True(t, strings.HasPrefix(f.NeedProto, "7."), "%+v", f)
		assert.False(t, f.Kernel || f.Mount || f.Usable(), "%+v", f)
	}
	assert.Equal(t, "libfuse 3.14", list["FUSE_CAP_ASYNC_READ"].NeedLibrary)
	assert.Equal(t, "7.6", list["FUSE_CAP_ASYNC_READ"].NeedProto)
	assert.Equal(t, "libfuse 3.17", list["tmpfile"].NeedLibrary)
}

func TestFeatures_OfKernels(t *testing.T) {
	for _, minor := range []uint32{9, 12, 22, 23, 31, 38, 45, 99} {
		t.Run(fmt.Sprint("7.", minor), func(t *testing.T) {
			for name, f := range featuresOf(t, oneFile(), oldInit(minor, ^fusetest.InitFlags(0))) {
				var need uint32
				_, err := fmt.Sscanf(f.NeedProto, "7.%d", &need)
				require.NoError(t, err)
				assert.Equal(t, minor >= need, f.Kernel, "%+v", f)
				assert.Equal(t, f.Library && f.Kernel && f.Mount, f.Usable(), name)
			}
		})
	}
}

func TestFeatures_TheMountMayLackWhatTheKernelHas(t *testing.T) {
	list := featuresOf(t, oneFile(), oldInit(38, fusetest.InitAsyncRead|fusetest.InitExt))
	f := list["FUSE_CAP_WRITEBACK_CACHE"]
	assert.True(t, f.Library && f.Kernel, "%+v", f)
	assert.False(t, f.Mount || f.Usable() || f.Enabled, "%+v", f)
	f = list["FUSE_CAP_ASYNC_READ"]
	assert.True(t, f.Mount && f.Usable() && f.Enabled, "%+v", f)
}

func TestFeatures_EnabledIsWhatInitChose(t *testing.T) {
	ops := oneFile()
	ops.Init = func(c *lowlevel.ConnInfo) {
		assert.NoError(t, c.Enable(lowlevel.CapWritebackCache))
		c.Disable(lowlevel.CapAsyncRead)
	}
	list := featuresOf(t, ops, fusetest.DefaultInit())
	assert.True(t, list["FUSE_CAP_WRITEBACK_CACHE"].Enabled)
	assert.False(t, list["FUSE_CAP_ASYNC_READ"].Enabled)
	assert.True(t, list["FUSE_CAP_ASYNC_READ"].Usable())
	assert.False(t, list["FUSE_CAP_EXPORT_SUPPORT"].Enabled)
}

func TestFeatures_OperationsAreEnabledByTheirHandlers(t *testing.T) {
	with := featuresOf(t, allOps(func(string, []any) error { return unix.ENOSYS }), fusetest.DefaultInit())
	without := featuresOf(t, oneFile(), fusetest.DefaultInit())
	for _, name := range []string{"tmpfile", "statx", "syncfs"} {
		assert.Equal(t, with[name].Library, with[name].Enabled, name)
		assert.False(t, without[name].Enabled, name)
	}
}

// Conn and Features tell the same.
func TestFeatures_AgreeWithConn(t *testing.T) {
	s := newSession(t, oneFile(), lowlevel.Config{})
	_, ok := s.Conn()
	assert.False(t, ok, "before Mount")
	fusetest.StartInit(t, s, oldInit(31, ^fusetest.InitFlags(0)))
	conn, ok := s.Conn()
	require.True(t, ok)
	assert.EqualValues(t, 31, conn.ProtoMinor())
	list := byName(t, s)
	for bit := range 64 {
		c := lowlevel.Cap(1) << bit
		if f, ok := list[c.String()]; ok {
			assert.Equal(t, f.Library && conn.Capable()&c != 0, f.Mount, f.Name)
			assert.Equal(t, conn.Want()&c != 0, f.Enabled, f.Name)
		}
	}
	require.Error(t, conn.Enable(lowlevel.CapAsyncRead), "the copy takes no changes")
}
