package recorder

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// Name is that of a file whose operations fail or are answered late, as how says.
func Name(how uint64) string { return fmt.Sprintf("%d", how) }

// Paths returns Operations that record, with all members but those that without names.
func Paths(without ...string) *highlevel.Operations {
	ops := &highlevel.Operations{}
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if slices.Contains(without, name) {
			continue
		}
		typ := v.Field(i).Type()
		v.Field(i).Set(reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value { return byPath(name, typ, args) }))
	}
	return ops
}

// private is the filesystem's private data.
const private = "private data"

func byPath(name string, typ reflect.Type, args []reflect.Value) []reflect.Value {
	var out []reflect.Value
	for i := range typ.NumOut() {
		out = append(out, reflect.Zero(typ.Out(i)))
	}
	switch name {
	case "Init":
		initPaths(args[0].Interface().(*highlevel.ConnInfo), args[1].Interface().(*highlevel.Config))
		return []reflect.Value{reflect.ValueOf(private)}
	case "Destroy":
		Note("Destroy(%v)", args[0].Interface())
		return nil
	}
	ctx := args[0].Interface().(context.Context)
	c := highlevel.CallerOf(ctx)
	Note("%s(%d %d %d %#o, %s)%s", name, c.UID, c.GID, c.PID, c.Umask, text(shownByPath(name, args[1:])), odd(ctx))
	how := howOfPath(args)
	err := fail(how)
	if how == Wait && name == "Readlink" {
		err = waitByPath(ctx)
	}
	if err != nil {
		out[len(out)-1] = reflect.ValueOf(&err).Elem()
		return out
	}
	resultsByPath(name, args, out)
	return out
}

// odd tells what is not as it should be with a context.
func odd(ctx context.Context) string {
	if got := highlevel.PrivateData(ctx); got != private {
		return fmt.Sprintf(" with private data %v", got)
	}
	if highlevel.Interrupted(ctx) {
		return " interrupted"
	}
	return ""
}

func waitByPath(ctx context.Context) error {
	Note("waits")
	for !highlevel.Interrupted(ctx) {
		time.Sleep(time.Millisecond)
	}
	Note("interrupted")
	return unix.EINTR
}

// initPaths asks for something.
func initPaths(conn *highlevel.ConnInfo, cfg *highlevel.Config) {
	Note("Init(%v %v %v)", cfg.EntryTimeout, cfg.AttrTimeout, cfg.NegativeTimeout)
	_ = conn.SetMaxReadahead(0x8000)
	cfg.UseIno = true
	cfg.EntryTimeout, cfg.AttrTimeout, cfg.NegativeTimeout = 2500*time.Millisecond, 1250*time.Millisecond, 500*time.Millisecond
}

// howOfPath is what the first path among the arguments asks for.
func howOfPath(args []reflect.Value) uint64 {
	for _, a := range args {
		p, ok := a.Interface().(string)
		if !ok || !strings.HasPrefix(p, "/") {
			continue
		}
		if n, err := strconv.ParseUint(path.Base(p), 10, 64); err == nil && n >= Err && n <= Wait {
			return n
		}
	}
	return 0
}

func shownByPath(name string, args []reflect.Value) []reflect.Value {
	switch name {
	case "Read", "Listxattr":
		return lent(args, 1)
	case "Getxattr":
		return lent(args, 2)
	}
	return args
}

// attrOf is that of a directory where the name says so.
func attrOf(p string) lowlevel.Stat {
	st := Attr
	if p == "/" || strings.HasPrefix(path.Base(p), "dir") {
		st.Mode, st.Nlink = unix.S_IFDIR|0o755, 2
	}
	return st
}

