package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCheckLibfuse2_FindsWhatNobodyLists(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fuse.h", "int fuse_same(void);\nint fuse_listed(void);\n#if FUSE_USE_VERSION < 26\n#include \"fuse_compat.h\"\n#endif\n")
	write("fuse_compat.h", "#define fuse_ops fuse_ops_compat\nint fuse_by_pattern_compat(void);\nint fuse_missing(void);\n")
	write("fuse_lowlevel.h", "struct fuse_chan;\n")

	cov := &coverage{rows: []row{{symbol: symbol{Name: "fuse_same"}}, {symbol: symbol{Name: "struct fuse_ops"}}}}
	entries := []*entry{{C: "fuse_listed"}, {C: "*_compat"}}
	if err := cov.checkLibfuse2(dir, entries); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"libfuse2.txt: struct fuse_chan (fuse_lowlevel.h): missing",
		"libfuse2.txt: fuse_missing (fuse_compat.h): missing",
	}
	for _, w := range want {
		if !slices.Contains(cov.problems, w) {
			t.Errorf("got problems %q, want among them %q", cov.problems, w)
		}
	}
	for _, p := range cov.problems {
		if !slices.Contains(want, p) {
			t.Errorf("got problem %q, want none but %q", p, want)
		}
	}
}
