package main

import (
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

var (
	opcodeLine = regexp.MustCompile(`opcode: ([A-Z_0-9]+) `)
	markers    int
)

// requests runs a script on a mount with -d and -s, and returns how many requests of each kind it has caused: -d prints them. As the server
// takes one at a time, those of the script have been printed when that of a name looked up after it is.
func (m *mount) requests(script string) map[string]int {
	m.t.Helper()
	m.marker()
	before := len(m.prog.Output())
	m.run(script)
	m.marker()
	counts := map[string]int{}
	for _, line := range opcodeLine.FindAllStringSubmatch(m.prog.Output()[before:], -1) {
		counts[line[1]]++
	}
	return counts
}

func (m *mount) marker() {
	m.t.Helper()
	markers++
	name := fmt.Sprintf(".marker%d", markers)
	m.run("[ ! -e " + name + " ]")
	fusetest.Eventually(m.t, 20*time.Second, "the marker is printed", func() bool {
		return strings.Contains(m.prog.Output(), "name="+name+")")
	})
}

// Each option has the effect of its mode, which is told by the number of requests: with it, and without. docs/iomodes.md describes the modes, and
// test/integration/iomodes tests what the kernel makes of them.
func TestOption_IOModes(t *testing.T) {
	const (
		read4   = `dd if=f of=/dev/null bs=4096 count=4 status=none; `
		write9  = `dd if=/dev/zero of=f bs=1 count=9 conv=notrunc status=none`
		change  = `sed s/a/b/g f > $S/g; cat $S/g > $S/f; touch -d @1000 $S/f; `
		stale   = "keep_cache,timeout=0"
		listing = `ls -l d >/dev/null; `
	)
	for _, row := range []struct {
		options       string // with the mode
		others        string // in both cases
		before        string // not counted
		script        string
		opcode        string
		with, without string // how many: a number, "some", or "fewer" than with the mode, but some
	}{
		{"direct_io", "", "", read4 + read4, "READ", "8", "fewer"},
		{"cache=never", "timeout=1", "", read4 + read4, "READ", "8", "fewer"},
		{"keep_cache", "", read4, read4, "READ", "0", "some"},
		{"cache=always", "", read4, read4, "READ", "0", "some"},
		{"cache_readdir,keep_cache", "readdirplus=no", listing, listing, "READDIR", "0", "some"},
		{"cache_symlinks", "", `readlink l`, `readlink l; readlink l`, "READLINK", "0", "2"},
		{"explicit_inval_data", stale, read4 + change, read4, "READ", "0", "some"},
		{"no_auto_inval_data", stale, read4 + change, read4, "READ", "0", "some"},
		{"no_open", "", read4, read4 + read4, "OPEN", "0", "2"},
		{"no_open", "", read4, read4 + read4, "RELEASE", "0", "2"},
		{"no_opendir", "", listing, listing + listing, "OPENDIR", "0", "2"},
		{"writeback", "", "", write9, "WRITE", "1", "9"},
		{"writeback_cache", "", "", write9, "WRITE", "1", "9"},
		{"readdirplus=no", "", "", listing, "READDIRPLUS", "0", "some"},
		{"readdirplus=yes", "", "", `ls -U d`, "READDIR", "0", "some"},
	} {
		t.Run(row.options+" "+row.opcode, func(t *testing.T) {
			counts := func(options string) int {
				m := newDebugMount(t, row.others, options)
				m.run(`head -c 100000 /dev/zero | tr '\0' a > $S/f; ln -s f $S/l; mkdir $S/d; cd $S/d; touch $(seq 500)`)
				m.run("true; " + row.before)
				return m.requests(row.script)[row.opcode]
			}
			with, without := counts(row.options), counts("")
			if fmt.Sprint(with) != row.with {
				t.Errorf("with the options: %d %s, want %s", with, row.opcode, row.with)
			}
			ok := map[string]bool{"some": without > 0, "fewer": without > 0 && without < with, fmt.Sprint(without): true}
			if !ok[row.without] {
				t.Errorf("without: %d %s, want %s", without, row.opcode, row.without)
			}
		})
	}
}

// newDebugMount is newMount with -d and -s.
func newDebugMount(t *testing.T, options ...string) *mount {
	t.Helper()
	fusetest.RequireFUSE(t)
	return mountBy(t, []string{program, "-d", "-s"}, newDir(t), options...)
}

// Without open files and directories, files are still files.
func TestOption_NoOpen_Works(t *testing.T) {
	for _, options := range []string{"no_open,no_opendir", "no_open,no_opendir,writeback"} {
		t.Run(options, func(t *testing.T) {
			m := newMount(t, options, posixOptions)
			m.run(`umask 027; echo one > f; echo two >> f; echo three > g; : > g; chmod 400 f; cat f > h
				cp -r /usr/include/linux/byteorder dir; mv dir/little_endian.h dir/l; rm dir/big_endian.h
				fallocate -l 5000 a; truncate -s 3 h; sync h; cp h copy; sync dir`)
			m.want("one two one 0 5000 640", `echo $(cat f) $(cat copy) $(stat -c %s g a) $(stat -c %a g)`)
			m.want("l", `ls dir`)
			m.run(`diff -r $S $M; cmp dir/l /usr/include/linux/byteorder/little_endian.h`)
			m.run(`exec 3<>h; rm h; echo more >&3; exec 3>&-; [ ! -e h ]`)
			m.want("locked", `exec 3>$M/f; flock 3; if flock -n $M/f true; then echo free; else echo locked; fi`)
		})
	}
}

func TestHelp_HasIOModes(t *testing.T) {
	if out := fusetest.Run(t, time.Minute, program, "-h"); !strings.HasSuffix(out, help+ioModesHelp) {
		t.Errorf("help ends otherwise:\n%s", out)
	}
}

// What is said of an open file.
func TestOpened(t *testing.T) {
	type out struct{ direct, parallel, keep bool }
	for _, row := range []struct {
		change func(o *options)
		want   out
	}{
		{func(o *options) {}, out{}},
		{func(o *options) { o.Cache = cacheNever }, out{true, true, false}},
		{func(o *options) { o.Cache = cacheNever; o.ParallelDirectWrites = false }, out{true, false, false}},
		{func(o *options) { o.DirectIO = true }, out{true, true, false}},
		{func(o *options) { o.Cache = cacheAlways }, out{false, false, true}},
		{func(o *options) { o.Cache = cacheAlways; o.DirectIO = true }, out{true, true, false}},
		{func(o *options) { o.KeepCache = true }, out{false, false, true}},
	} {
		fs := &passthrough{opts: defaultOptions()}
		row.change(&fs.opts)
		var fi lowlevel.FileInfo
		fs.opened(&fi, 7)
		if got := (out{fi.DirectIO, fi.ParallelDirectWrites, fi.KeepCache}); got != row.want || fi.Fh != 7 {
			t.Errorf("%+v: got %+v, want %+v", fs.opts, got, row.want)
		}
	}
}

func TestOption_DirectIOAllowMmap(t *testing.T) {
	const script = `printf 01234567 > f; $CLIENT client mmap f word || true; cat f`
	newMount(t, "direct_io").want("no such device\n01234567", script)
	if lowlevel.HeaderVersion() < 317 {
		wantMountFails(t, "direct_io,direct_io_allow_mmap", "direct_io_allow_mmap: not supported by libfuse "+lowlevel.PackageVersion())
		return
	}
	newMount(t, "direct_io,direct_io_allow_mmap").want("word4567", script)
}

func TestOptions_Exclusive(t *testing.T) {
	wantMountFails(t, "direct_io,keep_cache", "keep_cache is not for direct_io")
	wantMountFails(t, "cache=never,keep_cache", "keep_cache is not for direct_io")
	wantMountFails(t, "no_open,direct_io", "no_open is not for direct_io")
}

// wantMountFails checks that the program refuses options before it mounts.
func wantMountFails(t *testing.T, options, says string) {
	t.Helper()
	dir := newDir(t)
	_, stderr, code := runAs(t, program, []string{"-f", "-o", "source=" + dir, "-o", options, dir})
	if code != 1 || !strings.HasPrefix(stderr, says) {
		t.Errorf("%s: exit code %d, %q, want 1, %q", options, code, stderr, says)
	}
}

// A kernel that lacks a mode ends the program, as SIGTERM does.
func TestIOModes_KernelLacks(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM)
	defer signal.Stop(signals)
	fs := &passthrough{opts: defaultOptions()}
	fs.init(&lowlevel.ConnInfo{}) // capable of nothing, but nothing was asked for
	fs.opts.CacheSymlinks = true
	select {
	case <-signals:
		t.Fatal("SIGTERM although nothing is lacking")
	default:
	}
	fs.init(&lowlevel.ConnInfo{})
	select {
	case <-signals:
	case <-time.After(20 * time.Second):
		t.Error("no SIGTERM")
	}
}
