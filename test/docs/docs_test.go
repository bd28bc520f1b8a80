package docs

import (
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

// pages returns README.md and docs/*.md, and the blocks of each.
func pages(t *testing.T) []block {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := readPage(file, name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, blocks...)
	}
	if len(out) == 0 {
		t.Fatal("got no blocks, want some")
	}
	return out
}

func TestPages_CodeCompiles(t *testing.T) {
	goCode, err := newGoChecker()
	if err != nil {
		t.Fatal(err)
	}
	cCode, err := newCChecker()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range pages(t) {
		t.Run(b.String(), func(t *testing.T) {
			t.Parallel()
			check := goCode.check
			if b.lang == "c" {
				check = cCode.check
			}
			for _, err := range check(b) {
				t.Error(err)
			}
		})
	}
}

const page = "# Page\n\n<!-- go\nvar ofPage int\n-->\n```go -\nnot checked\n```\n```go\nofPage++\n```\n" +
	"## Section\n\n<!-- go\nvar ofSection int\n-->\n```go func(n int) int\nofSection = n\nreturn ofPage\n```\n```c void f(void)\n```\n```sh\nls\n```\n" +
	"## Other\n\n```go bazil func() error\nreturn fuse.Unmount(\"/mnt\")\n```\n"

func TestReadPage_FindsBlocks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readPage(file, "page.md")
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name, info string
		with       int
	}{
		{"page.md:10", "", 1},
		{"page.md:18", "func(n int) int", 2},
		{"page.md:22", "void f(void)", 0},
		{"page.md:29", "bazil func() error", 1},
	}
	if len(got) != len(want) {
		t.Fatalf("got blocks %v, want %d", got, len(want))
	}
	for i, w := range want {
		b := got[i]
		if b.String() != w.name || b.info != w.info || len(b.with) != w.with {
			t.Errorf("got %v %q with %d comments, want %+v", b, b.info, len(b.with), w)
		}
	}
}

func TestReadPage_WantsAnEnd(t *testing.T) {
	for _, text := range []string{"```go\nx\n", "<!-- go\nx\n"} {
		file := filepath.Join(t.TempDir(), "page.md")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readPage(file, "page.md"); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestGoChecker_FindsMistakes(t *testing.T) {
	c, err := newGoChecker()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, info, text string
		with             string
		bad              bool
	}{
		{"statements", "", "x := lowlevel.Version()\n", "", false},
		{"declarations", "", "func f() error { return unix.ENOENT }\n", "", false},
		{"file", "", "// Page.\npackage main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }\n", "", false},
		{"with", "", "fs.size = 1\n", "var fs struct{ size int }\n", false},
		{"of a function", "func(fd int) error", "if fd == 0 {\n\treturn nil\n}\n", "", false},
		{"cgo", "", "var x C.int\n", "", false},
		{"other library", "cgofuse", "var h *fuse.FileSystemHost\n", "", false},
		{"no such name", "", "x := lowlevel.Gone()\n", "", true},
		{"wrong type", "", "var x int = lowlevel.PackageVersion()\n", "", true},
		{"no such package", "", "import \"net/smtp\"\n", "", true},
		{"no Go", "", "int x;\n", "", true},
		{"not formatted", "", "x:=1\n", "", true},
		{"no such mark", "nonsense", "x := 1\n", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := c.check(block{page: "page.md", line: 1, lang: "go", info: tt.info, text: tt.text, with: []string{tt.with}})
			if (len(errs) > 0) != tt.bad {
				t.Errorf("got errors %v, want some: %v", errs, tt.bad)
			}
		})
	}
}

func TestCChecker_FindsMistakes(t *testing.T) {
	c, err := newCChecker()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, info, text string
		bad              bool
	}{
		{"declarations", "", "static int f(void) { return fuse_version(); }\n", false},
		{"statements", "int f(fuse_req_t req)", "return fuse_reply_err(req, ENOENT);\n", false},
		{"without libfuse", "fuse2", "struct fuse_chan *fuse_mount(const char *m, void *args);\n", false},
		{"no such function", "void f(void)", "fuse_gone();\n", true},
		{"wrong type", "", "static struct fuse_lowlevel_ops ops = {.lookup = main};\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := c.check(block{page: "page.md", line: 1, lang: "c", info: tt.info, text: tt.text})
			if (len(errs) > 0) != tt.bad {
				t.Errorf("got errors %v, want some: %v", errs, tt.bad)
			}
		})
	}
}
