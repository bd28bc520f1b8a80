package fusetest

import (
	"encoding/binary"
	"os"
	"slices"
)

// Request is a message to the filesystem. The functions that return one ([Lookup], [Read] and so on) fill in Opcode, NodeID and Body,
// and make it come from the test's own user and process. Everything may be changed before it is sent.
type Request struct {
	InHeader
	// Body is what follows the header.
	Body []byte
	// ForceLen keeps the header's Len as it is, which is filled in otherwise: for requests that lie about their length.
	ForceLen bool
}

// NewRequest returns a request with any opcode and body. Body parts may be structs of this package, []byte, and strings, which
// are followed by a NUL.
func NewRequest(op Opcode, nodeID uint64, parts ...any) *Request {
	r := &Request{InHeader: InHeader{
		Opcode: op, NodeID: nodeID,
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), PID: uint32(os.Getpid()),
	}}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			r.Body = cstring(r.Body, p)
		case []byte:
			r.Body = append(r.Body, p...)
		default:
			r.Body = appendStruct(r.Body, p)
		}
	}
	return r
}

// Bytes returns the message as it goes over the wire.
func (r *Request) Bytes() []byte {
	h := r.InHeader
	if !r.ForceLen {
		h.Len = uint32(InHeaderSize + len(r.Body))
	}
	return append(appendStruct(make([]byte, 0, InHeaderSize+len(r.Body)), h), r.Body...)
}

// As sets whom the request comes from, and returns r.
func (r *Request) As(uid, gid, pid uint32) *Request {
	r.UID, r.GID, r.PID = uid, gid, pid
	return r
}

// WithUnique sets the number of the request, and returns r.
func (r *Request) WithUnique(unique uint64) *Request {
	r.Unique = unique
	return r
}

// WithExtension adds an extension header (protocol 7.38) of the given type with data, padded to 8 bytes, and returns r. Type
// ExtGroups carries supplementary groups, types up to 31 are the number of security contexts.
func (r *Request) WithExtension(typ uint32, data []byte) *Request {
	size := pad8(8 + len(data))
	ext := binary.NativeEndian.AppendUint32(nil, uint32(size))
	ext = binary.NativeEndian.AppendUint32(ext, typ)
	ext = append(ext, data...)
	r.Body = append(r.Body, ext...)
	r.Body = append(r.Body, make([]byte, size-len(ext))...)
	r.TotalExtlen += uint16(size / 8)
	return r
}

// ExtGroups is the type of an extension with supplementary groups, FUSE_EXT_GROUPS.
const ExtGroups = 32

// Compat rewrites the body as a kernel of the older protocol 7.minor sends it, and returns r. It must be called before an
// extension is added.
func (r *Request) Compat(minor uint32) *Request {
	cut := func(from, to int) { r.Body = slices.Delete(r.Body, from, min(to, len(r.Body))) }
	if minor < 12 {
		switch r.Opcode {
		case OpMknod: // no umask
			cut(8, 16)
		case OpCreate: // struct fuse_open_in: flags and mode
			cut(8, 16)
		}
	}
	if minor < 9 {
		switch r.Opcode {
		case OpGetattr:
			cut(0, 16)
		case OpRead, OpReaddir, OpWrite: // no lock owner, no flags
			cut(24, 40)
		}
	}
	return r
}

// # Malformed requests

// Truncated returns a copy of r whose body is cut to n bytes, with a header that tells the length truly.
func (r *Request) Truncated(n int) *Request {
	c := r.Clone()
	c.Body = c.Body[:min(n, len(c.Body))]
	return c
}

// WithLen returns a copy of r whose header claims a length of n bytes.
func (r *Request) WithLen(n uint32) *Request {
	c := r.Clone()
	c.Len, c.ForceLen = n, true
	return c
}

// WithBody returns a copy of r with another body.
func (r *Request) WithBody(body []byte) *Request {
	c := r.Clone()
	c.Body = slices.Clone(body)
	return c
}

// WithOpcode returns a copy of r with another opcode.
func (r *Request) WithOpcode(op Opcode) *Request {
	c := r.Clone()
	c.Opcode = op
	return c
}

// Clone returns a copy of r that shares nothing with it.
func (r *Request) Clone() *Request {
	c := *r
	c.Body = slices.Clone(r.Body)
	return &c
}

// Truncations returns a copy of r for every shorter length of its body.
func (r *Request) Truncations() []*Request {
	reqs := make([]*Request, len(r.Body))
	for n := range reqs {
		reqs[n] = r.Truncated(n)
	}
	return reqs
}
