package main

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRun_AgreesWithTheLocalFilesystem(t *testing.T) {
	for _, direct := range []bool{false, true} {
		for seed := range uint64(3) {
			cfg := config{path: filepath.Join(t.TempDir(), "f"), seed: seed, count: 2000, size: 256 << 10, direct: direct}
			e, err := newExerciser(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.run(); err != nil {
				e.report(&testLog{t}, err)
				t.Errorf("seed %d, O_DIRECT %v: %v", seed, direct, err)
			}
		}
	}
}

// A byte, a size, a hole: whatever is not as the model says is found.
func TestRun_FindsWhatIsWrong(t *testing.T) {
	spoil := map[string]func(e *exerciser) error{
		"a byte":   func(e *exerciser) error { _, err := unix.Pwrite(e.fd, []byte{^e.model[5]}, 5); return err },
		"shorter":  func(e *exerciser) error { return unix.Ftruncate(e.fd, int64(e.size-1)) },
		"longer":   func(e *exerciser) error { return unix.Ftruncate(e.fd, int64(e.size+1)) },
		"two swap": func(e *exerciser) error { e.model[0], e.model[1] = e.model[1]+1, e.model[0]; return nil },
	}
	for name, f := range spoil {
		e, err := newExerciser(config{path: filepath.Join(t.TempDir(), "f"), seed: 7, count: 1, size: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFull(e.fd, e.fillModel(0, 10000), 0); err != nil {
			t.Fatal(err)
		}
		if err := e.checkAll(); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		if err := f(e); err != nil {
			t.Fatal(err)
		}
		if e.checkSize() == nil && e.checkAll() == nil {
			t.Errorf("%s: not found", name)
		}
		_ = unix.Close(e.fd)
	}
}

// testLog writes to a test's log.
type testLog struct{ t *testing.T }

func (l *testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}
