package highlevel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// config returns DefaultConfig with changes.
func config(change func(*Config)) Config {
	cfg := DefaultConfig()
	change(&cfg)
	return cfg
}

func TestOptions_Config(t *testing.T) {
	for options, want := range map[string]func(*Config){
		"ro":                                     func(*Config) {},
		"kernel_cache":                           func(c *Config) { c.KernelCache = true },
		"auto_cache":                             func(c *Config) { c.AutoCache = true },
		"auto_cache,noauto_cache":                func(*Config) {},
		"noauto_cache,auto_cache":                func(c *Config) { c.AutoCache = true },
		"no_rofd_flush":                          func(c *Config) { c.NoRofdFlush = true },
		"umask=022":                              func(c *Config) { c.SetMode, c.Umask = true, 0o022 },
		"umask=0":                                func(c *Config) { c.SetMode = true },
		"fmask=133":                              func(c *Config) { c.SetMode, c.SetFmask, c.Fmask = true, true, 0o133 },
		"dmask=0":                                func(c *Config) { c.SetMode, c.SetDmask = true, true },
		"umask=27,dmask=022":                     func(c *Config) { c.SetMode, c.Umask, c.SetDmask, c.Dmask = true, 0o027, true, 0o022 },
		"uid=1000":                               func(c *Config) { c.SetUID, c.UID = true, 1000 },
		"gid=0":                                  func(c *Config) { c.SetGID = true },
		"uid=4294967294":                         func(c *Config) { c.SetUID, c.UID = true, 4294967294 },
		"uid=-2":                                 func(c *Config) { c.SetUID, c.UID = true, 4294967294 },
		"entry_timeout=2.5":                      func(c *Config) { c.EntryTimeout = 2500 * time.Millisecond },
		"entry_timeout=0":                        func(c *Config) { c.EntryTimeout = 0 },
		"entry_timeout=-1":                       func(c *Config) { c.EntryTimeout = 0 },
		"entry_timeout=1e30":                     func(c *Config) { c.EntryTimeout = lowlevel.Forever },
		"entry_timeout=nan":                      func(c *Config) { c.EntryTimeout = 0 },
		"attr_timeout=0.25":                      func(c *Config) { c.AttrTimeout = 250 * time.Millisecond },
		"negative_timeout=60":                    func(c *Config) { c.NegativeTimeout = time.Minute },
		"ac_attr_timeout=3":                      func(c *Config) { c.SetACAttrTimeout, c.ACAttrTimeout = true, 3*time.Second },
		"ac_attr_timeout=0":                      func(c *Config) { c.SetACAttrTimeout = true },
		"noforget":                               func(c *Config) { c.Remember = -1 },
		"remember=30":                            func(c *Config) { c.Remember = 30 },
		"noforget,remember=30":                   func(c *Config) { c.Remember = 30 },
		"remember=30,noforget":                   func(c *Config) { c.Remember = -1 },
		"parallel_direct_write=1":                func(c *Config) { c.ParallelDirectWrites = true },
		"parallel_direct_write=0":                func(*Config) {},
		"entry_timeout=5,entry_timeout=6":        func(c *Config) { c.EntryTimeout = 6 * time.Second },
		"kernel_cache,uid=1,attr_timeout=7,ro":   func(c *Config) { c.KernelCache, c.SetUID, c.UID, c.AttrTimeout = true, true, 1, 7*time.Second },
		"direct_io,use_ino,hard_remove,intr":     func(*Config) {}, // only in code, as in C
		"nullpath_ok,readdir_ino,kernel_cachexx": func(*Config) {},
	} {
		cfg := DefaultConfig()
		if _, layers, err := ParseOptions([]string{"prog", "-o", options}, &cfg); err != nil || len(layers) != 0 {
			t.Errorf("%s: got %d layers, %v", options, len(layers), err)
		}
		if want := config(want); cfg != want {
			t.Errorf("%s:\ngot:  %+v\nwant: %+v", options, cfg, want)
		}
	}
}

// TestOptions_KeepConfig: what no option changes stays as it is, to the nanosecond.
func TestOptions_KeepConfig(t *testing.T) {
	full := Config{
		SetGID: true, GID: 1, SetUID: true, UID: 2, SetMode: true, Umask: 3, SetFmask: true, SetDmask: true, Fmask: 4, Dmask: 5,
		EntryTimeout: lowlevel.Forever, NegativeTimeout: 1<<62 + 1, AttrTimeout: 123456789123456789, Remember: -1, HardRemove: true, UseIno: true,
		ReaddirIno: true, DirectIO: true, KernelCache: true, AutoCache: true, SetACAttrTimeout: true, ACAttrTimeout: 7, NullpathOK: true,
		NoRofdFlush: true, ParallelDirectWrites: true,
	}
	for _, want := range []Config{{}, DefaultConfig(), full} {
		got := want
		if _, _, err := ParseOptions([]string{"prog", "-o", "ro"}, &got); err != nil || got != want {
			t.Errorf("%v\ngot:  %+v\nwant: %+v", err, got, want)
		}
	}
	got := full
	if _, _, err := ParseOptions([]string{"prog", "-o", "noauto_cache,parallel_direct_write=0,uid=9,remember=0"}, &got); err != nil {
		t.Fatal(err)
	}
	want := full
	want.AutoCache, want.ParallelDirectWrites, want.UID, want.Remember = false, false, 9, 0
	if got != want {
		t.Errorf("\ngot:  %+v\nwant: %+v", got, want)
	}
}

