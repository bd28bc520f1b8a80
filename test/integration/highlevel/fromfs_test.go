package highlevel

import (
	"archive/zip"
	"bytes"
	"context"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

//go:embed main_test.go
var embedded embed.FS

// mountFS mounts what fsys has, until the end of the test.
func mountFS(t testing.TB, ops *highlevel.Operations, options ...highlevel.Option) (dir string) {
	t.Helper()
	dir = mountpoint(t)
	m, err := highlevel.Mount(context.Background(), dir, ops, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func someFiles() fstest.MapFS {
	when := time.Date(2011, 12, 13, 14, 15, 16, 171819, time.UTC)
	return fstest.MapFS{
		"hello":             {Data: []byte("Hello World!\n"), Mode: 0o644, ModTime: when},
		"empty":             {Mode: 0o444, ModTime: when},
		"dir/sub/deep/file": {Data: []byte("deep"), Mode: 0o755, ModTime: when},
		"dir/big":           {Data: bytes.Repeat([]byte("0123456789abcdef"), 4_000), Mode: 0o600, ModTime: when},
		"dir/z":             {Mode: 0o644, ModTime: when},
		"dir/a":             {Mode: 0o644, ModTime: when},
	}
}

// onDisk has links, too.
func onDisk(t testing.TB, fsys fs.FS) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, fsys); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "hello", "dir/up": "../hello"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return os.DirFS(dir)
}

func zipped(t testing.TB, fsys fs.FS) fs.FS {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	if err := w.AddFS(fsys); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readOnly has nothing but what every io/fs filesystem has, of files too.
type readOnly struct{ fs fs.FS }

func (r readOnly) Open(name string) (fs.File, error) {
	f, err := r.fs.Open(name)
	if dir, ok := f.(fs.ReadDirFile); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return struct{ fs.File }{f}, err
}

// TestFromFS_TestFS runs testing/fstest on the mount, and compares all there is with what is mounted.
func TestFromFS_TestFS(t *testing.T) {
	for name, fsys := range map[string]fs.FS{
		"map":      someFiles(),
		"disk":     onDisk(t, someFiles()),
		"zip":      zipped(t, someFiles()),
		"embed":    embedded,
		"readOnly": readOnly{someFiles()},
		"nothing":  fstest.MapFS{},
	} {
		for options, o := range map[string][]highlevel.Option{
			"default":  nil,
			"uncached": {highlevel.WithOptions("entry_timeout=0,attr_timeout=0,readdirplus=no")},
			"plus":     {highlevel.WithOptions("readdirplus=yes,max_threads=2")},
		} {
			t.Run(name+"/"+options, func(t *testing.T) {
				if err := fstest.TestFS(fsys, names(t, fsys)...); err != nil {
					t.Fatalf("the filesystem itself is not good: %v", err)
				}
				dir := mountFS(t, highlevel.FromFS(fsys), o...)
				if out := runClient(t, "testfs", append([]string{dir}, names(t, fsys)...)...); out != "" {
					t.Errorf("TestFS: %s", out)
				}
				want, err := walk(fsys)
				if err != nil {
					t.Fatal(err)
				}
				if got := runClient(t, "walk", dir); got != strings.Join(want, "\n") {
					t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
				}
			})
		}
	}
}

// counting counts what it is asked.
type counting struct {
	fs.FS
	opens, stats atomic.Int64
}

func (c *counting) Open(name string) (fs.File, error) {
	c.opens.Add(1)
	return c.FS.Open(name)
}

func (c *counting) Stat(name string) (fs.FileInfo, error) {
	c.stats.Add(1)
	return fs.Stat(c.FS, name)
}

// TestFromFS_Caches: the kernel asks once, also for what is not there, unless Init is nil and Config says otherwise.
func TestFromFS_Caches(t *testing.T) {
	// more returns how often the filesystem is asked when somebody looks for the second time.
	more := func(change func(*highlevel.Operations), options ...highlevel.Option) int64 {
		fsys := &counting{FS: someFiles()}
		ops := highlevel.FromFS(fsys)
		change(ops)
		dir := mountFS(t, ops, options...)
		look := func() int64 {
			fusetest.Run(t, time.Minute, "stat", filepath.Join(dir, "dir", "big"))
			_, _ = fusetest.RunError(t, time.Minute, "stat", filepath.Join(dir, "none"))
			return fsys.stats.Load()
		}
		first := look()
		if first < 3 {
			t.Errorf("got %d stats, want dir, dir/big and none", first)
		}
		return look() - first
	}
	cached := int64(-1)
	for try := 0; try < 5 && cached != 0; try++ { // other tests may have the kernel drop its caches
		cached = more(func(*highlevel.Operations) {})
	}
	if cached != 0 {
		t.Errorf("cached: got %d stats for the second look, want none", cached)
	}
	got := more(func(ops *highlevel.Operations) { ops.Init = nil }, highlevel.WithConfig(highlevel.Config{}))
	if got < 3 {
		t.Errorf("not cached: got %d stats for the second look, want at least 3", got)
	}
}

// TestFromFS_ReadsOn: a big file that cannot seek is opened once for a reader from beginning to end, however the kernel reads ahead.
func TestFromFS_ReadsOn(t *testing.T) {
	fsys := &counting{FS: readOnly{fstest.MapFS{"big": {Data: make([]byte, 32<<20)}}}}
	dir := mountFS(t, highlevel.FromFS(fsys))
	before := fsys.opens.Load()
	fusetest.Run(t, time.Minute, "cmp", "-n", "33554432", filepath.Join(dir, "big"), "/dev/zero")
	if got := fsys.opens.Load() - before; got != 1 {
		t.Errorf("opened %d times, want once", got)
	}
}

func TestFromFS_IsReadOnly(t *testing.T) {
	dir := mountFS(t, highlevel.FromFS(onDisk(t, someFiles())))
	for _, script := range []string{
		"echo x >hello", "echo x >>hello", "echo x >new", ": >empty", "mkdir new", "rmdir dir", "rm -f hello", "mv hello new", "ln hello new", "ln -s hello new",
		"chmod 600 hello", "chown 1:1 hello", "touch hello", "truncate -s 3 hello", "mkfifo new", "mv link new",
	} {
		cmd := fusetest.Command{Dir: dir, Env: append(os.Environ(), "LC_ALL=C")}
		out, err := cmd.Run("sh", "-c", script)
		if err == nil || !strings.Contains(out, "Read-only file system") {
			t.Errorf("%s: got %v, %q, want EROFS", script, err, out)
		}
	}
	if got := fusetest.Run(t, time.Minute, "cat", filepath.Join(dir, "link"), filepath.Join(dir, "dir", "up")); got != "Hello World!\nHello World!\n" {
		t.Errorf("got %q", got)
	}
}

// TestFromFS_FilesWithoutSize: those of /proc, which have none, are read all the same.
func TestFromFS_FilesWithoutSize(t *testing.T) {
	dir := mountFS(t, highlevel.FromFS(os.DirFS("/proc/sys/kernel")))
	got := fusetest.Run(t, time.Minute, "cat", filepath.Join(dir, "ostype"))
	if want := "Linux\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// failing fails in all the ways there are.
type failing struct{ fs.FS }

func (f failing) Open(name string) (fs.File, error) {
	switch name {
	case "errno":
		return nil, &fs.PathError{Op: "open", Path: name, Err: unix.ENODATA}
	case "permission":
		return nil, fs.ErrPermission
	case "closed":
		return nil, fs.ErrClosed
	case "panics":
		panic("Open panics")
	}
	return f.FS.Open(name)
}

func (f failing) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.FS, name) }

func TestFromFS_Errors(t *testing.T) {
	files := fstest.MapFS{}
	want := map[string]string{
		"errno": "No data available", "permission": "Permission denied", "closed": "Bad file descriptor", "panics": "Input/output error",
	}
	for name := range want {
		files[name] = &fstest.MapFile{Data: []byte("x")}
	}
	dir := mountFS(t, highlevel.FromFS(failing{files}), highlevel.WithSession(quiet()))
	for name, text := range want {
		out, err := (fusetest.Command{Dir: dir, Env: append(os.Environ(), "LC_ALL=C")}).Run("cat", name)
		if err == nil || !strings.Contains(out, text) {
			t.Errorf("%s: got %v, %q, want %q", name, err, out, text)
		}
	}
}
