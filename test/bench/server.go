package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A server is a mounted filesystem and the process behind it.
type server struct {
	name, mnt string
	cmd       *exec.Cmd
	stderr    bytes.Buffer
	done      chan error
}

const startTime = 10 * time.Second

// start runs argv with the mountpoint behind it, and returns when it is mounted.
func start(name string, argv []string, mnt string) (*server, error) {
	if err := os.Mkdir(mnt, 0o755); err != nil {
		return nil, err
	}
	s := &server{name: name, mnt: mnt, cmd: exec.Command(argv[0], append(argv[1:], mnt)...), done: make(chan error, 1)}
	s.cmd.Stdout = &s.stderr
	s.cmd.Stderr = &s.stderr
	// In a process group of its own: an interrupt from the terminal must not unmount it under the client.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	before, err := device(mnt)
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.cmd.Wait() }()
	deadline := time.Now().Add(startTime)
	for {
		if now, err := device(mnt); err == nil && now != before {
			return s, nil
		}
		select {
		case err := <-s.done:
			return nil, fmt.Errorf("%s: %v ended before it was mounted: %v\n%s", name, s.cmd.Args, err, &s.stderr)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.cmd.Process.Kill()
			return nil, fmt.Errorf("%s: %v: not mounted within %v", name, s.cmd.Args, startTime)
		}
	}
}

func device(dir string) (uint64, error) {
	var st syscall.Stat_t
	err := syscall.Stat(dir, &st)
	return uint64(st.Dev), err
}

// stop unmounts and waits for the process.
func (s *server) stop() error {
	if err := syscall.Unmount(s.mnt, 0); err != nil {
		if out, err := exec.Command("fusermount3", "-u", "-z", s.mnt).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v: %s", s.name, err, out)
		}
	}
	select {
	case err := <-s.done:
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", s.name, err, &s.stderr)
		}
		return nil
	case <-time.After(startTime):
		s.cmd.Process.Kill()
		return fmt.Errorf("%s: did not end within %v of the unmount", s.name, startTime)
	}
}
