// Package docs checks that the code in README.md and docs/*.md compiles: Go by go/types, C by the compiler. It is a module of its own because docs/porting-from-go.md shows
// code for other libraries.
//
// What is checked are fenced blocks. What stands behind the language says how, and is not shown to readers:
//
//	```go                     a file, declarations, or statements; packages that are well known need no import
//	```go func(fd int) error  statements of such a function
//	```go -                   not checked
//	```go bazil               as the first two, with the packages of that library (see peers)
//	```c                      declarations; the usual headers are included
//	```c int main(void)       statements of such a function
//	```c fuse2                as the first two, without libfuse's headers
//	```c -                    not checked
//
// Go is to be as gofmt has it, too.
//
// What blocks need and readers do not is in comments, which hold until the end of their section (##), or of the page if they stand before the first one:
//
//	<!-- go
//	type myFS struct{ size int64 }
//	-->
package docs

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// A block is code in a page.
type block struct {
	page string
	line int    // of its first line
	lang string // "go" or "c"
	info string // what stands behind that
	text string
	with []string // what comments give it, each with a line directive in front
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pageReader is what is known while a page is read.
type pageReader struct {
	page      string
	blocks    []block
	open      *block // the block or comment that is being read
	comment   bool   // it is a comment
	inSection bool
	ofPage    map[string][]string // language: comments before the first section
	ofSection map[string][]string
}

// readPage returns the blocks of a page, under the name by which errors are to call it.
func readPage(file, name string) ([]block, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &pageReader{page: name, ofPage: map[string][]string{}, ofSection: map[string][]string{}}
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		r.read(n, sc.Text())
	}
	if r.open != nil {
		return nil, fmt.Errorf("%s:%d: has no end", name, r.open.line-1)
	}
	return r.blocks, sc.Err()
}

func (r *pageReader) read(n int, line string) {
	switch {
	case r.open != nil && r.comment && line == "-->":
		r.endComment()
	case r.open != nil && !r.comment && line == "```":
		r.endBlock()
	case r.open != nil:
		r.open.text += line + "\n"
	case strings.HasPrefix(line, "```"):
		lang, info, _ := strings.Cut(strings.TrimPrefix(line, "```"), " ")
		r.open, r.comment = &block{page: r.page, line: n + 1, lang: lang, info: strings.TrimSpace(info)}, false
	case line == "<!-- go" || line == "<!-- c":
		r.open, r.comment = &block{line: n + 1, lang: strings.TrimPrefix(line, "<!-- ")}, true
	case strings.HasPrefix(line, "## "):
		r.inSection = true
		clear(r.ofSection)
	}
}

func (r *pageReader) endComment() {
	b := r.open
	r.open = nil
	holds := r.ofPage
	if r.inSection {
		holds = r.ofSection
	}
	holds[b.lang] = append(holds[b.lang], lineDirective(b.lang, r.page, b.line)+b.text)
}

func (r *pageReader) endBlock() {
	b := *r.open
	r.open = nil
	if b.lang != "go" && b.lang != "c" || b.info == "-" {
		return
	}
	b.with = append(append(b.with, r.ofPage[b.lang]...), r.ofSection[b.lang]...)
	r.blocks = append(r.blocks, b)
}

func lineDirective(lang, page string, line int) string {
	if lang == "go" {
		return fmt.Sprintf("//line %s:%d\n", page, line)
	}
	return fmt.Sprintf("#line %d \"%s\"\n", line, page)
}
