package highlevel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// What an NFS server does with a filesystem: it knows files by handles, which must lead to them for as long as they exist, whatever the kernel has forgotten.

// clientHandles takes handles of MOUNT/PATH..., makes the kernel forget if the first argument says so, and opens them again. It prints what they lead to.
func clientHandles(args []string) error {
	how, mount, paths := args[0], args[1], args[2:]
	var handles []unix.FileHandle
	for _, path := range paths {
		h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, filepath.Join(mount, path), 0)
		if err != nil {
			return fmt.Errorf("handle of %s: %w", path, err)
		}
		handles = append(handles, h)
	}
	root, err := unix.Open(mount, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	if how == "drop" {
		if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
			return err
		}
	}
	for i, h := range handles {
		text, err := openHandle(root, h)
		if err != nil {
			text = err.Error()
		}
		fmt.Printf("%s: %s\n", paths[i], strings.ReplaceAll(text, mount, ""))
	}
	return nil
}

// openHandle tells what is behind a handle: a directory's path and entries, which it takes ".." to find, or a file's content.
func openHandle(root int, h unix.FileHandle) (string, error) {
	fd, err := unix.OpenByHandleAt(root, h, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		buf := make([]byte, 100)
		n, err := f.Read(buf)
		return string(buf[:n]), err
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "", err
	}
	names, err := f.Readdirnames(-1)
	return fmt.Sprint(path, " ", names), err
}

func TestExport_HandlesLeadToFiles(t *testing.T) {
	fusetest.RequireRoot(t)
	files := fstest.MapFS{"file": {Data: []byte("content")}, "dir/sub/deep": {Data: []byte("deeper")}}
	const good = "file: content\ndir: /dir [sub]\ndir/sub: /dir/sub [deep]\ndir/sub/deep: deeper"
	for _, c := range []struct{ options, how string }{
		{"max_threads=3", "keep"},
		{"noforget", "keep"},
		{"noforget", "drop"},
		{"remember=100", "drop"},
		{"noforget,entry_timeout=0,attr_timeout=0", "drop"},
	} {
		t.Run(c.options+"/"+c.how, func(t *testing.T) {
			dir := mountFS(t, highlevel.FromFS(files), highlevel.WithOptions(c.options))
			if got := runClient(t, "handles", c.how, dir, "file", "dir", "dir/sub", "dir/sub/deep"); got != good {
				t.Errorf("got\n%s\nwant\n%s", got, good)
			}
		})
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// forgotten waits until the kernel has forgotten a path.
func forgotten(t *testing.T, m *highlevel.Mounted, path string) {
	t.Helper()
	fusetest.Eventually(t, time.Minute, "the kernel forgets "+path, func() bool {
		_ = m.InvalidateEntryPath(path)
		_, err := m.Ino(path)
		return err != nil
	})
}

// A file that is gone, or that nobody remembers, is ESTALE; another one of the same name is another file.
func TestExport_HandlesOfWhatIsGoneAreStale(t *testing.T) {
	fusetest.RequireRoot(t)
	for options, removed := range map[string]bool{"max_threads=1": false, "noforget": true, "remember=1": false} {
		t.Run(options, func(t *testing.T) {
			below := t.TempDir()
			write(t, filepath.Join(below, "file"), "content")
			ops := highlevel.FromFS(os.DirFS(below))
			ops.Unlink = func(_ context.Context, path string) error { return os.Remove(below + path) }
			dir := mountpoint(t)
			m, err := highlevel.Mount(context.Background(), dir, ops, highlevel.WithOptions(options))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "file")
			handle := runClient(t, "handle", path)
			if removed {
				fusetest.Run(t, time.Minute, "rm", path)
				write(t, filepath.Join(below, "file"), "another")
				if err := m.InvalidateEntryPath("/file"); err != nil {
					t.Logf("InvalidateEntryPath: %v", err) // that it is gone need not be cached
				}
			} else {
				forgotten(t, m, "/file")
			}
			if got := runClient(t, "byhandle", dir, handle); got != unix.ESTALE.Error() {
				t.Errorf("got %q, want ESTALE", got)
			}
			if err := m.Unmount(); err != nil {
				t.Error(err)
			}
		})
	}
}

// clientHandle prints a file's handle, clientByHandle what is behind one.
func clientHandle(args []string) error {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, args[0], 0)
	if err == nil {
		fmt.Printf("%d %x\n", h.Type(), h.Bytes())
	}
	return err
}

func clientByHandle(args []string) error {
	var kind int32
	var data []byte
	if _, err := fmt.Sscanf(args[1], "%d %x", &kind, &data); err != nil {
		return err
	}
	root, err := unix.Open(args[0], unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	text, err := openHandle(root, unix.NewFileHandle(kind, data))
	if errors.Is(err, unix.ESTALE) {
		text = unix.ESTALE.Error()
		err = nil
	}
	fmt.Println(text)
	return err
}
