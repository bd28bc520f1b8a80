package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// item is what goes into an archive, and onto a disk to compare with.
type item struct {
	name   string
	mode   fs.FileMode
	data   []byte
	stored bool // not compressed
}

const bigSize = 9<<20 + 4321

// items has directories with and without an entry of their own, files of all sizes, and links.
func items() []item {
	random := rand.New(rand.NewPCG(1, 2))
	big := make([]byte, bigSize)
	for i := range big {
		big[i] = byte(random.Uint32()) & 15 // so that it can be compressed
	}
	list := []item{
		{name: "empty", mode: 0o600},
		{name: "hello", mode: 0o644, data: []byte("Hello World!\n")},
		{name: "script", mode: 0o755, data: []byte("#!/bin/sh\necho it runs\n")},
		{name: "dir/", mode: fs.ModeDir | 0o750},
		{name: "dir/sub/deep/file", mode: 0o444, data: []byte("deep\n")},
		{name: "dir/\u00fcml\u00e4ut \u20ac", mode: 0o644, data: []byte("name\n")},
		{name: "stored", mode: 0o644, data: []byte("not compressed"), stored: true},
		{name: "big", mode: 0o644, data: big},
		{name: "bigstored", mode: 0o644, data: big, stored: true},
		{name: "link", mode: fs.ModeSymlink | 0o777, data: []byte("dir/sub/deep/file")},
		{name: "dir/up", mode: fs.ModeSymlink | 0o777, data: []byte("../hello"), stored: true},
		{name: "broken", mode: fs.ModeSymlink | 0o777, data: []byte("/no/such/file")},
	}
	for i := range 300 {
		list = append(list, item{name: fmt.Sprintf("many/%03d", i), mode: 0o644, data: []byte(fmt.Sprint(i))})
	}
	return list
}

var modified = time.Date(2020, 2, 29, 12, 34, 56, 0, time.UTC)

