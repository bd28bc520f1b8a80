package main

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// The table for who ports a filesystem by inodes: what becomes of the members of struct fuse_lowlevel_ops, and of the replies that each of them sends.

const inodesIntro = `
## Operations by inodes

The members of struct fuse_lowlevel_ops are fields of Ops. Instead of sending a reply they return it; the third column has what C calls for that, and the fourth
the methods of a Reply, for a handler that answers later (Request.Detach). Any request that wants an answer may be answered by an error as well: fuse_reply_err in C, the error that the handler returns,
Reply.Err. Where fuse_reply_err is all there is, 0 in C is nil in Go. A field that is nil does what NULL does in C; the last column says what programs see then. Where it says "not asked again", the kernel
sends one request only.

| fuse_lowlevel_ops | Go | fuse_reply_* | Reply | nil |
|---|---|---|---|---|
`

// variants are fields of Ops that are one member of C's with another one: the member.
var variants = map[string]string{"ReadBuf": "read"}

// withoutRequest are the members that are not about a request.
var withoutRequest = []string{"init", "destroy"}

// inodes returns the table of fuse_lowlevel_ops.
func (c *coverage) inodes(src sources) string {
	var b strings.Builder
	b.WriteString(inodesIntro)
	replies := readReplies(src.low)
	members := map[string]row{} // by Go field
	for _, r := range c.members("fuse_lowlevel_ops") {
		for _, g := range r.Go {
			members[strings.TrimPrefix(g, "Ops.")] = r
		}
	}
	for _, f := range structFields(src.low, "Ops") {
		member, note := memberName(members[f.name]), since(members[f.name].symbol)
		if member == "" {
			member = variants[f.name]
		}
		var sends, methods []string
		switch {
		case member == "":
			c.problem("Ops.%s: counterpart of no member of fuse_lowlevel_ops", f.name)
		case slices.Contains(withoutRequest, member):
		default:
			methods = replies.of(f.name)
			sends = c.replyFunctions(methods)
			if len(methods) == 0 {
				c.problem("Ops.%s: validReplies has no reply for it", f.name)
			}
		}
		fmt.Fprintf(&b, "| %s | `%s%s` | %s | %s | %s |\n", joinNotes("`"+member+"`", note),
			f.name, strings.TrimPrefix(f.typ, "func"), goCell(sends), goCell(methods), cell(nilText(f, nil)))
	}
	return b.String()
}

// replyFunctions returns the C functions that methods of Reply stand for.
func (c *coverage) replyFunctions(methods []string) []string {
	var out []string
	for _, m := range methods {
		for _, name := range slices.Sorted(maps.Keys(c.api.refs)) {
			if slices.Contains(c.api.refs[name], "Reply."+m) {
				out = union(out, []string{name})
			}
		}
	}
	return out
}

// replyTable is what reply.go says: the ways to answer each operation, and which methods of Reply do so.
type replyTable struct {
	kinds   map[string][]string // operation -> kinds: Lookup -> kindErr, kindEntry
	methods map[string][]string // kind -> methods: kindEntry -> Entry
}

// of returns the methods that answer an operation; Err only where it is alone.
func (t replyTable) of(op string) []string {
	if member, ok := variants[op]; ok {
		op = strings.ToUpper(member[:1]) + member[1:]
	}
	var out []string
	for _, k := range t.kinds[op] {
		out = append(out, t.methods[k]...)
	}
	if len(out) > 1 {
		out = slices.DeleteFunc(out, func(m string) bool { return m == "Err" })
	}
	return out
}

// readReplies reads the table validReplies, and which kind each method of Reply sends.
func readReplies(files []*ast.File) replyTable {
	t := replyTable{kinds: map[string][]string{}, methods: map[string][]string{}}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if n.Names[0].Name == "validReplies" && len(n.Values) == 1 {
					t.readKinds(n.Values[0])
				}
			case *ast.FuncDecl:
				if n.Recv != nil && receiver(n.Recv.List[0].Type) == "Reply" && n.Name.IsExported() {
					t.readMethod(n)
				}
			}
			return true
		})
	}
	return t
}

// readKinds takes {cshim.OpLookup: kindErr | kindEntry, ...}.
func (t replyTable) readKinds(table ast.Expr) {
	lit, ok := table.(*ast.CompositeLit)
	if !ok {
		return
	}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := kv.Key.(*ast.SelectorExpr); ok {
			t.kinds[strings.TrimPrefix(key.Sel.Name, "Op")] = identsOf(kv.Value)
		}
	}
}

// readMethod finds r.send(kindX, ...) in a method.
func (t replyTable) readMethod(d *ast.FuncDecl) {
	ast.Inspect(d.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "send" {
			for _, kind := range identsOf(call.Args[0]) {
				addOnce(t.methods, kind, d.Name.Name)
			}
		}
		return true
	})
}

// identsOf returns the names in an expression.
func identsOf(e ast.Expr) []string {
	var out []string
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			out = append(out, id.Name)
		}
		return true
	})
	return out
}
