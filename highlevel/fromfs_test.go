package highlevel

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

var goContext = context.Background()

// onlyRead hides what else a file can do, and counts how often files are opened.
type onlyRead struct {
	fs.FS
	seek   bool // it can seek
	piece  int  // it reads no more at a time; 0: what is asked for
	opened int
	closed int
}

type plainFile struct {
	fs.File
	piece int
}

func (f plainFile) Read(p []byte) (int, error) {
	if f.piece > 0 {
		p = p[:min(len(p), f.piece)]
	}
	return f.File.Read(p)
}

type seekFile struct {
	fs.File
	io.Seeker
}

func (o *onlyRead) Open(name string) (fs.File, error) {
	f, err := o.FS.Open(name)
	if err != nil {
		return nil, err
	}
	o.opened++
	counted := countClose{f, &o.closed}
	if o.seek {
		return seekFile{counted, f.(io.Seeker)}, nil
	}
	return plainFile{counted, o.piece}, nil
}

type countClose struct {
	fs.File
	closed *int
}

func (c countClose) Close() error {
	*c.closed++
	return c.File.Close()
}

func goContent(size int) []byte {
	data := make([]byte, size)
	r := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func goOpen(t *testing.T, ops *Operations, path string) *FileInfo {
	t.Helper()
	fi := &FileInfo{Flags: unix.O_RDONLY}
	if err := ops.Open(goContext, path, fi); err != nil {
		t.Fatal(err)
	}
	return fi
}

// TestFromFS_Read reads files of all kinds here and there: what comes must be what is there.
func TestFromFS_Read(t *testing.T) {
	data := goContent(3<<20 + 12345)
	tree := fstest.MapFS{"d/file": {Data: data}}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	zipped, _ := w.Create("d/file")
	_, _ = zipped.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{
		"ReaderAt":          tree,
		"Seeker":            &onlyRead{FS: tree, seek: true},
		"Reader":            &onlyRead{FS: tree},
		"Reader, in pieces": &onlyRead{FS: tree, piece: 1000},
		"zip":               r,
	} {
		t.Run(name, func(t *testing.T) {
			ops := FromFS(fsys)
			fi := goOpen(t, ops, "/d/file")
			size := int64(len(data))
			random := rand.New(rand.NewPCG(7, 7))
			offsets := []int64{0, 4096, 0, size - 10, size, size + 5, size + 1<<30, 100, 1 << 20, 1<<20 - 1, 1<<20 - keepSeen, 0}
			for range 30 {
				offsets = append(offsets, random.Int64N(size))
			}
			for i, off := range offsets {
				dst := make([]byte, []int{1, 4096, 128 << 10, 1 << 20, 1<<20 + keepSeen, 0}[i%6])
				n, err := ops.Read(goContext, "", dst, off, fi)
				want := data[min(off, size):min(off+int64(len(dst)), size)]
				if err != nil || !bytes.Equal(dst[:n], want) {
					t.Fatalf("%d bytes at %d: got %d bytes, %v, want %d, as they are in the file", len(dst), off, n, err, len(want))
				}
			}
			if err := ops.Release(goContext, "", fi); err != nil {
				t.Error(err)
			}
			if _, err := ops.Read(goContext, "", make([]byte, 1), 0, fi); err != syscall.EBADF {
				t.Errorf("after Release: got %v, want EBADF", err)
			}
		})
	}
}

// TestFromFS_ReadAhead reads as the kernel does: on and on, a few requests out of order.
func TestFromFS_ReadAhead(t *testing.T) {
	const chunk = 128 << 10
	data := goContent(8 << 20)
	fsys := &onlyRead{FS: fstest.MapFS{"f": {Data: data}}}
	ops := FromFS(fsys)
	fi := goOpen(t, ops, "/f")
	got := make([]byte, len(data))
	for base := 0; base < len(data); base += 4 * chunk {
		for _, i := range []int{2, 0, 3, 1} {
			at := base + i*chunk
			if n, err := ops.Read(goContext, "", got[at:at+chunk], int64(at), fi); n != chunk || err != nil {
				t.Fatalf("at %d: got %d, %v, want %d", at, n, err, chunk)
			}
		}
	}
	if !bytes.Equal(got, data) {
		t.Error("got other data than there is")
	}
	if fsys.opened != 1 {
		t.Errorf("opened %d times, want once", fsys.opened)
	}
	if _, err := ops.Read(goContext, "", got[:10], 0, fi); err != nil || !bytes.Equal(got[:10], data[:10]) {
		t.Errorf("from the beginning again: got %v, or other data", err)
	}
	if fsys.opened != 2 || fsys.closed != 1 {
		t.Errorf("opened %d times, closed %d, want 2, 1", fsys.opened, fsys.closed)
	}
	if err := ops.Release(goContext, "", fi); err != nil || fsys.closed != 2 {
		t.Errorf("got %v, closed %d times, want 2", err, fsys.closed)
	}
}

// TestFromFS_ReadTogether: several threads on one open file.
func TestFromFS_ReadTogether(t *testing.T) {
	data := goContent(2 << 20)
	ops := FromFS(&onlyRead{FS: fstest.MapFS{"f": {Data: data}}})
	fi := goOpen(t, ops, "/f")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			dst := make([]byte, 64<<10)
			for off := i * 1000; off < len(data); off += 300_000 {
				n, err := ops.Read(goContext, "", dst, int64(off), fi)
				if want := data[off:min(off+len(dst), len(data))]; err != nil || !bytes.Equal(dst[:n], want) {
					t.Errorf("at %d: got %d bytes, %v, want %d", off, n, err, len(want))
				}
			}
		}()
	}
	wg.Wait()
}

