package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/cprogram/recorder"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if os.Getenv(recorder.AllInGo) == "all" {
		os.Exit(highlevel.Main(&highlevel.Program{Ops: recorder.Paths()}))
	}
	cprogram.Main(m)
}

func program(t *testing.T) string {
	t.Helper()
	return cprogram.Build(t, ".", "hltest").Program(t, cprogram.Static, "c/main.c")
}

const destroyed = "Destroy(private data)"

// servers are the same filesystem, in a C program and in one of Go.
func servers(t *testing.T) []*recorder.Server {
	t.Helper()
	return []*recorder.Server{
		recorder.InC(program(t), "all", "", destroyed),
		recorder.InGo(t, "all", destroyed),
	}
}

func start(t *testing.T, s *recorder.Server, args ...string) *recorder.Recorded {
	t.Helper()
	return s.Start(t, "Init(1s 1s 0s)", args...)
}

// lookup looks up a name in the root directory, and returns its node.
func lookup(t *testing.T, p *recorder.Recorded, name string) uint64 {
	t.Helper()
	r := p.MustCall(t, fusetest.Lookup(1, name))
	e, err := r.Entry()
	if err != nil {
		t.Fatal(err)
	}
	p.Next()
	return e.NodeID
}

const fh = 0x778899aabbcc

type asked struct {
	req   *fusetest.Request
	since int
}

