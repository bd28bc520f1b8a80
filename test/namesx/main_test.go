package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRun_AgreesWithTheLocalFilesystem(t *testing.T) {
	for seed := range uint64(3) {
		if code := run(t.TempDir(), seed, 2000, 4); code != 0 {
			t.Errorf("seed %d: exit code %d, want 0", seed, code)
		}
	}
}

// What somebody else changes is found.
func TestRun_FindsWhatIsWrong(t *testing.T) {
	for what, spoil := range map[string]func(path string) error{
		"content": func(path string) error { return os.WriteFile(path, []byte("other"), 0o644) },
		"gone":    os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+"x") },
		"linked":  func(path string) error { return os.Link(path, path+"x") },
	} {
		s, err := newShared(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(s, 0, 1)
		for len(w.files) == 0 {
			if err := w.create(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.checkAll(); err != nil {
			t.Fatalf("%s: before: %v", what, err)
		}
		for p := range w.files {
			if err := spoil(filepath.Join(s.path(p.dir), p.name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.checkAll(); err == nil {
			t.Errorf("%s: got no error", what)
		}
	}
}
