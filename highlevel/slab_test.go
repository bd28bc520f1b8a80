package highlevel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestNode_IsTwoCacheLines(t *testing.T) {
	same(t, "bytes", unsafe.Sizeof(node{}), 128)
}

func TestNodeStore_NumbersAreNotUsedTwice(t *testing.T) {
	s := newNodeStore()
	root := s.take()
	same(t, "number of the first", root.ino, lowlevel.RootIno)
	seen := map[Ino]bool{}
	for range 5 {
		var taken []*node
		for range 3 * slabSize {
			n := s.take()
			if seen[n.ino] || s.inode(n.ino) != n {
				t.Fatalf("number %#x: seen %v, found %v", n.ino, seen[n.ino], s.inode(n.ino))
			}
			seen[n.ino] = true
			if s.more(n).last != nil {
				t.Fatal("got what another node had")
			}
			s.more(n).last = new(Stat)
			taken = append(taken, n)
		}
		rand.Shuffle(len(taken), func(i, j int) { taken[i], taken[j] = taken[j], taken[i] })
		for _, n := range taken {
			ino := n.ino
			s.giveBack(n)
			same(t, "found after it was given back", s.inode(ino), nil)
		}
		same(t, "nodes", s.len(), 1)
		left := 0
		for _, sl := range s.slabs {
			if sl.nodes != nil {
				left++
			}
		}
		if left > 2 {
			t.Errorf("slabs: got %d, want the root's, and the one that nodes are taken from", left)
		}
	}
}

func TestNodeStore_ANodeWithoutANumberLeftIsNotUsedAgain(t *testing.T) {
	s := newNodeStore()
	s.take()
	last := s.take()
	last.ino |= math.MaxUint32 << 32
	at := last.index()
	s.giveBack(last)
	for range 2 * slabSize {
		if s.take().index() == at {
			t.Fatal("got the node that was used up")
		}
	}
}

func TestNodeStore_UnknownNumbers(t *testing.T) {
	s := newNodeStore()
	s.take()
	for _, ino := range []Ino{0, 2, 1<<32 | 1, slabSize, 1 << 31, math.MaxUint64} {
		same(t, fmt.Sprintf("node of %#x", ino), s.inode(ino), nil)
	}
}

// TestNameTable_AgainstAMap adds and removes at random, so that the table grows and shrinks.
func TestNameTable_AgainstAMap(t *testing.T) {
	tr, known := newTree(), map[string]*node{}
	dir := tr.find(tr.root, "dir")
	for round := range 6 {
		for range 8000 {
			name := fmt.Sprint("name", rand.IntN(10_000))
			n := known[name]
			same(t, name, tr.child(dir, name), n)
			switch {
			case n == nil && (round%2 == 0 || rand.IntN(8) == 0):
				known[name] = tr.find(dir, name)
			case n != nil && round%2 == 1:
				tr.drop(n)
				delete(known, name)
			}
		}
		for name, n := range known {
			same(t, name, tr.child(dir, name), n)
		}
		same(t, "names", tr.names.len(), len(known)+1)
		if pages := len(tr.names.pages); pages > 1+8*tr.names.len()/pageSize {
			t.Errorf("pages for %d names: got %d", tr.names.len(), pages)
		}
	}
}

func TestTree_LongNames(t *testing.T) {
	var names []string
	for _, size := range []int{shortName, shortName + 1, 255, lowlevel.NameMax} {
		names = append(names, strings.Repeat("x", size-1)+"1")
	}
	r := newRig(t, newMemFS().put(names...))
	for _, name := range names {
		ino := r.lookup(1, name)
		same(t, "path", r.path(ino), "/"+name)
		same(t, "again", r.lookup(1, name), ino)
		other := name[:len(name)-1] + "2"
		r.want(0, fusetest.Rename(1, 1, name, "s"))
		same(t, "path with a short name", r.path(ino), "/s")
		r.want(0, fusetest.Rename(1, 1, "s", other))
		same(t, "path with a name like before", r.path(ino), "/"+other)
		r.forget(ino, 2, nil)
	}
	for _, tail := range r.fs.tree.inodes.slabs[0].tails {
		same(t, "what is kept of a long name", tail, "")
	}
}
