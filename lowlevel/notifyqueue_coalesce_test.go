package lowlevel_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// manyNames are more than a lane keeps without an index.
func manyNames(f func(string) queueNote) (list []queueNote) {
	for i := range 40 {
		list = append(list, f(fmt.Sprintf("n%d", i)))
	}
	return list
}

var namesOf5 = manyNames(func(name string) queueNote { return noteEntry(5, name) })

var coalesceTests = []struct {
	name         string
	queued, want []queueNote
}{
	{"attributes twice", []queueNote{noteAttr(7), noteAttr(7)}, []queueNote{noteAttr(7)}},
	{"attributes of two", []queueNote{noteAttr(7), noteAttr(8), noteAttr(7)}, []queueNote{noteAttr(7), noteAttr(8)}},
	{"attributes within data", []queueNote{noteInode(7), noteAttr(7)}, []queueNote{noteInode(7)}},
	{"attributes within a range", []queueNote{noteRange(7, 10, 5), noteAttr(7)}, []queueNote{noteRange(7, 10, 5)}},
	{"data after attributes", []queueNote{noteAttr(7), noteInode(7)}, []queueNote{noteInode(7)}},
	{"a range after attributes", []queueNote{noteAttr(7), noteRange(7, 10, 5)}, []queueNote{noteRange(7, 10, 5)}},
	{"ranges that overlap", []queueNote{noteRange(7, 10, 10), noteRange(7, 15, 10)}, []queueNote{noteRange(7, 10, 15)}},
	{"ranges that touch", []queueNote{noteRange(7, 20, 10), noteRange(7, 10, 10)}, []queueNote{noteRange(7, 10, 20)}},
	{"a range within another", []queueNote{noteRange(7, 0, 100), noteRange(7, 10, 10)}, []queueNote{noteRange(7, 0, 100)}},
	{"ranges with a gap", []queueNote{noteRange(7, 0, 10), noteRange(7, 11, 10)}, []queueNote{noteRange(7, 0, 10), noteRange(7, 11, 10)}},
	{"a range that closes the gap", []queueNote{noteRange(7, 0, 10), noteRange(7, 20, 10), noteRange(7, 10, 10)}, []queueNote{noteRange(7, 0, 30)}},
	{"a range over many", []queueNote{noteRange(7, 0, 1), noteRange(7, 10, 1), noteRange(7, 20, 1), noteRange(7, 5, 100)}, []queueNote{noteRange(7, 0, 1), noteRange(7, 5, 100)}},
	{"ranges to the end", []queueNote{noteRange(7, 100, math.MaxInt64), noteRange(7, 50, 50)}, []queueNote{noteRange(7, 50, 0)}},
	{"all over ranges", []queueNote{noteRange(7, 0, 10), noteRange(7, 20, 10), noteInode(7), noteRange(7, 40, 1)}, []queueNote{noteInode(7)}},
	{"a range in a directory with names", []queueNote{noteInode(5), noteEntry(5, "a"), noteEntry(5, "b"), noteInode(5)}, []queueNote{noteInode(5), noteEntry(5, "a"), noteEntry(5, "b")}},
	{"a store between", []queueNote{noteInode(7), noteStore(7, 0, "new"), noteInode(7)}, []queueNote{noteInode(7), noteStore(7, 0, "new"), noteInode(7)}},
	{"attributes after a store", []queueNote{noteAttr(7), noteStore(7, 0, "new"), noteAttr(7), noteAttr(7)}, []queueNote{noteAttr(7), noteStore(7, 0, "new"), noteAttr(7)}},
	{"a store after a range", []queueNote{noteRange(7, 0, 3), noteStore(7, 0, "new")}, []queueNote{noteRange(7, 0, 3), noteStore(7, 0, "new")}},
	{"a store over a store", []queueNote{noteStore(7, 4, "old"), noteStore(7, 3, "newer")}, []queueNote{noteStore(7, 3, "newer")}},
	{"a store beside a store", []queueNote{noteStore(7, 4, "old"), noteStore(7, 5, "new")}, []queueNote{noteStore(7, 4, "old"), noteStore(7, 5, "new")}},
	{"a smaller store", []queueNote{noteStore(7, 0, "older"), noteStore(7, 0, "new")}, []queueNote{noteStore(7, 0, "older"), noteStore(7, 0, "new")}},
	{
		"a store over a store and attributes",
		[]queueNote{noteStore(7, 0, "old"), noteAttr(7), noteStore(7, 0, "new"), noteAttr(7)},
		[]queueNote{noteStore(7, 0, "new"), noteAttr(7)},
	},
	{
		"a store over a store and a range",
		[]queueNote{noteStore(7, 0, "old"), noteRange(7, 9, 1), noteStore(7, 0, "new")},
		[]queueNote{noteStore(7, 0, "old"), noteRange(7, 9, 1), noteStore(7, 0, "new")},
	},
	{"a name twice", []queueNote{noteEntry(5, "a"), noteEntry(5, "a")}, []queueNote{noteEntry(5, "a")}},
	{"a name in two directories", []queueNote{noteEntry(5, "a"), noteEntry(6, "a")}, []queueNote{noteEntry(5, "a"), noteEntry(6, "a")}},
	{"two names", []queueNote{noteEntry(5, "a"), noteEntry(5, "b"), noteEntry(5, "a")}, []queueNote{noteEntry(5, "a"), noteEntry(5, "b")}},
	{"many names twice", slices.Concat(namesOf5, namesOf5), namesOf5},
	{"expire twice", []queueNote{noteExpire(5, "a"), noteExpire(5, "a")}, []queueNote{noteExpire(5, "a")}},
	{"expire after invalidate", []queueNote{noteEntry(5, "a"), noteExpire(5, "a")}, []queueNote{noteEntry(5, "a")}},
	{"invalidate over expire", []queueNote{noteExpire(5, "a"), noteExpire(5, "b"), noteEntry(5, "a")}, []queueNote{noteEntry(5, "a"), noteExpire(5, "b")}},
	{"delete over expire", []queueNote{noteExpire(5, "a"), noteDelete(5, 9, "a")}, []queueNote{noteDelete(5, 9, "a")}},
	{"delete, then the rest", []queueNote{noteDelete(5, 9, "a"), noteExpire(5, "a"), noteEntry(5, "a"), noteDelete(5, 10, "a")}, []queueNote{noteDelete(5, 9, "a")}},
	{"invalidate, then delete", []queueNote{noteEntry(5, "a"), noteDelete(5, 9, "a")}, []queueNote{noteEntry(5, "a")}},
	{"names are not attributes", []queueNote{noteEntry(5, "a"), noteAttr(5)}, []queueNote{noteEntry(5, "a"), noteAttr(5)}},
	{"nor the other way round", []queueNote{noteInode(5), noteEntry(5, "a")}, []queueNote{noteInode(5), noteEntry(5, "a")}},
	{"epochs", []queueNote{noteEpoch(), noteAttr(7), noteEpoch()}, []queueNote{noteEpoch(), noteAttr(7)}},
	{"prunes", []queueNote{notePrune(1, 2), noteAttr(7), notePrune(3), notePrune(4)}, []queueNote{notePrune(1, 2, 3, 4), noteAttr(7)}},
}

