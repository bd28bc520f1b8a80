package fusetest

import (
	"bytes"
	"fmt"
	"math"
)

// Sizes of structs that have grown, in protocol 7.9 and (statfs) 7.4.
const (
	compatEntryOutSize = 120
	compatAttrOutSize  = 96
	compatStatfsSize   = 48
	entryOutSize       = 128
	attrOutSize        = 104
	statfsOutSize      = 80
	openOutSize        = 16
	direntSize         = 24
)

// ParseEntryOut reads a struct fuse_entry_out, also of a protocol before 7.9.
func ParseEntryOut(body []byte) (EntryOut, error) {
	return decode[EntryOut](grow(body, compatEntryOutSize, entryOutSize))
}

// ParseAttrOut reads a struct fuse_attr_out, also of a protocol before 7.9.
func ParseAttrOut(body []byte) (AttrOut, error) {
	return decode[AttrOut](grow(body, compatAttrOutSize, attrOutSize))
}

// ParseStatfsOut reads a struct fuse_statfs_out, also of a protocol before 7.4.
func ParseStatfsOut(body []byte) (StatfsOut, error) {
	return decode[StatfsOut](grow(body, compatStatfsSize, statfsOutSize))
}

// grow pads a struct of an older protocol with zeros.
func grow(body []byte, from, to int) []byte {
	if len(body) != from {
		return body
	}
	return append(bytes.Clone(body), make([]byte, to-from)...)
}

// ParseCreateOut reads a struct fuse_entry_out and the struct fuse_open_out behind it.
func ParseCreateOut(body []byte) (EntryOut, OpenOut, error) {
	n := len(body) - openOutSize
	if n != entryOutSize && n != compatEntryOutSize {
		return EntryOut{}, OpenOut{}, fmt.Errorf("create: got %d bytes, want %d", len(body), entryOutSize+openOutSize)
	}
	e, err := ParseEntryOut(body[:n])
	if err != nil {
		return EntryOut{}, OpenOut{}, err
	}
	o, err := decode[OpenOut](body[n:])
	return e, o, err
}

// ParseDirents reads the entries of a directory, as strictly as the kernel does.
func ParseDirents(body []byte) ([]Dirent, error) {
	var list []Dirent
	for len(body) > 0 {
		d, rest, err := parseDirent(body)
		if err != nil {
			return list, fmt.Errorf("entry %d: %w", len(list), err)
		}
		list, body = append(list, d), rest
	}
	return list, nil
}

// ParseDirentsPlus reads the entries of a directory with attributes, as strictly as the kernel does.
func ParseDirentsPlus(body []byte) ([]DirentPlus, error) {
	var list []DirentPlus
	for len(body) > 0 {
		e, rest, err := decodePrefix[EntryOut](body)
		if err != nil {
			return list, fmt.Errorf("entry %d: %w", len(list), err)
		}
		d, rest, err := parseDirent(rest)
		if err != nil {
			return list, fmt.Errorf("entry %d: %w", len(list), err)
		}
		list, body = append(list, DirentPlus{e, d}), rest
	}
	return list, nil
}

func parseDirent(body []byte) (Dirent, []byte, error) {
	h, rest, err := decodePrefix[direntHead](body)
	if err != nil {
		return Dirent{}, nil, err
	}
	padded := pad8(direntSize+int(h.Namelen)) - direntSize
	if padded > len(rest) {
		return Dirent{}, nil, fmt.Errorf("name of %d bytes: only %d there", h.Namelen, len(rest))
	}
	name, padding := rest[:h.Namelen], rest[h.Namelen:padded]
	switch {
	case len(name) == 0:
		return Dirent{}, nil, fmt.Errorf("empty name")
	case bytes.ContainsAny(name, "/\x00"):
		return Dirent{}, nil, fmt.Errorf("name %q holds a '/' or NUL", name)
	case len(bytes.Trim(padding, "\x00")) > 0:
		return Dirent{}, nil, fmt.Errorf("padding behind %q is not zero: %x", name, padding)
	case h.Off > math.MaxInt64:
		return Dirent{}, nil, fmt.Errorf("offset %d of %q is negative", int64(h.Off), name)
	}
	return Dirent{Ino: h.Ino, Off: h.Off, Type: h.Type, Name: string(name)}, rest[padded:], nil
}
