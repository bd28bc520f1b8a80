//go:build !linux

package fusetest

// This package takes Linux. cshim says so in a line.
import _ "github.com/go-libfuse3/go-libfuse3/cshim"
