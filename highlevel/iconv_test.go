package highlevel

import (
	"context"
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func mustCharset(t *testing.T, name string) *charset {
	t.Helper()
	c, err := newCharset(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestIconv_IsLikeGlibc converts all bytes of all encodings, there and back, by our tables and by iconv(1).
func TestIconv_IsLikeGlibc(t *testing.T) {
	if out, err := exec.Command("iconv", "--version").CombinedOutput(); err != nil || !strings.Contains(strings.ToLower(string(out)), "glibc") && !strings.Contains(string(out), "GNU libc") {
		fusetest.Skip(t, "needs glibc's iconv(1): %v", err)
	}
	iconv := func(in string, args ...string) string {
		cmd := exec.Command("iconv", args...)
		cmd.Stdin = strings.NewReader(in)
		out, _ := cmd.Output() // with -c, what was left out is an error, too
		return string(out)
	}
	utf := mustCharset(t, "UTF-8")
	for _, name := range slices.Sorted(maps.Keys(byteCharsets)) {
		c := mustCharset(t, name)
		if len(c.high) != 128 {
			t.Errorf("%s: got %d characters, want 128", name, len(c.high))
			continue
		}
		var all, good string
		for b := 0x80; b <= 0xff; b++ {
			all += string([]byte{byte(b)})
			if c.high[b-0x80] != utf8.RuneError {
				good += string([]byte{byte(b)})
			}
		}
		shown, err := convert(good, c, utf)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := iconv(all, "-c", "-f", name, "-t", "UTF-8"); shown != want {
			t.Errorf("%s:\ngot:  %q\nwant: %q", name, shown, want)
		}
		if back, err := convert(shown, utf, c); back != good || err != nil {
			t.Errorf("%s, back: got %q, %v, want %q", name, back, err, good)
		}
		if want := iconv(shown, "-f", "UTF-8", "-t", name); want != good {
			t.Errorf("%s, back: iconv(1) says %q, want %q", name, want, good)
		}
	}
}

func TestIconv_Convert(t *testing.T) {
	const none = "EILSEQ"
	for _, c := range []struct{ from, to, in, want string }{
		{"UTF-8", "ISO-8859-1", "/caf\u00e9", "/caf\xe9"},
		{"ISO-8859-1", "UTF-8", "/caf\xe9", "/caf\u00e9"},
		{"ISO-8859-1", "ISO-8859-15", "\xa4", none}, // the currency sign, which gave way to the Euro
		{"ISO-8859-15", "UTF-8", "\xa4", "\u20ac"},
		{"CP437", "CP850", "\x81", "\x81"},
		{"CP1252", "UTF-8", "\x80\x81", none},
		{"KOI8-R", "CP1251", "\xc1", "\xe0"},
		{"UTF-8", "US-ASCII", "/plain", "/plain"},
		{"UTF-8", "US-ASCII", "/caf\u00e9", none},
		{"US-ASCII", "UTF-8", "\xe9", none},
		{"UTF-8", "ISO-8859-1", "\u20ac", none},
		{"UTF-8", "UTF-8", "\u20ac \U0001f600 \ufffd", "\u20ac \U0001f600 \ufffd"},
		{"UTF-8", "UTF-8", "a\xffb", none},
		{"UTF-8", "UTF-8", "cut \xe2\x82", none},
		{"UTF-8", "UTF-8", "\xed\xa0\x80", none},       // a surrogate
		{"UTF-8", "UTF-8", "\xc0\xaf", none},           // a slash in two bytes
		{"UTF-8", "CP437", "\ufffd", none},             // a character like any other
		{"ISO-8859-3", "ISO-8859-3", "\xa5", none},     // stands for nothing
		{"ISO-8859-1", "ISO-8859-1", "\x80", "\x80"},   // a control character
		{"MACINTOSH", "UTF-8", "", ""},                 //
		{"UTF-8", "UTF-8", "\x01\n\x7f", "\x01\n\x7f"}, //
	} {
		got, err := convert(c.in, mustCharset(t, c.from), mustCharset(t, c.to))
		if err != nil {
			got = err.Error()
			if err == syscall.EILSEQ {
				got = none
			}
		}
		if got != c.want {
			t.Errorf("%q from %s to %s: got %q, want %q", c.in, c.from, c.to, got, c.want)
		}
	}
}

func TestIconv_NamesOfEncodings(t *testing.T) {
	for name, want := range map[string]string{ // what the byte 0xe9 is
		"iso-8859-1": "\u00e9", "ISO8859-1": "\u00e9", "ISO_8859-1:1987": "\u00e9", "latin1": "\u00e9", "L1": "\u00e9", "IBM819": "\u00e9",
		"latin-9": "\u00e9", "ISO-8859-5": "\u0449", "CYRILLIC": "\u0449",
		"cp437": "\u0398", "437": "\u0398", "IBM437": "\u0398", "windows-1251": "\u0439", "KOI8-R": "\u0418", "koi8r": "\u0418",
	} {
		c, err := newCharset(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := convert("\xe9", c, mustCharset(t, "utf8")); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"ASCII", "ANSI_X3.4-1968", "us-ascii", "646"} {
		if got, err := convert("\xe9", mustCharset(t, name), mustCharset(t, "UTF-8")); err != syscall.EILSEQ {
			t.Errorf("%s: got %q, %v, want EILSEQ", name, got, err)
		}
	}
	for _, name := range []string{"UTF-16", "UTF-32LE", "EUC-JP", "SHIFT_JIS", "GB18030", "ISO-8859-12", "CP1255", "nonsense", "-", "ASCII//TRANSLIT"} {
		_, err := Iconv(name, "UTF-8")
		_, err2 := Iconv("UTF-8", name)
		for _, err := range []error{err, err2} {
			if !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "ISO-8859-1 to ") {
				t.Errorf("%s: got %v, want EINVAL and the encodings that there are", name, err)
			}
		}
	}
}

func TestIconv_LocaleCharset(t *testing.T) {
	const none = "error"
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "US-ASCII"},
		{map[string]string{"LANG": "C"}, "US-ASCII"},
		{map[string]string{"LANG": "POSIX"}, "US-ASCII"},
		{map[string]string{"LANG": "C.UTF-8"}, "UTF-8"},
		{map[string]string{"LANG": "de_DE.ISO-8859-15@euro"}, "ISO-8859-15"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_CTYPE": "ru_RU.KOI8-R"}, "KOI8-R"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_CTYPE": "ru_RU.KOI8-R", "LC_ALL": "C"}, "US-ASCII"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "UTF-8"},
		{map[string]string{"LANG": "de_DE"}, none},
		{map[string]string{"LANG": "de_DE@euro"}, none},
	} {
		got, err := localeCharset(func(name string) string { return c.env[name] })
		if err != nil {
			got = none
			if !strings.Contains(err.Error(), "to_code=") {
				t.Errorf("%v: got %q, want the option to use", c.env, err)
			}
		}
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.env, got, c.want)
		}
	}
}

