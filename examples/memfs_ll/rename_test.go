package main

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func (k *kernel) rename(from lowlevel.Ino, name string, to lowlevel.Ino, newname string, flags lowlevel.RenameFlags) error {
	return k.fs.rename(k.req, from, name, to, newname, flags)
}

func TestRename_Errors(t *testing.T) {
	k := newKernel(t, options{})
	d := k.mkdir(root, "d")
	sub := k.mkdir(d, "sub")
	k.mkdir(root, "empty")
	k.mkfile(root, "f")
	k.mkfile(root, "g")
	const noreplace, exchange = lowlevel.RenameNoreplace, lowlevel.RenameExchange
	for _, c := range []struct {
		from    lowlevel.Ino
		name    string
		to      lowlevel.Ino
		newname string
		flags   lowlevel.RenameFlags
		want    error
	}{
		{root, "none", root, "x", 0, unix.ENOENT},
		{root, "none", root, "x", exchange, unix.ENOENT},
		{root, "f", root, "none", exchange, unix.ENOENT},
		{root, "f", root, "g", noreplace, unix.EEXIST},
		{root, "d", root, "f", 0, unix.ENOTDIR},
		{root, "f", root, "d", 0, unix.EISDIR},
		{root, "empty", root, "d", 0, unix.ENOTEMPTY},
		{root, "d", d, "x", 0, unix.EINVAL},
		{root, "d", sub, "x", 0, unix.EINVAL},
		{root, "d", sub, "x", exchange, unix.EINVAL},
		{d, "sub", root, "d", exchange, unix.EINVAL},
		{root, "f", root, "x", lowlevel.RenameWhiteout, unix.EINVAL},
		{root, "f", root, "g", noreplace | exchange, unix.EINVAL},
		{root, "f", root, "g", 1 << 10, unix.EINVAL},
	} {
		wantErr(t, c.name+" to "+c.newname+" "+c.flags.String(), k.rename(c.from, c.name, c.to, c.newname, c.flags), c.want)
	}
}

func TestRename_MovesDirectories(t *testing.T) {
	k := newKernel(t, options{})
	a, b := k.mkdir(root, "a"), k.mkdir(root, "b")
	d := k.mkdir(a, "d")
	k.noError(k.rename(a, "d", b, "e", lowlevel.RenameNoreplace))
	if got := k.find(b, "e"); got != d {
		t.Errorf("new name: got %d, want %d", got, d)
	}
	if got := k.find(a, "d"); got != 0 {
		t.Errorf("old name: got %d, want none", got)
	}
	if got := k.list(d)[".."]; got != b {
		t.Errorf("'..': got %d, want %d", got, b)
	}
	if na, nb := k.stat(a).Nlink, k.stat(b).Nlink; na != 2 || nb != 3 {
		t.Errorf("links of the parents: got %d and %d, want 2 and 3", na, nb)
	}
	k.noError(k.rename(b, "e", root, "a", 0)) // replaces a
	if k.find(root, "a") != d || k.stat(a).Nlink != 0 || k.stat(b).Nlink != 2 || k.stat(root).Nlink != 4 {
		t.Errorf("after replacing a directory: links %d, %d, %d", k.stat(a).Nlink, k.stat(b).Nlink, k.stat(root).Nlink)
	}
	k.noError(k.fs.rmdir(k.req, root, "a"))
	k.noError(k.fs.rmdir(k.req, root, "b"))
	k.checkEmpty()
}

func TestRename_ReplacesFiles(t *testing.T) {
	k := newKernel(t, options{})
	f, g := k.mkfile(root, "f"), k.mkfile(root, "g")
	k.write(g, "old", 0)
	cookie := k.fs.table.get(root).entries.get("g").cookie
	k.noError(k.rename(root, "f", root, "g", 0))
	if got := k.find(root, "g"); got != f {
		t.Errorf("got %d, want %d", got, f)
	}
	if got := k.fs.table.get(root).entries.get("g").cookie; got != cookie {
		t.Errorf("the cookie of a replaced entry has changed")
	}
	if got := k.read(g); got != "old" || k.stat(g).Nlink != 0 {
		t.Errorf("the replaced file: got %q, %d links", got, k.stat(g).Nlink)
	}
	k.got(k.fs.link(k.req, f, root, "h"))
	k.noError(k.rename(root, "h", root, "g", 0)) // two names of one file: nothing happens
	if got := len(k.list(root)); got != 4 {
		t.Errorf("entries after a rename to another name of the same file: got %d, want 4", got)
	}
	k.noError(k.fs.unlink(k.req, root, "g"))
	k.noError(k.fs.unlink(k.req, root, "h"))
	k.checkEmpty()
}

func TestRename_Exchanges(t *testing.T) {
	k := newKernel(t, options{})
	a, b := k.mkdir(root, "a"), k.mkdir(root, "b")
	f, d := k.mkfile(a, "x"), k.mkdir(b, "y")
	k.noError(k.rename(a, "x", b, "y", lowlevel.RenameExchange))
	if k.find(a, "x") != d || k.find(b, "y") != f {
		t.Error("not exchanged")
	}
	if got := k.list(d)[".."]; got != a {
		t.Errorf("'..': got %d, want %d", got, a)
	}
	if na, nb := k.stat(a).Nlink, k.stat(b).Nlink; na != 3 || nb != 2 {
		t.Errorf("links of the parents: got %d and %d, want 3 and 2", na, nb)
	}
	k.noError(k.rename(root, "a", root, "b", lowlevel.RenameExchange))
	if k.find(root, "a") != b || k.find(root, "b") != a {
		t.Error("not exchanged in one directory")
	}
}
