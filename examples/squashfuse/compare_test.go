package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// TestArchive_LikeC compares all of an archive as the port, C's program and unsquashfs have it.
func TestArchive_LikeC(t *testing.T) {
	made := madeTree(t)
	all := []string{made, realTree(t)}
	withXattrs := []string{made, largeXattrs(t)}
	withLarge := []string{made, largeDirectory(t)}
	for _, c := range []struct {
		name    string
		sources []string
		options string
	}{
		{"Gzip", all, "-comp gzip"},
		{"XZ", all, "-comp xz"},
		{"XZFilters", []string{needProgram(t, "mksquashfs"), filepath.Join(realTree(t), "json")}, "-comp xz -Xbcj x86,arm -Xdict-size 50%"},
		{"LZ4", all, "-comp lz4"},
		{"LZO", all, "-comp lzo"},
		{"Zstd", all, "-comp zstd"},
		{"LargeDirectory", withLarge, "-comp gzip"},
		{"LargeDirectoryNoCompression", withLarge, "-noI -b 4k"},
		{"LargeXattrs", withXattrs, "-comp gzip"},
		{"LargeXattrsNoCompression", withXattrs, "-noX -b 64k"},
		{"GzipWindowAllRoot", []string{made}, "-comp gzip -Xcompression-level 1 -Xwindow-size 9 -root-owned -all-time 1"},
		{"NoFragments", []string{made}, "-no-fragments"},
		{"AlwaysFragments", []string{made}, "-always-use-fragments"},
		{"Block4K", []string{made}, "-b 4k"},
		{"Block1M", []string{made}, "-b 1M"},
		{"Block4KNoCompression", []string{made}, "-b 4k -noI -noD -noF -noX"},
		{"NoDataCompression", []string{made}, "-noD"},
		{"NoInodeAndFragmentCompression", []string{made}, "-noI -noF"},
		{"NoXattrsNoPadNoExports", []string{made}, "-no-xattrs -nopad -no-exports -no-sparse -no-duplicates"},
		{"XZSmallBlocks", []string{made}, "-comp xz -b 8k"},
		{"ZstdLargeBlocks", []string{made}, "-comp zstd -b 1M"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := mksquashfs(t, c.sources, strings.Fields(c.options)...)
			compare(t, image)
		})
	}
}

func compare(t *testing.T, image string) {
	ours := mount(t, exampletest.Self(t), image)
	diff(t, "C", dump(t, ours, forC), likeOthers(dump(t, mount(t, squashfuseC(t), image), forC)))
	diff(t, "unsquashfs", dump(t, ours, portable), dump(t, unsquashfs(t, image), portable))
}

// likeOthers puts right what squashfuse 0.1.105 alone has the wrong way round.
func likeOthers(dump []string) []string {
	swap := strings.NewReplacer(" trusted.", " security.", " security.", " trusted.")
	for i, line := range dump {
		dump[i] = swap.Replace(line)
	}
	return dump
}

// unsquashfs extracts an archive, to where there is room for large xattrs.
func unsquashfs(t *testing.T, image string) string {
	t.Helper()
	dir := filepath.Join(roomy(t), "extracted")
	fusetest.Run(t, 2*time.Minute, needProgram(t, "unsquashfs"), "-no-progress", "-quiet", "-d", dir, image)
	return dir
}

// diff compares dumps.
func diff(t *testing.T, name string, got, want []string) {
	t.Helper()
	if len(want) < 10 {
		t.Fatalf("%s: only %d lines", name, len(want))
	}
	if slices.Equal(got, want) {
		return
	}
	t.Errorf("otherwise than %s: %d lines, want %d", name, len(got), len(want))
	shown := 0
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] && shown < 5 {
			t.Errorf("got:  %s\nwant: %s", got[i], want[i])
			shown++
		}
	}
}
