package lowlevel_test

import (
	"log/slog"
	"math"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allKinds has a field of every kind that a tag can be for. Each begins with a value of its own.
type allKinds struct {
	String   string  `fuse:"string=%s,-S %s"`
	Int      int     `fuse:"int=%ld"`
	Int64    int64   `fuse:"int64=%lld"`
	Int32    int32   `fuse:"int32=%d"`
	Any      int32   `fuse:"any=%i"`
	Uint     uint    `fuse:"uint=%lu"`
	Uint64   uint64  `fuse:"-n %lu,uint64=%llu"`
	Uint32   uint32  `fuse:"uint32=%u"`
	Hex      uint32  `fuse:"hex=%x"`
	Octal    uint32  `fuse:"octal=%o"`
	LongHex  uint64  `fuse:"longhex=%lx"`
	Short    int     `fuse:"short=%d"`
	Ushort   uint    `fuse:"ushort=%u"`
	Float64  float64 `fuse:"float64=%lf"`
	Float32  float32 `fuse:"float32=%f"`
	Bool     bool    `fuse:"bool,no_bool:0"`
	Flag     bool    `fuse:"-x,--extra"`
	Constant int     `fuse:"constant=a:0,constant=b:-1,constant=c:0x10,-c:3"`
	Uconst   uint8   `fuse:"uconst=a:0,uconst=b:255"`
	Untagged string
	private  string
}

func allKindsSet() allKinds {
	return allKinds{
		String: "s", Int: -1 << 40, Int64: 1 << 41, Int32: -32, Any: 7, Uint: 1 << 42, Uint64: 1 << 63, Uint32: math.MaxUint32,
		Hex: 0xa, Octal: 0o17, LongHex: 1 << 43, Short: -5, Ushort: 6, Float64: 0.1, Float32: 0.5, Bool: true, Flag: true,
		Constant: -7, Uconst: 9, Untagged: "u", private: "p",
	}
}

func TestParseOptions_EveryKindOfField(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want func(o *allKinds)
	}{
		"nothing":                {nil, func(*allKinds) {}},
		"%s":                     {[]string{"-o", "string=/a b"}, func(o *allKinds) { o.String = "/a b" }},
		"%s empty":               {[]string{"-o", "string="}, func(o *allKinds) { o.String = "" }},
		"%s twice":               {[]string{"-o", "string=1,string=2"}, func(o *allKinds) { o.String = "2" }},
		"%s not ASCII":           {[]string{"-o", "string=\u00e4\xff"}, func(o *allKinds) { o.String = "\u00e4\xff" }},
		"%s escaped":             {[]string{"-o", `string=a\,b\\c`}, func(o *allKinds) { o.String = `a,b\c` }},
		"%s escaped in octal":    {[]string{"-o", `string=a\054\134c`}, func(o *allKinds) { o.String = `a,\c` }},
		"flag with a word":       {[]string{"-S", "word"}, func(o *allKinds) { o.String = "word" }},
		"flag with joined word":  {[]string{"-Sword"}, func(o *allKinds) { o.String = "word" }},
		"no escaping in flags":   {[]string{"-S", `a\,b`}, func(o *allKinds) { o.String = `a\,b` }},
		"%ld":                    {[]string{"-o", "int=-1099511627777"}, func(o *allKinds) { o.Int = -1099511627777 }},
		"%lld":                   {[]string{"-o", "int64=-3"}, func(o *allKinds) { o.Int64 = -3 }},
		"%d":                     {[]string{"-o", "int32=-2147483648"}, func(o *allKinds) { o.Int32 = math.MinInt32 }},
		"%i decimal":             {[]string{"-o", "any=-10"}, func(o *allKinds) { o.Any = -10 }},
		"%i hexadecimal":         {[]string{"-o", "any=0x10"}, func(o *allKinds) { o.Any = 16 }},
		"%i octal":               {[]string{"-o", "any=010"}, func(o *allKinds) { o.Any = 8 }},
		"%lu":                    {[]string{"-o", "uint=18446744073709551615"}, func(o *allKinds) { o.Uint = math.MaxUint64 }},
		"%llu":                   {[]string{"-o", "uint64=1"}, func(o *allKinds) { o.Uint64 = 1 }},
		"%lu as a flag":          {[]string{"-n", "5"}, func(o *allKinds) { o.Uint64 = 5 }},
		"%lu joined":             {[]string{"-n5"}, func(o *allKinds) { o.Uint64 = 5 }},
		"%u":                     {[]string{"-o", "uint32=0"}, func(o *allKinds) { o.Uint32 = 0 }},
		"%x":                     {[]string{"-o", "hex=ff"}, func(o *allKinds) { o.Hex = 255 }},
		"%o":                     {[]string{"-o", "octal=755"}, func(o *allKinds) { o.Octal = 0o755 }},
		"%lx":                    {[]string{"-o", "longhex=123456789a"}, func(o *allKinds) { o.LongHex = 0x123456789a }},
		"%d into an int":         {[]string{"-o", "short=-9"}, func(o *allKinds) { o.Short = -9 }},
		"%u into a uint":         {[]string{"-o", "ushort=4294967295"}, func(o *allKinds) { o.Ushort = math.MaxUint32 }},
		"%lf":                    {[]string{"-o", "float64=-2.25"}, func(o *allKinds) { o.Float64 = -2.25 }},
		"%lf exponent":           {[]string{"-o", "float64=1e300"}, func(o *allKinds) { o.Float64 = 1e300 }},
		"%f":                     {[]string{"-o", "float32=1.5"}, func(o *allKinds) { o.Float32 = 1.5 }},
		"bool to false":          {[]string{"-o", "no_bool"}, func(o *allKinds) { o.Bool = false }},
		"bool there and back":    {[]string{"-o", "no_bool", "-o", "bool"}, func(*allKinds) {}},
		"constant 0":             {[]string{"-o", "constant=a"}, func(o *allKinds) { o.Constant = 0 }},
		"negative constant":      {[]string{"-o", "constant=b"}, func(o *allKinds) { o.Constant = -1 }},
		"hexadecimal constant":   {[]string{"-o", "constant=c"}, func(o *allKinds) { o.Constant = 16 }},
		"constant by a flag":     {[]string{"-c"}, func(o *allKinds) { o.Constant = 3 }},
		"the last of a field":    {[]string{"-c", "-o", "constant=a,constant=c"}, func(o *allKinds) { o.Constant = 16 }},
		"constant in a byte":     {[]string{"-o", "uconst=b"}, func(o *allKinds) { o.Uconst = 255 }},
		"several, in two groups": {[]string{"-o", "int32=1,hex=2", "-o", "uint32=3"}, func(o *allKinds) { o.Int32, o.Hex, o.Uint32 = 1, 2, 3 }},
		"-o joined":              {[]string{"-oint32=1"}, func(o *allKinds) { o.Int32 = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := allKindsSet(), allKindsSet()
			tt.want(&want)
			rest, err := lowlevel.ParseOptions(append([]string{"prog"}, tt.args...), &got)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, []string{"prog"}, rest)
		})
	}
}

