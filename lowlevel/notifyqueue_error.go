package lowlevel

import "fmt"

// NotifyError says which notification of a NotifyQueue failed, and why.
type NotifyError struct {
	Op     string // as C calls it: "inval_inode", "inval_entry", "expire_entry", "delete", "store", "increment_epoch", "prune"
	Ino    Ino    // what it was about; for Delete the child, for Prune the first
	Parent Ino    // with Name: the directory
	Name   string // "" where it was about no entry
	Err    error
}

// Error returns what was to be done, and the cause.
func (e *NotifyError) Error() string {
	what := "notify " + e.Op
	if e.Name != "" {
		what += fmt.Sprintf(" %.80q in %d", e.Name, e.Parent)
	}
	if e.Ino != 0 {
		what += fmt.Sprintf(" inode %d", e.Ino)
	}
	return what + ": " + e.Err.Error()
}

// Unwrap returns the cause: an Errno, or an *UnsupportedError.
func (e *NotifyError) Unwrap() error { return e.Err }

var notifyOps = [...]string{
	kindInvalInode:     "inval_inode",
	kindInvalInodeAttr: "inval_inode",
	kindInvalEntry:     "inval_entry",
	kindExpireEntry:    "expire_entry",
	kindDelete:         "delete",
	kindStore:          "store",
	kindIncrementEpoch: "increment_epoch",
	kindPrune:          "prune",
}

func newNotifyError(m *message, err error) *NotifyError {
	e := &NotifyError{Op: notifyOps[m.kind], Ino: m.ino, Parent: m.parent, Name: m.name, Err: err}
	if len(m.inos) > 0 {
		e.Ino = m.inos[0]
	}
	return e
}
