package highlevel

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func quiet() lowlevel.Config {
	return lowlevel.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func mounted(t testing.TB, dir string) *fusetest.Mount {
	t.Helper()
	m, err := fusetest.FindMount(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// within fails the test when f does not return soon.
func within(t testing.TB, what string, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s: has not returned after a minute", what)
		return nil
	}
}

// TestMount_Ends mounts, uses and ends it, in all ways, often: nothing is left, and Destroy is called once.
func TestMount_Ends(t *testing.T) {
	dir := mountpoint(t)
	for what, end := range map[string]func(m *highlevel.Mounted, cancel func()) error{
		"Unmount": func(m *highlevel.Mounted, _ func()) error { return m.Unmount() },
		"ctx":     func(_ *highlevel.Mounted, cancel func()) error { cancel(); return nil },
		"umount": func(*highlevel.Mounted, func()) error {
			_, err := (fusetest.Command{}).Run("fusermount3", "-u", dir)
			return err
		},
	} {
		for range 5 {
			var destroyed atomic.Int64
			ops := highlevel.FromFS(someFiles())
			ops.Destroy = func(any) { destroyed.Add(1) }
			ctx, cancel := context.WithCancel(context.Background())
			m, err := highlevel.Mount(ctx, dir, ops)
			if err != nil {
				t.Fatal(err)
			}
			if mounted(t, dir) == nil {
				t.Errorf("%s: not mounted when Mount has returned", what)
			}
			if got := fusetest.Run(t, time.Minute, "cat", filepath.Join(dir, "hello")); got != "Hello World!\n" {
				t.Errorf("%s: got %q", what, got)
			}
			if err := end(m, cancel); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if err := within(t, what+": Wait", m.Wait); err != nil {
				t.Errorf("%s: Wait: got %v, want nil", what, err)
			}
			if got := destroyed.Load(); got != 1 {
				t.Errorf("%s: Destroy was called %d times, want once", what, got)
			}
			if left := mounted(t, dir); left != nil {
				t.Errorf("%s: still mounted: %+v", what, left)
			}
			if err := m.Unmount(); err != nil {
				t.Errorf("%s: Unmount after the end: got %v, want nil", what, err)
			}
			cancel()
		}
	}
}

// TestMount_UnmountAtOnce: it does not matter whether serving has begun.
func TestMount_UnmountAtOnce(t *testing.T) {
	dir := mountpoint(t)
	for i := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		m, err := highlevel.Mount(ctx, dir, highlevel.FromFS(someFiles()))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			err = within(t, "Unmount", m.Unmount)
		} else {
			cancel()
			err = within(t, "Wait", m.Wait)
		}
		cancel()
		if err != nil || mounted(t, dir) != nil {
			t.Fatalf("got %v, mounted: %+v, want neither", err, mounted(t, dir))
		}
	}
}

// TestMount_UnmountInUse: also where somebody has a file open.
func TestMount_UnmountInUse(t *testing.T) {
	dir := mountpoint(t)
	m, err := highlevel.Mount(context.Background(), dir, highlevel.FromFS(someFiles()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "exec <hello; echo open; read line; cat", "sh")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "Unmount", m.Unmount); err != nil {
		t.Error(err)
	}
	if left := mounted(t, dir); left != nil {
		t.Errorf("still mounted: %+v", left)
	}
}

// TestMount_Failures: an error that says why, and nothing left.
func TestMount_Failures(t *testing.T) {
	ctx := context.Background()
	over, cancel := context.WithCancelCause(ctx)
	why := errors.New("why")
	cancel(why)
	no := errors.New("no")
	dir := mountpoint(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := highlevel.WithOptions
	for what, c := range map[string]struct {
		ctx     context.Context
		dir     string
		options []highlevel.Option
		is      error
		says    string
	}{
		"no such directory": {ctx, filepath.Join(dir, "none"), nil, fs.ErrNotExist, "none"},
		"ctx is over":       {over, dir, nil, why, ""},
		"unknown option":    {ctx, dir, []highlevel.Option{o("nope")}, nil, "unknown option"},
		"bad value":         {ctx, dir, []highlevel.Option{o("uid=x")}, nil, "invalid parameter in option `uid=x'"},
		"unknown module":    {ctx, dir, []highlevel.Option{o("modules=nope")}, nil, "no such module"},
		"bad module":        {ctx, dir, []highlevel.Option{o("modules=subdir")}, nil, "missing 'subdir' option"},
		"a second bad one":  {ctx, dir, []highlevel.Option{o("ro"), o("gid=x"), o("ro")}, nil, "gid=x"},
		"layer": {ctx, dir, []highlevel.Option{highlevel.WithLayers(func(*highlevel.Operations) (*highlevel.Operations, error) {
			return nil, no
		})}, no, ""},
	} {
		m, err := highlevel.Mount(c.ctx, c.dir, highlevel.FromFS(someFiles()), c.options...)
		if err == nil {
			t.Errorf("%s: got no error: %v", what, m.Unmount())
			continue
		}
		if c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v, %q", what, err, c.is, c.says)
		}
	}
}

