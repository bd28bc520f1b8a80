package highlevel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Program is a filesystem as a program: what Main needs beyond its operations.
type Program struct {
	// Ops are the operations. Setup may still change them.
	Ops *Operations
	// Options is nil, or a pointer to a struct for the filesystem's own options: see lowlevel.ParseCmdline.
	Options any
	// Help is printed at the beginning of --help: the filesystem's own options.
	Help string
	// Setup runs after the command line is parsed and before anything is mounted. An error is printed; the program exits with 3.
	Setup func(*lowlevel.Cmdline) error
	// Serving, if not nil, runs on a goroutine of its own beside the operations: see lowlevel.Program.
	Serving func(ctx context.Context, f *FS) error
	// Config is how paths become inodes, DefaultConfig() if nil. The command line prevails.
	Config *Config
	// Session is the session's configuration.
	Session lowlevel.Config
	// Args is the command line, with the program's name first. Nil: os.Args.
	Args []string
	// ExitCodes are the exit codes for what can fail; without a mountpoint it is 1 then. Nil: those of fuse_main.
	ExitCodes *lowlevel.ExitCodes
}

// fuseMainCodes are fuse_main's exit codes.
var fuseMainCodes = lowlevel.ExitCodes{New: 3, Mount: 4, Daemon: 5, Serve: 8}

// Main is the main function of a filesystem, and returns the program's exit code. It does what fuse_main does in C: all of its options, the same words:
//
//	func main() { os.Exit(highlevel.Main(&highlevel.Program{Ops: ops})) }
//
// See lowlevel.Main for what a program does that goes to the background.
//
// Exit codes are those of fuse_main: 0 after an unmount, and after --help and --version; 1 for a bad command line or an error of Setup; 2 without a mountpoint; 3 for a bad option or module;
// 4 if it cannot be mounted; 5 if it cannot go to the background; 8 when serving has failed, or a signal has ended it.
//
// Implements:
//
//	int fuse_main(int argc, char *argv[], const struct fuse_operations *op, void *private_data);
func Main(p *Program) int {
	args := p.Args
	if args == nil {
		args = os.Args
	}
	cl, err := lowlevel.ParseCmdline(args, p.Options)
	switch {
	case err != nil:
		say(err)
		return 1
	case cl.ShowHelp:
		fmt.Printf("usage: %s [options] <mountpoint>\n\n", args[0])
		if p.Help != "" {
			fmt.Println(strings.Trim(p.Help, "\n") + "\n")
		}
		PrintHelp()
		return 0
	case !cl.ShowVersion && cl.Mountpoint == "":
		fmt.Fprintln(os.Stderr, "error: no mountpoint specified")
		if p.ExitCodes != nil {
			return 1
		}
		return 2
	}
	f := New(&Operations{}, DefaultConfig())
	if p.Config != nil {
		f.cfg = *p.Config
	}
	return lowlevel.Main(p.low(f, args))
}

// say prints an error, unless libfuse has done so.
func say(err error) {
	var said *lowlevel.LibraryError
	if !errors.As(err, &said) {
		fmt.Fprintln(os.Stderr, "fuse:", err)
	}
}

// low returns the program as lowlevel has it.
func (p *Program) low(f *FS, args []string) *lowlevel.Program {
	codes := fuseMainCodes
	if p.ExitCodes != nil {
		codes = *p.ExitCodes
	}
	low := &lowlevel.Program{
		Ops:       new(lowlevel.Ops),
		Options:   p.Options,
		Config:    p.Session,
		Args:      args,
		ExitCodes: codes,
		Serving: func(ctx context.Context, s *lowlevel.Session) error {
			f.session.Store(s)
			if p.Serving == nil {
				return nil
			}
			return p.Serving(ctx, f)
		},
	}
	low.Setup = func(cl *lowlevel.Cmdline) error {
		if p.Setup != nil {
			if err := p.Setup(cl); err != nil {
				return err
			}
		}
		low.ExitCodes.Setup = codes.New // from here on it is about options
		return p.build(f, cl, low.Ops)
	}
	return low
}

// build makes the filesystem as the command line wants it.
func (p *Program) build(f *FS, cl *lowlevel.Cmdline, into *lowlevel.Ops) error {
	rest, layers, err := ParseOptions(cl.Args, &f.cfg)
	if err != nil {
		return err
	}
	cl.Args = rest
	ops, err := Stack(p.Ops, layers...)
	if err != nil {
		return err
	}
	f.ops = *ops
	*into = *f.opsAt(cl.Mountpoint)
	return nil
}
