package lowlevel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Program is a filesystem as a program: what Main needs.
type Program struct {
	// Ops are the handlers.
	Ops *Ops
	// Options is nil, or a pointer to a struct for the filesystem's own options: see ParseCmdline.
	Options any
	// Help is printed at the end of --help: the filesystem's own options.
	Help string
	// Setup runs after the command line is parsed and before anything is mounted, in the process that will serve. An error is printed to stderr;
	// the program exits with 1.
	Setup func(*Cmdline) error
	// Serving, if not nil, runs on a goroutine of its own beside the handlers, from when the filesystem is mounted: the place for what notifies the kernel
	// ([Session.Notifier]). ctx ends when the session does; Main waits for Serving to return then. An error is printed and ends the program, with exit code 1,
	// unless it is ErrClosed or ctx's: what one meets at the end.
	Serving func(ctx context.Context, s *Session) error
	// Config is the session's; the command line prevails. Args is replaced by what the command line leaves: append to Cmdline.Args in Setup.
	Config Config
	// Args is the command line, with the program's name first. Nil: os.Args.
	Args []string
	// ExitCodes are the exit codes for what can fail. Those that are 0 are 1.
	ExitCodes ExitCodes
}

// ExitCodes are a program's exit codes for what can fail. For a bad command line it is always 1.
type ExitCodes struct {
	Setup  int
	New    int // options that New does not take
	Mount  int
	Daemon int // going to the background, when it is mounted
	Serve  int // Serve or Serving has failed, or a signal has ended it
}

// Main is the main function of a filesystem, and returns the program's exit code:
//
//	func main() { os.Exit(lowlevel.Main(&lowlevel.Program{Ops: ops})) }
//
// It does what the usual C program does: -h, -V, -f, -d, -s and -o; mounts; goes to the background unless it is told not to; serves until
// the filesystem is unmounted or the process gets SIGINT, SIGTERM or SIGHUP, then unmounts.
//
// A Go program cannot fork. To go to the background, Main starts the program anew, with the same arguments, as a session of its own, and
// exits when that one has mounted: with 0, or with its exit code if it could not. So it should be called early: what the program does before is done twice.
//
// Exit codes are those of libfuse's examples: 0 after an unmount, and after --help and --version; 1 otherwise, after a signal too, unless ExitCodes says otherwise.
func Main(p *Program) int {
	args := p.Args
	if args == nil {
		args = os.Args
	}
	cl, err := ParseCmdline(args, p.Options)
	if err != nil {
		return failed(err, 1)
	}
	switch {
	case cl.ShowHelp:
		fmt.Printf("usage: %s [options] <mountpoint>\n\n", args[0])
		PrintHelp()
		fmt.Print(p.Help)
		return 0
	case cl.ShowVersion:
		PrintVersion()
		return 0
	case cl.Mountpoint == "":
		fmt.Printf("usage: %s [options] <mountpoint>\n       %s --help\n", args[0], args[0])
		return 1
	}
	ready := takeReady()
	if !cl.Foreground && ready == nil {
		return background(args, cl.Mountpoint)
	}
	return p.run(cl, ready)
}

// PrintHelp prints libfuse's part of --help: the options that every program has.
//
// Implements:
//
//	void fuse_cmdline_help(void);
//	void fuse_lowlevel_help(void);
func PrintHelp() { cshim.PrintHelp() }

// PrintVersion prints the versions of libfuse, fusermount3 and the protocol, as -V does.
//
// Implements:
//
//	void fuse_lowlevel_version(void);
func PrintVersion() { cshim.PrintVersion() }

// run is the program in the process that serves.
func (p *Program) run(cl *Cmdline, ready *os.File) int {
	if p.Setup != nil {
		if err := p.Setup(cl); err != nil {
			var said *LibraryError
			if !errors.As(err, &said) {
				fmt.Fprintln(os.Stderr, err)
			}
			return max(1, p.ExitCodes.Setup)
		}
	}
	cfg := p.Config
	cl.Apply(&cfg)
	s, err := New(p.Ops, cfg)
	if err != nil {
		return failed(err, p.ExitCodes.New)
	}
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals()...)
	defer stop()
	code := p.serve(ctx, s, cl.Mountpoint, ready)
	if err := s.Close(); err != nil {
		return failed(err, p.ExitCodes.Serve)
	}
	if ctx.Err() != nil {
		return max(1, p.ExitCodes.Serve) // as libfuse's loop returns the signal's number
	}
	return code
}

// endingSignals are those that libfuse's programs end by, but for what is ignored (nohup).
func endingSignals() []os.Signal {
	list := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
	return slices.DeleteFunc(list, signal.Ignored)
}

func (p *Program) serve(ctx context.Context, s *Session, mountpoint string, ready *os.File) int {
	// Whatever keeps the kernel from answering, a signal ends the wait.
	unwatch := context.AfterFunc(ctx, func() { _ = s.Close() })
	err := s.Mount(mountpoint)
	if !unwatch() && errors.Is(err, ErrClosed) {
		return 1
	}
	if err != nil {
		return failed(err, p.ExitCodes.Mount)
	}
	if err := becomeDaemon(ready); err != nil {
		return failed(err, p.ExitCodes.Daemon)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside := p.beside(ctx, cancel, s)
	err = s.Serve(ctx)
	cancel()
	if besideErr := <-beside; besideErr != nil {
		return failed(besideErr, p.ExitCodes.Serve)
	}
	if err != nil {
		return failed(err, p.ExitCodes.Serve)
	}
	return 0
}

// beside starts Serving. It ends the session by cancel if that fails.
func (p *Program) beside(ctx context.Context, cancel func(), s *Session) <-chan error {
	failed := make(chan error, 1)
	if p.Serving == nil {
		failed <- nil
		return failed
	}
	go func() {
		err := p.Serving(ctx, s)
		if errors.Is(err, ErrClosed) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = nil
		}
		if err != nil {
			cancel()
		}
		failed <- err
	}()
	return failed
}

// failed reports an error, unless libfuse has done so itself, and returns the exit code.
func failed(err error, code int) int {
	var said *LibraryError
	if !errors.As(err, &said) {
		fmt.Fprintf(os.Stderr, "fuse: %v\n", err)
	} else if hint := hintOf(err); hint != "" {
		fmt.Fprintf(os.Stderr, "fuse: %s\n", hint)
	}
	return max(1, code)
}

func hintOf(err error) string {
	var e *OpError
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}