func TestIconv_DefaultsAreUTF8AndTheLocale(t *testing.T) {
	t.Setenv("LC_ALL", "de_DE.ISO-8859-1")
	layer, err := Iconv("", "")
	if err != nil {
		t.Fatal(err)
	}
	var asked string
	ops, err := layer(&Operations{Rmdir: func(_ context.Context, path string) error {
		asked = path
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := ops.Rmdir(context.Background(), "/\xe4"); err != nil || asked != "/\u00e4" {
		t.Errorf("got %q, %v, want %q", asked, err, "/\u00e4")
	}
}

// latinOverUTF8 shows a filesystem with names in UTF-8 as one with names in ISO-8859-1.
func latinOverUTF8(t *testing.T, ops *Operations) *Operations {
	t.Helper()
	layer, err := Iconv("UTF-8", "ISO-8859-1")
	if err != nil {
		t.Fatal(err)
	}
	ops, err = layer(ops)
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func TestIconv_Readdir(t *testing.T) {
	ops := latinOverUTF8(t, &Operations{
		Readdir: func(_ context.Context, path string, fill FillDir, _ int64, _ *FileInfo, _ ReaddirFlags) error {
			if path != "/\u00fc" {
				t.Errorf("got path %q", path)
			}
			for i, name := range []string{".", "\u00e4", "\u20ac", "bad\xff", "plain"} {
				if !fill(name, nil, int64(i+1), 0) {
					t.Errorf("%q: got false, want true", name)
				}
			}
			return nil
		},
	})
	var got []string
	fill := func(name string, _ *Stat, off int64, _ FillDirFlags) bool {
		got = append(got, name+string(rune('0'+off)))
		return true
	}
	if err := ops.Readdir(context.Background(), "/\xfc", fill, 0, nil, 0); err != nil {
		t.Fatal(err)
	}
	if want := []string{".1", "\xe42", "plain5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	full := func(string, *Stat, int64, FillDirFlags) bool { return false }
	if convertNames(full, func(s string) (string, error) { return s, nil })("x", nil, 0, 0) {
		t.Error("full: got true, want false")
	}
}

func TestIconv_Links(t *testing.T) {
	ctx := context.Background()
	made := map[string]string{}
	ops := latinOverUTF8(t, &Operations{
		Readlink: func(_ context.Context, path string) (string, error) {
			if path == "/none" {
				return "", syscall.ENOENT
			}
			return made[path], nil
		},
		Symlink: func(_ context.Context, target, path string) error {
			made[path] = target
			return nil
		},
	})
	if err := ops.Symlink(ctx, "/t\xf6", "/l\xf6"); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"/l\u00f6": "/t\u00f6"}; !maps.Equal(made, want) {
		t.Errorf("got %q, want %q", made, want)
	}
	if got, err := ops.Readlink(ctx, "/l\xf6"); got != "/t\xf6" || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, "/t\xf6")
	}
	made["/euro"] = "\u20ac"
	if got, err := ops.Readlink(ctx, "/euro"); err != syscall.EILSEQ {
		t.Errorf("got %q, %v, want EILSEQ", got, err)
	}
	if _, err := ops.Readlink(ctx, "/none"); err != syscall.ENOENT {
		t.Errorf("got %v, want ENOENT", err)
	}
}

// TestIconv_BadPath: the filesystem is not asked.
func TestIconv_BadPath(t *testing.T) {
	layer, err := Iconv("US-ASCII", "UTF-8")
	if err != nil {
		t.Fatal(err)
	}
	asked := func(context.Context, string, string) error {
		t.Error("asked")
		return nil
	}
	ops, err := layer(&Operations{
		Symlink: asked,
		Link:    asked,
		Getattr: func(context.Context, string, *FileInfo) (Stat, error) {
			return Stat{}, asked(nil, "", "")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err = ops.Getattr(ctx, "/\u00e4", nil)
	for what, err := range map[string]error{
		"Getattr":         err,
		"Symlink, target": ops.Symlink(ctx, "\u00e4", "/ok"),
		"Symlink, path":   ops.Symlink(ctx, "ok", "/\u00e4"),
		"Link, old":       ops.Link(ctx, "/\u00e4", "/ok"),
		"Link, new":       ops.Link(ctx, "/ok", "/\u00e4"),
	} {
		if err != syscall.EILSEQ {
			t.Errorf("%s: got %v, want EILSEQ", what, err)
		}
	}
}
