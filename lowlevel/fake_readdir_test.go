package lowlevel_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestFake_ReaddirBytes(t *testing.T) {
	k := serve(t, &lowlevel.Ops{
		Readdir: func(_ request, _ ino, dst *lowlevel.DirBuf, off int64, _ file) error {
			dst.Add(".", &lowlevel.Stat{Ino: big, Mode: unix.S_IFDIR | 0o755}, 1)
			dst.Add("12345678", &lowlevel.Stat{Ino: 2, Mode: unix.S_IFLNK}, big)
			return nil
		},
		Readdirplus: func(_ request, _ ino, dst *lowlevel.DirPlusBuf, off int64, _ file) error {
			dst.Add("name", &someEntry, 1)
			dst.Add("none", &lowlevel.EntryParam{Attr: lowlevel.Stat{Ino: 3, Mode: unix.S_IFSOCK}}, 2)
			return nil
		},
		Statfs: func(request, ino) (lowlevel.Statfs, error) { return lowlevel.Statfs{}, nil },
	})
	r := k.MustCall(t, fusetest.Readdir(1, fusetest.ReadIn{Size: 4096}))
	wantBytes(t, "readdir", r.Bytes(), okMessage(r.Unique, cat(
		u64(big, 1), u32(1, unix.DT_DIR), []byte("."), zeros(7),
		u64(2, big), u32(8, unix.DT_LNK), []byte("12345678"))))
	r = k.MustCall(t, fusetest.Readdirplus(1, fusetest.ReadIn{Size: 4096}))
	none := cat(zeros(40), u64(3), zeros(52), u32(unix.S_IFSOCK), zeros(24))
	wantBytes(t, "readdirplus", r.Bytes(), okMessage(r.Unique, cat(
		someEntryOut, u64(0x1122334455667788, 1), u32(4, unix.DT_REG), []byte("name"), zeros(4),
		none, u64(3, 2), u32(4, unix.DT_SOCK), []byte("none"), zeros(4))))
}

// listing is a directory with names of all lengths.
func listing() []string {
	var names []string
	for n := 1; n <= 255; n++ {
		names = append(names, strings.Repeat("n", n))
	}
	return names
}

// TestFake_ReaddirInPieces reads a directory with buffers of all sizes: each entry comes once.
func TestFake_ReaddirInPieces(t *testing.T) {
	names := listing()
	k := serve(t, &lowlevel.Ops{
		Readdir: func(_ request, _ ino, dst *lowlevel.DirBuf, off int64, _ file) error {
			for i, name := range names[off:] {
				if !dst.Add(name, &lowlevel.Stat{Ino: uint64(off) + uint64(i)}, off+int64(i)+1) {
					break
				}
			}
			return nil
		},
		Readdirplus: func(_ request, _ ino, dst *lowlevel.DirPlusBuf, off int64, _ file) error {
			for i, name := range names[off:] {
				if !dst.Add(name, &lowlevel.EntryParam{Ino: 9}, off+int64(i)+1) {
					break
				}
			}
			return nil
		},
	})
	for _, size := range []uint32{480, 481, 512, 4095, 4096, 1 << 20} {
		var got, plus []string
		for off := uint64(0); ; {
			list, err := k.MustCall(t, fusetest.Readdir(1, fusetest.ReadIn{Size: size, Offset: off})).Dirents()
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, d := range list {
				got, off = append(got, d.Name), d.Off
			}
		}
		for off := uint64(0); ; {
			list, err := k.MustCall(t, fusetest.Readdirplus(1, fusetest.ReadIn{Size: size, Offset: off})).DirentsPlus()
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			for _, d := range list {
				plus, off = append(plus, d.Name), d.Off
			}
		}
		if !reflect.DeepEqual(got, names) || !reflect.DeepEqual(plus, names) {
			t.Errorf("size %d: got %d and %d names, want %d", size, len(got), len(plus), len(names))
		}
	}
}

// TestFake_ReaddirExactFit: an entry that fits to the byte is taken, with a byte less it is not.
func TestFake_ReaddirExactFit(t *testing.T) {
	var fits bool
	k := serve(t, &lowlevel.Ops{Readdir: func(_ request, _ ino, dst *lowlevel.DirBuf, _ int64, _ file) error {
		fits = dst.Add("12345678", &lowlevel.Stat{}, 1)
		return nil
	}})
	for size, want := range map[uint32]bool{0: false, 31: false, 32: true, 33: true} {
		r := k.MustCall(t, fusetest.Readdir(1, fusetest.ReadIn{Size: size}))
		if fits != want || (len(r.Body) == 32) != want {
			t.Errorf("size %d: Add returned %v, %d bytes came; want %v", size, fits, len(r.Body), want)
		}
	}
}

// TestFake_ReaddirErrors: entries that were added do not count when the handler fails.
func TestFake_ReaddirErrors(t *testing.T) {
	k := serve(t, &lowlevel.Ops{Readdir: func(_ request, _ ino, dst *lowlevel.DirBuf, _ int64, _ file) error {
		dst.Add("name", &lowlevel.Stat{}, 1)
		return fmt.Errorf("later: %w", unix.ESTALE)
	}})
	r := k.MustCall(t, fusetest.Readdir(1, fusetest.ReadIn{Size: 4096}))
	wantBytes(t, "reply", r.Bytes(), errMessage(r.Unique, unix.ESTALE))
}
