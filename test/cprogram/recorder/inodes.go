package recorder

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// Inodes returns Ops that record, with all members but those that without names.
func Inodes(without ...string) *lowlevel.Ops {
	ops := &lowlevel.Ops{}
	v := reflect.ValueOf(ops).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if slices.Contains(without, name) {
			continue
		}
		typ := v.Field(i).Type()
		v.Field(i).Set(reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value { return byInode(name, typ, args) }))
	}
	return ops
}

// byInode is a handler.
func byInode(name string, typ reflect.Type, args []reflect.Value) []reflect.Value {
	var out []reflect.Value
	for i := range typ.NumOut() {
		out = append(out, reflect.Zero(typ.Out(i)))
	}
	if len(args) == 0 || args[0].Type() != reflect.TypeFor[*lowlevel.Request]() { // Init, Destroy
		Note("%s", name)
		if len(args) > 0 {
			initConn(args[0].Interface().(*lowlevel.ConnInfo))
		}
		return out
	}
	req := args[0].Interface().(*lowlevel.Request)
	how := howOf(args)
	Note("%s(%d %d %d %#o, %s)", name, req.UID, req.GID, req.PID, req.Umask, text(shown(name, args[1:])))
	if len(out) == 0 {
		_ = fail(how)
		return out
	}
	err := fail(how)
	if how == Wait {
		err = wait(req.Context())
	}
	if err != nil {
		out[len(out)-1] = reflect.ValueOf(&err).Elem()
		return out
	}
	results(name, args, out)
	if how == Late {
		go answer(name, req.Detach(), slices.Clone(out))
	}
	return out
}

func wait(ctx context.Context) error {
	Note("waits")
	<-ctx.Done()
	Note("%v: %v", ctx.Err(), context.Cause(ctx))
	return ctx.Err()
}

// initConn has the filesystem ask for something.
func initConn(conn *lowlevel.ConnInfo) {
	_ = conn.Enable(lowlevel.CapWritebackCache) // errors: the answer to INIT tells
	_ = conn.SetMaxReadahead(0x8000)
	_ = conn.SetTimeGran(1000)
}

// howOf is what the first inode among the arguments asks for.
func howOf(args []reflect.Value) uint64 {
	for _, a := range args {
		if ino, ok := a.Interface().(lowlevel.Ino); ok && uint64(ino) >= Err && uint64(ino) <= Wait {
			return uint64(ino)
		}
	}
	return 0
}

// shown leaves out what was only lent.
func shown(name string, args []reflect.Value) []reflect.Value {
	switch name {
	case "Read", "Listxattr":
		return lent(args, 1)
	case "Getxattr":
		return lent(args, 2)
	case "Ioctl":
		return lent(args, len(args)-1)
	}
	return args
}

// open puts what can be into a FileInfo.
func open(fi *lowlevel.FileInfo) {
	fi.Fh = 0x778899aabbcc
	fi.DirectIO, fi.KeepCache, fi.Nonseekable, fi.CacheReaddir, fi.Noflush = true, true, true, true, true
}

// results sets the results, and what arguments point to.
func results(name string, args, out []reflect.Value) {
	for i := range out {
		switch out[i].Type() {
		case reflect.TypeFor[lowlevel.EntryParam]():
			out[i] = reflect.ValueOf(Entry)
		case reflect.TypeFor[lowlevel.Stat]():
			out[i] = reflect.ValueOf(Attr)
		case reflect.TypeOf(timeout):
			out[i] = reflect.ValueOf(timeout)
		case reflect.TypeFor[lowlevel.Statfs]():
			out[i] = reflect.ValueOf(Statfs)
		case reflect.TypeFor[string]():
			out[i] = reflect.ValueOf(target)
		}
	}
	arg := func(i int) any { return args[i].Interface() }
	number := func(n any) { out[0] = reflect.ValueOf(n).Convert(out[0].Type()) }
	fail := func(err error) { out[len(out)-1] = reflect.ValueOf(&err).Elem() }
	switch name {
	case "Open", "Opendir":
		open(arg(2).(*lowlevel.FileInfo))
	case "Create":
		open(arg(4).(*lowlevel.FileInfo))
	case "Tmpfile":
		open(arg(3).(*lowlevel.FileInfo))
	case "Read":
		number(fill(arg(2).([]byte)))
	case "ReadBuf":
		p := make([]byte, arg(2).(int))
		out[0] = reflect.ValueOf(lowlevel.BufMem(p[:fill(p)]))
	case "Write":
		number(len(arg(2).([]byte)) - 1)
	case "WriteBuf":
		number(arg(2).(lowlevel.BufVec).Size() - 1)
	case "Readdir":
		list(arg(2).(*lowlevel.DirBuf), arg(3).(int64))
	case "Readdirplus":
		listPlus(arg(2).(*lowlevel.DirPlusBuf), arg(3).(int64))
	case "Getxattr":
		n, err := lowlevel.XattrValue(arg(3).([]byte), []byte("value of "+arg(2).(string)))
		number(n)
		if err != nil {
			fail(err)
		}
	case "Listxattr":
		number(copy(arg(2).([]byte), "user.a\x00user.b\x00"))
		if args[2].Len() == 0 {
			number(14)
		} else if args[2].Len() < 14 {
			number(14) // which is too much
		}
	case "Getlk":
		*arg(3).(*lowlevel.FileLock) = lowlevel.FileLock{Type: unix.F_RDLCK, Whence: unix.SEEK_SET, Start: 100, Len: 1000, PID: 4321}
	case "Bmap":
		number(arg(3).(uint64) + 0x100000000)
	case "Ioctl":
		out[0] = reflect.ValueOf(ioctl(arg(2).(uint32), arg(7).([]byte)))
	case "Poll":
		number(unix.POLLIN | unix.POLLPRI)
		poll(args)
	case "CopyFileRange":
		number(arg(7).(uint64) - 1)
	case "Lseek":
		number(arg(2).(int64) + 0x100000000)
	case "Statx":
		out[0] = reflect.ValueOf(unix.Statx_t{Mask: unix.STATX_BASIC_STATS, Blksize: 512, Nlink: 2, Uid: 3, Gid: 4, Mode: unix.S_IFREG | 0o640, Ino: 5, Size: 6, Blocks: 7})
	}
}

