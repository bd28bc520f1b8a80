package fusetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Sizes of the headers that every message begins with.
const (
	InHeaderSize  = 40
	OutHeaderSize = 16
)

// InHeader begins every request: struct fuse_in_header.
type InHeader struct {
	Len         uint32 // of the whole message; [Request.Bytes] fills it in
	Opcode      Opcode
	Unique      uint64 // names the request; [Kernel.Send] chooses one where it is 0
	NodeID      uint64
	UID         uint32
	GID         uint32
	PID         uint32
	TotalExtlen uint16 // length of the extensions at the end, in units of 8 bytes
	Padding     uint16
}

// OutHeader begins every reply and notification: struct fuse_out_header.
type OutHeader struct {
	Len    uint32
	Error  int32  // of a reply: 0 or a negative errno; of a notification: its code
	Unique uint64 // of the request; 0 in a notification
}

// appendStruct appends v as C has it in memory. v must be a struct of fixed-size fields without implicit padding.
func appendStruct(b []byte, v any) []byte {
	b, err := binary.Append(b, binary.NativeEndian, v)
	if err != nil {
		panic(err) // a type of this package that is no wire struct
	}
	return b
}

// decode reads a T from a message that must be exactly as long.
func decode[T any](body []byte) (T, error) {
	v, rest, err := decodePrefix[T](body)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%T: %d bytes too many", v, len(rest))
	}
	return v, err
}

// decodePrefix reads a T from the beginning of a message and returns what follows.
func decodePrefix[T any](body []byte) (v T, rest []byte, err error) {
	size := binary.Size(v)
	if len(body) < size {
		return v, nil, fmt.Errorf("%T: got %d bytes, want %d", v, len(body), size)
	}
	if _, err := binary.Decode(body, binary.NativeEndian, &v); err != nil {
		return v, nil, fmt.Errorf("%T: %w", v, err)
	}
	return v, body[size:], nil
}

// cstring appends s and a NUL byte.
func cstring(b []byte, s string) []byte { return append(append(b, s...), 0) }

// pad8 rounds up to a multiple of 8.
func pad8(n int) int { return (n + 7) &^ 7 }

// parseCString takes a NUL-terminated string of n bytes, not counting the NUL, off b.
func parseCString(b []byte, n uint32) (string, error) {
	if uint64(len(b)) != uint64(n)+1 || b[n] != 0 {
		return "", fmt.Errorf("name: got %d bytes %q, want %d and a NUL", len(b), b, n)
	}
	if i := bytes.IndexByte(b[:n], 0); i >= 0 {
		return "", fmt.Errorf("name: NUL at %d in %q", i, b[:n])
	}
	return string(b[:n]), nil
}
