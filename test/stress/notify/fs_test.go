package notify

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

type (
	ino     = lowlevel.Ino
	request = *lowlevel.Request
	file    = *lowlevel.FileInfo
)

// The tree: directories d0 to d7 in the root, in each of them files f0 to f15 that are always there, and n0 to n15 that come and go. Each place has an
// inode number of its own.
const (
	dirs     = 8
	slots    = 32 // in each directory
	fixed    = 16 // of them
	fileSize = 64 << 10
	firstDir = ino(2)
	firstIno = firstDir + dirs
	inoEnd   = firstIno + dirs*slots
	dataByte = 'x'
)

const cacheTime = time.Hour

func dirName(d int) string { return fmt.Sprintf("d%d", d) }

func slotName(s int) string {
	if s < fixed {
		return fmt.Sprintf("f%d", s)
	}
	return fmt.Sprintf("n%d", s-fixed)
}

func slotIno(d, s int) ino { return firstIno + ino(d*slots+s) }

// tree is the filesystem, which is the same in all sessions.
type tree struct {
	there    [dirs][slots]atomic.Bool
	changed  func(n *lowlevel.Notifier, parent ino, name string) // called after a Create
	requests atomic.Int64
	forgets  atomic.Int64

	mu    sync.Mutex
	polls []*lowlevel.PollHandle // those that were left with us last
}

func newTree() *tree {
	fs := &tree{}
	for d := range dirs {
		for s := range fixed {
			fs.there[d][s].Store(true)
		}
	}
	return fs
}

func stat(i ino) lowlevel.Stat {
	st := lowlevel.Stat{Ino: uint64(i), Mode: unix.S_IFREG | 0o644, Nlink: 1, Size: fileSize, Blocks: fileSize / 512}
	if i < firstIno {
		st.Mode, st.Nlink, st.Size, st.Blocks = unix.S_IFDIR|0o755, 2, 0, 0
	}
	return st
}

func entry(i ino) lowlevel.EntryParam {
	return lowlevel.EntryParam{Ino: i, Attr: stat(i), AttrTimeout: cacheTime, EntryTimeout: cacheTime}
}

// place finds the slot of a name; ok is false where there can be none.
func place(parent ino, name string) (d, s int, ok bool) {
	if parent < firstDir || parent >= firstIno || len(name) < 2 {
		return 0, 0, false
	}
	var n int
	if _, err := fmt.Sscanf(name[1:], "%d", &n); err != nil || n < 0 || n >= fixed {
		return 0, 0, false
	}
	if name[0] == 'n' {
		n += fixed
	}
	return int(parent - firstDir), n, slotName(n) == name
}

func (fs *tree) lookup(_ request, parent ino, name string) (lowlevel.EntryParam, error) {
	fs.work()
	if parent == lowlevel.RootIno {
		for d := range dirs {
			if name == dirName(d) {
				return entry(firstDir + ino(d)), nil
			}
		}
	}
	if d, s, ok := place(parent, name); ok && fs.there[d][s].Load() {
		return entry(slotIno(d, s)), nil
	}
	return lowlevel.EntryParam{EntryTimeout: cacheTime}, nil // known not to be there
}

func (fs *tree) create(req request, parent ino, name string, _ uint32, _ file) (lowlevel.EntryParam, error) {
	fs.work()
	d, s, ok := place(parent, name)
	if !ok {
		return lowlevel.EntryParam{}, unix.EPERM
	}
	fs.there[d][s].Store(true)
	n := req.Session().Notifier()
	req.AfterReply(func() { fs.changed(n, parent, name) })
	return entry(slotIno(d, s)), nil
}

func (fs *tree) unlink(_ request, parent ino, name string) error {
	fs.work()
	d, s, ok := place(parent, name)
	if !ok || s < fixed {
		return unix.EPERM
	}
	if !fs.there[d][s].CompareAndSwap(true, false) {
		return unix.ENOENT
	}
	return nil
}

func (fs *tree) readdir(_ request, dir ino, w *lowlevel.DirBuf, off int64, _ file) error {
	fs.work()
	total := dirs
	if dir != lowlevel.RootIno {
		total = slots
	}
	for i := int(off); i < total; i++ {
		name, e := dirName(i), entry(firstDir+ino(i))
		if dir != lowlevel.RootIno {
			d := int(dir - firstDir)
			if !fs.there[d][i].Load() {
				continue
			}
			name, e = slotName(i), entry(slotIno(d, i))
		}
		if !w.Add(name, &e.Attr, int64(i+1)) {
			break
		}
	}
	return nil
}

func (fs *tree) poll(_ request, _ ino, _ file, ph *lowlevel.PollHandle) (uint32, error) {
	fs.work()
	if ph != nil {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.polls = append(fs.polls, ph)
		if len(fs.polls) > 16 {
			fs.polls = fs.polls[1:] // closed by the garbage collector
		}
	}
	return 0, nil
}

// somePoll returns a handle that may be of a session that has ended.
func (fs *tree) somePoll() *lowlevel.PollHandle {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if len(fs.polls) == 0 {
		return nil
	}
	return fs.polls[rand.IntN(len(fs.polls))]
}

// work counts, and now and then a request takes longer, so that notifications meet it.
func (fs *tree) work() {
	if n := fs.requests.Add(1); n%64 == 0 {
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
	}
}

func (fs *tree) ops(init func(*lowlevel.ConnInfo)) *lowlevel.Ops {
	return &lowlevel.Ops{
		Init:   init,
		Lookup: fs.lookup,
		Getattr: func(_ request, i ino, _ file) (lowlevel.Stat, time.Duration, error) {
			fs.work()
			return stat(i), cacheTime, nil
		},
		Setattr: func(_ request, i ino, _ *lowlevel.Stat, _ lowlevel.SetAttr, _ file) (lowlevel.Stat, time.Duration, error) {
			fs.work()
			return stat(i), cacheTime, nil
		},
		Open: func(_ request, _ ino, f file) error {
			f.KeepCache = true
			return nil
		},
		Opendir: func(_ request, _ ino, f file) error {
			f.CacheReaddir, f.KeepCache = true, true
			return nil
		},
		Read: func(_ request, _ ino, dst []byte, off int64, _ file) (int, error) {
			fs.work()
			n := max(0, min(len(dst), int(fileSize-off)))
			for i := range dst[:n] {
				dst[i] = dataByte
			}
			return n, nil
		},
		Write: func(_ request, _ ino, p []byte, _ int64, _ file) (int, error) {
			fs.work()
			return len(p), nil
		},
		Create:  fs.create,
		Unlink:  fs.unlink,
		Readdir: fs.readdir,
		Poll:    fs.poll,
		Forget:  func(request, ino, uint64) { fs.forgets.Add(1) },
	}
}
