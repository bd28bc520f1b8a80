package main

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// goAPI is what the Go sources say about the C API.
type goAPI struct {
	pkg    string              // before the names of the package being read: "highlevel.", or nothing for lowlevel
	names  map[string]bool     // exported names: Func, Type, Type.Method, Type.Field
	fields map[string]bool     // those of them that are fields of structs
	refs   map[string][]string // C symbol -> the Go names whose doc comments carry it
	ops    map[string][]string // member of an op table -> the Go fields whose doc comments carry its prototype
}

// parseDir reads the Go files of a package, without its tests.
func parseDir(dir string) ([]*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no Go package", dir)
	}
	return files, nil
}

func newGoAPI() *goAPI {
	return &goAPI{names: map[string]bool{}, fields: map[string]bool{}, refs: map[string][]string{}, ops: map[string][]string{}}
}

// read takes a package: its names get pkg in front.
func (a *goAPI) read(pkg string, files []*ast.File) {
	a.pkg = pkg
	for _, f := range files {
		a.file(f)
	}
}

func (a *goAPI) file(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			a.function(d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				a.spec(d, s)
			}
		}
	}
}

func (a *goAPI) function(d *ast.FuncDecl) {
	name := d.Name.Name
	if d.Recv != nil {
		recv := receiver(d.Recv.List[0].Type)
		if !ast.IsExported(recv) {
			return
		}
		name = recv + "." + name
	}
	if d.Name.IsExported() {
		name = a.pkg + name
		a.names[name] = true
		a.code(name, d.Doc)
	}
}

func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func (a *goAPI) spec(d *ast.GenDecl, s ast.Spec) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			a.typeSpec(s, firstDoc(s.Doc, d.Doc))
		}
	case *ast.ValueSpec:
		doc := s.Doc
		if doc == nil && len(d.Specs) == 1 {
			doc = d.Doc
		}
		for _, n := range s.Names {
			if n.IsExported() {
				name := a.pkg + n.Name
				a.names[name] = true
				a.constants(name, doc, s.Comment)
				a.code(name, doc)
			}
		}
	}
}

func firstDoc(docs ...*ast.CommentGroup) *ast.CommentGroup {
	for _, d := range docs {
		if d != nil {
			return d
		}
	}
	return nil
}

var cType = regexp.MustCompile(`\b(?:struct|enum) c?fuse_\w+|\bc?fuse_\w+_t\b`)

// typeSpec takes a type: the first paragraph of its doc comment says whose counterpart it is.
func (a *goAPI) typeSpec(s *ast.TypeSpec, doc *ast.CommentGroup) {
	name := a.pkg + s.Name.Name
	a.names[name] = true
	a.code(name, doc)
	para, _, _ := strings.Cut(doc.Text(), "\n\n")
	for _, c := range cType.FindAllString(strings.Join(strings.Fields(para), " "), -1) {
		a.ref(c, name)
	}
	switch t := s.Type.(type) {
	case *ast.StructType:
		a.members(name, t.Fields, true)
	case *ast.InterfaceType:
		a.members(name, t.Methods, false)
	}
}

// members takes the fields of a struct or the methods of an interface.
func (a *goAPI) members(typeName string, list *ast.FieldList, fields bool) {
	for _, f := range list.List {
		for _, n := range f.Names {
			if n.IsExported() {
				field := typeName + "." + n.Name
				a.names[field] = true
				a.fields[field] = fields
				a.code(field, f.Doc)
			}
		}
	}
}

func (a *goAPI) ref(c, goName string) { addOnce(a.refs, c, goName) }

func addOnce(m map[string][]string, key, value string) {
	if !slices.Contains(m[key], value) {
		m[key] = append(m[key], value)
	}
}

var cConst = regexp.MustCompile(`\b[CL]?(?:IB)?FUSE_[A-Z0-9_]*[A-Z0-9]\b`)

// constants takes the comments of a constant: the first C name in them is the one it stands for.
func (a *goAPI) constants(name string, docs ...*ast.CommentGroup) {
	for _, d := range docs {
		if c := cConst.FindString(d.Text()); c != "" {
			a.ref(c, name)
			return
		}
	}
}

var (
	cMember = regexp.MustCompile(`\(\*(\w+)\)\s*\(`)
	cFunc   = regexp.MustCompile(`(?:^|[^.\w])(c?fuse_\w+)\s*\(`) // not C.fuse_req_t(...), which is Go
)

// code takes the C prototypes in the code blocks of a doc comment.
func (a *goAPI) code(name string, doc *ast.CommentGroup) {
	var p comment.Parser
	for _, b := range p.Parse(doc.Text()).Content {
		block, ok := b.(*comment.Code)
		if !ok {
			continue
		}
		for _, m := range cMember.FindAllStringSubmatch(block.Text, -1) {
			addOnce(a.ops, m[1], name)
		}
		for _, m := range cFunc.FindAllStringSubmatch(block.Text, -1) {
			a.ref(m[1], name)
		}
	}
}

// find returns the Go counterparts of a C symbol.
func (a *goAPI) find(s symbol) []string {
	if member, ok := strings.CutPrefix(s.Name, "fuse_fs_"); ok && s.Kind == kindFunc { // calls that member of the layer below
		return union(a.refs[s.Name], a.find(symbol{Name: "fuse_operations." + member, Kind: kindMember}))
	}
	if s.Kind != kindMember {
		return a.refs[s.Name]
	}
	structName, member, _ := strings.Cut(s.Name, ".")
	var out []string
	for _, t := range a.refs["struct "+structName] {
		if isOpTable(structName) {
			out = append(out, withPrefix(a.ops[member], t+".")...)
		} else {
			out = append(out, a.named(t, member)...)
		}
	}
	return out
}

func isOpTable(structName string) bool {
	return strings.HasSuffix(structName, "_ops") || structName == "fuse_operations"
}

func withPrefix(names []string, prefix string) []string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	return out
}

// named returns the fields and methods of Go type t that carry the name of a C member: max_write is MaxWrite and SetMaxWrite. A
// field SetUID is set_uid, not uid.
func (a *goAPI) named(t, member string) []string {
	want := strings.ReplaceAll(member, "_", "")
	var out []string
	for n := range a.names {
		goMember, ok := strings.CutPrefix(n, t+".")
		got := strings.ToLower(goMember)
		if ok && (got == want || got == "set"+want && !a.fields[n]) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
