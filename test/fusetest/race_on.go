//go:build race

package fusetest

import "github.com/go-libfuse3/go-libfuse3/cshim"

// ordered tells the race detector what it cannot see: that what was done before a request was sent comes before its handler, and
// what the handler did before what is done with the reply. It knows that of calls to and from C, so any such call will do.
func ordered() { cshim.InHandler() }
