package lowlevel

import (
	"math"
	"slices"
	"strings"
	"syscall"
)

// InvalInode queues what [Notifier.InvalInode] does.
func (q *NotifyQueue) InvalInode(ino Ino) error {
	return q.put(&message{kind: kindInvalInode, ino: ino}, true)
}

// TryInvalInode is InvalInode that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryInvalInode(ino Ino) error {
	return q.put(&message{kind: kindInvalInode, ino: ino}, false)
}

// InvalInodeRange queues what [Notifier.InvalInodeRange] does.
//
// Errors: EINVAL where off is negative or size not positive.
func (q *NotifyQueue) InvalInodeRange(ino Ino, off, size int64) error {
	return q.putRange(ino, off, size, true)
}

// TryInvalInodeRange is InvalInodeRange that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryInvalInodeRange(ino Ino, off, size int64) error {
	return q.putRange(ino, off, size, false)
}

// InvalInodeAttr queues what [Notifier.InvalInodeAttr] does. Behind others of the same inode it waits for them.
func (q *NotifyQueue) InvalInodeAttr(ino Ino) error {
	return q.put(&message{kind: kindInvalInodeAttr, ino: ino, off: -1}, true)
}

// TryInvalInodeAttr is InvalInodeAttr that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryInvalInodeAttr(ino Ino) error {
	return q.put(&message{kind: kindInvalInodeAttr, ino: ino, off: -1}, false)
}

// InvalEntry queues what [Notifier.InvalEntry] does.
//
// Errors: EINVAL for a NUL in name.
func (q *NotifyQueue) InvalEntry(parent Ino, name string) error {
	return q.putName(&message{kind: kindInvalEntry, parent: parent, name: name}, true)
}

// TryInvalEntry is InvalEntry that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryInvalEntry(parent Ino, name string) error {
	return q.putName(&message{kind: kindInvalEntry, parent: parent, name: name}, false)
}

// ExpireEntry queues what [Notifier.ExpireEntry] does.
//
// Errors: EINVAL for a NUL in name.
//
// Since: FUSE protocol 7.38 (Linux 6.2).
func (q *NotifyQueue) ExpireEntry(parent Ino, name string) error {
	return q.putName(&message{kind: kindExpireEntry, parent: parent, name: name}, true)
}

// TryExpireEntry is ExpireEntry that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryExpireEntry(parent Ino, name string) error {
	return q.putName(&message{kind: kindExpireEntry, parent: parent, name: name}, false)
}

// Delete queues what [Notifier.Delete] does.
//
// Errors: EINVAL for a NUL in name.
func (q *NotifyQueue) Delete(parent, child Ino, name string) error {
	return q.putName(&message{kind: kindDelete, parent: parent, ino: child, name: name}, true)
}

// TryDelete is Delete that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryDelete(parent, child Ino, name string) error {
	return q.putName(&message{kind: kindDelete, parent: parent, ino: child, name: name}, false)
}

// Store queues what [Notifier.Store] does. The queue keeps data, and the slice of the pieces, until they are sent or replaced: they must not be changed any
// more. QueueConfig.Size does not count bytes.
//
// Errors: EINVAL where off is negative.
func (q *NotifyQueue) Store(ino Ino, off int64, data ...[]byte) error {
	return q.putStore(ino, off, data, true)
}

// TryStore is Store that does not wait for room: ErrQueueFull. Then data is the caller's again.
func (q *NotifyQueue) TryStore(ino Ino, off int64, data ...[]byte) error {
	return q.putStore(ino, off, data, false)
}

// IncrementEpoch queues what [Notifier.IncrementEpoch] does.
//
// Since: FUSE protocol 7.44 (Linux 6.16).
func (q *NotifyQueue) IncrementEpoch() error {
	return q.put(&message{kind: kindIncrementEpoch}, true)
}

// TryIncrementEpoch is IncrementEpoch that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryIncrementEpoch() error {
	return q.put(&message{kind: kindIncrementEpoch}, false)
}

// Prune queues what [Notifier.Prune] does. Inodes of several calls go in one message; one is sent at a time.
//
// Since: FUSE protocol 7.45 (Linux 6.18).
func (q *NotifyQueue) Prune(inos ...Ino) error { return q.putPrune(inos, true) }

// TryPrune is Prune that does not wait for room: ErrQueueFull.
func (q *NotifyQueue) TryPrune(inos ...Ino) error { return q.putPrune(inos, false) }

func (q *NotifyQueue) putRange(ino Ino, off, size int64, wait bool) error {
	if off < 0 || size <= 0 {
		return syscall.EINVAL
	}
	if size > math.MaxInt64-off {
		size = 0 // to the end
	}
	return q.put(&message{kind: kindInvalInode, ino: ino, off: off, size: size}, wait)
}

func (q *NotifyQueue) putName(m *message, wait bool) error {
	if strings.IndexByte(m.name, 0) >= 0 {
		return syscall.EINVAL
	}
	return q.put(m, wait)
}

func (q *NotifyQueue) putStore(ino Ino, off int64, data [][]byte, wait bool) error {
	if off < 0 {
		return syscall.EINVAL
	}
	return q.put(&message{kind: kindStore, ino: ino, off: off, data: data}, wait)
}

func (q *NotifyQueue) putPrune(inos []Ino, wait bool) error {
	return q.put(&message{kind: kindPrune, inos: slices.Clone(inos)}, wait)
}
