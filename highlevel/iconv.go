package highlevel

import (
	"context"
	"strings"
	"sync"
	"syscall"

	"github.com/go-libfuse3/go-libfuse3/cshim"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Iconv is a layer that shows the names of the filesystem below in another encoding: libfuse's module iconv. from is the encoding that the filesystem
// below has, "" for UTF-8; to is the one that is shown, "" for that of the locale in the environment (LC_ALL, LC_CTYPE, LANG).
//
// Paths and the targets of links are converted; names of extended attributes are not. Names that cannot be converted there and back do not appear in listings, and are
// answered by EILSEQ elsewhere; so are those that would have a slash or a zero byte in them (ISO-2022-JP, UTF-7).
//
// The encodings are those of the C library's iconv(3): `iconv -l` lists them. Those in which a slash is no slash (UTF-16, UTF-32, EBCDIC) cannot be. In a program that is
// linked statically with glibc there are few, unless the machine that it runs on has the same glibc with its modules.
//
// Errors: EINVAL for an encoding that there is not, or a locale that is not installed.
func Iconv(from, to string) (Layer, error) {
	if from == "" {
		from = "UTF-8"
	}
	if to == "" {
		if to = cshim.Codeset(); to == "" {
			return nil, &lowlevel.OpError{Op: "locale", Err: syscall.EINVAL, Hint: "it is not installed: give -o to_code="}
		}
	}
	down, err := newConversion(to, from)
	if err != nil {
		return nil, err
	}
	up, err := newConversion(from, to)
	if err != nil {
		return nil, err
	}
	return iconvLayer(down.path, up.path), nil
}

func iconvLayer(down, up pathFunc) Layer {
	return func(next *Operations) (*Operations, error) {
		ops := MapPaths(next, down)
		if readlink := ops.Readlink; readlink != nil {
			ops.Readlink = func(ctx context.Context, path string) (string, error) {
				target, err := readlink(ctx, path)
				if err != nil {
					return "", err
				}
				return up(target)
			}
		}
		if symlink := ops.Symlink; symlink != nil {
			ops.Symlink = func(ctx context.Context, target, path string) error {
				target, err := down(target)
				if err != nil {
					return err
				}
				return symlink(ctx, target, path)
			}
		}
		if readdir := ops.Readdir; readdir != nil {
			ops.Readdir = func(ctx context.Context, path string, fill FillDir, off int64, fi *FileInfo, flags ReaddirFlags) error {
				return readdir(ctx, path, convertNames(fill, up), off, fi, flags)
			}
		}
		return ops, nil
	}
}

// convertNames leaves out the names that cannot be converted.
func convertNames(fill FillDir, up pathFunc) FillDir {
	return func(name string, st *Stat, off int64, flags FillDirFlags) bool {
		name, err := up(name)
		return err != nil || fill(name, st, off, flags)
	}
}

// conversion is from one encoding to another, for several at a time.
type conversion struct {
	from, to string
	ascii    bool      // all ASCII characters stay as they are
	idle     sync.Pool // *cshim.Iconv
}

func newConversion(from, to string) (*conversion, error) {
	c := &conversion{from: from, to: to}
	if _, err := c.convert(""); err != nil {
		return nil, &conversionError{from, to, err}
	}
	if !c.keeps("/") {
		return nil, &conversionError{from, to, syscall.EINVAL}
	}
	c.ascii = true
	for b := byte(1); b < 0x80 && c.ascii; b++ {
		c.ascii = c.keeps(string(rune(b)))
	}
	return c, nil
}

// conversionError says it in libfuse's words.
type conversionError struct {
	from, to string
	err      error
}

func (e *conversionError) Error() string { return "cannot convert from " + e.from + " to " + e.to }

func (e *conversionError) Unwrap() error { return e.err }

func (c *conversion) keeps(s string) bool {
	got, err := c.convert(s)
	return got == s && err == nil
}

func (c *conversion) convert(s string) (string, error) {
	cd, _ := c.idle.Get().(*cshim.Iconv)
	if cd == nil {
		var err error
		if cd, err = cshim.OpenIconv(c.from, c.to); err != nil {
			return "", err
		}
	}
	defer c.idle.Put(cd)
	return cd.Convert(s)
}

// path converts the names in a path, each for itself: nobody may begin in the middle of what another one has left open.
func (c *conversion) path(path string) (string, error) {
	if c.ascii && isASCII(path) {
		return path, nil
	}
	names := strings.Split(path, "/")
	for i, name := range names {
		if c.ascii && isASCII(name) {
			continue
		}
		shown, err := c.convert(name)
		if err != nil {
			return "", err
		}
		if strings.ContainsAny(shown, "/\x00") {
			return "", syscall.EILSEQ
		}
		names[i] = shown
	}
	return strings.Join(names, "/"), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func iconvModule(args []string) (Layer, []string, error) {
	var o struct {
		From string `fuse:"from_code=%s"`
		To   string `fuse:"to_code=%s"`
	}
	rest, err := lowlevel.ParseOptions(args, &o)
	if err != nil {
		return nil, nil, err
	}
	layer, err := Iconv(o.From, o.To)
	return layer, rest, err
}
