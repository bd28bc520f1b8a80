package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// treeBuilder makes files, and fails the test where that fails.
type treeBuilder struct {
	t   testing.TB
	dir string
	rnd *rand.Rand
}

func newTree(t testing.TB, dir string) *treeBuilder {
	t.Helper()
	b := &treeBuilder{t, dir, rand.New(rand.NewPCG(1, 2))}
	b.must(os.MkdirAll(dir, 0o755))
	return b
}

func (b *treeBuilder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *treeBuilder) path(name string) string { return filepath.Join(b.dir, name) }

func (b *treeBuilder) file(name string, data []byte) {
	b.t.Helper()
	b.must(os.MkdirAll(filepath.Dir(b.path(name)), 0o755))
	b.must(os.WriteFile(b.path(name), data, 0o644))
}

func (b *treeBuilder) xattr(name, attr string, value []byte) {
	b.t.Helper()
	if err := unix.Lsetxattr(b.path(name), attr, value, 0); err != nil {
		b.t.Fatalf("%s: %s: %v", name, attr, err)
	}
}

// text is data that can be compressed, noise such that cannot.
func (b *treeBuilder) text(n int) []byte {
	var out bytes.Buffer
	for out.Len() < n {
		fmt.Fprintf(&out, "line %d of %x\n", out.Len(), b.rnd.Uint32()&0xfff)
	}
	return out.Bytes()[:n]
}

func (b *treeBuilder) noise(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(b.rnd.Uint32())
	}
	return out
}

// madeTree makes a tree with one of each, and returns it.
func madeTree(t testing.TB) string {
	t.Helper()
	fusetest.RequireRoot(t)
	b := newTree(t, filepath.Join(t.TempDir(), "made"))
	b.files()
	b.links()
	b.special()
	b.owners()
	b.times()
	b.directories()
	b.xattrs()
	return b.dir
}

func (b *treeBuilder) files() {
	const K = 1 << 10
	b.file("files/empty", nil)
	for _, n := range []int{1, 511, 512, 4095, 4 * K, 4*K + 1, 128*K - 1, 128 * K, 128*K + 1, 256 * K, 1024*K - 5, 1300*K + 7} {
		b.file(fmt.Sprintf("files/text-%d", n), b.text(n))
		b.file(fmt.Sprintf("files/noise-%d", n), b.noise(n))
	}
	for i := range 200 { // ends of files that share blocks
		b.file(fmt.Sprintf("files/small/%d", i), b.text(1+b.rnd.IntN(6000)))
	}
	b.file("files/zeros", make([]byte, 1024*K))
	b.file("files/sparse", nil)
	f, err := os.OpenFile(b.path("files/sparse"), os.O_RDWR, 0)
	b.must(err)
	defer f.Close()
	for _, off := range []int64{300 * K, 1024 * K, 5000 * K} {
		_, err := f.WriteAt(b.text(5000), off)
		b.must(err)
	}
	b.must(f.Truncate(6000*K + 100))
	// More blocks than one block of metadata has sizes for, with small blocks.
	b.file("files/many-blocks", append(append(b.text(100*K), make([]byte, 9<<20)...), b.text(200*K)...))
}

func (b *treeBuilder) links() {
	b.file("links/file", []byte("linked"))
	for i := range 3 {
		b.must(os.Link(b.path("links/file"), b.path(fmt.Sprintf("links/hard-%d", i))))
	}
	for name, target := range map[string]string{
		"links/soft": "file", "links/dangling": "nowhere/at/all", "links/absolute": "/etc", "links/long": strings.Repeat("long/", 800), "links/up": "..",
	} {
		b.must(os.Symlink(target, b.path(name)))
	}
}

func (b *treeBuilder) special() {
	b.must(os.Mkdir(b.path("special"), 0o755))
	for name, n := range map[string]struct{ mode, major, minor uint32 }{
		"fifo": {unix.S_IFIFO | 0o644, 0, 0}, "socket": {unix.S_IFSOCK | 0o755, 0, 0},
		"null": {unix.S_IFCHR | 0o666, 1, 3}, "block": {unix.S_IFBLK | 0o660, 8, 17},
		"large-major": {unix.S_IFCHR | 0o600, 4000, 5}, "large-minor": {unix.S_IFBLK | 0o600, 5, 1 << 19},
	} {
		b.must(unix.Mknod(b.path("special/"+name), n.mode, int(unix.Mkdev(n.major, n.minor))))
	}
}