// requests returns one or more of each kind.
func requests(file, dir uint64) []asked {
	lk := fusetest.LkIn{Fh: fh, Owner: 0x4455667788, Lk: fusetest.FileLock{Start: 10, End: 29, Type: unix.F_WRLCK, PID: 55}}
	unlock := lk // libfuse would leak a lock that is left at the end
	unlock.Lk.Type = unix.F_UNLCK
	flock := lk
	flock.LkFlags = fusetest.LkFlock
	set := func(in fusetest.SetattrIn) *fusetest.Request { return fusetest.Setattr(file, in) }
	list := []asked{
		{req: fusetest.Getattr(file, fusetest.GetattrIn{})},
		{req: fusetest.Getattr(file, fusetest.GetattrIn{Flags: fusetest.GetattrFh, Fh: fh})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrMode, Mode: 0o600})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrUID, UID: 77})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrUID | fusetest.FattrGID, UID: 77, GID: 88})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrSize | fusetest.FattrFh, Fh: fh, Size: 0x9876543210})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrSize, Size: 5})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrAtime | fusetest.FattrMtime, Atime: 1 << 33, AtimeNsec: 1, Mtime: math.MaxUint64, MtimeNsec: 2})},
		{req: set(fusetest.SetattrIn{Valid: fusetest.FattrAtime | fusetest.FattrAtimeNow})},
		{req: fusetest.Readlink(file)},
		{req: fusetest.Mknod(dir, fusetest.MknodIn{Mode: unix.S_IFBLK | 0o640, Rdev: 0x0801, Umask: 0o27}, "node")},
		{req: fusetest.Mkdir(dir, fusetest.MkdirIn{Mode: 0o751, Umask: 0o77}, "dir new")},
		{req: fusetest.Symlink(dir, "link", "../to/there")},
		{req: fusetest.Link(dir, file, "hard")},
		{req: fusetest.Rename(dir, dir, "node", "newer")},
		{req: fusetest.Rename2(dir, fusetest.Rename2In{Newdir: 1, Flags: unix.RENAME_NOREPLACE}, "link", "newest")},
		{req: fusetest.Unlink(dir, "newer")},
		{req: fusetest.Rmdir(dir, "dir new")},
		{req: fusetest.Open(file, fusetest.OpenIn{Flags: unix.O_RDWR})},
		{req: fusetest.Read(file, fusetest.ReadIn{Fh: fh, Offset: 0x12345678, Size: 100, Flags: unix.O_RDWR})},
		{req: fusetest.Write(file, fusetest.WriteIn{Fh: fh, Offset: 0x23456789, Flags: unix.O_WRONLY}, []byte("some data"))},
		{req: fusetest.Flush(file, fusetest.FlushIn{Fh: fh, LockOwner: 0x778899})},
		{req: fusetest.Fsync(file, fusetest.FsyncIn{Fh: fh, FsyncFlags: fusetest.FsyncFdatasync})},
		{req: fusetest.Getlk(file, lk)},
		{req: fusetest.Setlk(file, lk)},
		{req: fusetest.Setlkw(file, lk)},
		{req: fusetest.Setlk(file, unlock)},
		{req: fusetest.Setlk(file, flock)},
		{req: fusetest.Bmap(file, fusetest.BmapIn{Block: 0x11111111, Blocksize: 512})},
		{req: fusetest.Ioctl(file, fusetest.IoctlIn{Fh: fh, Cmd: 0x1234, Arg: 0x99aabbcc}, nil)},
		{req: fusetest.Ioctl(file, fusetest.IoctlIn{Fh: fh, Cmd: iowr(10, 7), Arg: 1, OutSize: 10}, []byte("10 bytes..")[:10])},
		{req: fusetest.Ioctl(file, fusetest.IoctlIn{Fh: fh, Cmd: iow(10, 8), Arg: 1}, []byte("10 bytes.."))},
		{req: fusetest.Poll(file, fusetest.PollIn{Fh: fh, Kh: 77, Events: unix.POLLIN})},
		{req: fusetest.Fallocate(file, fusetest.FallocateIn{Fh: fh, Offset: 0x1111111111, Length: 0x2222222222, Mode: unix.FALLOC_FL_KEEP_SIZE})},
		{req: fusetest.CopyFileRange(file, fusetest.CopyFileRangeIn{FhIn: fh, OffIn: 0x3333333333, NodeIDOut: file, FhOut: fh, OffOut: 0x44444444, Len: 0x5555})},
		{req: fusetest.Lseek(file, fusetest.LseekIn{Fh: fh, Offset: 0x6666666666, Whence: unix.SEEK_HOLE})},
		{req: fusetest.Release(file, fusetest.ReleaseIn{Fh: fh, Flags: unix.O_RDWR, ReleaseFlags: fusetest.ReleaseFlockUnlock, LockOwner: 0x8899})},
		{req: fusetest.Statfs(file)},
		{req: fusetest.Setxattr(file, fusetest.SetxattrIn{Flags: unix.XATTR_REPLACE}, "user.a/b", []byte("v\x00l"))},
		{req: fusetest.Setxattr(file, fusetest.SetxattrIn{}, "user.empty", nil)},
		{req: fusetest.Getxattr(file, fusetest.GetxattrIn{Size: 100}, "user.a")},
		{req: fusetest.Getxattr(file, fusetest.GetxattrIn{}, "user.a")},
		{req: fusetest.Getxattr(file, fusetest.GetxattrIn{Size: 3}, "user.a")},
		{req: fusetest.Listxattr(file, fusetest.GetxattrIn{Size: 100})},
		{req: fusetest.Listxattr(file, fusetest.GetxattrIn{})},
		{req: fusetest.Listxattr(file, fusetest.GetxattrIn{Size: 3})},
		{req: fusetest.Removexattr(file, "user.a")},
		{req: fusetest.Access(file, 6)},
		{req: fusetest.Create(dir, fusetest.CreateIn{Flags: unix.O_RDWR | unix.O_EXCL, Mode: unix.S_IFREG | 0o644, Umask: 0o22}, "new")},
		{req: fusetest.Statx(file, fusetest.StatxIn{}), since: 318},
		{req: fusetest.Syncfs(file), since: 319},
	}
	here := list[:0]
	for _, a := range list {
		if a.since <= lowlevel.HeaderVersion() {
			a.req.As(1000, 2000, 3000)
			here = append(here, a)
		}
	}
	return here
}

// iow and iowr are numbers of ioctls, as C's macros make them.
func iow(size, n uint32) uint32  { return 1<<30 | size<<16 | n }
func iowr(size, n uint32) uint32 { return 3<<30 | size<<16 | n }

// transcript asks everything.
func transcript(t *testing.T, p *recorder.Recorded) string {
	t.Helper()
	file, dir := lookup(t, p, "file"), lookup(t, p, "dir")
	var lines strings.Builder
	for _, a := range requests(file, dir) {
		fmt.Fprintf(&lines, "%v: %s\n", a.req.Opcode, ask(t, p, a.req))
	}
	return lines.String()
}

