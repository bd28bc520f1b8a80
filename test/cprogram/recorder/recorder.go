// Package recorder makes filesystems whose operations write down what they get, and return what is known beforehand: so that one in a C program can be compared with one that is Go all through.
package recorder

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// FD is the descriptor that a process writes its record to, a line for an operation.
const FD = 4

var record = sync.OnceValue(func() func(line string) {
	f := os.NewFile(FD, "record")
	// One write: lines of several threads do not mix.
	return func(line string) { _, _ = f.WriteString(line + "\n") }
})

// RecordTo has what is recorded in this process go to f.
func RecordTo(f func(line string)) { record = func() func(string) { return f } }

// Note writes a line.
func Note(format string, args ...any) {
	record()(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

// What handlers return.
var (
	Attr = lowlevel.Stat{
		Ino: 0x1122334455667788, Size: 0x22334455667788, Blocks: 0x3344556677,
		Atim: unix.Timespec{Sec: 1 << 33, Nsec: 111}, Mtim: unix.Timespec{Sec: -5, Nsec: 222}, Ctim: unix.Timespec{Sec: 77, Nsec: 999999999},
		Rdev: unix.Mkdev(8, 17), Mode: unix.S_IFREG | 0o6751, Nlink: 3, UID: 1001, GID: 1002, Blksize: 8192,
	}
	Entry = lowlevel.EntryParam{
		Ino: 0x5566778899, Generation: 0x66778899aabb, Attr: Attr, AttrTimeout: 1250 * time.Millisecond, EntryTimeout: 2500 * time.Millisecond,
	}
	Statfs = lowlevel.Statfs{Bsize: 4096, Frsize: 512, Blocks: 1 << 40, Bfree: 1 << 39, Bavail: 1 << 38, Files: 1 << 37, Ffree: 1 << 36, Namemax: 250}
)

const (
	target  = "../where/it is"
	timeout = 3750 * time.Millisecond
)

// Fill puts a pattern into p, as far as n.
func fill(p []byte) int {
	n := (len(p) + 1) / 2
	for i := range n {
		p[i] = byte('a' + i%26)
	}
	return n
}

var errPlain = errors.New("not an errno")

// fail has a handler fail, if its argument says so.
func fail(how uint64) error {
	switch how {
	case Err:
		return fmt.Errorf("on the way: %w", unix.EXDEV)
	case Plain:
		return errPlain
	case Panic:
		panic("a handler of the test's")
	}
	return nil
}

// Inodes (also /N, by paths) whose operations fail, or are answered late.
const (
	Err uint64 = iota + 0x100
	Plain
	Panic
	Late // by another goroutine
	Wait // until the request is interrupted
)

// text writes arguments as they are to be recorded.
func text(args []reflect.Value) string {
	var list []string
	for _, a := range args {
		list = append(list, textOf(a.Interface()))
	}
	return strings.Join(list, ", ")
}

func textOf(a any) string {
	switch a := a.(type) {
	case *lowlevel.FileInfo:
		if a == nil {
			return "nil"
		}
		return "fi" + nonzero(a)
	case *lowlevel.Stat:
		if a == nil {
			return "nil"
		}
		return "stat" + nonzero(a)
	case *lowlevel.FileLock:
		return fmt.Sprintf("lock%+v", *a)
	case lowlevel.BufVec:
		data := make([]byte, a.Size())
		n, err := lowlevel.BufCopy(lowlevel.BufMem(data), a, 0)
		return fmt.Sprintf("%q %v", data[:n], err)
	case []byte:
		if len(a) > 40 {
			return fmt.Sprintf("%d bytes %q...", len(a), a[:10])
		}
		return fmt.Sprintf("%q", a)
	case string:
		return fmt.Sprintf("%q", a)
	case *lowlevel.DirBuf, *lowlevel.DirPlusBuf, highlevel.FillDir:
		return "listing"
	case *lowlevel.PollHandle:
		if a == nil {
			return "nil"
		}
		return "handle"
	}
	return fmt.Sprint(a)
}

// nonzero writes the fields of the struct that p points to, but for those that are zero.
func nonzero(p any) string {
	v := reflect.ValueOf(p).Elem()
	var fields []string
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Name != "_" && !v.Field(i).IsZero() {
			fields = append(fields, fmt.Sprintf("%s:%v", f.Name, v.Field(i).Interface()))
		}
	}
	return "{" + strings.Join(fields, " ") + "}"
}

// lent is how much room a handler was given, in place of what happens to be there.
func lent(args []reflect.Value, i int) []reflect.Value {
	args = append([]reflect.Value(nil), args...)
	args[i] = reflect.ValueOf(fmt.Sprintf("room for %d", args[i].Len()))
	return args
}
