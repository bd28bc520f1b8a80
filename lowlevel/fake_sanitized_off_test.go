//go:build !race && !asan && !msan && !fusedebug

package lowlevel_test

// sanitized tells that memory is watched, which takes memory and time of its own.
const sanitized = false
