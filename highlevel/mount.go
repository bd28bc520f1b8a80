package highlevel

import (
	"context"
	"errors"
	"os"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Option changes how Mount mounts.
type Option func(*setup)

type setup struct {
	cfg     Config
	session lowlevel.Config
	layers  []Layer
	err     error
}

// WithConfig sets how paths become inodes. Begin with DefaultConfig().
func WithConfig(cfg Config) Option { return func(s *setup) { s.cfg = cfg } }

// WithSession sets how the session is run: threads, mount options, logging.
func WithSession(cfg lowlevel.Config) Option { return func(s *setup) { s.session = cfg } }

// WithOptions takes options as after -o on a command line: "allow_other,entry_timeout=10,modules=subdir,subdir=/srv".
func WithOptions(o string) Option {
	return func(s *setup) {
		args := s.session.Args
		if len(args) == 0 {
			args = os.Args[:1]
		}
		args = append(append([]string(nil), args...), "-o", o)
		rest, layers, err := ParseOptions(args, &s.cfg)
		s.err = errors.Join(s.err, err)
		s.session.Args = rest
		s.layers = append(s.layers, layers...)
	}
}

// WithLayers puts layers over the filesystem, the first lowest.
func WithLayers(layers ...Layer) Option {
	return func(s *setup) { s.layers = append(s.layers, layers...) }
}

// Mounted is a filesystem that is mounted and served.
type Mounted struct {
	*FS
	session *lowlevel.Session
	served  chan struct{}
	err     error
}

// Mount mounts a filesystem at dir, and serves it until it is unmounted or ctx ends. It returns when the filesystem is there, or with the reason
// why not.
func Mount(ctx context.Context, dir string, ops *Operations, options ...Option) (*Mounted, error) {
	s := setup{cfg: DefaultConfig()}
	for _, o := range options {
		o(&s)
	}
	if s.err != nil {
		return nil, s.err
	}
	ops, err := Stack(ops, s.layers...)
	if err != nil {
		return nil, err
	}
	f := New(ops, s.cfg)
	session, err := lowlevel.New(f.Ops(), s.session)
	if err != nil {
		return nil, err
	}
	f.session.Store(session)
	if err := session.Mount(dir); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	m := &Mounted{FS: f, session: session, served: make(chan struct{})}
	go func() {
		defer close(m.served)
		m.err = errors.Join(session.Serve(ctx), session.Close())
	}()
	return m, nil
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
