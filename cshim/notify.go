package cshim

// #include "shim.h"
import "C"

import "unsafe"

// Messages to the kernel. Each may block as long as the kernel wants.

// IsSocket tells whether the session's fd is a socket.
func (s *Session) IsSocket() bool { return bool(s.c.socket) }

// chars returns a string as C reads it, without an end.
func chars(name string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(name))), C.size_t(len(name))
}

// InvalInode is fuse_lowlevel_notify_inval_inode.
func (s *Session) InvalInode(ino uint64, off, length int64) error {
	return errno(C.gf_notify_inval_inode(s.c, C.uint64_t(ino), C.int64_t(off), C.int64_t(length)))
}

// InvalEntry is fuse_lowlevel_notify_inval_entry.
func (s *Session) InvalEntry(parent uint64, name string) error {
	p, n := chars(name)
	return errno(C.gf_notify_inval_entry(s.c, C.uint64_t(parent), p, n))
}

// ExpireEntry is fuse_lowlevel_notify_expire_entry.
func (s *Session) ExpireEntry(parent uint64, name string) error {
	p, n := chars(name)
	return errno(C.gf_notify_expire_entry(s.c, C.uint64_t(parent), p, n))
}

// Delete is fuse_lowlevel_notify_delete.
func (s *Session) Delete(parent, child uint64, name string) error {
	p, n := chars(name)
	return errno(C.gf_notify_delete(s.c, C.uint64_t(parent), C.uint64_t(child), p, n))
}

// Resend has the kernel send again what it waits for.
func (s *Session) Resend() error { return errno(C.gf_notify_resend(s.c)) }

// IncrementEpoch is fuse_lowlevel_notify_increment_epoch.
func (s *Session) IncrementEpoch() error { return errno(C.gf_notify_increment_epoch(s.c)) }

// Prune is fuse_lowlevel_notify_prune.
func (s *Session) Prune(inos []uint64) error {
	return errno(C.gf_notify_prune(s.c, (*C.uint64_t)(unsafe.SliceData(inos)), C.uint32_t(len(inos))))
}

// Store is fuse_lowlevel_notify_store for less than 4 GiB of memory. cgo holds data in place meanwhile.
func (s *Session) Store(ino uint64, off int64, data []byte) error {
	return errno(C.gf_notify_store(s.c, C.uint64_t(ino), C.int64_t(off), unsafe.Pointer(unsafe.SliceData(data)), C.uint32_t(len(data))))
}

// StoreMaxPieces is how many pieces StoreV takes.
const StoreMaxPieces = 1022

// StoreV is Store for pieces of memory.
func (s *Session) StoreV(ino uint64, off int64, bufs []Buf) error {
	p, n, free := pinned(bufs)
	defer free()
	return errno(C.gf_notify_storev(s.c, C.uint64_t(ino), C.int64_t(off), p, n))
}

// StoreFD is Store for a part of a file. It returns how much it has stored, and whether the error is that of reading the file.
func (s *Session) StoreFD(ino uint64, off int64, from Buf) (stored uint64, ofFile bool, err error) {
	var done C.uint64_t
	var file C.bool
	err = errno(C.gf_notify_store_fd(s.c, C.uint64_t(ino), C.int64_t(off), (*C.struct_gf_buf)(unsafe.Pointer(&from)), &done, &file))
	return uint64(done), bool(file), err
}

// Retrieve is fuse_lowlevel_notify_retrieve: the answer comes as OpRetrieveReply with the cookie.
func (s *Session) Retrieve(ino uint64, size uint64, off int64, cookie uint64) error {
	return errno(C.gf_notify_retrieve(s.c, C.uint64_t(ino), C.size_t(size), C.off_t(off), C.uint64_t(cookie)))
}
