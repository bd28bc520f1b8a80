package main

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// nodeIDs chooses node IDs and generations for inodes.
//
// File handles, as NFS servers and open_by_handle_at(2) use them, carry the node ID and generation. They are kept for longer
// than the kernel keeps the inode, and than this process lives. So an ID must never name another file.
//
// On ext2, ext3, ext4 and f2fs a file's own handle is 64 bits long, its inode number and generation: that is the node ID. A
// file is found again by it after the kernel has forgotten the inode, and after a restart. Elsewhere, and where the server may
// not open files by handle, IDs are counted, with a generation of this run: then a handle works until the inode is
// forgotten, and is refused (ESTALE) from then on.
type nodeIDs struct {
	dev     uint64 // the device whose files have handles of 64 bits
	mountFD int    // a descriptor on it, or -1 where there are none
	counter atomic.Uint64
	gen     uint64 // of counted IDs
}

// counted marks node IDs that are no handles.
const counted lowlevel.Ino = 1 << 63

// fileidIno32Gen is FILEID_INO32_GEN of linux/exportfs.h, the type of handles made of two 32-bit numbers. Some filesystems use
// the same type for longer ones, so the length counts, too.
const (
	fileidIno32Gen = 1
	fileidSize     = 8
)

func newNodeIDs(root int, dev uint64) *nodeIDs {
	n := &nodeIDs{dev: dev, mountFD: -1, gen: uint64(randomGeneration())}
	node, ok := handleNode(root)
	if !ok {
		return n
	}
	// Handles are opened relative to an open file, an O_PATH descriptor will not do.
	fd, err := unix.Open(procPath(root), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return n
	}
	probe, err := openNode(fd, node)
	if err != nil { // this takes CAP_DAC_READ_SEARCH
		closeFD(fd)
		return n
	}
	closeFD(probe)
	n.mountFD = fd
	return n
}

// randomGeneration returns a number that another run of the program hardly uses. The kernel keeps 32 bits.
func randomGeneration() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.NativeEndian.Uint32(b[:]) | 1
}

// choose returns the node ID and generation for the file that fd has open.
func (n *nodeIDs) choose(fd int, key inodeKey) (node lowlevel.Ino, gen uint64) {
	if n.mountFD >= 0 && key.dev == n.dev {
		if node, ok := handleNode(fd); ok {
			return node, 0
		}
	}
	return counted | lowlevel.Ino(n.counter.Add(1)), n.gen
}

// open opens the file that choose has named node, with O_PATH. Where it cannot, the error is ESTALE.
func (n *nodeIDs) open(node lowlevel.Ino) (int, error) {
	if n.mountFD < 0 || node&counted != 0 {
		return -1, unix.ESTALE
	}
	fd, err := openNode(n.mountFD, node)
	if err != nil {
		return -1, unix.ESTALE
	}
	return fd, nil
}

func (n *nodeIDs) close() { closeFD(n.mountFD) }

// canReopen reports whether open will find the file that is called node, and no other. (A handle with generation 0, as files
// that mkfs has made have, also opens a later file of that inode number.)
func canReopen(node lowlevel.Ino) bool { return node&counted == 0 && uint32(node) != 0 }

// handleNode returns the handle of the file that fd has open as a node ID, if it can be one.
func handleNode(fd int) (lowlevel.Ino, bool) {
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	if err != nil || h.Type() != fileidIno32Gen || h.Size() != fileidSize {
		return 0, false
	}
	b := h.Bytes()
	ino, gen := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
	node := lowlevel.Ino(ino)<<32 | lowlevel.Ino(gen)
	return node, node > lowlevel.RootIno && node&counted == 0
}

// openNode is the inverse of handleNode.
func openNode(mountFD int, node lowlevel.Ino) (int, error) {
	b := make([]byte, fileidSize)
	binary.NativeEndian.PutUint32(b, uint32(node>>32))
	binary.NativeEndian.PutUint32(b[4:], uint32(node))
	return unix.OpenByHandleAt(mountFD, unix.NewFileHandle(fileidIno32Gen, b), unix.O_PATH|unix.O_CLOEXEC)
}
