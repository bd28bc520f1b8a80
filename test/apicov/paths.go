package main

import (
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
)

// The tables for who ports a filesystem by paths: what becomes of the members of struct fuse_operations and of struct fuse_config.

// A field is one of a Go struct.
type field struct {
	name, typ, doc, tag string
}

// structFields returns the fields of a struct type.
func structFields(files []*ast.File, typeName string) []field {
	var out []field
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok && s.Name.Name == typeName {
				if t, ok := s.Type.(*ast.StructType); ok {
					out = append(out, fieldsOf(t)...)
				}
			}
			return true
		})
	}
	return out
}

func fieldsOf(t *ast.StructType) []field {
	var out []field
	for _, f := range t.Fields.List {
		tag := ""
		if f.Tag != nil {
			tag = reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("fuse")
		}
		for _, n := range f.Names {
			out = append(out, field{name: n.Name, typ: typeText(f.Type), doc: f.Doc.Text(), tag: tag})
		}
	}
	return out
}

func typeText(t ast.Expr) string {
	var b strings.Builder
	_ = printer.Fprint(&b, token.NewFileSet(), t) // a Builder takes everything
	return strings.Join(strings.Fields(b.String()), " ")
}

func findField(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// nilOfPaths says what nil does, where neither comment does.
var nilOfPaths = map[string]string{
	"Init":    "nothing is called",
	"Destroy": "nothing is called",
	"ReadBuf": "Read is called",
}

const operationsIntro = `
## Operations by paths

The members of struct fuse_operations are fields of highlevel.Operations. They return an error in place of a negative errno. A field that is nil
does what NULL does in C. The last column says what programs see then; where it says "not asked again", the kernel
sends one request only. The functions fuse_fs_* of C, by which a layer calls the filesystem below, are these fields too, once they are known
not to be nil.

| fuse_operations | Go | nil |
|---|---|---|
`

// operations returns the table of fuse_operations.
func (c *coverage) operations(src sources) string {
	var b strings.Builder
	b.WriteString(operationsIntro)
	high, low := structFields(src.high, "Operations"), structFields(src.low, "Ops")
	shown := map[string]bool{}
	line := func(member, note string, f *field) {
		shown[f.name] = true
		text := nilText(*f, findField(low, f.name))
		fmt.Fprintf(&b, "| %s | `%s%s` | %s |\n", joinNotes(member, note), f.name, strings.TrimPrefix(f.typ, "func"), cell(text))
	}
	for _, r := range c.members("fuse_operations") {
		for _, g := range r.Go {
			if f := findField(high, strings.TrimPrefix(g, "highlevel.Operations.")); f != nil {
				line("`"+memberName(r)+"`", since(r.symbol), f)
			}
		}
	}
	for i := range high {
		if !shown[high[i].name] {
			line("-", sinceParagraph(high[i].doc), &high[i])
		}
	}
	return b.String()
}

// members returns the rows of a struct's members.
func (c *coverage) members(structName string) []row {
	return slices.DeleteFunc(slices.Clone(c.rows), func(r row) bool {
		return r.Kind != kindMember || group(r) != structName
	})
}

func memberName(r row) string {
	_, member, _ := strings.Cut(r.Name, ".")
	return member
}

// nilText returns what the comments say of nil: that of the operation, or that of the handler by which lowlevel serves it.
func nilText(f field, low *field) string {
	if text := nilParagraph(f.doc); text != "" {
		return text
	}
	if text := nilOfPaths[f.name]; text != "" {
		return text
	}
	if low != nil {
		if text := nilParagraph(low.doc); text != "" {
			return text
		}
	}
	return "ENOSYS"
}

func nilParagraph(doc string) string { return paragraph(doc, "Nil") }

func sinceParagraph(doc string) string { return paragraph(doc, "Since") }

// paragraph returns the paragraph of a comment that begins with word, from its colon on and without the dot.
func paragraph(doc, word string) string {
	for para := range strings.SplitSeq(doc, "\n\n") {
		if !strings.HasPrefix(para, word) {
			continue
		}
		_, text, ok := strings.Cut(strings.Join(strings.Fields(para), " "), ": ")
		if ok {
			return strings.TrimSuffix(text, ".")
		}
	}
	return ""
}

const configIntro = `
## Configuration of paths

The members of struct fuse_config are fields of highlevel.Config. Options are those of the command line that change a field; a member
without one can be set in code only, in C too. The defaults are those of highlevel.DefaultConfig.

| fuse_config | -o | Go | default | |
|---|---|---|---|---|
`

// otherOptions are those that are not about Config.
var otherOptions = map[string]string{
	"modules=": "`WithLayers`, `RegisterModule`; there are `subdir` (`Subdir`: `subdir=DIR`, `[no]rellinks`) and " +
		"`iconv` (`Iconv`: `from_code=`, `to_code=`)",
}

// config returns the table of fuse_config.
func (c *coverage) config(src sources) string {
	var b strings.Builder
	b.WriteString(configIntro)
	fields := structFields(src.high, "Config")
	options := c.optionsByField(optionNames(src.high))
	defaults := reflect.ValueOf(highlevel.DefaultConfig())
	shown := map[string]bool{}
	for _, r := range c.members("fuse_config") {
		var opts, goText, values []string
		for _, g := range r.Go {
			f := findField(fields, strings.TrimPrefix(g, "highlevel.Config."))
			if f == nil {
				continue
			}
			shown[f.name] = true
			opts = union(opts, options[f.name])
			goText = append(goText, f.name+" "+f.typ)
			values = append(values, fmt.Sprint(defaults.FieldByName(f.name)))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", memberName(r), goCell(opts), goCell(goText), strings.Join(values, ", "),
			cell(joinNotes(since(r.symbol), r.Note)))
	}
	for _, f := range fields {
		if !shown[f.name] {
			c.problem("highlevel.Config.%s: counterpart of no member of fuse_config", f.name)
		}
	}
	b.WriteString("\n| other options | Go |\n|---|---|\n")
	for _, o := range options[""] {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o, otherOptions[o])
	}
	return b.String()
}

