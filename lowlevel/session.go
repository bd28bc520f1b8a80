package lowlevel

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Session is a filesystem's connection with the kernel: struct fuse_session in C, with the threads that serve it. Its life is
//
//	New -> Mount -> Serve -> Close
//
// All methods may be called from any goroutine. There may be several sessions in a process.
type Session struct {
	c     *cshim.Session
	ops   *Ops
	cfg   Config
	names nameCache
	// adopted: a C program has made it and runs it. Its state is stateMounted from the beginning.
	adopted bool
	bound   bool // adopted, and C knows it by its userdata: it ends with gf_ll_destroy

	// ctx is the parent of all requests' contexts; it ends with the session.
	ctx    context.Context
	cancel context.CancelCauseFunc

	pending replySet           // requests that are detached and not answered
	watches numbered[*watch]   // requests that have a context
	afters  numbered[[]func()] // what is to be run after a reply
	polls   sync.Map           // *pollHandle, those that are open
	queues  sync.Map           // *NotifyQueue, those that are open

	retrieves         numbered[*retrieve] // what the kernel was asked for
	detached          sync.Map            // *cshim.Call that runs -> *pendingReply, if it was detached
	blocked           atomic.Int32        // notifications whose callers have given up
	handlersNotifying atomic.Int32        // handlers that have replied and wait for the kernel

	logged sync.Map // what need not be said again

	mu      sync.Mutex // state, mount, serving
	state   state
	mount   mount
	serving bool
	conn    ConnInfo
	agreed  bool // conn is what was agreed on
	// transportErr is why a transport has ended, if it did not just end.
	transportErr error

	ended    chan struct{} // closed when the session has ended by itself
	endErrno Errno         // why; set before ended is closed
	endOnce  sync.Once
	stopping chan struct{} // closed when somebody wants it to end
	stopOnce sync.Once
	down     sync.Once // shutdown runs once
	stuck    bool      // shutdown could not end all handlers
	free     sync.Once // the C session is freed once

	// calls are those that use the C session, besides its threads.
	calls gate
}

type state int

const (
	stateNew state = iota
	stateMounting
	stateMounted
	stateClosed
)

// New makes a session for a filesystem. Nothing is mounted yet.
//
// Errors: *OpError with a *VersionError where the libfuse that is loaded does not go with the one the program was compiled for;
// with a *LibraryError, such as for an unknown option: libfuse's own words.
//
// Implements:
//
//	struct fuse_session *fuse_session_new(struct fuse_args *args, const struct fuse_lowlevel_ops *op, size_t op_size,
//	                                      void *userdata);
//	struct fuse_conn_info_opts *fuse_parse_conn_info_opts(struct fuse_args *args);
func New(ops *Ops, cfg Config) (*Session, error) {
	if ops == nil {
		return nil, &OpError{Op: "new", Err: syscall.EINVAL, Hint: "ops is nil"}
	}
	if err := checkVersion(); err != nil {
		return nil, &OpError{Op: "new", Err: err}
	}
	table := *ops
	s := newSession(&table, cfg)
	c, said := cshim.NewSession(cfg.args(), opSet(&table)|1<<cshim.OpRetrieveReply, cfg.C.base(), bridge{s})
	if c == nil {
		return nil, &OpError{Op: "new", Err: libraryError(said, "libfuse made no session")}
	}
	s.c = c
	return s, nil
}

func newSession(ops *Ops, cfg Config) *Session {
	s := &Session{ops: ops, cfg: cfg, ended: make(chan struct{}), stopping: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

func (s *Session) log() *slog.Logger {
	if s.cfg.Logger != nil {
		return s.cfg.Logger
	}
	return slog.Default()
}

// firstTime reports whether what has not been seen before. Only so much is remembered.
func (s *Session) firstTime(what string) bool {
	_, seen := s.logged.LoadOrStore(what, true)
	return !seen
}

// ---- what C calls, besides Dispatch ----

// Init is the negotiation with the kernel.
func (b bridge) Init(c *cshim.ConnInfo) {
	s := b.Session
	conn := &ConnInfo{c: *c}
	if s.ops.Init != nil {
		s.guard("init", func() { s.ops.Init(conn) })
	}
	*c = conn.c
	conn.fixed = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.agreed = *conn, true
}

// Destroy is the end, after the last request.
func (b bridge) Destroy() (idle bool) {
	if b.ops.Destroy != nil {
		b.guard("destroy", b.ops.Destroy)
	}
	if !b.adopted {
		return true
	}
	b.leave()
	b.c.Unregister()
	return b.left()
}

// guard keeps a panic from the C frames below.
func (s *Session) guard(op string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.log().Error("fuse: handler panicked", "op", op, "panic", p)
		}
	}()
	f()
}

