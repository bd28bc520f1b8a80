package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// smallImage makes an archive with a file, a directory and a symbolic link.
func smallImage(t testing.TB, options ...string) string {
	t.Helper()
	b := newTree(t, filepath.Join(t.TempDir(), "small"))
	b.file("file", []byte("hello\n"))
	b.file("directory/file", b.text(5000))
	b.must(os.Symlink("file", b.path("link")))
	return mksquashfs(t, []string{b.dir}, options...)
}

// TestCommandLine_LikeC compares what both programs print and return for command lines that mount nothing.
func TestCommandLine_LikeC(t *testing.T) {
	ours, theirs := exampletest.Self(t), squashfuseC(t)
	image := smallImage(t)
	dir := t.TempDir()
	cut := writeFile(t, "cut", readFile(t, image)[:200])
	none := writeFile(t, "none", []byte(strings.Repeat("no squashfs at all\n", 100)))
	old := append([]byte(nil), readFile(t, image)...)
	old[28] = 3 // s_major
	lzma := append([]byte(nil), readFile(t, image)...)
	lzma[20] = 2 // compression
	for _, args := range [][]string{
		{},
		{"-h"},
		{"--help"},
		{"-V"},
		{image},
		{image, filepath.Join(dir, "none")},
		{image, dir, "more"},
		{"none", dir},
		{dir, dir},
		{none, dir},
		{cut, dir},
		{"/dev/null", dir},
		{writeFile(t, "old", old), dir},
		{"-o", "offset=4096", image, dir},
		{"-o", "timeout=x", image, dir},
		{"-o", "no_such_option", image, dir},
		{"--no-such-option", image, dir},
		{"-o", "uid=1", image, dir},
		{"-f", "none", dir},
	} {
		got, want := exampletest.Run(t, ours, "squashfuse_ll", dir, args...), exampletest.Run(t, theirs, "squashfuse_ll", dir, args...)
		// Ours lists the options of mounting, too.
		got.Stdout, _, _ = strings.Cut(got.Stdout, "    -o allow_other")
		if got != want {
			t.Errorf("%q:\ngot:  %+v\nwant: %+v", args, got, want)
		}
	}
	// C says which compressions it has in an order of its own.
	got := exampletest.Run(t, ours, "squashfuse_ll", dir, writeFile(t, "lzma", lzma), dir)
	if got.Code != exitFailed || !strings.HasPrefix(got.Stderr, "Squashfs image uses lzma compression, this version supports only ") {
		t.Errorf("lzma: got %+v", got)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEnd_LikeC compares exit codes.
func TestEnd_LikeC(t *testing.T) {
	image := smallImage(t)
	for _, end := range []string{"umount $dir", "kill -TERM $pid", "kill -HUP $pid"} {
		got, want := exitCode(t, exampletest.Self(t), image, "", end), exitCode(t, squashfuseC(t), image, "", end)
		if got != want {
			t.Errorf("%s: got exit code %s, want %s", end, got, want)
		}
	}
}

// exitCode returns how a program ends that is mounted, and that a script does something to.
func exitCode(t *testing.T, program, image, options, script string) string {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	dir := t.TempDir()
	mnt := filepath.Join(dir, "mnt")
	t.Cleanup(func() {
		if err := fusetest.ForceUnmount(mnt); err != nil {
			t.Error(err)
		}
	})
	return exampletest.Sh(t, dir, fmt.Sprintf(`
		dir=%s; mkdir $dir
		%s %s -f %s $dir & pid=$!
		until findmnt $dir >/dev/null; do sleep 0.01; done
		%s
		wait $pid || echo $?`, mnt, program, options, image, script))
}

// TestTimeout_UnmountsWhenIdle checks -o timeout=: not while a file is open, soon after it is closed, with C's exit code.
func TestTimeout_UnmountsWhenIdle(t *testing.T) {
	script := "exec 3<$dir/file; for i in {1..25}; do sleep 0.1; done; cat <&3; findmnt -n -o FSTYPE $dir | head -c 4; exec 3<&-; echo"
	got := exitCode(t, exampletest.Self(t), smallImage(t), "-o timeout=1", script)
	if want := "hello\nfuse\n254"; got != want { // 254: -SIGINT, which C sends itself
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOffset_IsWhereTheArchiveBegins(t *testing.T) {
	image := smallImage(t)
	later := writeFile(t, "later", append(bytes.Repeat([]byte("before"), 1000), readFile(t, image)...))
	script := "cat file; find . -printf '%p %y %m %s %i %n %T@\n'; stat -f -c '%s %b %c' ."
	got := exampletest.Sh(t, mount(t, exampletest.Self(t), later, "-o", "offset=6000"), script)
	if want := exampletest.Sh(t, mount(t, exampletest.Self(t), image), script); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestReadOnly_LikeC tries to change what cannot be changed.
func TestReadOnly_LikeC(t *testing.T) {
	image := smallImage(t)
	script := `
		try touch new; echo x 2>&1 >>file || true; echo x 2>&1 >file || true; try mkdir sub; try rm file; try mv file other; try ln file other
		try ln -s a b; try chmod 600 file; try truncate -s 0 file; try mkfifo p; try rmdir directory; try setfattr -n user.a -v b file
		try cat directory; try ls file/none; try readlink file; try cat none; try cd file`
	got := exampletest.Sh(t, mount(t, exampletest.Self(t), image), script)
	if want := exampletest.Sh(t, mount(t, squashfuseC(t), image), script); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func checkBackground(t *testing.T, program string) {
	exampletest.BackgroundOf(t, program, func(dir string) {
		if got := exampletest.Sh(t, dir, "cat file link; ls"); got != "hello\nhello\ndirectory\nfile\nlink" {
			t.Errorf("got %q", got)
		}
	}, smallImage(t))
}

func TestBackground_Serves(t *testing.T) {
	checkBackground(t, exampletest.Self(t))
}

// TestXattr_Empty is about what C answers ENODATA.
func TestXattr_Empty(t *testing.T) {
	b := newTree(t, filepath.Join(t.TempDir(), "tree"))
	b.file("file", nil)
	b.xattr("file", "user.empty", nil)
	b.xattr("file", "user.more", []byte("more"))
	dir := mount(t, exampletest.Self(t), mksquashfs(t, []string{b.dir}))
	if got, want := exampletest.Sh(t, dir, "getfattr -d file"), "# file: file\nuser.empty=\"\"\nuser.more=\"more\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestXattr_ShortName asks for a name that is shorter than that of another xattr, which is more than C has memory for.
func TestXattr_ShortName(t *testing.T) {
	b := newTree(t, filepath.Join(t.TempDir(), "tree"))
	b.file("file", nil)
	b.xattr("file", "user."+strings.Repeat("long", 60), []byte("long"))
	b.xattr("file", "user.x", []byte("short"))
	dir := mount(t, exampletest.Self(t), mksquashfs(t, []string{b.dir}))
	got := exampletest.Sh(t, dir, "getfattr --only-values -n user.x file; try getfattr -n user.y file")
	if want := "shortfile: user.y: No such attribute\nexit code 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
