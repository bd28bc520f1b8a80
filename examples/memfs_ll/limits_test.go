package main

import (
	"sync"
	"testing"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64 // 0: an error
	}{
		{"1", 1},
		{"4096", 4096},
		{"64k", 64 << 10},
		{"64K", 64 << 10},
		{"64M", 64 << 20},
		{"2g", 2 << 30},
		{"1T", 1 << 40},
		{"1048576t", 1 << 60},
		{"", 0},
		{"0", 0},
		{"-1", 0},
		{"k", 0},
		{"1kk", 0},
		{"1.5g", 0},
		{"10q", 0},
		{"1048577t", 0},
		{"99999999999999999999", 0},
	} {
		got, err := parseSize(c.in)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("parseSize(%q): got %d, %v; want %d", c.in, got, err, c.want)
		}
	}
}

func TestSetLimits(t *testing.T) {
	for _, c := range []struct {
		size, inodes string
		bytes, count int64
		ok           bool
	}{
		{"1m", "", 1 << 20, 256, true},
		{"1m", "5", 1 << 20, 5, true},
		{"4097", "1k", 2 * pageSize, 1024, true},
		{"x", "", 0, 0, false},
		{"1m", "x", 0, 0, false},
		{"1m", "3g", 0, 0, false},
	} {
		fs := new(memfs)
		err := fs.setLimits(c.size, c.inodes)
		if (err == nil) != c.ok {
			t.Errorf("size=%s,nr_inodes=%s: got %v", c.size, c.inodes, err)
		}
		if c.ok && (fs.space.limit != c.bytes || fs.inodes.limit != c.count) {
			t.Errorf("size=%s,nr_inodes=%s: got %d and %d, want %d and %d",
				c.size, c.inodes, fs.space.limit, fs.inodes.limit, c.bytes, c.count)
		}
	}
	fs := new(memfs)
	if err := fs.setLimits("", ""); err != nil || fs.space.limit <= 0 || fs.space.limit%pageSize != 0 || fs.inodes.limit <= 0 {
		t.Errorf("defaults: %v, %d bytes, %d inodes", err, fs.space.limit, fs.inodes.limit)
	}
}

func TestBudget_IsNeverOverdrawn(t *testing.T) {
	b := &budget{limit: 100}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 1000 {
				if b.take(30) {
					if b.free() < 0 {
						t.Error("overdrawn")
					}
					b.give(30)
				}
			}
		}()
	}
	wg.Wait()
	if b.used.Load() != 0 {
		t.Errorf("used: got %d, want 0", b.used.Load())
	}
	if !b.take(100) || b.take(1) || !b.take(-100) {
		t.Error("want just what there is, and no more")
	}
}
