//go:build !asan

package cprogram

// Sanitized: with -asan the programs are built so, too.
const Sanitized = false