// TestMount_Options: those of mount, session and paths, in any order, over what WithConfig and WithSession say.
func TestMount_Options(t *testing.T) {
	dir := mountpoint(t)
	var got highlevel.Config
	ops := highlevel.FromFS(someFiles())
	ops.Init = func(_ *highlevel.ConnInfo, cfg *highlevel.Config) any {
		got = *cfg
		return nil
	}
	cfg := highlevel.DefaultConfig()
	cfg.UseIno, cfg.EntryTimeout = true, time.Hour
	session := quiet()
	session.Mount = lowlevel.MountOptions{ReadOnly: true, FSName: "of the session"}
	m, err := highlevel.Mount(context.Background(), dir, ops,
		highlevel.WithOptions("entry_timeout=5,subtype=typed,max_threads=3"), highlevel.WithConfig(cfg),
		highlevel.WithOptions("noexec,attr_timeout=6"), highlevel.WithSession(session))
	if err != nil {
		t.Fatal(err)
	}
	want := cfg
	want.EntryTimeout, want.AttrTimeout = 5*time.Second, 6*time.Second
	if got != want {
		t.Errorf("\ngot:  %+v\nwant: %+v", got, want)
	}
	mount := mounted(t, dir)
	if mount.Type != "fuse.typed" || mount.Source != "of the session" || !strings.Contains(mount.Options, "noexec") || !strings.Contains(mount.Options, "ro,") {
		t.Errorf("got %+v, want fuse.typed of the session with ro and noexec", mount)
	}
	if err := m.Unmount(); err != nil {
		t.Error(err)
	}
	// What is not asked for does not change.
	for _, options := range [][]highlevel.Option{nil, {highlevel.WithOptions("kernel_cache")}} {
		m, err := highlevel.Mount(context.Background(), dir, ops, options...)
		if err != nil {
			t.Fatal(err)
		}
		if mount := mounted(t, dir); mount.Type != "fuse" {
			t.Errorf("%d options: got type %q, want fuse", len(options), mount.Type)
		}
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	}
}

// upper is a user's own layer: names are in capitals.
func upper(next *highlevel.Operations) (*highlevel.Operations, error) {
	ops := highlevel.MapPaths(next, func(path string) (string, error) { return strings.ToLower(path), nil })
	ops.Readdir = func(ctx context.Context, path string, fill highlevel.FillDir, off int64, fi *highlevel.FileInfo, flags highlevel.ReaddirFlags) error {
		return next.Readdir(ctx, strings.ToLower(path), func(name string, st *highlevel.Stat, off int64, flags highlevel.FillDirFlags) bool {
			return fill(strings.ToUpper(name), st, off, flags)
		}, off, fi, flags)
	}
	return ops, nil
}

// TestMount_Layers: the user's own below, those of -o modules= above.
func TestMount_Layers(t *testing.T) {
	dir := mountFS(t, highlevel.FromFS(someFiles()),
		highlevel.WithOptions("modules=subdir,subdir=/DIR"), highlevel.WithLayers(upper))
	if got := fusetest.Run(t, time.Minute, "ls", dir); got != "A\nBIG\nSUB\nZ\n" {
		t.Errorf("got %q, want what is in dir, in capitals", got)
	}
	if got := fusetest.Run(t, time.Minute, "cat", filepath.Join(dir, "SUB", "DEEP", "FILE")); got != "deep" {
		t.Errorf("got %q", got)
	}
}

func TestMount_Iconv(t *testing.T) {
	files := t.TempDir()
	for _, name := range []string{"caf\u00e9", "\u20ac", "plain"} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("caf\u00e9", filepath.Join(files, "link")); err != nil {
		t.Fatal(err)
	}
	dir := mountFS(t, highlevel.FromFS(os.DirFS(files)), highlevel.WithOptions("modules=iconv,to_code=ISO-8859-1"))
	for script, want := range map[string]string{
		"ls -U | sort":         "caf\xe9\nlink\nplain\n",
		"cat caf\xe9":          "caf\u00e9",
		"cat link":             "caf\u00e9",
		"readlink link":        "caf\xe9\n",
		"cat plain":            "plain",
		"cat 'caf\u00e9' 2>&1": "", // these are two characters there
	} {
		out, _ := (fusetest.Command{Dir: dir, Env: append(os.Environ(), "LC_ALL=C")}).Run("sh", "-c", script)
		if want == "" {
			if !strings.Contains(out, "No such file") {
				t.Errorf("%q: got %q, want ENOENT", script, out)
			}
		} else if out != want {
			t.Errorf("%q: got %q, want %q", script, out, want)
		}
	}
	ascii := mountFS(t, highlevel.FromFS(os.DirFS(files)), highlevel.WithOptions("modules=iconv,from_code=ASCII,to_code=UTF-8"))
	cmd := fusetest.Command{Dir: ascii, Env: append(os.Environ(), "LC_ALL=C")}
	for script, want := range map[string]unix.Errno{"cat 'caf\u00e9'": unix.EILSEQ, "readlink -v link": unix.EILSEQ} {
		if out, err := cmd.Run("sh", "-c", script); err == nil || !strings.Contains(strings.ToLower(out), want.Error()) {
			t.Errorf("%q: got %v, %q, want %q", script, err, out, want.Error())
		}
	}
}
