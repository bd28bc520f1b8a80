// Package cprogram tests C programs with Go in them where it takes a real kernel.
package cprogram

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

const patience = 20 * time.Second

// TestEnd_WhileNotificationWaits: a client waits for data, a notification for the client, and the program ends without answering. Without care all three would stay for ever.
func TestEnd_WhileNotificationWaits(t *testing.T) {
	fusetest.RequireFUSE(t)
	program := cprogram.Build(t, "../../cprogram/adopt", "adopttest").Program(t, cprogram.Static, "c/stuck.c")
	for how, want := range map[string][]string{
		"bound":   {"adopt when mounted: <nil>", "slow", "InvalInode: <nil>"},
		"adopted": {"adopt when mounted: <nil>", "slow", "Close: ErrBusy"},
	} {
		t.Run(how, func(t *testing.T) { testStuck(t, program, how, want) })
	}
}

// mountpoint returns a directory to mount at, and a file for the program's record.
func mountpoint(t *testing.T) (dir string, record *os.File) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fusetest.Watchdog(t, 2*time.Minute, dir)
	record, err := os.Create(filepath.Join(t.TempDir(), "record"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { record.Close() })
	return dir, record
}

func testStuck(t *testing.T, program, how string, want []string) {
	dir, record := mountpoint(t)
	stdin, never, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer never.Close()
	cmd := exec.Command(program, "-f", "-s", dir)
	cmd.Stdin = stdin
	cmd.ExtraFiles = []*os.File{stdin, record} // 4: recorder.FD
	cmd.Env = append(os.Environ(), "SCENARIO=stuck", "HOW="+how)
	p := fusetest.StartCommand(t, dir, cmd)
	stdin.Close()

	file, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	client(t, nil, "stat", filepath.Join(dir, "slow"))
	fusetest.Eventually(t, patience, "the loop is busy", func() bool {
		text, err := os.ReadFile(record.Name())
		return err == nil && strings.HasSuffix(string(text), "slow\n")
	})
	reader := client(t, file, "head", "-c1")
	fusetest.Eventually(t, patience, "the client waits for data", func() bool { return waitsIn(reader.Process.Pid, unix.SYS_READ) })
	if err := p.Cmd.Process.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	fusetest.Eventually(t, patience, "the notification waits for the client", func() bool { return waitsIn(p.Cmd.Process.Pid, unix.SYS_WRITEV) })
	begin := time.Now()
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	t.Logf("it took %v to end", time.Since(begin))
	text, err := os.ReadFile(record.Name())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSpace(string(text)), "\n"); !slices.Equal(got[:min(len(got), len(want))], want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// client starts a command that may fail, and sees to it that it ends with the test.
func client(t *testing.T, stdin *os.File, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("%s does not end", cmd)
			_ = cmd.Process.Kill()
		}
	})
	return cmd
}

// waitsIn tells whether a thread of the process waits uninterruptibly in a system call.
func waitsIn(pid int, call int) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		syscall, _ := os.ReadFile(filepath.Join(task, "syscall"))
		stat, _ := os.ReadFile(filepath.Join(task, "stat"))
		_, state, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(string(syscall), fmt.Sprint(call, " ")) && strings.HasPrefix(state, "D") {
			return true
		}
	}
	return false
}

// TestNotifier_SessionOfC: what Linux can do is told by its version where Go has not seen the INIT.
func TestNotifier_SessionOfC(t *testing.T) {
	fusetest.RequireFUSE(t)
	program := cprogram.Build(t, "../../cprogram/adopt", "adopttest").Program(t, cprogram.Static, "../../cprogram/adopt/c/main.c")
	for how, unsupported := range map[string]int{"": 1, "bound": 1, "retrieve": 0} {
		dir, record := mountpoint(t)
		cmd := exec.Command(program, "-f", dir)
		cmd.ExtraFiles = []*os.File{record, record}
		cmd.Env = append(os.Environ(), "SCENARIO=notify", "HOW="+how)
		p := fusetest.StartCommand(t, dir, cmd)
		fusetest.Run(t, time.Minute, "stat", filepath.Join(dir, "x"))
		if err := p.StopBy(p.Unmount); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(record.Name())
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "ErrUnsupported"); n != unsupported || strings.Count(string(text), "\n") != 19 || !strings.HasSuffix(string(text), "Close: <nil>\n") {
			t.Errorf("%q: got %d that are not supported, want %d, and 19 lines:\n%s", how, n, unsupported, text)
		}
	}
}
