package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// A load is some processes that use a mount as hard as they can until something fails.
type load struct {
	t    *testing.T
	dir  string
	cmds []*exec.Cmd
	ends []chan error
	logs []string
}

// loadScripts run until an error. They work in $D/load, which is only on the mount: when the mount is gone, they find nothing below the mountpoint.
var loadScripts = []struct {
	text  string
	holds bool // a file or directory open, so that the kernel keeps the filesystem for it after a lazy unmount
}{
	{text: `while dd if=/dev/zero of=$D/load/w1 bs=128k count=64 conv=fsync status=none; do :; done`},
	{text: `while dd if=/dev/zero of=$D/load/w2 bs=4k count=300 status=none && cat $D/load/w2 > /dev/null; do :; done`},
	{text: `while dd if=$D/load/big of=/dev/null bs=64k status=none iflag=nocache; do :; done`},
	{text: `i=0; while : > $D/load/n$i && mv $D/load/n$i $D/load/m && ls $D/load > /dev/null && rm $D/load/m; do echo x > $D/load/named; i=$((i + 1)); done`},
	{text: `exec 9> $D/load/open; while echo line >&9; do :; done`, holds: true},
	{text: `cd $D/load && echo x > entered && while stat -f . > /dev/null && stat . > /dev/null && mkdir d && rmdir d; do :; done`, holds: true},
}

// startLoad starts the load and returns when all of it has done something.
func startLoad(t *testing.T, dir string) *load {
	t.Helper()
	script{dir: dir, text: `mkdir $D/load; dd if=/dev/zero of=$D/load/big bs=1M count=16 status=none`}.must(t)
	l := &load{t: t, dir: dir}
	t.Cleanup(l.kill)
	logs := newDir(t)
	for i, client := range loadScripts {
		log := filepath.Join(logs, fmt.Sprint(i))
		f, err := os.Create(log)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-c", client.text+"\nexit 42")
		cmd.Env = append(os.Environ(), "D="+dir, "LC_ALL=C")
		cmd.Stdout, cmd.Stderr = f, f
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		end := make(chan error, 1)
		go func() { end <- cmd.Wait() }()
		l.cmds, l.ends, l.logs = append(l.cmds, cmd), append(l.ends, end), append(l.logs, log)
	}
	// Asked by a process of its own, as everything that touches a mount.
	out, err := script{dir: dir, timeout: 30 * time.Second, text: `
		cd $D/load
		for i in $(seq 400); do
			[ -s w1 ] && [ -s w2 ] && [ -s open ] && [ -s named ] && [ -s entered ] && exit
			sleep 0.05
		done
		ls -l && exit 1`}.run()
	if err != nil {
		t.Fatalf("the clients do not get going: %v\n%s\n%s", err, out, l.said())
	}
	return l
}

// wait wants every process to end by an error of its own within limit, and returns what they said. Those that hold something open may be excepted.
func (l *load) wait(limit time.Duration, exceptHolders bool) string {
	l.t.Helper()
	deadline := time.After(limit)
	for i, client := range loadScripts {
		if client.holds && exceptHolders {
			continue
		}
		select {
		case err := <-l.ends[i]:
			if code := fusetest.ExitCode(err); code != 42 && code != 1 {
				l.t.Errorf("client %q ended with %v", client.text, err)
			}
			l.ends[i] = nil
		case <-deadline:
			l.t.Fatalf("client %q still runs after %v: %s\n%s", client.text, limit, processState(l.cmds[i].Process.Pid), l.said())
		}
	}
	return l.said()
}

func (l *load) said() string {
	var all strings.Builder
	for _, log := range l.logs {
		text, err := os.ReadFile(log)
		if err == nil {
			all.Write(text)
		}
	}
	return all.String()
}

// kill ends what still runs.
func (l *load) kill() {
	for i, end := range l.ends {
		if end == nil {
			continue
		}
		_ = syscall.Kill(-l.cmds[i].Process.Pid, syscall.SIGKILL)
		select {
		case <-end:
		case <-time.After(10 * time.Second):
			l.t.Errorf("client %q cannot be killed: %s", loadScripts[i].text, processState(l.cmds[i].Process.Pid))
		}
	}
	l.ends = nil
}

// processState is what a process and its children wait for.
func processState(pid int) string {
	text, _ := fusetest.Command{Timeout: 5 * time.Second}.Run("ps", "-o", "pid,stat,wchan:30,args", "--ppid", fmt.Sprint(pid), "-p", fmt.Sprint(pid))
	return text
}
