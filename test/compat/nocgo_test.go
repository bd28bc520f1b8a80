package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	noCgo    = "nocgo.go:6:9: undefined: go_libfuse3_needs_cgo__set_CGO_ENABLED_to_1_and_have_a_C_compiler__see_docs_building_md"
	notLinux = "notlinux.go:6:9: undefined: go_libfuse3_runs_on_Linux_only__see_docs_building_md"
)

// Without cgo or Linux the compiler says one thing, whatever is imported, and says it once.
func TestNoCgo_OneReadableError(t *testing.T) {
	p := newProject(t, "require "+module+" v0.0.0\n\nreplace "+module+" => "+root(t)+"\n")
	sum, err := os.ReadFile(filepath.Join(root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "go.sum"), sum, 0o644); err != nil {
		t.Fatal(err)
	}
	type row struct{ name, env, says string }
	rows := []row{
		{"linux without cgo", "CGO_ENABLED=0 GOOS=linux", noCgo},
		{"linux without a C compiler", "CGO_ENABLED= CC= PATH=" + t.TempDir() + " GOOS=linux", noCgo},
		{"darwin", "CGO_ENABLED=0 GOOS=darwin", notLinux},
	}
	if os.Getenv("FUSE_TEST_COMPAT") == "1" { // each has Go's own packages compiled, the first time
		rows = append(rows,
			row{"freebsd", "CGO_ENABLED=0 GOOS=freebsd", notLinux},
			row{"windows", "CGO_ENABLED=0 GOOS=windows", notLinux})
	}
	for _, row := range rows {
		for _, command := range []string{"build -o " + os.DevNull, "vet"} {
			t.Run(row.name+" go "+command, func(t *testing.T) {
				at := *p
				at.env = append(p.env[:len(p.env):len(p.env)], strings.Fields(row.env)...)
				out, err := at.tryGo(append(strings.Fields(command), ".")...)
				lines := strings.Split(strings.TrimSpace(out), "\n")
				if err == nil || len(lines) != 2 || lines[0] != "# "+module+"/cshim" || !strings.HasSuffix(lines[1], row.says) {
					t.Errorf("%v\ngot:\n%s\nwant a line for the package, and one that ends in\n%s", err, out, row.says)
				}
			})
		}
	}
}
