package lowlevel_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told returns the next n notifications in words.
func told(t *testing.T, k *fusetest.Served, n int) []string {
	t.Helper()
	var list []string
	for range n {
		note, err := k.Notification(5 * time.Second)
		require.NoError(t, err, "after %q", list)
		list = append(list, inWords(t, note))
	}
	return list
}

func inWords(t *testing.T, n fusetest.Notification) string {
	t.Helper()
	switch n.Code {
	case fusetest.NotifyInvalInode:
		v, err := n.InvalInode()
		require.NoError(t, err)
		return fmt.Sprintf("inode %d %d %d", v.Ino, v.Off, v.Len)
	case fusetest.NotifyInvalEntry:
		v, name, err := n.InvalEntry()
		require.NoError(t, err)
		if v.Flags != 0 {
			return fmt.Sprintf("expire %d %s", v.Parent, name)
		}
		return fmt.Sprintf("entry %d %s", v.Parent, name)
	case fusetest.NotifyDelete:
		v, name, err := n.Delete()
		require.NoError(t, err)
		return fmt.Sprintf("delete %d %d %s", v.Parent, v.Child, name)
	case fusetest.NotifyStore:
		v, data, err := n.Store()
		require.NoError(t, err)
		return fmt.Sprintf("store %d %d %s", v.NodeID, v.Offset, data)
	case fusetest.NotifyPrune:
		inos, err := n.Prune()
		require.NoError(t, err)
		return fmt.Sprintf("prune %d", inos)
	}
	return n.Code.String()
}

var (
	autoInval = lowlevel.CapAutoInvalData
	writeback = lowlevel.CapWritebackCache
)

// changing returns a session whose kernel has exactly these capabilities of the two above.
func changing(t *testing.T, want lowlevel.Cap, minor uint32) (*lowlevel.Session, *fusetest.Served) {
	t.Helper()
	ops := oneFile()
	ops.Init = func(c *lowlevel.ConnInfo) {
		c.Disable((autoInval | writeback) &^ want)
		require.NoError(t, c.Enable(want))
	}
	s := newSession(t, ops, lowlevel.Config{})
	p := fusetest.DefaultInit()
	p.Minor = minor
	return s, fusetest.StartInit(t, s, p)
}

