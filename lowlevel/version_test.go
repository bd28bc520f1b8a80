package lowlevel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion_OfWhatIsInstalled(t *testing.T) {
	require.NoError(t, checkVersion())
	assert.GreaterOrEqual(t, HeaderVersion(), 314)
	assert.GreaterOrEqual(t, Version(), HeaderVersion())
	assert.True(t, strings.HasPrefix(PackageVersion(), fmt.Sprintf("%d.%d.", Version()/100, Version()%100)),
		"%s is not %d", PackageVersion(), Version())
}

// 3.14.1 to 3.16.2 have a bit more in front of fi->flush, under the same soname.
func TestFlushBitOf(t *testing.T) {
	for pkg, want := range map[string]int{
		"3.13.1": 3, "3.14.0": 3, "3.14.1": 4, "3.14.1-1": 4, "3.15.0": 4, "3.15.1": 4, "3.16.0": 4, "3.16.2": 4,
		"3.17.0": 3, "3.17.4": 3, "3.18.0-rc0": 3, "3.18.3": 3, "3.19.0-dev": 3, "4.0.0": 3, "4.15.0": 3,
		"3.14": 3, "3": 3, "": 3, "nonsense": 3,
	} {
		assert.Equal(t, want, flushBitOf(pkg), pkg)
	}
}

func TestCompareVersions(t *testing.T) {
	for _, tt := range []struct {
		header, flushBit, library int
		pkg                       string
		want                      string // part of the error, "" for none
	}{
		{314, 3, 314, "3.14.0", ""},
		{314, 4, 314, "3.14.1", ""},
		{314, 4, 316, "3.16.2", ""},
		{317, 3, 318, "3.18.3", ""},
		{314, 3, 314, "3.14.1", "another layout"}, // built on Debian 12, run elsewhere
		{314, 3, 316, "3.16.2", "another layout"},
		{316, 4, 318, "3.18.0", "another layout"},
		{317, 3, 316, "3.16.2", "it is older"},
		{318, 3, 317, "3.17.4", "it is older"},
		{319, 3, 318, "3.18.3", "it is older"},
	} {
		err := compareVersions(tt.header, tt.flushBit, tt.library, tt.pkg)
		if tt.want == "" {
			assert.NoError(t, err, "%+v", tt)
			continue
		}
		var v *VersionError
		require.ErrorAs(t, err, &v, "%+v", tt)
		assert.Contains(t, v.Error(), tt.want)
		assert.Equal(t, tt.pkg, v.Loaded)
		assert.Equal(t, fmt.Sprintf("3.%d", tt.header-300), v.Compiled)
	}
}

func TestVersionError_SaysWhatToDo(t *testing.T) {
	err := compareVersions(318, 3, 314, "3.14.0")
	require.EqualError(t, err,
		"compiled for libfuse 3.18, but 3.14.0 is loaded: it is older, and lacks functions (rebuild with go build -a)")
}
