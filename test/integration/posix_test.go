package integration

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// mayBeMissing are the tests of posixsuite that skip themselves where libfuse (O_TMPFILE: before 3.17) has no way to do it.
var mayBeMissing = []string{"open/tmpfile"}

func TestPOSIX_SuitePasses(t *testing.T) {
	suite := program(t, "test/posix")
	const long = "link/limit" // 65,000 links, one after the other, in a run of its own; and no matter of caching
	for i, f := range allFilesystems() {
		t.Run(f.name, func(t *testing.T) {
			p := f.mount(t, posixOptions...)
			fusetest.Watchdog(t, 5*time.Minute, p.Mountpoint)
			missing := mayBeMissing
			if strings.Contains(f.name, "uncached") {
				missing = append(missing, "data/mmap") // direct_io has no shared mappings
			}
			out := fusetest.Run(t, 2*time.Minute, suite, "-skip", long, p.Mountpoint)
			for _, m := range regexp.MustCompile(`(?m)^SKIP (\S+):.*$`).FindAllStringSubmatch(out, -1) {
				if !slices.Contains(missing, m[1]) {
					t.Errorf("not done: %s", m[0])
				}
			}
			if n := assertions(t, out); n < 28000 {
				t.Errorf("only %d assertions:\n%s", n, out)
			}
			if i < len(filesystems()) {
				assertions(t, fusetest.Run(t, 2*time.Minute, suite, "-run", long, p.Mountpoint))
			}
		})
	}
}

func assertions(t *testing.T, out string) int {
	m := regexp.MustCompile(`(?m)^(\d+) passed, 0 failed`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no result:\n%s", out)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", m[0])
	return n
}

// What of go-fuse's posixtest passes on the local filesystem passes on ours.
func TestPosixtest_PassesWhatTheLocalFilesystemPasses(t *testing.T) {
	fusetest.RequireRoot(t)
	client := binDir + "/posixtest.test"
	if out, err := (fusetest.Command{Timeout: 5 * time.Minute, Dir: "../posixtest"}).Run("go", "test", "-c", "-o", client, "."); err != nil {
		fusetest.Skip(t, "needs go-fuse, as a module: %v\n%s", err, out)
	}
	want := posixtestResults(t, client, newDir(t))
	if len(want) < 20 {
		t.Fatalf("only %d cases pass on the local filesystem", len(want))
	}
	for _, f := range append(allFilesystems(), passthroughByPath) {
		t.Run(f.name, func(t *testing.T) {
			p := f.mount(t, posixOptions...)
			fusetest.Watchdog(t, time.Minute, p.Mountpoint)
			got := posixtestResults(t, client, p.Mountpoint)
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if want[name] != "PASS" || got[name] == "PASS" || name == "Tmpfile" && got[name] == "SKIP" {
					continue // O_TMPFILE: see mayBeMissing
				}
				t.Errorf("%s: %s, but passes on the local filesystem", name, got[name])
			}
		})
	}
}

// posixtestResults are PASS, FAIL and SKIP of the cases.
func posixtestResults(t *testing.T, client, dir string) map[string]string {
	t.Helper()
	out, err := fusetest.RunError(t, 50*time.Second, client, "-test.v", "-posixdir", dir)
	results := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +--- (PASS|FAIL|SKIP): TestAll/(\w+)`).FindAllStringSubmatch(out, -1) {
		results[m[2]] = m[1]
	}
	if err != nil {
		t.Logf("%s", out)
	}
	return results
}

// Several files at once, with and without O_DIRECT.
func TestFsx_AgreesWithItsModel(t *testing.T) {
	fsx := program(t, "test/fsx")
	eachFilesystem(t, allFilesystems(), 2*time.Minute, func(t *testing.T, dir string) {
		without := ""
		if strings.Contains(t.Name(), "uncached") {
			without = "mapread,mapwrite,keepmap"
		}
		for seed := range 3 {
			for _, direct := range []string{"false", "true"} {
				t.Run(fmt.Sprintf("seed=%d direct=%s", seed+1, direct), func(t *testing.T) {
					t.Parallel()
					file := dir + "/" + direct + strconv.Itoa(seed)
					out := fusetest.Run(t, 90*time.Second, fsx, "-n", "4000", "-seed", strconv.Itoa(seed+1), "-direct="+direct, "-without", without, file)
					t.Log(strings.TrimSpace(out))
					if strings.Contains(out, "unsupported") {
						t.Errorf("what ext4 supports is missing: %s", out)
					}
				})
			}
		}
	})
}

// A filesystem that is full says so, and has the space back when something is removed.
func TestMemfs_FullFilesystem(t *testing.T) {
	p := memfs.mount(t, "size=8m")
	fusetest.Watchdog(t, time.Minute, p.Mountpoint)
	script{dir: p.Mountpoint, text: `
		cd $D
		for round in 1 2 3; do
			if err=$(dd if=/dev/zero of=big bs=64k count=1000 2>&1); then echo "no end of space"; exit 1; fi
			[[ $err == *"No space left on device"* ]] || { echo "$err"; exit 1; }
			size=$(stat -c %s big)
			[ $size -gt 6000000 ] && [ $size -le 8388608 ] || { echo "$size bytes fit"; exit 1; }
			head -c 4096 big | cmp - <(head -c 4096 /dev/zero)
			rm big
			[ $(df --output=avail -k . | tail -1) -gt 7000 ] || { df .; exit 1; }
		done`}.must(t)
}
