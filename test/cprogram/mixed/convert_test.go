package mixed

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// roundTrip has C fill a struct and Go convert it both ways.
func roundTrip[T any](t *testing.T, what string, s Struct, from func(*T, unsafe.Pointer), to func(*T, unsafe.Pointer), check func(v *T)) {
	t.Helper()
	a, b := Alloc(s.Size), Alloc(s.Size)
	defer Free(a)
	defer Free(b)
	s.Fill(a)
	var v T
	from(&v, a)
	check(&v)
	copy(unsafe.Slice((*byte)(b), s.Size), bytes.Repeat([]byte{0xff}, int(s.Size))) // all of it is set
	to(&v, b)
	if !s.Check(b) {
		t.Errorf("%s: got %+v in Go, and something else in C", what, v)
	}
}

func wantFields(t *testing.T, v any, except ...string) {
	t.Helper()
	s := reflect.ValueOf(v).Elem()
	for i := range s.NumField() {
		name := s.Type().Field(i).Name
		if name != "_" && s.Field(i).IsZero() && !slices.Contains(except, name) {
			t.Errorf("%T.%s is zero", v, name)
		}
	}
}

func TestConvert_RoundTrips(t *testing.T) {
	newer := []string{"KillSUIDGID"}
	if lowlevel.HeaderVersion() < 317 {
		newer = append(newer, "ParallelDirectWrites", "BackingID")
	}
	roundTrip(t, "FileInfo", File, (*lowlevel.FileInfo).FromC, (*lowlevel.FileInfo).ToC, func(fi *lowlevel.FileInfo) {
		wantFields(t, fi, newer...)
		if fi.Fh != 0x1122334455667788 || fi.LockOwner != 0x99aabbccddeeff00 || fi.Flags != 0x402 || fi.PollEvents != 0x55667788 {
			t.Errorf("got %+v", fi)
		}
	})
	roundTrip(t, "EntryParam", Entry, (*lowlevel.EntryParam).FromC, (*lowlevel.EntryParam).ToC, func(e *lowlevel.EntryParam) {
		wantFields(t, e)
		wantFields(t, &e.Attr)
		if e.Ino != 0x2233445566778899 || e.AttrTimeout != 1500*time.Millisecond || e.EntryTimeout != 1e9*time.Second || e.Attr.Mtim.Sec != 1<<40 || e.Attr.Ctim.Nsec != 999999999 {
			t.Errorf("got %+v", e)
		}
	})
	roundTrip(t, "Statfs", Statfs, (*lowlevel.Statfs).FromC, (*lowlevel.Statfs).ToC, func(st *lowlevel.Statfs) { wantFields(t, st) })
	roundTrip(t, "FileLock", Lock, (*lowlevel.FileLock).FromC, (*lowlevel.FileLock).ToC, func(l *lowlevel.FileLock) { wantFields(t, l) })
}

func TestConvert_Stat(t *testing.T) {
	e := Alloc(Entry.Size)
	defer Free(e)
	Entry.Fill(e)
	var st lowlevel.Stat
	st.FromC(AttrOf(e))
	wantFields(t, &st)
	copy(unsafe.Slice((*byte)(AttrOf(e)), 8), []byte("changed!"))
	st.ToC(AttrOf(e))
	if !Entry.Check(e) {
		t.Errorf("got %+v in Go, and something else in C", st)
	}
}

func TestConvert_Forever(t *testing.T) {
	e := Alloc(Entry.Size)
	defer Free(e)
	for _, d := range []time.Duration{0, 1, time.Millisecond, time.Hour, lowlevel.Forever} {
		a := lowlevel.EntryParam{AttrTimeout: d, EntryTimeout: d}
		a.ToC(e)
		var b lowlevel.EntryParam
		b.FromC(e)
		if b.AttrTimeout != d || b.EntryTimeout != d {
			t.Errorf("%v: got %v, %v", d, b.AttrTimeout, b.EntryTimeout)
		}
	}
}

func TestConvert_ConnInfo(t *testing.T) {
	p := Conn()
	defer Free(p)
	var c lowlevel.ConnInfo
	c.FromC(p)
	if c.ProtoMajor() != 7 || c.ProtoMinor() != 31 || c.MaxWrite() != 0x20000 || c.MaxRead() != 0x30000 || c.MaxReadahead() != 0x40000 || c.MaxBackground() != 50 || c.CongestionThreshold() != 60 || c.TimeGran() != 70 {
		t.Errorf("got %+v", c)
	}
	if got, want := c.Capable(), lowlevel.CapAsyncRead|lowlevel.CapWritebackCache; got != want {
		t.Errorf("Capable: got %v, want %v", got, want)
	}
	if got, want := c.Want(), lowlevel.CapAsyncRead; got != want {
		t.Errorf("Want: got %v, want %v", got, want)
	}
	for _, err := range []error{c.SetMaxWrite(0x10000), c.SetMaxReadahead(0x8000), c.SetMaxBackground(9), c.SetTimeGran(1000)} {
		if err != nil {
			t.Error(err)
		}
	}
	c.ToC(p)
	if w, r, b, g := ConnFields(p); w != 0x10000 || r != 0x8000 || b != 9 || g != 1000 {
		t.Errorf("in C: got %#x %#x %d %d", w, r, b, g)
	}
}

func TestConvert_BufVec(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("in a file"); err != nil {
		t.Fatal(err)
	}
	p := BufVec(int(f.Fd()))
	defer Free(p)
	v := lowlevel.BufVecFromC(p)
	if v.Size() != 10 {
		t.Errorf("got %d bytes, want 10: %+v", v.Size(), v)
	}
	got := make([]byte, 20)
	n, err := lowlevel.BufCopy(lowlevel.BufMem(got), v, 0)
	if want := "memorya fi"; err != nil || string(got[:n]) != want {
		t.Errorf("got %q, %v, want %q", got[:n], err, want)
	}
	back := v.ToC()
	defer Free(back)
	again := lowlevel.BufVecFromC(back)
	defer Free(unsafe.Pointer(unsafe.SliceData(again[0].Mem)))
	n, err = lowlevel.BufCopy(lowlevel.BufMem(got), again, 0)
	if want := "memorya fi"; err != nil || string(got[:n]) != want {
		t.Errorf("and back: got %q, %v, want %q", got[:n], err, want)
	}
}
