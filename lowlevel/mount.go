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

	"golang.org/x/sys/unix"
)

// mount is what a session knows of where it is mounted.
type mount struct {
	dir      string        // what to unmount; "" if there is nothing
	id       mountID       // how to tell that it is still ours
	done     chan struct{} // closed when Mount is over
	leftover []int         // descriptors that libfuse keeps for auto_unmount
}

var devFD = regexp.MustCompile(`^/dev/fd/([0-9]+)$`)

// Mount mounts the filesystem at dir, and returns when the kernel has sent its INIT request and Ops.Init has run; everything
// else is answered only by Serve. Root mounts by itself, other users through fusermount3. dir may be
// "/dev/fd/N": then descriptor N is a /dev/fuse that somebody else, such as mount.fuse3, has mounted already; it
// stays mounted at the end, and the session takes the descriptor over.
//
// Errors: *OpError with the cause: an errno for what can be told beforehand (ENOENT, ENOTDIR, EACCES, ...), else a *LibraryError with
// libfuse's words; a hint where one can be given. EPROTO: kernel and filesystem do not agree on capabilities. ErrMounted,
// ErrClosed. After an error other than ErrMounted and EPROTO it may be tried again.
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
	if devFD.MatchString(dir) {
		return s.finishMount(dir, "")
	}
	path, err := s.checkMountpoint(dir)
	if err != nil {
		s.abortMount()
		return err
	}
	return s.finishMount(path, path)
}

// MountFD is Mount for a descriptor that somebody else has opened: of /dev/fuse, mounted already, or a socket of type SOCK_SEQPACKET or
// SOCK_STREAM whose peer plays the kernel. The session takes it over, also on failure.
func (s *Session) MountFD(fd int) error {
	err := s.Mount("/dev/fd/" + strconv.Itoa(fd))
	if err != nil && s.c.FD() != fd {
		_ = unix.Close(fd)
	}
	return err
}

func (s *Session) beginMount(m mount) error {
	s.mu.Lock()
	defer s.mu.Unlock()
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

// finishMount has libfuse mount at target, and waits for INIT. dir is what to unmount at the end.
func (s *Session) finishMount(target, dir string) error {
	before := openSockets(s.autoUnmount())
	ok, said := s.c.Mount(target)
	if !ok {
		s.abortMount()
		return &OpError{Op: "mount", Path: target, Err: libraryError(said, "failed"), Hint: mountHint(said)}
	}
	unix.CloseOnExec(s.c.FD())
	s.mu.Lock()
	s.mount.leftover = newSockets(before, openSockets(s.autoUnmount()))
	if dir != "" {
		s.mount.id, _ = topMount(dir)
		s.mount.dir = dir
	}
	s.mu.Unlock()

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
	case !st.IsDir() && s.ops.Lookup != nil:
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
		return "add yourself to group fuse, or run as root"
	case strings.Contains(said, "device not found"):
		return "load the module: modprobe fuse"
	case strings.Contains(said, "Invalid file descriptor"):
		return "the descriptor must be open"
	case said == "" && os.Geteuid() != 0:
		return fusermount + " has said why on stderr; allow_other needs user_allow_other in /etc/fuse.conf"
	}
	return ""
}

const fusermount = "fusermount3"

// Unmount unmounts the filesystem, lazily where it is in use, and ends Serve. It waits for that, unless it is called from a handler.
//
// Errors: ErrNotMounted, ErrClosed.
//
// Implements:
//
//	void fuse_session_unmount(struct fuse_session *se);
//	void fuse_session_exit(struct fuse_session *se);
func (s *Session) Unmount() error {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	switch state {
	case stateClosed:
		return ErrClosed
	case stateMounted:
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
	m := s.mount
	s.mu.Unlock()
	if !m.mounted() {
		return
	}
	done := make(chan error, 1)
	go func() { done <- m.unmount() }()
	select {
	case err := <-done:
		if err != nil && m.mounted() {
			s.log().Error("fuse: cannot unmount", "mountpoint", m.dir, "cause", err)
		}
	case <-time.After(s.cfg.drainTimeout()):
		// A handler keeps it. The connection is closed in the end, and then the unmount gets through.
	}
}

// mounted reports whether what is mounted at dir now is what the session mounted there.
func (m *mount) mounted() bool {
	if m.dir == "" {
		return false
	}
	id, ok := topMount(m.dir)
	return ok && id == m.id
}

func (m *mount) unmount() error {
	err := unix.Unmount(m.dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != unix.EPERM {
		return err
	}
	out, err := exec.Command(fusermount, "-u", "-q", "-z", "--", m.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", fusermount, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// abort ends the connection, so that everybody who waits for it gets an error.
func (m *mount) abort() {
	if m.id.minor == "" {
		return
	}
	err := os.WriteFile("/sys/fs/fuse/connections/"+m.id.minor+"/abort", []byte("1"), 0)
	if err != nil && m.mounted() {
		_ = unix.Unmount(m.dir, unix.MNT_FORCE)
	}
}

// cleanup closes what libfuse leaves open for auto_unmount; fusermount3 ends then.
func (m *mount) cleanup() {
	for _, fd := range m.leftover {
		_ = unix.Close(fd)
	}
	m.leftover = nil
}

// ---- /proc ----

// mountID tells a mount from others at the same place.
type mountID struct {
	id    string // of the mount
	minor string // of its device, which is the number of the connection
}

// topMount returns what is mounted at path, the uppermost if there are several.
func topMount(path string) (id mountID, ok bool) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mountID{}, false
	}
	for line := range strings.Lines(string(info)) {
		f := strings.Fields(line)
		if len(f) < 5 || unescape(f[4]) != path {
			continue
		}
		_, minor, _ := strings.Cut(f[2], ":")
		id, ok = mountID{f[0], minor}, true
	}
	return id, ok
}

// unescape turns the octal escapes of mountinfo back.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// autoUnmount tells whether the mount is made with auto_unmount.
func (s *Session) autoUnmount() bool {
	for _, a := range s.cfg.args() {
		if strings.Contains(a, "auto_unmount") {
			return true
		}
	}
	return false
}

// openSockets returns the sockets of the process. With auto_unmount libfuse keeps one open for as long as the process lives, and
// tells nobody.
func openSockets(wanted bool) map[int]string {
	if !wanted {
		return nil
	}
	list := map[int]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.HasPrefix(target, "socket:") {
			fd, _ := strconv.Atoi(e.Name())
			list[fd] = target
		}
	}
	return list
}

// newSockets returns those in after that are not in before, and keeps them from being inherited: auto_unmount would wait for our children too.
func newSockets(before, after map[int]string) []int {
	var list []int
	for fd, target := range after {
		if before[fd] != target {
			unix.CloseOnExec(fd)
			list = append(list, fd)
		}
	}
	return list
}
