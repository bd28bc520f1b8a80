package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Kinds of symbol, in the order in which docs/api.md shows them.
const (
	kindFunc   = "func"
	kindMember = "member"
	kindType   = "type"
	kindConst  = "const"
)

// A symbol is one name of the C API. The name of a member is struct.member.
type symbol struct {
	Name   string
	Kind   string
	Header string
	Since  string // the libfuse that has it first, empty for 3.14 and what came before
	Until  string // the last libfuse that has it, empty: it still does
}

// headers are libfuse's headers, in the order in which docs/api.md shows them.
var headers = []string{
	highlevelHeader, "fuse_lowlevel.h", "fuse_common.h", "fuse_opt.h", "fuse_log.h", "cuse_lowlevel.h",
	"libfuse_config.h", "fuse_daemonize.h", "fuse_service.h",
}

// highlevelHeader is that of the high-level API: package highlevel.
const highlevelHeader = "fuse.h"

// includes names the headers that no other one includes. The last two are new in libfuse 3.19.
const includes = `#include <stdbool.h>
#include <fuse.h>
#include <fuse_lowlevel.h>
#include <cuse_lowlevel.h>
#if __has_include(<fuse_daemonize.h>)
#include <fuse_daemonize.h>
#endif
#if __has_include(<fuse_service.h>)
#include <fuse_service.h>
#endif
`

// preprocess runs the C preprocessor over the headers in dir and returns what it prints: the declarations that
// a program sees which asks for that API version, with comments gone, and the #define lines.
func preprocess(cc, dir, version, includes string) (string, error) {
	// -I makes the compiler take this directory's headers, also those that headers include.
	cmd := exec.Command(cc, "-E", "-dD", "-D_FILE_OFFSET_BITS=64", "-DFUSE_USE_VERSION="+version, "-I", dir, "-x", "c", "-")
	cmd.Stdin = strings.NewReader(includes)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return string(out), nil
}

var (
	lineMarker = regexp.MustCompile(`^# \d+ "([^"]*)"`)
	defineLine = regexp.MustCompile(`^#define\s+(\w+)(\()?`)
	ours       = regexp.MustCompile(`(?i)^(lib)?c?fuse_|^cuse_|^fuse$`)
)

// parseHeaders returns the symbols in the output of the preprocessor that come from these headers.
func parseHeaders(text string, headers []string) []symbol {
	p := &headerParser{seen: map[string]bool{}}
	code := map[string]*strings.Builder{}
	for _, h := range headers {
		code[h] = &strings.Builder{}
	}
	header := ""
	sc := bufio.NewScanner(strings.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		if m := lineMarker.FindStringSubmatch(line); m != nil {
			header = filepath.Base(m[1])
			continue
		}
		b := code[header]
		switch {
		case b == nil:
		case strings.HasPrefix(line, "#"):
			p.define(header, line)
		default:
			b.WriteString(line + "\n")
		}
	}
	for _, h := range headers {
		p.header = h
		p.declarations(tokens(code[h].String()))
	}
	return p.syms
}

type headerParser struct {
	header string
	syms   []symbol
	seen   map[string]bool
}

func (p *headerParser) add(name, kind string) {
	if p.seen[name] {
		return
	}
	p.seen[name] = true
	p.syms = append(p.syms, symbol{Name: name, Kind: kind, Header: p.header})
}

// define takes a #define line. Include guards are not API. A macro in lower case with parameters stands for a function.
func (p *headerParser) define(header, line string) {
	m := defineLine.FindStringSubmatch(line)
	if m == nil || !ours.MatchString(m[1]) || strings.HasSuffix(m[1], "_H_") || m[1] == "FUSE_USE_VERSION" {
		return
	}
	p.header = header
	kind := kindConst
	if m[1] == strings.ToLower(m[1]) {
		kind = kindFunc
	}
	p.add(m[1], kind)
}

// filler are the members that hold room for later ones.
var filler = regexp.MustCompile(`^(padding|reserved)\d*$`)

var cToken = regexp.MustCompile(`[A-Za-z_]\w*|"[^"]*"|\d\w*|\.\.\.|\S`)

func tokens(c string) []string { return cToken.FindAllString(c, -1) }

func isIdent(t string) bool {
	return t != "" && (t[0] == '_' || t[0] >= 'A' && t[0] <= 'Z' || t[0] >= 'a' && t[0] <= 'z')
}