// ask sends a request, and returns all the operations that came of it, and the reply.
func ask(t *testing.T, p *recorder.Recorded, r *fusetest.Request) string {
	t.Helper()
	reply := p.MustCall(t, r)
	text := recorder.Text(withoutNode(reply))
	return strings.Join(append(p.Lines(), text), " -> ")
}

// withoutNode leaves out the node ID and the generation of an entry, which are the library's to choose.
func withoutNode(r fusetest.Reply) fusetest.Reply {
	if _, err := r.Entry(); err == nil && len(r.Body) == 128 || r.Op == fusetest.OpCreate && r.Errno == 0 {
		binary.NativeEndian.PutUint64(r.Body, 0)
		binary.NativeEndian.PutUint64(r.Body[8:], 0)
	}
	return r
}

// differ are the requests that C's library and ours make other operations of: see docs/highlevel.md. A directory that is removed has its attributes looked at here first.
var differ = []fusetest.Opcode{fusetest.OpRmdir}

func without(transcript string, ops ...fusetest.Opcode) string {
	lines := slices.DeleteFunc(strings.SplitAfter(transcript, "\n"), func(line string) bool {
		return slices.ContainsFunc(ops, func(op fusetest.Opcode) bool { return strings.HasPrefix(line, op.String()+":") })
	})
	return strings.Join(lines, "")
}

// TestOperations_EveryMember: all arguments and all answers are those of a program in Go; and those of a file, for people to read.
func TestOperations_EveryMember(t *testing.T) {
	transcripts := map[string]string{}
	for how, s := range map[string]*recorder.Server{
		"all":   recorder.InC(program(t), "all", "", destroyed),
		"plain": recorder.InC(program(t), "all", "plain", destroyed), // without read_buf and write_buf, of which Go makes less use
		"Go":    recorder.InGo(t, "all", destroyed),
	} {
		p := start(t, s, "-s")
		transcripts[how] = transcript(t, p)
		s.End(t, p)
	}
	recorder.Compare(t, "in a C program, against Go alone", without(transcripts["plain"], differ...), without(transcripts["Go"], differ...))
	buffers := append(differ, fusetest.OpRead, fusetest.OpWrite)
	recorder.Compare(t, "with all members, against Go alone", without(transcripts["all"], buffers...), without(transcripts["Go"], buffers...))
	recorder.Golden(t, "testdata/all.txt", transcripts["all"])
}

// TestOperations_StandIn: Go has one of two members for the same, C's table has both, or the other.
func TestOperations_StandIn(t *testing.T) {
	for _, tt := range []struct{ filesystem, how, read, write string }{
		{"all", "", "ReadBuf(", "WriteBuf("},
		{"all", "plain", "Read(", "Write("},
		{"plain", "", "Read(", "Write("},
		{"plain", "plain", "Read(", "Write("},
		{"buffers", "", "ReadBuf(", "WriteBuf("},
		{"buffers", "plain", "ReadBuf(", "WriteBuf("},
	} {
		s := recorder.InC(program(t), tt.filesystem, tt.how, destroyed)
		p := start(t, s, "-s")
		file := lookup(t, p, "file")
		for _, a := range []struct {
			req        *fusetest.Request
			name, want string
		}{
			{fusetest.Read(file, fusetest.ReadIn{Fh: fh, Size: 5}), tt.read, " -> 616263"},
			{fusetest.Write(file, fusetest.WriteIn{Fh: fh}, []byte("data")), tt.write, " -> 0300000000000000"},
		} {
			if got := ask(t, p, a.req); !strings.HasPrefix(got, a.name) || !strings.HasSuffix(got, a.want) {
				t.Errorf("%+v: got %s, want %s...%s", tt, got, a.name, a.want)
			}
		}
		s.End(t, p)
	}
}

// listed are the names of a listing, in as many requests as it takes.
func listed(t *testing.T, p *recorder.Recorded, dir, fh uint64, size uint32, plus bool) (names []string) {
	t.Helper()
	for off := uint64(0); ; {
		in := fusetest.ReadIn{Fh: fh, Offset: off, Size: size}
		var err error
		var entries []fusetest.Dirent
		if plus {
			var all []fusetest.DirentPlus
			all, err = p.MustCall(t, fusetest.Readdirplus(dir, in)).DirentsPlus()
			for _, e := range all {
				entries = append(entries, e.Dirent)
			}
		} else {
			entries, err = p.MustCall(t, fusetest.Readdir(dir, in)).Dirents()
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return names
		}
		for _, e := range entries {
			names = append(names, fmt.Sprintf("%s:%d:%o", e.Name, e.Ino, e.Type))
			off = e.Off
		}
	}
}

