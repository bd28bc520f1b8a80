package highlevel

import (
	"context"
	"maps"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Iconv is a layer that shows the names of the filesystem below in another encoding: libfuse's module iconv. from is the encoding that the filesystem
// below has, "" for UTF-8; to is the one that is shown, "" for that of the locale in the environment (LC_ALL, LC_CTYPE, LANG), which without any is US-ASCII.
//
// Paths and the targets of links are converted; names of extended attributes are not. Names that cannot be converted do not appear in listings, and are
// answered by EILSEQ elsewhere.
//
// C uses the iconv of the C library. This one knows UTF-8, US-ASCII, and those of the encodings of one byte a character that people have had
// on disks: ISO-8859-1 to -11 and -13 to -16, CP437, 850, 852, 855, 866, 1250 to 1254, 1256, 1257, KOI8-R, KOI8-U and MACINTOSH, by glibc's tables
// and with its usual aliases. UTF-16 and UTF-32 cannot be: a path would have zeroes in it.
//
// Errors: EINVAL in an *lowlevel.OpError for any other encoding.
func Iconv(from, to string) (Layer, error) {
	if from == "" {
		from = "UTF-8"
	}
	if to == "" {
		var err error
		if to, err = localeCharset(os.Getenv); err != nil {
			return nil, err
		}
	}
	below, err := newCharset(from)
	if err != nil {
		return nil, err
	}
	shown, err := newCharset(to)
	if err != nil {
		return nil, err
	}
	return iconvLayer(below, shown), nil
}

func iconvLayer(below, shown *charset) Layer {
	down := func(s string) (string, error) { return convert(s, shown, below) }
	up := func(s string) (string, error) { return convert(s, below, shown) }
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
func convertNames(fill FillDir, up func(string) (string, error)) FillDir {
	return func(name string, st *Stat, off int64, flags FillDirFlags) bool {
		name, err := up(name)
		return err != nil || fill(name, st, off, flags)
	}
}

// charset is an encoding.
type charset struct {
	utf8 bool
	high []rune        // what the bytes from 0x80 on stand for; utf8.RuneError: nothing
	byte map[rune]byte // the other way
}

// convert returns EILSEQ for what is no good in one encoding, or not to be had in the other.
func convert(s string, from, to *charset) (string, error) {
	if isASCII(s) {
		return s, nil
	}
	buf := make([]byte, 0, len(s)*2)
	for len(s) > 0 {
		r, size := from.decode(s)
		if r == utf8.RuneError && (!from.utf8 || size == 1) {
			return "", syscall.EILSEQ
		}
		s = s[size:]
		var ok bool
		if buf, ok = to.append(buf, r); !ok {
			return "", syscall.EILSEQ
		}
	}
	return string(buf), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (c *charset) decode(s string) (r rune, size int) {
	switch {
	case s[0] < utf8.RuneSelf:
		return rune(s[0]), 1
	case c.utf8:
		return utf8.DecodeRuneInString(s)
	case c.high == nil:
		return utf8.RuneError, 1
	}
	return c.high[s[0]-utf8.RuneSelf], 1
}

func (c *charset) append(buf []byte, r rune) ([]byte, bool) {
	if r < utf8.RuneSelf || c.utf8 {
		return utf8.AppendRune(buf, r), true
	}
	b, ok := c.byte[r]
	return append(buf, b), ok
}

// charsetAliases are other names, in the form that plainName gives them.
var charsetAliases = map[string]string{
	"ASCII": "US-ASCII", "ANSIX3.41968": "US-ASCII", "646": "US-ASCII", "ISO646US": "US-ASCII",
	"LATIN1": "ISO-8859-1", "L1": "ISO-8859-1", "CP819": "ISO-8859-1",
	"LATIN2": "ISO-8859-2", "L2": "ISO-8859-2", "LATIN3": "ISO-8859-3", "L3": "ISO-8859-3", "LATIN4": "ISO-8859-4", "L4": "ISO-8859-4",
	"CYRILLIC": "ISO-8859-5", "ARABIC": "ISO-8859-6", "GREEK": "ISO-8859-7", "HEBREW": "ISO-8859-8",
	"LATIN5": "ISO-8859-9", "L5": "ISO-8859-9", "LATIN6": "ISO-8859-10", "L6": "ISO-8859-10", "LATIN7": "ISO-8859-13", "L7": "ISO-8859-13",
	"LATIN8": "ISO-8859-14", "L8": "ISO-8859-14", "LATIN9": "ISO-8859-15", "LATIN10": "ISO-8859-16", "L10": "ISO-8859-16",
	"MAC": "MACINTOSH",
}

// plainName makes the ways to write the name of an encoding one: "iso_8859-1:1987", "IBM850", "windows-1252".
func plainName(name string) string {
	name, _, _ = strings.Cut(strings.ToUpper(name), ":")
	name = strings.NewReplacer("-", "", "_", "").Replace(name)
	for _, prefix := range []string{"WINDOWS", "IBM", "CP", ""} {
		if n, ok := strings.CutPrefix(name, prefix); ok && isNumber(n) && n != "646" {
			return "CP" + n
		}
	}
	return name
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// knownCharsets are the encodings by their plain names.
var knownCharsets = sync.OnceValue(func() map[string]string {
	known := map[string]string{"UTF8": "UTF-8", "USASCII": "US-ASCII"}
	for name := range byteCharsets {
		known[plainName(name)] = name
	}
	maps.Copy(known, charsetAliases)
	return known
})

const charsetList = "UTF-8, US-ASCII, ISO-8859-1 to -11 and -13 to -16, " +
	"CP437, 850, 852, 855, 866, 1250 to 1254, 1256, 1257, KOI8-R, KOI8-U, MACINTOSH"

func newCharset(name string) (*charset, error) {
	known := knownCharsets()[plainName(name)]
	switch known {
	case "":
		return nil, &lowlevel.OpError{Op: "iconv", Path: name, Err: syscall.EINVAL, Hint: "encodings are " + charsetList}
	case "UTF-8":
		return &charset{utf8: true}, nil
	case "US-ASCII":
		return &charset{}, nil
	}
	c := &charset{high: []rune(byteCharsets[known]), byte: map[rune]byte{}}
	for i, r := range c.high {
		if r != utf8.RuneError {
			c.byte[r] = byte(utf8.RuneSelf + i)
		}
	}
	return c, nil
}

// localeCharset returns the encoding of the locale.
func localeCharset(getenv func(string) string) (string, error) {
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = getenv(name); locale != "" {
			break
		}
	}
	switch locale {
	case "", "C", "POSIX":
		return "US-ASCII", nil
	}
	_, codeset, ok := strings.Cut(locale, ".")
	codeset, _, _ = strings.Cut(codeset, "@")
	if !ok || codeset == "" {
		return "", &lowlevel.OpError{Op: "iconv", Path: locale, Err: syscall.EINVAL, Hint: "the encoding of this locale is not known here: give -o to_code="}
	}
	return codeset, nil
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
