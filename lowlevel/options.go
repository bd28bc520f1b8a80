package lowlevel

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/go-libfuse3/go-libfuse3/cshim"
)

// Cmdline is a command line, parsed as libfuse parses it: struct fuse_cmdline_opts.
type Cmdline struct {
	// Mountpoint is the absolute path of the mountpoint, or "/dev/fd/N"; empty if there was none.
	Mountpoint string
	// Foreground: -f or -d was given.
	Foreground bool
	// Debug: -d was given. It stays in Args as well.
	Debug bool
	// SingleThread: -s was given.
	SingleThread bool
	// ShowHelp: -h or --help was given.
	ShowHelp bool
	// ShowVersion: -V or --version was given.
	ShowVersion bool
	// CloneFD: -o clone_fd was given.
	CloneFD bool
	// MaxThreads is -o max_threads=, or libfuse's default.
	MaxThreads int
	// MaxIdleThreads is -o max_idle_threads=, or -1 for no limit.
	MaxIdleThreads int
	// Args is what is left: the program's name and the options for New.
	Args []string
}

// ParseCmdline takes from args (with the program's name first, as os.Args) first the filesystem's own options, then those that
// every FUSE program has, and returns the rest for New. It uses libfuse's parser: flags may stand before and after the
// mountpoint, -o takes several options separated by commas, what nobody knows is left for New to complain of.
//
// options is nil, or a pointer to a struct with tags like
//
//	Source    string  `fuse:"source=%s"`
//	Timeout   float64 `fuse:"timeout=%lf"`
//	Size      uint64  `fuse:"-n %lu,size=%lu"`
//	Writeback bool    `fuse:"writeback:1,no_writeback:0"`
//	Cache     int     `fuse:"cache=never:0,cache=auto:1,cache=always:2"`
//	Debug     bool    `fuse:"-x,--extra"`
//
// that is, templates as C's struct fuse_opt has them, separated by commas. A template with a format stores the value: %s for string; %d, %i, %u, %x
// and %o for numbers, with l or ll for all 64 bits of an int, uint, int64 or uint64; %lf for float64, %f for float32. One without stores
// what follows the last colon, or 1; for bool and numbers of any size. A field that no option is given for keeps what it had, and so do all after an
// error.
//
// libfuse adds -osubtype=NAME to Args, with the program's name, unless subtype or fsname is given.
//
// Errors: *OpError, with libfuse's words, or for a tag that cannot be.
//
// Implements:
//
//	int fuse_opt_parse(struct fuse_args *args, void *data, const struct fuse_opt opts[], fuse_opt_proc_t proc);
//	int fuse_parse_cmdline(struct fuse_args *args, struct fuse_cmdline_opts *opts);
func ParseCmdline(args []string, options any) (*Cmdline, error) {
	if len(args) == 0 {
		return nil, &OpError{Op: "parse", Err: syscall.EINVAL, Hint: "args must begin with the program's name"}
	}
	rest, err := ParseOptions(args, options)
	if err != nil {
		return nil, err
	}
	c, rest, said := cshim.ParseCmdline(rest)
	if c == nil {
		return nil, &OpError{Op: "parse", Err: libraryError(said, "bad command line")}
	}
	return &Cmdline{
		Mountpoint:     c.Mountpoint,
		Foreground:     c.Foreground,
		Debug:          c.Debug,
		SingleThread:   c.SingleThread,
		ShowHelp:       c.ShowHelp,
		ShowVersion:    c.ShowVersion,
		CloneFD:        c.CloneFD,
		MaxThreads:     int(c.MaxThreads),
		MaxIdleThreads: int(int32(c.MaxIdleThreads)),
		Args:           rest,
	}, nil
}

// Apply puts what the command line says into cfg. Args is replaced as a whole.
func (c *Cmdline) Apply(cfg *Config) {
	cfg.Args = c.Args
	cfg.SingleThread = cfg.SingleThread || c.SingleThread
	cfg.CloneFD = cfg.CloneFD || c.CloneFD
	if c.MaxThreads != defaultMaxThreads {
		cfg.MaxThreads = c.MaxThreads
	}
	switch {
	case c.MaxIdleThreads == 0:
		cfg.MaxIdleThreads = LeastIdle
	case c.MaxIdleThreads > 0:
		cfg.MaxIdleThreads = c.MaxIdleThreads
	}
}

// ParseOptions takes the filesystem's own options from args, as ParseCmdline does, and returns the rest.
//
// Implements:
//
//	int fuse_opt_parse(struct fuse_args *args, void *data, const struct fuse_opt opts[], fuse_opt_proc_t proc);
func ParseOptions(args []string, options any) (rest []string, err error) {
	if options == nil {
		return args, nil
	}
	fields, err := optionFields(options)
	if err != nil {
		return nil, &OpError{Op: "parse", Err: err}
	}
	data := cshim.Alloc(len(fields)*slotSize + 1)
	defer cshim.Free(data)
	var opts []cshim.Option
	for i := range fields {
		f := &fields[i]
		slot := unsafe.Add(data, i*slotSize)
		f.put(slot)
		defer f.free(slot)
		for _, t := range f.templates {
			opts = append(opts, cshim.Option{Template: t.text, Offset: uint64(i * slotSize), Value: t.value})
		}
	}
	rest, ok, said := cshim.ParseOptions(args, data, opts)
	if !ok {
		return nil, &OpError{Op: "parse", Err: libraryError(said, "bad option")}
	}
	for i, f := range fields {
		f.get(unsafe.Add(data, i*slotSize))
	}
	return rest, nil
}

// slotSize is the room that libfuse has to write a field's value to.
const slotSize = 8

// optionField is a field of the options struct.
type optionField struct {
	value     reflect.Value
	wide      bool           // its templates store 64 bits, not a C int or unsigned
	before    [slotSize]byte // what put has written
	templates []optionTemplate
}

