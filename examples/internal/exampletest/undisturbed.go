package exampletest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// attempts is how often a test is tried while something keeps dropping caches.
const attempts = 5

// Undisturbed runs a test of what the kernel keeps in its caches. When it fails, and caches were dropped meanwhile (as tests of other packages
// do, by /proc/sys/vm/drop_caches), that says nothing, and it is tried anew.
func Undisturbed(t *testing.T, test func(t testing.TB)) {
	t.Helper()
	for i := range attempts {
		before := cacheDrops(t)
		a := &attempt{TB: t}
		a.run(test)
		if len(a.failures) == 0 {
			return
		}
		if cacheDrops(t) == before {
			t.Fatal(strings.Join(a.failures, "\n"))
		}
		t.Logf("attempt %d, while caches were dropped: %s", i+1, strings.Join(a.failures, "\n"))
	}
	t.Fatalf("caches were dropped in each of %d attempts", attempts)
}

// cacheDrops returns the kernel's counts of what may take clean pages and names from its caches.
func cacheDrops(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "drop_") || strings.HasPrefix(line, "pgsteal_") {
			counts = append(counts, line)
		}
	}
	return strings.Join(counts, "")
}

// attempt is a test whose failures are collected until it has ended. What its cleanups find afterwards is the real test's.
type attempt struct {
	testing.TB
	failures []string
	ended    bool
}

// given is what Fatal panics with.
type given struct{}

func (a *attempt) run(test func(t testing.TB)) {
	defer func() {
		a.ended = true
		if r := recover(); r != nil && r != (given{}) {
			panic(r)
		}
	}()
	test(a)
}

func (a *attempt) Error(args ...any) {
	a.Helper()
	if a.ended {
		a.TB.Error(args...)
		return
	}
	a.failures = append(a.failures, fmt.Sprintln(args...))
}

func (a *attempt) Errorf(format string, args ...any) {
	a.Helper()
	a.Error(fmt.Sprintf(format, args...))
}

func (a *attempt) Fatal(args ...any) {
	a.Helper()
	if a.ended {
		a.TB.Fatal(args...)
	}
	a.Error(args...)
	panic(given{})
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.Helper()
	a.Fatal(fmt.Sprintf(format, args...))
}
