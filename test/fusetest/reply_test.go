package fusetest

import (
	"errors"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func okReply(v any) Reply { return Reply{Op: OpLookup, Unique: 2, Body: appendStruct(nil, v)} }

func TestReply_ParsersReadWhatWasSent(t *testing.T) {
	entry := EntryOut{1, 2, 3, 4, 5, 6, Attr{7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22}}
	attr := AttrOut{AttrValid: 1, AttrValidNsec: 2, Attr: entry.Attr}
	statx := StatxOut{AttrValid: 1, Stat: StatxAttr{Mask: 2, Mtime: SxTime{Sec: -3, Nsec: 4}, DevMinor: 5}}
	tests := []struct {
		name string
		want any
		got  func(r Reply) (any, error)
	}{
		{"entry", entry, func(r Reply) (any, error) { return r.Entry() }},
		{"attr", attr, func(r Reply) (any, error) { return r.Attr() }},
		{"open", OpenOut{1, 2, -3}, func(r Reply) (any, error) { return r.Open() }},
		{"write", WriteOut{1, 2}, func(r Reply) (any, error) { return r.Written() }},
		{"copied", CopyFileRangeOut{1 << 40}, func(r Reply) (any, error) { return r.Copied() }},
		{"statfs", StatfsOut{1, 2, 3, 4, 5, 6, 7, 8, 9, [6]uint32{5: 1}}, func(r Reply) (any, error) { return r.Statfs() }},
		{"xattr size", GetxattrOut{1, 2}, func(r Reply) (any, error) { return r.XattrSize() }},
		{"lock", LkOut{FileLock{1, 2, 3, 4}}, func(r Reply) (any, error) { return r.Lock() }},
		{"bmap", BmapOut{1}, func(r Reply) (any, error) { return r.Bmap() }},
		{"poll", PollOut{1, 2}, func(r Reply) (any, error) { return r.Poll() }},
		{"lseek", LseekOut{1}, func(r Reply) (any, error) { return r.Lseek() }},
		{"statx", statx, func(r Reply) (any, error) { return r.Statx() }},
		{"init", InitOut{Major: 7, Unused: [11]uint16{10: 9}}, func(r Reply) (any, error) { return r.Init() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := okReply(tt.want)
			if got, err := tt.got(r); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
			short := r
			short.Body = r.Body[:len(r.Body)-1]
			if _, err := tt.got(short); err == nil {
				t.Error("a byte less: no error")
			}
			long := r
			long.Body = append(r.Body[:len(r.Body):len(r.Body)], 0)
			if _, err := tt.got(long); err == nil {
				t.Error("a byte more: no error")
			}
			if _, err := tt.got(Reply{Errno: unix.EPERM}); !errors.Is(err, unix.EPERM) {
				t.Errorf("an error reply: got error %v", err)
			}
		})
	}
}

func TestReply_CreateAndOldEntries(t *testing.T) {
	entry := EntryOut{NodeID: 5, Attr: Attr{Ino: 6, Rdev: 7}}
	open := OpenOut{Fh: 8}
	full := appendStruct(nil, entry)
	for _, head := range [][]byte{full, full[:compatEntryOutSize]} {
		r := Reply{Body: appendStruct(head[:len(head):len(head)], open)}
		e, o, err := r.Create()
		if err != nil || e != entry || o != open {
			t.Errorf("create of %d bytes: got %+v, %+v, %v", len(r.Body), e, o, err)
		}
		e, err = Reply{Body: head}.Entry()
		if err != nil || e != entry {
			t.Errorf("entry of %d bytes: got %+v, %v", len(head), e, err)
		}
	}
	attr := AttrOut{AttrValid: 1, Attr: Attr{Ino: 2}}
	if got, err := (Reply{Body: appendStruct(nil, attr)[:compatAttrOutSize]}).Attr(); err != nil || got != attr {
		t.Errorf("old attr: got %+v, %v", got, err)
	}
	statfs := StatfsOut{Blocks: 1, Namelen: 2}
	if got, err := (Reply{Body: appendStruct(nil, statfs)[:compatStatfsSize]}).Statfs(); err != nil || got != statfs {
		t.Errorf("old statfs: got %+v, %v", got, err)
	}
	if _, _, err := (Reply{Body: full}).Create(); err == nil {
		t.Error("create without the open part: no error")
	}
}

func TestReply_Ioctl(t *testing.T) {
	head := IoctlOut{Result: -5}
	got, data, err := Reply{Body: append(appendStruct(nil, head), "data"...)}.Ioctl()
	if err != nil || got != head || string(data) != "data" {
		t.Errorf("got %+v %q, %v", got, data, err)
	}
	retry := cat(appendStruct(nil, IoctlOut{Flags: IoctlRetry, InIovs: 1, OutIovs: 2}), u64(1, 2, 3, 4, 5, 6))
	in, out, err := Reply{Body: retry}.IoctlRetry()
	if err != nil || !reflect.DeepEqual(in, []IoctlIovec{{1, 2}}) || !reflect.DeepEqual(out, []IoctlIovec{{3, 4}, {5, 6}}) {
		t.Errorf("retry: got %v %v, %v", in, out, err)
	}
	if _, _, err := (Reply{Body: retry[:len(retry)-1]}).IoctlRetry(); err == nil {
		t.Error("cut retry: no error")
	}
}

func TestReply_DirentsPlus(t *testing.T) {
	e := EntryOut{NodeID: 3, Attr: Attr{Ino: 4, Mode: unix.S_IFREG}}
	body := cat(appendStruct(nil, e), u64(4, 1), u32(3, unix.DT_REG), []byte("abc"), make([]byte, 5))
	body = append(body, body...)
	list, err := Reply{Body: body}.DirentsPlus()
	want := DirentPlus{e, Dirent{4, 1, unix.DT_REG, "abc"}}
	if err != nil || !reflect.DeepEqual(list, []DirentPlus{want, want}) {
		t.Errorf("got %+v, %v", list, err)
	}
	if _, err := (Reply{Body: body[:len(body)-8]}).DirentsPlus(); err == nil {
		t.Error("cut: no error")
	}
}

func TestNotification_Parsers(t *testing.T) {
	store := Notification{NotifyStore, cat(u64(1, 2), u32(4, 0), []byte("data"))}
	if s, data, err := store.Store(); err != nil || s != (StoreOut{1, 2, 4, 0}) || string(data) != "data" {
		t.Errorf("store: got %+v %q, %v", s, data, err)
	}
	store.Body = store.Body[:len(store.Body)-1]
	if _, _, err := store.Store(); err == nil {
		t.Error("store with too little data: no error")
	}
	del := Notification{NotifyDelete, cat(u64(1, 2), u32(3, 0), []byte("abc\x00"))}
	if d, name, err := del.Delete(); err != nil || d != (DeleteOut{1, 2, 3, 0}) || name != "abc" {
		t.Errorf("delete: got %+v %q, %v", d, name, err)
	}
	for _, tail := range []string{"abc", "abcd", "abcd\x00", "a\x00c\x00", ""} {
		del.Body = cat(u64(1, 2), u32(3, 0), []byte(tail))
		if _, _, err := del.Delete(); err == nil {
			t.Errorf("delete with name %q: no error", tail)
		}
	}
	retrieve := Notification{NotifyRetrieve, cat(u64(1, 2, 3), u32(4, 0))}
	if r, err := retrieve.Retrieve(); err != nil || r != (RetrieveOut{1, 2, 3, 4, 0}) {
		t.Errorf("retrieve: got %+v, %v", r, err)
	}
	inval := Notification{NotifyInvalInode, cat(u64(1), u64(2, 3))}
	if i, err := inval.InvalInode(); err != nil || i != (InvalInodeOut{1, 2, 3}) {
		t.Errorf("inval_inode: got %+v, %v", i, err)
	}
	prune := Notification{NotifyPrune, cat(u32(2, 0), u64(0, 7, 8))}
	if ids, err := prune.Prune(); err != nil || !reflect.DeepEqual(ids, []uint64{7, 8}) {
		t.Errorf("prune: got %v, %v", ids, err)
	}
	if want := cat(u32(48, 9), u64(0), prune.Body); string(prune.Bytes()) != string(want) {
		t.Errorf("bytes: got %x, want %x", prune.Bytes(), want)
	}
}
