package lowlevel_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

type notifier = *lowlevel.Notifier

// notice is a call of a Notifier that sends one message.
type notice struct {
	name    string
	call    func(notifier) error
	want    []byte // the whole message, from a session that has sent none before
	minor   uint32 // the protocol that has it
	feature string // its name in an UnsupportedError
	blocks  bool   // it may wait for requests
}

// noticeBytes is a whole message.
func noticeBytes(code fusetest.NotifyCode, parts ...[]byte) []byte {
	body := cat(parts...)
	return cat(u32(uint32(16+len(body)), uint32(code)), u64(0), body)
}

// notices are all kinds there are.
func notices() []notice {
	return append(namedNotices(), inodeNotices()...)
}

func namedNotices() []notice {
	return []notice{
		{
			"InvalEntry", func(n notifier) error { return n.InvalEntry(big, "n\xffme") },
			noticeBytes(fusetest.NotifyInvalEntry, u64(big), u32(4, 0), []byte("n\xffme\x00")), 12, "FUSE_NOTIFY_INVAL_ENTRY", true,
		},
		{
			"ExpireEntry", func(n notifier) error { return n.ExpireEntry(big, "name") },
			noticeBytes(fusetest.NotifyInvalEntry, u64(big), u32(4, fusetest.ExpireOnly), []byte("name\x00")), 38, "FUSE_EXPIRE_ONLY", true,
		},
		{
			"Delete", func(n notifier) error { return n.Delete(big, big+1, "name") },
			noticeBytes(fusetest.NotifyDelete, u64(big, big+1), u32(4, 0), []byte("name\x00")), 18, "FUSE_NOTIFY_DELETE", true,
		},
	}
}

func inodeNotices() []notice {
	store := noticeBytes(fusetest.NotifyStore, u64(big, math.MaxInt64-4), u32(4, 0), []byte("\x00\x01\x02\x03"))
	retrieve := noticeBytes(fusetest.NotifyRetrieve, u64(1, big, math.MaxInt64), u32(math.MaxUint32, 0))
	return []notice{
		{
			"InvalInode", func(n notifier) error { return n.InvalInode(big) },
			noticeBytes(fusetest.NotifyInvalInode, u64(big, 0, 0)), 12, "FUSE_NOTIFY_INVAL_INODE", true,
		},
		{
			"InvalInodeRange", func(n notifier) error { return n.InvalInodeRange(big, 1<<40, 1<<41) },
			noticeBytes(fusetest.NotifyInvalInode, u64(big, 1<<40, 1<<41)), 12, "FUSE_NOTIFY_INVAL_INODE", true,
		},
		{
			"InvalInodeAttr", func(n notifier) error { return n.InvalInodeAttr(big) },
			noticeBytes(fusetest.NotifyInvalInode, u64(big, math.MaxUint64, 0)), 12, "FUSE_NOTIFY_INVAL_INODE", false,
		},
		{
			"Store", func(n notifier) error { return n.Store(big, math.MaxInt64-4, []byte{0, 1, 2, 3}) },
			store, 15, "FUSE_NOTIFY_STORE", true,
		},
		{
			"Store of pieces", func(n notifier) error { return n.Store(big, math.MaxInt64-4, []byte{0, 1}, nil, []byte{2, 3}) },
			store, 15, "FUSE_NOTIFY_STORE", true,
		},
		{
			"StoreBuf", func(n notifier) error {
				_, err := n.StoreBuf(big, math.MaxInt64-4, lowlevel.BufMem([]byte{0, 1, 2, 3}))
				return err
			},
			store, 15, "FUSE_NOTIFY_STORE", true,
		},
		{
			"StartRetrieve", func(n notifier) error { return n.StartRetrieve(big, math.MaxInt64, math.MaxUint32, 5) },
			retrieve, 15, "FUSE_NOTIFY_RETRIEVE", false,
		},
		{
			"RetrieveFunc", func(n notifier) error {
				return n.RetrieveFunc(big, math.MaxInt64, math.MaxUint32, func([]byte, error) {})
			},
			retrieve, 15, "FUSE_NOTIFY_RETRIEVE", false,
		},
		{
			"Resend", notifier.Resend,
			noticeBytes(fusetest.NotifyResend), 40, "FUSE_NOTIFY_RESEND", false,
		},
		{
			"IncrementEpoch", notifier.IncrementEpoch,
			noticeBytes(fusetest.NotifyIncEpoch), 44, "FUSE_NOTIFY_INC_EPOCH", false,
		},
		{
			"Prune", func(n notifier) error { return n.Prune(big, 1, big+1) },
			noticeBytes(fusetest.NotifyPrune, u32(3, 0), u64(0, big, 1, big+1)), 45, "FUSE_NOTIFY_PRUNE", true,
		},
	}
}

// refusable are notices, and what sends nothing when it is refused but cannot be compared with one message.
func refusable(t testing.TB) []notice {
	t.Helper()
	file := dataFile(t, "data")
	return append(
		notices(),
		notice{"StoreBuf of a file", func(n notifier) error {
			_, err := n.StoreBuf(1, 0, lowlevel.BufFD(file, 4, 0))
			return err
		}, nil, 15, "FUSE_NOTIFY_STORE", true},
		notice{"Retrieve", func(n notifier) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, err := n.Retrieve(ctx, 1, 0, 1)
			return err
		}, nil, 15, "FUSE_NOTIFY_RETRIEVE", true},
	)
}

// dataFile returns a new file with that content.
func dataFile(t testing.TB, content string) (fd int) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// wantNotice checks the next message, whole.
func wantNotice(t testing.TB, k *fusetest.Served, what string, want []byte) {
	t.Helper()
	n, err := k.Notification(10 * time.Second)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	wantBytes(t, what, n.Bytes(), want)
}

// wantNoNotice checks that nothing (more) was sent.
func wantNoNotice(t testing.TB, k *fusetest.Served, what string) {
	t.Helper()
	k.MustCall(t, fusetest.Statfs(1)) // whose reply comes after what was sent before
	if n, ok := k.TryNotification(); ok {
		t.Errorf("%s: got %v, want nothing on the wire", what, n)
	}
}

// withContext adds to each notice one of the Notifier that WithContext returns.
func withContext(list []notice) []notice {
	var both []notice
	for _, n := range list {
		aside := n
		aside.name += " with context"
		aside.call = func(nf notifier) error { return n.call(nf.WithContext(context.Background())) }
		both = append(both, n, aside)
	}
	return both
}
