package highlevel

import (
	"context"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Program is a filesystem as a program: what Main needs beyond its operations.
type Program struct {
	// Ops are the operations. Setup may still change them.
	Ops *Operations
	// Options is nil, or a pointer to a struct for the filesystem's own options: see lowlevel.ParseCmdline.
	Options any
	// Help is printed at the end of --help: the filesystem's own options.
	Help string
	// Setup runs after the command line is parsed and before anything is mounted. An error is printed; the program exits with 1.
	Setup func(*lowlevel.Cmdline) error
	// Serving, if not nil, runs on a goroutine of its own beside the operations: see lowlevel.Program.
	Serving func(ctx context.Context, f *FS) error
	// Config is how paths become inodes, DefaultConfig() if nil. The command line prevails.
	Config *Config
	// Session is the session's configuration.
	Session lowlevel.Config
	// Args is the command line, with the program's name first. Nil: os.Args.
	Args []string
}

// Main is the main function of a filesystem, and returns the program's exit code. It does what fuse_main does in C: all of its options, the same words:
//
//	func main() { os.Exit(highlevel.Main(&highlevel.Program{Ops: ops})) }
//
// See lowlevel.Main for what a program does that goes to the background.
//
// Implements:
//
//	int fuse_main(int argc, char *argv[], const struct fuse_operations *op, void *private_data);
func Main(p *Program) int {
	f := New(&Operations{}, DefaultConfig())
	if p.Config != nil {
		f.cfg = *p.Config
	}
	low := &lowlevel.Program{
		Ops:     new(lowlevel.Ops),
		Options: p.Options,
		Help:    Help + p.Help,
		Config:  p.Session,
		Args:    p.Args,
	}
	low.Setup = func(cl *lowlevel.Cmdline) error {
		if p.Setup != nil {
			if err := p.Setup(cl); err != nil {
				return err
			}
		}
		return p.build(f, cl, low.Ops)
	}
	low.Serving = func(ctx context.Context, s *lowlevel.Session) error {
		f.session.Store(s)
		if p.Serving == nil {
			return nil
		}
		return p.Serving(ctx, f)
	}
	return lowlevel.Main(low)
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
	*into = *f.Ops()
	return nil
}