func TestChanges_SendsWhatTheKernelNeeds(t *testing.T) {
	closed := lowlevel.ChangesConfig{Open: func(lowlevel.Ino) bool { return false }}
	known := lowlevel.ChangesConfig{Open: closed.Open, Known: slices.Values([]lowlevel.KnownInode{{Ino: 1}, {Ino: 7, Parent: 1, Name: "f"}})}
	for _, tt := range []struct {
		name  string
		want  lowlevel.Cap
		minor uint32
		cfg   lowlevel.ChangesConfig
		call  func(c *lowlevel.Changes) error
		told  []string
	}{
		{"content", 0, 45, closed, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 0 0"}},
		{"content of an open file", 0, 45, lowlevel.ChangesConfig{}, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 0 0"}},
		{"content, times tell", autoInval, 45, closed, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 0 0"}},
		{"content of an open file, times tell", autoInval, 45, lowlevel.ChangesConfig{}, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 -1 0"}},
		{"content with writeback", writeback, 45, closed, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 0 0", "prune [7]"}},
		{"content with writeback, no prune", writeback, 44, closed, func(c *lowlevel.Changes) error { return c.ContentChanged(7) }, []string{"inode 7 0 0"}},
		{"range", 0, 45, closed, func(c *lowlevel.Changes) error { return c.RangeChanged(7, 10, 20) }, []string{"inode 7 10 20"}},
		{"range of an open file, times tell", autoInval, 45, lowlevel.ChangesConfig{}, func(c *lowlevel.Changes) error { return c.RangeChanged(7, 10, 20) }, []string{"inode 7 -1 0"}},
		{"data", 0, 45, closed, func(c *lowlevel.Changes) error { return c.DataChanged(7, 10, []byte("a"), []byte("b")) }, []string{"inode 7 -1 0", "store 7 10 ab"}},
		{"data, times tell", autoInval, 45, closed, func(c *lowlevel.Changes) error { return c.DataChanged(7, 10, []byte("a"), []byte("b")) }, []string{"inode 7 10 2"}},
		{"attributes", autoInval, 45, closed, func(c *lowlevel.Changes) error { return c.AttrChanged(7) }, []string{"inode 7 -1 0"}},
		{"added", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryAdded(1, "n") }, []string{"entry 1 n", "inode 1 0 0"}},
		{"removed", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryRemoved(1, "n", 7) }, []string{"delete 1 7 n", "inode 1 0 0", "inode 7 -1 0"}},
		{"removed, unknown", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryRemoved(1, "n", 0) }, []string{"entry 1 n", "inode 1 0 0"}},
		{"replaced", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryReplaced(1, "n", 7) }, []string{"entry 1 n", "inode 1 0 0", "inode 7 -1 0"}},
		{"renamed", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryRenamed(1, "a", 2, "b", 7, 8) }, []string{"entry 2 b", "inode 2 0 0", "inode 8 -1 0", "entry 1 a", "inode 1 0 0", "inode 7 -1 0"}},
		{"renamed within", 0, 45, closed, func(c *lowlevel.Changes) error { return c.EntryRenamed(1, "a", 1, "b", 7, 0) }, []string{"entry 1 b", "inode 1 0 0", "entry 1 a", "inode 1 0 0", "inode 7 -1 0"}},
		{"relisted", 0, 45, closed, func(c *lowlevel.Changes) error { return c.DirRelisted(2) }, []string{"inode 2 0 0"}},
		{"everything", 0, 45, known, func(c *lowlevel.Changes) error { return c.Everything() }, []string{"FUSE_NOTIFY_INC_EPOCH", "inode 1 0 0", "inode 7 0 0"}},
		{"everything, none known", 0, 45, closed, func(c *lowlevel.Changes) error { return c.Everything() }, []string{"FUSE_NOTIFY_INC_EPOCH"}},
		{"everything, no epochs", 0, 43, known, func(c *lowlevel.Changes) error { return c.Everything() }, []string{"inode 1 0 0", "expire 1 f", "inode 7 0 0"}},
		{"everything, no expiry", 0, 37, known, func(c *lowlevel.Changes) error { return c.Everything() }, []string{"inode 1 0 0", "entry 1 f", "inode 7 0 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, k := changing(t, tt.want, tt.minor)
			require.NoError(t, tt.call(s.Notifier().Changes(tt.cfg)))
			// Something else comes last, so that nothing more than wanted was sent.
			require.NoError(t, s.Notifier().InvalInodeAttr(99))
			assert.Equal(t, append(slices.Clone(tt.told), "inode 99 -1 0"), told(t, k, len(tt.told)+1))
		})
	}
}

func TestChanges_SaysWhatCannotBeDone(t *testing.T) {
	s, _ := changing(t, 0, 43)
	err := s.Notifier().Changes(lowlevel.ChangesConfig{}).Everything()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.Contains(t, err.Error(), "7.44")
}

// A handler that has read the old state, a change with its notification, and then the handler's answer.
func TestChanges_AreToldAgainAfterAnswersUnderWay(t *testing.T) {
	var changes *lowlevel.Changes
	began, goOn := make(chan bool), make(chan bool)
	ops := oneFile()
	lookup := ops.Lookup
	ops.Lookup = func(req *lowlevel.Request, parent lowlevel.Ino, name string) (lowlevel.EntryParam, error) {
		changes.Guard(req)
		began <- true
		<-goOn
		return lookup(req, parent, name)
	}
	s := newSession(t, ops, lowlevel.Config{})
	changes = s.Notifier().Changes(lowlevel.ChangesConfig{})
	k := fusetest.Start(t, s)

	first, second := fusetest.Lookup(1, "one"), fusetest.Lookup(1, "two")
	require.NoError(t, k.Send(first))
	<-began
	require.NoError(t, changes.AttrChanged(7))
	assert.Equal(t, []string{"inode 7 -1 0"}, told(t, k, 1))
	// What begins later has seen the change: it is not waited for.
	require.NoError(t, k.Send(second))
	<-began
	_, err := k.Notification(0)
	require.Error(t, err, "told again before the answer")
	goOn <- true // one of the two
	goOn <- true
	for _, r := range []*fusetest.Request{first, second} {
		_, err := k.Reply(r.Unique)
		require.NoError(t, err)
	}
	// The first waits for the directory's lock, and so for the process that has got the answer.
	assert.Equal(t, []string{"entry 1 .go-libfuse3-no-such-name", "inode 7 -1 0"}, told(t, k, 2))

	require.NoError(t, changes.AttrChanged(8))
	require.NoError(t, s.Notifier().InvalInodeAttr(99))
	assert.Equal(t, []string{"inode 8 -1 0", "inode 99 -1 0"}, told(t, k, 2), "nothing under way: once is enough")
}
