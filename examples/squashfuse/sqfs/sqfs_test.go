package sqfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The archives in testdata were made by mksquashfs of one tree, with blocks of 4k, by one compression each.

func images(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.sqsh")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	m := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m[strings.TrimSuffix(filepath.Base(f), ".sqsh")] = data
	}
	return m
}

func open(image []byte) (*FS, error) { return New(bytes.NewReader(image), int64(len(image)), 0) }

// walker looks at everything in an archive, but at so much only.
type walker struct {
	fs    *FS
	files int   // that may yet be looked at
	data  int64 // bytes that may yet be read
	lines []string
	errs  int
}

// How many files to look at: all there are, or some of each kind.
const (
	everything = 3000
	enough     = 60
)

func walk(fs *FS, files int) *walker {
	w := &walker{fs: fs, files: files, data: int64(files) << 12}
	w.inode("", fs.Root(), 0)
	return w
}

func (w *walker) failed(err error) bool {
	if err != nil {
		w.errs++
	}
	return err != nil
}

func (w *walker) inode(path string, id InodeID, depth int) {
	if w.files--; w.files < 0 {
		return
	}
	i, err := w.fs.Inode(id)
	if w.failed(err) {
		return
	}
	uid, err := w.fs.ID(i.UID)
	w.failed(err)
	line := fmt.Sprintf("%s %o %d %d %d %x", path, i.Mode, i.Nlink, uid, i.Size, i.Rdev)
	line += w.xattrs(&i)
	switch {
	case i.IsSymlink():
		target, err := w.fs.Readlink(&i)
		w.failed(err)
		line += " -> " + target
	case i.IsReg():
		line += w.read(&i)
	}
	w.lines = append(w.lines, line)
	if i.IsDir() && depth < 20 {
		w.dir(path, &i, depth)
	}
}

func (w *walker) xattrs(i *Inode) (s string) {
	names, err := w.fs.Xattrs(i)
	if w.failed(err) {
		return ""
	}
	value := make([]byte, 64<<10)
	for name := range strings.SplitSeq(strings.TrimSuffix(names, "\x00"), "\x00") {
		n, err := w.fs.Xattr(i, name, value)
		if name != "" && !w.failed(err) {
			s += fmt.Sprintf(" %s=%.20q", name, value[:n])
		}
	}
	return s
}

func (w *walker) read(i *Inode) string {
	buf := make([]byte, 10000)
	var first []byte
	total := 0
	for off := int64(0); w.data > 0; {
		n, err := w.fs.ReadRange(i, buf, off)
		if w.failed(err) || n == 0 {
			break
		}
		if off == 0 {
			first = bytes.Clone(buf[:min(n, 10)])
		}
		off += int64(n)
		total += n
		w.data -= int64(n)
	}
	// And where the end is, or is said to be.
	n, err := w.fs.ReadRange(i, buf[:100], max(0, int64(i.Size)-50))
	w.failed(err)
	return fmt.Sprintf(" %d %q %q", total, first, buf[:min(n, 10)])
}

func (w *walker) dir(path string, i *Inode, depth int) {
	d, err := w.fs.OpenDir(i, 0)
	if w.failed(err) {
		return
	}
	defer d.Close()
	var e DirEntry
	for w.files > 0 {
		more, err := d.Next(&e)
		if w.failed(err) || !more {
			return
		}
		name, id, off := string(e.Name), e.Inode, e.NextOffset
		if found, ok, err := w.fs.Lookup(i, name); !w.failed(err) && (!ok || found.Inode != id) {
			w.errs++ // not the same by its name
		}
		if off%7 == 0 {
			w.goOn(i, off)
		}
		w.inode(path+"/"+name, id, depth+1)
	}
}

// goOn begins to read a directory in the middle.
func (w *walker) goOn(i *Inode, off int64) {
	d, err := w.fs.OpenDir(i, off)
	if w.failed(err) {
		return
	}
	defer d.Close()
	var e DirEntry
	_, err = d.Next(&e)
	w.failed(err)
}

func TestArchives_AreOneTree(t *testing.T) {
	var want []string
	for name, image := range images(t) {
		if name == "plain" { // has no large directory
			continue
		}
		fs, err := open(image)
		if err != nil {
			t.Fatal(err)
		}
		w := walk(fs, everything)
		if w.errs != 0 || len(w.lines) < 600 {
			t.Errorf("%s: %d lines, %d errors", name, len(w.lines), w.errs)
		}
		if want == nil {
			want = w.lines
		}
		if got, want := strings.Join(w.lines, "\n"), strings.Join(want, "\n"); got != want {
			t.Errorf("%s:\ngot:  %.3000s\nwant: %.3000s", name, got, want)
		}
	}
}

