package fusetest

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// The sizes and offsets that a C compiler finds in linux/fuse.h.
func TestStructs_LayoutAsInC(t *testing.T) {
	tests := []struct {
		v       any
		size    int
		field   string
		offset  int
		field2  string
		offset2 int
	}{
		{v: InHeader{}, size: 40, field: "Unique", offset: 8, field2: "TotalExtlen", offset2: 36},
		{v: OutHeader{}, size: 16, field: "Unique", offset: 8},
		{v: GetattrIn{}, size: 16, field: "Fh", offset: 8},
		{v: SetattrIn{}, size: 88, field: "Mode", offset: 68, field2: "UID", offset2: 76},
		{v: MknodIn{}, size: 16, field: "Umask", offset: 8},
		{v: MkdirIn{}, size: 8, field: "Umask", offset: 4},
		{v: Rename2In{}, size: 16, field: "Flags", offset: 8},
		{v: OpenIn{}, size: 8, field: "OpenFlags", offset: 4},
		{v: CreateIn{}, size: 16, field: "Umask", offset: 8},
		{v: ReadIn{}, size: 40, field: "LockOwner", offset: 24},
		{v: WriteIn{}, size: 40, field: "WriteFlags", offset: 20},
		{v: ReleaseIn{}, size: 24, field: "LockOwner", offset: 16},
		{v: FsyncIn{}, size: 16, field: "FsyncFlags", offset: 8},
		{v: SetxattrIn{}, size: 16, field: "SetxattrFlags", offset: 8},
		{v: GetxattrIn{}, size: 8, field: "Padding", offset: 4},
		{v: FlushIn{}, size: 24, field: "LockOwner", offset: 16},
		{v: LkIn{}, size: 48, field: "Lk", offset: 16, field2: "LkFlags", offset2: 40},
		{v: AccessIn{}, size: 8, field: "Padding", offset: 4},
		{v: BmapIn{}, size: 16, field: "Blocksize", offset: 8},
		{v: IoctlIn{}, size: 32, field: "Cmd", offset: 12, field2: "InSize", offset2: 24},
		{v: PollIn{}, size: 24, field: "Kh", offset: 8, field2: "Events", offset2: 20},
		{v: NotifyRetrieveIn{}, size: 40, field: "Size", offset: 16},
		{v: ForgetOne{}, size: 16, field: "Nlookup", offset: 8},
		{v: BatchForgetIn{}, size: 8, field: "Dummy", offset: 4},
		{v: FallocateIn{}, size: 32, field: "Mode", offset: 24},
		{v: LseekIn{}, size: 24, field: "Whence", offset: 16},
		{v: CopyFileRangeIn{}, size: 56, field: "FhOut", offset: 24},
		{v: StatxIn{}, size: 24, field: "SxFlags", offset: 16},
		{v: Attr{}, size: 88, field: "Mode", offset: 60, field2: "Rdev", offset2: 76},
		{v: EntryOut{}, size: 128, field: "Attr", offset: 40},
		{v: AttrOut{}, size: 104, field: "Attr", offset: 16},
		{v: OpenOut{}, size: 16, field: "BackingID", offset: 12},
		{v: WriteOut{}, size: 8, field: "Padding", offset: 4},
		{v: CopyFileRangeOut{}, size: 8},
		{v: StatfsOut{}, size: 80, field: "Bsize", offset: 40, field2: "Frsize", offset2: 48},
		{v: GetxattrOut{}, size: 8},
		{v: LkOut{}, size: 24},
		{v: BmapOut{}, size: 8},
		{v: IoctlOut{}, size: 16, field: "OutIovs", offset: 12},
		{v: IoctlIovec{}, size: 16, field: "Len", offset: 8},
		{v: PollOut{}, size: 8},
		{v: LseekOut{}, size: 8},
		{v: InitOut{}, size: 64, field: "MaxPages", offset: 28, field2: "Flags2", offset2: 32},
		{v: StatxAttr{}, size: 256, field: "Ino", offset: 32, field2: "RdevMajor", offset2: 128},
		{v: StatxOut{}, size: 288, field: "Stat", offset: 32},
		{v: direntHead{}, size: 24, field: "Namelen", offset: 16},
		{v: PollWakeupOut{}, size: 8},
		{v: InvalInodeOut{}, size: 24},
		{v: InvalEntryOut{}, size: 16, field: "Flags", offset: 12},
		{v: DeleteOut{}, size: 24, field: "Namelen", offset: 16},
		{v: StoreOut{}, size: 24, field: "Size", offset: 16},
		{v: RetrieveOut{}, size: 32, field: "Size", offset: 24},
		{v: PruneOut{}, size: 16, field: "Spare", offset: 8},
	}
	for _, tt := range tests {
		typ := reflect.TypeOf(tt.v)
		if got := binary.Size(tt.v); got != tt.size {
			t.Errorf("%v: size: got %d, want %d", typ, got, tt.size)
		}
		for name, want := range map[string]int{tt.field: tt.offset, tt.field2: tt.offset2} {
			if name == "" {
				continue
			}
			if got := offsetOf(t, typ, name); got != want {
				t.Errorf("%v.%s: offset: got %d, want %d", typ, name, got, want)
			}
		}
	}
}

