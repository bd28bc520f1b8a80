package iomodes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const pressureTimeout = 20 * time.Second

// A mount may have only so many dirty pages (max_bytes of its /sys/class/bdi, by default 1 % of the memory). Who writes more waits, and the
// kernel writes back. The contrast: with the limit as it is, nothing is sent.
func TestWriteback_LimitOfDirtyPages(t *testing.T) {
	const size = 4 << 20
	write := fmt.Sprintf("write a 0 %d x", size)
	run(t, writeback, func(x *experiment) {
		limit(t, x, size/16)
		x.step("open a f wronly", "OPEN")
		_, requests := x.do(write)
		x.eventually(t, "data is written back", func() bool {
			requests = append(requests, x.fs.take()...)
			return count(requests, "WRITE") > 0
		})
	})
	run(t, writeback, func(x *experiment) {
		x.step("open a f wronly", "OPEN")
		x.step(write)
	})
}

// limit sets how many bytes of dirty pages the mount may have.
func limit(t *testing.T, x *experiment, size int) {
	t.Helper()
	m, err := fusetest.FindMount(x.dir)
	if err != nil || m == nil {
		t.Fatalf("no mount: %v", err)
	}
	file := fmt.Sprintf("/sys/class/bdi/%d:%d/max_bytes", m.Major, m.Minor)
	if err := os.WriteFile(file, []byte(strconv.Itoa(size)), 0); err != nil {
		fusetest.Skip(t, "needs a mount's limit of dirty pages (Linux 6.2): %v", err)
	}
}

// Under memory pressure, here of a memory cgroup that is told to give back all that it can, dirty pages are written back and dropped.
func TestWriteback_MemoryPressure(t *testing.T) {
	const size = 4 << 20
	run(t, writeback, func(x *experiment) {
		reclaim := memoryCgroup(t, x.client)
		x.step("open a f rdwr", "OPEN")
		x.step(fmt.Sprintf("write a 0 %d x", size))
		reclaim()
		var requests []string
		x.eventually(t, "all is written back", func() bool {
			requests = append(requests, x.fs.take()...)
			return writtenBack(requests) >= size
		})
		// Each page is written once by reclaim, and dropped once it is clean.
		x.eventually(t, "the page is read anew", func() bool {
			reclaim()
			result, requests := x.do("read a 0 10")
			x.check(result == "x*10", "read %q", result)
			return count(requests, "READ") > 0
		})
	})
}

// writtenBack returns how many bytes have come from the page cache.
func writtenBack(requests []string) int {
	total := 0
	for _, r := range only(requests, "WRITE") {
		var off, size int
		if _, err := fmt.Sscanf(r, "WRITE %d+%d from cache", &off, &size); err == nil {
			total += size
		}
	}
	return total
}

// eventually is fusetest.Eventually, but for an experiment that has failed already.
func (x *experiment) eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	fusetest.Eventually(t, pressureTimeout, what, func() bool { return x.err != nil || ok() })
}

// memoryCgroup puts a client into a memory cgroup of its own, and returns a function that has the kernel take back what it can of
// that cgroup's memory.
func memoryCgroup(t *testing.T, c *client) (reclaim func()) {
	t.Helper()
	pid := strconv.Itoa(c.cmd.Process.Pid)
	for _, kind := range []struct{ root, file, text string }{
		{"/sys/fs/cgroup/memory", "memory.force_empty", "0"}, // version 1
		{"/sys/fs/cgroup", "memory.reclaim", "1G"},           // version 2, Linux 5.19
	} {
		group := filepath.Join(kind.root, "iomodes-"+pid)
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			c.stop() // an empty cgroup can be removed
			fusetest.Eventually(t, pressureTimeout, "the cgroup is removed", func() bool {
				err := os.Remove(group)
				return err == nil || os.IsNotExist(err)
			})
		})
		file := filepath.Join(group, kind.file)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(pid), 0); err != nil {
			t.Fatal(err)
		}
		return func() { _ = os.WriteFile(file, []byte(kind.text), 0) } // EAGAIN: not all of it
	}
	fusetest.Skip(t, "needs a memory cgroup: of version 1, or of version 2 with memory.reclaim (Linux 5.19)")
	return nil
}
