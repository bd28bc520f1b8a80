// Command poll_client waits for the files of poll, 16 times, and reads from those that have something. It is libfuse's example of that name in Go, and is to be run in the
// directory where poll is mounted.
//
// It prints a line for each time, and in it for each file how many bytes there were.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	names = "0123456789ABCDEF"
	times = 16
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var fds [len(names)]int
	for i := range fds {
		var err error
		if fds[i], err = unix.Open(names[i:i+1], unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return failed("open", err)
		}
	}
	for range times {
		ready, err := wait(fds[:])
		if err != nil {
			return failed("select", err)
		}
		if err := readReady(fds[:], ready); err != nil {
			return failed("read", err)
		}
	}
	return nil
}

// failed is what C's perror says, which begins an errno's text with a capital letter.
func failed(what string, err error) error {
	text := err.Error()
	return errors.New(what + ": " + strings.ToUpper(text[:1]) + text[1:])
}

// wait waits until there is something to read.
func wait(fds []int) (*unix.FdSet, error) {
	for {
		ready, nfds := new(unix.FdSet), 0
		for _, fd := range fds {
			ready.Set(fd)
			nfds = max(nfds, fd+1)
		}
		if _, err := unix.Select(nfds, ready, nil, nil, nil); err != unix.EINTR { // by a signal of Go's own
			return ready, err
		}
	}
}

func readReady(fds []int, ready *unix.FdSet) error {
	buf := make([]byte, 4096)
	for i, fd := range fds {
		if !ready.IsSet(fd) {
			fmt.Print("_:   ")
			continue
		}
		n, err := unix.Read(fd, buf)
		if err != nil {
			return err
		}
		fmt.Printf("%X:%02d ", i, n)
	}
	fmt.Println()
	return nil
}