// failingFile fails at an offset.
type failingFile struct {
	fs.File
	left int
	err  error
}

func (f *failingFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, f.err
	}
	n := min(len(p), f.left, 1000)
	f.left -= n
	return n, nil
}

type failingFS struct {
	fstest.MapFS
	err error
}

func (f failingFS) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	return &failingFile{file, 10_000, f.err}, err
}

func TestFromFS_ReadErrors(t *testing.T) {
	no := errors.New("no")
	fsys := failingFS{fstest.MapFS{"f": {Data: make([]byte, 20_000)}}, no}
	ops := FromFS(fsys)
	fi := goOpen(t, ops, "/f")
	dst := make([]byte, 4000)
	if n, err := ops.Read(goContext, "", dst, 0, fi); n != 4000 || err != nil {
		t.Errorf("got %d, %v, want 4000", n, err)
	}
	if _, err := ops.Read(goContext, "", dst, 8000, fi); !errors.Is(err, no) {
		t.Errorf("got %v, want %v", err, no)
	}
	if n, err := ops.Read(goContext, "", dst, 4000, fi); n != 4000 || err != nil {
		t.Errorf("before that: got %d, %v, want 4000", n, err)
	}
	fsys.err = io.EOF
	ops = FromFS(fsys)
	fi = goOpen(t, ops, "/f")
	if n, err := ops.Read(goContext, "", dst, 8000, fi); n != 2000 || err != nil {
		t.Errorf("a file shorter than it said: got %d, %v, want 2000", n, err)
	}
}

func TestFromFS_Getattr(t *testing.T) {
	when := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	old := time.Date(1601, 1, 1, 0, 0, 0, 5, time.UTC)
	ops := FromFS(fstest.MapFS{
		"d":      {Mode: fs.ModeDir | fs.ModeSticky | 0o711, ModTime: when},
		"d/file": {Data: make([]byte, 1025), Mode: 0o640, ModTime: when},
		"suid":   {Mode: fs.ModeSetuid | fs.ModeSetgid | 0o755, ModTime: old},
		"fifo":   {Mode: fs.ModeNamedPipe | 0o600},
		"sock":   {Mode: fs.ModeSocket | 0o600},
		"tty":    {Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600},
		"disk":   {Mode: fs.ModeDevice | 0o600},
	})
	for path, want := range map[string]Stat{
		"/":       {Mode: unix.S_IFDIR | 0o555},
		"/d":      {Mode: unix.S_IFDIR | unix.S_ISVTX | 0o711, Mtim: unix.Timespec{Sec: when.Unix(), Nsec: 789}},
		"/d/":     {Mode: unix.S_IFDIR | unix.S_ISVTX | 0o711, Mtim: unix.Timespec{Sec: when.Unix(), Nsec: 789}},
		"/d/file": {Mode: unix.S_IFREG | 0o640, Size: 1025, Blocks: 3, Mtim: unix.Timespec{Sec: when.Unix(), Nsec: 789}},
		"/suid":   {Mode: unix.S_IFREG | unix.S_ISUID | unix.S_ISGID | 0o755, Mtim: unix.Timespec{Sec: old.Unix(), Nsec: 5}},
		"/fifo":   {Mode: unix.S_IFIFO | 0o600},
		"/sock":   {Mode: unix.S_IFSOCK | 0o600},
		"/tty":    {Mode: unix.S_IFCHR | 0o600},
		"/disk":   {Mode: unix.S_IFBLK | 0o600},
	} {
		want.Nlink, want.UID, want.GID = 1, uint32(os.Getuid()), uint32(os.Getgid())
		want.Atim, want.Ctim = want.Mtim, want.Mtim
		if got, err := ops.Getattr(goContext, path, nil); got != want || err != nil {
			t.Errorf("%s: %v\ngot:  %+v\nwant: %+v", path, err, got, want)
		}
	}
	for path, want := range map[string]lowlevel.Errno{"/none": unix.ENOENT, "/d/file/x": unix.ENOENT, "/bad\xff": unix.ENOENT, "/d/..": unix.ENOENT} {
		if _, err := ops.Getattr(goContext, path, nil); lowlevel.ToErrno(err) != want {
			t.Errorf("%q: got %v, want %v", path, err, want)
		}
	}
	fi := goOpen(t, ops, "/d/file")
	if got, err := ops.Getattr(goContext, "", fi); got.Size != 1025 || err != nil {
		t.Errorf("of the open file: got %+v, %v, want the size 1025", got, err)
	}
}