// optionNames returns the options of highlevel's own options struct: uid= from the template uid=%u, kernel_cache from kernel_cache:1.
func optionNames(files []*ast.File) []string {
	var out []string
	for _, f := range structFields(files, "options") {
		for templ := range strings.SplitSeq(f.tag, ",") {
			name, _, _ := strings.Cut(templ, ":")
			name, _, _ = strings.Cut(name, "%")
			out = union(out, []string{name})
		}
	}
	return out
}

// optionsByField finds out which fields of Config an option changes, by trying it. Those that change none are under "".
func (c *coverage) optionsByField(names []string) map[string][]string {
	out := map[string][]string{}
	for _, o := range names {
		if _, ok := otherOptions[o]; ok {
			out[""] = append(out[""], o)
			continue
		}
		changed, err := changedBy(o)
		if err != nil || len(changed) == 0 {
			c.problem("highlevel: -o %s changes no field of Config (%v)", o, err)
		}
		for _, f := range changed {
			out[f] = append(out[f], o)
		}
	}
	return out
}

// changedBy tries an option on a Config where nothing is set, and on one where everything is.
func changedBy(option string) ([]string, error) {
	if strings.HasSuffix(option, "=") {
		option += "7"
	}
	var out []string
	for _, base := range []highlevel.Config{{}, fullConfig()} {
		cfg := base
		if _, _, err := highlevel.ParseOptions([]string{"apicov", "-o", option}, &cfg); err != nil {
			return nil, err
		}
		before, after := reflect.ValueOf(base), reflect.ValueOf(cfg)
		for i := range before.NumField() {
			if !before.Field(i).Equal(after.Field(i)) {
				out = union(out, []string{before.Type().Field(i).Name})
			}
		}
	}
	return out, nil
}

// fullConfig has no field that is zero, nor one that an option sets to the same.
func fullConfig() highlevel.Config {
	var cfg highlevel.Config
	v := reflect.ValueOf(&cfg).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int64:
			f.SetInt(int64(3 * time.Second))
		case reflect.Int:
			f.SetInt(3)
		case reflect.Uint32:
			f.SetUint(3)
		}
	}
	return cfg
}
