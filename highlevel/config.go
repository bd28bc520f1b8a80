package highlevel

import "time"

// Config says how paths become inodes: struct fuse_config in C, each field under its C name, with the options of lib/fuse.c that set
// it. Operations.Init may change it.
type Config struct {
	// SetGID, GID: every file belongs to that group (-o gid=).
	SetGID bool
	GID    uint32
	// SetUID, UID: every file belongs to that user (-o uid=).
	SetUID bool
	UID    uint32
	// SetMode: permission bits are 0777 without those of Dmask for directories, of Fmask for other files; where those are not set, of Umask
	// (-o umask=, -o fmask=, -o dmask=).
	SetMode bool
	Umask   uint32
	// SetFmask and SetDmask say that Fmask and Dmask count. In C they count if they are not 0, and dmask=0 has directories get those of fmask.
	SetFmask, SetDmask bool
	Fmask, Dmask       uint32
	// EntryTimeout is how long the kernel may trust a name (-o entry_timeout=, 1 s).
	EntryTimeout time.Duration
	// NegativeTimeout is how long it may trust that there is no such name (-o negative_timeout=, 0).
	NegativeTimeout time.Duration
	// AttrTimeout is how long it may trust attributes (-o attr_timeout=, 1 s).
	AttrTimeout time.Duration
	// Remember is how many seconds to remember an inode that the kernel has forgotten, so that it keeps its number: for NFS exports
	// (-o remember=); -1: for ever (-o noforget).
	Remember int
	// HardRemove calls Unlink (and Rename over a name) also where the file is open. Otherwise the file gets a name of the form .fuse_hiddenN, by Rename, and is removed when it
	// is closed.
	HardRemove bool
	// UseIno shows Stat.Ino as the file's number, not the kernel's number of the inode.
	UseIno bool
	// ReaddirIno has a listing show the numbers of inodes that the kernel knows, at some cost.
	ReaddirIno bool
	// DirectIO bypasses the page cache for all files.
	DirectIO bool
	// KernelCache keeps cached data when a file is opened: nobody else changes files (-o kernel_cache).
	KernelCache bool
	// AutoCache keeps it if size and mtime are what they were (-o auto_cache).
	AutoCache bool
	// SetACAttrTimeout, ACAttrTimeout: for that question AutoCache believes attributes for so long (-o ac_attr_timeout=; AttrTimeout).
	SetACAttrTimeout bool
	ACAttrTimeout    time.Duration
	// NullpathOK gives operations on open files the path "", unless it costs nothing to know. Then a Read that blocks keeps nobody from
	// renaming or removing: choose it if your operations go by fi.Fh.
	NullpathOK bool
	// NoRofdFlush leaves out Flush for files that were opened read-only (-o no_rofd_flush).
	NoRofdFlush bool
	// ParallelDirectWrites lets several direct writes to a file run at a time, with DirectIO (-o parallel_direct_write=1).
	ParallelDirectWrites bool
}

// DefaultConfig returns what C begins with.
func DefaultConfig() Config {
	return Config{EntryTimeout: time.Second, AttrTimeout: time.Second}
}

// acTimeout is for how long AutoCache believes attributes.
func (c *Config) acTimeout() time.Duration {
	if c.SetACAttrTimeout {
		return c.ACAttrTimeout
	}
	return c.AttrTimeout
}
