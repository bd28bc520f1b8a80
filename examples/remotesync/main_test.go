package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// asProgram has the test binary be remotesync.
const asProgram = "REMOTESYNC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// figures are a line of the report.
type figures struct {
	read, requests int
	stale          time.Duration
}

var reportLine = regexp.MustCompile(`(?m)^ *(an hour, and told|a second) +(\d+) +(\d+) +[\d.]+ % +\S+ +(\S+) *$`)

// lastReport returns the newest figures by mount; nil if there are none.
func lastReport(t *testing.T, output string) map[string]figures {
	t.Helper()
	var last map[string]figures
	for i, m := range reportLine.FindAllStringSubmatch(output, -1) {
		if i%2 == 0 {
			last = map[string]figures{}
		}
		read, _ := strconv.Atoi(m[2])
		requests, _ := strconv.Atoi(m[3])
		stale, err := time.ParseDuration(m[4])
		if err != nil {
			t.Fatal(err)
		}
		last[m[1]] = figures{read, requests, stale}
	}
	return last
}

func TestProgram_IsLessOutOfDateWithFewerRequests(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	compare := dir + "/compare"
	if err := os.Mkdir(compare, 0o700); err != nil {
		t.Fatal(err)
	}
	p := fusetest.StartProgram(t, self, "--compare="+compare, "--report=1", "--poll-interval=5")
	fusetest.Watchdog(t, 2*time.Minute, p.Mountpoint)
	const requests = 5 * 512 // long enough for the one-second timeouts to be over several times
	fusetest.Eventually(t, time.Minute, "figures of both mounts, and something out of date on the one that is not told", func() bool {
		r := lastReport(t, p.Output())
		return r["a second"].requests > requests && r["a second"].stale > 500*time.Millisecond
	})
	r := lastReport(t, p.Output())
	told, polled := r["an hour, and told"], r["a second"]
	if told.stale >= polled.stale {
		t.Errorf("out of date by %v where the kernel is told, by %v where it is not", told.stale, polled.stale)
	}
	if told.requests*polled.read >= polled.requests*told.read {
		t.Errorf("%d requests for %d reads where the kernel is told, %d for %d where it is not", told.requests, told.read, polled.requests, polled.read)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if m, err := fusetest.FindMount(compare); err == nil && m != nil && m.IsFUSE() {
		t.Error("still mounted:", compare)
	}
	if strings.Contains(p.Output(), "remotesync:") {
		t.Errorf("it complained:\n%s", p.Output())
	}
}

func TestProgram_StepByStep(t *testing.T) {
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in, commands, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer commands.Close()
	dir := t.TempDir()
	server := exec.Command(self, "-f", "--commands", dir)
	server.Stdin, server.Stderr = in, os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	fusetest.Watchdog(t, time.Minute, dir)
	answers := bufio.NewScanner(out)
	say := func(command, want string) {
		t.Helper()
		fmt.Fprintln(commands, command)
		if !answers.Scan() || answers.Text() != want {
			t.Fatalf("%s: got %q, want %q", command, answers.Text(), want)
		}
	}
	reads := func(want string) {
		t.Helper()
		if got := strings.TrimSpace(fusetest.Run(t, 20*time.Second, "cat", dir+"/hello")); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	say("write hello one", "the remote has it") // answered once it is mounted
	reads("one")
	say("write hello two", "the remote has it")
	reads("one")
	say("tell", "the kernel knows")
	reads("two")
	say("nonsense", "what? (write NAME TEXT, tell, requests)")
	fmt.Fprintln(commands, "requests")
	answers.Scan()
	if !strings.HasSuffix(answers.Text(), " requests") {
		t.Errorf("got %q", answers.Text())
	}
	reads("two")
	say("requests", "0 requests")
	fusetest.Run(t, 20*time.Second, "fusermount3", "-u", dir)
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}