func offsetOf(t *testing.T, typ reflect.Type, field string) int {
	t.Helper()
	off := 0
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Name == field {
			return off
		}
		off += binary.Size(reflect.Zero(f.Type).Interface())
	}
	t.Fatalf("%v has no field %s", typ, field)
	return 0
}

// u64 and u32 put numbers together as C does.
func u64(ns ...uint64) (b []byte) {
	for _, n := range ns {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return b
}

func u32(ns ...uint32) (b []byte) {
	for _, n := range ns {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	return b
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestRequest_HeaderBytes(t *testing.T) {
	r := Lookup(7, "abc").As(1000, 1001, 1002).WithUnique(0x0102030405060708)
	want := cat(u32(44, 1), u64(0x0102030405060708, 7), u32(1000, 1001, 1002, 0), []byte("abc\x00"))
	if got := r.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestRequests_Bodies(t *testing.T) {
	const ino = 5
	tests := []struct {
		req    *Request
		op     Opcode
		nodeID uint64
		body   []byte
	}{
		{Lookup(ino, "n"), 1, ino, []byte("n\x00")},
		{Forget(ino, 9), 2, ino, u64(9)},
		{BatchForget(ForgetOne{3, 4}, ForgetOne{5, 6}), 42, 0, cat(u32(2, 0), u64(3, 4, 5, 6))},
		{Getattr(ino, GetattrIn{GetattrFh, 0, 8}), 3, ino, cat(u32(1, 0), u64(8))},
		{
			Setattr(ino, SetattrIn{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}), 4, ino,
			cat(u32(1, 2), u64(3, 4, 5, 6, 7, 8), u32(9, 10, 11, 12, 13, 14, 15, 16)),
		},
		{Readlink(ino), 5, ino, nil},
		{Symlink(ino, "n", "to/there"), 6, ino, []byte("n\x00to/there\x00")},
		{Mknod(ino, MknodIn{1, 2, 3, 0}, "n"), 8, ino, cat(u32(1, 2, 3, 0), []byte("n\x00"))},
		{Mkdir(ino, MkdirIn{1, 2}, "n"), 9, ino, cat(u32(1, 2), []byte("n\x00"))},
		{Unlink(ino, "n"), 10, ino, []byte("n\x00")},
		{Rmdir(ino, "n"), 11, ino, []byte("n\x00")},
		{Rename(ino, 6, "a", "b"), 12, ino, cat(u64(6), []byte("a\x00b\x00"))},
		{Rename2(ino, Rename2In{6, 1, 0}, "a", "b"), 45, ino, cat(u64(6), u32(1, 0), []byte("a\x00b\x00"))},
		{Link(ino, 8, "n"), 13, ino, cat(u64(8), []byte("n\x00"))},
		{Open(ino, OpenIn{2, 1}), 14, ino, u32(2, 1)},
		{Read(ino, ReadIn{1, 2, 3, 4, 5, 6, 7}), 15, ino, cat(u64(1, 2), u32(3, 4), u64(5), u32(6, 7))},
		{
			Write(ino, WriteIn{Fh: 1, Offset: 2, WriteFlags: 4, LockOwner: 5, Flags: 6}, []byte("data")), 16, ino,
			cat(u64(1, 2), u32(4, 4), u64(5), u32(6, 0), []byte("data")),
		},
		{Statfs(ino), 17, ino, nil},
		{Release(ino, ReleaseIn{1, 2, 3, 4}), 18, ino, cat(u64(1), u32(2, 3), u64(4))},
		{Fsync(ino, FsyncIn{1, 1, 0}), 20, ino, cat(u64(1), u32(1, 0))},
		{Setxattr(ino, SetxattrIn{Flags: 2, SetxattrFlags: 9}, "n", []byte("val")), 21, ino, cat(u32(3, 2), []byte("n\x00val"))},
		{SetxattrExt(ino, SetxattrIn{0, 2, 1, 0}, "n", []byte("val")), 21, ino, cat(u32(3, 2, 1, 0), []byte("n\x00val"))},
		{Getxattr(ino, GetxattrIn{10, 0}, "n"), 22, ino, cat(u32(10, 0), []byte("n\x00"))},
		{Listxattr(ino, GetxattrIn{10, 0}), 23, ino, u32(10, 0)},
		{Removexattr(ino, "n"), 24, ino, []byte("n\x00")},
		{Flush(ino, FlushIn{1, 0, 0, 2}), 25, ino, cat(u64(1), u32(0, 0), u64(2))},
		{Opendir(ino, OpenIn{1, 0}), 27, ino, u32(1, 0)},
		{Readdir(ino, ReadIn{Size: 1}), 28, ino, cat(u64(0, 0), u32(1, 0), u64(0, 0))},
		{Readdirplus(ino, ReadIn{Size: 1}), 44, ino, cat(u64(0, 0), u32(1, 0), u64(0, 0))},
		{Releasedir(ino, ReleaseIn{1, 2, 3, 4}), 29, ino, cat(u64(1), u32(2, 3), u64(4))},
		{Fsyncdir(ino, FsyncIn{1, 1, 0}), 30, ino, cat(u64(1), u32(1, 0))},
		{Getlk(ino, LkIn{1, 2, FileLock{3, 4, 5, 6}, 7, 0}), 31, ino, cat(u64(1, 2, 3, 4), u32(5, 6, 7, 0))},
		{Setlk(ino, LkIn{}), 32, ino, make([]byte, 48)},
		{Setlkw(ino, LkIn{}), 33, ino, make([]byte, 48)},
		{Access(ino, 4), 34, ino, u32(4, 0)},
		{Create(ino, CreateIn{1, 2, 3, 4}, "n"), 35, ino, cat(u32(1, 2, 3, 4), []byte("n\x00"))},
		{Interrupt(12), 36, 0, u64(12)},
		{Bmap(ino, BmapIn{1, 512, 0}), 37, ino, cat(u64(1), u32(512, 0))},
		{Destroy(), 38, 0, nil},
		{Ioctl(ino, IoctlIn{1, 2, 3, 4, 0, 6}, []byte("in")), 39, ino, cat(u64(1), u32(2, 3), u64(4), u32(2, 6), []byte("in"))},
		{Poll(ino, PollIn{1, 2, 3, 4}), 40, ino, cat(u64(1, 2), u32(3, 4))},
		{
			NotifyReply(3, ino, NotifyRetrieveIn{Offset: 4}, []byte("page")), 41, ino,
			cat(u64(0, 4), u32(4, 0), u64(0, 0), []byte("page")),
		},
		{Fallocate(ino, FallocateIn{1, 2, 3, 4, 0}), 43, ino, cat(u64(1, 2, 3), u32(4, 0))},
		{Lseek(ino, LseekIn{1, 2, 3, 0}), 46, ino, cat(u64(1, 2), u32(3, 0))},
		{CopyFileRange(ino, CopyFileRangeIn{1, 2, 3, 4, 5, 6, 7}), 47, ino, u64(1, 2, 3, 4, 5, 6, 7)},
		{CopyFileRange64(ino, CopyFileRangeIn{1, 2, 3, 4, 5, 6, 7}), 53, ino, u64(1, 2, 3, 4, 5, 6, 7)},
		{Tmpfile(ino, CreateIn{1, 2, 3, 4}), 51, ino, cat(u32(1, 2, 3, 4), []byte("/\x00"))},
		{Statx(ino, StatxIn{1, 0, 2, 3, 4}), 52, ino, cat(u32(1, 0), u64(2), u32(3, 4))},
		{Syncfs(ino), 50, ino, u64(0)},
	}
	for _, tt := range tests {
		t.Run(tt.op.String(), func(t *testing.T) {
			if tt.req.Opcode != tt.op || tt.req.NodeID != tt.nodeID {
				t.Errorf("got %v of %d, want %v of %d", tt.req.Opcode, tt.req.NodeID, tt.op, tt.nodeID)
			}
			if !bytes.Equal(tt.req.Body, tt.body) {
				t.Errorf("body\ngot  %x\nwant %x", tt.req.Body, tt.body)
			}
		})
	}
}

func TestRequest_Extension(t *testing.T) {
	r := Mkdir(1, MkdirIn{}, "n").WithExtension(ExtGroups, u32(2, 10, 20))
	want := cat(u32(0, 0), []byte("n\x00"), u32(24, 32, 2, 10, 20), make([]byte, 4))
	if !bytes.Equal(r.Body, want) {
		t.Errorf("body\ngot  %x\nwant %x", r.Body, want)
	}
	if r.TotalExtlen != 3 {
		t.Errorf("total_extlen: got %d, want 3", r.TotalExtlen)
	}
}

func TestRequest_Compat(t *testing.T) {
	tests := []struct {
		name  string
		req   *Request
		minor uint32
		want  []byte
	}{
		{"mknod 12", Mknod(1, MknodIn{1, 2, 3, 0}, "n"), 12, cat(u32(1, 2, 3, 0), []byte("n\x00"))},
		{"mknod 11", Mknod(1, MknodIn{1, 2, 3, 0}, "n"), 11, cat(u32(1, 2), []byte("n\x00"))},
		{"create 11", Create(1, CreateIn{1, 2, 3, 4}, "n"), 11, cat(u32(1, 2), []byte("n\x00"))},
		{"getattr 8", Getattr(1, GetattrIn{}), 8, nil},
		{"read 8", Read(1, ReadIn{Fh: 1, Offset: 2, Size: 3}), 8, cat(u64(1, 2), u32(3, 0))},
		{"write 8", Write(1, WriteIn{Fh: 1, Offset: 2}, []byte("xy")), 8, cat(u64(1, 2), u32(2, 0), []byte("xy"))},
		{"lookup 4", Lookup(1, "n"), 4, []byte("n\x00")},
	}
	for _, tt := range tests {
		if got := tt.req.Compat(tt.minor).Body; !bytes.Equal(got, tt.want) {
			t.Errorf("%s\ngot  %x\nwant %x", tt.name, got, tt.want)
		}
	}
}

func TestRequest_Malformed(t *testing.T) {
	r := Lookup(1, "abc")
	if got := r.Truncated(2).Bytes(); len(got) != 42 || got[0] != 42 {
		t.Errorf("truncated: got %x", got)
	}
	if got := r.WithLen(7).Bytes(); len(got) != 44 || got[0] != 7 {
		t.Errorf("wrong length: got %x", got)
	}
	if got := r.WithOpcode(99).Bytes(); got[4] != 99 {
		t.Errorf("opcode: got %x", got)
	}
	if got := len(r.Truncations()); got != 4 {
		t.Errorf("truncations: got %d, want 4", got)
	}
	if got := r.Bytes(); len(got) != 44 || got[0] != 44 {
		t.Errorf("the original has changed: %x", got)
	}
}

func TestInit_SizesByVersion(t *testing.T) {
	for minor, want := range map[uint32]int{4: 8, 5: 8, 6: 16, 31: 16, 35: 16, 36: 64, 45: 64} {
		r := InitParams{Major: 7, Minor: minor, Flags: InitExt | InitHasResend}.Request()
		if got := len(r.Body); got != want {
			t.Errorf("minor %d: got %d bytes, want %d", minor, got, want)
		}
	}
	r := InitParams{7, 45, 4096, InitExt | InitHasResend | InitAsyncRead}.Request()
	want := cat(u32(7, 45, 4096, 1<<30|1, 1<<7), make([]byte, 44))
	if !bytes.Equal(r.Body, want) {
		t.Errorf("body\ngot  %x\nwant %x", r.Body, want)
	}
}

func TestNames_AreThoseOfC(t *testing.T) {
	tests := []struct{ got, want string }{
		{OpLookup.String(), "FUSE_LOOKUP"},
		{OpCopyFileRange64.String(), "FUSE_COPY_FILE_RANGE_64"},
		{OpCuseInit.String(), "CUSE_INIT"},
		{Opcode(7).String(), "FUSE_7"},
		{NotifyPrune.String(), "FUSE_NOTIFY_PRUNE"},
		{NotifyCode(10).String(), "FUSE_NOTIFY_10"},
		{NotifyCode(0).String(), "FUSE_NOTIFY_0"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
	if InitRequestTimeout != 1<<42 || InitExt != 1<<30 || InitHasExpireOnly != 1<<35 {
		t.Error("INIT flags are shifted")
	}
}

func TestParse_Dirents(t *testing.T) {
	good := cat(u64(10, 1), u32(1, unix.DT_DIR), []byte("."), make([]byte, 7), u64(11, 2), u32(8, unix.DT_REG), []byte("12345678"))
	list, err := ParseDirents(good)
	want := []Dirent{{10, 1, unix.DT_DIR, "."}, {11, 2, unix.DT_REG, "12345678"}}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("got %v, %v, want %v", list, err, want)
	}
	for name, bad := range map[string][]byte{
		"cut header":   good[:20],
		"cut padding":  good[:27],
		"long name":    cat(u64(1, 1), u32(math.MaxUint32, 0), make([]byte, 8)),
		"empty name":   cat(u64(1, 1), u32(0, 0)),
		"slash":        cat(u64(1, 1), u32(1, 0), []byte("/"), make([]byte, 7)),
		"NUL":          cat(u64(1, 1), u32(1, 0), make([]byte, 8)),
		"padding":      cat(u64(1, 1), u32(1, 0), []byte("abcdefgh")),
		"offset range": cat(u64(1, math.MaxUint64), u32(1, 0), []byte("a"), make([]byte, 7)),
	} {
		if _, err := ParseDirents(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
