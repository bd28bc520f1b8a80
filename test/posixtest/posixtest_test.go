package posixtest

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

var dir = flag.String("posixdir", "", "run the cases in this `directory`")

// skipReason says why a case cannot pass in a directory, whatever the filesystem does.
func skipReason(t *testing.T, name, dir string) string {
	switch name {
	case "FcntlFlockLocksFile":
		return "wants flock and fcntl locks to exclude each other, which they do not on Linux"
	case "OpenSymlinkRace":
		if device(t, dir) == device(t, "/etc/passwd") {
			return "tells the filesystem from that of /etc/passwd by the device number, and they are one here"
		}
	}
	return ""
}

func device(t *testing.T, path string) uint64 {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Dev
}

func TestAll(t *testing.T) {
	top := *dir
	if top == "" {
		top = t.TempDir()
	}
	for _, name := range slices.Sorted(maps.Keys(posixtest.All)) {
		t.Run(name, func(t *testing.T) {
			if why := skipReason(t, name, top); why != "" {
				t.Skip(why)
			}
			d := filepath.Join(top, name)
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // also of a case that skips itself
				if err := os.RemoveAll(d); err != nil {
					t.Error(err)
				}
			})
			posixtest.All[name](t, d)
		})
	}
}
