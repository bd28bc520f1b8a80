package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a mounted archive and the process behind it.
type server struct {
	mnt    string
	cmd    *exec.Cmd
	output bytes.Buffer
	done   chan error
}

const patience = 20 * time.Second

// start mounts, and returns when it is mounted.
func start(program, image, mnt string) (*server, error) {
	if err := os.MkdirAll(mnt, 0o755); err != nil {
		return nil, err
	}
	s := &server{mnt: mnt, cmd: exec.Command(program, "-f", image, mnt), done: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	before := device(mnt)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.cmd.Wait() }()
	for end := time.Now().Add(patience); device(mnt) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.cmd.Process.Kill()
			return nil, fmt.Errorf("%v: not mounted\n%s", s.cmd.Args, &s.output)
		}
	}
	return s, nil
}

func device(dir string) uint64 {
	var st syscall.Stat_t
	_ = syscall.Stat(dir, &st)
	return uint64(st.Dev)
}

// stop unmounts, and waits for the process.
func (s *server) stop() {
	if err := syscall.Unmount(s.mnt, 0); err != nil {
		fmt.Fprintf(os.Stderr, "bench: umount %s: %v\n", s.mnt, err)
		_ = syscall.Unmount(s.mnt, syscall.MNT_DETACH)
	}
	select {
	case err := <-s.done:
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v: %v\n%s", s.cmd.Args, err, &s.output)
		}
	case <-time.After(patience):
		s.cmd.Process.Kill()
	}
}

// cpuTime is what the process has used so far.
func (s *server) cpuTime() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// After the name, which ends with the last ")": state is the first field, utime and stime are 12th and 13th.
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	utime, _ := strconv.Atoi(f[11])
	stime, _ := strconv.Atoi(f[12])
	return time.Duration(utime+stime) * 10 * time.Millisecond
}
