// Squashfuse mounts a SquashFS archive: a port of squashfuse_ll, from C on libfuse's low-level API to Go on package lowlevel. README.md says what was ported, and how.
//
//	squashfuse_ll [options] ARCHIVE MOUNTPOINT
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/ll"
	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/sqfs"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// options are sqfs_opts.
type options struct {
	Image   string `fuse:"--image=%s"` // see withImage
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
	args, ok := withImage(args)
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
			fs.FS, err = openImage(o.Image, o.Offset)
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

// withImage makes the first of two arguments that are no options --image=ARCHIVE, since libfuse's parser takes one such argument, the mountpoint: sqfs_opt_proc. It
// returns false if there are more. In the background it has been done already.
func withImage(args []string) ([]string, bool) {
	var names []int
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-o":
			i++ // its value
		case !strings.HasPrefix(args[i], "-"):
			names = append(names, i)
		}
	}
	if len(names) == 2 {
		args = slices.Clone(args)
		args[names[0]] = "--image=" + args[names[0]]
	}
	return args, len(names) <= 2
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

// openImage is sqfs_ll_open and sqfs_open_image. Its errors have C's words.
func openImage(path string, offset uint64) (*sqfs.FS, error) {
	f, err := os.Open(path)
	if err != nil {
		var e *os.PathError
		errors.As(err, &e)
		return nil, fmt.Errorf("Can't open squashfs image: %s", capital(e.Err.Error())) //nolint:staticcheck // C's words
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		var fs *sqfs.FS
		if fs, err = sqfs.New(f, size, int64(offset)); err == nil {
			return fs, nil
		}
	}
	f.Close()
	return nil, imageError(err)
}

func imageError(err error) error {
	var version *sqfs.VersionError
	var compression *sqfs.CompressionError
	switch {
	case errors.Is(err, sqfs.ErrFormat):
		return errors.New("This doesn't look like a squashfs image.") //nolint:staticcheck // C's words
	case errors.As(err, &version):
		return fmt.Errorf("Squashfs version %d.%d detected, only version 4.0 supported.", version.Major, version.Minor) //nolint:staticcheck // C's words
	case errors.As(err, &compression):
		names := make([]string, len(sqfs.Compressions))
		for i, c := range sqfs.Compressions {
			names[i] = c.String()
		}
		return fmt.Errorf("Squashfs image uses %s compression, this version supports only %s.", compression.Type, strings.Join(names, ", ")) //nolint:staticcheck // C's words
	}
	return errors.New("Something went wrong trying to read the squashfs image.") //nolint:staticcheck // C's words
}

// capital makes of a Go error's text what C's strerror says.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
