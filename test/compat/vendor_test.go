package compat

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const version = "v0.0.1-compat"

// serve lays this module out as a module proxy would: cut from the work tree as go cuts it, without the modules inside it. It returns
// the proxy's URL.
func serve(t *testing.T) string {
	t.Helper()
	proxy := t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for suffix, text := range map[string]string{
		"list":            version + "\n",
		version + ".info": fmt.Sprintf(`{"Version": %q, "Time": "2026-01-01T00:00:00Z"}`, version),
		version + ".mod":  string(gomod),
	} {
		if err := os.WriteFile(filepath.Join(dir, suffix), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeZip(filepath.Join(dir, version+".zip"), root(t)); err != nil {
		t.Fatal(err)
	}
	return "file://" + proxy
}

// writeZip writes the module zip of the work tree src.
func writeZip(file, src string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	w := zip.NewWriter(out)
	err = filepath.WalkDir(src, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != src && notOfModule(path):
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		name, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := w.Create(module + "@" + version + "/" + filepath.ToSlash(name))
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// notOfModule tells that a directory is a module of its own, git's, or what make has built.
func notOfModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil || filepath.Base(dir) == ".git" || filepath.Base(dir) == "bin"
}

// A project of a user's gets this module from a proxy, vendors it, builds from what it has vendored alone, and runs.
func TestVendor_BuildsAndRuns(t *testing.T) {
	p := newProject(t, "")
	cache := strings.TrimSpace(p.goCommand("env", "GOMODCACHE"))
	p.set("GOMODCACHE="+t.TempDir(), "GOFLAGS=-mod=mod -modcacherw -buildvcs=false", // -modcacherw: so that it can be removed
		"GOPROXY="+serve(t)+",file://"+filepath.Join(cache, "cache", "download"))
	p.goCommand("get", module+"/highlevel@"+version)
	p.goCommand("mod", "vendor")

	vendored := filepath.Join(p.dir, "vendor", filepath.FromSlash(module))
	for _, pattern := range []string{"*.go", "*.c", "*.h"} {
		checkCopied(t, filepath.Join(root(t), "cshim"), filepath.Join(vendored, "cshim"), pattern)
	}
	p.set("GOFLAGS=-mod=vendor -buildvcs=false", "GOPROXY=off", "GOMODCACHE="+t.TempDir())
	p.goCommand("vet", ".")
	program := filepath.Join(t.TempDir(), "user")
	p.goCommand("build", "-o", program, ".")
	p.checkRuns(program)
}

// checkCopied wants the files of a directory in another one, but for tests.
func checkCopied(t *testing.T, from, to, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", filepath.Join(from, pattern), err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		if _, err := os.Stat(filepath.Join(to, filepath.Base(f))); err != nil {
			t.Error(err)
		}
	}
}
