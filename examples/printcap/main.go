// Command printcap is libfuse's example of that name in Go: it mounts an empty filesystem on a temporary directory, prints what the
// kernel and the installed libfuse are capable of together, and unmounts it again. It shows the steps that lowlevel.Main takes
// for other programs: New, Mount, Close; and what Ops.Init sees.
//
//	printcap
//
// libfuse before 3.17 is told of FUSE_CAP_PARALLEL_DIROPS but cannot pass it on, so C's program shows it there and this one does not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func main() {
	if err := run(); err != nil {
		os.Exit(failed(err))
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "fuse_printcap_")
	if err != nil {
		return err
	}
	lowlevel.PrintVersion()
	return errors.Join(mount(dir), os.Remove(dir))
}

// mount mounts the filesystem on dir and unmounts it.
func mount(dir string) error {
	s, err := lowlevel.New(&lowlevel.Ops{Init: printCapabilities}, lowlevel.Config{Args: os.Args})
	if err != nil {
		return err
	}
	// A signal must not leave the mount behind.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, func() { _ = s.Close() })

	// Mount returns when the kernel's INIT has been answered. That is all we want of it, so there is no Serve.
	return errors.Join(s.Mount(dir), s.Close())
}

// failed says what went wrong, unless libfuse has said so already.
func failed(err error) int {
	var said *lowlevel.LibraryError
	if !errors.As(err, &said) {
		fmt.Fprintln(os.Stderr, "printcap:", err)
	}
	return 1
}

// inOrder is the order in which C's program prints.
var inOrder = []lowlevel.Cap{
	lowlevel.CapAsyncRead, lowlevel.CapPosixLocks, lowlevel.CapAtomicOTrunc, lowlevel.CapExportSupport,
	lowlevel.CapDontMask, lowlevel.CapSpliceMove, lowlevel.CapSpliceRead, lowlevel.CapSpliceWrite,
	lowlevel.CapFlockLocks, lowlevel.CapIoctlDir, lowlevel.CapAutoInvalData, lowlevel.CapReaddirplus,
	lowlevel.CapReaddirplusAuto, lowlevel.CapAsyncDio, lowlevel.CapWritebackCache, lowlevel.CapNoOpenSupport,
	lowlevel.CapParallelDirops, lowlevel.CapPosixACL, lowlevel.CapCacheSymlinks, lowlevel.CapNoOpendirSupport,
	lowlevel.CapExplicitInvalData, lowlevel.CapExpireOnly, lowlevel.CapSetxattrExt, lowlevel.CapHandleKillpriv,
	lowlevel.CapHandleKillprivV2, lowlevel.CapDirectIOAllowMmap, lowlevel.CapNoExportSupport, lowlevel.CapPassthrough,
}

// printCapabilities is Ops.Init. A filesystem would choose here, with Enable and Disable, what it wants.
func printCapabilities(conn *lowlevel.ConnInfo) {
	fmt.Printf("Protocol version: %d.%d\n", conn.ProtoMajor(), conn.ProtoMinor())
	fmt.Println("Capabilities:")
	rest := conn.Capable()
	for _, c := range inOrder {
		if rest&c != 0 {
			fmt.Printf("\t%v\n", c)
		}
		rest &^= c
	}
	// Newer ones, which C's program does not know.
	for ; rest != 0; rest &= rest - 1 {
		fmt.Printf("\t%v\n", rest&-rest)
	}
}
