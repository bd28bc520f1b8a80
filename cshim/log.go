package cshim

// #include "shim.h"
// #include <stdlib.h>
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// installLog takes libfuse's log over from C, where it stays until there is something to do with it.
var installLog = sync.OnceFunc(func() { C.gf_log_install() })

// captured runs f and returns what libfuse logs meanwhile, on this thread, at level warning or worse.
func captured(f func()) string {
	installLog()
	said := (*C.struct_gf_capture)(C.calloc(1, C.sizeof_struct_gf_capture))
	defer C.free(unsafe.Pointer(said))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.gf_log_capture(said)
	f()
	C.gf_log_capture(nil)
	return strings.TrimSpace(C.GoString(&said.text[0]))
}

// SetLogger has what libfuse logs passed to f; nil: to stderr. It is one for the whole process.
func SetLogger(f func(level int, text string)) {
	if f == nil {
		C.gf_log_to_go(false)
		logger.Store(nil)
		return
	}
	logger.Store(&f)
	installLog()
	C.gf_log_to_go(true)
}

// CaptureStderr has what libfuse prints by perror passed to the logger too. It reports whether the C library can.
func CaptureStderr(on bool) bool { return C.gf_stderr_capture(C.bool(on)) == 0 }