type optionTemplate struct {
	text  string
	value int32
}

// optionFields reads the tags.
func optionFields(options any) ([]optionField, error) {
	v := reflect.ValueOf(options)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("options must be a pointer to a struct, not %T", options)
	}
	v = v.Elem()
	var fields []optionField
	for i := range v.NumField() {
		tag, ok := v.Type().Field(i).Tag.Lookup("fuse")
		if !ok {
			continue
		}
		f := optionField{value: v.Field(i)}
		name := v.Type().Field(i).Name
		if !f.value.CanSet() {
			return nil, fmt.Errorf("field %s: must be exported", name)
		}
		if err := f.parseTag(tag); err != nil {
			return nil, fmt.Errorf("field %s: tag %q: %w", name, tag, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (f *optionField) parseTag(tag string) error {
	formats, wide := 0, 0
	for _, text := range strings.Split(tag, ",") {
		t := optionTemplate{text: text, value: 1}
		if _, format, ok := strings.Cut(text, "%"); ok {
			if !slices.Contains(formatsOf[f.value.Kind()], format) {
				return fmt.Errorf("%%%s does not go with %s", format, f.value.Type())
			}
			formats++
			if strings.HasPrefix(format, "l") {
				wide++
			}
		} else if at := strings.LastIndexByte(text, ':'); at > 0 {
			n, err := strconv.ParseInt(text[at+1:], 0, 32)
			if err != nil {
				return err
			}
			t.text, t.value = text[:at], int32(n)
		}
		if formats == 0 {
			if err := f.holds(int64(t.value)); err != nil {
				return err
			}
		}
		f.templates = append(f.templates, t)
	}
	switch {
	case formats != 0 && formats != len(f.templates):
		return fmt.Errorf("either all templates have a format, or none")
	case wide != 0 && wide != formats:
		return fmt.Errorf("formats of 32 and of 64 bits")
	}
	f.wide = wide > 0
	return nil
}

// formatsOf are the formats of scanf whose size is that of the slot's part that put and get use.
var formatsOf = map[reflect.Kind][]string{
	reflect.String:  {"s"},
	reflect.Int:     {"d", "i", "ld", "li", "lld", "lli"},
	reflect.Int64:   {"d", "i", "ld", "li", "lld", "lli"},
	reflect.Int32:   {"d", "i"},
	reflect.Uint:    {"u", "x", "o", "lu", "lx", "lo", "llu", "llx", "llo"},
	reflect.Uint64:  {"u", "x", "o", "lu", "lx", "lo", "llu", "llx", "llo"},
	reflect.Uint32:  {"u", "x", "o"},
	reflect.Float64: {"lf"},
	reflect.Float32: {"f"},
}

// holds says why the field cannot take a constant.
func (f *optionField) holds(n int64) error {
	fits := false
	switch v := f.value; {
	case v.Kind() == reflect.Bool:
		fits = true
	case v.CanInt():
		fits = !v.OverflowInt(n)
	case v.CanUint():
		fits = n >= 0 && !v.OverflowUint(uint64(n))
	default:
		return fmt.Errorf("only numbers and bool can take a constant, not %s", v.Type())
	}
	if !fits {
		return fmt.Errorf("%d does not fit %s", n, f.value.Type())
	}
	return nil
}

// put writes the field's present value to the slot: it is the default.
func (f *optionField) put(slot unsafe.Pointer) {
	f.putValue(slot)
	f.before = *(*[slotSize]byte)(slot)
}

func (f *optionField) putValue(slot unsafe.Pointer) {
	switch v := f.value; {
	case v.Kind() == reflect.String:
		if v.String() != "" {
			*(*unsafe.Pointer)(slot) = cshim.CString(v.String())
		}
	case v.Kind() == reflect.Bool:
		if v.Bool() {
			*(*int32)(slot) = 1
		}
	case v.CanInt() && f.wide:
		*(*int64)(slot) = v.Int()
	case v.CanInt():
		*(*int32)(slot) = int32(v.Int())
	case v.CanUint() && f.wide:
		*(*uint64)(slot) = v.Uint()
	case v.CanUint():
		*(*uint32)(slot) = uint32(v.Uint())
	case v.Kind() == reflect.Float64:
		*(*float64)(slot) = v.Float()
	case v.Kind() == reflect.Float32:
		*(*float32)(slot) = float32(v.Float())
	}
}

// get reads it back, if an option has changed it: the slot may be narrower than the field.
func (f *optionField) get(slot unsafe.Pointer) {
	if *(*[slotSize]byte)(slot) == f.before && f.value.Kind() != reflect.String {
		return
	}
	switch v := f.value; {
	case v.Kind() == reflect.String:
		v.SetString(cshim.GoString(*(*unsafe.Pointer)(slot)))
	case v.Kind() == reflect.Bool:
		v.SetBool(*(*int32)(slot) != 0)
	case v.CanInt() && f.wide:
		v.SetInt(*(*int64)(slot))
	case v.CanInt():
		v.SetInt(int64(*(*int32)(slot)))
	case v.CanUint() && f.wide:
		v.SetUint(*(*uint64)(slot))
	case v.CanUint():
		v.SetUint(uint64(*(*uint32)(slot)))
	case v.Kind() == reflect.Float64:
		v.SetFloat(*(*float64)(slot))
	case v.Kind() == reflect.Float32:
		v.SetFloat(float64(*(*float32)(slot)))
	}
}

// free frees the string that libfuse, or put, has left in the slot.
func (f *optionField) free(slot unsafe.Pointer) {
	if f.value.Kind() == reflect.String {
		cshim.Free(*(*unsafe.Pointer)(slot))
	}
}
