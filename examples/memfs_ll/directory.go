package main

import (
	"sort"

	"golang.org/x/sys/unix"
)

// nameMax is the longest name, in bytes.
const nameMax = 255

// checkName says whether a name can be that of an entry. The kernel lets longer ones than ours through.
func checkName(name string) error {
	if len(name) > nameMax {
		return unix.ENAMETOOLONG
	}
	return nil
}

// Cookies are directory offsets: what seekdir(3) goes to, and where a listing is continued. Zero is the beginning.
const (
	cookieDot    = 1 // behind "."
	cookieDotDot = 2 // behind ".."
	cookieFirst  = 3 // the first entry's own
)

// directory holds the entries of a directory other than "." and "..". It is guarded by memfs.tree.
//
// Each entry has a cookie, larger than those before it and never used again, and list has them in the order of their
// cookies. So a listing that is read in pieces, while entries come and go, shows each entry that is there throughout exactly
// once: "the rest" is what has a larger cookie than the last entry shown.
type directory struct {
	names shrinkingMap[string, *dirent]
	list  []*dirent // removed ones stay, with a nil node, until there are too many
	dead  int       // how many have been removed
	next  int64     // cookie
}

// dirent is an entry of a directory.
type dirent struct {
	name   string
	node   *inode
	cookie int64
}

func newDirectory() *directory { return &directory{next: cookieFirst} }

func (d *directory) len() int { return len(d.names.m) }

// get returns the entry of that name, nil if there is none.
func (d *directory) get(name string) *dirent { return d.names.m[name] }

// add makes an entry. There must be none of that name.
func (d *directory) add(name string, n *inode) {
	e := &dirent{name: name, node: n, cookie: d.next}
	d.next++
	d.names.put(name, e)
	d.list = append(d.list, e)
}

// remove removes the entry of that name, which must exist.
func (d *directory) remove(name string) {
	d.names.m[name].node = nil
	d.names.remove(name)
	d.dead++
	if d.dead > shrinkBelow && d.dead > len(d.list)/2 || d.len() == 0 {
		d.compact()
	}
}

// compact leaves out the removed entries.
func (d *directory) compact() {
	live := make([]*dirent, 0, d.len())
	for _, e := range d.list {
		if e.node != nil {
			live = append(live, e)
		}
	}
	d.list, d.dead = live, 0
}

// after calls f for the entries whose cookies are larger than cookie, in order, until f returns false.
func (d *directory) after(cookie int64, f func(e *dirent) bool) {
	first := sort.Search(len(d.list), func(i int) bool { return d.list[i].cookie > cookie })
	for _, e := range d.list[first:] {
		if e.node != nil && !f(e) {
			return
		}
	}
}
