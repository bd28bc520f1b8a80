package highlevel

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Option changes how Mount mounts.
type Option func(*setup)

type setup struct {
	cfg     Config
	session lowlevel.Config
	layers  []Layer
	options []string
}

// WithConfig sets how paths become inodes. Begin with DefaultConfig().
func WithConfig(cfg Config) Option { return func(s *setup) { s.cfg = cfg } }

// WithSession sets how the session is run: threads, mount options, logging.
func WithSession(cfg lowlevel.Config) Option { return func(s *setup) { s.session = cfg } }

// WithOptions takes options as after -o on a command line: "allow_other,entry_timeout=10,modules=subdir,subdir=/srv". They prevail over WithConfig and WithSession.
func WithOptions(o string) Option {
	return func(s *setup) { s.options = append(s.options, o) }
}

// WithLayers puts layers over the filesystem, the first lowest. Those of -o modules= come above.
func WithLayers(layers ...Layer) Option {
	return func(s *setup) { s.layers = append(s.layers, layers...) }
}

// parse puts what WithOptions says into the rest.
func (s *setup) parse() error {
	if len(s.options) == 0 {
		return nil
	}
	args := slices.Clone(s.session.Args)
	if len(args) == 0 {
		args = os.Args[:1:1]
	}
	for _, o := range s.options {
		args = append(args, "-o", o)
	}
	cl, err := lowlevel.ParseCmdline(args, nil)
	if err != nil {
		return err
	}
	rest, layers, err := ParseOptions(withoutSubtype(cl.Args, args), &s.cfg)
	if err != nil {
		return err
	}
	cl.Args = rest
	cl.Apply(&s.session)
	s.layers = append(s.layers, layers...)
	return nil
}

// withoutSubtype takes away what ParseCmdline has added: the type of a program's mount is its own affair.
func withoutSubtype(args, before []string) []string {
	if last := args[len(args)-1]; strings.HasPrefix(last, "-osubtype=") && !slices.Contains(before, last) {
		return args[:len(args)-1]
	}
	return args
}

// Mounted is a filesystem that is mounted and served.
type Mounted struct {
	*FS
	session *lowlevel.Session
	served  chan struct{}
	err     error
}

// Mount mounts a filesystem at dir, and serves it until it is unmounted or ctx ends. It returns when the filesystem is there, or with the reason
// why not. What must be done in the end is to call Unmount or Wait.
//
// Errors: those of lowlevel's New and Session.Mount; of ParseOptions; of layers; that of ctx.
func Mount(ctx context.Context, dir string, ops *Operations, options ...Option) (*Mounted, error) {
	s := setup{cfg: DefaultConfig()}
	for _, o := range options {
		o(&s)
	}
	if err := s.parse(); err != nil {
		return nil, err
	}
	ops, err := Stack(ops, s.layers...)
	if err != nil {
		return nil, err
	}
	f := New(ops, s.cfg)
	session, err := lowlevel.New(f.opsAt(dir), s.session)
	if err != nil {
		return nil, err
	}
	f.session.Store(session)
	if err := mountWith(ctx, session, dir); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	m := &Mounted{FS: f, session: session, served: make(chan struct{})}
	go func() {
		defer close(m.served)
		m.err = errors.Join(unlessClosed(session.Serve(ctx)), session.Close())
	}()
	return m, nil
}

// mountWith gives up when ctx ends, whatever keeps the kernel from answering.
func mountWith(ctx context.Context, s *lowlevel.Session, dir string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	unwatch := context.AfterFunc(ctx, func() { _ = s.Close() })
	err := s.Mount(dir)
	if !unwatch() {
		return context.Cause(ctx)
	}
	return err
}

// unlessClosed: Unmount may come before Serve has begun.
func unlessClosed(err error) error {
	if errors.Is(err, lowlevel.ErrClosed) {
		return nil
	}
	return err
}

// Wait waits until the filesystem is no longer mounted.
//
// Errors: those of lowlevel.Session's Serve and Close.
func (m *Mounted) Wait() error {
	<-m.served
	return m.err
}

// Unmount unmounts, also where the filesystem is in use (lazily then), and waits until nothing is left.
func (m *Mounted) Unmount() error {
	err := m.session.Close()
	return errors.Join(err, m.Wait())
}
