package fusetest

import (
	"fmt"
)

// Notification is a message that the filesystem sends on its own account.
type Notification struct {
	Code NotifyCode
	// Body is what follows the header.
	Body []byte
}

// String describes the notification in a line.
func (n Notification) String() string {
	return fmt.Sprintf("%v: %d bytes %.64x", n.Code, len(n.Body), n.Body)
}

// Bytes returns the message as it came over the wire.
func (n Notification) Bytes() []byte {
	h := OutHeader{Len: uint32(OutHeaderSize + len(n.Body)), Error: int32(n.Code)}
	return append(appendStruct(nil, h), n.Body...)
}

func (n Notification) expect(code NotifyCode) error {
	if n.Code != code {
		return fmt.Errorf("notification: got %v, want %v", n, code)
	}
	return nil
}

// parseNotification reads the struct at the head of a notification of the given kind.
func parseNotification[T any](n Notification, code NotifyCode) (v T, rest []byte, err error) {
	if err := n.expect(code); err != nil {
		return v, nil, err
	}
	return decodePrefix[T](n.Body)
}

// Poll reads a notification that a file became ready.
func (n Notification) Poll() (PollWakeupOut, error) {
	if err := n.expect(NotifyPoll); err != nil {
		return PollWakeupOut{}, err
	}
	return decode[PollWakeupOut](n.Body)
}

// InvalInode reads a notification that an inode is stale.
func (n Notification) InvalInode() (InvalInodeOut, error) {
	if err := n.expect(NotifyInvalInode); err != nil {
		return InvalInodeOut{}, err
	}
	return decode[InvalInodeOut](n.Body)
}

// InvalEntry reads a notification that a name is stale or (ExpireOnly) expired.
func (n Notification) InvalEntry() (InvalEntryOut, string, error) {
	v, rest, err := parseNotification[InvalEntryOut](n, NotifyInvalEntry)
	if err != nil {
		return v, "", err
	}
	name, err := parseCString(rest, v.Namelen)
	return v, name, err
}

// Delete reads a notification that a name has been removed.
func (n Notification) Delete() (DeleteOut, string, error) {
	v, rest, err := parseNotification[DeleteOut](n, NotifyDelete)
	if err != nil {
		return v, "", err
	}
	name, err := parseCString(rest, v.Namelen)
	return v, name, err
}

// Store reads a notification with data for the page cache.
func (n Notification) Store() (StoreOut, []byte, error) {
	v, rest, err := parseNotification[StoreOut](n, NotifyStore)
	if err == nil && uint64(len(rest)) != uint64(v.Size) {
		err = fmt.Errorf("%v: got %d bytes of data, want %d", n.Code, len(rest), v.Size)
	}
	return v, rest, err
}

// Retrieve reads a notification that asks for data of the page cache. [NotifyReply] answers it.
func (n Notification) Retrieve() (RetrieveOut, error) {
	if err := n.expect(NotifyRetrieve); err != nil {
		return RetrieveOut{}, err
	}
	return decode[RetrieveOut](n.Body)
}

// Prune reads a notification that names inodes to drop.
func (n Notification) Prune() ([]uint64, error) {
	v, rest, err := parseNotification[PruneOut](n, NotifyPrune)
	if err != nil {
		return nil, err
	}
	if uint64(len(rest)) != 8*uint64(v.Count) {
		return nil, fmt.Errorf("%v: got %d bytes of node IDs, want %d of them", n.Code, len(rest), v.Count)
	}
	ids := make([]uint64, v.Count)
	for i := range ids {
		if ids[i], rest, err = decodePrefix[uint64](rest); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Empty checks a notification that has nothing but its code: NotifyResend or NotifyIncEpoch.
func (n Notification) Empty(code NotifyCode) error {
	if err := n.expect(code); err != nil {
		return err
	}
	if len(n.Body) != 0 {
		return fmt.Errorf("%v: has a body", n)
	}
	return nil
}

// TryNotification returns the next notification if it is there.
func (k *Kernel) TryNotification() (Notification, bool) { return k.nextNote() }
