// Package highlevel is libfuse3's high-level API in Go: filesystems by paths. It is written on package lowlevel alone.
//
// Who knows a C name guesses the Go name: struct fuse_operations is [Operations], struct fuse_config is [Config], fuse_main is [Main], fuse_get_context is [CallerOf].
// docs/api.md in the project has the whole table, docs/highlevel.md the tour with what each member does when it is nil.
//
// # A filesystem
//
// A filesystem is a set of functions, the fields of [Operations]. All may be nil. They get a path, and return values and errors:
//
//	ops := &highlevel.Operations{
//		Getattr: func(ctx context.Context, path string, fi *highlevel.FileInfo) (highlevel.Stat, error) { ... },
//		Readdir: func(ctx context.Context, path string, fill highlevel.FillDir, off int64, fi *highlevel.FileInfo, flags highlevel.ReaddirFlags) error { ... },
//		Read:    func(ctx context.Context, path string, dst []byte, off int64, fi *highlevel.FileInfo) (int, error) { ... },
//	}
//
// # A program
//
// [Main] makes a program of it that takes the command line of any FUSE program, with the options of C's high-level library and, through struct tags, its own:
//
//	func main() { os.Exit(highlevel.Main(&highlevel.Program{Ops: ops})) }
//
// In a program that does other things as well, [Mount] mounts and serves it:
//
//	m, err := highlevel.Mount(ctx, "/mnt", ops)
//	defer m.Unmount()
//
// # Paths
//
// While an operation runs, its path stays: who would rename or remove what is in it waits. A Read that blocks so keeps others from removing that file; with [Config.NullpathOK], operations
// on open files go by FileInfo.Fh, get no path, and nobody waits for them.
//
// A file that is removed while it is open is renamed, and removed when it is closed: see [Config.HardRemove].
//
// # Caches
//
// The kernel trusts names and attributes for a second, as in C: [Config] has the timeouts. Who knows of changes gives long ones, and tells the kernel: [FS.Changes].
//
// # Layers
//
// A [Layer] changes operations: access control, tracing, other names. [Subdir] and [Iconv] are libfuse's modules.
//
// # What is there already
//
// [FromFS] serves any io/fs file system: a zip archive, embedded files, a directory.
package highlevel
