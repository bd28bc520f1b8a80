package notify

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// The kernel keeps ACLs (with CapPosixACL), which go with the attributes, and no other extended attributes.
func TestInvalInode_ExtendedAttributes(t *testing.T) {
	type call func(n *lowlevel.Notifier, ino lowlevel.Ino) error
	for name, inval := range map[string]call{
		"all":        func(n *lowlevel.Notifier, ino lowlevel.Ino) error { return n.InvalInode(ino) },
		"range":      func(n *lowlevel.Notifier, ino lowlevel.Ino) error { return n.InvalInodeRange(ino, 0, 1) },
		"attributes": func(n *lowlevel.Notifier, ino lowlevel.Ino) error { return n.InvalInodeAttr(ino) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{enable: lowlevel.CapPosixACL}, func(x *experiment) {
				x.prepare("stat f")
				x.refused(unix.ENODATA, "xattr f "+acl, "GETXATTR /f "+acl)
				x.refused(unix.ENODATA, "xattr f "+acl)
				x.gives("old", "xattr f user.x", "GETXATTR /f user.x")
				x.gives("old", "xattr f user.x", "GETXATTR /f user.x")
				x.ok(inval(x.n, x.fs.ino("f")))
				x.refused(unix.ENODATA, "xattr f "+acl, "GETXATTR /f "+acl)
				x.step("stat f", "GETATTR /f")
			})
		})
	}
}