func TestParseOptions_FlagsWithoutValue(t *testing.T) {
	for _, flag := range []string{"-x", "--extra"} {
		var o allKinds
		rest, err := lowlevel.ParseOptions([]string{"prog", flag}, &o)
		require.NoError(t, err)
		assert.Equal(t, allKinds{Flag: true}, o, flag)
		assert.Equal(t, []string{"prog"}, rest, flag)
	}
}

// silence keeps what libfuse logs in this test from stderr.
func silence(t *testing.T) {
	t.Helper()
	lowlevel.SetLogger(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { lowlevel.SetLogger(nil) })
}

// Strings are C's while they are parsed: defaults and what replaces them must be freed, once (make asan).
func TestParseOptions_StringsManyTimes(t *testing.T) {
	silence(t)
	for range 100 {
		o := allKinds{String: "default"}
		_, err := lowlevel.ParseOptions([]string{"prog", "-o", "string=a,string=b"}, &o)
		require.NoError(t, err)
		require.Equal(t, "b", o.String)
		_, err = lowlevel.ParseOptions([]string{"prog", "-o", "string=c,int32=x"}, &o)
		require.Error(t, err)
	}
}

func TestParseOptions_LeavesTheRest(t *testing.T) {
	for name, tt := range map[string]struct{ args, want []string }{
		"flags and mountpoint":   {[]string{"-f", "/mnt", "-d"}, []string{"-f", "/mnt", "-d"}},
		"before and after":       {[]string{"-x", "/mnt", "-o", "int32=1"}, []string{"/mnt"}},
		"unknown option":         {[]string{"/mnt", "-o", "foo,int32=1,bar"}, []string{"-o", "foo,bar", "/mnt"}},
		"unknown options joined": {[]string{"-o", "foo", "/mnt", "-obar=1"}, []string{"-o", "foo,bar=1", "/mnt"}},
		"unknown flags":          {[]string{"-q", "--long", "--long=1"}, []string{"-q", "--long", "--long=1"}},
		"escaping is kept":       {[]string{"-o", `fsname=a\,b\\c,int32=1`}, []string{"-o", `fsname=a\,b\\c`}},
		"descriptor":             {[]string{"-x", "/dev/fd/7"}, []string{"/dev/fd/7"}},
		"not after --":           {[]string{"-x", "--", "-x"}, []string{"--", "-x"}},
		"prefix is no match":     {[]string{"-o", "int3=1"}, []string{"-o", "int3=1"}},
		"longer is no match":     {[]string{"-o", "boolean"}, []string{"-o", "boolean"}},
		"missing = is no match":  {[]string{"-o", "int32"}, []string{"-o", "int32"}},
		"a lone minus":           {[]string{"-"}, []string{"-"}},
		"empty group":            {[]string{"-o", ""}, []string{"-o", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var o allKinds
			rest, err := lowlevel.ParseOptions(append([]string{"prog"}, tt.args...), &o)
			require.NoError(t, err)
			assert.Equal(t, append([]string{"prog"}, tt.want...), rest)
		})
	}
}

