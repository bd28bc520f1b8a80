package lowlevel

// message is a notification as a value, to be sent now or later.
type message struct {
	kind        kind
	ino, parent Ino
	name        string
	off, size   int64
	data        [][]byte
	inos        []Ino
	file        Buf
	cookie      uint64
	stored      *int // where to put how much was stored
	ofFile      bool // after sending: the error is that of file, not of the message
}

// kind is what a message says.
type kind uint8

const (
	kindInvalInode kind = iota
	kindInvalInodeAttr
	kindInvalEntry
	kindExpireEntry
	kindDelete
	kindStore
	kindStoreFD
	kindRetrieve
	kindResend
	kindIncrementEpoch
	kindPrune
)

// kinds is what there is to know of them.
var kinds = [...]struct {
	feature string
	minor   uint32 // the protocol that has it
	blocks  bool   // it may wait for requests
	bare    bool   // EINVAL can only mean that the kernel does not know it
}{
	kindInvalInode:     {"FUSE_NOTIFY_INVAL_INODE", 12, true, false},
	kindInvalInodeAttr: {"FUSE_NOTIFY_INVAL_INODE", 12, false, false},
	kindInvalEntry:     {"FUSE_NOTIFY_INVAL_ENTRY", 12, true, false},
	kindExpireEntry:    {"FUSE_EXPIRE_ONLY", 38, true, false},
	kindDelete:         {"FUSE_NOTIFY_DELETE", 18, true, false},
	kindStore:          {"FUSE_NOTIFY_STORE", 15, true, false},
	kindStoreFD:        {"FUSE_NOTIFY_STORE", 15, true, false},
	kindRetrieve:       {"FUSE_NOTIFY_RETRIEVE", 15, false, false},
	kindResend:         {"FUSE_NOTIFY_RESEND", 40, false, true},
	kindIncrementEpoch: {"FUSE_NOTIFY_INC_EPOCH", 44, false, true},
	kindPrune:          {"FUSE_NOTIFY_PRUNE", 45, true, true},
}

// supported checks whether the kernel can do it.
func (k kind) supported(conn *ConnInfo) error {
	if conn.ProtoMinor() < kinds[k].minor || k == kindExpireEntry && conn.Capable()&CapExpireOnly == 0 {
		return &UnsupportedError{kinds[k].feature, KernelLacks, "FUSE protocol " + needProto(kinds[k].minor)}
	}
	return nil
}

// send sends the message on s's C session, which must be there.
func (m *message) send(s *Session) error {
	c := s.c
	switch m.kind {
	case kindInvalInode, kindInvalInodeAttr:
		return c.InvalInode(uint64(m.ino), m.off, m.size)
	case kindInvalEntry:
		return c.InvalEntry(uint64(m.parent), m.name)
	case kindExpireEntry:
		return c.ExpireEntry(uint64(m.parent), m.name)
	case kindDelete:
		return c.Delete(uint64(m.parent), uint64(m.ino), m.name)
	case kindStore:
		return s.store(m)
	case kindStoreFD:
		return s.storeFD(m)
	case kindRetrieve:
		return c.Retrieve(uint64(m.ino), uint64(m.size), m.off, m.cookie)
	case kindResend:
		return c.Resend()
	case kindIncrementEpoch:
		return c.IncrementEpoch()
	case kindPrune:
		return s.prune(m.inos)
	}
	panic("lowlevel: unknown notification")
}
