package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// portable leaves out of a dump what an extracted tree cannot have in common with a mounted one: numbers, order, sizes of directories.
const portable = "portable"

// forC asks for no xattr whose name is shorter than that of another of the file's: squashfuse 0.1.105 writes beyond a buffer then.
const forC = "for-c"

// readers is how many files a client reads at a time.
const readers = 8

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

// dumper looks at all of a tree, and prints a line for each file: names in the order of the listing, types, numbers, attributes, xattrs, data.
type dumper struct {
	portable bool
	forC     bool
	lines    []*string
	pending  sync.WaitGroup
	slots    chan struct{}
}

func dumpMain(args []string) error {
	d := &dumper{portable: slices.Contains(args[1:], portable), forC: slices.Contains(args[1:], forC), slots: make(chan struct{}, readers)}
	if err := d.dir(args[0], "."); err != nil {
		return err
	}
	d.pending.Wait()
	for _, line := range d.lines {
		fmt.Println(*line)
	}
	if d.portable {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(args[0], &st); err != nil {
		return err
	}
	st.Fsid, st.Flags = unix.Fsid{}, 0
	fmt.Printf("statfs %+v\n", st)
	return nil
}

// dirent is an entry as getdents64 returns it.
type dirent struct {
	ino  uint64
	off  int64
	kind uint8
	name string
}

func listDir(path string) (list []dirent, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n == 0 {
			return list, err
		}
		for b := buf[:n]; len(b) > 0; {
			size := binary.NativeEndian.Uint16(b[16:])
			name, _, _ := bytes.Cut(b[19:size], []byte{0})
			list = append(list, dirent{binary.NativeEndian.Uint64(b), int64(binary.NativeEndian.Uint64(b[8:])), b[18], string(name)})
			b = b[size:]
		}
	}
}

func (d *dumper) dir(root, path string) error {
	list, err := listDir(filepath.Join(root, path))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	list = slices.DeleteFunc(list, func(e dirent) bool { return e.name == "." || e.name == ".." })
	if d.portable {
		slices.SortFunc(list, func(a, b dirent) int { return strings.Compare(a.name, b.name) })
	}
	for _, e := range list {
		name := filepath.Join(path, e.name)
		if d.portable {
			e.ino, e.off = 0, 0
		}
		if err := d.entry(root, name, e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (d *dumper) entry(root, name string, e dirent) error {
	path := filepath.Join(root, name)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	line := fmt.Sprintf("%q ino=%d off=%d type=%d %s %s", name, e.ino, e.off, e.kind, d.attributes(&st), d.xattrs(path))
	d.lines = append(d.lines, &line)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return d.dir(root, name)
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		line += fmt.Sprintf(" -> %q %v", target, err)
	case unix.S_IFREG:
		d.pending.Add(1)
		d.slots <- struct{}{}
		go func() {
			defer d.pending.Done()
			line += " " + readAll(path, name, st.Size)
			<-d.slots
		}()
	}
	return nil
}

func (d *dumper) attributes(st *unix.Stat_t) string {
	s := fmt.Sprintf("mode=%o nlink=%d uid=%d gid=%d rdev=%#x mtime=%d.%d", st.Mode, st.Nlink, st.Uid, st.Gid, st.Rdev, st.Mtim.Sec, st.Mtim.Nsec)
	if !d.portable || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		s += fmt.Sprintf(" size=%d", st.Size)
	}
	if !d.portable {
		s += fmt.Sprintf(" ino=%d blocks=%d blksize=%d atime=%d.%d ctime=%d.%d", st.Ino, st.Blocks, st.Blksize,
			st.Atim.Sec, st.Atim.Nsec, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return s
}

func (d *dumper) xattrs(path string) string {
	names, err := listXattrs(path)
	if err != nil {
		return fmt.Sprintf("xattrs: %v", err)
	}
	if d.portable {
		slices.Sort(names)
	}
	longest := 0
	for _, name := range names {
		longest = max(longest, len(name))
	}
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, " %s", name)
		if !d.forC || len(name) == longest {
			b.WriteString(getXattr(path, name))
		}
	}
	_, err = unix.Lgetxattr(path, "user."+strings.Repeat("x", 255-5), nil)
	return fmt.Sprintf("xattrs:%s none: %v", b.String(), err)
}

// getXattr gets an xattr, its length, and the error where there is too little room for it.
func getXattr(path, name string) string {
	value := make([]byte, 64<<10)
	n, err := unix.Lgetxattr(path, name, value)
	if err != nil {
		return ": " + err.Error()
	}
	s := fmt.Sprintf("=%d:%x", n, sha256.Sum256(value[:n]))
	size, err := unix.Lgetxattr(path, name, nil)
	s += fmt.Sprintf(",%d,%v", size, err)
	if n > 1 {
		_, err = unix.Lgetxattr(path, name, value[:n-1])
		s += fmt.Sprintf(",%v", err)
	}
	return s
}

func listXattrs(path string) ([]string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return nil, err
	}
	names := strings.Split(string(buf[:n]), "\x00")
	return names[:len(names)-1], nil
}

// readAll reads pieces of a file, then all of it.
func readAll(path, name string, size int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	h := sha256.New()
	if err := readPieces(h, f, name, size); err != nil {
		return "pieces: " + err.Error()
	}
	n, err := io.Copy(h, f)
	return fmt.Sprintf("read=%d %x %v", n, h.Sum(nil), err)
}

// readPieces reads from places that the name decides, so that they are the same on each mount, before readahead has read everything.
func readPieces(w io.Writer, f *os.File, name string, size int64) error {
	pieces := 3
	switch {
	case size == 0:
		return nil
	case size <= 4096:
		pieces = 1
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM); err != nil {
		return err
	}
	seed := fnv.New64a()
	seed.Write([]byte(name))
	r := rand.New(rand.NewPCG(seed.Sum64(), 1))
	buf := make([]byte, 300<<10)
	for range pieces {
		b := buf[:1+r.IntN(5000)]
		if r.IntN(4) == 0 {
			b = buf[:1+r.IntN(len(buf))]
		}
		n, err := f.ReadAt(b, r.Int64N(size+2))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		fmt.Fprintf(w, "%d,", n)
		w.Write(b[:n])
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_NORMAL)
}
