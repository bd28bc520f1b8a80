package cshim

// #include "shim.h"
import "C"

import (
	"runtime"
	"strings"
)

func init() { C.gf_log_install() }

// captured runs f and returns what libfuse logs meanwhile, on this thread, at level warning or worse.
func captured(f func()) string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.gf_log_capture(true)
	f()
	C.gf_log_capture(false)
	return strings.TrimSpace(C.GoString(C.gf_log_captured()))
}

// SetLogger has what libfuse logs passed to f; nil: to stderr. It is one for the whole process.
func SetLogger(f func(level int, text string)) {
	if f == nil {
		C.gf_log_to_go(false)
		logger.Store(nil)
		return
	}
	logger.Store(&f)
	C.gf_log_to_go(true)
}

// CaptureStderr has what libfuse prints by perror passed to the logger too. It reports whether the C library can.
func CaptureStderr(on bool) bool { return C.gf_stderr_capture(C.bool(on)) == 0 }