// AfterReply runs what the handler wanted to be run.
func (b bridge) AfterReply(id uint64) {
	list, _ := b.afters.take(id)
	for _, f := range list {
		go f()
	}
}

// Interrupted ends a request's context. It runs under a lock of libfuse, and must not reply.
func (b bridge) Interrupted(id uint64) {
	if w, ok := b.watches.get(id); ok {
		w.cancel(ErrInterrupted)
	}
}

// Ended says that there are no more requests.
func (b bridge) Ended(errno int32) {
	b.endOnce.Do(func() {
		b.endErrno = Errno(errno)
		close(b.ended)
	})
}

// ---- Serve, Close ----

// Conn returns what was agreed on with the kernel; false before Mount has returned, after Close, and where a C program has not told (AdoptSession).
func (s *Session) Conn() (ConnInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn, s.state == stateMounted && s.agreed
}

// Serve answers requests until the filesystem is unmounted, ctx ends, or Unmount or Close is called; then it returns nil. When ctx
// ends, the filesystem is unmounted (lazily where it is in use), requests that are being worked on have Config.DrainTimeout to
// finish, then their contexts are cancelled.
//
// Errors: ErrNotMounted, ErrServing, ErrClosed (also after Unmount), ErrAdopted; *OpError when the connection failed; ErrBusy when handlers did not return.
//
// Implements:
//
//	int fuse_session_loop(struct fuse_session *se);
//	int fuse_session_loop_mt(struct fuse_session *se, struct fuse_loop_config *config);
func (s *Session) Serve(ctx context.Context) error {
	if err := s.startServing(); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-s.stopping:
	case <-ctx.Done():
	}
	s.shutdown()
	return s.result()
}

// startServing starts the threads, unless something speaks against it.
func (s *Session) startServing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.adopted:
		return ErrAdopted
	case s.state == stateClosed:
		return ErrClosed
	case s.state != stateMounted:
		return ErrNotMounted
	case s.serving:
		return ErrServing
	}
	select {
	case <-s.stopping: // Unmount was called before
		return ErrClosed
	default:
	}
	s.serving = true
	return s.start()
}

func (s *Session) start() error {
	var err error
	if s.usesLoop() {
		err = s.c.StartLoop(uint32(s.cfg.maxThreads()), uint32(s.cfg.maxIdle()))
	} else {
		err = s.c.StartPool(s.cfg.maxThreads(), s.cfg.maxIdle())
	}
	if err != nil {
		return &OpError{Op: "serve", Err: err}
	}
	return nil
}

// result is what Serve returns after the end.
func (s *Session) result() error {
	if s.stuck {
		return &OpError{Op: "serve", Path: s.mount.dir, Err: ErrBusy}
	}
	s.mu.Lock()
	transportErr := s.transportErr
	s.mu.Unlock()
	if transportErr != nil {
		return &OpError{Op: "serve", Err: transportErr}
	}
	select {
	case <-s.ended:
		if s.endErrno != 0 {
			return &OpError{Op: "serve", Path: s.mount.dir, Err: s.endErrno, Hint: "the connection with the kernel failed"}
		}
	default:
	}
	return nil
}

// usesLoop tells whether libfuse's own loop serves.
func (s *Session) usesLoop() bool { return s.cfg.CloneFD && !s.cfg.SingleThread }

// stop asks for the end, and returns at once. After it no thread is started.
func (s *Session) stop() {
	s.stopOnce.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		close(s.stopping)
	})
}

