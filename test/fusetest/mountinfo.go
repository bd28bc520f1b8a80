package fusetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is a mounted filesystem, as /proc/self/mountinfo has it.
type Mount struct {
	// Major and Minor are the device number, st_dev of its files. Minor is the number of the FUSE connection.
	Major, Minor uint32
	// Root is what of the filesystem is mounted, "/" for all of it.
	Root string
	// Point is where it is mounted.
	Point string
	// Options are the options of the mount, separated by commas.
	Options string
	// Type is the filesystem's type, such as fuse.hello_ll.
	Type string
	// Source is what it is mounted from.
	Source string
	// SuperOptions are the options of the filesystem, separated by commas.
	SuperOptions string
}

// IsFUSE reports whether it is a FUSE filesystem.
func (m *Mount) IsFUSE() bool {
	return m.Type == "fuse" || m.Type == "fuseblk" || strings.HasPrefix(m.Type, "fuse.") ||
		strings.HasPrefix(m.Type, "fuseblk.")
}

// Mounts returns the FUSE filesystems that are mounted. It reads /proc/self/mountinfo, so it never waits for any of them.
func Mounts() ([]Mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	return parseMountinfo(text)
}

func parseMountinfo(text []byte) ([]Mount, error) {
	var list []Mount
	for line := range bytes.Lines(text) {
		m, err := parseMount(string(bytes.TrimSpace(line)))
		if err != nil {
			return nil, err
		}
		if m.IsFUSE() {
			list = append(list, m)
		}
	}
	return list, nil
}

// parseMount reads a line like "36 35 0:98 / /mnt rw,nosuid shared:1 - fuse.x src rw,user_id=0", where any number
// of fields may stand before the dash.
func parseMount(line string) (Mount, error) {
	f := strings.Split(line, " ")
	dash := 6
	for dash < len(f) && f[dash] != "-" {
		dash++
	}
	if len(f) < dash+4 {
		return Mount{}, fmt.Errorf("mountinfo: cannot read %q", line)
	}
	major, minor, ok := strings.Cut(f[2], ":")
	maj, err1 := strconv.ParseUint(major, 10, 32)
	mnr, err2 := strconv.ParseUint(minor, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return Mount{}, fmt.Errorf("mountinfo: device %q in %q", f[2], line)
	}
	return Mount{
		Major: uint32(maj), Minor: uint32(mnr),
		Root: unescape(f[3]), Point: unescape(f[4]), Options: f[5],
		Type: f[dash+1], Source: unescape(f[dash+2]), SuperOptions: f[dash+3],
	}, nil
}

// unescape undoes the octal escapes of mountinfo: \040 for a space and so on.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FindMount returns the FUSE filesystem that is mounted at dir, the last one if there are several on top of each other, or nil.
// Only the directory that dir is in is looked at, never dir itself.
func FindMount(dir string) (*Mount, error) {
	dir, err := mountPath(dir)
	if err != nil {
		return nil, err
	}
	list, err := Mounts()
	if err != nil {
		return nil, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Point == dir {
			return &list[i], nil
		}
	}
	return nil, nil
}

// mountPath returns dir as mountinfo has it. Symbolic links are resolved only above dir: a stat of a dead mount may hang.
func mountPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(dir)), nil
}

// Abort ends the connection of the FUSE filesystem mounted at dir, as if its server had died: whatever waits for it fails with
// ECONNABORTED. The mount stays. It uses fusectl where that is mounted, for root and the owner of the mount, else a
// forced unmount, for root.
func Abort(dir string) error {
	m, err := FindMount(dir)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("abort %s: no FUSE filesystem is mounted there", dir)
	}
	ctlErr := os.WriteFile(fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", m.Minor), []byte("1\n"), 0)
	if ctlErr == nil {
		return nil
	}
	if err := unix.Unmount(m.Point, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
		return errors.Join(ctlErr, os.NewSyscallError("umount2", err))
	}
	return nil
}