func TestNotifyQueue_Coalesces(t *testing.T) {
	for _, test := range coalesceTests {
		t.Run(test.name, func(t *testing.T) {
			h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
			h.hold(99)
			h.must(test.queued...)
			wantQueueStats(t, h.Stats(), lowlevel.QueueStats{
				Queued: uint64(1 + len(test.queued)), Coalesced: uint64(len(test.queued) - len(test.want)),
				Failed: 1, Pending: len(test.want),
			})
			h.letGo()
			h.flush()
			if got := arrivedNotes(t, h.k, len(test.want)); !slices.Equal(got, test.want) {
				t.Errorf("queued %v\ngot    %v\nwant   %v", test.queued, got, test.want)
			}
			wantQueueStats(t, h.Stats(), lowlevel.QueueStats{
				Queued: uint64(1 + len(test.queued)), Coalesced: uint64(len(test.queued) - len(test.want)),
				Failed: 1, Sent: uint64(len(test.want)),
			})
		})
	}
}

func TestNotifyQueue_JoinsPrunesUpToOneMessage(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(99)
	for i := range uint64(5000) {
		h.must(notePrune(i + 1))
	}
	h.letGo()
	h.flush()
	list := arrivedNotes(t, h.k, 2)
	got := slices.Concat(list[0].ids(), list[1].ids())
	if len(list[0].ids()) != 4096 || len(got) != 5000 || got[0] != 1 || got[4999] != 5000 {
		t.Errorf("got %d and %d inodes, want 4096 and the rest of 5000", len(list[0].ids()), len(list[1].ids()))
	}
}

