package cshim

// #include "shim.h"
import "C"

// HeaderVersion is FUSE_VERSION of the headers that this program was compiled with: 314 for 3.14.
const HeaderVersion = C.FUSE_VERSION

// What the headers have, beyond libfuse 3.14.
const (
	HavePassthrough    = C.GF_HAVE_PASSTHROUGH != 0
	HaveNoInterrupt    = C.GF_HAVE_NO_INTERRUPT != 0
	HaveRequestTimeout = C.GF_HAVE_REQUEST_TIMEOUT != 0
)

// LibraryVersion is fuse_version(): of the library that is loaded.
func LibraryVersion() int { return int(C.fuse_version()) }

// PackageVersion is fuse_pkgversion(): of the library that is loaded, such as "3.14.0".
func PackageVersion() string { return C.GoString(C.fuse_pkgversion()) }

// FlushBit is the bit of fi->flush in the layout that this program was compiled with.
func FlushBit() int { return int(C.gf_file_layout()) }
