package notify

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// clientProcess carries out commands on the filesystem mounted at dir.
type clientProcess struct {
	dir   string
	files map[string]int // open files and inotify instances, by the name that the test gave them
	maps  map[string][]byte
}

// serveClient reads commands, a line each, and answers each with a line: "ok RESULT" or "errno NUMBER".
func serveClient(dir string, in io.Reader, out io.Writer) error {
	c := &clientProcess{dir: dir, files: map[string]int{}, maps: map[string][]byte{}}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		result, err := c.run(strings.Fields(lines.Text()))
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

// clientCommands get their arguments by their kind: H is the name of an open file, W of an inotify instance, M of a mapping.
var clientCommands = map[string]func(c *clientProcess, a []string) (string, error){
	"open":      (*clientProcess).open,      // H PATH FLAG,FLAG
	"close":     (*clientProcess).close,     // H
	"read":      (*clientProcess).read,      // H OFFSET SIZE
	"sum":       (*clientProcess).sum,       // H OFFSET SIZE: SHA-256 of what is there
	"write":     (*clientProcess).write,     // H OFFSET SIZE LETTER
	"fsync":     (*clientProcess).fsync,     // H
	"fstat":     (*clientProcess).fstat,     // H
	"stat":      (*clientProcess).stat,      // PATH
	"readlink":  (*clientProcess).readlink,  // PATH
	"xattr":     (*clientProcess).xattr,     // PATH NAME
	"list":      (*clientProcess).list,      // PATH
	"listfd":    (*clientProcess).listFD,    // H
	"mmap":      (*clientProcess).mmap,      // M H SIZE
	"peek":      (*clientProcess).peek,      // M OFFSET
	"poke":      (*clientProcess).poke,      // M OFFSET LETTER
	"munmap":    (*clientProcess).munmap,    // M
	"chdir":     (*clientProcess).chdir,     // PATH
	"getcwd":    (*clientProcess).getcwd,    //
	"fdpath":    (*clientProcess).fdPath,    // H
	"create":    (*clientProcess).create,    // PATH
	"mkdir":     (*clientProcess).mkdir,     // PATH
	"unlink":    (*clientProcess).unlink,    // PATH
	"rename":    (*clientProcess).rename,    // PATH PATH
	"truncate":  (*clientProcess).truncate,  // PATH SIZE
	"chmod":     (*clientProcess).chmod,     // PATH DIGITS
	"setxattr":  (*clientProcess).setxattr,  // PATH NAME VALUE
	"tmpfs":     (*clientProcess).tmpfs,     // PATH: mounts one there
	"umount":    (*clientProcess).umount,    // PATH
	"ismounted": (*clientProcess).isMounted, // PATH
	"watch":     (*clientProcess).watch,     // W PATH
	"events":    (*clientProcess).events,    // W
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

// path makes a path of the test's one of the client's. What begins with "./" is relative to the working directory.
func (c *clientProcess) path(name string) string {
	if strings.HasPrefix(name, "./") {
		return name
	}
	return filepath.Join(c.dir, name)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

var openFlags = map[string]int{
	"rdonly": unix.O_RDONLY, "wronly": unix.O_WRONLY, "rdwr": unix.O_RDWR, "path": unix.O_PATH | unix.O_NOFOLLOW, "directory": unix.O_DIRECTORY,
}

// open also asks for no read-ahead: only what is asked for is read.
func (c *clientProcess) open(a []string) (string, error) {
	flags, known := openFlags[a[2]]
	if !known {
		return "", fmt.Errorf("no such flag")
	}
	fd, err := unix.Open(c.path(a[1]), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	c.files[a[0]] = fd
	if flags&(unix.O_PATH|unix.O_DIRECTORY) == 0 {
		err = unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM)
	}
	return "", err
}

func (c *clientProcess) close(a []string) (string, error) { return "", unix.Close(c.files[a[0]]) }

func (c *clientProcess) read(a []string) (string, error) {
	buf := make([]byte, number(a[2]))
	n, err := unix.Pread(c.files[a[0]], buf, int64(number(a[1])))
	return runs(buf[:max(n, 0)]), err
}

func (c *clientProcess) sum(a []string) (string, error) {
	buf := make([]byte, number(a[2]))
	n, err := unix.Pread(c.files[a[0]], buf, int64(number(a[1])))
	return sum(buf[:max(n, 0)]), err
}

func (c *clientProcess) write(a []string) (string, error) {
	n, err := unix.Pwrite(c.files[a[0]], letters(number(a[2]), a[3]), int64(number(a[1])))
	return strconv.Itoa(n), err
}

func (c *clientProcess) fsync(a []string) (string, error) { return "", unix.Fsync(c.files[a[0]]) }

func describeStat(st *unix.Stat_t) string {
	return fmt.Sprintf("ino=%d size=%d mtime=%d nlink=%d", st.Ino, st.Size, st.Mtim.Sec, st.Nlink)
}

func (c *clientProcess) fstat(a []string) (string, error) {
	var st unix.Stat_t
	err := unix.Fstat(c.files[a[0]], &st)
	return describeStat(&st), err
}

func (c *clientProcess) stat(a []string) (string, error) {
	var st unix.Stat_t
	err := unix.Lstat(c.path(a[0]), &st)
	return describeStat(&st), err
}

func (c *clientProcess) readlink(a []string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(c.path(a[0]), buf)
	return string(buf[:max(n, 0)]), err
}

func (c *clientProcess) xattr(a []string) (string, error) {
	buf := make([]byte, 4096)
	n, err := unix.Getxattr(c.path(a[0]), a[1], buf)
	return string(buf[:max(n, 0)]), err
}

func (c *clientProcess) setxattr(a []string) (string, error) {
	return "", unix.Setxattr(c.path(a[0]), a[1], []byte(a[2]), 0)
}

func (c *clientProcess) list(a []string) (string, error) {
	fd, err := unix.Open(c.path(a[0]), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return names(fd)
}

func (c *clientProcess) listFD(a []string) (string, error) {
	fd := c.files[a[0]]
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return "", err
	}
	return names(fd)
}

// names returns the names in a directory.
func names(fd int) (string, error) {
	var list []string
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return "", err
		}
		if n == 0 {
			return strings.Join(list, ","), nil
		}
		_, _, list = unix.ParseDirent(buf[:n], -1, list)
	}
}

func (c *clientProcess) mmap(a []string) (string, error) {
	mem, err := unix.Mmap(c.files[a[1]], 0, number(a[2]), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	c.maps[a[0]] = mem
	if err == nil {
		err = unix.Madvise(mem, unix.MADV_RANDOM)
	}
	return "", err
}

func (c *clientProcess) peek(a []string) (string, error) {
	return string(c.maps[a[0]][number(a[1])]), nil
}

func (c *clientProcess) poke(a []string) (string, error) {
	c.maps[a[0]][number(a[1])] = a[2][0]
	return "", nil
}

func (c *clientProcess) munmap(a []string) (string, error) { return "", unix.Munmap(c.maps[a[0]]) }

// letters returns a text of that many bytes.
func letters(size int, letter string) []byte {
	return []byte(strings.Repeat(letter, size))
}

// runs describes a text by its runs of the same letter: "a*4096 b*100". A zero byte is written as 0.
func runs(text []byte) string {
	var list []string
	for len(text) > 0 {
		n := 1
		for n < len(text) && text[n] == text[0] {
			n++
		}
		letter := text[0]
		if letter == 0 {
			letter = '0'
		}
		list = append(list, fmt.Sprintf("%c*%d", letter, n))
		text = text[n:]
	}
	return strings.Join(list, " ")
}
