package lowlevel

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mountID tells mounts apart.
type mountID struct {
	unique uint64 // 0: not known, before Linux 6.8, or where this process may not look
	proc   string // ID and device in /proc/self/mountinfo; "": nothing is mounted. Whoever mounts next after an unmount gets the same ones
}

// mountAt returns the ID of the mount that is at path, the uppermost if there are several. The filesystem itself is not asked: nobody may be there to answer.
func mountAt(path string) mountID {
	id := mountID{proc: procMount(path)}
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC|unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID_UNIQUE, &st)
	if err == nil && st.Mask&unix.STATX_MNT_ID_UNIQUE != 0 {
		id.unique = st.Mnt_id
	}
	return id
}

// is reports whether both are the same mount.
func (id mountID) is(other mountID) bool {
	if id.unique != 0 && other.unique != 0 && id.unique != other.unique {
		return false
	}
	return id.proc != "" && id.proc == other.proc
}

func procMount(path string) (id string) {
	info, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(info)) {
		// ID parent major:minor root mountpoint ...
		f := strings.Fields(line)
		if len(f) > 4 && unescape(f[4]) == path {
			id = f[0] + " " + f[2]
		}
	}
	return id
}

// unescape turns the octal escapes of mountinfo back.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
