package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const pathsSource = `package highlevel

// Operations is struct fuse_operations in C.
type Operations struct {
	// Open opens.
	//
	// Nil: anything can
	// be opened.
	//
	//	int (*open) (const char *);
	Open func(path string) error

	// Mkdir makes.
	//
	//	int (*mkdir) (const char *);
	Mkdir func(path string, mode uint32) error

	// Flush flushes.
	//
	//	int (*flush) (const char *);
	Flush func(path string) error

	// Tmpfile is not in C.
	//
	// Since: libfuse 3.17.
	Tmpfile func(dir string) error
}

// Config is struct fuse_config in C.
type Config struct {
	SetUID bool
	UID    uint32
}

type options struct {
	SetUID bool   ` + "`fuse:\"uid=:1\"`" + `
	UID    uint32 ` + "`fuse:\"uid=%u\"`" + `
	Cache  bool   ` + "`fuse:\"cache:1,nocache:0\"`" + `
}
`

const handlersSource = `package lowlevel

type Ops struct {
	// Flush flushes.
	//
	// Nil, or ENOSYS: success, not asked again.
	//
	//	void (*flush) (fuse_req_t req);
	Flush func()
}
`

func parseSource(t *testing.T, text string) []*ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return []*ast.File{f}
}

// pathsCoverage is what the sources above say of some members of C's structs.
func pathsCoverage(t *testing.T) (*coverage, sources) {
	t.Helper()
	src := sources{low: parseSource(t, handlersSource), high: parseSource(t, pathsSource)}
	cov := &coverage{api: src.api()}
	for _, m := range []string{"open", "mkdir", "flush"} {
		cov.symbol(symbol{Name: "fuse_operations." + m, Kind: kindMember, Header: highlevelHeader})
	}
	for _, m := range []string{"set_uid", "uid"} {
		cov.symbol(symbol{Name: "fuse_config." + m, Kind: kindMember, Header: highlevelHeader})
	}
	return cov, src
}

func lines(table string) []string {
	var out []string
	for line := range strings.SplitSeq(table, "\n") {
		if strings.HasPrefix(line, "| ") {
			out = append(out, line)
		}
	}
	return out
}

// wantTable compares the lines of a table, which has been made without problems.
func wantTable(t *testing.T, cov *coverage, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(cov.problems) > 0 {
		t.Errorf("got problems %q, want none", cov.problems)
	}
}

func TestOperations_SaysWhatNilDoes(t *testing.T) {
	cov, src := pathsCoverage(t)
	got := lines(cov.operations(src))
	want := []string{
		"| fuse_operations | Go | nil |",
		"| `open` | `Open(path string) error` | anything can be opened |",
		"| `mkdir` | `Mkdir(path string, mode uint32) error` | ENOSYS |",
		"| `flush` | `Flush(path string) error` | success, not asked again |",
		"| -; libfuse 3.17 | `Tmpfile(dir string) error` | ENOSYS |",
	}
	wantTable(t, cov, got, want)
}

func TestConfig_TriesTheOptions(t *testing.T) {
	cov, src := pathsCoverage(t)
	got := lines(cov.config(src))
	for _, want := range []string{
		"| `set_uid` | `uid=` | `SetUID bool` | false |  |",
		"| `uid` | `uid=` | `UID uint32` | 0 |  |",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("got\n%s\nwant a line %s", strings.Join(got, "\n"), want)
		}
	}
	// This source has two options that the real package does not know.
	if len(cov.problems) != 2 || !strings.Contains(cov.problems[0], "-o cache ") || !strings.Contains(cov.problems[1], "-o nocache ") {
		t.Errorf("got problems %q, want two, about cache and nocache", cov.problems)
	}
}

func TestConfig_MissesNoField(t *testing.T) {
	cov, src := pathsCoverage(t)
	cov.rows = slices.DeleteFunc(cov.rows, func(r row) bool { return r.Name == "fuse_config.uid" })
	cov.config(src)
	if want := "highlevel.Config.UID: "; !slices.ContainsFunc(cov.problems, func(p string) bool { return strings.HasPrefix(p, want) }) {
		t.Errorf("got problems %q, want one that begins with %q", cov.problems, want)
	}
}

func TestOptionNames_TakesEachOnce(t *testing.T) {
	got := optionNames(parseSource(t, pathsSource))
	if want := []string{"uid=", "cache", "nocache"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestChangedBy_FindsTheFields(t *testing.T) {
	tests := []struct {
		option string
		want   []string
	}{
		{"uid=", []string{"SetUID", "UID"}},
		{"kernel_cache", []string{"KernelCache"}},
		{"noauto_cache", []string{"AutoCache"}},
		{"noforget", []string{"Remember"}},
		{"attr_timeout=", []string{"AttrTimeout"}},
	}
	for _, tt := range tests {
		got, err := changedBy(tt.option)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q and error %v, want %q", tt.option, got, err, tt.want)
		}
	}
}

func TestGoAPI_NamesOfHighlevelHaveItInFront(t *testing.T) {
	api := sources{low: parseSource(t, handlersSource), high: parseSource(t, pathsSource)}.api()
	tests := []struct {
		c, kind, want string
	}{
		{"struct fuse_config", kindType, "highlevel.Config"},
		{"fuse_config.uid", kindMember, "highlevel.Config.UID"},
		{"fuse_config.set_uid", kindMember, "highlevel.Config.SetUID"},
		{"fuse_operations.mkdir", kindMember, "highlevel.Operations.Mkdir"},
		{"fuse_fs_mkdir", kindFunc, "highlevel.Operations.Mkdir"},
		{"fuse_fs_rmdir", kindFunc, ""},
	}
	for _, tt := range tests {
		got := strings.Join(api.find(symbol{Name: tt.c, Kind: tt.kind}), " ")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.c, got, tt.want)
		}
	}
}
