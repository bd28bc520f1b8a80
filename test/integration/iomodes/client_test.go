package iomodes

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// barrier is a name that does not exist. The client looks it up after every command: the kernel's queue is in order and the server
// takes one request at a time, so when the answer is there, the server has seen all that the command has caused, read-ahead
// and releases too, for which nobody waits.
const barrier = ".barrier"

// clientProcess carries out commands on the filesystem mounted at dir.
type clientProcess struct {
	dir   string
	files map[string]int
	maps  map[string][]byte
}

// serveClient reads commands, a line each, and answers each with a line: "ok RESULT" or "errno NUMBER".
func serveClient(dir string, in io.Reader, out io.Writer) error {
	c := &clientProcess{dir: dir, files: map[string]int{}, maps: map[string][]byte{}}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		result, err := c.run(strings.Fields(lines.Text()))
		_ = unix.Access(filepath.Join(dir, barrier), unix.F_OK)
		reply := "ok " + result
		if errno, ok := err.(unix.Errno); ok {
			reply = fmt.Sprintf("errno %d", int(errno))
		} else if err != nil {
			return fmt.Errorf("client: %q: %w", lines.Text(), err)
		}
		if _, err := fmt.Fprintln(out, reply); err != nil {
			return err
		}
	}
	return lines.Err()
}

// clientCommands get their arguments by their kind: H is the name of an open file, M of a mapping.
var clientCommands = map[string]func(c *clientProcess, a []string) (string, error){
	"open":      (*clientProcess).open,      // H PATH FLAG,FLAG
	"close":     (*clientProcess).close,     // H
	"read":      (*clientProcess).read,      // H OFFSET SIZE
	"readall":   (*clientProcess).readAll,   // H SIZE: from the beginning, SIZE bytes at a time
	"write":     (*clientProcess).write,     // H OFFSET SIZE LETTER
	"append":    (*clientProcess).append,    // H SIZE LETTER: by write(2)
	"together":  (*clientProcess).together,  // H SIZE OFFSET...: writes at all offsets, from a thread each
	"fsync":     (*clientProcess).fsync,     // H
	"fdatasync": (*clientProcess).fdatasync, // H
	"syncrange": (*clientProcess).syncRange, // H: sync_file_range(2)
	"dontneed":  (*clientProcess).dontneed,  // H: posix_fadvise(2) drops what is cached and clean
	"truncate":  (*clientProcess).truncate,  // H SIZE
	"stat":      (*clientProcess).stat,      // PATH
	"readlink":  (*clientProcess).readlink,  // PATH
	"list":      (*clientProcess).list,      // H: from the beginning
	"listsome":  (*clientProcess).listSome,  // H SIZE: go on with a buffer of SIZE bytes
	"mmap":      (*clientProcess).mmap,      // M H shared|private r|rw SIZE
	"peek":      (*clientProcess).peek,      // M OFFSET
	"poke":      (*clientProcess).poke,      // M OFFSET LETTER
	"msync":     (*clientProcess).msync,     // M
	"munmap":    (*clientProcess).munmap,    // M
}

func (c *clientProcess) run(words []string) (string, error) {
	if len(words) == 0 {
		return "", fmt.Errorf("no command")
	}
	f := clientCommands[words[0]]
	if f == nil {
		return "", fmt.Errorf("no such command")
	}
	return f(c, words[1:])
}

func (c *clientProcess) path(name string) string { return filepath.Join(c.dir, name) }

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

var openFlags = map[string]int{
	"rdonly": unix.O_RDONLY, "wronly": unix.O_WRONLY, "rdwr": unix.O_RDWR, "append": unix.O_APPEND, "trunc": unix.O_TRUNC,
	"path": unix.O_PATH, "nofollow": unix.O_NOFOLLOW, "directory": unix.O_DIRECTORY,
}

func (c *clientProcess) open(a []string) (string, error) {
	flags := unix.O_CLOEXEC
	for _, f := range strings.Split(a[2], ",") {
		bit, ok := openFlags[f]
		if !ok {
			return "", fmt.Errorf("no such flag")
		}
		flags |= bit
	}
	fd, err := unix.Open(c.path(a[1]), flags, 0)
	c.files[a[0]] = fd
	return "", err
}

func (c *clientProcess) close(a []string) (string, error) { return "", unix.Close(c.files[a[0]]) }