func resultsByPath(name string, args, out []reflect.Value) {
	arg := func(i int) any { return args[i].Interface() }
	set := func(v any) { out[0] = reflect.ValueOf(v).Convert(out[0].Type()) }
	fail := func(err error) { out[len(out)-1] = reflect.ValueOf(&err).Elem() }
	switch name {
	case "Getattr":
		if strings.HasPrefix(path.Base(arg(1).(string)), "none") {
			fail(unix.ENOENT)
			return
		}
		set(attrOf(arg(1).(string)))
	case "Readlink":
		set(target)
	case "Statfs":
		set(Statfs)
	case "Open", "Opendir":
		open(arg(2).(*lowlevel.FileInfo))
	case "Create":
		open(arg(3).(*lowlevel.FileInfo))
	case "Tmpfile":
		open(arg(3).(*lowlevel.FileInfo))
		set(attrOf("/file"))
	case "Read":
		set(fill(arg(2).([]byte)))
	case "ReadBuf":
		p := make([]byte, arg(2).(int))
		set(lowlevel.BufMem(p[:fill(p)]))
	case "Write":
		set(len(arg(2).([]byte)) - 1)
	case "WriteBuf":
		set(arg(2).(lowlevel.BufVec).Size() - 1)
	case "Readdir":
		listByPath(arg(1).(string), arg(2).(highlevel.FillDir), arg(3).(int64))
	case "Getxattr":
		n, err := lowlevel.XattrValue(arg(3).([]byte), []byte("value of "+arg(2).(string)))
		set(n)
		if err != nil {
			fail(err)
		}
	case "Listxattr":
		set(copy(arg(2).([]byte), "user.a\x00user.b\x00"))
		if args[2].Len() < 14 {
			set(14) // which is too much, where there is any room
		}
	case "Lock":
		if l := arg(4).(*lowlevel.FileLock); arg(3).(int) == unix.F_GETLK {
			*l = lowlevel.FileLock{Type: unix.F_RDLCK, Whence: unix.SEEK_SET, Start: 100, Len: 1000, PID: 4321}
		}
	case "Bmap":
		set(arg(3).(uint64) + 0x100000000)
	case "Ioctl":
		set(ioctlByPath(arg(2).(uint32), arg(6).([]byte)))
	case "Poll":
		set(unix.POLLIN | unix.POLLPRI)
		pollByPath(arg(3).(*lowlevel.PollHandle))
	case "CopyFileRange":
		set(arg(7).(uint64) - 1)
	case "Lseek":
		set(arg(2).(int64) + 0x100000000)
	case "Statx":
		set(unix.Statx_t{Mask: unix.STATX_BASIC_STATS, Blksize: 512, Nlink: 2, Uid: 3, Gid: 4, Mode: unix.S_IFREG | 0o640, Ino: 5, Size: 6, Blocks: 7})
	}
}

// listByPath lists in the mode that has offsets, or for names that end in "all" in the other.
func listByPath(p string, fill highlevel.FillDir, off int64) {
	st := Attr
	if strings.HasSuffix(p, "all") {
		for _, name := range []string{".", "..", "one", "two", "three"} {
			if !fill(name, nil, 0, 0) {
				Note("no room for %s", name)
			}
		}
		return
	}
	for i := off; i < 10; i++ {
		st.Ino = uint64(1000 + i)
		flags := highlevel.FillDirFlags(0)
		if i%2 == 0 {
			flags = highlevel.FillDirPlus
		}
		if !fill(fmt.Sprintf("entry %d", i), &st, i+1, flags) {
			return
		}
	}
}

func ioctlByPath(cmd uint32, data []byte) int32 {
	if len(data) > 0 {
		copy(data, "coming out")
	}
	return int32(cmd & 0xff)
}

func pollByPath(ph *lowlevel.PollHandle) {
	if ph == nil {
		return
	}
	if err := ph.Notify(); err != nil {
		Note("notify: %v", err)
	}
	ph.Close()
	if err := ph.Notify(); !errors.Is(err, lowlevel.ErrClosed) {
		Note("notify after close: %v", err)
	}
}
