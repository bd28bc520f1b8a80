// Squashfuse mounts a SquashFS archive: a port of squashfuse_ll, from C on libfuse's low-level API to Go on package lowlevel. README.md says what was ported, and how.
//
//	squashfuse_ll [options] ARCHIVE MOUNTPOINT
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/ll"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// options are sqfs_opts.
type options struct {
	Image   string `fuse:"--image=%s"` // see ll.WithImage
	Offset  uint64 `fuse:"offset=%lu"`
	Timeout uint32 `fuse:"timeout=%u"`
}

// Exit codes are C's: what main returns is the negative of the error.
const (
	exitUsage  = 256 - 2
	exitFailed = 256 - 1
)

func main() { os.Exit(run(os.Args)) }

func run(args []string) int {
	args, ok := ll.WithImage(args)
	if !ok {
		return usage(args[0])
	}
	var o options
	cl, err := lowlevel.ParseCmdline(args, &o)
	if err != nil || cl.ShowHelp || cl.ShowVersion || cl.Mountpoint == "" || o.Image == "" {
		return usage(args[0])
	}
	var fs ll.LL
	var ended atomic.Int32 // the signal that has ended it
	code := lowlevel.Main(&lowlevel.Program{
		Args:    args,
		Options: &o,
		Ops:     fs.Ops(),
		Setup: func(*lowlevel.Cmdline) error {
			watchSignals(&ended)
			fs.FS, err = ll.Open(o.Image, o.Offset)
			return err
		},
		Serving: func(ctx context.Context, s *lowlevel.Session) error {
			if o.Timeout == 0 || !fs.Idle.Wait(ctx, time.Duration(o.Timeout)*time.Second) {
				return nil
			}
			ended.Store(int32(syscall.SIGINT)) // what C sends itself then
			return s.Unmount()
		},
		ExitCodes: lowlevel.ExitCodes{Setup: exitFailed},
	})
	if sig := ended.Load(); sig != 0 && code <= 1 {
		return 256 - int(sig) // what fuse_session_loop returns is the signal's number
	}
	return code
}

// watchSignals notes the signal that ends the program. Main does what is to be done then.
func watchSignals(ended *atomic.Int32) {
	ch := make(chan os.Signal, 1)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(sig) {
			signal.Notify(ch, sig)
		}
	}
	go func() {
		for sig := range ch {
			ended.CompareAndSwap(0, int32(sig.(syscall.Signal)))
		}
	}()
}

const usageText = `squashfuse 0.1.104 (c) 2012 Dave Vasilevsky

Usage: %s [options] ARCHIVE MOUNTPOINT
`

// usage is sqfs_usage.
func usage(name string) int {
	fmt.Fprintf(os.Stderr, usageText, name)
	lowlevel.PrintHelp()
	return exitUsage
}