// makeZip writes an archive.
func makeZip(t testing.TB, list []item) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "test.zip")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := zip.NewWriter(file)
	for _, i := range list {
		h := &zip.FileHeader{Name: i.name, Modified: modified, Method: zip.Deflate}
		if i.stored || strings.HasSuffix(i.name, "/") {
			h.Method = zip.Store
		}
		h.SetMode(i.mode)
		into, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := into.Write(i.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// makeTree writes the same to a directory.
func makeTree(t testing.TB, list []item) string {
	t.Helper()
	dir := t.TempDir()
	for _, i := range list {
		path := filepath.Join(dir, i.name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case i.mode.IsDir():
			err = os.MkdirAll(path, i.mode.Perm())
		case i.mode&fs.ModeSymlink != 0:
			err = os.Symlink(string(i.data), path)
		default:
			err = os.WriteFile(path, i.data, i.mode.Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
		if !i.mode.IsDir() && i.mode&fs.ModeSymlink == 0 {
			if err := os.Chtimes(path, modified, modified); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func mount(t testing.TB, list []item, options ...string) *fusetest.Program {
	t.Helper()
	return exampletest.Mount(t, exampletest.Self(t), append(options, makeZip(t, list))...)
}

func TestZipfs_IsLikeTheDirectory(t *testing.T) {
	list := items()
	for _, option := range []string{"-s", "-omax_threads=4", "-oattr_timeout=0,entry_timeout=0"} {
		t.Run(option, func(t *testing.T) {
			p := mount(t, list, option)
			dir := makeTree(t, list)
			if out, err := (fusetest.Command{}).Run("diff", "-r", "--no-dereference", p.Mountpoint, dir); err != nil || out != "" {
				t.Errorf("diff -r: %v\n%.2000s", err, out)
			}
			// Directories without an entry have neither a mode nor a time of their own.
			for what, script := range map[string]string{
				"files": `find . -type f -printf '%p %m %s %T@ %n\n' | sort`,
				"links": `find . -type l -printf '%p %l\n' | sort`,
				"dirs":  `find . -type d -printf '%p\n' | sort`,
				"dir":   `find dir -maxdepth 0 -printf '%m\n'`,
			} {
				got, want := exampletest.Sh(t, p.Mountpoint, script), exampletest.Sh(t, dir, script)
				if got != want {
					t.Errorf("%s:\ngot:\n%.2000s\nwant:\n%.2000s", what, got, want)
				}
			}
		})
	}
}

func TestZipfs_Use(t *testing.T) {
	p := mount(t, items())
	for script, want := range map[string]string{
		"cat link":                              "deep",
		"cat dir/up":                            "Hello World!",
		"./script":                              "it runs",
		"wc -c <empty":                          "0",
		"ls many | wc -l":                       "300",
		"ls many | head -3 | tr '\\n' ' '":      "000 001 002 ",
		"stat -c '%U %G' hello":                 exampletest.Sh(t, "/", "id -un; id -gn | cat"),
		"cat none 2>&1 || true":                 "cat: none: No such file or directory",
		"touch hello 2>&1 || true":              "touch: cannot touch 'hello': Read-only file system",
		"mkdir new 2>&1 || true":                "mkdir: cannot create directory \u2018new\u2019: Read-only file system",
		"rm -f hello 2>&1 || true":              "rm: cannot remove 'hello': Read-only file system",
		"findmnt -n -o FSTYPE --target . | cat": "fuse." + filepath.Base(exampletest.Self(t)),
	} {
		got := exampletest.Sh(t, p.Mountpoint, "export LC_ALL=C; "+script)
		want = strings.NewReplacer("\u2018", "'", "\u2019", "'", "\n", " ").Replace(want)
		if strings.ReplaceAll(got, "\n", " ") != want {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}

// TestZipfs_AnyOffset reads big files backwards, and in pieces from several processes.
func TestZipfs_AnyOffset(t *testing.T) {
	list := items()
	p := mount(t, list)
	dir := makeTree(t, list)
	const script = `
		for i in 60 3 40 0 71 72 9; do dd if=$1 bs=128k skip=$i count=1 status=none iflag=direct; done | sha256sum
		for i in 1 2 3 4; do { dd if=$1 bs=1M skip=$i count=3 status=none; sha256sum <$1; } | sha256sum & done; wait
		tail -c 5000 $1 | sha256sum`
	for _, name := range []string{"big", "bigstored"} {
		one := func(dir string) string {
			script := strings.ReplaceAll(script, "$1", name)
			if dir != p.Mountpoint {
				script = strings.ReplaceAll(script, "iflag=direct", "") // tmpfs may not have it
			}
			return exampletest.Sh(t, dir, "{ "+script+"\n} | sort")
		}
		if got, want := one(p.Mountpoint), one(dir); got != want {
			t.Errorf("%s:\ngot:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

// TestZipfs_ManyEntries has more than 16 bits can count.
func TestZipfs_ManyEntries(t *testing.T) {
	const n = 70_000
	var list []item
	for i := range n {
		list = append(list, item{name: fmt.Sprintf("d%d/f%d", i%7, i), mode: 0o644, data: []byte(fmt.Sprintln(i))})
	}
	dir := mount(t, list).Mountpoint
	got := exampletest.Sh(t, dir, `find . -type f | wc -l; ls d3 | wc -l; find . -type f -size +0 -printf x | wc -c; cat d0/f0 d6/f69999; for d in *; do (cd $d; ls -U | head -100 | xargs cat | wc -l) & done; wait`)
	if want := "70000\n10000\n70000\n0\n69999" + strings.Repeat("\n100", 7); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestZipfs_Background(t *testing.T) {
	archive := makeZip(t, items())
	check := func(dir string) {
		if err := os.Remove(archive); err != nil {
			t.Error(err) // it is open
		}
		if got := exampletest.Sh(t, dir, "cat hello; sha256sum <big | wc -l"); got != "Hello World!\n1" {
			t.Errorf("got %q", got)
		}
	}
	exampletest.Background(t, check, archive)
}

// TestZipfs_RelativePath: in the background the program is somewhere else.
func TestZipfs_RelativePath(t *testing.T) {
	fusetest.RequireFUSE(t)
	archive := makeZip(t, items())
	dir := filepath.Join(filepath.Dir(archive), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fusetest.ForceUnmount(dir) })
	fusetest.Watchdog(t, 2*time.Minute, dir)
	for _, args := range [][]string{{"test.zip", "mnt"}, {"mnt", "--archive=test.zip"}, {"-o", "fsname=x", "test.zip", "-o", "max_threads=2", "mnt"}} {
		if got := exampletest.Run(t, exampletest.Self(t), "zipfs", filepath.Dir(archive), args...); got != (exampletest.Outcome{}) {
			t.Fatalf("%q: got %+v, want exit code 0 and no output", args, got)
		}
		if got := exampletest.Sh(t, dir, "cat hello"); got != "Hello World!" {
			t.Errorf("%q: got %q", args, got)
		}
		fusetest.Run(t, time.Minute, "fusermount3", "-u", dir)
	}
}

func TestZipfs_CommandLine(t *testing.T) {
	good := makeZip(t, items()[:3])
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.zip")
	if err := os.WriteFile(bad, []byte("this is no zip archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.zip")
	if data, err := os.ReadFile(good); err != nil || os.WriteFile(cut, data[:len(data)-30], 0o644) != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string // on stderr
	}{
		{nil, "no mountpoint specified"},
		{[]string{"-f", dir}, "which archive? usage: zipfs [options] <archive.zip> <mountpoint>"},
		{[]string{"-f", filepath.Join(dir, "none.zip"), dir}, "no such file or directory: give the path of a zip archive before the mountpoint"},
		{[]string{"-f", bad, dir}, "bad.zip: zip: not a valid zip file: look at it with `file`"},
		{[]string{"-f", cut, dir}, "cut.zip: zip: not a valid zip file: look at it with `file`"},
		{[]string{"-f", dir, dir}, "is a directory"},
		{[]string{bad, dir}, "not a valid zip file"}, // in the background, too
		{[]string{good, filepath.Join(dir, "none")}, "bad mount point"},
		{[]string{good, dir, dir}, "invalid argument"},
		{[]string{good, dir, "--nope"}, "unknown option"},
	} {
		got := exampletest.Run(t, exampletest.Self(t), "zipfs", "", c.args...)
		if got.Code == 0 || !strings.Contains(got.Stderr, c.says) || got.Stdout != "" {
			t.Errorf("%q: got %+v, want a failure and on stderr %q", c.args, got, c.says)
		}
		if n := strings.Count(got.Stderr, "\n"); n != 1 {
			t.Errorf("%q: got %d lines, want one:\n%s", c.args, n, got.Stderr)
		}
	}
	for _, args := range [][]string{{"-h"}, {good, "--help"}} {
		got := exampletest.Run(t, exampletest.Self(t), "zipfs", "", args...)
		for _, want := range []string{"usage: zipfs [options] <archive.zip> <mountpoint>\n", "-o allow_other", "-o modules=", "--archive=FILE"} {
			if got.Code != 0 || got.Stderr != "" || !strings.Contains(got.Stdout, want) {
				t.Errorf("%q: got %+v, want exit code 0 and %q", args, got, want)
			}
		}
	}
	if got := exampletest.Run(t, exampletest.Self(t), "zipfs", "", "-V"); got.Code != 0 || !strings.Contains(got.Stdout, "FUSE library version") {
		t.Errorf("-V: got %+v", got)
	}
}

// spoil changes the method and flags of a file in the archive's directory.
func spoil(t testing.TB, archive, name string, method, flags byte) {
	t.Helper()
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	const nameAt, flagsAt, methodAt = 46, 8, 10 // in a header of the directory
	at := strings.LastIndex(string(data), name) - nameAt
	if at < 0 || string(data[at:at+4]) != "PK\x01\x02" {
		t.Fatalf("%s is not in the directory", name)
	}
	data[at+flagsAt] |= flags
	data[at+methodAt] = method
	if err := os.WriteFile(archive, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestZipfs_WhatCannotBeRead(t *testing.T) {
	archive := makeZip(t, items()[:5])
	spoil(t, archive, "hello", 8, encrypted)
	spoil(t, archive, "script", 12, 0) // bzip2
	p := exampletest.Mount(t, exampletest.Self(t), archive)
	if want := "zipfs: 2 of 5 files can be seen, but not read"; !strings.Contains(p.Output(), want) {
		t.Errorf("got %q, want %q", p.Output(), want)
	}
	for _, name := range []string{"hello", "script"} {
		got := exampletest.Sh(t, p.Mountpoint, "export LC_ALL=C; stat -c %s "+name+"; cat "+name+" 2>&1 || true")
		if !strings.HasSuffix(got, "cat: "+name+": Operation not supported") {
			t.Errorf("got %q, want the size, and no content", got)
		}
	}
	if got := exampletest.Sh(t, p.Mountpoint, "cat dir/sub/deep/file"); got != "deep" {
		t.Errorf("the rest: got %q", got)
	}
}

// TestZipfs_Damaged: data that does not match its checksum is not passed off as good.
func TestZipfs_Damaged(t *testing.T) {
	archive := makeZip(t, []item{{name: "file", mode: 0o644, data: []byte(strings.Repeat("some text ", 10_000))}, {name: "good", mode: 0o644, data: []byte("good\n")}})
	data, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(data), "file") - 46
	data[at+16] ^= 1 // CRC
	if err := os.WriteFile(archive, data, 0o644); err != nil {
		t.Fatal(err)
	}
	p := exampletest.Mount(t, exampletest.Self(t), archive)
	got := exampletest.Sh(t, p.Mountpoint, "export LC_ALL=C; cat file 2>&1 >/dev/null || true; cat good")
	if want := "cat: file: Input/output error\ngood"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestArchive_IsAGoodFS(t *testing.T) {
	a, err := newArchive(makeZip(t, items()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.file.Close() })
	// Without links: archive/zip does not follow them.
	var plain []item
	for _, i := range items() {
		if i.mode&fs.ModeSymlink == 0 && len(i.data) < 1<<20 { // it reads byte by byte
			plain = append(plain, i)
		}
	}
	b, err := newArchive(makeZip(t, plain))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.file.Close() })
	if err := fstest.TestFS(b, "hello", "dir/sub/deep/file", "stored", "many/299"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"link": "dir/sub/deep/file", "dir/up": "../hello", "broken": "/no/such/file"} {
		if got, err := a.ReadLink(name); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"hello", "dir", "none", "../hello"} {
		if got, err := a.ReadLink(name); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
}