// TestNotifyQueue_DoesNotJoinWhatIsBeingSent: what is on its way may have been done already, before the change.
func TestNotifyQueue_DoesNotJoinWhatIsBeingSent(t *testing.T) {
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	h.hold(5)
	h.must(noteEntry(5, queueTooLong))
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 2, Failed: 1, Pending: 1})
	h.letGo()
	<-h.held
	h.letGo()
	h.flush()
	wantQueueStats(t, h.Stats(), lowlevel.QueueStats{Queued: 2, Failed: 2})
}

// modelCache is a kernel's cache, as far as notifications change it. All is cached at the beginning.
type modelCache struct {
	stale map[uint64]bool      // attributes
	pages map[uint64]*[16]byte // one byte each; 0: not cached
	size  map[uint64]int64     // of the file
	names map[string]string    // to inodes, maybe expired; "": gone
	heard map[string]bool      // by watchers
}

func newModelCache() *modelCache {
	c := &modelCache{map[uint64]bool{}, map[uint64]*[16]byte{}, map[uint64]int64{}, map[string]string{}, map[string]bool{}}
	for node := range uint64(3) {
		c.pages[node+5] = &[16]byte{}
		for i := range 8 {
			c.pages[node+5][i] = '-'
		}
		c.size[node+5] = 8
		for _, name := range []string{"a", "b"} {
			c.names[fmt.Sprint(node+5, name)] = "9"
		}
	}
	return c
}

// apply does what the kernel does.
func (c *modelCache) apply(n queueNote) {
	key := fmt.Sprint(n.dir, n.name)
	switch n.op {
	case "inval":
		for i := range int64(16) {
			if i >= n.off && (n.size == 0 || i < n.off+n.size) {
				c.pages[n.node][i] = 0
			}
		}
		c.stale[n.node] = true
	case "attr":
		c.stale[n.node] = true
	case "store":
		copy(c.pages[n.node][n.off:], n.data)
		c.size[n.node] = max(c.size[n.node], n.off+n.size)
	case "entry", "expire", "delete":
		if c.names[key] == "" {
			return // ENOENT
		}
		c.stale[n.dir] = true
		if n.op == "delete" && strings.HasPrefix(c.names[key], fmt.Sprint(n.node)) {
			c.heard[key] = true
		}
		c.names[key] = "9 expired"
		if n.op != "expire" {
			c.names[key] = ""
		}
	}
}

func (c *modelCache) String() string {
	s := fmt.Sprint(c.stale, c.size, c.names, c.heard)
	for _, node := range slices.Sorted(maps.Keys(c.pages)) {
		s += fmt.Sprintf(" %d:%q", node, c.pages[node][:])
	}
	return s
}

func randomQueueNote(r *rand.Rand) queueNote {
	node, name := 5+r.Uint64N(3), string("ab"[r.IntN(2)])
	switch r.IntN(8) {
	case 0:
		return noteInode(node)
	case 1, 2:
		return noteRange(node, r.Int64N(12), 1+r.Int64N(4))
	case 3:
		return noteAttr(node)
	case 4:
		return noteEntry(node, name)
	case 5:
		return noteExpire(node, name)
	case 6:
		return noteDelete(node, 9+r.Uint64N(2), name)
	}
	return noteStore(node, r.Int64N(12), strings.Repeat(string(rune('A'+r.IntN(26))), 1+r.IntN(4)))
}

// TestNotifyQueue_CoalescingChangesNothing: what arrives has the effect that everything would have had that was queued.
func TestNotifyQueue_CoalescingChangesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	h := newHeldQueue(t, lowlevel.QueueConfig{Workers: 1})
	for range 2000 {
		var queued []queueNote
		for range 1 + r.IntN(25) {
			queued = append(queued, randomQueueNote(r))
		}
		before := h.Stats()
		h.hold(99)
		h.must(queued...)
		h.letGo()
		h.flush()
		sent := arrivedNotes(t, h.k, int(h.Stats().Sent-before.Sent))
		want, got := newModelCache(), newModelCache()
		for _, n := range queued {
			want.apply(n)
		}
		for _, n := range sent {
			got.apply(n)
		}
		if got.String() != want.String() {
			t.Fatalf("queued %v\nsent   %v\ngot    %v\nwant   %v", queued, sent, got, want)
		}
	}
	if st := h.Stats(); st.Coalesced < st.Queued/10 {
		t.Errorf("hardly anything was coalesced: %+v", st)
	}
}
