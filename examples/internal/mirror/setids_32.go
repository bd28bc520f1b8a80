//go:build 386 || arm

package mirror

import "golang.org/x/sys/unix"

// The calls without "32" have IDs of 16 bits on these architectures.
const (
	sysSetresuid = unix.SYS_SETRESUID32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetgroups = unix.SYS_SETGROUPS32
)
