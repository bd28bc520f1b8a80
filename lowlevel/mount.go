package lowlevel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"golang.org/x/sys/unix"
)

// mount is what a session knows of where it is mounted.
type mount struct {
	dir    string        // what to unmount; "" if there is nothing
	id     mountID       // how to tell that it is still ours
	done   chan struct{} // closed when Mount is over
	helper mountHelper   // of auto_unmount
}

var devFD = regexp.MustCompile(`^/dev/fd/([0-9]+)$`)

// Mount mounts the filesystem at dir, and returns when the kernel has sent its INIT request and Ops.Init has run; everything
// else is answered only by Serve. Root mounts by itself, other users through fusermount3. dir may be
// "/dev/fd/N": then descriptor N is a /dev/fuse that somebody else, such as mount.fuse3, has mounted already; it
// stays mounted at the end, and the session takes the descriptor over.
//
// Errors: *OpError with the cause: an errno for what can be told beforehand (ENOENT, ENOTDIR, EACCES, ...), else a *LibraryError with
// libfuse's words; a hint where one can be given. EPROTO: kernel and filesystem do not agree on capabilities. ErrMounted,
// ErrClosed, ErrAdopted. After an error other than ErrMounted and EPROTO it may be tried again.
//
// Implements:
//
//	int fuse_session_mount(struct fuse_session *se, const char *mountpoint);
func (s *Session) Mount(dir string) error {
	m := mount{done: make(chan struct{})}
	if err := s.beginMount(m); err != nil {
		return err
	}
	defer close(m.done)
	target, ours := dir, ""
	if !devFD.MatchString(dir) {
		path, err := s.checkMountpoint(dir)
		if err != nil {
			s.abortMount()
			return err
		}
		target, ours = path, path
	}
	if err := s.attach(target, ours); err != nil {
		return err
	}
	return s.handshake(target)
}

// MountFD is Mount for a descriptor that somebody else has opened: of /dev/fuse, mounted already, or a socket of type SOCK_SEQPACKET or
// SOCK_STREAM whose peer plays the kernel. The session takes it over, also on failure.
func (s *Session) MountFD(fd int) error {
	if !isStream(fd) {
		return s.mountFD(fd)
	}
	t, err := newStreamTransport(fd)
	if err != nil {
		return errors.Join(&OpError{Op: "mount", Err: err}, unix.Close(fd))
	}
	return s.MountTransport(t)
}

func (s *Session) mountFD(fd int) error {
	m := mount{done: make(chan struct{})}
	if err := s.beginMount(m); err != nil {
		_ = unix.Close(fd)
		return err
	}
	defer close(m.done)
	target := "/dev/fd/" + strconv.Itoa(fd)
	if err := s.attach(target, ""); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return s.handshake(target)
}

func (s *Session) beginMount(m mount) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted {
		return ErrAdopted
	}
	switch s.state {
	case stateClosed:
		return ErrClosed
	case stateNew:
		s.state, s.mount = stateMounting, m
		return nil
	}
	return ErrMounted
}

// abortMount allows for another try.
func (s *Session) abortMount() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateMounting {
		s.state = stateNew
	}
}

// attach has libfuse mount at target, or take over the descriptor that it names. dir is what to unmount at the end.
func (s *Session) attach(target, dir string) error {
	before := lookForHelper(s.autoUnmount())
	ok, said := s.c.Mount(target)
	if !ok {
		s.abortMount()
		return &OpError{Op: "mount", Path: target, Err: libraryError(said, "failed"), Hint: mountHint(said)}
	}
	unix.CloseOnExec(s.c.FD())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mount.helper = before.found()
	if dir != "" {
		s.mount.id = mountAt(dir)
		s.mount.dir = dir
	}
	return nil
}

// handshake waits for INIT, and answers it.
func (s *Session) handshake(target string) error {
	err := s.c.Handshake()
	s.mu.Lock()
	if err == nil && s.state == stateMounting {
		s.state = stateMounted
		s.mu.Unlock()
		return nil
	}
	closing := s.state == stateClosed
	s.state = stateClosed
	s.mu.Unlock()
	if closing {
		return ErrClosed
	}
	s.shutdown()
	return &OpError{Op: "mount", Path: target, Err: err, Hint: handshakeHint(err)}
}

func handshakeHint(err error) string {
	switch {
	case errors.Is(err, syscall.EPROTO):
		return "kernel and filesystem do not agree, such as on -o max_read= or on a capability that is not to be had"
	case errors.Is(err, syscall.ENOTCONN):
		return "the connection was closed before INIT"
	}
	return ""
}

