package highlevel

import (
	"context"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Caller is who has made a request: struct fuse_context in C.
type Caller struct {
	UID, GID uint32
	PID      uint32
	Umask    uint32 // of Mknod, Mkdir, Create and Tmpfile
}

// CallerOf returns who has made the request that ctx belongs to: fuse_get_context in C. The zero Caller (root) if ctx comes from elsewhere.
//
// Implements:
//
//	struct fuse_context *fuse_get_context(void);
func CallerOf(ctx context.Context) Caller {
	if c := requestOf(ctx); c != nil {
		return c.caller
	}
	return Caller{}
}

// PrivateData returns what Operations.Init has returned.
func PrivateData(ctx context.Context) any {
	if c := requestOf(ctx); c != nil {
		return c.fs.private
	}
	return nil
}

// Groups returns the caller's supplementary groups, while the operation runs.
//
// Errors: EIO where they are not known.
//
// Implements:
//
//	int fuse_getgroups(int size, gid_t list[]);
func Groups(ctx context.Context) ([]uint32, error) {
	c := requestOf(ctx)
	if c == nil {
		return nil, errNoRequest
	}
	if c.hosted {
		return hostedGroups()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req == nil {
		return nil, errNoRequest
	}
	return c.req.Groups()
}

// Interrupted reports whether the kernel has interrupted the request, while the operation runs; ctx is cancelled then.
//
// Implements:
//
//	int fuse_interrupted(void);
func Interrupted(ctx context.Context) bool {
	c := requestOf(ctx)
	if c == nil {
		return false
	}
	if c.hosted {
		return cshim.HLInterrupted()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req == nil { // it runs aside, or is over
		return c.inner != nil && context.Cause(c.inner) == lowlevel.ErrInterrupted
	}
	return c.req.Interrupted()
}

func requestOf(ctx context.Context) *request {
	if c, ok := ctx.(*request); ok {
		return c
	}
	c, _ := ctx.Value(requestKey{}).(*request)
	return c
}

type requestKey struct{}

// request is the context of an operation. The lowlevel.Request makes a context only when that is asked for, and so does this one.
type request struct {
	fs     *FS
	caller Caller
	hosted bool // an operation of C's high-level library: there is no req

	mu    sync.Mutex
	req   *lowlevel.Request // nil: the operation is over
	inner context.Context
}

func (f *FS) begin(req *lowlevel.Request) *request {
	if f.session.Load() == nil { // somebody else has made it
		f.session.Store(req.Session())
	}
	if list := f.guards.Load(); list != nil {
		for _, c := range *list {
			c.Guard(req)
		}
	}
	return &request{fs: f, req: req, caller: Caller{req.UID, req.GID, req.PID, req.Umask}}
}

func (c *request) end() {
	c.mu.Lock()
	c.req = nil
	c.mu.Unlock()
}

// canceled is the context of an operation that is over.
var canceled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (c *request) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
	case c.req == nil:
		return canceled
	default:
		c.inner = c.req.Context()
	}
	return c.inner
}

// Deadline, Done, Err and Value make it a context.Context.
func (c *request) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *request) Done() <-chan struct{} { return c.context().Done() }

func (c *request) Err() error { return c.context().Err() }

func (c *request) Value(key any) any {
	if key == (requestKey{}) {
		return c
	}
	return c.context().Value(key)
}
