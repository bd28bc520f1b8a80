package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// newTestFS returns a filesystem over a new directory, without a mount.
func newTestFS(t *testing.T) (fs *passthrough, dir string) {
	t.Helper()
	dir = t.TempDir()
	fd, err := openPath(unix.AT_FDCWD, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	fs = &passthrough{opts: defaultOptions()}
	if err := fs.start(fd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fs.destroy)
	return fs, dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustLookup(t *testing.T, fs *passthrough, name string) lowlevel.EntryParam {
	t.Helper()
	e, err := fs.lookup(nil, lowlevel.RootIno, name)
	if err != nil {
		t.Fatalf("lookup %s: %v", name, err)
	}
	return e
}

func TestInodeTable_CountsLookups(t *testing.T) {
	fs, dir := newTestFS(t)
	writeFile(t, filepath.Join(dir, "a"), "")
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	a, b := mustLookup(t, fs, "a"), mustLookup(t, fs, "b")
	if a.Ino != b.Ino || a.Generation != b.Generation {
		t.Errorf("two names of one file: got %d/%d and %d/%d, want the same", a.Ino, a.Generation, b.Ino, b.Generation)
	}
	if got := fs.inodes.len(); got != 1 {
		t.Errorf("inodes after two lookups of one file: got %d, want 1", got)
	}
	fs.forget(nil, a.Ino, 1)
	if fs.inodes.get(a.Ino) == nil {
		t.Error("inode gone after the first of two forgets")
	}
	fs.forgetMulti(nil, []lowlevel.ForgetData{{Ino: b.Ino, Nlookup: 1}, {Ino: lowlevel.RootIno, Nlookup: 5}})
	if fs.inodes.get(a.Ino) != nil || fs.inodes.len() != 0 {
		t.Error("inode still there after the last forget")
	}
	if _, _, err := fs.getattr(nil, a.Ino, nil); err != unix.ESTALE {
		t.Errorf("getattr of a forgotten inode: got %v, want ESTALE", err)
	}
	if _, _, err := fs.getattr(nil, lowlevel.RootIno, nil); err != nil {
		t.Errorf("getattr of the root after a forget of it: %v", err)
	}
}

// A lookup that finds an inode and a forget that drops it must not cross: the inode that lookup returns must be there.
func TestInodeTable_LookupRacesForget(t *testing.T) {
	fs, dir := newTestFS(t)
	const files, workers, rounds = 4, 8, 2000
	for i := range files {
		writeFile(t, filepath.Join(dir, fmt.Sprint(i)), "")
	}
	before := countFDs(t)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for r := range rounds {
				name := fmt.Sprint((w + r) % files)
				e, err := fs.lookup(nil, lowlevel.RootIno, name)
				if err != nil {
					t.Errorf("lookup: %v", err)
					return
				}
				st, _, err := fs.getattr(nil, e.Ino, nil)
				if err != nil || st.Ino != e.Attr.Ino {
					t.Errorf("getattr after lookup: got inode %d, error %v, want inode %d", st.Ino, err, e.Attr.Ino)
					return
				}
				fs.forget(nil, e.Ino, 1)
			}
		}()
	}
	wg.Wait()
	if got := fs.inodes.len(); got != 0 {
		t.Errorf("inodes left: got %d, want 0", got)
	}
	if got := countFDs(t); got != before {
		t.Errorf("open files: got %d, want %d", got, before)
	}
}

// refSince must not return an inode that came into the table after the stat that named it.
func TestInodeTable_RefSinceSkipsYoungerInodes(t *testing.T) {
	fs, dir := newTestFS(t)
	writeFile(t, filepath.Join(dir, "a"), "")
	time := fs.inodes.now()
	e := mustLookup(t, fs, "a")
	key := fs.inodes.get(e.Ino).key
	if in := fs.inodes.refSince(key, time); in != nil {
		t.Error("found an inode that is younger than the time given")
	}
	if in := fs.inodes.refSince(key, fs.inodes.now()); in == nil || in.node != e.Ino {
		t.Errorf("got %v, want inode %d", in, e.Ino)
	}
}

// Replacing files as fast as can be makes ext4 use inode numbers anew at once. A lookup must never mix up two files. They are
// symbolic links here, whose size tells them apart and never changes.
func TestLookup_ReusedInodeNumbers(t *testing.T) {
	fs, dir := newTestFS(t)
	path := filepath.Join(dir, "a")
	done := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			_ = os.Remove(path)
			_ = os.Symlink(strings.Repeat("x", 1+i%1000), path)
		}
	}()
	for range 4 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for range 5000 {
				e, err := fs.lookup(nil, lowlevel.RootIno, "a")
				if err != nil {
					continue // it is just not there
				}
				st, _, err := fs.getattr(nil, e.Ino, nil)
				if err != nil || st.Size != e.Attr.Size {
					t.Errorf("lookup found a link of size %d, its node is one of size %d, error %v", e.Attr.Size, st.Size, err)
				}
				fs.forget(nil, e.Ino, 1)
			}
		}()
	}
	readers.Wait()
	close(done)
	writer.Wait()
}

