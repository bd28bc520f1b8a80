// Package compat tests how programs of others build with go-libfuse3: as a module of theirs, and where it cannot be built.
package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

const module = "github.com/go-libfuse3/go-libfuse3"

// userMain imports both layers, and its test the helpers for tests.
const userMain = `package main

import (
	"context"
	"os"
	"syscall"

	"` + module + `/highlevel"
	"` + module + `/lowlevel"
)

var _ lowlevel.Ops

func getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	switch path {
	case "/":
		return highlevel.Stat{Mode: 0o40755, Nlink: 2}, nil
	case "/built":
		return highlevel.Stat{Mode: 0o100444, Nlink: 1, Size: 4}, nil
	}
	return highlevel.Stat{}, syscall.ENOENT
}

func read(_ context.Context, _ string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	return copy(dst, "yes\n"[min(off, 4):]), nil
}

func main() {
	os.Exit(highlevel.Main(&highlevel.Program{Ops: &highlevel.Operations{Getattr: getattr, Read: read}}))
}
`

const userTest = `package main

import (
	"testing"

	"` + module + `/test/fusetest"
)

func TestUser(t *testing.T) { fusetest.RequireFUSE(t) }
`

// project is a module of a user's.
type project struct {
	t   *testing.T
	dir string
	env []string
}

// newProject makes a module that requires ours. gomod is the rest of its go.mod.
func newProject(t *testing.T, gomod string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	for name, text := range map[string]string{
		"go.mod":       "module example.com/user\n\ngo 1.24.0\n\n" + gomod,
		"main.go":      userMain,
		"main_test.go": userTest,
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.set("GO111MODULE=on", "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false", "GONOSUMDB=*")
	return p
}

// set sets variables of the environment of go.
func (p *project) set(vars ...string) {
	if p.env == nil {
		p.env = os.Environ()
	}
	p.env = append(p.env, vars...)
}

// tryGo runs the go command and returns its output.
func (p *project) tryGo(args ...string) (string, error) {
	p.t.Helper()
	return fusetest.Command{Timeout: 5 * time.Minute, Dir: p.dir, Env: p.env}.Run("go", args...)
}

func (p *project) goCommand(args ...string) string {
	p.t.Helper()
	out, err := p.tryGo(args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// checkRuns mounts the program that was built, and reads from it.
func (p *project) checkRuns(program string) {
	p.t.Helper()
	fusetest.RequireFUSE(p.t)
	fusetest.CheckLeaks(p.t)
	m := fusetest.StartProgram(p.t, program)
	fusetest.Watchdog(p.t, time.Minute, m.Mountpoint)
	if got := fusetest.Run(p.t, time.Minute, "cat", filepath.Join(m.Mountpoint, "built")); got != "yes\n" {
		p.t.Errorf("got %q, want %q", got, "yes\n")
	}
}

// root is the directory of this module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