// TestReaddir_BothModes: with offsets and without, in one request and in many, with attributes and without.
func TestReaddir_BothModes(t *testing.T) {
	var both []string
	for _, s := range servers(t) {
		p := start(t, s, "-s")
		var lines []string
		for _, name := range []string{"dir", "dir all"} {
			dir := lookup(t, p, name)
			for _, size := range []uint32{4096, 200, 400} {
				for _, plus := range []bool{false, true} {
					open, err := p.MustCall(t, fusetest.Opendir(dir, fusetest.OpenIn{})).Open()
					if err != nil {
						t.Fatal(err)
					}
					lines = append(lines, fmt.Sprintf("%s %d %v: %v", name, size, plus, listed(t, p, dir, open.Fh, size, plus)))
					p.MustCall(t, fusetest.Releasedir(dir, fusetest.ReleaseIn{Fh: open.Fh}))
				}
			}
		}
		p.Lines()
		both = append(both, strings.Join(lines, "\n"))
		s.End(t, p)
	}
	recorder.Compare(t, "in a C program, against Go alone", both[0], both[1])
	if !strings.Contains(both[0], "dir all 4096 false: [.:") || !strings.Contains(both[0], "dir 200 true: [entry 0:") {
		t.Errorf("got\n%s", both[0])
	}
}

