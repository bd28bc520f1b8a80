package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// readLines returns the lines of a file, without empty ones and comments (lines that begin with #).
func readLines(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

// readSymbols reads symbols.txt: kind, header, since (or -), until (or -), name.
func readSymbols(file string) ([]symbol, error) {
	lines, err := readLines(file)
	if err != nil {
		return nil, err
	}
	var out []symbol
	for _, line := range lines {
		f := strings.SplitN(line, " ", 5)
		if len(f) != 5 {
			return nil, fmt.Errorf("%s: %q: want kind header since until name", file, line)
		}
		out = append(out, symbol{
			Kind: f[0], Header: f[1], Since: strings.Trim(f[2], "-"), Until: strings.Trim(f[3], "-"), Name: f[4],
		})
	}
	return out, nil
}

// appendSymbols adds symbols to symbols.txt.
func appendSymbols(file string, syms []symbol, since string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, s := range syms {
		if _, err := fmt.Fprintf(f, "%s %s %s - %s\n", s.Kind, s.Header, since, s.Name); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}

// An entry is a line of mapping.txt or libfuse2.txt.
//
//	C = Go, Go   # note      the counterpart
//	C -> C, C    # note      (libfuse2.txt) what libfuse 3 has in its place
//	C ! reason               why there is none; C may be a pattern, as for path.Match
type entry struct {
	C      string
	Go     []string
	C3     []string
	Reason string
	Note   string
	used   bool
}

func readEntries(file string) ([]*entry, error) {
	lines, err := readLines(file)
	if err != nil {
		return nil, err
	}
	var out []*entry
	for _, line := range lines {
		e, err := parseEntry(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func parseEntry(line string) (*entry, error) {
	if c, reason, ok := strings.Cut(line, " ! "); ok {
		return &entry{C: strings.TrimSpace(c), Reason: strings.TrimSpace(reason)}, nil
	}
	line, note, _ := strings.Cut(line, " # ")
	if c, list, ok := strings.Cut(line, " -> "); ok {
		return &entry{C: strings.TrimSpace(c), C3: commaList(list), Note: strings.TrimSpace(note)}, nil
	}
	if c, list, ok := strings.Cut(line, " = "); ok {
		return &entry{C: strings.TrimSpace(c), Go: commaList(list), Note: strings.TrimSpace(note)}, nil
	}
	return nil, fmt.Errorf("%q: want \"C = Go\", \"C -> C\" or \"C ! reason\"", line)
}

func commaList(s string) []string {
	var out []string
	for f := range strings.SplitSeq(s, ",") {
		out = append(out, strings.TrimSpace(f))
	}
	return out
}

func (e *entry) matches(name string) bool {
	ok, err := path.Match(e.C, name)
	return e.C == name || err == nil && ok
}

// A row is a line of docs/api.md.
type row struct {
	symbol
	Go   []string
	Note string
}

// coverage joins the C symbols, the Go API and the tables, and collects what is wrong.
type coverage struct {
	api      *goAPI
	mapping  []*entry
	rows     []row
	problems []string
}

func (c *coverage) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// structs makes the Go types that mapping.txt names for C structs known, so that their members are found by name.
func (c *coverage) structs() {
	for _, e := range c.mapping {
		if strings.HasPrefix(e.C, "struct ") {
			for _, g := range e.Go {
				c.api.ref(e.C, g)
			}
		}
	}
}

// symbol finds the counterpart of s, or the reason why there is none.
func (c *coverage) symbol(s symbol) {
	r := row{symbol: s, Go: c.api.find(s)}
	reason := ""
	for _, e := range c.mapping {
		switch {
		case !e.matches(s.Name):
		case e.Reason == "":
			e.used = true
			c.goNames(e, "mapping.txt")
			r.Go = union(r.Go, e.Go)
			r.Note = e.Note
		case reason == "" && len(r.Go) == 0:
			reason = e.Reason
			e.used = true
		}
	}
	if len(r.Go) == 0 {
		r.Note = reason
	}
	if len(r.Go) == 0 && reason == "" {
		c.problem("%s (%s): neither in a Go doc comment nor in mapping.txt", s.Name, s.Header)
	}
	c.rows = append(c.rows, r)
}

func (c *coverage) goNames(e *entry, file string) {
	for _, g := range e.Go {
		if !c.api.names[g] {
			c.problem("%s: %s = %s: no such Go name", file, e.C, g)
		}
	}
}

// stale reports the entries of mapping.txt that nothing needs.
func (c *coverage) stale() {
	for _, e := range c.mapping {
		if e.used {
			continue
		}
		if e.Reason != "" {
			c.problem("mapping.txt: %s ! %s: stale: no such C symbol, or it has a Go counterpart now", e.C, e.Reason)
		} else {
			c.problem("mapping.txt: %s = %s: stale: no such C symbol", e.C, strings.Join(e.Go, ", "))
		}
	}
}

func joinNotes(notes ...string) string {
	notes = slices.DeleteFunc(notes, func(n string) bool { return n == "" })
	return strings.Join(notes, "; ")
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
