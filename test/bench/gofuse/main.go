// Gofuse serves a directory with go-fuse's loopback filesystem, set up as passthrough_ll is with cache=never: no
// timeouts, direct I/O, and no passthrough in the kernel.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

type node struct{ *fs.LoopbackNode }

// plainFile is the loopback's file, kept out of the kernel's passthrough.
type plainFile struct{ *fs.LoopbackFile }

func (plainFile) PassthroughFd() (int, bool) { return -1, false }

var (
	_ = fs.NodeOpener((*node)(nil))
	_ = fs.NodeWrapChilder((*node)(nil))
	_ = fs.FileReader(plainFile{})
)

// WrapChild makes a node of ours of every inode that the loopback makes.
func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	if l, ok := child.(*fs.LoopbackNode); ok {
		return &node{l}
	}
	return child
}

// Open is the loopback's, with direct I/O.
func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	fh, out, errno := n.LoopbackNode.Open(ctx, flags)
	if f, ok := fh.(*fs.LoopbackFile); ok {
		fh = plainFile{f}
	}
	return fh, out | fuse.FOPEN_DIRECT_IO, errno
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gofuse SOURCE MOUNTPOINT")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gofuse:", err)
		os.Exit(1)
	}
}

func serve(source, mountpoint string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(source, &st); err != nil {
		return err
	}
	root := &fs.LoopbackRoot{Path: source, Dev: uint64(st.Dev)}
	root.RootNode = &node{&fs.LoopbackNode{RootData: root}}
	var none time.Duration
	server, err := fs.Mount(mountpoint, root.RootNode, &fs.Options{
		AttrTimeout:  &none,
		EntryTimeout: &none,
		MountOptions: fuse.MountOptions{DirectMount: true, MaxWrite: 1 << 20},
	})
	if err != nil {
		return err
	}
	server.Wait()
	return nil
}
