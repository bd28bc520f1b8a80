package main

import (
	"fmt"
	"math/rand"
	"testing"
)

// listing reads a directory in pieces of n entries, and calls between after each.
func listing(d *directory, n int, between func()) map[string]int {
	seen := make(map[string]int)
	cookie := int64(cookieDotDot)
	for {
		count := 0
		d.after(cookie, func(e *dirent) bool {
			seen[e.name]++
			cookie = e.cookie
			count++
			return count < n
		})
		if count < n {
			return seen
		}
		between()
	}
}

func TestDirectory_ListingShowsWhatIsThereThroughoutOnce(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	d := newDirectory()
	for i := range 1000 {
		d.add(fmt.Sprintf("stays%d", i), new(inode))
		d.add(fmt.Sprintf("goes%d", i), new(inode))
	}
	next := 0
	seen := listing(d, 7, func() {
		for range 20 {
			if name := fmt.Sprintf("goes%d", rnd.Intn(1000)); d.get(name) != nil {
				d.remove(name)
			}
			d.add(fmt.Sprintf("new%d", next), new(inode))
			next++
			if name := fmt.Sprintf("new%d", rnd.Intn(next)); d.get(name) != nil {
				d.remove(name)
			}
		}
		if next > 5000 {
			for i := range next {
				if name := fmt.Sprintf("new%d", i); d.get(name) != nil {
					d.remove(name)
				}
			}
			next = 0
		}
	})
	for i := range 1000 {
		if name := fmt.Sprintf("stays%d", i); seen[name] != 1 {
			t.Errorf("%s: seen %d times, want once", name, seen[name])
		}
	}
}

func TestDirectory_SeekReturnsToTheSameEntry(t *testing.T) {
	d := newDirectory()
	for i := range 300 {
		d.add(fmt.Sprint(i), new(inode))
	}
	want := d.get("200")
	cookie := d.get("199").cookie
	for i := range 180 { // more than half, so that the list is compacted
		d.remove(fmt.Sprint(i))
	}
	d.after(cookie, func(e *dirent) bool {
		if e != want {
			t.Errorf("behind the cookie of 199: got %s, want 200", e.name)
		}
		return false
	})
}

func TestDirectory_GivesMemoryBack(t *testing.T) {
	d := newDirectory()
	for i := range 10000 {
		d.add(fmt.Sprint(i), new(inode))
	}
	for i := range 9990 {
		d.remove(fmt.Sprint(i))
	}
	if len(d.list) > 2*shrinkBelow || cap(d.list) > 4*shrinkBelow {
		t.Errorf("list: len %d, cap %d for 10 entries", len(d.list), cap(d.list))
	}
	if d.names.peak > 4*shrinkBelow {
		t.Errorf("map: room for %d, for 10 entries", d.names.peak)
	}
	if d.len() != 10 {
		t.Errorf("len: got %d, want 10", d.len())
	}
}

func TestShrinkingMap_KeepsWhatIsLeft(t *testing.T) {
	var m shrinkingMap[int, int]
	for i := range 1000 {
		m.put(i, i)
	}
	for i := range 997 {
		m.remove(i)
	}
	m.remove(5) // not there
	if len(m.m) != 3 || m.m[997] != 997 || m.m[999] != 999 || m.peak >= 1000 {
		t.Errorf("got %v with peak %d", m.m, m.peak)
	}
}
