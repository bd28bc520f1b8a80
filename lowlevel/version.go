package lowlevel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Version returns the version of the libfuse that is loaded, 314 for 3.14.
//
// Implements:
//
//	int fuse_version(void);
func Version() int { return cshim.LibraryVersion() }

// PackageVersion returns the full version of the libfuse that is loaded, such as "3.14.0".
//
// Implements:
//
//	const char *fuse_pkgversion(void);
func PackageVersion() string { return cshim.PackageVersion() }

// HeaderVersion returns the version of the libfuse headers that this program was compiled with: FUSE_VERSION.
func HeaderVersion() int { return cshim.HeaderVersion }

func versionString(v int) string { return fmt.Sprintf("libfuse %d.%d", v/100, v%100) }

// VersionError says that the program was compiled for another libfuse than the one that is loaded, and that the two do not
// go together.
type VersionError struct {
	Compiled string // what the program was compiled for
	Loaded   string // what is loaded
	Reason   string
}

// Error says what does not fit, and what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("compiled for libfuse %s, but %s is loaded: %s (rebuild with go build -a)",
		e.Compiled, e.Loaded, e.Reason)
}

// checkVersion compares what is loaded with what the program was compiled for.
func checkVersion() error {
	return compareVersions(cshim.HeaderVersion, cshim.FlushBit(), cshim.LibraryVersion(), cshim.PackageVersion())
}

func compareVersions(header, flushBit, library int, pkg string) error {
	e := &VersionError{Compiled: fmt.Sprintf("%d.%d", header/100, header%100), Loaded: pkg}
	if header > library {
		e.Reason = "it is older, and lacks functions"
		return e
	}
	if want := flushBitOf(pkg); want != flushBit {
		e.Reason = "struct fuse_file_info has another layout"
		return e
	}
	return nil
}

// flushBitOf returns where libfuse of that version has fi->flush. 3.14.1 to 3.16.x had put another bit before
// it, under the same soname.
func flushBitOf(pkg string) int {
	part := strings.FieldsFunc(pkg, func(r rune) bool { return r < '0' || r > '9' })
	number := func(i int) int {
		if i >= len(part) {
			return 0
		}
		n, _ := strconv.Atoi(part[i])
		return n
	}
	minor, patch := number(1), number(2)
	if number(0) == 3 && (minor == 14 && patch >= 1 || minor == 15 || minor == 16) {
		return 4
	}
	return 3
}
