//go:build race || asan || msan

package lowlevel_test

// sanitized tells that memory is watched, which allocates by itself.
const sanitized = true
