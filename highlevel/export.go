package highlevel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Filesystems by paths in Go for programs in C that use libfuse's own high-level library. That library keeps the inodes; of this package only Operations is used.

var exported struct {
	sync.Mutex
	open map[string]func(s *lowlevel.Session) (*Operations, error)
}

// Export makes a filesystem known to C programs, which put functions of go-libfuse3.h in their struct fuse_operations: gf_hl_getattr calls Operations.Getattr, and so on. It is to be called by an init
// function of the package main that go-libfuse3-build makes an archive or a shared library of. C asks for it by name (gf_hl_bind), or, where there is only one, not at all.
//
// open is called with the first operation, which is init if gf_hl_init is in the table. An error is logged, and then all operations return EIO. s is the session, for notifications by
// inode: see lowlevel.AdoptSession.
//
// What is different from Mount and Main is what C's library does differently (docs/highlevel.md); besides, contexts are not cancelled by interrupts (Interrupted tells up to libfuse 3.16; later ones refuse interrupts, unless cfg->intr is set, whose signal handler does not go with Go, as it lacks SA_ONSTACK), PrivateData is what Init has
// returned, if gf_hl_init is in the table, and operations that Operations does not have answer ENOSYS. Of Read and ReadBuf, and of Write and WriteBuf, either will do.
//
// It panics if there is one of that name.
func Export(name string, open func(s *lowlevel.Session) (*Operations, error)) {
	exported.Lock()
	defer exported.Unlock()
	if _, ok := exported.open[name]; ok {
		panic("highlevel: exported twice: " + name)
	}
	if exported.open == nil {
		exported.open = make(map[string]func(s *lowlevel.Session) (*Operations, error))
	}
	exported.open[name] = open
}

func init() { cshim.OnOpenPaths(openFilesystem) }

// hosted is a filesystem in a C program.
type hosted struct {
	c      *cshim.Session
	fs     *FS // without a tree: that is C's
	ctx    context.Context
	cancel context.CancelFunc
	logged sync.Map
}

func openFilesystem(c *cshim.Session, name string) cshim.Handler {
	ops, s, err := openExported(c, name)
	if err != nil {
		slog.Error("fuse: cannot open the filesystem; its operations return EIO", "filesystem", name, "cause", err)
		return nil
	}
	h := &hosted{c: c, fs: &FS{ops: *ops}}
	h.fs.session.Store(s)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

func openExported(c *cshim.Session, name string) (ops *Operations, s *lowlevel.Session, err error) {
	open, err := findExported(name)
	if err != nil {
		return nil, nil, err
	}
	if s, err = lowlevel.AdoptSession(c.Pointer()); err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	ops, err = open(s)
	return ops, s, err
}

func findExported(name string) (func(s *lowlevel.Session) (*Operations, error), error) {
	exported.Lock()
	defer exported.Unlock()
	names := slices.Sorted(maps.Keys(exported.open))
	switch {
	case len(names) == 0:
		return nil, errors.New("no filesystem: none was exported (highlevel.Export)")
	case name == "" && len(names) == 1:
		return exported.open[names[0]], nil
	case name == "":
		return nil, fmt.Errorf("several filesystems, gf_hl_bind must say which: %s", strings.Join(names, ", "))
	case exported.open[name] == nil:
		return nil, fmt.Errorf("no such filesystem among %s", strings.Join(names, ", "))
	}
	return exported.open[name], nil
}

// ---- what C calls ----

// Dispatch runs an operation.
func (h *hosted) Dispatch(c *cshim.Call) (errno int32) {
	ctx := h.begin(c)
	defer ctx.end()
	defer func() {
		if p := recover(); p != nil {
			slog.Error("fuse: operation panicked; answered EIO", "panic", p, "stack", string(debug.Stack()))
			errno = int32(syscall.EIO)
		}
	}()
	if err := h.call(ctx, c); err != nil {
		return int32(h.errno(err))
	}
	return 0
}

func (h *hosted) begin(c *cshim.Call) *request {
	return &request{fs: h.fs, hosted: true, inner: h.ctx, caller: Caller{c.UID, c.GID, c.PID, c.Umask}}
}

// errno maps an error, and logs one whose cause would be lost, once.
func (h *hosted) errno(err error) syscall.Errno {
	errno := lowlevel.ToErrno(err)
	var known syscall.Errno
	if errno == syscall.EIO && !errors.As(err, &known) {
		if _, seen := h.logged.LoadOrStore(err.Error(), true); !seen {
			slog.Warn("fuse: operation returned an error without errno; answered EIO", "cause", err)
		}
	}
	return errno
}

// Destroy is the end.
func (h *hosted) Destroy() (idle bool) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("fuse: operation panicked", "op", "destroy", "panic", p)
		}
	}()
	h.cancel()
	if h.fs.ops.Destroy != nil {
		h.fs.ops.Destroy(h.fs.private)
	}
	_ = h.fs.session.Load().Close() // what still waits for the kernel holds on to nothing of C's
	h.c.Unregister()
	return true
}

