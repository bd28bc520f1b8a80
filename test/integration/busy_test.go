package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Threads that serve one request after the other do not keep Go's scheduler awake: it takes processors away from those that never pause, and
// looks every 20 us for more.
func TestLoad_GoSleepsWhileAllRequestsAreServed(t *testing.T) {
	const seconds, most = 3, 1200
	p := passthroughByPath.mount(t, "negative_timeout=0")
	fusetest.Watchdog(t, time.Minute, p.Mountpoint)
	out := script{dir: p.Mountpoint, env: []string{fmt.Sprintf("PID=%d", p.Cmd.Process.Pid), fmt.Sprintf("SECONDS_LONG=%d", seconds)}, text: `
		ask() {
			local n=0 end=$((SECONDS + SECONDS_LONG + 1))
			while [ $SECONDS -lt $end ]; do
				for i in {1..100}; do [ ! -e $D/none ]; done
				n=$((n + 100))
			done
			echo asked $n
		}
		wakes() { # of all threads but those that serve
			for task in /proc/$PID/task/*; do
				[ "$(cat $task/comm)" = fuse-worker ] || cat $task/status
			done | awk '/^voluntary_ctxt_switches/ { n += $2 } END { print n }'
		}
		for i in 1 2 3 4 5 6 7 8; do ask & done
		sleep 0.5
		before=$(wakes)
		sleep $SECONDS_LONG
		echo woken $(($(wakes) - before))
		wait`}.must(t)
	counts := map[string]int{}
	for line := range strings.Lines(out) {
		what, n, _ := strings.Cut(strings.TrimSpace(line), " ")
		more, err := strconv.Atoi(n)
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		counts[what] += more
	}
	t.Logf("%d lookups, %d wakes", counts["asked"], counts["woken"])
	if counts["asked"] < 1000*seconds {
		t.Errorf("the server was not busy: %d lookups in %d s", counts["asked"], seconds)
	}
	if counts["woken"] > most*seconds {
		t.Errorf("threads of Go's woke %d times in %d s", counts["woken"], seconds)
	}
}
