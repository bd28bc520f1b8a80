package lowlevel

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountHelper is the fusermount3 of a mount with auto_unmount. It lives as long as the mount: when its socket is closed, since the process has
// died, it unmounts and ends. libfuse starts it, and then forgets both the socket and the process.
type mountHelper struct {
	pids    []int
	sockets []int
}

// autoUnmount tells whether the mount is made with auto_unmount.
func (s *Session) autoUnmount() bool {
	return slices.ContainsFunc(s.cfg.args(), func(a string) bool { return strings.Contains(a, "auto_unmount") })
}

// processState is what a process has open, and which children.
type processState struct {
	wanted   bool
	sockets  map[int]string
	children map[int]bool
}

// lookForHelper remembers how things are before the mount.
func lookForHelper(wanted bool) processState {
	if !wanted {
		return processState{}
	}
	return processState{true, openSockets(), children()}
}

// found returns what is there since. The socket is kept from being inherited: the helper would wait for our children, too.
func (before processState) found() mountHelper {
	var h mountHelper
	if !before.wanted {
		return h
	}
	for fd, target := range openSockets() {
		if before.sockets[fd] != target {
			unix.CloseOnExec(fd)
			h.sockets = append(h.sockets, fd)
		}
	}
	for pid := range children() {
		comm, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if !before.children[pid] && strings.TrimSpace(string(comm)) == fusermount {
			h.pids = append(h.pids, pid)
		}
	}
	return h
}

// dismiss ends the helper: there is nothing to unmount any more, of which it would complain.
func (h *mountHelper) dismiss() {
	for _, pid := range h.pids {
		for _ = unix.Kill(pid, unix.SIGKILL); ; {
			if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
				break
			}
		}
	}
	for _, fd := range h.sockets {
		_ = unix.Close(fd)
	}
}

func openSockets() map[int]string {
	list := map[int]string{}
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, "socket:") {
			fd, _ := strconv.Atoi(filepath.Base(link))
			list[fd] = target
		}
	}
	return list
}

// children returns the child processes. There is /proc/self/task/*/children, but not in every kernel.
func children() map[int]bool {
	list := map[int]bool{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		// pid (comm) state ppid ...; comm may hold anything
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			list[pid] = true
		}
	}
	return list
}