func TestNew_Refuses(t *testing.T) {
	good := images(t)["gzip"]
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	var version *VersionError
	var compression *CompressionError
	var wrong *CorruptError
	for _, c := range []struct {
		name  string
		image []byte
		is    func(error) bool
	}{
		{"empty", nil, func(err error) bool { return errors.Is(err, ErrFormat) }},
		{"superblock cut", good[:90], func(err error) bool { return errors.Is(err, ErrFormat) }},
		{"magic", change(0, 'x'), func(err error) bool { return errors.Is(err, ErrFormat) }},
		{"version", change(28, 3), func(err error) bool { return errors.As(err, &version) }},
		{"lzma", change(20, 2), func(err error) bool { return errors.As(err, &compression) }},
		{"compression", change(20, 77), func(err error) bool { return errors.As(err, &compression) }},
		{"block size 0", change(12, 0, 0, 0, 0), func(err error) bool { return errors.As(err, &wrong) }},
		{"block size and log", change(12, 0, 0x20, 0, 0), func(err error) bool { return errors.As(err, &wrong) }},
		{"block size 2M", change(12, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 21, 0), func(err error) bool { return errors.As(err, &wrong) }},
		{"fragments", change(16, 0xff, 0xff, 0xff, 0xff), func(err error) bool { return errors.As(err, &wrong) }},
		{"tables cut", good[:len(good)-200], func(err error) bool { return err != nil }},
		{"inode table", change(64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), func(err error) bool { return errors.As(err, &wrong) }},
	} {
		if _, err := open(c.image); !c.is(err) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// memoryMax is what looking at one of these archives may allocate at most, whatever is in it. The caches are the most of it.
const memoryMax = 150 << 20

func TestBroken_EachByte(t *testing.T) {
	for name, image := range images(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 1 + len(image)/250
			for at := 0; at < len(image); at += step {
				for _, flip := range []byte{0xff, 0x04} {
					broken := bytes.Clone(image)
					broken[at] ^= flip
					lookAtBroken(t, broken, fmt.Sprintf("byte %d ^ %#x", at, flip))
				}
			}
		})
	}
}

func TestBroken_Truncated(t *testing.T) {
	for name, image := range images(t) {
		for n := 0; n < len(image); n += 1 + len(image)/60 {
			broken := bytes.Clone(image)
			clear(broken[n:]) // as is a file of which only the beginning has been copied
			lookAtBroken(t, image[:n], fmt.Sprintf("%s: %d bytes", name, n))
			lookAtBroken(t, broken, fmt.Sprintf("%s: zeros from %d on", name, n))
		}
	}
}

// lookAtBroken looks at all of a broken archive. Errors are well; a panic would end the test.
func lookAtBroken(t testing.TB, image []byte, what string) {
	t.Helper()
	begin := time.Now()
	fs, err := open(image)
	if err != nil {
		return
	}
	walk(fs, enough)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("%s: took %v", what, took)
	}
}

func TestBroken_AllocatesNoMore(t *testing.T) {
	for name, image := range images(t) {
		for at := range superBlockSize {
			broken := bytes.Clone(image)
			broken[at] ^= 0x7f
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			lookAtBroken(t, broken, name)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > memoryMax {
				t.Errorf("%s, byte %d: %d bytes allocated", name, at, n)
			}
		}
	}
}

// TestRead_Concurrently has many goroutines read the same archive, with caches too small for it.
func TestRead_Concurrently(t *testing.T) {
	for name, image := range images(t) {
		fs, err := open(image)
		again, againErr := open(image)
		if err != nil || againErr != nil {
			t.Fatal(err, againErr)
		}
		want := strings.Join(walk(again, enough).lines, "\n")
		fs.mdCache.max, fs.dataCache.max, fs.fragCache.max = 2, 2, 2
		var all sync.WaitGroup
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				w := walk(fs, enough)
				if got := strings.Join(w.lines, "\n"); got != want || w.errs != 0 {
					t.Errorf("%s: %d errors, or another tree", name, w.errs)
				}
			}()
		}
		all.Wait()
		for _, c := range []*cache{fs.mdCache, fs.dataCache, fs.fragCache} {
			checkReleased(t, c)
		}
	}
}

// checkReleased checks that nobody but the cache has its blocks.
func checkReleased(t *testing.T, c *cache) {
	t.Helper()
	if len(c.blocks) > c.max {
		t.Errorf("%d blocks in a cache for %d", len(c.blocks), c.max)
	}
	for pos, b := range c.blocks {
		if n := b.refs.Load(); n != 1 {
			t.Errorf("block at %d: %d references are left", pos, n)
		}
	}
}

func TestMode_OfTypes(t *testing.T) {
	for kind, want := range map[int]uint32{typeDir: unix.S_IFDIR, typeLreg: unix.S_IFREG, typeLsocket: unix.S_IFSOCK, 0: 0, 15: 0, -1: 0} {
		if got := modeOf(kind); got != want {
			t.Errorf("type %d: got %o, want %o", kind, got, want)
		}
	}
}

// FuzzArchive looks at all of anything.
func FuzzArchive(f *testing.F) {
	for _, image := range images(f) {
		f.Add(image)
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		lookAtBroken(t, image, "archive")
	})
}
