package main

import (
	"maps"
	"math/rand"
	"slices"
	"testing"
)

// checkTree compares a tree with a map that has been through the same.
func checkTree(t *testing.T, tree *pageTree, model map[int64]*page) {
	t.Helper()
	if got, want := tree.len(), int64(len(model)); got != want {
		t.Fatalf("len: got %d, want %d", got, want)
	}
	want := slices.Sorted(maps.Keys(model))
	var got []int64
	tree.walk(0, 1<<50, func(i int64, p *page) bool {
		if p != model[i] {
			t.Fatalf("walk: page %d is another one", i)
		}
		got = append(got, i)
		return true
	})
	if !slices.Equal(got, want) {
		t.Fatalf("walk: got %v, want %v", got, want)
	}
}

func TestPageTree_IsAMap(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, top := range []int64{3, 64, 65, 5000, 1 << 30, maxFileSize / pageSize} {
		var tree pageTree
		model := make(map[int64]*page)
		for step := range 2000 {
			i := rnd.Int63n(top)
			if rnd.Intn(3) > 0 {
				p := new(page)
				tree.put(i, p)
				model[i] = p
			} else {
				to := i + rnd.Int63n(top/8+2)
				before := len(model)
				maps.DeleteFunc(model, func(k int64, _ *page) bool { return i <= k && k < to })
				if got, want := tree.drop(i, to), int64(before-len(model)); got != want {
					t.Fatalf("drop(%d, %d): got %d, want %d", i, to, got, want)
				}
			}
			probe := rnd.Int63n(top + 100)
			if tree.get(probe) != model[probe] {
				t.Fatalf("get(%d): got %p, want %p", probe, tree.get(probe), model[probe])
			}
			if step%100 == 0 {
				checkTree(t, &tree, model)
			}
		}
		checkTree(t, &tree, model)
		tree.drop(0, 1<<50)
		if tree.root != nil {
			t.Fatalf("an empty tree holds on to nodes")
		}
	}
}

func TestPageTree_WalkStaysInRange(t *testing.T) {
	var tree pageTree
	for i := range int64(1000) {
		tree.put(i*10, new(page))
	}
	var got []int64
	tree.walk(95, 131, func(i int64, _ *page) bool {
		got = append(got, i)
		return true
	})
	if want := []int64{100, 110, 120, 130}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPageTree_WalkStops(t *testing.T) {
	var tree pageTree
	for i := range int64(1000) {
		tree.put(i, new(page))
	}
	calls := 0
	tree.walk(0, 1000, func(int64, *page) bool { calls++; return calls < 3 })
	if calls != 3 {
		t.Errorf("got %d calls, want 3", calls)
	}
}
