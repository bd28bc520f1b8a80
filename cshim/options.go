package cshim

// #include "shim.h"
// #include <stdlib.h>
import "C"

import "unsafe"

// Option is a struct fuse_opt: a template, where it writes to, and what.
type Option struct {
	Template string
	Offset   uint64
	Value    int32
}

// ParseOptions takes from args what the options match, and writes to data, C memory of the caller. Strings that it
// writes there are to be freed with FreeString. On failure it returns false, and what libfuse says.
func ParseOptions(args []string, data unsafe.Pointer, opts []Option) (rest []string, ok bool, said string) {
	argc, cargs, free := argv(args)
	defer free()
	templates := make([]string, len(opts))
	offsets := make([]C.uint64_t, len(opts)+1)
	values := make([]C.int, len(opts)+1)
	for i, o := range opts {
		templates[i], offsets[i], values[i] = o.Template, C.uint64_t(o.Offset), C.int(o.Value)
	}
	n, ctempl, freeTempl := argv(templates)
	defer freeTempl()
	var rc C.int
	said = captured(func() { rc = C.gf_parse_options(&argc, &cargs, data, ctempl, &offsets[0], &values[0], n) })
	if rc != 0 {
		return nil, false, said
	}
	return takeArgs(argc, cargs), true, ""
}

// takeArgs returns libfuse's args, and frees them.
func takeArgs(argc C.int, cargs **C.char) []string {
	args := make([]string, 0, argc)
	for _, a := range unsafe.Slice(cargs, argc) {
		args = append(args, C.GoString(a))
	}
	C.gf_free_args(argc, cargs)
	return args
}

// Alloc returns n zeroed bytes of C memory.
func Alloc(n int) unsafe.Pointer { return C.calloc(1, C.size_t(n)) }

// Free frees them.
func Free(p unsafe.Pointer) { C.free(p) }

// GoString returns a C string, "" for NULL.
func GoString(p unsafe.Pointer) string { return C.GoString((*C.char)(p)) }

// CString returns s as a C string, to be freed.
func CString(s string) unsafe.Pointer { return unsafe.Pointer(C.CString(s)) }

// Cmdline is a struct fuse_cmdline_opts.
type Cmdline struct {
	Mountpoint                                                      string
	Foreground, Debug, SingleThread, ShowHelp, ShowVersion, CloneFD bool
	MaxThreads, MaxIdleThreads                                      uint32
}

// ParseCmdline is fuse_parse_cmdline. On failure it returns nil, and what libfuse says.
func ParseCmdline(args []string) (c *Cmdline, rest []string, said string) {
	argc, cargs, free := argv(args)
	defer free()
	var out C.struct_gf_cmdline
	var rc C.int
	said = captured(func() { rc = C.gf_parse_cmdline(&argc, &cargs, &out) })
	defer C.free(unsafe.Pointer(out.mountpoint))
	if rc != 0 {
		return nil, nil, said
	}
	return &Cmdline{
		Mountpoint:     C.GoString(out.mountpoint),
		Foreground:     out.foreground != 0,
		Debug:          out.debug != 0,
		SingleThread:   out.singlethread != 0,
		ShowHelp:       out.show_help != 0,
		ShowVersion:    out.show_version != 0,
		CloneFD:        out.clone_fd != 0,
		MaxThreads:     uint32(out.max_threads),
		MaxIdleThreads: uint32(out.max_idle_threads),
	}, takeArgs(argc, cargs), ""
}

// PrintHelp prints libfuse's part of --help to stdout.
func PrintHelp() { C.gf_print_help() }

// PrintLibHelp prints it with the options of libfuse's high-level library.
func PrintLibHelp() { C.gf_print_lib_help() }

// PrintVersion prints libfuse's part of --version to stdout.
func PrintVersion() { C.gf_print_version() }
