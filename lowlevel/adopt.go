package lowlevel

import (
	"errors"
	"regexp"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// AdoptSession wraps a session that a C program has made, has mounted and runs, a struct fuse_session *, for Go to notify it: see [Session.Notifier], [Notifier.NewQueue],
// and so on. It stays the C program's, which mounts, serves, unmounts and destroys it; Mount, Serve and Unmount return ErrAdopted.
//
// What Go has to do with it ends with Close: call that before fuse_session_unmount, for it ends notifications that are under way, some of which wait for requests to be
// answered. This is the whole contract; a program that breaks it gets errors, not a crash: notifications go through a descriptor of Go's own for the same connection, and
// never touch the struct fuse_session, once it has had its INIT. But as long as that descriptor is open, processes that are still using a mount that was lazily unmounted wait for answers that do not come.
//
// A session that Go knows already, from gf_bind in C or as one of its own, is returned as it is.
//
// Differences from a session of Go's own:
//
//   - A C handler that has not replied is not told from other callers: where it calls Go, and Go a Notifier, that may wait for ever. Use a NotifyQueue there.
//   - Retrieve needs the session bound (gf_bind), and gf_ll_retrieve_reply in its table: else the answer would come to C.
//   - Conn returns false, unless gf_ll_init is in the table. What the kernel can is told by its version then.
//
// Errors: EINVAL for nil; ErrNotMounted before fuse_session_mount; *VersionError.
func AdoptSession(se unsafe.Pointer) (*Session, error) {
	const op = "adopt"
	if se == nil {
		return nil, &OpError{Op: op, Err: syscall.EINVAL}
	}
	if err := checkVersion(); err != nil {
		return nil, &OpError{Op: op, Err: err}
	}
	if b, ok := cshim.HandlerOf(se).(bridge); ok {
		return b.Session, nil
	}
	s := newSession(new(Ops), Config{})
	c, err := cshim.Adopt(se, bridge{s})
	if errors.Is(err, syscall.ENOTCONN) {
		err = ErrNotMounted
	}
	if err != nil {
		return nil, &OpError{Op: op, Err: err}
	}
	s.adopt(c)
	return s, nil
}

// adopt makes s one that a C program runs.
func (s *Session) adopt(c *cshim.Session) {
	s.c, s.adopted, s.state = c, true, stateMounted
	s.conn.fixed = true
	s.conn.c.ProtoMajor, s.conn.c.ProtoMinor = 7, kernelProto(c)
	if s.conn.c.ProtoMinor >= kinds[kindExpireEntry].minor {
		s.conn.c.Capable = uint64(CapExpireOnly)
	}
}

// Userdata returns what C handlers of the session get from fuse_req_userdata.
func (s *Session) Userdata() unsafe.Pointer { return s.c.Userdata() }

// leave ends what Go has to do with a session that a C program runs.
func (s *Session) leave() {
	s.down.Do(func() {
		s.stop()
		s.mu.Lock()
		s.state = stateClosed
		s.mu.Unlock()
		s.calls.close()
		s.endQueues()
		if s.c.Unserved() {
			s.c.Unblock()
		}
		drain := s.cfg.drainTimeout()
		idle := s.calls.wait(drain) && s.pending.wait(drain)
		s.cancel(ErrShutdown)
		if !idle {
			s.pending.wait(drain)
			s.calls.wait(drain)
		}
		s.pending.abandon()
		s.abandonRetrieves()
		s.closePolls()
	})
}

// left reports whether nobody uses what C has of it any more.
func (s *Session) left() bool { return s.calls.wait(0) }

// closeAdopted is Close for such a session.
func (s *Session) closeAdopted() error {
	s.leave()
	if !s.left() {
		return &OpError{Op: "close", Err: ErrBusy, Hint: "a notification still waits for a request to be answered"}
	}
	s.free.Do(func() {
		if !s.bound {
			s.c.Release()
		}
	})
	return nil
}

// protoOf is what Linux versions speak, the newest first.
var protoOf = []struct{ major, minor, proto int }{
	{6, 18, 45},
	{6, 16, 44},
	{6, 15, 43},
	{6, 14, 42},
	{6, 12, 41},
	{6, 9, 40},
	{6, 6, 39},
	{6, 2, 38},
	{6, 1, 37},
	{5, 17, 36},
	{5, 14, 34},
	{5, 11, 33},
	{5, 4, 31},
	{5, 1, 29},
	{4, 20, 28},
	{4, 9, 26},
	{3, 15, 23},
}

// kernelProto returns which FUSE protocol the kernel speaks, by its version: the INIT of the session was not ours to see. Where the peer is a socket, who knows: what every
// libfuse 3 takes for granted.
func kernelProto(c *cshim.Session) uint32 {
	const least = 18
	if c.IsSocket() {
		return least
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return least
	}
	return protoOfRelease(unix.ByteSliceToString(u.Release[:]))
}

var releaseForm = regexp.MustCompile(`^(\d+)\.(\d+)`)

func protoOfRelease(release string) uint32 {
	m := releaseForm.FindStringSubmatch(release)
	if m == nil {
		return 18
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	for _, k := range protoOf {
		if major > k.major || major == k.major && minor >= k.minor {
			return uint32(k.proto)
		}
	}
	return 18
}
