package lowlevel

import (
	"strconv"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Feature is something that not every libfuse, kernel or mount has. It can be used where all three do.
type Feature struct {
	// Name is what C calls it: a capability (FUSE_CAP_...), an operation or a field of struct fuse_conn_info.
	Name string
	// Library: the libfuse that the program was compiled for has it, from version NeedLibrary on.
	Library     bool
	NeedLibrary string
	// Kernel: the kernel has it, from FUSE protocol NeedProto on. False before Mount has returned.
	Kernel    bool
	NeedProto string
	// Mount: this session may use it; for capabilities, kernel and library have agreed that they could. False before Mount has returned.
	Mount bool
	// Enabled: it is in use. For operations: they have a handler. For fields of struct fuse_conn_info it is not known.
	Enabled bool
}

// Usable reports whether library, kernel and mount have the feature.
func (f Feature) Usable() bool { return f.Library && f.Kernel && f.Mount }

// newerFeatures are the operations and fields that libfuse 3.14 lacks.
var newerFeatures = []struct {
	name    string
	library int
	proto   uint32
	op      uint32 // or cshim.OpCount
}{
	{"tmpfile", 317, 37, cshim.OpTmpfile},
	{"statx", 318, 39, cshim.OpStatx},
	{"syncfs", 319, 34, cshim.OpSyncfs},
	{"max_backing_stack_depth", 317, 40, cshim.OpCount},
	{"parallel_direct_writes", 317, 38, cshim.OpCount},
	{"no_interrupt", 317, 0, cshim.OpCount},
	{"request_timeout", 318, 43, cshim.OpCount},
}

// Features tells what library, kernel and mount allow. Before Mount has returned, only the library's side is known.
func (s *Session) Features() []Feature {
	conn, mounted := s.Conn()
	minor := conn.ProtoMinor()
	var list []Feature
	for _, k := range capInfo {
		list = append(list, Feature{
			Name:        k.name,
			Library:     k.library <= cshim.HeaderVersion,
			NeedLibrary: needLibrary(k.library),
			Kernel:      mounted && minor >= k.proto,
			NeedProto:   needProto(k.proto),
			Mount:       conn.Capable()&libraryCaps()&k.cap != 0,
			Enabled:     conn.Want()&k.cap != 0,
		})
	}
	for _, k := range newerFeatures {
		f := Feature{
			Name:        k.name,
			Library:     k.library <= cshim.HeaderVersion,
			NeedLibrary: needLibrary(k.library),
			Kernel:      mounted && minor >= k.proto,
			NeedProto:   needProto(k.proto),
		}
		f.Mount = f.Library && f.Kernel
		f.Enabled = f.Library && k.op != cshim.OpCount && s.has(k.op)
		list = append(list, f)
	}
	return list
}

func needLibrary(v int) string { return versionString(max(v, 314)) }

func needProto(minor uint32) string { return "7." + strconv.Itoa(int(minor)) }
