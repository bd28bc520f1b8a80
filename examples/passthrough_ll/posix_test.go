package main

import (
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// The project's POSIX suite must pass whole.
func TestPOSIX(t *testing.T) {
	fusetest.RequireRoot(t)
	suite := fusetest.Build(t, "../../test/posix")
	for _, opts := range []string{"", "cache=never", "writeback,cache=always", "no_open,no_opendir"} {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, posixOptions, "xattr", opts)
			out, err := fusetest.RunError(t, 4*time.Minute, suite, m.dir)
			if err != nil {
				t.Error(err)
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			t.Log(lines[len(lines)-1])
		})
	}
}
