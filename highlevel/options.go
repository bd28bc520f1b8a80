package highlevel

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// options are the options of C's lib/fuse.c. A field keeps what Config has unless its option is given.
type options struct {
	KernelCache    bool    `fuse:"kernel_cache:1"`
	AutoCache      bool    `fuse:"auto_cache:1,noauto_cache:0"`
	NoRofdFlush    bool    `fuse:"no_rofd_flush:1"`
	SetMode        bool    `fuse:"umask=:1,fmask=:1,dmask=:1"`
	Umask          uint32  `fuse:"umask=%o"`
	SetFmask       bool    `fuse:"fmask=:1"`
	Fmask          uint32  `fuse:"fmask=%o"`
	SetDmask       bool    `fuse:"dmask=:1"`
	Dmask          uint32  `fuse:"dmask=%o"`
	SetUID         bool    `fuse:"uid=:1"`
	UID            uint32  `fuse:"uid=%u"`
	SetGID         bool    `fuse:"gid=:1"`
	GID            uint32  `fuse:"gid=%u"`
	EntryTimeout   float64 `fuse:"entry_timeout=%lf"`
	AttrTimeout    float64 `fuse:"attr_timeout=%lf"`
	SetACTimeout   bool    `fuse:"ac_attr_timeout=:1"`
	ACTimeout      float64 `fuse:"ac_attr_timeout=%lf"`
	Negative       float64 `fuse:"negative_timeout=%lf"`
	NoForget       bool    `fuse:"noforget:1,remember=:0"` // the last one counts
	Remember       int     `fuse:"remember=%d"`
	Modules        string  `fuse:"modules=%s"`
	ParallelDirect int     `fuse:"parallel_direct_write=%d"`
}

// PrintHelp prints the options that every program has, in libfuse's words: flags, those of this layer with its modules, of mounting. What libfuse says nothing of, or not in
// all versions, comes at the end.
//
// Implements:
//
//	void fuse_lib_help(struct fuse_args *args);
func PrintHelp() {
	cshim.PrintLibHelp()
	fmt.Print(moreHelp)
}

const moreHelp = `
More options:
    -o fmask=M             permission bits that no file but directories has (octal)
    -o dmask=M             permission bits that no directory has (octal)
    -o parallel_direct_write=N  several direct writes to a file at a time
`

// setTimeout leaves a timeout alone that no option has changed: it may not be the same as seconds.
func setTimeout(d *time.Duration, s float64) {
	if d.Seconds() != s {
		*d = lowlevel.Seconds(s)
	}
}

func optionsOf(c *Config) *options {
	o := &options{
		KernelCache: c.KernelCache, AutoCache: c.AutoCache, NoRofdFlush: c.NoRofdFlush,
		SetMode: c.SetMode, Umask: c.Umask, SetFmask: c.SetFmask, Fmask: c.Fmask, SetDmask: c.SetDmask, Dmask: c.Dmask,
		SetUID: c.SetUID, UID: c.UID, SetGID: c.SetGID, GID: c.GID,
		EntryTimeout: c.EntryTimeout.Seconds(), AttrTimeout: c.AttrTimeout.Seconds(), Negative: c.NegativeTimeout.Seconds(),
		SetACTimeout: c.SetACAttrTimeout, ACTimeout: c.ACAttrTimeout.Seconds(), Remember: c.Remember,
	}
	if c.ParallelDirectWrites {
		o.ParallelDirect = 1
	}
	return o
}

func (o *options) apply(c *Config) {
	c.KernelCache, c.AutoCache, c.NoRofdFlush = o.KernelCache, o.AutoCache, o.NoRofdFlush
	c.SetMode, c.Umask = o.SetMode, o.Umask
	c.SetFmask, c.Fmask, c.SetDmask, c.Dmask = o.SetFmask, o.Fmask, o.SetDmask, o.Dmask
	c.SetUID, c.UID, c.SetGID, c.GID = o.SetUID, o.UID, o.SetGID, o.GID
	setTimeout(&c.EntryTimeout, o.EntryTimeout)
	setTimeout(&c.AttrTimeout, o.AttrTimeout)
	setTimeout(&c.NegativeTimeout, o.Negative)
	setTimeout(&c.ACAttrTimeout, o.ACTimeout)
	c.SetACAttrTimeout = o.SetACTimeout
	c.Remember = o.Remember
	if o.NoForget {
		c.Remember = -1
	}
	c.ParallelDirectWrites = o.ParallelDirect != 0
}

// ParseOptions takes the options that C's high-level library knows from a command line (the program's name first), puts them into cfg, and returns the
// rest, and the layers that -o modules= asks for, in the order in which they are to be put over the filesystem.
//
// After an error cfg is as it was.
//
// Errors: *lowlevel.OpError with libfuse's words, or for a module that there is not; those of modules.
//
// Implements:
//
//	struct fuse *fuse_new(struct fuse_args *args, const struct fuse_operations *op, size_t op_size, void *private_data);
func ParseOptions(args []string, cfg *Config) (rest []string, layers []Layer, err error) {
	o := optionsOf(cfg)
	rest, err = lowlevel.ParseOptions(args, o)
	if err != nil {
		return nil, nil, err
	}
	for name := range strings.SplitSeq(o.Modules, ":") {
		if name == "" {
			continue
		}
		var layer Layer
		if layer, rest, err = newModule(name, rest); err != nil {
			return nil, nil, err
		}
		layers = append(layers, layer)
	}
	o.apply(cfg)
	return rest, layers, nil
}