// checkMountpoint finds what is wrong with dir, in better words than libfuse has, and returns it without symbolic links.
func (s *Session) checkMountpoint(dir string) (string, error) {
	fail := func(err error, hint string) (string, error) {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return "", &OpError{Op: "mount", Path: dir, Err: err, Hint: hint}
	}
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if errors.Is(err, syscall.ENOTCONN) {
		return fail(syscall.ENOTCONN, "a filesystem whose server has died is mounted there; fusermount3 -u "+dir)
	}
	if err != nil {
		return fail(err, "the mountpoint must exist")
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return fail(syscall.ENOTCONN, "a filesystem whose server has died is mounted there; fusermount3 -u "+dir)
	case err != nil:
		return fail(err, "")
	case !st.IsDir() && s.has(cshim.OpLookup):
		return fail(syscall.ENOTDIR, "the filesystem's root is a directory, so must its mountpoint be")
	}
	if err := checkDevice(); err != nil {
		return "", err
	}
	return path, nil
}

// checkDevice finds out why there can be no FUSE mount at all.
func checkDevice() error {
	const dev = "/dev/fuse"
	_, err := os.Stat(dev)
	if errors.Is(err, fs.ErrNotExist) {
		return &OpError{
			Op: "mount", Path: dev, Err: syscall.ENOENT,
			Hint: "load the module: modprobe fuse; in a container: --device /dev/fuse",
		}
	}
	if os.Geteuid() == 0 || unix.Access(dev, unix.R_OK|unix.W_OK) == nil {
		return nil
	}
	if _, err := exec.LookPath(fusermount); err != nil {
		return &OpError{
			Op: "mount", Path: dev, Err: syscall.EACCES,
			Hint: fusermount + " is not installed (package fuse3); or run as root",
		}
	}
	return nil
}

func mountHint(said string) string {
	switch {
	case strings.Contains(said, "Permission denied"):
		return "/dev/fuse must be readable and writable for you (mode 0666, or your group), or run as root"
	case strings.Contains(said, "device not found"):
		return "load the module: modprobe fuse"
	case strings.Contains(said, "Invalid file descriptor"):
		return "the descriptor must be open"
	case said == "" && os.Geteuid() != 0:
		return "see " + fusermount + "'s message above"
	}
	return ""
}

const fusermount = "fusermount3"

// Unmount unmounts the filesystem, lazily where it is in use, and ends Serve. It waits for that, unless it is called from a handler.
//
// Errors: ErrNotMounted, ErrClosed, ErrAdopted.
//
// Implements:
//
//	void fuse_session_unmount(struct fuse_session *se);
//	void fuse_session_exit(struct fuse_session *se);
func (s *Session) Unmount() error {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	switch {
	case s.adopted:
		return ErrAdopted
	case state == stateClosed:
		return ErrClosed
	case state == stateMounted:
	default:
		return ErrNotMounted
	}
	s.stop()
	if !inHandler() {
		s.shutdown()
	}
	return nil
}

// unmountForShutdown unmounts what the session has mounted, while it is still being served: the kernel writes back what it has to.
func (s *Session) unmountForShutdown() {
	s.mu.Lock()
	m, serving := s.mount, s.serving
	s.mu.Unlock()
	if !m.mounted() {
		m.helper.dismiss()
		return
	}
	how := 0
	if !serving {
		how = unix.MNT_FORCE // nobody answers: who waits for that, and the notifications that wait for those, are told now
	}
	done := make(chan error, 1)
	go func() { done <- m.unmount(how) }()
	select {
	case err := <-done:
		if err != nil && m.mounted() {
			s.log().Error("fuse: cannot unmount", "mountpoint", m.dir, "cause", err)
			return
		}
		m.helper.dismiss()
	case <-time.After(s.cfg.drainTimeout()):
		// A handler keeps it. The connection is closed in the end, and then the unmount gets through.
	}
}

// mounted reports whether what is mounted at dir now is what the session mounted there.
func (m *mount) mounted() bool {
	return m.dir != "" && mountAt(m.dir).is(m.id)
}

func (m *mount) unmount(how int) error {
	err := unix.Unmount(m.dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW|how)
	if err != unix.EPERM {
		return err
	}
	out, err := exec.Command(fusermount, "-u", "-q", "-z", "--", m.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", fusermount, err, strings.TrimSpace(string(out)))
	}
	return nil
}
