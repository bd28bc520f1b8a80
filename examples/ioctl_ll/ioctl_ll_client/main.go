// Command ioctl_ll_client calls the ioctls of a file of ioctl_ll: libfuse's example of that name in Go.
//
//	ioctl_ll_client set_size /mnt/fioc 100
//	ioctl_ll_client get_size /mnt/fioc
//
// read and write are for character devices: on a mounted file they fail with "Input/output error".
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/examples/ioctl_ll/fioc"
)

const usage = `Usage: ioctl_ll_client <command> <fioc_file> [args]

Commands:
    get_size                 Get the current size (restricted ioctl)
    set_size <size>          Set the size (restricted ioctl)
    read <offset> <size>     Read data via ioctl (unrestricted)
    write <offset> <data>    Write data via ioctl (unrestricted)

Examples:
    ioctl_ll_client get_size /mnt/fioc
    ioctl_ll_client set_size /mnt/fioc 100
    ioctl_ll_client read /mnt/fioc 0 10
    ioctl_ll_client write /mnt/fioc 0 hello

`

func main() { os.Exit(run(os.Args[1:])) }

// commands are what can be done with an open file, and what arguments that takes.
var commands = map[string]struct {
	do   func(fd int, args []string) error
	args int
	need string
}{
	"get_size": {getSize, 0, ""},
	"set_size": {setSize, 1, "a size argument"},
	"read":     {read, 2, "offset and size"},
	"write":    {write, 2, "offset and data"},
}

func run(args []string) int {
	if len(args) < 2 {
		return failed("%s", usage)
	}
	name, file, args := args[0], args[1], args[2:]
	fd, err := unix.Open(file, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return failed("open: %s\n", reason(err))
	}
	defer unix.Close(fd)
	cmd, known := commands[name]
	switch {
	case !known:
		return failed("Unknown command: %s\n%s", name, usage)
	case len(args) < cmd.args:
		return failed("%s requires %s\n", name, cmd.need)
	}
	if err := cmd.do(fd, args); err != nil {
		return failed("%s\n", reason(err))
	}
	return 0
}

func failed(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, format, args...)
	return 1
}

// reason is what C's perror says, which begins an errno's text with a capital letter.
func reason(err error) string {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.TrimSuffix(err.Error(), text) + strings.ToUpper(text[:1]) + text[1:]
}

func getSize(fd int, _ []string) error {
	var size fioc.Size
	if _, err := ioctl(fd, "FIOC_GET_SIZE", fioc.GetSize, unsafe.Pointer(&size)); err != nil {
		return err
	}
	fmt.Println(size)
	return nil
}

func setSize(fd int, args []string) error {
	size, err := number("size", args[0])
	if err != nil {
		return err
	}
	if _, err := ioctl(fd, "FIOC_SET_SIZE", fioc.SetSize, unsafe.Pointer(&size)); err != nil {
		return err
	}
	fmt.Printf("Size set to %d\n", size)
	return nil
}

func read(fd int, args []string) error {
	size, err := number("size", args[1])
	if err != nil {
		return err
	}
	if size > fioc.MaxSize {
		return fmt.Errorf("invalid size '%s'", args[1])
	}
	data := make([]byte, size)
	n, sizes, err := readWrite(fd, "FIOC_READ", fioc.Read, args[0], data)
	if err != nil {
		return err
	}
	fmt.Printf("Read %d bytes (prev_size=%d, new_size=%d): %s\n", n, sizes.Prev, sizes.New, data[:n])
	return nil
}

func write(fd int, args []string) error {
	n, sizes, err := readWrite(fd, "FIOC_WRITE", fioc.Write, args[0], []byte(args[1]))
	if err != nil {
		return err
	}
	fmt.Printf("Wrote %d bytes (prev_size=%d, new_size=%d)\n", n, sizes.Prev, sizes.New)
	return nil
}

// readWrite calls FIOC_READ or FIOC_WRITE on data.
func readWrite(fd int, name string, cmd uint, offset string, data []byte) (int, fioc.RWSizes, error) {
	off, err := number("offset", offset)
	if err != nil {
		return 0, fioc.RWSizes{}, err
	}
	arg := fioc.RWArg{Offset: int64(off), Size: fioc.Size(len(data))}
	if len(data) > 0 {
		var pin runtime.Pinner // for the kernel follows an address that is no pointer to the garbage collector
		pin.Pin(&data[0])
		defer pin.Unpin()
		arg.Buf = uintptr(unsafe.Pointer(&data[0]))
	}
	n, err := ioctl(fd, name, cmd, unsafe.Pointer(&arg))
	return n, arg.Sizes, err
}

// ioctl is ioctl(2). name is what cmd is called.
func ioctl(fd int, name string, cmd uint, arg unsafe.Pointer) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(cmd), uintptr(arg))
	if errno != 0 {
		return 0, fmt.Errorf("ioctl(%s): %w", name, errno)
	}
	return int(n), nil
}

// number reads a number as C has them: also 0x64 and 0144.
func number(what, s string) (fioc.Size, error) {
	n, err := strconv.ParseUint(s, 0, strconv.IntSize)
	if err != nil {
		return 0, fmt.Errorf("invalid %s '%s'", what, s)
	}
	return fioc.Size(n), nil
}