// Where the filesystem below has the handles for it, the lookup of "." finds a file whose inode has been forgotten.
func TestLookup_SelfAfterForget(t *testing.T) {
	fs, dir := newTestFS(t)
	path := filepath.Join(dir, "a")
	writeFile(t, path, "x")
	e := mustLookup(t, fs, "a")
	fs.forget(nil, e.Ino, 1)

	again, err := fs.lookup(nil, e.Ino, ".")
	if fs.nodes.mountFD < 0 {
		if err != unix.ESTALE {
			t.Errorf("without handles: got %v, want ESTALE", err)
		}
		return
	}
	if err != nil || again.Ino != e.Ino || again.Generation != e.Generation || again.Attr.Ino != e.Attr.Ino {
		t.Errorf("got node %d inode %d, error %v, want node %d inode %d", again.Ino, again.Attr.Ino, err, e.Ino, e.Attr.Ino)
	}
	fs.forget(nil, e.Ino, 1)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.lookup(nil, e.Ino, "."); err != unix.ESTALE {
		t.Errorf("after the file's removal: got %v, want ESTALE", err)
	}
	writeFile(t, path, "y") // ext4 gives it the same inode number
	if _, err := fs.lookup(nil, e.Ino, "."); err != unix.ESTALE {
		t.Errorf("after its inode number was used anew: got %v, want ESTALE", err)
	}
	if got := fs.inodes.len(); got != 0 {
		t.Errorf("inodes left: got %d, want 0", got)
	}
}

func TestLookup_DotAndDotDot(t *testing.T) {
	fs, dir := newTestFS(t)
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	a := mustLookup(t, fs, "a")
	b, err := fs.lookup(nil, a.Ino, "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		node lowlevel.Ino
		name string
		want lowlevel.Ino
	}{
		{b.Ino, ".", b.Ino},
		{b.Ino, "..", a.Ino},
		{a.Ino, "..", lowlevel.RootIno},
		{lowlevel.RootIno, ".", lowlevel.RootIno},
		{lowlevel.RootIno, "..", lowlevel.RootIno}, // there is no way out
	} {
		e, err := fs.lookup(nil, tc.node, tc.name)
		if err != nil || e.Ino != tc.want {
			t.Errorf("lookup of %q in %d: got %d, error %v, want %d", tc.name, tc.node, e.Ino, err, tc.want)
		}
	}
	if _, err := fs.lookup(nil, counted|12345, "."); err != unix.ESTALE {
		t.Errorf("lookup of . in an unknown node: got %v, want ESTALE", err)
	}
}

// Files on other devices, and those without suitable handles, have counted IDs that are never used twice.
func TestNodeIDs_Counted(t *testing.T) {
	n := &nodeIDs{dev: 1, mountFD: -1, gen: 7}
	first, gen := n.choose(-1, inodeKey{dev: 2, ino: 3})
	second, _ := n.choose(-1, inodeKey{dev: 2, ino: 3})
	if first == second || first&counted == 0 || second&counted == 0 || gen != 7 {
		t.Errorf("got %#x and %#x, generation %d", uint64(first), uint64(second), gen)
	}
	if _, err := n.open(first); err != unix.ESTALE {
		t.Errorf("open of a counted ID: got %v, want ESTALE", err)
	}
}

func countFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestParseDirent(t *testing.T) {
	_, dir := newTestFS(t)
	want := map[string]uint8{".": unix.DT_DIR, "..": unix.DT_DIR}
	for i := range 300 {
		name := fmt.Sprintf("%0*d", i%200+4, i)
		writeFile(t, filepath.Join(dir, name), "")
		want[name] = unix.DT_REG
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	d := &openDir{fd: fd}
	defer d.close()
	for {
		e, err := d.peek()
		if err != nil {
			t.Fatal(err)
		}
		if e.size == 0 {
			break
		}
		if typ, ok := want[string(e.name)]; !ok || typ != e.typ {
			t.Errorf("%q: got type %d, want %d, known %v", e.name, e.typ, typ, ok)
		}
		delete(want, string(e.name))
		d.skip(&e)
	}
	if len(want) != 0 {
		t.Errorf("%d entries are missing", len(want))
	}
}
