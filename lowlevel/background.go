package lowlevel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// readyEnv tells a process that it is the one in the background, and on which descriptor to say that it is ready.
const readyEnv = "_GO_LIBFUSE3_READY_FD"

// takeReady returns the pipe, in a process that background has started, and nil in any other. Children are not to know of it.
func takeReady() *os.File {
	fd, err := strconv.Atoi(os.Getenv(readyEnv))
	_ = os.Unsetenv(readyEnv)
	if err != nil || fd < 0 {
		return nil
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "ready")
}

// background starts the program anew as a session leader, waits until it is ready, or dead, and returns the exit code.
func background(args []string, mountpoint string) int {
	code, err := startBackground(args, mountpoint)
	if err != nil {
		fmt.Fprintf(os.Stderr, "fuse: cannot go to the background: %v (use -f to stay in the foreground)\n", err)
		return 1
	}
	return code
}

// executable returns the path of the program, so that the new process is known by its name; if that is gone, what the kernel has of it.
func executable() string {
	const self = "/proc/self/exe"
	path, err := os.Executable()
	if err != nil {
		return self
	}
	there, err1 := os.Stat(path)
	running, err2 := os.Stat(self)
	if err1 != nil || err2 != nil || !os.SameFile(there, running) {
		return self
	}
	return path
}

func startBackground(args []string, mountpoint string) (int, error) {
	ready, theirs, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	defer theirs.Close()

	files, fd, err := inherited(theirs, mountpoint)
	if err != nil {
		return 0, err
	}
	process, err := os.StartProcess(executable(), args, &os.ProcAttr{
		Env:   append(os.Environ(), readyEnv+"="+strconv.Itoa(fd)),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, err
	}
	theirs.Close()
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return 0, nil
	}
	// It has closed the pipe without a word: it has failed, and said why.
	state, err := process.Wait()
	if err != nil {
		return 0, err
	}
	if state.ExitCode() <= 0 {
		return 1, nil
	}
	return state.ExitCode(), nil
}

// inherited returns the descriptors for the new process: the standard ones; N of the mountpoint /dev/fd/N, under the same
// number; and the pipe, under the number that it returns.
func inherited(pipe *os.File, mountpoint string) ([]*os.File, int, error) {
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	if m := devFD.FindStringSubmatch(mountpoint); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, 0, err
		}
		// A duplicate, since an os.File closes its descriptor when it is collected.
		dup, err := unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, 0, &OpError{Op: "mount", Path: mountpoint, Err: err, Hint: "the descriptor must be open"}
		}
		for len(files) <= n {
			files = append(files, nil)
		}
		files[n] = os.NewFile(uintptr(dup), mountpoint)
	}
	return append(files, pipe), len(files), nil
}

// becomeDaemon is what is left to do when the filesystem is mounted: as fuse_daemonize, it goes to the root directory, and in the background
// it lets go of the terminal and tells the parent.
func becomeDaemon(ready *os.File) error {
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if ready == nil {
		return nil // in the foreground
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for std := range 3 {
		if err := unix.Dup3(int(null.Fd()), std, 0); err != nil {
			return err
		}
	}
	_, err = ready.Write([]byte{1})
	return errors.Join(err, ready.Close())
}
