package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const program = "poll"

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// pair is a filesystem and a client on it.
type pair struct {
	name   string
	client string
	server *fusetest.Program

	output string
	err    error
	done   chan struct{}
}

func (p *pair) run() {
	defer close(p.done)
	p.output, p.err = fusetest.Command{Timeout: time.Minute, Dir: p.server.Mountpoint}.Run(p.client)
}

// TestPoll_EachWithEach has our filesystem and C's, each with our client and C's, all at the same time: it takes seconds.
func TestPoll_EachWithEach(t *testing.T) {
	clients := map[string]string{"our client": fusetest.Build(t, "./poll_client"), "C's client": exampletest.C(t, "poll_client")}
	servers := map[string]string{"ours": exampletest.Self(t), "C's": exampletest.C(t, program)}
	var pairs []*pair
	for client, c := range clients {
		for server, s := range servers {
			pairs = append(pairs, &pair{name: server + ", " + client, client: c, server: exampletest.Mount(t, s), done: make(chan struct{})})
		}
	}
	for _, p := range pairs {
		go p.run()
	}
	for _, p := range pairs {
		<-p.done
		if p.err != nil {
			t.Errorf("%s: %v", p.name, p.err)
			continue
		}
		got := received(t, p)
		if !strings.HasPrefix(p.name, "ours") {
			continue // C's tells nothing before it ends
		}
		checkServer(t, p, got)
	}
}

var field = regexp.MustCompile(`^(_:   |([0-9A-F]):(0[1-9]|10) )`)

// received checks what the client prints, and returns how many bytes it got of each file. Whenever it has waited, there must be something.
func received(t *testing.T, p *pair) (total map[string]int) {
	t.Helper()
	total = map[string]int{}
	lines := strings.Split(strings.TrimSuffix(p.output, "\n"), "\n")
	if len(lines) != 16 {
		t.Errorf("%s: got %d lines, want 16:\n%s", p.name, len(lines), p.output)
	}
	for _, line := range lines {
		rest, some := line, false
		for i := range names {
			m := field.FindStringSubmatch(rest)
			if m == nil || m[2] != "" && m[2] != names[i:i+1] {
				t.Errorf("%s: %q: got %q, want field %d", p.name, line, rest, i)
				break
			}
			rest = rest[len(m[0]):]
			if n, err := strconv.Atoi(m[3]); err == nil {
				total[m[2]] += n
				some = true
			}
		}
		if !some || rest != "" {
			t.Errorf("%s: got line %q, want 16 fields, and one with bytes among them", p.name, line)
		}
	}
	return total
}

var transferred = regexp.MustCompile(`(?m)^READ   ([0-9A-F]) transferred=(\d+) cnt=(\d+)$`)

// checkServer compares what our filesystem prints with what the client has got, and finds that the client was woken.
func checkServer(t *testing.T, p *pair, got map[string]int) {
	t.Helper()
	out := p.server.Output()
	sent := map[string]int{}
	for _, m := range transferred.FindAllStringSubmatch(out, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil || m[2] != m[3] {
			t.Errorf("%s: got %q, want all that there is to be read", p.name, m[0])
		}
		sent[m[1]] += n
	}
	for i := range names {
		if name := names[i : i+1]; sent[name] != got[name] {
			t.Errorf("%s: file %s: %d bytes were sent, but %d received", p.name, name, sent[name], got[name])
		}
	}
	// What was there in the beginning may have been read without waiting.
	if n := strings.Count(out, "NOTIFY "); n < 10 {
		t.Errorf("%s: got %d notifications, want one for nearly each of 16 waits:\n%s", p.name, n, out)
	}
	if !regexp.MustCompile(`(?m)^POLL   [0-9A-F] cnt=\d+ polled_zero=\d+$`).MatchString(out) {
		t.Errorf("%s: got no POLL:\n%s", p.name, out)
	}
}

func TestLikeC_Use(t *testing.T) {
	besidec.Use(t, program, nil, `
		ls -a; ls -lAn --time-style=+%s | sed 's/1 0 0 *[0-9]*/1 0 0 N/'; find . -printf '%p %y %m %n\n'; stat -c '%n %i %F %h %a %u %g' . 0 F
		try cat 10 a G; try cat .; cat 4 | tr -d 4; cat 5 | tr 5 x | tr -s x | grep -v ^x$ || true
		try dd of=1 status=none </dev/null; try dd if=1 skip=1 bs=1 status=none
		exec 3<2; try cat 2; exec 4<3; exec 3<&-; cat 2 | tr -d 2; try tee 2 </dev/null
		try touch new; try mkdir d; try rm -f 1; try mv 1 G; try chmod 600 1
	`)
}

func TestLikeC_CommandLine(t *testing.T) { besidec.CommandLine(t, program) }

func TestHelp(t *testing.T) {
	besidec.Help(t, program)
	besidec.Version(t, program)
	besidec.NoMountpoint(t, program, "-s")
}

// It is ended while somebody waits for its files, who is told so.
func TestEnds_WhileSomebodyWaits(t *testing.T) {
	p := exampletest.Mount(t, exampletest.Self(t), "-d")
	done := make(chan error, 1)
	go func() {
		_, err := fusetest.Command{Timeout: time.Minute, Dir: p.Mountpoint}.Run("bash", "-c", "exec 3<0; for i in {1..1000}; do read -t 60 -N 1 -u 3 x || exit 3; done")
		done <- err
	}()
	exampletest.Eventually(t, "somebody reads", func() bool { return strings.Contains(p.Output(), "READ   0") })
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if got := fusetest.ExitCode(<-done); got != 3 {
		t.Errorf("the reader's exit code: got %d, want 3", got)
	}
}
