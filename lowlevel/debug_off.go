//go:build !fusedebug

package lowlevel

const debug = false