func TestParseOptions_MalformedValuesInLibfusesWords(t *testing.T) {
	silence(t)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"int":      {[]string{"-o", "int32=x"}, "fuse: invalid parameter in option `int32=x'"},
		"no int":   {[]string{"-o", "int32="}, "fuse: invalid parameter in option `int32='"},
		"unsigned": {[]string{"-o", "uint32=x"}, "fuse: invalid parameter in option `uint32=x'"},
		"float":    {[]string{"-o", "float64=abc"}, "fuse: invalid parameter in option `float64=abc'"},
		"flag":     {[]string{"-nx"}, "fuse: invalid parameter in option `-nx'"},
		"no value": {[]string{"-n"}, "fuse: missing argument after `-n'"},
		"no -o":    {[]string{"-o"}, "fuse: missing argument after `-o'"},
	} {
		t.Run(name, func(t *testing.T) {
			o := allKindsSet()
			_, err := lowlevel.ParseOptions(append([]string{"prog"}, tt.args...), &o)
			var op *lowlevel.OpError
			require.ErrorAs(t, err, &op)
			assert.Equal(t, "parse", op.Op)
			var said *lowlevel.LibraryError
			require.ErrorAs(t, err, &said)
			assert.Equal(t, tt.want, said.Text)
			assert.Equal(t, allKindsSet(), o, "options after a failure")
		})
	}
}