// declarations takes the tokens of a header: it cuts them into top-level declarations. A function's body ends one too.
func (p *headerParser) declarations(toks []string) {
	depth, start, body := 0, 0, false
	for i, t := range toks {
		switch t {
		case "{", "(", "[":
			if t == "{" && depth == 0 && i > 0 && toks[i-1] == ")" {
				body = true
			}
			depth++
		case "}", ")", "]":
			depth--
		}
		if depth == 0 && (t == ";" || t == "}" && body) {
			p.declaration(toks[start : i+1])
			start, body = i+1, false
		}
	}
}

// declaration takes one top-level declaration: a typedef, a struct, an enum or a function.
func (p *headerParser) declaration(d []string) {
	d = dropAttributes(d)
	open := indexOf(d, "{")
	switch {
	case len(d) < 3 || d[0] == "_Static_assert":
	case d[0] == "typedef":
		p.typedef(d)
	case (d[0] == "struct" || d[0] == "enum") && (open == 1 || open == 2):
		p.body(d[0], tag(d), d[open:])
	case d[0] == "struct" && len(d) == 3: // struct fuse_session;
		p.addType("struct " + d[1])
	default:
		if n := indexOf(d, "("); n > 0 && ours.MatchString(d[n-1]) {
			p.add(d[n-1], kindFunc)
		}
	}
}

func tag(d []string) string {
	if d[1] == "{" {
		return ""
	}
	return d[1]
}

func (p *headerParser) addType(name string) {
	if ours.MatchString(name[strings.LastIndex(name, " ")+1:]) {
		p.add(name, kindType)
	}
}

// typedef takes typedef T name; and typedef T (*name)(...);
func (p *headerParser) typedef(d []string) {
	if open := indexOf(d, "{"); open > 0 {
		p.body(d[1], tag(d[1:]), d[open:])
	}
	p.addType(declared(d[:len(d)-1]))
}

// body takes the braces of a struct or an enum.
func (p *headerParser) body(keyword, name string, d []string) {
	d = d[1:closing(d)]
	if name != "" {
		p.addType(keyword + " " + name)
	}
	if keyword == "enum" {
		for _, e := range split(d, ",") {
			p.add(e[0], kindConst)
		}
		return
	}
	for _, m := range split(d, ";") {
		p.member(name, m)
	}
}

// member takes one member of a struct. Those of a struct or union without a name belong to the outer one.
func (p *headerParser) member(structName string, m []string) {
	if open := indexOf(m, "{"); open > 0 {
		if m[len(m)-1] == "}" {
			for _, inner := range split(m[open+1:closing(m[open:])+open], ";") {
				p.member(structName, inner)
			}
			return
		}
		m = m[len(m)-1:]
	}
	for _, d := range split(m, ",") {
		if name := declared(d); name != "" && !filler.MatchString(name) {
			p.add(structName+"."+name, kindMember)
		}
	}
}

// declared returns the name that a declarator declares: int x, char *x[3], unsigned x : 1, int (*x)(int).
func declared(d []string) string {
	for i := 0; i+2 < len(d); i++ {
		if d[i] == "(" && d[i+1] == "*" && isIdent(d[i+2]) {
			return d[i+2]
		}
	}
	name := ""
	for _, t := range d {
		if t == "[" || t == ":" || t == "(" {
			break
		}
		if isIdent(t) {
			name = t
		}
	}
	return name
}

// split cuts toks at sep where no bracket is open, and drops empty pieces.
func split(toks []string, sep string) [][]string {
	var out [][]string
	depth, start := 0, 0
	for i := 0; i <= len(toks); i++ {
		end := i == len(toks)
		if !end {
			switch toks[i] {
			case "{", "(", "[":
				depth++
			case "}", ")", "]":
				depth--
			}
		}
		if end || depth == 0 && toks[i] == sep {
			if i > start {
				out = append(out, toks[start:i])
			}
			start = i + 1
		}
	}
	return out
}

// closing returns the index of the bracket that closes the one at d[0].
func closing(d []string) int {
	depth := 0
	for i, t := range d {
		switch t {
		case "{", "(", "[":
			depth++
		case "}", ")", "]":
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return len(d)
}

func indexOf(d []string, t string) int {
	for i := range d {
		if d[i] == t {
			return i
		}
	}
	return -1
}

// dropAttributes removes __attribute__((...)).
func dropAttributes(d []string) []string {
	var out []string
	for i := 0; i < len(d); i++ {
		if d[i] == "__attribute__" && i+1 < len(d) {
			i += 1 + closing(d[i+1:])
			continue
		}
		out = append(out, d[i])
	}
	return out
}
