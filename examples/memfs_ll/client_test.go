package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// client does what shells have no command for. It runs in a process of its own.
func client(op string, args []string) int {
	do, ok := map[string]func(args []string) error{
		"rename":      clientRename,
		"extents":     clientExtents,
		"copy-range":  clientCopyRange,
		"socket":      clientSocket,
		"mmap":        clientMmap,
		"tmpfile":     clientTmpfile,
		"seekdir":     clientSeekdir,
		"handle":      clientHandle,
		"open-handle": clientOpenHandle,
	}[op]
	if !ok {
		fmt.Println("no operation", op)
		return 2
	}
	if err := do(args); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// failed names the call that has failed.
func failed(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", call, err)
}

// clientRename renames args[0] to args[1] with the flag args[2].
func clientRename(args []string) error {
	flags := map[string]uint{
		"": 0, "noreplace": unix.RENAME_NOREPLACE, "exchange": unix.RENAME_EXCHANGE, "whiteout": unix.RENAME_WHITEOUT,
	}[args[2]]
	return failed("renameat2", unix.Renameat2(unix.AT_FDCWD, args[0], unix.AT_FDCWD, args[1], flags))
}

// clientExtents prints where the data of a file is: from-to for each piece.
func clientExtents(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDONLY, 0)
	if err != nil {
		return failed("open", err)
	}
	for end := int64(0); ; {
		start, err := unix.Seek(fd, end, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		if err != nil {
			return failed("SEEK_DATA", err)
		}
		if end, err = unix.Seek(fd, start, unix.SEEK_HOLE); err != nil {
			return failed("SEEK_HOLE", err)
		}
		fmt.Printf("%d-%d\n", start, end)
	}
}

// clientCopyRange copies args[4] bytes of file args[0] at args[1] to file args[2] at args[3], and prints how many there were.
func clientCopyRange(args []string) error {
	in, err := unix.Open(args[0], unix.O_RDONLY, 0)
	if err != nil {
		return failed("open", err)
	}
	out, err := unix.Open(args[2], unix.O_WRONLY|unix.O_CREAT, 0o644)
	if err != nil {
		return failed("open", err)
	}
	offIn, _ := strconv.ParseInt(args[1], 0, 64)
	offOut, _ := strconv.ParseInt(args[3], 0, 64)
	length, _ := strconv.Atoi(args[4])
	n, err := unix.CopyFileRange(in, &offIn, out, &offOut, length, 0)
	if err == nil {
		fmt.Println(n)
	}
	return failed("copy_file_range", err)
}

// clientSocket makes a socket, and talks through it.
func clientSocket(args []string) error {
	l, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	c, err := net.Dial("unix", args[0])
	if err != nil {
		return err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return failed("close", firstError(c.Close(), l.Close()))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// clientMmap changes byte args[1] of a file to 'M' through a mapping.
func clientMmap(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDWR, 0)
	if err != nil {
		return failed("open", err)
	}
	off, _ := strconv.Atoi(args[1])
	mem, err := unix.Mmap(fd, 0, off+1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return failed("mmap", err)
	}
	mem[off] = 'M'
	return failed("munmap", unix.Munmap(mem))
}

// clientTmpfile makes a file without a name in directory args[0], and gives it the name args[1]. Libfuse before 3.17 does
// not know such files.
func clientTmpfile(args []string) error {
	fd, err := unix.Open(args[0], unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err == unix.EOPNOTSUPP {
		return os.WriteFile(args[1], []byte("tmpfile"), 0o600)
	}
	if err != nil {
		return failed("open", err)
	}
	if _, err := unix.Write(fd, []byte("tmpfile")); err != nil {
		return failed("write", err)
	}
	path := "/proc/self/fd/" + strconv.Itoa(fd)
	return failed("linkat", unix.Linkat(unix.AT_FDCWD, path, unix.AT_FDCWD, args[1], unix.AT_SYMLINK_FOLLOW))
}

// clientSeekdir reads a directory by small pieces, then again from the position after the first piece on, with all files that the
// first piece has shown removed in between. It prints whether both times the same came.
func clientSeekdir(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return failed("open", err)
	}
	first, err := readNames(fd, 512, 1)
	if err != nil {
		return err
	}
	pos, err := unix.Seek(fd, 0, unix.SEEK_CUR)
	if err != nil {
		return failed("lseek", err)
	}
	rest, err := readNames(fd, 512, -1)
	if err != nil {
		return err
	}
	for _, name := range first {
		if name != "." && name != ".." {
			if err := unix.Unlinkat(fd, name, 0); err != nil {
				return failed("unlink", err)
			}
		}
	}
	if _, err := unix.Seek(fd, pos, unix.SEEK_SET); err != nil {
		return failed("lseek", err)
	}
	again, err := readNames(fd, 512, -1)
	fmt.Println(len(first) > 2, len(rest)+len(first), fmt.Sprint(rest) == fmt.Sprint(again))
	return err
}

// readNames calls getdents64 with a buffer of the given size, so often or (-1) to the end.
func readNames(fd, size, times int) ([]string, error) {
	var names []string
	buf := make([]byte, size)
	for ; times != 0; times-- {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n == 0 {
			return names, failed("getdents", err)
		}
		for b := buf[:n]; len(b) > 0; {
			length := int(b[16]) | int(b[17])<<8
			names = append(names, unix.ByteSliceToString(b[19:length]))
			b = b[length:]
		}
	}
	return names, nil
}

// clientHandle prints the file handle of a file.
func clientHandle(args []string) error {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, args[0], 0)
	if err == nil {
		fmt.Printf("%d:%s\n", h.Type(), base64.StdEncoding.EncodeToString(h.Bytes()))
	}
	return failed("name_to_handle_at", err)
}

// clientOpenHandle opens a handle on the filesystem of the working directory, and prints what is in it.
func clientOpenHandle(args []string) error {
	var kind int32
	var text string
	if _, err := fmt.Sscanf(args[0], "%d:%s", &kind, &text); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	dir, err := unix.Open(".", unix.O_RDONLY, 0)
	if err != nil {
		return failed("open", err)
	}
	fd, err := unix.OpenByHandleAt(dir, unix.NewFileHandle(kind, data), unix.O_RDONLY)
	if err != nil {
		return failed("open_by_handle_at", err)
	}
	buf := make([]byte, 1000)
	n, err := unix.Read(fd, buf)
	if errors.Is(err, unix.EISDIR) {
		names, err := readNames(fd, 1000, -1)
		for _, name := range names {
			if name != "." && name != ".." {
				fmt.Println(name)
			}
		}
		return err
	}
	fmt.Print(string(buf[:max(n, 0)]))
	return failed("read", err)
}
