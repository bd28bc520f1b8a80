package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Tests of a real mount. All that is done with it is done by other processes: shell commands, and this test program itself, which
// is a client instead when clientEnv says so.

const clientEnv = "MEMFS_LL_CLIENT"

func TestMain(m *testing.M) {
	if op := os.Getenv(clientEnv); op != "" {
		os.Exit(client(op, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// commands are what the tests run besides the basic ones.
var commands = []string{"bash", "git", "tar", "fallocate", "setpriv", "setfattr", "getfattr"}

// TestMount builds the program once, and mounts it for each of the tests.
func TestMount(t *testing.T) {
	fusetest.RequireFUSE(t)
	for _, c := range commands {
		if _, err := exec.LookPath(c); err != nil {
			fusetest.Skip(t, "%v", err)
		}
	}
	var flags []string
	if raceBuild {
		flags = []string{"-race"}
	}
	program := fusetest.Build(t, "github.com/go-libfuse3/go-libfuse3/examples/memfs_ll", flags...)
	for _, c := range []struct {
		name string
		test func(t *testing.T, program string)
	}{
		{"Shell", testShell},
		{"ShellWriteback", testShellWriteback},
		{"ShellSmallWrites", testShellSmallWrites},
		{"Options", testOptions},
		{"BadOptions", testBadOptions},
		{"Full", testFull},
		{"NoInodes", testNoInodes},
		{"MemoryGivenBack", testMemoryGivenBack},
		{"Workers", testWorkers},
		{"ListingUnderChange", testListingUnderChange},
		{"HandlesOutliveTheCache", testHandles},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, program) })
	}
}

// mount mounts the filesystem, and returns the directory.
func mount(t *testing.T, program, options string) string {
	t.Helper()
	return start(t, program, options).Mountpoint
}

func start(t *testing.T, program, options string) *fusetest.Program {
	t.Helper()
	args := []string{program}
	if options != "" {
		args = append(args, "-o", options)
	}
	p := fusetest.StartProgram(t, args...)
	t.Cleanup(func() {
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
	})
	return p
}

// sh runs a shell script in a directory, and returns what it prints. $client is the command to run one of client's
// operations.
func sh(t *testing.T, dir, script string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script = "client() { " + clientEnv + "=$1 '" + self + "' \"${@:2}\"; }\n" + script
	out, err := fusetest.Command{Timeout: 2 * time.Minute, Dir: dir, Env: append(os.Environ(), "LC_ALL=C")}.
		Run("bash", "-euo", "pipefail", "-c", script)
	if err != nil {
		t.Error(err)
	}
	return out
}

// runScripts runs shellTests, each in a directory of its own, and compares what they print.
func runScripts(t *testing.T, dir string) {
	t.Helper()
	fusetest.RequireRoot(t)
	for _, c := range shellTests {
		t.Run(c.name, func(t *testing.T) {
			sub := dir + "/" + c.name
			sh(t, dir, "mkdir "+c.name)
			got := strings.TrimSpace(sh(t, sub, c.script))
			if want := strings.TrimSpace(c.want); got != want {
				t.Errorf("script:%s\ngot:\n%s\nwant:\n%s", c.script, got, want)
			}
		})
	}
}

func testShell(t *testing.T, program string) {
	runScripts(t, mount(t, program, "size=512m,allow_other"))
}

func testShellWriteback(t *testing.T, program string) {
	runScripts(t, mount(t, program, "size=512m,allow_other,writeback_cache"))
}

func testShellSmallWrites(t *testing.T, program string) {
	runScripts(t, mount(t, program, "size=512m,allow_other,max_write=65536"))
}

func testOptions(t *testing.T, program string) {
	dir := mount(t, program, "size=1g,nr_inodes=5k,mode=750,uid=3,gid=4")
	got := sh(t, dir, "stat -c '%a %u %g' .; stat -f -c '%s %b %c' .")
	if want := "750 3 4\n4096 262144 5120\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testBadOptions(t *testing.T, program string) {
	for _, option := range []string{"size=x", "size=0", "nr_inodes=9g", "mode=9", "uid=root"} {
		out, err := fusetest.RunError(t, time.Minute, program, "-f", "-o", option, t.TempDir())
		if fusetest.ExitCode(err) != 1 || !strings.Contains(out, option) {
			t.Errorf("%s: got exit code %d and %q", option, fusetest.ExitCode(err), out)
		}
	}
	out := fusetest.Run(t, time.Minute, program, "--help")
	for _, option := range []string{"size=", "nr_inodes=", "mode=", "max_threads"} {
		if !strings.Contains(out, option) {
			t.Errorf("--help does not mention %s:\n%s", option, out)
		}
	}
}

func testFull(t *testing.T, program string) {
	dir := mount(t, program, "size=1m")
	got := sh(t, dir, `
		! head -c 2M /dev/zero >a 2>/dev/null
		stat -c %s a
		! bash -c 'echo x >b' 2>/dev/null
		printf x | dd of=a conv=notrunc status=none # overwriting takes nothing
		! fallocate -l 4096 b 2>/dev/null
		rm a b`)
	if want := "1048576\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	freeAgain(t, dir, 256, 255)
	got = sh(t, dir, "head -c 1M /dev/zero >a; stat -c %b a; fallocate -p -o 0 -l 1M a; stat -c '%b %s' a; head -c 1M /dev/zero >a; truncate -s 4k a")
	if want := "2048\n0 1048576\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	freeAgain(t, dir, 255, 254)
}

func testNoInodes(t *testing.T, program string) {
	dir := mount(t, program, "nr_inodes=4")
	sh(t, dir, `
		touch a; ln a b; mkdir d
		! touch c 2>/dev/null
		! ln a c 2>/dev/null
		! ln -s a c 2>/dev/null
		rm a; touch c; rm -r b c d`)
	freeAgain(t, dir, -1, 3)
}

// freeAgain waits until so many blocks and inodes are free: an unlinked file ends when the kernel forgets it, shortly after. -1 is
// any number.
func freeAgain(t *testing.T, dir string, blocks, inodes int) {
	t.Helper()
	var got string
	fusetest.Eventually(t, 10*time.Second, "space and inodes are free again", func() bool {
		got = sh(t, dir, "stat -f -c '%f %d' .")
		free, files, _ := strings.Cut(strings.TrimSpace(got), " ")
		return (blocks < 0 || free == strconv.Itoa(blocks)) && files == strconv.Itoa(inodes)
	})
}

func testMemoryGivenBack(t *testing.T, program string) {
	p := start(t, program, "size=1g,nr_inodes=100k")
	dir := p.Mountpoint
	freeAgain(t, dir, 262144, 102399)
	sh(t, dir, `
		head -c 300M /dev/zero >big
		mkdir -p many/{1..50}
		for d in many/*; do touch $d/{1..100}; ln $d/1 $d/link; ln -s target $d/symlink; setfattr -n user.x -v value $d/2; done
		rm -rf big many`)
	freeAgain(t, dir, 262144, 102399)
	fusetest.Eventually(t, 30*time.Second, "memory is returned to the system", func() bool { // the race detector's is not
		return raceBuild || residentMiB(t, p.Cmd.Process.Pid) < 200
	})
}

// residentMiB returns how much memory a process has.
func residentMiB(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

func testWorkers(t *testing.T, program string) {
	dir := mount(t, program, "size=256m,nr_inodes=50k")
	got := sh(t, dir, `
		work() {
			for i in {1..15}; do
				mkdir -p own$1 shared
				for j in {1..10}; do echo $1 $i $j >own$1/$j; done
				cp -r own$1 shared/$1
				rm -rf moved$1; mv own$1 moved$1
				diff -r moved$1 shared/$1
				for j in {1..10}; do ln -f moved$1/$j shared/link$j; mv -f moved$1/$j shared/last$j; done
				echo $1 $i >>log
				rm -r shared/$1
			done
		}
		jobs=
		for n in {1..6}; do work $n & jobs="$jobs $!"; done
		for job in $jobs; do wait $job; done
		wc -l <log; cut -d' ' -f1 log | sort | uniq -c | tr -s ' '; ls shared | wc -l
		stat -c %h shared
		rm -rf *`)
	want := "90\n 15 1\n 15 2\n 15 3\n 15 4\n 15 5\n 15 6\n20\n2\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	freeAgain(t, dir, 65536, 51199)
}

// testListingUnderChange lists a directory over and over while others change it: what is there all the time must be listed
// once each time, and what was removed before a listing began must not be.
func testListingUnderChange(t *testing.T, program string) {
	dir := mount(t, program, "size=64m")
	got := sh(t, dir, `
		touch stay{1..1500}
		churn() {
			until [ -e stop ]; do
				touch $1{1..40}; mv $1{1,x}
				list=($1*); [ ${#list[@]} = 40 ] || echo "listed: ${list[*]}"
				rm $1*
			done
		}
		churn a & churn b &
		for i in {1..100}; do
			ls -U | grep '^stay' | sort | uniq -c | grep -c ' 1 stay'
		done | uniq -c | tr -s ' '
		touch stop; wait`)
	if want := " 100 1500\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testHandles(t *testing.T, program string) {
	fusetest.RequireRoot(t)
	dir := mount(t, program, "size=64m")
	got := sh(t, dir, `
		mkdir -p d/e; echo hello >d/e/f
		h=$(client handle d/e/f)
		g=$(client handle d/e)
		echo 2 >/proc/sys/vm/drop_caches
		client open-handle $h
		client open-handle $g
		mv d/e d/g; rm d/g/f
		client open-handle $h || true`)
	if want := "hello\nf\nopen_by_handle_at: stale file handle\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