func (b *treeBuilder) owners() {
	for i, id := range []int{0, 1, 1000, 65534, 65536, 1 << 31, 1<<32 - 2} {
		name := fmt.Sprintf("owners/%d", i)
		b.file(name, []byte("owned"))
		b.must(os.Lchown(b.path(name), id, 1<<32-2-id))
	}
	for i, mode := range []uint32{0, 0o111, 0o777, 0o4755, 0o2755, 0o1644, 0o7777} {
		name := fmt.Sprintf("owners/mode-%d", i)
		b.file(name, []byte("mode"))
		b.must(unix.Chmod(b.path(name), mode))
	}
	b.must(os.Mkdir(b.path("owners/sticky"), 0o755))
	b.must(unix.Chmod(b.path("owners/sticky"), 0o3777))
}

func (b *treeBuilder) times() {
	for i, sec := range []int64{0, 1, 86400, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		name := fmt.Sprintf("times/%d", i)
		b.file(name, []byte("time"))
		b.must(os.Chtimes(b.path(name), time.Unix(sec, 0), time.Unix(sec, 0)))
	}
}

func (b *treeBuilder) directories() {
	b.must(os.MkdirAll(b.path("directories/empty"), 0o755))
	for i := range 400 {
		b.file(fmt.Sprintf("directories/middling/%d-%s", i, strings.Repeat("n", i%40)), nil)
	}
	for i := range 50 {
		b.file("directories/long-names/"+strings.Repeat(string(rune('a'+i%26)), 205+i), []byte("long"))
	}
	b.file("directories/names/with space", nil)
	b.file("directories/names/new\nline", nil)
	b.file("directories/names/\xff\xfe", nil)
	b.file("directories/names/\u00fc\u4e16", nil)
	b.file("directories/"+strings.Repeat("deep/", 60)+"file", []byte("deep"))
}

func (b *treeBuilder) xattrs() {
	shared := b.noise(2000) // such values are kept once, out of line
	for i := range 5 {
		name := fmt.Sprintf("xattrs/%d", i)
		b.file(name, []byte("xattrs"))
		b.xattr(name, "user.shared", shared)
		b.xattr(name, "user.one", []byte{byte(i)})
	}
	b.xattr("xattrs/0", "trusted.overlay", []byte("trust"))
	b.xattr("xattrs/0", "security.capability", []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	b.xattr("xattrs/1", "user.binary", []byte{0, 1, 2, 0, 255})
	b.xattr("xattrs/1", "user."+strings.Repeat("n", 250), []byte("long name"))
	for i := range 40 {
		b.xattr("xattrs/2", fmt.Sprintf("user.many-%d", i), []byte("value"))
	}
	b.xattr("xattrs", "user.directory", []byte("directory"))
	b.xattr("special/fifo", "trusted.fifo", []byte("fifo"))
	b.xattr("special/null", "trusted.device", []byte("device"))
	b.xattr("links/soft", "trusted.link", []byte("link"))
	b.xattr("links/long", "trusted.link", []byte("a long one"))
}

// largeXattrs makes files with xattrs as large as they can be, and returns their directory.
func largeXattrs(t testing.TB) string {
	t.Helper()
	b := newTree(t, filepath.Join(roomy(t), "large-xattrs"))
	for i := range 2 {
		name := fmt.Sprint(i)
		b.file(name, nil)
		b.xattr(name, "user.largest", bytes.Repeat([]byte("xattr"), 64<<10/5))
		b.xattr(name, "user.after", []byte("behind a large one"))
	}
	b.xattr("0", "user.noise", b.noise(30000))
	return b.dir
}

// roomy returns a directory on a filesystem that takes large xattrs, as most do not.
func roomy(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "squashfuse-test-")
	if err != nil {
		fusetest.Skip(t, "needs a tmpfs: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// largeDirectory makes a directory that has an index, and returns it.
func largeDirectory(t testing.TB) string {
	t.Helper()
	b := newTree(t, filepath.Join(t.TempDir(), "large-directory"))
	for i := range 4000 { // more than 64 KiB of entries
		b.must(os.Mkdir(b.path(fmt.Sprintf("%d-%s", i, strings.Repeat("n", i%40))), 0o755))
	}
	return b.dir
}

// realTree returns a tree that every machine with Go has.
func realTree(t testing.TB) string {
	t.Helper()
	return filepath.Join(strings.TrimSpace(fusetest.Run(t, time.Minute, "go", "env", "GOROOT")), "src", "encoding")
}