func (c *clientProcess) read(a []string) (string, error) {
	buf := make([]byte, number(a[2]))
	n, err := unix.Pread(c.files[a[0]], buf, int64(number(a[1])))
	return runs(buf[:max(n, 0)]), err
}

func (c *clientProcess) readAll(a []string) (string, error) {
	var all []byte
	buf := make([]byte, number(a[1]))
	for {
		n, err := unix.Pread(c.files[a[0]], buf, int64(len(all)))
		if err != nil || n == 0 {
			return runs(all), err
		}
		all = append(all, buf[:n]...)
	}
}

func (c *clientProcess) write(a []string) (string, error) {
	n, err := unix.Pwrite(c.files[a[0]], letters(a[2], a[3]), int64(number(a[1])))
	return strconv.Itoa(n), err
}

func (c *clientProcess) append(a []string) (string, error) {
	n, err := unix.Write(c.files[a[0]], letters(a[1], a[2]))
	return strconv.Itoa(n), err
}

func (c *clientProcess) together(a []string) (string, error) {
	errs := make(chan error)
	for _, off := range a[2:] {
		go func() {
			_, err := unix.Pwrite(c.files[a[0]], letters(a[1], "z"), int64(number(off)))
			errs <- err
		}()
	}
	var failed error
	for range a[2:] {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return "", failed
}

func (c *clientProcess) fsync(a []string) (string, error) { return "", unix.Fsync(c.files[a[0]]) }
func (c *clientProcess) fdatasync(a []string) (string, error) {
	return "", unix.Fdatasync(c.files[a[0]])
}

func (c *clientProcess) syncRange(a []string) (string, error) {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	return "", unix.SyncFileRange(c.files[a[0]], 0, 0, all)
}

func (c *clientProcess) dontneed(a []string) (string, error) {
	return "", unix.Fadvise(c.files[a[0]], 0, 0, unix.FADV_DONTNEED)
}

func (c *clientProcess) truncate(a []string) (string, error) {
	return "", unix.Ftruncate(c.files[a[0]], int64(number(a[1])))
}

// stat returns size and time of change.
func (c *clientProcess) stat(a []string) (string, error) {
	var st unix.Stat_t
	err := unix.Lstat(c.path(a[0]), &st)
	return fmt.Sprintf("%d %d", st.Size, st.Mtim.Sec), err
}

func (c *clientProcess) readlink(a []string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(c.path(a[0]), buf)
	return string(buf[:max(n, 0)]), err
}

// list returns how many entries there are, and the last one's name.
func (c *clientProcess) list(a []string) (string, error) {
	fd := c.files[a[0]]
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return "", err
	}
	var names []string
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return "", err
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	return fmt.Sprintf("%d %s", len(names), append(names, "none")[max(len(names)-1, 0)]), nil
}

func (c *clientProcess) listSome(a []string) (string, error) {
	n, err := unix.Getdents(c.files[a[0]], make([]byte, number(a[1])))
	return strconv.Itoa(n), err
}

func (c *clientProcess) mmap(a []string) (string, error) {
	flags, prot := unix.MAP_SHARED, unix.PROT_READ
	if a[2] == "private" {
		flags = unix.MAP_PRIVATE
	}
	if a[3] == "rw" {
		prot |= unix.PROT_WRITE
	}
	mem, err := unix.Mmap(c.files[a[1]], 0, number(a[4]), prot, flags)
	c.maps[a[0]] = mem
	return "", err
}

func (c *clientProcess) peek(a []string) (string, error) {
	return string(c.maps[a[0]][number(a[1])]), nil
}

func (c *clientProcess) poke(a []string) (string, error) {
	c.maps[a[0]][number(a[1])] = a[2][0]
	return "", nil
}

func (c *clientProcess) msync(a []string) (string, error) {
	return "", unix.Msync(c.maps[a[0]], unix.MS_SYNC)
}
func (c *clientProcess) munmap(a []string) (string, error) { return "", unix.Munmap(c.maps[a[0]]) }

// letters returns a text of that many bytes.
func letters(size, letter string) []byte {
	return []byte(strings.Repeat(letter, number(size)))
}

// runs describes a text by its runs of the same letter: "a*4096 b*100".
func runs(text []byte) string {
	var list []string
	for len(text) > 0 {
		n := 1
		for n < len(text) && text[n] == text[0] {
			n++
		}
		list = append(list, fmt.Sprintf("%c*%d", text[0], n))
		text = text[n:]
	}
	return strings.Join(list, " ")
}
