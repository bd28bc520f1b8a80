//go:build fusedebug

package lowlevel

// debug makes misuse of what was only borrowed show: a Request that is used after its handler has returned panics, and
// buffers lose their content (in package cshim).
const debug = true