func TestParseOptions_BadTags(t *testing.T) {
	for name, tt := range map[string]struct {
		options any
		want    string
	}{
		"no pointer":        {struct{}{}, "options must be a pointer to a struct, not struct {}"},
		"pointer to string": {new(string), "options must be a pointer to a struct, not *string"},
		"nil pointer":       {(*allKinds)(nil), "options must be a pointer to a struct"},
		"not exported": {&struct {
			a string `fuse:"a=%s"`
		}{a: ""}, "field a: must be exported"},
		"wrong format": {&struct {
			A string `fuse:"a=%d"`
		}{}, `field A: tag "a=%d": %d does not go with string`},
		"string for a number": {&struct {
			A int `fuse:"a=%s"`
		}{}, "%s does not go with int"},
		"unsigned for signed": {&struct {
			A int32 `fuse:"a=%u"`
		}{}, "%u does not go with int32"},
		"wide for narrow": {&struct {
			A int32 `fuse:"a=%ld"`
		}{}, "%ld does not go with int32"},
		"float for double": {&struct {
			A float64 `fuse:"a=%f"`
		}{}, "%f does not go with float64"},
		"double for float": {&struct {
			A float32 `fuse:"a=%lf"`
		}{}, "%lf does not go with float32"},
		"no format behind %": {&struct {
			A int `fuse:"a=%"`
		}{}, "% does not go with int"},
		"format for bool": {&struct {
			A bool `fuse:"a=%d"`
		}{}, "%d does not go with bool"},
		"constant for string": {&struct {
			A string `fuse:"a:1"`
		}{}, "only numbers and bool can take a constant, not string"},
		"constant for float": {&struct {
			A float64 `fuse:"a"`
		}{}, "only numbers and bool can take a constant, not float64"},
		"constant is no number": {&struct {
			A int `fuse:"a:x"`
		}{}, `parsing "x": invalid syntax`},
		"constant out of range": {&struct {
			A int64 `fuse:"a:4294967296"`
		}{}, "value out of range"},
		"constant and format": {&struct {
			A int `fuse:"a=%d,b:1"`
		}{}, "either all templates have a format, or none"},
		"slice": {&struct {
			A []string `fuse:"a=%s"`
		}{}, "%s does not go with []string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lowlevel.ParseOptions([]string{"prog"}, tt.options)
			require.ErrorContains(t, err, tt.want)
			var op *lowlevel.OpError
			require.ErrorAs(t, err, &op)
			assert.Equal(t, "parse", op.Op)
		})
	}
}

func TestParseOptions_NilOptions(t *testing.T) {
	args := []string{"prog", "-o", "foo", "/mnt"}
	rest, err := lowlevel.ParseOptions(args, nil)
	require.NoError(t, err)
	assert.Equal(t, args, rest)
}

func TestParseOptions_ArgsAreNotChanged(t *testing.T) {
	args := []string{"prog", "/mnt", "-o", "int32=1,foo"}
	var o allKinds
	_, err := lowlevel.ParseOptions(args, &o)
	require.NoError(t, err)
	assert.Equal(t, []string{"prog", "/mnt", "-o", "int32=1,foo"}, args)
}

// parsed is a Cmdline with what libfuse fills in by itself.
func parsed(c lowlevel.Cmdline) *lowlevel.Cmdline {
	if c.MaxThreads == 0 {
		c.MaxThreads = 10
	}
	if c.MaxIdleThreads == 0 {
		c.MaxIdleThreads = -1
	}
	return &c
}