// TestOperations_Fail: an error is its errno, one without is EIO, and so is a panic, which the process survives.
func TestOperations_Fail(t *testing.T) {
	p := start(t, servers(t)[0], "-s")
	for how, want := range map[uint64]string{recorder.Err: "error 18", recorder.Plain: "error 5", recorder.Panic: "error 5"} {
		for _, r := range []*fusetest.Request{
			fusetest.Lookup(1, recorder.Name(how)), fusetest.Unlink(1, recorder.Name(how)),
			fusetest.Mkdir(1, fusetest.MkdirIn{}, recorder.Name(how)), fusetest.Create(1, fusetest.CreateIn{}, recorder.Name(how)),
		} {
			if got := ask(t, p, r); !strings.HasSuffix(got, " -> "+want) {
				t.Errorf("%#x: %v: got %s, want %s", how, r.Opcode, got, want)
			}
		}
	}
	if err := p.Unmount(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(p.Output(), "answered EIO cause=\"not an errno\""); n != 1 {
		t.Errorf("got %d warnings of an error without errno, want 1:\n%s", n, p.Output())
	}
	if !strings.Contains(p.Output(), "operation panicked; answered EIO") {
		t.Errorf("no word of a panic:\n%s", p.Output())
	}
}

// TestOperations_Missing: what Go does not have, answers ENOSYS.
func TestOperations_Missing(t *testing.T) {
	p := recorder.Start(t, fusetest.DefaultInit(), []string{"FILESYSTEM=none"}, program(t), "-s")
	all := requests(1, 1)
	all = append(all, asked{req: fusetest.Poll(1, fusetest.PollIn{Fh: fh, Kh: 77, Flags: fusetest.PollScheduleNotify})})
	for _, a := range all {
		const want = "error 38"
		if a.req.Opcode == fusetest.OpRelease { // C's library aborts, where nothing is open
			continue
		}
		if got := recorder.Text(p.MustCall(t, a.req)); got != want {
			t.Errorf("%v: got %s, want %s", a.req.Opcode, got, want)
		}
	}
	if err := p.Unmount(); err != nil {
		t.Error(err)
	}
	recorder.CheckEnd(t, "none", p)
}

// TestOpen_Fails: where Go cannot open the filesystem, each operation is EIO, and the reason is printed, once.
func TestOpen_Fails(t *testing.T) {
	for _, tt := range []struct{ filesystem, how, want string }{
		{"fails", "", "not today"},
		{"panics", "", "not today"},
		{"unheard of", "", "no such filesystem among all, buffers, fails, none, panics, plain"},
		{"", "", "several filesystems, gf_hl_bind must say which: all, buffers, fails, none, panics, plain"},
		{"all", "unbound", "several filesystems"},
	} {
		p := recorder.Start(t, fusetest.DefaultInit(), []string{"FILESYSTEM=" + tt.filesystem, "HOW=" + tt.how}, program(t), "-s")
		for _, r := range []*fusetest.Request{fusetest.Lookup(1, "x"), fusetest.Statfs(1), fusetest.Mkdir(1, fusetest.MkdirIn{}, "x")} {
			if got := recorder.Text(p.MustCall(t, r)); got != "error 5" {
				t.Errorf("%+v: %v: got %s, want error 5 (EIO)", tt, r.Opcode, got)
			}
		}
		if err := p.Unmount(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(p.Output(), "cannot open the filesystem"); n != 1 || !strings.Contains(p.Output(), tt.want) {
			t.Errorf("%+v: want this once, got\n%s", tt, p.Output())
		}
	}
}

// TestInterrupted_Tells: by Interrupted, as in C, where libfuse does not refuse interrupts.
func TestInterrupted_Tells(t *testing.T) {
	s := servers(t)[0]
	p := start(t, s)
	if lowlevel.HeaderVersion() >= 317 {
		r := fusetest.Interrupt(1)
		if err := p.Send(r); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Reply(r.Unique); err != nil || got.Err() != unix.ENOSYS {
			t.Errorf("got %v, %v, want ENOSYS", got, err)
		}
		s.End(t, p)
		return
	}
	file := lookup(t, p, recorder.Name(recorder.Wait))
	r := fusetest.Readlink(file)
	if err := p.Send(r); err != nil {
		t.Fatal(err)
	}
	p.Next()
	if got := p.Next(); got != "waits" {
		t.Fatalf("got %q", got)
	}
	if err := p.Send(fusetest.Interrupt(r.Unique)); err != nil {
		t.Fatal(err)
	}
	reply, err := p.Reply(r.Unique)
	if got := recorder.Text(reply); err != nil || got != "error 4" {
		t.Errorf("got %s, %v, want error 4 (EINTR)", got, err)
	}
	if got := p.Next(); got != "interrupted" {
		t.Errorf("got %q", got)
	}
	s.End(t, p)
}

// TestPoll_Handle: the handle wakes whoever polls, and is freed.
func TestPoll_Handle(t *testing.T) {
	for _, s := range servers(t) {
		p := start(t, s, "-s")
		file := lookup(t, p, "file")
		got := ask(t, p, fusetest.Poll(file, fusetest.PollIn{Fh: fh, Kh: 0xabcdef, Flags: fusetest.PollScheduleNotify, Events: 1}).As(0, 0, 0))
		if want := `Poll(0 0 0 0, "/file", fi{Fh:131428577360844 PollEvents:1}, handle) -> 0300000000000000`; got != want {
			t.Errorf("%s: got %s\nwant %s", s.Name, got, want)
		}
		n, err := p.Notification(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := n.Poll(); err != nil || out.Kh != 0xabcdef {
			t.Errorf("%s: got %v, %v", s.Name, n, err)
		}
		s.End(t, p)
	}
}

// TestInit_Negotiates: what Init asks for, the kernel and C's library are told.
func TestInit_Negotiates(t *testing.T) {
	for _, s := range servers(t) {
		p := start(t, s, "-s")
		if p.Init.MaxReadahead != 0x8000 {
			t.Errorf("%s: got %+v", s.Name, p.Init)
		}
		e, err := p.MustCall(t, fusetest.Lookup(1, "file")).Entry()
		if err != nil || e.EntryValid != 2 || e.EntryValidNsec != 500000000 || e.AttrValid != 1 || e.AttrValidNsec != 250000000 || e.Attr.Ino != recorder.Attr.Ino {
			t.Errorf("%s: got %+v, %v", s.Name, e, err)
		}
		none, err := p.MustCall(t, fusetest.Lookup(1, "none")).Entry()
		if err != nil || none.NodeID != 0 || none.EntryValidNsec != 500000000 {
			t.Errorf("%s: got %+v, %v", s.Name, none, err)
		}
		p.Lines()
		s.End(t, p)
	}
}
