package notify

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// clientEnv makes this program a client: it holds the mountpoint.
const clientEnv = "STRESS_NOTIFY_CLIENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(clientEnv); dir != "" {
		runClient(dir)
	}
	os.Exit(m.Run())
}

// runClient uses the mount until it is killed. Most of what it tries fails while nothing is mounted. That is not what is tested.
func runClient(dir string) {
	parent := os.Getppid()
	buf := make([]byte, fileSize)
	uses := []func(path string){
		func(path string) { _, _ = os.Stat(path) },
		func(path string) { readFile(path, buf) },
		func(path string) { _, _ = os.ReadDir(filepath.Dir(path)) },
		func(path string) { writeFile(path, buf[:1+rand.IntN(len(buf)-1)]) },
		func(path string) { writeNew(path, buf[:100]) },
		func(path string) { _ = os.Remove(path) },
		pollFile,
	}
	for os.Getppid() == parent { // not left over
		before := time.Now()
		path := filepath.Join(dir, dirName(rand.IntN(dirs)), slotName(rand.IntN(slots)))
		uses[rand.IntN(len(uses))](path)
		if _, err := os.Stat(filepath.Join(dir, dirName(0))); err != nil && time.Since(before) < time.Millisecond {
			time.Sleep(5 * time.Millisecond) // not mounted
		}
	}
	os.Exit(1)
}

// readFile reads the beginning of a file, which a Store may have made very large.
func readFile(path string, buf []byte) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Read(buf)
}

// writeFile overwrites a part of a file.
func writeFile(path string, p []byte) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.WriteAt(p, int64(rand.IntN(fileSize)))
	_, _ = f.ReadAt(p, 0)
}

// writeNew creates one of the files that come and go.
func writeNew(path string, p []byte) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(p)
}

// pollFile leaves a poll handle with the filesystem.
func pollFile(path string) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLPRI}}, rand.IntN(5))
}

// startClients starts processes that use the mount, and ends them with the test.
func startClients(t *testing.T, dir string, n int) (pids []int, stop func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var cmds []*exec.Cmd
	var ends []chan error
	for range n {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), clientEnv+"="+dir, "GOMAXPROCS=2")
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		end := make(chan error, 1)
		go func() { end <- cmd.Wait() }()
		cmds, ends, pids = append(cmds, cmd), append(ends, end), append(pids, cmd.Process.Pid)
	}
	return pids, func() {
		for i, cmd := range cmds {
			_ = cmd.Process.Kill()
			select {
			case err := <-ends[i]:
				if code := cmd.ProcessState.ExitCode(); code != -1 { // not killed by us
					t.Errorf("client %d ended by itself: %v", i, err)
				}
			case <-time.After(20 * time.Second):
				t.Errorf("client %d (process %d) cannot be killed:\n%s", i, cmd.Process.Pid, waitsIn(cmd.Process.Pid))
			}
		}
	}
}

// waitsIn tells where in the kernel the threads of a process are, many in the same place once.
func waitsIn(pid int) string {
	places := map[string]int{}
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stack", pid))
	for _, name := range list {
		stack, _ := os.ReadFile(name)
		if strings.Contains(string(stack), "fuse") {
			places[string(stack)]++
		}
	}
	var text strings.Builder
	for _, stack := range slices.Sorted(maps.Keys(places)) {
		fmt.Fprintf(&text, "process %d, %d threads:\n%s", pid, places[stack], stack)
	}
	return text.String()
}
