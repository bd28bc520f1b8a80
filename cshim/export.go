package cshim

// #include "shim.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Handler is what a session calls: implemented by package lowlevel.
type Handler interface {
	// Dispatch works on a request and returns its errno, 0 for success. The results go into c.
	Dispatch(c *Call) int32
	// Init negotiates; it may change c.
	Init(c *ConnInfo)
	// Destroy is the end of the session. It returns whether nothing uses the Session any more.
	Destroy() bool
	// AfterReply says that the reply of the call that set Call.After to id has left.
	AfterReply(id uint64)
	// Interrupted says that the kernel interrupts the request that is watched as id.
	Interrupted(id uint64)
	// Ended says that the session has ended by itself, by unmount (0) or failure (an errno). It must not block.
	Ended(errno int32)
}

// The handlers by number: C knows a session's handler by its index here. It is written under lock and read without.
var handlers struct {
	sync.Mutex
	table atomic.Pointer[[]Handler]
}

func register(h Handler) uint64 {
	handlers.Lock()
	defer handlers.Unlock()
	var old []Handler
	if p := handlers.table.Load(); p != nil {
		old = *p
	}
	table := append([]Handler(nil), old...)
	for i, used := range table {
		if used == nil {
			table[i] = h
			handlers.table.Store(&table)
			return uint64(i)
		}
	}
	table = append(table, h)
	handlers.table.Store(&table)
	return uint64(len(table) - 1)
}

func unregister(id uint64) {
	handlers.Lock()
	defer handlers.Unlock()
	table := append([]Handler(nil), *handlers.table.Load()...)
	table[id] = nil
	handlers.table.Store(&table)
}

func handler(id C.uint64_t) Handler { return (*handlers.table.Load())[id] }

//export gfDispatch
func gfDispatch(c *C.struct_gf_call) C.int {
	return C.int(handler(c.session).Dispatch((*Call)(unsafe.Pointer(c))))
}

//export gfInit
func gfInit(session C.uint64_t, c *C.struct_gf_conn) {
	handler(session).Init((*ConnInfo)(unsafe.Pointer(c)))
}

//export gfDestroy
func gfDestroy(session C.uint64_t) C.bool { return C.bool(handler(session).Destroy()) }

//export gfAfterReply
func gfAfterReply(session, id C.uint64_t) { handler(session).AfterReply(uint64(id)) }

//export gfInterrupted
func gfInterrupted(session, id C.uint64_t) { handler(session).Interrupted(uint64(id)) }

//export gfEnded
func gfEnded(session C.uint64_t, errno C.int) { handler(session).Ended(int32(errno)) }

// logger takes what libfuse says: level as in enum fuse_log_level (syslog's numbers).
var logger atomic.Pointer[func(level int, text string)]

//export gfLog
func gfLog(level C.int, text *C.char, n C.size_t) {
	if f := logger.Load(); f != nil {
		(*f)(int(level), C.GoStringN(text, C.int(n)))
	}
}

//export gfPause
func gfPause() { runtime.Gosched() }
