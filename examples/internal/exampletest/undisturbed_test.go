package exampletest

import (
	"slices"
	"testing"
)

func TestAttempt_CollectsFailures(t *testing.T) {
	a := &attempt{TB: t}
	after := false
	a.run(func(t testing.TB) {
		t.Errorf("%d", 1)
		t.Error("two")
		t.Fatalf("%s", "three")
		after = true
	})
	if want := []string{"1\n", "two\n", "three\n"}; !slices.Equal(a.failures, want) {
		t.Errorf("got %q, want %q", a.failures, want)
	}
	if after {
		t.Error("it went on after Fatalf")
	}
	if !a.ended {
		t.Error("it has not ended")
	}
}

func TestAttempt_PanicsAreNotFailures(t *testing.T) {
	defer func() {
		if got := recover(); got != "oops" {
			t.Errorf("got %v, want the panic", got)
		}
	}()
	(&attempt{TB: t}).run(func(testing.TB) { panic("oops") })
}

func TestUndisturbed_RunsOnceIfAllIsWell(t *testing.T) {
	n := 0
	Undisturbed(t, func(testing.TB) { n++ })
	if n != 1 {
		t.Errorf("got %d runs, want 1", n)
	}
}
