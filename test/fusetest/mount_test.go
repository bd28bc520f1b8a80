package fusetest

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helperEnv makes the test binary a filesystem program that is good enough to be mounted: its value says how it behaves.
const helperEnv = "FUSETEST_HELPER"

func TestMain(m *testing.M) {
	if how := os.Getenv(helperEnv); how != "" {
		os.Exit(helper(how, os.Args[len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

func helper(how, dir string) int {
	if how == "fail" {
		fmt.Println("no mount today")
		return 3
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTERM)
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	err = unix.Mount("helper", dir, "fuse.helper", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go func() {
		for range signals {
			if how == "stubborn" {
				continue
			}
			_ = unix.Unmount(dir, unix.MNT_DETACH)
		}
	}()
	serveHelper(fd, how)
	return 0
}

// serveHelper answers INIT, has a root directory without anything in it, and never answers a lookup of "hang".
func serveHelper(fd int, how string) {
	buf := make([]byte, maxMessage)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil {
			return
		}
		h, body, _ := decodePrefix[InHeader](buf[:n])
		if h.Opcode == OpLookup && string(body) == "hang\x00" || !h.Opcode.HasReply() || how == "silent" {
			continue
		}
		answer := out(-int32(unix.ENOSYS), h.Unique, nil)
		switch h.Opcode {
		case OpInit:
			answer = out(0, h.Unique, appendStruct(nil, InitOut{Major: 7, Minor: 31, MaxWrite: 4096}))
		case OpGetattr:
			answer = out(0, h.Unique, appendStruct(nil, AttrOut{Attr: Attr{Ino: 1, Mode: unix.S_IFDIR | 0o755, Nlink: 2}}))
		case OpStatfs:
			answer = out(0, h.Unique, appendStruct(nil, StatfsOut{Namelen: 255}))
		}
		_, _ = unix.Write(fd, answer)
	}
}

// startHelper starts the helper as a Program.
func startHelper(t *testing.T, how string) (*Program, error) {
	t.Helper()
	RequireFUSE(t)
	RequireRoot(t)
	dir := filepath.Join(t.TempDir(), "mount point") // the space is escaped in mountinfo
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(helperEnv, how)
	return startProgram(dir, exec.Command(os.Args[0], dir))
}

func TestProgram_StartsAndStops(t *testing.T) {
	CheckLeaks(t)
	p, err := startHelper(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	Watchdog(t, time.Minute, p.Mountpoint)
	m, err := FindMount(p.Mountpoint)
	if err != nil || m == nil || m.Type != "fuse.helper" || m.Source != "helper" {
		t.Errorf("mount: got %+v, %v", m, err)
	}
	if out := Run(t, 10*time.Second, "stat", "-c", "%F", p.Mountpoint); out != "directory\n" {
		t.Errorf("stat: got %q", out)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if m, err := FindMount(p.Mountpoint); m != nil || err != nil {
		t.Errorf("after Stop: mount %+v, %v", m, err)
	}
}

func TestProgram_StopByUnmount(t *testing.T) {
	CheckLeaks(t)
	p, err := startHelper(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.StopBy(p.Unmount); err != nil {
		t.Error(err)
	}
}

func TestProgram_FailsToMount(t *testing.T) {
	CheckLeaks(t)
	_, err := startHelper(t, "fail")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no mount today") {
		t.Errorf("got error %v", err)
	}
}

func TestProgram_KillEndsAHang(t *testing.T) {
	CheckLeaks(t)
	p, err := startHelper(t, "stubborn")
	if err != nil {
		t.Fatal(err)
	}
	client := exec.Command("stat", filepath.Join(p.Mountpoint, "hang"))
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if err := client.Wait(); ExitCode(err) != 1 {
		t.Errorf("client: got %v, want exit code 1", err)
	}
	if m, err := FindMount(p.Mountpoint); m != nil || err != nil {
		t.Errorf("after Kill: mount %+v, %v", m, err)
	}
}

func TestAbort_EndsWaiting(t *testing.T) {
	CheckLeaks(t)
	p, err := startHelper(t, "good")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	done := make(chan error, 1)
	go func() {
		_, err := Command{Timeout: time.Minute}.Run("stat", filepath.Join(p.Mountpoint, "hang"))
		done <- err
	}()
	if err := Abort(p.Mountpoint); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if ExitCode(err) != 1 {
			t.Errorf("stat: got %v, want exit code 1", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("stat still hangs")
	}
	if err := Abort(t.TempDir()); err == nil {
		t.Error("abort where nothing is mounted: no error")
	}
}

func TestMountinfo_Parse(t *testing.T) {
	text := `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
36 22 0:98 / /mnt/a\040b\134c rw,nosuid,nodev shared:1 master:2 - fuse.hello_ll my\040src rw,user_id=0,group_id=0
37 22 0:99 /sub /mnt/x rw - fuse none rw
38 22 0:40 / /sys/fs/fuse/connections rw - fusectl fusectl rw
39 22 8:1 / /ntfs rw - fuseblk /dev/sda1 rw
`
	list, err := parseMountinfo([]byte(text))
	if err != nil || len(list) != 3 {
		t.Fatalf("got %+v, %v, want 3 mounts", list, err)
	}
	want := Mount{0, 98, "/", `/mnt/a b\c`, "rw,nosuid,nodev", "fuse.hello_ll", "my src", "rw,user_id=0,group_id=0"}
	if list[0] != want {
		t.Errorf("got %+v, want %+v", list[0], want)
	}
	for _, bad := range []string{"", "36 22 0:98 / /mnt rw", "36 22 0-98 / /mnt rw - fuse x rw", "36 22 0:98 / /mnt rw - fuse"} {
		if _, err := parseMount(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestRun_OutputErrorsTimeout(t *testing.T) {
	CheckLeaks(t)
	if out := Run(t, time.Minute, "sh", "-c", "echo one; echo two >&2"); out != "one\ntwo\n" {
		t.Errorf("got %q", out)
	}
	out, err := RunError(t, time.Minute, "sh", "-c", "echo oh; exit 7")
	if out != "oh\n" || ExitCode(err) != 7 || !strings.Contains(err.Error(), "oh") {
		t.Errorf("got %q, %v", out, err)
	}
	began := time.Now()
	_, err = RunError(t, 50*time.Millisecond, "sh", "-c", "sleep 100 & sleep 100")
	if err == nil || !strings.Contains(err.Error(), "killed after 50ms") || time.Since(began) > 10*time.Second {
		t.Errorf("timeout: got %v after %v", err, time.Since(began))
	}
	if _, err := RunError(t, time.Minute, "/no/such/program"); err == nil || ExitCode(err) != -1 {
		t.Errorf("no program: got %v", err)
	}
	got, err := Command{Stdin: []byte("in"), Dir: "/", Env: []string{"X=y"}}.Run("/bin/sh", "-c", "cat; pwd; echo $X")
	if err != nil || got != "in/\ny\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// recorder is a testing.TB that notes what happens to it.
type recorder struct {
	testing.TB
	cleanups []func()

	mu              sync.Mutex
	failed, skipped string
}

func (r *recorder) Helper()          {}
func (r *recorder) Name() string     { return "recorded" }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(f string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed += fmt.Sprintf(f, args...)
}

func (r *recorder) Fatalf(f string, args ...any) {
	r.Errorf(f, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(f string, args ...any) {
	r.skipped += fmt.Sprintf(f, args...)
	runtime.Goexit()
}

func (r *recorder) failure() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// run runs a test and its cleanups.
func (r *recorder) run(f func(t testing.TB)) *recorder {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := len(r.cleanups) - 1; i >= 0; i-- {
				r.cleanups[i]()
			}
		}()
		f(r)
	}()
	<-done
	return r
}

func TestSkip_FailsWhereRequired(t *testing.T) {
	t.Setenv(RequireEnv, "")
	r := (&recorder{TB: t}).run(func(t testing.TB) { Skip(t, "no %s", "luck") })
	if r.skipped != "no luck" || r.failed != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
	t.Setenv(RequireEnv, "1")
	r = (&recorder{TB: t}).run(func(t testing.TB) { Skip(t, "no %s", "luck") })
	if r.failed != RequireEnv+"=1: no luck" || r.skipped != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
}

func TestCheckLeaks_FindsThem(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a leak may take to go away")
	}
	stop := make(chan struct{})
	defer close(stop)
	var leaked *os.File
	r := (&recorder{TB: t}).run(func(t testing.TB) {
		CheckLeaks(t)
		go func() { <-stop }()
		var err error
		if leaked, err = os.Open("/etc/passwd"); err != nil {
			t.Errorf("%v", err)
		}
	})
	defer func() { _ = leaked.Close() }()
	for _, want := range []string{"/etc/passwd", "1 goroutines more", "TestCheckLeaks_FindsThem"} {
		if !strings.Contains(r.failed, want) {
			t.Errorf("got %q, want %q in it", r.failed, want)
		}
	}
}

func TestWatchdog_Bites(t *testing.T) {
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	os.Stderr = null
	bitten := &recorder{TB: t}
	bitten.run(func(tb testing.TB) {
		Watchdog(tb, time.Second, t.TempDir())
		waitFor(10*time.Second, func() bool { return bitten.failure() != "" })
	})
	if !strings.Contains(bitten.failed, "not done after 1s") {
		t.Errorf("got %q", bitten.failed)
	}
	spared := (&recorder{TB: t}).run(func(tb testing.TB) { Watchdog(tb, time.Hour, "") })
	if spared.failed != "" {
		t.Errorf("got %q", spared.failed)
	}
}