func TestParseCmdline_WhatEveryProgramHas(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want *lowlevel.Cmdline
	}{
		"nothing":        {nil, parsed(lowlevel.Cmdline{})},
		"mountpoint":     {[]string{"/"}, parsed(lowlevel.Cmdline{Mountpoint: "/"})},
		"not canonical":  {[]string{"/proc/../."}, parsed(lowlevel.Cmdline{Mountpoint: "/"})},
		"descriptor":     {[]string{"/dev/fd/7"}, parsed(lowlevel.Cmdline{Mountpoint: "/dev/fd/7"})},
		"-h":             {[]string{"-h"}, parsed(lowlevel.Cmdline{ShowHelp: true})},
		"--help":         {[]string{"--help"}, parsed(lowlevel.Cmdline{ShowHelp: true})},
		"-V":             {[]string{"-V"}, parsed(lowlevel.Cmdline{ShowVersion: true})},
		"--version":      {[]string{"--version"}, parsed(lowlevel.Cmdline{ShowVersion: true})},
		"-f":             {[]string{"-f"}, parsed(lowlevel.Cmdline{Foreground: true})},
		"-s":             {[]string{"-s"}, parsed(lowlevel.Cmdline{SingleThread: true})},
		"-f before":      {[]string{"-f", "/"}, parsed(lowlevel.Cmdline{Foreground: true, Mountpoint: "/"})},
		"-f after":       {[]string{"/", "-f"}, parsed(lowlevel.Cmdline{Foreground: true, Mountpoint: "/"})},
		"-d":             {[]string{"-d"}, parsed(lowlevel.Cmdline{Foreground: true, Debug: true, Args: []string{"-d"}})},
		"-o debug":       {[]string{"-o", "debug"}, parsed(lowlevel.Cmdline{Foreground: true, Debug: true, Args: []string{"-o", "debug"}})},
		"clone_fd":       {[]string{"-o", "clone_fd"}, parsed(lowlevel.Cmdline{CloneFD: true})},
		"threads":        {[]string{"-o", "max_threads=3,max_idle_threads=2"}, parsed(lowlevel.Cmdline{MaxThreads: 3, MaxIdleThreads: 2})},
		"for the mount":  {[]string{"/", "-o", "allow_other,clone_fd,ro"}, parsed(lowlevel.Cmdline{Mountpoint: "/", CloneFD: true, Args: []string{"-o", "allow_other,ro"}})},
		"unknown":        {[]string{"-o", "foo", "-q"}, parsed(lowlevel.Cmdline{Args: []string{"-o", "foo", "-q"}})},
		"escaped":        {[]string{"-o", `fsname=a\,b\\`}, parsed(lowlevel.Cmdline{Args: []string{"-o", `fsname=a\,b\\`}})},
		"subtype is not": {[]string{"-o", "subtype=x"}, parsed(lowlevel.Cmdline{Args: []string{"-o", "subtype=x"}})},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := lowlevel.ParseCmdline(append([]string{"prog"}, tt.args...), nil)
			require.NoError(t, err)
			require.Equal(t, "prog", got.Args[0])
			got.Args = got.Args[1:]
			if n := len(got.Args) - 1; n >= 0 && got.Args[n] == "-osubtype=prog" { // libfuse adds this by itself
				got.Args = got.Args[:n]
			}
			if len(got.Args) == 0 {
				got.Args = nil
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseCmdline_ProgramsNameIsTheSubtype(t *testing.T) {
	for name, tt := range map[string]struct{ args, want []string }{
		"by default":  {[]string{"/usr/bin/my.fs"}, []string{"/usr/bin/my.fs", "-osubtype=my.fs"}},
		"own subtype": {[]string{"fs", "-o", "subtype=x"}, []string{"fs", "-o", "subtype=x"}},
		"own fsname":  {[]string{"fs", "-o", "fsname=x"}, []string{"fs", "-o", "fsname=x"}},
	} {
		c, err := lowlevel.ParseCmdline(tt.args, nil)
		require.NoError(t, err)
		assert.Equal(t, tt.want, c.Args, name)
	}
}

func TestParseCmdline_RelativeMountpointBecomesAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	c, err := lowlevel.ParseCmdline([]string{"prog", "."}, nil)
	require.NoError(t, err)
	assert.Equal(t, dir, c.Mountpoint)
}

func TestParseCmdline_OwnOptionsFirst(t *testing.T) {
	var o struct {
		Source string `fuse:"source=%s"`
		Fast   bool   `fuse:"-s"`
	}
	c, err := lowlevel.ParseCmdline([]string{"prog", "-o", "source=/src,ro", "/", "-s"}, &o)
	require.NoError(t, err)
	assert.Equal(t, "/src", o.Source)
	assert.True(t, o.Fast)
	assert.False(t, c.SingleThread, "-s was taken by the filesystem")
	assert.Contains(t, c.Args[2], "ro")
	assert.NotContains(t, c.Args[2], "source")
}

func TestParseCmdline_Errors(t *testing.T) {
	silence(t)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"two mountpoints": {[]string{"/", "/tmp"}, "fuse: invalid argument `/tmp'"},
		"bad mountpoint":  {[]string{"/does/not/exist"}, "fuse: bad mount point `/does/not/exist': No such file or directory"},
		"threads":         {[]string{"-o", "max_threads=x"}, "fuse: invalid parameter in option `max_threads=x'"},
		"missing value":   {[]string{"-o"}, "fuse: missing argument after `-o'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := lowlevel.ParseCmdline(append([]string{"prog"}, tt.args...), nil)
			var said *lowlevel.LibraryError
			require.ErrorAs(t, err, &said)
			assert.Equal(t, tt.want, said.Text)
		})
	}
}

func TestCmdline_ApplyPutsItIntoAConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		args      []string
		cfg, want lowlevel.Config
	}{
		"nothing":             {nil, lowlevel.Config{}, lowlevel.Config{}},
		"single thread":       {[]string{"-s"}, lowlevel.Config{}, lowlevel.Config{SingleThread: true}},
		"single thread stays": {nil, lowlevel.Config{SingleThread: true}, lowlevel.Config{SingleThread: true}},
		"clone_fd":            {[]string{"-o", "clone_fd"}, lowlevel.Config{}, lowlevel.Config{CloneFD: true}},
		"max_threads":         {[]string{"-o", "max_threads=4"}, lowlevel.Config{MaxThreads: 5}, lowlevel.Config{MaxThreads: 4}},
		"no idle":             {[]string{"-o", "max_idle_threads=0"}, lowlevel.Config{}, lowlevel.Config{MaxIdleThreads: lowlevel.LeastIdle}},
		"idle":                {[]string{"-o", "max_idle_threads=3"}, lowlevel.Config{}, lowlevel.Config{MaxIdleThreads: 3}},
		"idle stays":          {nil, lowlevel.Config{MaxIdleThreads: 2}, lowlevel.Config{MaxIdleThreads: 2}},
		"debug is in Args":    {[]string{"-d"}, lowlevel.Config{}, lowlevel.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := lowlevel.ParseCmdline(append([]string{"prog"}, tt.args...), nil)
			require.NoError(t, err)
			c.Apply(&tt.cfg)
			tt.want.Args = c.Args
			assert.Equal(t, tt.want, tt.cfg)
		})
	}
}

// options_test.go
func TestParseOptions_DefaultsAreKeptWhateverTheFormat(t *testing.T) {
	type options struct {
		A int64  `fuse:"a=%d"`
		B uint64 `fuse:"b=%u"`
		E int64  `fuse:"e:1"`
	}
	o := options{1<<40 + 1, 1<<40 + 2, 1<<40 + 4}
	want := o
	_, err := lowlevel.ParseOptions([]string{"prog"}, &o)
	require.NoError(t, err)
	assert.Equal(t, want, o)
	_, err = lowlevel.ParseOptions([]string{"prog", "-o", "a=5,e"}, &o)
	require.NoError(t, err)
	assert.Equal(t, options{5, 1<<40 + 2, 1}, o)
}

func TestParseOptions_BadFormats(t *testing.T) {
	for _, o := range []any{
		&struct {
			A int `fuse:"a=%lxd"`
		}{},
		&struct {
			A int `fuse:"a=%lhhd"`
		}{},
		&struct {
			A int `fuse:"a=%dd"`
		}{},
		&struct {
			A uint64 `fuse:"a=%l"`
		}{},
		&struct {
			A int8 `fuse:"a:300"`
		}{},
		&struct {
			A int64 `fuse:"a=%d,A=%ld"` // one slot for both
		}{},
	} {
		_, err := lowlevel.ParseOptions([]string{"prog"}, o)
		assert.Error(t, err, "%T", o)
	}
}

// options_test.go
func TestParseCmdline_NoArguments(t *testing.T) {
	for _, args := range [][]string{nil, {}, {"prog"}} {
		c, err := lowlevel.ParseCmdline(args, nil)
		if err == nil {
			assert.Empty(t, c.Mountpoint)
		}
	}
}

// What the command line does not say is not changed.
func TestCmdline_ApplyLeavesMaxThreads(t *testing.T) {
	c, err := lowlevel.ParseCmdline([]string{"prog"}, nil)
	require.NoError(t, err)
	cfg := lowlevel.Config{MaxThreads: 5}
	c.Apply(&cfg)
	assert.Equal(t, 5, cfg.MaxThreads)
}