// TestFromFS_SystemFiles shows what the system knows of a file.
func TestFromFS_SystemFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("text"), 0o604); err != nil {
		t.Fatal(err)
	}
	for link, make := range map[string]func(string, string) error{"hard": os.Link, "soft": os.Symlink} {
		if err := make(filepath.Join(dir, "f"), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	ops := FromFS(os.DirFS(dir))
	for _, name := range []string{"", "f", "hard", "soft"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
			t.Fatal(err)
		}
		want := lowlevel.StatOf(&st)
		want.Ino, want.Blksize = 0, 0
		if got, err := ops.Getattr(goContext, "/"+name, nil); got != want || err != nil {
			t.Errorf("%q: %v\ngot:  %+v\nwant: %+v", name, err, got, want)
		}
	}
	if got, err := ops.Readlink(goContext, "/soft"); got != filepath.Join(dir, "f") || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, filepath.Join(dir, "f"))
	}
	if _, err := ops.Readlink(goContext, "/f"); lowlevel.ToErrno(err) != unix.EINVAL {
		t.Errorf("no link: got %v, want EINVAL", err)
	}
}

// goList lists a directory as "name type" or, with all attributes, "name type size".
func goList(t *testing.T, ops *Operations, path string, flags ReaddirFlags) []string {
	t.Helper()
	var got []string
	fill := func(name string, st *Stat, off int64, plus FillDirFlags) bool {
		line := fmt.Sprintf("%s %o", name, st.Mode&unix.S_IFMT)
		if plus == FillDirPlus {
			line += fmt.Sprint(" ", st.Size)
		}
		got = append(got, line)
		if off != 0 {
			t.Errorf("%s: got offset %d, want 0", name, off)
		}
		return true
	}
	var fi FileInfo
	if err := ops.Opendir(goContext, path, &fi); err != nil {
		t.Fatal(err)
	}
	if err := ops.Readdir(goContext, "", fill, 0, &fi, flags); err != nil {
		t.Fatal(err)
	}
	if err := ops.Releasedir(goContext, "", &fi); err != nil {
		t.Fatal(err)
	}
	if err := ops.Readdir(goContext, "", fill, 0, &fi, flags); err != syscall.EBADF {
		t.Errorf("after Releasedir: got %v, want EBADF", err)
	}
	return got
}

// unsorted has names that no file can have, and lists in any order.
type unsorted struct{ fstest.MapFS }

func (u unsorted) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := u.MapFS.ReadDir(name)
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	return append(entries, badEntry{entries[0], "a/b"}, badEntry{entries[0], ""}, badEntry{entries[0], ".."}, badEntry{entries[0], "nul\x00"}), err
}

type badEntry struct {
	fs.DirEntry
	name string
}

func (b badEntry) Name() string { return b.name }

func TestFromFS_Readdir(t *testing.T) {
	ops := FromFS(unsorted{fstest.MapFS{"d/b": {Data: make([]byte, 5)}, "d/a/x": {}, "d/c": {Data: []byte("b"), Mode: fs.ModeSymlink | 0o777}}})
	want := []string{". 40000", ".. 40000", "a 40000", "b 100000", "c 120000"}
	if got := goList(t, ops, "/d", 0); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want = []string{". 40000", ".. 40000", "a 40000 0", "b 100000 5", "c 120000 1"}
	if got := goList(t, ops, "/d", ReaddirPlus); !slices.Equal(got, want) {
		t.Errorf("with attributes: got %q, want %q", got, want)
	}
	var fi FileInfo
	if err := ops.Opendir(goContext, "/none", &fi); err != nil {
		t.Fatal(err) // it is not asked
	}
	if err := ops.Readdir(goContext, "", nil, 0, &fi, 0); lowlevel.ToErrno(err) != unix.ENOENT {
		t.Errorf("got %v, want ENOENT", err)
	}
}

