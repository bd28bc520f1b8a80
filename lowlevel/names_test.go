package lowlevel

import (
	"fmt"
	"math/bits"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func (c *nameCache) of(b []byte) string { return c.get(unsafe.SliceData(b), uint64(len(b))) }

func TestNameCache_ReturnsTheName(t *testing.T) {
	var c nameCache
	names := []string{"", "a", "b", "name", "\xff\xfe", "with\nnewline", strings.Repeat("x", 255), strings.Repeat("y", 4095)}
	for range 3 {
		for _, want := range names {
			assert.Equal(t, want, c.of([]byte(want)))
		}
	}
}

// The names come from a buffer that is used again.
func TestNameCache_KeepsNothingOfTheBuffer(t *testing.T) {
	var c nameCache
	buf := []byte("first")
	first := c.of(buf)
	copy(buf, "other")
	assert.Equal(t, "other", c.of(buf))
	assert.Equal(t, "first", first)
	assert.Equal(t, "first", c.of([]byte("first")))
}

func TestNameCache_NamesThatShareASlot(t *testing.T) {
	var c nameCache
	for i := range 10 * len(c) {
		name := fmt.Sprint("name", i)
		assert.Equal(t, name, c.of([]byte(name)))
		assert.Equal(t, name, c.of([]byte(name)))
	}
}

func TestNameCache_RepeatedNamesCostNothing(t *testing.T) {
	var c nameCache
	name := []byte("a name that comes again")
	c.of(name)
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.of(name) }))
}

func TestNameCache_Concurrent(t *testing.T) {
	var c nameCache
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			buf := make([]byte, 0, 16)
			for i := range 5000 {
				buf = fmt.Appendf(buf[:0], "n%d", (i*7+worker)%3000) // more than there are slots
				if got := c.of(buf); got != string(buf) {
					t.Errorf("got %q, want %q", got, buf)
					return
				}
			}
		}()
	}
	wg.Wait()
}

func TestFlags_StringHasTheNamesOfC(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"0":                   Cap(0),
		"FUSE_CAP_ASYNC_READ": CapAsyncRead,
		"FUSE_CAP_WRITEBACK_CACHE|FUSE_CAP_POSIX_ACL": CapPosixACL | CapWritebackCache,
		"FUSE_CAP_SECURITY_CTX|0x8000000000000000":    CapSecurityCtx | 1<<63,
		"0x4": Cap(4),
		"FUSE_SET_ATTR_MODE|FUSE_SET_ATTR_KILL_SGID":  SetAttrMode | SetAttrKillSGID,
		"FUSE_SET_ATTR_ATIME|FUSE_SET_ATTR_ATIME_NOW": SetAttrAtime | SetAttrAtimeNow,
		"RENAME_NOREPLACE":                            RenameNoreplace,
		"RENAME_EXCHANGE|0x8":                         RenameExchange | 8,
		"RENAME_WHITEOUT":                             RenameWhiteout,
		"XATTR_CREATE":                                XattrCreate,
		"XATTR_REPLACE":                               XattrReplace,
		"LOCK_EX|LOCK_NB":                             FlockExclusive | FlockNonblock,
		"LOCK_SH":                                     FlockShared,
		"LOCK_UN":                                     FlockUnlock,
		"FUSE_IOCTL_COMPAT|FUSE_IOCTL_DIR":            IoctlCompat | IoctlDir,
		"FUSE_IOCTL_UNRESTRICTED|FUSE_IOCTL_RETRY":    IoctlUnrestricted | IoctlRetry,
		"FUSE_BUF_FD_SEEK|FUSE_BUF_FD_RETRY":          BufFDSeek | BufFDRetry,
		"FUSE_BUF_NO_SPLICE":                          BufNoSplice,
		"FUSE_BUF_FORCE_SPLICE|FUSE_BUF_SPLICE_MOVE|FUSE_BUF_SPLICE_NONBLOCK": BufForceSplice | BufSpliceMove | BufSpliceNonblock,
	} {
		assert.Equal(t, want, v.String())
	}
}

func TestCap_EachHasOneBitAndOneName(t *testing.T) {
	names := map[string]bool{}
	for _, k := range capInfo {
		assert.Equal(t, 1, bits.OnesCount64(uint64(k.cap)), k.name)
		assert.Equal(t, k.name, k.cap.String())
		assert.False(t, names[k.name], k.name)
		names[k.name] = true
	}
}
