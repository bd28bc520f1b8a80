package lowlevel_test

import (
	"math"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestSeconds(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{
		-1: 0, 0: 0, 1: time.Second, 0.25: 250 * time.Millisecond, 86400: 24 * time.Hour,
		1e300: lowlevel.Forever, math.Inf(1): lowlevel.Forever,
	} {
		if got := lowlevel.Seconds(seconds); got != want {
			t.Errorf("%v seconds: got %v, want %v", seconds, got, want)
		}
	}
	if got := lowlevel.Seconds(math.NaN()); got != 0 {
		t.Errorf("NaN: got %v, want 0", got)
	}
}
