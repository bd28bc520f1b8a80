package notify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// documented are the errors that a notification may have, besides errnos of its own.
var documented = []error{
	lowlevel.ErrNotCached, lowlevel.ErrClosed, lowlevel.ErrNotMounted, lowlevel.ErrQueueFull,
	context.Canceled, context.DeadlineExceeded, errors.ErrUnsupported,
}

// errnos are those that may come from the kernel: of names, of inodes that are no directory or no file, and of entries that are in use.
var errnos = []error{unix.EINVAL, unix.ENAMETOOLONG, unix.ENOTDIR, unix.EBUSY, unix.ENOTEMPTY}

// check counts an error, and fails the test if it is none of those.
func (st *stress) check(what string, err error) {
	text := "nil"
	if err != nil {
		is := func(target error) bool { return errors.Is(err, target) }
		if !slices.ContainsFunc(documented, is) && !slices.ContainsFunc(errnos, is) {
			st.t.Errorf("%s: got error %v (%T)", what, err, err)
		}
		text = err.Error()
		var ne *lowlevel.NotifyError
		if errors.As(err, &ne) {
			text = "queued: " + ne.Err.Error()
		}
	}
	n, _ := st.errs.LoadOrStore(text, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// send sends notifications until the test is over, most of them to the session of the moment.
func (st *stress) send() {
	data, err := os.CreateTemp("", "stress")
	if err != nil {
		st.t.Error(err)
		return
	}
	defer os.Remove(data.Name())
	defer data.Close()
	if err := data.Truncate(fileSize); err != nil {
		st.t.Error(err)
	}
	s := &sender{page: make([]byte, 16<<10), file: data}
	for !st.over.Load() {
		r := st.now.Load()
		for range 1 + rand.IntN(100) { // also when another has taken its place
			if st.over.Load() || st.t.Failed() {
				return
			}
			st.one(s, r)
		}
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond) // leave something for the clients
	}
}

// one sends one notification, one way or another.
func (st *stress) one(s *sender, r *round) {
	st.calls.Add(1)
	what, err := "", error(nil)
	switch rand.IntN(4) {
	case 0:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(2000))*time.Microsecond)
		defer cancel()
		if r.n.Blocked() < notifiers {
			what, err = s.send(r.n.WithContext(ctx))
		}
	case 1:
		what, err = s.queue(r.queue)
	default:
		what, err = s.send(r.n)
	}
	st.check(what, err)
	if rand.IntN(20) == 0 {
		if ph := st.fs.somePoll(); ph != nil {
			st.check("PollHandle.Notify", ph.Notify())
		}
	}
}

// sender is one goroutine's memory and file.
type sender struct {
	page []byte
	file *os.File
}

// someEntry returns a name that is there, was there, or cannot be.
func someEntry() (parent, child ino, name string) {
	d, s := rand.IntN(dirs), rand.IntN(slots)
	parent, child, name = firstDir+ino(d), slotIno(d, s), slotName(s)
	switch rand.IntN(40) {
	case 0:
		name = strings.Repeat("x", 256+rand.IntN(8000))
	case 1:
		name = "\xff\xfe no such name"
	case 2:
		parent = someIno()
	case 3:
		child = someIno()
	case 4:
		parent, child, name = lowlevel.RootIno, firstDir+ino(d), dirName(d)
	case 5:
		name = "nul\x00"
	}
	return parent, child, name
}

// someIno returns an inode, or a number that is none.
func someIno() ino {
	if rand.IntN(20) == 0 {
		return ino(rand.Uint64())
	}
	return 1 + ino(rand.Int64N(int64(inoEnd)))
}

func someOffset() int64 {
	if rand.IntN(20) == 0 {
		return rand.Int64() - rand.Int64()
	}
	return int64(rand.IntN(2*fileSize)) &^ 4095
}

func (s *sender) someData() []byte { return s.page[:rand.IntN(len(s.page))] }

func someInos() []ino {
	inos := make([]ino, rand.IntN(100))
	for i := range inos {
		inos[i] = someIno()
	}
	return inos
}

// common is what Notifier and NotifyQueue both have.
type common interface {
	InvalInode(i lowlevel.Ino) error
	InvalInodeRange(i lowlevel.Ino, off, size int64) error
	InvalInodeAttr(i lowlevel.Ino) error
	InvalEntry(parent lowlevel.Ino, name string) error
	ExpireEntry(parent lowlevel.Ino, name string) error
	Delete(parent, child lowlevel.Ino, name string) error
	Store(i lowlevel.Ino, off int64, data ...[]byte) error
	IncrementEpoch() error
	Prune(inos ...lowlevel.Ino) error
}

const commonKinds = 10

func (s *sender) common(n common, kind int) (what string, err error) {
	parent, child, name := someEntry()
	switch kind {
	case 0:
		return "InvalInode", n.InvalInode(someIno())
	case 1:
		return "InvalInodeRange", n.InvalInodeRange(someIno(), someOffset(), someOffset())
	case 2:
		return "InvalInodeAttr", n.InvalInodeAttr(someIno())
	case 3:
		return "InvalEntry", n.InvalEntry(parent, name)
	case 4:
		return "ExpireEntry", n.ExpireEntry(parent, name)
	case 5:
		return "Delete", n.Delete(parent, child, name)
	case 6:
		return "Store", n.Store(someIno(), someOffset(), s.someData())
	case 7:
		return "Store of pieces", n.Store(someIno(), someOffset(), s.someData(), s.someData(), nil)
	case 8:
		return "IncrementEpoch", n.IncrementEpoch()
	case 9:
		return "Prune", n.Prune(someInos()...)
	}
	panic(fmt.Sprint("no such kind ", kind))
}

// send sends a notification of any kind.
func (s *sender) send(n *lowlevel.Notifier) (what string, err error) {
	switch kind := rand.IntN(commonKinds + 5); kind {
	case commonKinds:
		v := lowlevel.BufFD(int(s.file.Fd()), rand.IntN(2*fileSize), int64(rand.IntN(fileSize)))
		_, err := n.StoreBuf(someIno(), someOffset(), append(v, lowlevel.Buf{Mem: s.someData()}))
		return "StoreBuf", err
	case commonKinds + 1:
		return "StartRetrieve", n.StartRetrieve(someIno(), someOffset(), rand.Uint32(), rand.Uint64())
	case commonKinds + 2:
		return "RetrieveFunc", n.RetrieveFunc(someIno(), someOffset(), rand.Uint32(), func([]byte, error) {})
	case commonKinds + 3:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(50))*time.Millisecond)
		defer cancel()
		_, err := n.Retrieve(ctx, someIno(), someOffset(), rand.IntN(2*fileSize))
		return "Retrieve", err
	case commonKinds + 4:
		if rand.IntN(100) != 0 { // each request of the moment comes twice
			return "InvalInodeAttr", n.InvalInodeAttr(someIno())
		}
		return "Resend", n.Resend()
	default:
		return s.common(n, kind)
	}
}

// queue queues a notification, and sometimes waits for all of them.
func (s *sender) queue(q *lowlevel.NotifyQueue) (what string, err error) {
	switch rand.IntN(50) {
	case 0:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
		defer cancel()
		return "Flush", q.Flush(ctx)
	case 1:
		return "TryInvalInode", q.TryInvalInode(someIno())
	}
	what, err = s.common(q, rand.IntN(commonKinds))
	return "queued " + what, err
}
