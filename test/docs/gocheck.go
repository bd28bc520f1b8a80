package docs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const module = "github.com/go-libfuse3/go-libfuse3/"

// known are the packages that blocks may use without importing them.
var known = byName(
	"bytes", "context", "encoding/binary", "errors", "fmt", "io", "io/fs", "log/slog", "maps", "os", "path", "runtime", "runtime/cgo",
	"slices", "strconv", "strings", "sync", "sync/atomic", "syscall", "testing", "time", "unsafe",
	"golang.org/x/sys/unix", module+"lowlevel", module+"highlevel", module+"test/fusetest",
)

// peers are the other libraries, and what they add to that.
var peers = map[string]map[string]string{
	"go-fuse": byName("github.com/hanwen/go-fuse/v2/fuse", "github.com/hanwen/go-fuse/v2/fs"),
	"bazil":   byName("bazil.org/fuse", "bazil.org/fuse/fs"),
	"jacobsa": byName("github.com/jacobsa/fuse", "github.com/jacobsa/fuse/fuseops", "github.com/jacobsa/fuse/fuseutil"),
	"cgofuse": byName("github.com/winfsp/cgofuse/fuse"),
}

func byName(paths ...string) map[string]string {
	m := map[string]string{}
	for _, p := range paths {
		m[p[strings.LastIndex(p, "/")+1:]] = p
	}
	return m
}

// goChecker type-checks Go blocks.
type goChecker struct{ exports map[string]string } // import path: file with what the package exports

// newGoChecker compiles the packages that blocks may use.
func newGoChecker() (*goChecker, error) {
	paths := slices.Collect(maps.Values(known))
	for _, p := range peers {
		paths = slices.AppendSeq(paths, maps.Values(p))
	}
	// fuse3: of cgofuse, which takes the headers of libfuse 2 otherwise.
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-tags=fuse3", "-f", "{{.ImportPath}} {{.Export}}"}, paths...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	c := &goChecker{map[string]string{}}
	for line := range strings.Lines(string(out)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			c.exports[path] = file
		}
	}
	return c, nil
}

// open is for the importer.
func (c *goChecker) open(path string) (io.ReadCloser, error) {
	file, ok := c.exports[path]
	if !ok {
		return nil, errors.New("not among the packages that blocks may import (known in gocheck.go)")
	}
	return os.Open(file)
}

// fileName is what the parser calls what line directives give no other name.
const fileName = "block.go"

// check returns what the type checker has to say of a block, but for variables and imports that are not used.
func (c *goChecker) check(b block) []error {
	packages := known
	info := b.info
	if name, rest, _ := strings.Cut(info, " "); peers[name] != nil {
		packages = maps.Clone(known)
		maps.Copy(packages, peers[name])
		info = rest
	}
	fset := token.NewFileSet()
	file, err := parseBlock(fset, b, info)
	if err != nil {
		return []error{err}
	}
	files := []*ast.File{file}
	if file.Name.Name == "p" { // not a whole file
		with, err := parser.ParseFile(fset, fileName, "package p\n"+strings.Join(b.with, ""), 0)
		if err != nil {
			return []error{err}
		}
		files = append(files, with)
	}
	declared := map[string]bool{}
	for _, f := range files {
		for name := range f.Scope.Objects {
			declared[name] = true
		}
	}
	for _, f := range files {
		addImports(f, packages, declared)
	}
	var errs []error
	config := types.Config{
		Importer:    importer.ForCompiler(fset, "gc", c.open),
		FakeImportC: true,
		Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) && e.Soft {
				return
			}
			errs = append(errs, err)
		},
	}
	_, _ = config.Check("p", fset, files, nil) // Error has it all
	if text, err := format.Source([]byte(b.text)); err == nil && string(text) != b.text {
		errs = append(errs, fmt.Errorf("%s: not as gofmt has it:\n%s", b, text))
	}
	return errs
}

// parseBlock parses a block as what it is. info may be the type of the function that its statements are from.
func parseBlock(fset *token.FileSet, b block, info string) (*ast.File, error) {
	text := lineDirective("go", b.page, b.line) + b.text
	if strings.HasPrefix(info, "func(") {
		return parser.ParseFile(fset, fileName, "package p\n"+strings.Replace(info, "func(", "func _(", 1)+" {\n"+text+"\npanic(0)\n}", 0)
	}
	if info != "" {
		return nil, fmt.Errorf("%s: %q: no such mark (see docs.go)", b, info)
	}
	for line := range strings.Lines(b.text) {
		if strings.HasPrefix(line, "package ") {
			return parser.ParseFile(fset, fileName, text, 0)
		}
	}
	file, asFile := parser.ParseFile(fset, fileName, "package p\n"+text, 0)
	if asFile == nil {
		return file, nil
	}
	file, err := parser.ParseFile(fset, fileName, "package p\nfunc _() {\n"+text+"\n}", 0)
	if err != nil {
		return nil, fmt.Errorf("neither declarations: %w\nnor statements: %w", asFile, err)
	}
	return file, nil
}

// addImports imports the packages that a file uses, unless their names stand for something else.
func addImports(f *ast.File, packages map[string]string, declared map[string]bool) {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	have := map[string]bool{}
	for _, i := range f.Imports {
		have[strings.Trim(i.Path.Value, `"`)] = true
	}
	for _, id := range f.Unresolved {
		path, ok := packages[id.Name]
		if id.Name == "C" {
			path, ok = "C", true
		}
		if !ok || !used[id.Name] || declared[id.Name] || have[path] {
			continue
		}
		have[path] = true
		spec := &ast.ImportSpec{Path: &ast.BasicLit{ValuePos: f.Name.End(), Kind: token.STRING, Value: `"` + path + `"`}}
		f.Imports = append(f.Imports, spec)
		f.Decls = append([]ast.Decl{&ast.GenDecl{TokPos: f.Name.End(), Tok: token.IMPORT, Specs: []ast.Spec{spec}}}, f.Decls...)
	}
}