// list fills a listing of ten entries, from off on.
func list(dst *lowlevel.DirBuf, off int64) {
	for i := off; i < 10; i++ {
		st := Attr
		st.Ino = uint64(1000 + i)
		if !dst.Add(fmt.Sprintf("entry %d", i), &st, i+1) {
			return
		}
	}
}

func listPlus(dst *lowlevel.DirPlusBuf, off int64) {
	for i := off; i < 10; i++ {
		e := Entry
		e.Ino += lowlevel.Ino(i)
		if !dst.Add(fmt.Sprintf("entry %d", i), &e, i+1) {
			return
		}
	}
}

// Commands of ioctl.
const (
	IoctlOut uint32 = iota + 1
	IoctlIov
)

func ioctl(cmd uint32, out []byte) lowlevel.IoctlReply {
	switch cmd {
	case IoctlOut:
		return lowlevel.IoctlReply{Result: -7, N: fill(out)}
	case IoctlIov:
		return lowlevel.IoctlReply{Result: 8, Iov: [][]byte{[]byte("in "), []byte("pieces")}}
	}
	return lowlevel.IoctlReply{Result: 9}
}

// poll notifies at once.
func poll(args []reflect.Value) {
	ph := args[3].Interface().(*lowlevel.PollHandle)
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

// answer sends as a Reply what the handler would return.
func answer(name string, reply *lowlevel.Reply, out []reflect.Value) {
	err := send(name, reply, out)
	if err != nil {
		Note("reply to %s: %v", name, err)
	}
	if err := reply.Err(nil); !errors.Is(err, lowlevel.ErrReplied) {
		Note("second reply to %s: %v", name, err)
	}
}

func send(name string, reply *lowlevel.Reply, out []reflect.Value) error {
	switch name {
	case "Lookup", "Mknod", "Mkdir", "Symlink", "Link":
		return reply.Entry(&Entry)
	case "Create", "Tmpfile":
		fi := lowlevel.FileInfo{}
		open(&fi)
		return reply.Create(&Entry, &fi)
	case "Getattr", "Setattr":
		return reply.Attr(&Attr, timeout)
	case "Readlink":
		return reply.Readlink(target)
	case "Open", "Opendir":
		fi := lowlevel.FileInfo{}
		open(&fi)
		return reply.Open(&fi)
	case "Write", "WriteBuf":
		return reply.Write(uint64(out[0].Int()))
	case "CopyFileRange":
		return reply.Write(out[0].Uint())
	case "ReadBuf":
		return reply.Data(out[0].Interface().(lowlevel.BufVec), 0)
	case "Statfs":
		return reply.Statfs(&Statfs)
	case "Getlk":
		return reply.Lock(&lowlevel.FileLock{Type: unix.F_RDLCK, Whence: unix.SEEK_SET, Start: 100, Len: 1000, PID: 4321})
	case "Bmap":
		return reply.Bmap(out[0].Uint())
	case "Ioctl":
		return reply.Ioctl(9, nil)
	case "Poll":
		return reply.Poll(uint32(out[0].Uint()))
	case "Lseek":
		return reply.Lseek(out[0].Int())
	case "Read", "Readdir", "Readdirplus":
		return reply.Iov([][]byte{[]byte("late "), []byte("data")})
	case "Getxattr", "Listxattr":
		return reply.Xattr(77)
	case "Statx":
		stx := out[0].Interface().(unix.Statx_t)
		return reply.Statx(&stx, timeout)
	}
	return reply.Err(nil)
}

// Answer sends as a Reply what the handler of that name would return, where that depends on no argument.
func Answer(name string, reply *lowlevel.Reply) error {
	return send(name, reply, nil)
}