// shutdown ends the serving, unmounts and closes the connection; once. When it returns, no thread of the session runs, unless
// handlers were stuck.
func (s *Session) shutdown() { s.down.Do(s.shutdownOnce) }

func (s *Session) shutdownOnce() {
	s.stop()
	s.calls.close()
	s.endQueues()
	s.unmountForShutdown()
	drain := s.cfg.drainTimeout()
	s.drainCalls(drain)
	s.stopThreads()
	idle := s.join(drain)
	if idle {
		idle = s.pending.wait(drain)
	}
	s.cancel(ErrShutdown)
	if !idle {
		idle = s.join(drain)
		s.pending.wait(drain)
	}
	if !idle || !s.calls.wait(drain) {
		s.stuck = true
		s.log().Error("fuse: handlers did not return after the session's end; their threads are left", "mountpoint", s.mount.dir)
	}
	s.c.Exit()
	s.pending.abandon()
	s.sever()
}

// drainCalls waits for notifications while requests are still answered, for which they may have to wait.
func (s *Session) drainCalls(d time.Duration) {
	if s.calls.wait(d) {
		return
	}
	s.cancel(ErrShutdown)
	if !s.calls.wait(d) {
		s.c.HangUp()
	}
}

// stopThreads keeps the threads from reading further requests.
func (s *Session) stopThreads() {
	if !s.usesLoop() {
		s.c.StopPool()
	}
}

// join waits for the threads, and reports whether they have ended.
func (s *Session) join(d time.Duration) bool {
	if !s.usesLoop() {
		return s.c.JoinPool(int(d.Milliseconds()))
	}
	s.mu.Lock()
	serving := s.serving
	s.mu.Unlock()
	return !serving || s.joinLoop(d)
}

// joinLoop ends libfuse's own loop.
func (s *Session) joinLoop(d time.Duration) bool {
	cshim.InterruptBegin()
	defer cshim.InterruptEnd()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	end := time.After(d)
	for {
		select {
		case <-s.ended:
			s.c.JoinLoop()
			return true
		default:
			s.c.StopLoop()
		}
		select {
		case <-s.ended:
		case <-again.C:
		case <-end:
			return false
		}
	}
}

func (s *Session) closePolls() {
	s.polls.Range(func(p, _ any) bool {
		p.(*pollHandle).close()
		return true
	})
}

// sever closes the connection. What is still using it gets an error from now on.
func (s *Session) sever() {
	s.abandonRetrieves()
	s.closePolls()
	if err := s.c.Sever(); err != nil {
		s.log().Error("fuse: cannot close the connection", "mountpoint", s.mount.dir, "cause", err)
	}
}

// Close ends the session: it unmounts, as Unmount does, waits for Serve to end, has Destroy called, and frees everything. When it
// returns, no thread, file descriptor or mount of the session is left. Closing again does nothing. It must not be called
// from a handler.
//
// A session that a C program runs stays as it is: Close ends what Go has to do with it (see [AdoptSession]).
//
// Errors: ErrBusy when handlers did not return in time (twice Config.DrainTimeout); their threads are left then, and
// Destroy is not called. ErrInHandler.
//
// Implements:
//
//	void fuse_session_destroy(struct fuse_session *se);
//	void fuse_session_unmount(struct fuse_session *se);
func (s *Session) Close() error {
	if inHandler() {
		return &OpError{Op: "close", Err: ErrInHandler}
	}
	if s.adopted {
		return s.closeAdopted()
	}
	s.mu.Lock()
	mounting := s.state == stateMounting
	s.state = stateClosed
	s.mu.Unlock()
	if mounting {
		s.c.CancelHandshake()
		<-s.mount.done
	}
	s.shutdown()
	s.free.Do(func() {
		if !s.stuck {
			s.c.Destroy()
		}
	})
	if s.stuck {
		return &OpError{Op: "close", Path: s.mount.dir, Err: ErrBusy}
	}
	return nil
}

// inHandler reports whether the caller is inside a handler: on its goroutine, before it returns.
func inHandler() bool { return cshim.InHandler() }
