package lowlevel

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// Filesystems in Go for programs in C.

var exported struct {
	sync.Mutex
	open map[string]func(s *Session) (*Ops, error)
}

// Export makes a filesystem known to C programs, which put functions of go-libfuse3.h in their struct fuse_lowlevel_ops: gf_ll_lookup calls Ops.Lookup, and so on. It is to be called by an init function of
// the package main that go-libfuse3-build makes an archive or a shared library of. C asks for it by name (gf_bind), or, where there is only one, not at all.
//
// open is called when the first request of a session is there, which is its INIT if gf_ll_init is in the table. It returns the handlers for that session; an error is logged, and then all
// of its requests are answered EIO. s is the session, for [Session.Notifier] and [Session.Userdata]: see [AdoptSession] for what can be done with it. Notifying is possible once the session was bound (gf_bind) and has had its INIT.
//
// Members of Ops that C's table does not have are not called; a member of C's table that Ops does not have answers ENOSYS. Where there are two for the same (Write and WriteBuf, Forget and ForgetMulti) either
// will do.
//
// It panics if there is one of that name.
func Export(name string, open func(s *Session) (*Ops, error)) {
	exported.Lock()
	defer exported.Unlock()
	if _, ok := exported.open[name]; ok {
		panic("lowlevel: exported twice: " + name)
	}
	if exported.open == nil {
		exported.open = make(map[string]func(s *Session) (*Ops, error))
	}
	exported.open[name] = open
}

func init() { cshim.OnOpen(openFilesystem) }

// openFilesystem opens the filesystem of that name for a session that a C program runs. nil: it cannot.
func openFilesystem(c *cshim.Session, name string) cshim.Handler {
	s := newSession(new(Ops), Config{})
	s.bound = true
	s.adopt(c)
	open, err := findExported(name)
	if err == nil {
		err = checkVersion()
	}
	if err == nil {
		s.guard("open", func() {
			err = unix.EIO // of a panic
			var ops *Ops
			if ops, err = open(s); err == nil {
				*s.ops = *ops
			}
		})
	}
	if err != nil {
		slog.Error("fuse: cannot open the filesystem; its requests are answered EIO", "filesystem", name, "cause", err)
		return nil
	}
	return bridge{s}
}

func findExported(name string) (func(s *Session) (*Ops, error), error) {
	exported.Lock()
	defer exported.Unlock()
	names := slices.Sorted(maps.Keys(exported.open))
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("no filesystem: none was exported (lowlevel.Export)")
	case name == "" && len(names) == 1:
		return exported.open[names[0]], nil
	case name == "":
		return nil, fmt.Errorf("several filesystems, gf_bind must say which: %s", strings.Join(names, ", "))
	case exported.open[name] == nil:
		return nil, fmt.Errorf("no such filesystem among %s", strings.Join(names, ", "))
	}
	return exported.open[name], nil
}

// fallback answers where C's table has a handler of Go's for an operation that Ops does not have.
func (s *Session) fallback(r *Request, c *cshim.Call) error {
	switch {
	case c.Op == cshim.OpForgetMulti && s.ops.Forget != nil:
		for _, f := range forgets(c) {
			s.ops.Forget(r, f.Ino, f.Nlookup)
		}
		return nil
	case c.Op == cshim.OpWriteBuf && s.ops.Write != nil:
		data, err := bytesOf(r.bufVec(c))
		if err != nil {
			return err
		}
		n, err := s.ops.Write(r, Ino(c.Ino), data, c.Off, r.fileInfo(c))
		return count(c, n, uint64(len(data)), err)
	case c.Op == cshim.OpWrite && s.ops.WriteBuf != nil:
		n, err := s.ops.WriteBuf(r, Ino(c.Ino), BufMem(in(c)), c.Off, r.fileInfo(c))
		return count(c, n, c.InLen, err)
	}
	c.PollHandle.Destroy()
	return unix.ENOSYS
}