func TestOptions_Rest(t *testing.T) {
	for args, want := range map[string]string{
		"prog":                                  "prog",
		"prog -d -o kernel_cache":               "prog -d",
		"prog -o ro,uid=1,allow_other -o debug": "prog -o ro,allow_other,debug",
		"prog -ofsname=x,entry_timeout=1":       "prog -o fsname=x",
		"prog -o from_code=x,subdir=/srv":       "prog -o from_code=x,subdir=/srv", // of modules that are not asked for
		"prog -o modules=":                      "prog",
		"prog -o modules=subdir,subdir=/srv,ro": "prog -o ro",
		"prog -o modules=iconv:subdir,subdir=/srv,to_code=UTF-8,from_code=CP437": "prog",
	} {
		cfg := DefaultConfig()
		rest, _, err := ParseOptions(strings.Fields(args), &cfg)
		if got := strings.Join(rest, " "); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", args, got, err, want)
		}
	}
}

func TestOptions_Errors(t *testing.T) {
	for options, want := range map[string]string{
		"umask=9":                        "fuse: invalid parameter in option `umask=9'",
		"fmask=x":                        "fuse: invalid parameter in option `fmask=x'",
		"dmask=":                         "fuse: invalid parameter in option `dmask='",
		"uid=root":                       "fuse: invalid parameter in option `uid=root'",
		"gid=wheel":                      "fuse: invalid parameter in option `gid=wheel'",
		"entry_timeout=long":             "fuse: invalid parameter in option `entry_timeout=long'",
		"attr_timeout=x":                 "fuse: invalid parameter in option `attr_timeout=x'",
		"ac_attr_timeout=x":              "fuse: invalid parameter in option `ac_attr_timeout=x'",
		"negative_timeout=x":             "fuse: invalid parameter in option `negative_timeout=x'",
		"remember=x":                     "fuse: invalid parameter in option `remember=x'",
		"parallel_direct_write=x":        "fuse: invalid parameter in option `parallel_direct_write=x'",
		"uid=5,modules=nope":             "fuse: modules: nope: no such module (there are iconv, subdir",
		"modules=subdir":                 "fuse-subdir: missing 'subdir' option",
		"modules=iconv:nope,to_code=CX1": "fuse-iconv: cannot convert from CX1 to UTF-8",
		"modules=iconv,from_code=CX2":    "fuse-iconv: cannot convert from ",
	} {
		cfg := config(func(c *Config) { c.UID = 77 })
		before := cfg
		_, layers, err := ParseOptions([]string{"prog", "-o", options}, &cfg)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", options, err, want)
		}
		if layers != nil || cfg != before {
			t.Errorf("%s: got %d layers, %+v, want nothing changed", options, len(layers), cfg)
		}
	}
}

// prefixModule registers a module that puts its name, or its option "<name>=", before paths.
func prefixModule(t *testing.T, name string) {
	t.Helper()
	RegisterModule(name, func(args []string) (Layer, []string, error) {
		return Subdir("/"+name, false), args, nil
	})
	t.Cleanup(func() { delete(modules, name) })
}

// TestOptions_Modules: the first is the lowest, the next sees what that one shows.
func TestOptions_Modules(t *testing.T) {
	prefixModule(t, "one")
	prefixModule(t, "two")
	for modules, want := range map[string]string{
		"one":         "/one/x",
		"one:two":     "/one/two/x",
		"two:one":     "/two/one/x",
		":one::one:":  "/one/one/x",
		"one:subdir":  "/one/sub/x",
		"subdir:two":  "/sub/two/x",
		"subdir:":     "/sub/x",
		"iconv:two":   "/two/x",
		"subdir:one,": "/sub/one/x",
	} {
		cfg := DefaultConfig()
		_, layers, err := ParseOptions([]string{"prog", "-o", "from_code=UTF-8,to_code=UTF-8,subdir=/sub,modules=" + modules}, &cfg)
		if err != nil {
			t.Errorf("%s: %v", modules, err)
			continue
		}
		var got []string
		ops, err := Stack(spy(t, &got), layers...)
		if err != nil {
			t.Fatal(err)
		}
		if err := ops.Rmdir(context.Background(), "/x"); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, %v, want %q", modules, got, err, want)
		}
	}
}

func TestOptions_RegisterModule(t *testing.T) {
	no := errors.New("no")
	var opts struct {
		Level int `fuse:"level=%d"`
	}
	RegisterModule("test", func(args []string) (Layer, []string, error) {
		rest, err := lowlevel.ParseOptions(args, &opts)
		if err == nil && opts.Level < 0 {
			err = no
		}
		return func(next *Operations) (*Operations, error) { return next, nil }, rest, err
	})
	t.Cleanup(func() { delete(modules, "test") })

	cfg := DefaultConfig()
	rest, layers, err := ParseOptions([]string{"prog", "-o", "level=3,modules=test,ro"}, &cfg)
	if err != nil || opts.Level != 3 || len(layers) != 1 || strings.Join(rest, " ") != "prog -o ro" {
		t.Errorf("got %v, level %d, %d layers, rest %q", err, opts.Level, len(layers), rest)
	}
	if _, _, err = ParseOptions([]string{"prog", "-o", "level=-3,modules=test"}, &cfg); !errors.Is(err, no) || !strings.Contains(err.Error(), "test") {
		t.Errorf("got %v, want the module's name and error", err)
	}
	if _, _, err = ParseOptions([]string{"prog", "-o", "modules=none"}, &cfg); err == nil || !strings.Contains(err.Error(), "iconv, subdir, test") {
		t.Errorf("got %v, want the modules that there are", err)
	}
}
