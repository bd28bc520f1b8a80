package mirrortest

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// client is what the test binary does as a client of the filesystem.
func client(args []string) int {
	commands := map[string]func(args []string) error{
		"setacl":   clientSetACL,
		"renames":  clientRenames,
		"mmap":     clientMmap,
		"futimens": clientFutimens,
		"deep":     clientDeep,
		"lock":     clientLock,
	}
	f, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(os.Stderr, "client: no command %q\n", args[0])
		return 2
	}
	if err := f(args[1:]); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// clientSetACL sets a default ACL: u::rwx, g::rwx, o::rx.
func clientSetACL(args []string) error {
	acl := []byte{2, 0, 0, 0} // the version, then tag, permissions and ID of each entry
	for _, entry := range [][2]byte{{0x01, 7}, {0x04, 7}, {0x20, 5}} {
		acl = append(acl, entry[0], 0, entry[1], 0, 0xff, 0xff, 0xff, 0xff)
	}
	return unix.Setxattr(args[0], "system.posix_acl_default", acl, 0)
}

// clientRenames renames args[1] to args[2], with a flag.
func clientRenames(args []string) error {
	flags := map[string]uint{"noreplace": unix.RENAME_NOREPLACE, "exchange": unix.RENAME_EXCHANGE}
	return unix.Renameat2(unix.AT_FDCWD, args[1], unix.AT_FDCWD, args[2], flags[args[0]])
}

// clientMmap writes a word into a file, opened with O_DIRECT, through a shared mapping.
func clientMmap(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	mem, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(mem, args[1])
	return unix.Msync(mem, unix.MS_SYNC)
}

// clientFutimens sets the modification time of a descriptor.
func clientFutimens(args []string) error {
	sec, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: sec}}
	return unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+args[0], times, 0)
}

// clientDeep makes directories with long names, one in the other, uses files in the last one, and removes everything.
func clientDeep(args []string) error {
	levels, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	name := args[0] + strings.Repeat("x", 250-len(args[0]))
	for range levels {
		if err := unix.Mkdir(name, 0o755); err != nil {
			return fmt.Errorf("mkdir: %w", err)
		}
		if err := unix.Chdir(name); err != nil {
			return fmt.Errorf("chdir: %w", err)
		}
	}
	if err := useFiles(); err != nil {
		return err
	}
	for range levels {
		if err := unix.Chdir(".."); err != nil {
			return fmt.Errorf("chdir ..: %w", err)
		}
		if err := unix.Rmdir(name); err != nil {
			return fmt.Errorf("rmdir: %w", err)
		}
	}
	return nil
}

// useFiles does in the working directory what takes a path.
func useFiles() error {
	var st unix.Stat_t
	var fs unix.Statfs_t
	var target [20]byte
	var value [20]byte
	var content []byte
	var list []os.DirEntry
	steps := []struct {
		name string
		do   func() error
	}{
		{"write", func() error { return os.WriteFile("f", []byte("hello world"), 0o644) }},
		{"truncate", func() error { return unix.Truncate("f", 5) }},
		{"read", func() (err error) { content, err = os.ReadFile("f"); return err }},
		{"chmod", func() error { return unix.Chmod("f", 0o644) }},
		{"chown", func() error { return unix.Chown("f", -1, os.Getgid()) }},
		{"utimens", func() error { return unix.UtimesNanoAt(unix.AT_FDCWD, "f", nil, 0) }},
		{"setxattr", func() error { return unix.Setxattr("f", "user.a", []byte("value"), 0) }},
		{"getxattr", func() error { _, err := unix.Getxattr("f", "user.a", value[:]); return err }},
		{"listxattr", func() error { _, err := unix.Listxattr("f", make([]byte, 1000)); return err }},
		{"removexattr", func() error { return unix.Removexattr("f", "user.a") }},
		{"link", func() error { return unix.Link("f", "g") }},
		{"stat", func() error { return unix.Stat("f", &st) }},
		{"statfs", func() error { return unix.Statfs("f", &fs) }},
		{"access", func() error { return unix.Access("f", unix.R_OK) }},
		{"symlink", func() error { return unix.Symlink("target", "s") }},
		{"readlink", func() error { _, err := unix.Readlink("s", target[:]); return err }},
		{"rename", func() error { return unix.Rename("g", "h") }},
		{"list", func() (err error) { list, err = os.ReadDir("."); return err }},
		{"mkfifo", func() error { return unix.Mkfifo("p", 0o644) }},
		{"unlink", func() error {
			for _, name := range []string{"f", "h", "s", "p"} {
				if err := unix.Unlink(name); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	text := func(b []byte) string { return strings.TrimRight(string(b), "\x00") }
	fmt.Printf("owner %d:%d, mode %o, size %d, links %d\ncontent %s\nlink %s\nxattr %s\n%d entries\n",
		st.Uid, st.Gid, st.Mode&0o7777, st.Size, st.Nlink, content, text(target[:]), text(value[:]), len(list))
	return nil
}

// clientLock sets a write lock on bytes of a file, says so, and holds it until its input ends: FILE START LENGTH, and "wait" or "try". With "reopen" it first opens the file again and
// closes that: then the lock is gone, as POSIX has it.
func clientLock(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	start, _ := strconv.ParseInt(args[1], 10, 64)
	length, _ := strconv.ParseInt(args[2], 10, 64)
	cmd := unix.F_SETLK
	if args[3] == "wait" {
		cmd = unix.F_SETLKW
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: length}
	if err := unix.FcntlFlock(uintptr(fd), cmd, &lock); err != nil {
		return err
	}
	if args[3] == "reopen" {
		again, err := unix.Open(args[0], unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		_ = unix.Close(again)
	}
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}
