// Command ioctl_client asks for the size of a file of ioctl (or ioctl_ll), or sets it. It is libfuse's example of that name in Go.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
)

const usage = `Usage: ioctl_client FIOC_FILE [size]

Without size, print the size; otherwise set it
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string, args []string) error {
	fd, err := unix.Open(file, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed("open", err)
	}
	defer unix.Close(fd)
	var size fioc.Size
	if len(args) == 0 {
		if err := ioctl(fd, fioc.GetSize, &size); err != nil {
			return err
		}
		fmt.Println(size)
		return nil
	}
	n, err := strconv.ParseUint(args[0], 0, strconv.IntSize) // also 0x64 and 0144
	if err != nil {
		return fmt.Errorf("invalid size '%s'", args[0])
	}
	size = fioc.Size(n)
	return ioctl(fd, fioc.SetSize, &size)
}

func ioctl(fd int, cmd uint, size *fioc.Size) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(cmd), uintptr(unsafe.Pointer(size)))
	if errno != 0 {
		return failed("ioctl", errno)
	}
	return nil
}

// failed is what C's perror says, which begins an errno's text with a capital letter.
func failed(what string, err error) error {
	text := err.Error()
	return errors.New(what + ": " + strings.ToUpper(text[:1]) + text[1:])
}
