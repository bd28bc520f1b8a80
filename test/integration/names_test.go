package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Many create, link, rename, remove, list, read and write at once, in directories that are being moved; the servers have the race detector.
func TestNames_AgreeWithTheirModel(t *testing.T) {
	client := program(t, "test/namesx")
	for _, f := range append(filesystems(), passthroughByPath) {
		f.raced = true
		below := ""
		if f.backed != "" {
			below = newDir(t)
			f.options, f.backed = append(f.options, f.backed+below), ""
		}
		t.Run(f.name, func(t *testing.T) {
			p := f.mount(t, posixOptions...)
			fusetest.Watchdog(t, 2*time.Minute, p.Mountpoint)
			t.Log(strings.TrimSpace(fusetest.Run(t, 100*time.Second, client, "-n", "2000", "-seed", "0", p.Mountpoint)))
			if below != "" {
				fusetest.Eventually(t, time.Minute, "all that was hidden is removed", func() bool {
					return fusetest.Run(t, time.Minute, "find", below, "-name", ".fuse_hidden*") == ""
				})
			}
		})
	}
}
