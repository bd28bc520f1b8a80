package main

import (
	"slices"
	"strings"
)

// What became of libfuse 2.

// libfuse2 returns the rows of libfuse 2's functions.
func (c *coverage) libfuse2(entries []*entry) []row {
	var out []row
	for _, e := range entries {
		r := row{symbol: symbol{Name: e.C, Header: strings.Join(e.C3, ", ")}, Go: e.Go, Note: e.Note + e.Reason}
		c.goNames(e, "libfuse2.txt")
		for _, c3 := range e.C3 {
			i := slices.IndexFunc(c.rows, func(r row) bool { return r.Name == c3 })
			if i < 0 {
				c.problem("libfuse2.txt: %s -> %s: no such C symbol", e.C, c3)
				continue
			}
			r.Go = union(r.Go, c.rows[i].Go)
			r.Note = joinNotes(r.Note, c.rows[i].Note)
		}
		out = append(out, r)
	}
	return out
}

// versions2 are the API versions of libfuse 2 that show all of its headers, the compatible ones too.
var versions2 = []string{"26", "25"}

// headers2 are libfuse 2's headers.
var headers2 = []string{
	"fuse.h", "fuse_lowlevel.h", "fuse_common.h", "fuse_opt.h", "cuse_lowlevel.h", "fuse_compat.h", "fuse_lowlevel_compat.h", "fuse_common_compat.h",
}

const includes2 = "#include <fuse.h>\n#include <fuse_lowlevel.h>\n"

// checkLibfuse2 looks for what libfuse 2's headers in dir have, and neither libfuse 3 nor libfuse2.txt.
func (c *coverage) checkLibfuse2(dir string, entries []*entry) error {
	for _, version := range versions2 {
		text, err := preprocess(compiler(), dir, version, includes2)
		if err != nil {
			return err
		}
		for _, s := range parseHeaders(text, headers2) {
			if !c.has3(s) && !slices.ContainsFunc(entries, func(e *entry) bool { return e.isFor(s) }) {
				c.problem("libfuse2.txt: %s (%s): missing", s.Name, s.Header)
			}
		}
	}
	return nil
}

// isFor tells whether an entry of libfuse2.txt is for s. A macro in lower case may stand for a struct.
func (e *entry) isFor(s symbol) bool { return e.matches(s.Name) || e.matches("struct "+s.Name) }

// has3 tells whether libfuse 3 has a symbol of libfuse 2.
func (c *coverage) has3(s symbol) bool {
	return slices.ContainsFunc(c.rows, func(r row) bool { return r.Name == s.Name || r.Name == "struct "+s.Name })
}
