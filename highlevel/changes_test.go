package highlevel

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// told returns the next n notifications in words.
func (r *rig) told(n int) []string {
	r.t.Helper()
	var list []string
	for range n {
		note, err := r.Notification(5 * time.Second)
		if err != nil {
			r.t.Fatalf("after %q: %v", list, err)
		}
		list = append(list, inWords(note))
	}
	return list
}

func inWords(n fusetest.Notification) string {
	switch n.Code {
	case fusetest.NotifyInvalInode:
		v, _ := n.InvalInode()
		return fmt.Sprintf("inode %d %d %d", v.Ino, v.Off, v.Len)
	case fusetest.NotifyInvalEntry:
		v, name, _ := n.InvalEntry()
		return fmt.Sprintf("entry %d %s %d", v.Parent, name, v.Flags)
	case fusetest.NotifyDelete:
		v, name, _ := n.Delete()
		return fmt.Sprintf("delete %d %d %s", v.Parent, v.Child, name)
	case fusetest.NotifyStore:
		v, data, _ := n.Store()
		return fmt.Sprintf("store %d %d %s", v.NodeID, v.Offset, data)
	}
	return n.Code.String()
}

// wantTold checks that exactly these were sent.
func (r *rig) wantTold(want ...string) {
	r.t.Helper()
	n, err := r.fs.Notifier()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := n.InvalInodeAttr(99); err != nil {
		r.t.Fatal(err)
	}
	want = append(slices.Clone(want), "inode 99 -1 0")
	if got := r.told(len(want)); !slices.Equal(got, want) {
		r.t.Errorf("told %q, want %q", got, want)
	}
}

func changesOf(t *testing.T, r *rig) *Changes {
	t.Helper()
	c, err := r.fs.Changes()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNotify_ByPath(t *testing.T) {
	r := newRig(t, newMemFS().put("/d/", "/d/f"))
	f := r.walk("/d/f")
	d := r.lookup(1, "d")
	for _, tt := range []struct {
		name string
		call func() error
		want string
	}{
		{"InvalidatePath", func() error { return r.fs.InvalidatePath("/d/f") }, fmt.Sprintf("inode %d 0 0", f)},
		{"InvalidateEntryPath", func() error { return r.fs.InvalidateEntryPath("/d/f") }, fmt.Sprintf("entry %d f 0", d)},
		{"ExpirePath", func() error { return r.fs.ExpirePath("/d/f") }, fmt.Sprintf("entry %d f 1", d)},
		{"DeletedPath", func() error { return r.fs.DeletedPath("/d/f") }, fmt.Sprintf("delete %d %d f", d, f)},
		{"DeletedPath of what is not known", func() error { return r.fs.DeletedPath("/d/x") }, fmt.Sprintf("entry %d x 0", d)},
		{"StorePath", func() error { return r.fs.StorePath("/d/f", 5, []byte("data")) }, fmt.Sprintf("store %d 5 data", f)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			r.wantTold(tt.want)
		})
	}
	if err := r.fs.InvalidatePath("/none"); err != lowlevel.ErrNotCached {
		t.Errorf("of what is not known: got %v, want %v", err, lowlevel.ErrNotCached)
	}
}

func TestChanges_Renamed(t *testing.T) {
	r := newRig(t, newMemFS().put("/a/", "/a/f", "/b/", "/b/g"))
	f, g := r.walk("/a/f"), r.walk("/b/g")
	a, b := r.lookup(1, "a"), r.lookup(1, "b")
	if err := changesOf(t, r).EntryRenamed("/a/f", "/b/g"); err != nil {
		t.Fatal(err)
	}
	r.wantTold(fmt.Sprintf("entry %d g 0", b), fmt.Sprintf("inode %d 0 0", b), fmt.Sprintf("inode %d -1 0", g),
		fmt.Sprintf("entry %d f 0", a), fmt.Sprintf("inode %d 0 0", a), fmt.Sprintf("inode %d -1 0", f))
	if ino, err := r.fs.Ino("/b/g"); err != nil || uint64(ino) != f {
		t.Errorf("the new name is inode %d, %v; want %d", ino, err, f)
	}
	if _, err := r.fs.Ino("/a/f"); err != lowlevel.ErrNotCached {
		t.Errorf("the old name: got %v, want %v", err, lowlevel.ErrNotCached)
	}
}

func TestChanges_RemovedNameIsFree(t *testing.T) {
	r := newRig(t, newMemFS().put("/f"))
	old := r.lookup(1, "f")
	if err := changesOf(t, r).EntryRemoved("/f"); err != nil {
		t.Fatal(err)
	}
	r.wantTold(fmt.Sprintf("delete 1 %d f", old), "inode 1 0 0", fmt.Sprintf("inode %d -1 0", old))
	if again := r.lookup(1, "f"); again == old {
		t.Errorf("another file with that name has the inode %d of the one that is gone", old)
	}
}

func TestChanges_WhatIsNotKnown(t *testing.T) {
	r := newRig(t, newMemFS().put("/d/", "/d/f"))
	c := changesOf(t, r)
	for name, err := range map[string]error{
		"content": c.ContentChanged("/d/f"), "data": c.DataChanged("/d/f", 0, []byte("x")), "removed": c.EntryRemoved("/d/f"),
		"added": c.EntryAdded("/d/g"), "replaced": c.EntryReplaced("/d/f"), "renamed": c.EntryRenamed("/d/f", "/d/g"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.wantTold()
}