// Init, AfterReply, Interrupted and Ended are for inodes.
func (h *hosted) Init(*cshim.ConnInfo) {}

func (h *hosted) AfterReply(uint64) {}

func (h *hosted) Interrupted(uint64) {}

func (h *hosted) Ended(int32) {}

// ---- struct fuse_config ----

func seconds(s float64) time.Duration { return lowlevel.Seconds(s) }

func configFromC(c *cshim.FuseConfig) Config {
	return Config{
		SetGID: c.SetGID != 0, GID: c.GID,
		SetUID: c.SetUID != 0, UID: c.UID,
		SetMode: c.SetMode != 0, Umask: c.Umask,
		SetFmask: c.Fmask != 0, Fmask: c.Fmask,
		SetDmask: c.Dmask != 0, Dmask: c.Dmask,
		EntryTimeout:         seconds(c.EntryTimeout),
		NegativeTimeout:      seconds(c.NegativeTimeout),
		AttrTimeout:          seconds(c.AttrTimeout),
		Remember:             int(c.Remember),
		HardRemove:           c.HardRemove != 0,
		UseIno:               c.UseIno != 0,
		ReaddirIno:           c.ReaddirIno != 0,
		DirectIO:             c.DirectIO != 0,
		KernelCache:          c.KernelCache != 0,
		AutoCache:            c.AutoCache != 0,
		SetACAttrTimeout:     c.ACAttrTimeoutSet != 0,
		ACAttrTimeout:        seconds(c.ACAttrTimeout),
		NullpathOK:           c.NullpathOK != 0,
		NoRofdFlush:          c.NoRofdFlush != 0,
		ParallelDirectWrites: c.ParallelDirectWrites != 0,
	}
}

func configToC(to *cshim.FuseConfig, c *Config) {
	bit := func(on bool) int32 {
		if on {
			return 1
		}
		return 0
	}
	*to = cshim.FuseConfig{
		SetGID: bit(c.SetGID), GID: c.GID,
		SetUID: bit(c.SetUID), UID: c.UID,
		SetMode: bit(c.SetMode), Umask: c.Umask, Fmask: c.Fmask, Dmask: c.Dmask,
		EntryTimeout:         c.EntryTimeout.Seconds(),
		NegativeTimeout:      c.NegativeTimeout.Seconds(),
		AttrTimeout:          c.AttrTimeout.Seconds(),
		Remember:             int32(min(c.Remember, math.MaxInt32)),
		HardRemove:           bit(c.HardRemove),
		UseIno:               bit(c.UseIno),
		ReaddirIno:           bit(c.ReaddirIno),
		DirectIO:             bit(c.DirectIO),
		KernelCache:          bit(c.KernelCache),
		AutoCache:            bit(c.AutoCache),
		ACAttrTimeoutSet:     bit(c.SetACAttrTimeout),
		ACAttrTimeout:        c.ACAttrTimeout.Seconds(),
		NullpathOK:           bit(c.NullpathOK),
		NoRofdFlush:          bit(c.NoRofdFlush),
		ParallelDirectWrites: bit(c.ParallelDirectWrites),
	}
}

// hostedGroups returns the groups of the caller of the operation that this goroutine is in.
func hostedGroups() ([]uint32, error) {
	list := make([]uint32, 32)
	for {
		n, err := cshim.HLGroups(list)
		if err != nil {
			return nil, err
		}
		if n <= len(list) {
			return list[:n], nil
		}
		list = make([]uint32, n)
	}
}
