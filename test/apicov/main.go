// Apicov compares libfuse's C API with packages lowlevel and highlevel (fuse.h), and writes docs/api.md, the table of all.
//
// The C side is what the installed headers declare, and symbols.txt, the list of every symbol of every libfuse known so far:
// so the table is the same whatever libfuse is installed, and a symbol that nobody has seen yet is noticed. The Go side
// is the C prototypes and names in the packages' doc comments, and mapping.txt for the rest: there each symbol has its
// Go name or the reason why it has none. libfuse2.txt lists what libfuse 2 had; -libfuse2 compares it with that library's headers.
//
// It fails on a symbol that is in neither list, and on entries of the lists that are stale.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type config struct {
	root    string // of the project
	include string // the directory of fuse_lowlevel.h
	add     string // version to note new symbols with
	fuse2   string // the directory of libfuse 2's fuse_lowlevel.h
	check   bool   // docs/api.md must be up to date
}

func main() {
	var c config
	flag.StringVar(&c.root, "root", ".", "the project's `directory`")
	flag.StringVar(&c.include, "include", "", "`directory` of fuse_lowlevel.h (default: what pkg-config says)")
	flag.StringVar(&c.add, "add", "", "add symbols that symbols.txt lacks, as new in this libfuse `version`")
	flag.StringVar(&c.fuse2, "libfuse2", "", "also compare libfuse2.txt with libfuse 2's headers in this `directory`")
	flag.BoolVar(&c.check, "check", false, "do not write docs/api.md, fail where it is out of date")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "apicov:", err)
		os.Exit(1)
	}
}

func run(c config) error {
	dir := filepath.Join(c.root, "test", "apicov")
	symbols, err := allSymbols(c, filepath.Join(dir, "symbols.txt"))
	if err != nil {
		return err
	}
	src, err := readSources(c.root)
	if err != nil {
		return err
	}
	mapping, err := readEntries(filepath.Join(dir, "mapping.txt"))
	if err != nil {
		return err
	}
	old, err := readEntries(filepath.Join(dir, "libfuse2.txt"))
	if err != nil {
		return err
	}
	cov := &coverage{api: src.api(), mapping: mapping}
	cov.structs()
	for _, s := range symbols {
		cov.symbol(s)
	}
	cov.stale()
	if c.fuse2 != "" {
		if err := cov.checkLibfuse2(c.fuse2, old); err != nil {
			return err
		}
	}
	text := report(cov.rows, cov.libfuse2(old)) + cov.inodes(src) + cov.operations(src) + cov.config(src)
	if len(cov.problems) > 0 {
		return fmt.Errorf("%d problems:\n  %s", len(cov.problems), strings.Join(cov.problems, "\n  "))
	}
	return writeReport(filepath.Join(c.root, "docs", "api.md"), text, c.check)
}

// sources are the packages as they are written.
type sources struct{ low, high []*ast.File }

func readSources(root string) (s sources, err error) {
	if s.low, err = parseDir(filepath.Join(root, "lowlevel")); err != nil {
		return s, err
	}
	s.high, err = parseDir(filepath.Join(root, "highlevel"))
	return s, err
}

func (s sources) api() *goAPI {
	api := newGoAPI()
	api.read("", s.low)
	api.read("highlevel.", s.high)
	return api
}

// allSymbols returns the symbols of symbols.txt, once it has made sure that the installed headers have no others.
func allSymbols(c config, file string) ([]symbol, error) {
	known, err := readSymbols(file)
	if err != nil {
		return nil, err
	}
	installed, err := installedSymbols(c.include)
	if err != nil {
		return nil, err
	}
	fresh := missing(installed, known)
	if len(fresh) == 0 {
		return known, nil
	}
	if c.add == "" {
		var names []string
		for _, s := range fresh {
			names = append(names, s.Header+": "+s.Name)
		}
		return nil, fmt.Errorf("new in this libfuse (go run ./test/apicov -add VERSION notes them):\n  %s",
			strings.Join(names, "\n  "))
	}
	if err := appendSymbols(file, fresh, c.add); err != nil {
		return nil, err
	}
	return readSymbols(file)
}

// missing returns the symbols of a that b lacks.
func missing(a, b []symbol) []symbol {
	have := map[string]bool{}
	for _, s := range b {
		have[s.Name] = true
	}
	var out []symbol
	for _, s := range a {
		if !have[s.Name] {
			out = append(out, s)
		}
	}
	return out
}

func installedSymbols(include string) ([]symbol, error) {
	if include == "" {
		var err error
		if include, err = pkgConfigDir(); err != nil {
			return nil, err
		}
	}
	text, err := preprocess(compiler(), include, "312", includes)
	if err != nil {
		return nil, err
	}
	syms := parseHeaders(text, headers)
	if len(syms) == 0 {
		return nil, fmt.Errorf("%s: no symbols found in the headers", include)
	}
	return syms, nil
}

func compiler() string {
	if cc := os.Getenv("CC"); cc != "" {
		return cc
	}
	return "cc"
}

// pkgConfigDir returns the directory of the installed headers.
func pkgConfigDir() (string, error) {
	out, err := exec.Command("pkg-config", "--cflags-only-I", "fuse3").Output()
	if err != nil {
		return "", fmt.Errorf("pkg-config --cflags-only-I fuse3: %w (make deps installs it)", err)
	}
	for f := range strings.FieldsSeq(string(out)) {
		dir := strings.TrimPrefix(f, "-I")
		if _, err := os.Stat(filepath.Join(dir, "fuse_lowlevel.h")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("fuse_lowlevel.h: not in %q, where pkg-config says it is", strings.TrimSpace(string(out)))
}

func writeReport(file, text string, check bool) error {
	old, err := os.ReadFile(file)
	switch {
	case err == nil && string(old) == text:
		return nil
	case check:
		return errors.New(file + " is out of date: run make apicov, and commit it")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
