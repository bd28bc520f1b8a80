package lowlevel

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMountOptions_Args(t *testing.T) {
	for name, tt := range map[string]struct {
		options MountOptions
		want    []string
	}{
		"none":         {MountOptions{}, nil},
		"fsname":       {MountOptions{FSName: "/dev/x y"}, []string{"-o", "fsname=/dev/x y"}},
		"escaped":      {MountOptions{FSName: `a,b\c`, Subtype: `,\`}, []string{"-o", `fsname=a\,b\\c`, "-o", `subtype=\,\\`}},
		"subtype":      {MountOptions{Subtype: "fs"}, []string{"-o", "subtype=fs"}},
		"allow_other":  {MountOptions{AllowOther: true}, []string{"-o", "allow_other"}},
		"allow_root":   {MountOptions{AllowRoot: true}, []string{"-o", "allow_root"}},
		"permissions":  {MountOptions{DefaultPermissions: true}, []string{"-o", "default_permissions"}},
		"read-only":    {MountOptions{ReadOnly: true}, []string{"-o", "ro"}},
		"auto_unmount": {MountOptions{AutoUnmount: true}, []string{"-o", "auto_unmount"}},
		"max_read":     {MountOptions{MaxRead: 1<<32 - 1}, []string{"-o", "max_read=4294967295"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, tt.options.args()) })
	}
}

// What escapeOption does, libfuse's parser undoes.
func TestEscapeOption_IsUndoneByTheParser(t *testing.T) {
	for _, value := range []string{"", "plain", ",", `\`, `\,`, `a\\,,b`, `\054`, "-o x", "a=b", "\u00e4\xff"} {
		var o struct {
			Name string `fuse:"name=%s"`
		}
		rest, err := ParseOptions([]string{"prog", "-o", "name=" + escapeOption(value)}, &o)
		require.NoError(t, err)
		assert.Equal(t, []string{"prog"}, rest, "%q", value)
		assert.Equal(t, value, o.Name)
	}
}

func TestConfig_Args(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config
		want []string
	}{
		"nothing":   {Config{}, os.Args[:1]},
		"no args":   {Config{Args: []string{}}, os.Args[:1]},
		"own":       {Config{Args: []string{"p", "-o", "ro"}}, []string{"p", "-o", "ro"}},
		"mount too": {Config{Args: []string{"p"}, Mount: MountOptions{ReadOnly: true}}, []string{"p", "-o", "ro"}},
		"debug":     {Config{Args: []string{"p"}, Debug: true}, []string{"p", "-d"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tt.want, tt.cfg.args()) })
	}
}

func TestConfig_ArgsAreNotChanged(t *testing.T) {
	room := []string{"p", "-o", "ro", "mine"}
	cfg := Config{Args: room[:3], Debug: true}
	assert.Equal(t, []string{"p", "-o", "ro", "-d"}, cfg.args())
	assert.Equal(t, []string{"p", "-o", "ro", "mine"}, room)
}

func TestConfig_Threads(t *testing.T) {
	for _, tt := range []struct {
		cfg       Config
		max, idle int
	}{
		{Config{}, 10, -1},
		{Config{MaxThreads: -3}, 10, -1},
		{Config{MaxThreads: 1}, 1, -1},
		{Config{MaxThreads: 200, MaxIdleThreads: 7}, 200, 7},
		{Config{MaxIdleThreads: LeastIdle}, 10, 0},
		{Config{SingleThread: true, MaxThreads: 5}, 1, -1},
	} {
		assert.Equal(t, tt.max, tt.cfg.maxThreads(), "maxThreads of %+v", tt.cfg)
		assert.Equal(t, tt.idle, tt.cfg.maxIdle(), "maxIdle of %+v", tt.cfg)
	}
}

func TestConfig_DrainTimeout(t *testing.T) {
	assert.Equal(t, 400*time.Millisecond, (&Config{}).drainTimeout())
	assert.Equal(t, 400*time.Millisecond, (&Config{DrainTimeout: -1}).drainTimeout())
	assert.Equal(t, time.Nanosecond, (&Config{DrainTimeout: 1}).drainTimeout())
}
