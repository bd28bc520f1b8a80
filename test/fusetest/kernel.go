package fusetest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Kernel plays the kernel's part of the FUSE protocol. Its methods may be called from any goroutine.
type Kernel struct {
	// Timeout is how long to wait for an answer. It may be changed before the Kernel is used.
	Timeout time.Duration

	conn *conn
	done chan struct{} // closed when nothing more can be received

	mu         sync.Mutex
	lastUnique uint64
	calls      map[uint64]*call
	notes      []Notification
	noteWake   chan struct{} // has room for one wake-up
	violations []error
	err        error // why done is closed
	initUnique uint64
}

// call is a request on its way.
type call struct {
	op       Opcode
	reply    chan Reply // has room for one
	answered bool
}

// DefaultTimeout is the Timeout of a new Kernel.
const DefaultTimeout = 10 * time.Second

// New returns a Kernel, and the descriptor that stands in for an open /dev/fuse: the server takes it over and closes it. The
// caller must Close the Kernel.
func New() (*Kernel, int, error) {
	kernelFD, serverFD, err := Socketpair()
	if err != nil {
		return nil, -1, err
	}
	c, err := newConn(kernelFD)
	if err != nil {
		_ = syscall.Close(serverFD)
		return nil, -1, err
	}
	k := &Kernel{
		Timeout:  DefaultTimeout,
		conn:     c,
		done:     make(chan struct{}),
		calls:    make(map[uint64]*call),
		noteWake: make(chan struct{}, 1),
	}
	go k.receive()
	return k, serverFD, nil
}

// NewKernel is [New] for a test: it closes the Kernel at the end, and then fails the test if the server broke the protocol's rules
// (see [Kernel.Violations]).
func NewKernel(t testing.TB) (*Kernel, int) {
	t.Helper()
	k, fd, err := New()
	if err != nil {
		t.Fatalf("fake kernel: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("fake kernel: %v", err)
		}
	})
	return k, fd
}

// Close ends the connection, like an unmount: the server reads the end of the file. It returns the violations.
func (k *Kernel) Close() error {
	_ = k.conn.file.Close() // closed already: fine
	<-k.done
	return errors.Join(k.Violations()...)
}

// Done is closed when the connection has ended, from either side.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Violations returns what the server has done that Linux refuses: replies to requests that it was not sent or that have been
// answered, replies to requests that have none, messages whose length is not what their header says, errors out of range or with a
// body, unknown notifications.
func (k *Kernel) Violations() []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.violations)
}

// Send sends a request, without waiting for the answer; [Kernel.Reply] returns that. Where r.Unique is 0, Send chooses a number
// and puts it there.
func (k *Kernel) Send(r *Request) error {
	if r.Unique == 0 {
		r.Unique = k.NextUnique()
	}
	k.expect(r.Opcode, r.Unique)
	if err := k.conn.write(r.Bytes()); err != nil {
		return fmt.Errorf("send %v: %w", r.Opcode, err)
	}
	return nil
}

// NextUnique returns a number for a request, as the kernel chooses them: even ones.
func (k *Kernel) NextUnique() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastUnique += 2
	return k.lastUnique
}

// SendRaw sends any bytes as a message. If they are long enough to hold a request's number, a reply to it is expected
// but not required.
func (k *Kernel) SendRaw(msg []byte) error {
	if len(msg) >= 16 {
		op := Opcode(binary.NativeEndian.Uint32(msg[4:]))
		k.expect(op, binary.NativeEndian.Uint64(msg[8:]))
	}
	if err := k.conn.write(msg); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// expect prepares for a reply. A number that is in use already is a new request from now on. NOTIFY_REPLY has numbers of its own, the
// filesystem's.
func (k *Kernel) expect(op Opcode, unique uint64) {
	if op == OpNotifyReply {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls[unique] = &call{op: op, reply: make(chan Reply, 1)}
}

// Call sends a request and waits for the answer. An answer that is an error is no error here: see Reply.Errno.
func (k *Kernel) Call(r *Request) (Reply, error) {
	if !r.Opcode.HasReply() {
		return Reply{}, fmt.Errorf("call %v: has no reply, use Send", r.Opcode)
	}
	if err := k.Send(r); err != nil {
		return Reply{}, err
	}
	return k.Reply(r.Unique)
}

// Reply waits for the answer to the request with that number.
func (k *Kernel) Reply(unique uint64) (Reply, error) {
	c := k.call(unique)
	if c == nil {
		return Reply{}, fmt.Errorf("reply to %d: no such request, or its reply was taken already", unique)
	}
	timer := time.NewTimer(k.Timeout)
	defer timer.Stop()
	select {
	case r := <-c.reply:
		return k.taken(r), nil
	case <-k.done:
	case <-timer.C:
	}
	if r, ok := k.TryReply(unique); ok {
		return r, nil
	}
	if err := k.Err(); err != nil {
		return Reply{}, fmt.Errorf("reply to %v %d: %w", c.op, unique, err)
	}
	return Reply{}, fmt.Errorf("reply to %v %d: none within %v", c.op, unique, k.Timeout)
}

// TryReply returns the answer to the request with that number if it is there.
func (k *Kernel) TryReply(unique uint64) (Reply, bool) {
	c := k.call(unique)
	if c == nil {
		return Reply{}, false
	}
	select {
	case r := <-c.reply:
		return k.taken(r), true
	default:
		return Reply{}, false
	}
}

// Unanswered returns the numbers of the requests that have not been answered, but for those that have no reply.
func (k *Kernel) Unanswered() []uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []uint64
	for unique, c := range k.calls {
		if !c.answered && c.op.HasReply() {
			list = append(list, unique)
		}
	}
	slices.Sort(list)
	return list
}

// Notification returns the next notification, waiting for at most timeout.
func (k *Kernel) Notification(timeout time.Duration) (Notification, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		if n, ok := k.nextNote(); ok {
			return n, nil
		}
		select {
		case <-k.noteWake:
			continue
		case <-k.done:
		case <-timer.C:
		}
		if n, ok := k.nextNote(); ok {
			return n, nil
		}
		if err := k.Err(); err != nil {
			return Notification{}, fmt.Errorf("notification: %w", err)
		}
		return Notification{}, fmt.Errorf("notification: none within %v", timeout)
	}
}

// Err returns why the connection has ended, or nil while it has not.
func (k *Kernel) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// SendInit sends the INIT request.
func (k *Kernel) SendInit(p InitParams) error {
	r := p.Request()
	r.Unique = k.NextUnique()
	k.mu.Lock()
	k.initUnique = r.Unique
	k.mu.Unlock()
	return k.Send(r)
}

// InitReply waits for the answer to the last SendInit. A reply that is an error is returned as such.
func (k *Kernel) InitReply() (InitOut, error) {
	k.mu.Lock()
	unique := k.initUnique
	k.mu.Unlock()
	r, err := k.Reply(unique)
	if err != nil {
		return InitOut{}, err
	}
	return r.Init()
}

func (k *Kernel) call(unique uint64) *call {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[unique]
}

// taken drops the request of a reply that somebody has taken.
func (k *Kernel) taken(r Reply) Reply {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.calls, r.Unique)
	return r
}

func (k *Kernel) nextNote() (Notification, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.notes) == 0 {
		return Notification{}, false
	}
	n := k.notes[0]
	k.notes = k.notes[1:]
	if len(k.notes) > 0 {
		k.wakeNote() // somebody else may be waiting as well
	}
	return n, true
}

func (k *Kernel) wakeNote() {
	select {
	case k.noteWake <- struct{}{}:
	default:
	}
}
