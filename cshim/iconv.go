package cshim

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"syscall"
	"unsafe"
)

// Iconv is an iconv_t: a conversion from one encoding to another. It is for one goroutine at a time.
type Iconv struct{ p *C.struct_gf_iconv }

// OpenIconv is iconv_open. EINVAL: the C library has no such conversion.
func OpenIconv(from, to string) (*Iconv, error) {
	cfrom, cto := C.CString(from), C.CString(to)
	defer C.free(unsafe.Pointer(cfrom))
	defer C.free(unsafe.Pointer(cto))
	var p *C.struct_gf_iconv
	if rc := C.gf_iconv_open(cto, cfrom, &p); rc != 0 {
		C.gf_iconv_close(p)
		return nil, syscall.Errno(rc)
	}
	c := &Iconv{p}
	runtime.AddCleanup(c, func(p *C.struct_gf_iconv) { C.gf_iconv_close(p) }, p)
	return c, nil
}

// Convert converts a whole text. EILSEQ: it is no good in one encoding, or not to be had in the other.
func (c *Iconv) Convert(s string) (string, error) {
	for room := len(s) + 16; ; room *= 2 {
		out := make([]byte, room)
		n := C.size_t(room)
		rc := C.gf_iconv_convert(c.p, (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s)), (*C.char)(unsafe.Pointer(&out[0])), &n)
		runtime.KeepAlive(c)
		switch {
		case rc == 0:
			return string(out[:n]), nil
		case syscall.Errno(rc) != syscall.E2BIG:
			return "", syscall.Errno(rc)
		}
	}
}

// Codeset returns the encoding of the environment's locale, or "" where that locale is not installed.
func Codeset() string {
	name := C.gf_codeset()
	defer C.free(unsafe.Pointer(name))
	return C.GoString(name)
}
