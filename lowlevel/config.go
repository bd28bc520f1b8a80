package lowlevel

import (
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
)

// Config says how a session is to be run. The zero value is a good one.
type Config struct {
	// Args is a command line as for fuse_session_new: the program's name, then options ("-o", "allow_other", "-d"). Those of
	// mount and connection are known (docs/options.md lists them); any other is an error. Nil: no options, and os.Args[0] as the name.
	Args []string
	// Mount holds mount options, in addition to those in Args.
	Mount MountOptions
	// Debug prints every request and reply to stderr, as -d does.
	Debug bool
	// SingleThread calls one handler at a time (-s).
	SingleThread bool
	// MaxThreads is how many handlers may run at a time. 0: libfuse's default of 10.
	MaxThreads int
	// MaxIdleThreads is how many threads may wait for work; more are ended. 0: no limit (libfuse's -1). LeastIdle: none
	// (libfuse's 0).
	MaxIdleThreads int
	// CloneFD gives each thread a /dev/fuse of its own (-o clone_fd). It is served by libfuse's own loop then, which ends by cancelling its threads. So
	// that none is cancelled while it has C's stderr locked, that variable gets a stream that passes all on (glibc).
	CloneFD bool
	// C is C handlers for the operations that Ops does not have.
	C COps
	// DrainTimeout is how long requests may take to finish when the session is stopped, before their contexts are
	// cancelled. They then have as long again. 0: 400 ms.
	DrainTimeout time.Duration
	// Logger takes what this package has to say of the session: panics, lost errors. Nil: slog.Default(). What libfuse itself
	// logs is for the process as a whole: see SetLogger.
	Logger *slog.Logger
}

// LeastIdle as Config.MaxIdleThreads keeps no idle thread but the last.
const LeastIdle = -1

const (
	defaultMaxThreads   = 10
	defaultDrainTimeout = 400 * time.Millisecond
)

// MountOptions are the options of mount(8) and of libfuse that most filesystems need. Further ones go to Config.Args.
type MountOptions struct {
	// FSName is the source that is shown in /proc/mounts (-o fsname=). Empty: Subtype, or "/dev/fuse".
	FSName string
	// Subtype makes the filesystem's type "fuse.Subtype" (-o subtype=).
	Subtype string
	// AllowOther lets other users in (-o allow_other). For normal users, /etc/fuse.conf must have user_allow_other.
	AllowOther bool
	// AllowRoot lets root in, besides the owner (-o allow_root). Together with AllowOther it prevails: root and the owner only.
	AllowRoot bool
	// DefaultPermissions has the kernel check permissions by mode and owner (-o default_permissions).
	DefaultPermissions bool
	// ReadOnly mounts read-only (-o ro).
	ReadOnly bool
	// AutoUnmount unmounts when the process dies (-o auto_unmount).
	AutoUnmount bool
	// MaxRead limits the size of reads in bytes (-o max_read=). 0: no limit. Ops.Init must set the same by ConnInfo.SetMaxRead.
	MaxRead uint32
}

// args returns the options as a command line has them.
func (m *MountOptions) args() []string {
	var list []string
	add := func(on bool, option string) {
		if on {
			list = append(list, "-o", option)
		}
	}
	add(m.FSName != "", "fsname="+escapeOption(m.FSName))
	add(m.Subtype != "", "subtype="+escapeOption(m.Subtype))
	add(m.AllowOther, "allow_other")
	add(m.AllowRoot, "allow_root")
	add(m.DefaultPermissions, "default_permissions")
	add(m.ReadOnly, "ro")
	add(m.AutoUnmount, "auto_unmount")
	add(m.MaxRead != 0, "max_read="+strconv.FormatUint(uint64(m.MaxRead), 10))
	return list
}

var optionEscaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// escapeOption protects a value against -o's own syntax.
func escapeOption(v string) string { return optionEscaper.Replace(v) }

// args returns the whole command line for fuse_session_new.
func (c *Config) args() []string {
	list := c.Args
	if len(list) == 0 {
		list = os.Args[:1]
	}
	list = append([]string(nil), list...)
	list = append(list, c.Mount.args()...)
	if c.Debug {
		list = append(list, "-d")
	}
	return list
}

func (c *Config) maxThreads() int {
	switch {
	case c.SingleThread:
		return 1
	case c.MaxThreads > 0:
		return c.MaxThreads
	}
	return defaultMaxThreads
}

// maxIdle returns the limit as libfuse has it: -1 for none.
func (c *Config) maxIdle() int {
	switch {
	case c.MaxIdleThreads < 0:
		return 0
	case c.MaxIdleThreads == 0:
		return -1
	}
	return c.MaxIdleThreads
}

func (c *Config) drainTimeout() time.Duration {
	if c.DrainTimeout > 0 {
		return c.DrainTimeout
	}
	return defaultDrainTimeout
}
