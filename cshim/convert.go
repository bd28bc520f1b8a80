package cshim

// #include "shim.h"
// #include <fcntl.h>
// #include <sys/stat.h>
// #include <sys/statvfs.h>
import "C"

import "unsafe"

// Between libfuse's structs, which are the caller's, and those that Go can read: to first.

func FileFromC(to, from unsafe.Pointer) {
	C.gf_file_get((*C.struct_gf_file)(to), (*C.struct_fuse_file_info)(from))
}

func FileToC(to, from unsafe.Pointer) {
	C.gf_file_put_all((*C.struct_fuse_file_info)(to), (*C.struct_gf_file)(from))
}

func StatFromC(to, from unsafe.Pointer) {
	C.gf_stat_get((*C.struct_gf_stat)(to), (*C.struct_stat)(from))
}

func StatToC(to, from unsafe.Pointer) {
	C.gf_stat_put((*C.struct_stat)(to), (*C.struct_gf_stat)(from))
}

func EntryFromC(to, from unsafe.Pointer) {
	C.gf_entry_get((*C.struct_gf_entry)(to), (*C.struct_fuse_entry_param)(from))
}

func EntryToC(to, from unsafe.Pointer) {
	C.gf_entry_put((*C.struct_fuse_entry_param)(to), (*C.struct_gf_entry)(from))
}

func StatfsFromC(to, from unsafe.Pointer) {
	C.gf_statfs_get((*C.struct_gf_statfs)(to), (*C.struct_statvfs)(from))
}

func StatfsToC(to, from unsafe.Pointer) {
	C.gf_statfs_put((*C.struct_statvfs)(to), (*C.struct_gf_statfs)(from))
}

func LockFromC(to, from unsafe.Pointer) {
	C.gf_lock_get((*C.struct_gf_lock)(to), (*C.struct_flock)(from))
}

func LockToC(to, from unsafe.Pointer) {
	C.gf_lock_put((*C.struct_flock)(to), (*C.struct_gf_lock)(from))
}
