package notify

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The client's commands that have to do with names and mounts.

func (c *clientProcess) chdir(a []string) (string, error) { return "", unix.Chdir(c.path(a[0])) }

func (c *clientProcess) getcwd([]string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Getcwd(buf)
	return strings.TrimPrefix(strings.TrimRight(string(buf[:max(n, 0)]), "\x00"), c.dir), err
}

// fdPath returns how /proc shows an open file.
func (c *clientProcess) fdPath(a []string) (string, error) {
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", c.files[a[0]]))
	return strings.TrimPrefix(target, c.dir), err
}

func (c *clientProcess) create(a []string) (string, error) {
	fd, err := unix.Open(c.path(a[0]), unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return "", err
	}
	return "", unix.Close(fd)
}

func (c *clientProcess) mkdir(a []string) (string, error)  { return "", unix.Mkdir(c.path(a[0]), 0o755) }
func (c *clientProcess) unlink(a []string) (string, error) { return "", unix.Unlink(c.path(a[0])) }

func (c *clientProcess) rename(a []string) (string, error) {
	return "", unix.Rename(c.path(a[0]), c.path(a[1]))
}

func (c *clientProcess) truncate(a []string) (string, error) {
	return "", unix.Truncate(c.path(a[0]), int64(number(a[1])))
}

func (c *clientProcess) chmod(a []string) (string, error) {
	return "", unix.Chmod(c.path(a[0]), uint32(number(a[1])))
}

func (c *clientProcess) tmpfs(a []string) (string, error) {
	return "", unix.Mount("none", c.path(a[0]), "tmpfs", 0, "")
}

func (c *clientProcess) umount(a []string) (string, error) {
	return "", unix.Unmount(c.path(a[0]), unix.MNT_DETACH)
}

// isMounted looks into the list of mounts, and does not touch the path.
func (c *clientProcess) isMounted(a []string) (string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	point := " " + filepath.Join(c.dir, a[0]) + " "
	return fmt.Sprint(strings.Contains(string(text), point)), nil
}

func (c *clientProcess) watch(a []string) (string, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return "", err
	}
	c.files[a[0]] = fd
	_, err = unix.InotifyAddWatch(fd, c.path(a[1]), unix.IN_ALL_EVENTS&^(unix.IN_ACCESS|unix.IN_OPEN|unix.IN_CLOSE))
	return "", err
}

var eventNames = map[uint32]string{
	unix.IN_MODIFY: "MODIFY", unix.IN_ATTRIB: "ATTRIB", unix.IN_CREATE: "CREATE", unix.IN_DELETE: "DELETE", unix.IN_DELETE_SELF: "DELETE_SELF",
	unix.IN_MOVED_FROM: "MOVED_FROM", unix.IN_MOVED_TO: "MOVED_TO", unix.IN_MOVE_SELF: "MOVE_SELF", unix.IN_IGNORED: "IGNORED",
	unix.IN_UNMOUNT: "UNMOUNT", unix.IN_Q_OVERFLOW: "OVERFLOW",
}

// events returns what has happened since the last call.
func (c *clientProcess) events(a []string) (string, error) {
	var list []string
	buf := make([]byte, 64<<10)
	n, err := unix.Read(c.files[a[0]], buf)
	if err == unix.EAGAIN {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
		mask := binary.NativeEndian.Uint32(rest[4:])
		size := int(binary.NativeEndian.Uint32(rest[12:]))
		event := eventNames[mask&^unix.IN_ISDIR]
		if event == "" {
			return "", fmt.Errorf("event %#x", mask)
		}
		name := strings.TrimRight(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
		if name != "" {
			event += ":" + name
		}
		list = append(list, event)
		rest = rest[unix.SizeofInotifyEvent+size:]
	}
	return strings.Join(slices.Clip(list), " "), nil
}
