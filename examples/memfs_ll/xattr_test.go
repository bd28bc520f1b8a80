package main

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func TestXattr_SetGetListRemove(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	set := func(name, value string, flags lowlevel.XattrFlags) error {
		return k.fs.setxattr(k.req, f, name, []byte(value), flags)
	}
	k.noError(set("user.b", "1", 0))
	k.noError(set("trusted.a", "", lowlevel.XattrCreate))
	k.noError(set("user.b", "12", lowlevel.XattrReplace))
	wantErr(t, "create an existing one", set("user.b", "", lowlevel.XattrCreate), unix.EEXIST)
	wantErr(t, "replace a missing one", set("user.c", "", lowlevel.XattrReplace), unix.ENODATA)
	wantErr(t, "unknown namespace", set("system.posix_acl_access", "", 0), unix.EOPNOTSUPP)
	wantErr(t, "no name", set("user.", "", 0), unix.EINVAL)

	buf := make([]byte, 100)
	n, err := k.fs.getxattr(k.req, f, "user.b", buf)
	if string(buf[:n]) != "12" || err != nil {
		t.Errorf("get: got %q, %v", buf[:n], err)
	}
	n, err = k.fs.listxattr(k.req, f, buf)
	if string(buf[:n]) != "trusted.a\x00user.b\x00" || err != nil {
		t.Errorf("list: got %q, %v", buf[:n], err)
	}
	n, err = k.fs.listxattr(&lowlevel.Request{UID: 1}, f, buf)
	if string(buf[:n]) != "user.b\x00" || err != nil {
		t.Errorf("list by a user: got %q, %v", buf[:n], err)
	}
	n, err = k.fs.getxattr(k.req, f, "user.b", nil)
	if n != 2 || err != nil {
		t.Errorf("ask for the size: got %d, %v", n, err)
	}
	k.noError(k.fs.removexattr(k.req, f, "user.b"))
	wantErr(t, "remove a missing one", k.fs.removexattr(k.req, f, "user.b"), unix.ENODATA)
	_, err = k.fs.getxattr(k.req, f, "user.b", buf)
	wantErr(t, "get a missing one", err, unix.ENODATA)
	k.noError(k.fs.unlink(k.req, root, "f"))
	k.checkEmpty()
}

func TestXattr_Limits(t *testing.T) {
	k := newKernel(t, options{})
	f := k.mkfile(root, "f")
	big := make([]byte, xattrValueMax)
	k.noError(k.fs.setxattr(k.req, f, "user.big", big, 0))
	wantErr(t, "too big", k.fs.setxattr(k.req, f, "user.big", append(big, 0), 0), unix.E2BIG)

	var err error
	count := 0
	for ; err == nil; count++ {
		err = k.fs.setxattr(k.req, f, fmt.Sprintf("user.%0200d", count), nil, 0)
	}
	wantErr(t, "too many names", err, unix.ENOSPC)
	if n, err := k.fs.listxattr(k.req, f, nil); n > xattrListMax || err != nil {
		t.Errorf("list: got %d bytes, %v", n, err)
	}
	k.noError(k.fs.unlink(k.req, root, "f"))
	k.checkEmpty()
}

func TestXattr_CountsAgainstTheSize(t *testing.T) {
	k := newKernel(t, options{Size: "4k", NrInodes: "10"})
	value := []byte(strings.Repeat("x", 3000))
	k.noError(k.fs.setxattr(k.req, root, "user.a", value, 0))
	k.noError(k.fs.setxattr(k.req, root, "user.a", value, 0))
	wantErr(t, "a second one", k.fs.setxattr(k.req, root, "user.b", value, 0), unix.ENOSPC)
	k.noError(k.fs.removexattr(k.req, root, "user.a"))
	k.noError(k.fs.setxattr(k.req, root, "user.b", value, 0))
	k.noError(k.fs.removexattr(k.req, root, "user.b"))
	k.checkEmpty()
}