// followFS has links but only Stat, which follows them, as os.DirFS in Go 1.24.
type followFS struct{ fs.FS }

func TestFromFS_LinksThatNobodyCanRead(t *testing.T) {
	ops := FromFS(followFS{fstest.MapFS{
		"dir/x":  {},
		"link":   {Data: []byte("dir"), Mode: fs.ModeSymlink},
		"broken": {Data: []byte("none"), Mode: fs.ModeSymlink},
	}})
	if _, err := ops.Readlink(goContext, "/link"); err != syscall.EINVAL {
		t.Errorf("got %v, want EINVAL", err)
	}
	st, err := ops.Getattr(goContext, "/link", nil)
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("link %o", st.Mode&unix.S_IFMT)
	for _, flags := range []ReaddirFlags{0, ReaddirPlus} {
		if got := goList(t, ops, "/", flags); !slices.Contains(got, line) {
			t.Errorf("flags %d: got %q, want %q: as Getattr has it", flags, got, line)
		}
	}
}

func TestFromFS_Changes(t *testing.T) {
	ops := FromFS(fstest.MapFS{"f": {}})
	for _, flags := range []int32{unix.O_WRONLY, unix.O_RDWR, unix.O_RDWR | unix.O_TRUNC} {
		if err := ops.Open(goContext, "/f", &FileInfo{Flags: flags}); err != syscall.EROFS {
			t.Errorf("open with %#x: got %v, want EROFS", flags, err)
		}
	}
	v := reflect.ValueOf(ops).Elem()
	for _, name := range strings.Fields("Mknod Mkdir Unlink Rmdir Symlink Rename Link Chmod Chown Truncate Utimens Setxattr Removexattr") {
		if err := call(v.FieldByName(name), "/f", "/g"); err != syscall.EROFS {
			t.Errorf("%s: got %v, want EROFS", name, err)
		}
	}
}

func TestFromFS_OpenErrors(t *testing.T) {
	ops := FromFS(fstest.MapFS{"f": {}})
	for path, want := range map[string]lowlevel.Errno{"/none": unix.ENOENT, "/\xff": unix.ENOENT} {
		if err := ops.Open(goContext, path, &FileInfo{}); lowlevel.ToErrno(err) != want {
			t.Errorf("%q: got %v, want %v", path, err, want)
		}
	}
}

// TestFromFS_NoSize: of a file of size 0 the kernel is to read what there is.
func TestFromFS_NoSize(t *testing.T) {
	ops := FromFS(fstest.MapFS{"empty": {}, "full": {Data: []byte("x")}})
	for path, want := range map[string]bool{"/empty": true, "/full": false} {
		if fi := goOpen(t, ops, path); fi.DirectIO != want {
			t.Errorf("%s: got DirectIO %v, want %v", path, fi.DirectIO, want)
		}
	}
}

// TestFromFS_DestroyCloses what the kernel has not released.
func TestFromFS_DestroyCloses(t *testing.T) {
	fsys := &onlyRead{FS: fstest.MapFS{"a": {}, "b": {}, "c": {}}}
	ops := FromFS(fsys)
	goOpen(t, ops, "/a")
	fi := goOpen(t, ops, "/b")
	goOpen(t, ops, "/c")
	if err := ops.Opendir(goContext, "/", &FileInfo{}); err != nil {
		t.Fatal(err)
	}
	if err := ops.Release(goContext, "", fi); err != nil {
		t.Fatal(err)
	}
	ops.Destroy(nil)
	if fsys.opened != 3 || fsys.closed != 3 {
		t.Errorf("opened %d, closed %d, want 3 and 3", fsys.opened, fsys.closed)
	}
}

func TestFromFS_Config(t *testing.T) {
	set := config(func(c *Config) {
		c.EntryTimeout, c.AttrTimeout, c.NegativeTimeout = 2*time.Second, 3*time.Second, 4*time.Second
	})
	for _, c := range []struct{ before, after Config }{
		{DefaultConfig(), Config{EntryTimeout: lowlevel.Forever, AttrTimeout: lowlevel.Forever, NegativeTimeout: lowlevel.Forever}},
		{set, set},
	} {
		c.after.KernelCache, c.after.NullpathOK = true, true
		got := c.before
		FromFS(fstest.MapFS{}).Init(nil, &got)
		if got != c.after {
			t.Errorf("\ngot:  %+v\nwant: %+v", got, c.after)
		}
	}
}
