package highlevel

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func mustConvert(t *testing.T, from, to string) *conversion {
	t.Helper()
	c, err := newConversion(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestIconv_Paths: all that the C library knows, of one byte a character and of several, with states and without.
func TestIconv_Paths(t *testing.T) {
	const none = "EILSEQ"
	for _, c := range []struct{ from, to, in, want string }{
		{"UTF-8", "ISO-8859-1", "/caf\u00e9", "/caf\xe9"},
		{"ISO-8859-1", "UTF-8", "/caf\xe9", "/caf\u00e9"},
		{"ISO-8859-1", "ISO-8859-15", "\xa4", none}, // the currency sign, which gave way to the Euro
		{"latin9", "utf8", "\xa4", "\u20ac"},
		{"CP437", "CP850", "\x81", "\x81"},
		{"CP1252", "UTF-8", "\x80\x81", none},
		{"KOI8-R", "CP1251", "\xc1", "\xe0"},
		{"UTF-8", "US-ASCII", "/plain", "/plain"},
		{"UTF-8", "US-ASCII", "/caf\u00e9", none},
		{"US-ASCII", "UTF-8", "\xe9", none},
		{"UTF-8", "UTF-8", "\u20ac \U0001f600 \ufffd", "\u20ac \U0001f600 \ufffd"},
		{"UTF-8", "UTF-8", "a\xffb", none},
		{"UTF-8", "UTF-8", "cut \xe2\x82", none},
		{"UTF-8", "UTF-8", "cut \xe2\x82/\xac", none}, // in the middle of a character
		{"UTF-8", "UTF-8", "\xed\xa0\x80", none},      // a surrogate
		{"UTF-8", "UTF-8", "\xc0\xaf", none},          // a slash in two bytes
		{"ISO-8859-3", "UTF-8", "\xa5", none},         // stands for nothing
		{"UTF-8", "UTF-8", "\x01\n\x7f", "\x01\n\x7f"},
		{"UTF-8", "CP437", "", ""},
		{"UTF-8", "CP437", "/", "/"},
		{"UTF-8", "CP437", "a//b/../\u00e4/", "a//b/../\x84/"},

		{"UTF-8", "EUC-JP", "/a/\u65e5\u672c", "/a/\xc6\xfc\xcb\xdc"},
		{"EUC-JP", "UTF-8", "\xc6\xfc\xcb\xdc", "\u65e5\u672c"},
		{"EUC-JP", "UTF-8", "\xc6\xfc\xcb", none},
		{"UTF-8", "SHIFT_JIS", "\u8868/\u65e5", "\x95\\/\x93\xfa"}, // has a backslash in it
		{"SHIFT_JIS", "UTF-8", "\x95\\/\x93\xfa", "\u8868/\u65e5"},
		{"SHIFT_JIS", "EUC-JP", "\x93\xfa\x96{", "\xc6\xfc\xcb\xdc"},
		{"UTF-8", "GB18030", "\u65e5\U0001f600", "\xc8\xd5\x949\xfc6"},
		{"GB18030", "UTF-8", "\xc8\xd5\x949\xfc6", "\u65e5\U0001f600"},
		{"BIG5", "UTF-8", "\xa4\xe9\xa5\xbb", "\u65e5\u672c"},
		{"UTF-8", "EUC-KR", "\u65e5\u672c", "\xec\xed\xdc\xe2"},

		// Each name begins and ends in the initial state.
		{"UTF-8", "ISO-2022-JP", "x/\u65e5\u672c/\u65e5", "x/\x1b$BF|K\\\x1b(B/\x1b$BF|\x1b(B"},
		{"ISO-2022-JP", "UTF-8", "x/\x1b$BF|K\\\x1b(B/\x1b$BF|\x1b(B", "x/\u65e5\u672c/\u65e5"},
		{"ISO-2022-JP", "UTF-8", "\x1b$BF|/F|", "\u65e5/F|"},
		{"UTF-8", "ISO-2022-JP", "\u4e11", none}, // would be ESC $ B 1 / ESC ( B
		{"UTF-8", "UTF-7", "\u65e5", "+ZeU-"},
		{"UTF-7", "UTF-8", "a+-b", "a+b"},
		{"UTF-7", "UTF-8", "a+AAA-b", none}, // a zero byte
		{"UTF-7", "UTF-8", "a+AC8-b", none}, // a slash
		{"UTF-8", "UTF-7", "\u4ff0", none},  // would be +T/A-

		// What is not the same there and back is no name.
		{"UTF-8", "ASCII//TRANSLIT", "\u20ac", none},
	} {
		got, err := mustConvert(t, c.from, c.to).path(c.in)
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

func TestIconv_LongNames(t *testing.T) {
	name, want := strings.Repeat("\u00e9", 5000), strings.Repeat("\xe9", 5000)
	if got, err := mustConvert(t, "UTF-8", "ISO-8859-1").path(name); got != want || err != nil {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
	if got, err := mustConvert(t, "ISO-8859-1", "UTF-8").path(want); got != name || err != nil {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(name))
	}
}

func TestIconv_UnknownEncodings(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"nonsense", "UTF-8", "cannot convert from UTF-8 to nonsense"},
		{"UTF-8", "nonsense", "cannot convert from nonsense to UTF-8"},
		{"", "nonsense", "cannot convert from nonsense to UTF-8"},
		{"UTF-16", "UTF-8", "cannot convert from UTF-8 to UTF-16"}, // there are no paths in these
		{"UTF-8", "UTF-32LE", "cannot convert from UTF-32LE to UTF-8"},
		{"UTF-8", "IBM037", "cannot convert from IBM037 to UTF-8"},
	} {
		_, err := Iconv(c.from, c.to)
		if !errors.Is(err, syscall.EINVAL) || err.Error() != c.want {
			t.Errorf("from %q to %q: got %v, want EINVAL and %q", c.from, c.to, err, c.want)
		}
	}
}

func TestIconv_DefaultsAreUTF8AndTheLocale(t *testing.T) {
	for locale, want := range map[string]string{"C": "EILSEQ", "C.UTF-8": "/\u00e4"} {
		t.Setenv("LC_ALL", locale)
		layer, err := Iconv("", "")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		ops, err := layer(&Operations{Rmdir: func(_ context.Context, path string) error {
			got = path
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := ops.Rmdir(context.Background(), "/\u00e4"); err == syscall.EILSEQ {
			got = "EILSEQ"
		}
		if got != want {
			t.Errorf("LC_ALL=%s: got %q, want %q", locale, got, want)
		}
	}
	t.Setenv("LC_ALL", "xx_XX.UTF-8")
	if _, err := Iconv("", ""); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "to_code=") {
		t.Errorf("a locale that there is not: got %v, want EINVAL and the option to use", err)
	}
}

// TestIconv_ManyAtATime: an iconv_t is for one at a time, and keeps a state.
func TestIconv_ManyAtATime(t *testing.T) {
	up, down := mustConvert(t, "UTF-8", "ISO-2022-JP"), mustConvert(t, "ISO-2022-JP", "UTF-8")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			path := "/" + strings.Repeat("\u65e5x", i+1)
			for range 500 {
				there, err := up.path(path)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := down.path("\x1b$B" + there[:1] + "\xff"); err != syscall.EILSEQ {
					t.Errorf("got %v, want EILSEQ", err)
				}
				if back, err := down.path(there); back != path || err != nil {
					t.Errorf("got %q, %v, want %q", back, err, path)
				}
			}
		}()
	}
	wg.Wait()
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
