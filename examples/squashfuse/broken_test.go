package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// TestBroken_Mounted mounts damaged archives and looks at everything. There must be errors, and the program must live on.
func TestBroken_Mounted(t *testing.T) {
	b := newTree(t, filepath.Join(t.TempDir(), "tree"))
	for i := range 300 {
		b.file(fmt.Sprintf("d/%d/%d", i%10, i), b.text(1000+i*97))
	}
	b.userXattrs()
	good := readFile(t, mksquashfs(t, []string{b.dir}, "-b", "16k"))
	r := rand.New(rand.NewPCG(7, 8))
	mounted := 0
	for range 12 {
		bad := append([]byte(nil), good...)
		for range 1 + r.IntN(8) {
			// The end, where metadata is, more often than the data before it.
			at := 96 + r.IntN(len(bad)-96)
			if r.IntN(2) == 0 {
				at = len(bad) - 1 - r.IntN(min(len(bad)-96, 12000))
			}
			bad[at] ^= byte(1 + r.IntN(255))
		}
		if lookAtMounted(t, writeFile(t, "bad", bad)) {
			mounted++
		}
	}
	if mounted < 3 {
		t.Errorf("only %d of the archives could be mounted", mounted)
	}
}

// userXattrs gives some files xattrs, for which no privileges are needed.
func (b *treeBuilder) userXattrs() {
	for i := range 20 {
		b.xattr(fmt.Sprintf("d/%d/%d", i%10, i), "user.attribute", b.text(10*i+1))
	}
}

// lookAtMounted reports whether the archive could be mounted.
func lookAtMounted(t *testing.T, image string) bool {
	t.Helper()
	fusetest.RequireFUSE(t)
	dir := t.TempDir()
	out, err := fusetest.Command{Timeout: time.Minute, Dir: dir}.Run("bash", "-uc", fmt.Sprintf(`
		mkdir mnt
		%s -f %s mnt & pid=$!
		until findmnt $PWD/mnt >/dev/null; do kill -0 $pid 2>/dev/null || exit 9; sleep 0.01; done
		find mnt -ls 2>&1 | tail -n 1
		tar cf - --xattrs mnt 2>&1 | wc -c
		stat -f mnt >/dev/null && umount mnt
		wait $pid && echo ended well`, exampletest.Self(t), image))
	if cleanup := fusetest.ForceUnmount(filepath.Join(dir, "mnt")); cleanup != nil {
		t.Error(cleanup)
	}
	switch {
	case fusetest.ExitCode(err) == 9 && strings.Contains(out, "Something went wrong"):
		return false
	case err != nil || !strings.HasSuffix(out, "ended well\n") || strings.Contains(out, "panic"):
		t.Errorf("got %v:\n%s", err, out)
	}
	return true
}

// TestBroken_Data damages the data of one file. Reading it is EIO, as in C; all others can be read.
func TestBroken_Data(t *testing.T) {
	b := newTree(t, filepath.Join(t.TempDir(), "tree"))
	b.file("a", b.text(128<<10))
	b.file("b", b.text(128<<10))
	image := readFile(t, mksquashfs(t, []string{b.dir}))
	image[96+1000] ^= 0xff // the first file's data follows the superblock
	bad := writeFile(t, "bad", image)
	script := "try cat a 2>&1 | tail -n 2; wc -c <b; try head -c 10 a"
	got := exampletest.Sh(t, mount(t, exampletest.Self(t), bad), script)
	if want := exampletest.Sh(t, mount(t, squashfuseC(t), bad), script); got != want || !strings.Contains(got, "Input/output error") {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
