package recorder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/test/cprogram"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// AllInGo in the environment has the test binary be a program in Go with the filesystem of that name.
const AllInGo = "ALL_IN_GO"

// Server is a program that serves a filesystem.
type Server struct {
	Name    string
	program string
	env     []string
	destroy string
}

// InC is a C program. how says what it is to do differently, destroy what the record has last.
func InC(program, filesystem, how, destroy string) *Server {
	return &Server{"C program", program, []string{"FILESYSTEM=" + filesystem, "HOW=" + how}, destroy}
}

// InGo is the test binary.
func InGo(t testing.TB, filesystem, destroy string) *Server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Server{"Go program", self, []string{AllInGo + "=" + filesystem}, destroy}
}

// Start starts it. init is what the record has first.
func (s *Server) Start(t testing.TB, init string, args ...string) *Recorded {
	t.Helper()
	p := Start(t, fusetest.DefaultInit(), s.env, s.program, args...)
	if got := p.Next(); got != init {
		t.Fatalf("%s: got %q first, want %q", s.Name, got, init)
	}
	return p
}

// End ends the connection, and checks that destroy is called, and nothing else.
func (s *Server) End(t testing.TB, p *Recorded) {
	t.Helper()
	if err := p.Unmount(); err != nil {
		t.Error(err)
	}
	if got, want := p.Rest(), []string{s.destroy}; !slices.Equal(got, want) {
		t.Errorf("%s: at the end: got %q, want %q", s.Name, got, want)
	}
	CheckEnd(t, s.Name, p)
}

// complaints are libfuse's in C programs, of a socket that was closed.
var complaints = strings.NewReplacer("short read on fuse device\n", "", "short splice from fuse device\n", "",
	"fuse: reading device: Connection reset by peer\n", "")

// CheckEnd checks that there was no other complaint.
func CheckEnd(t testing.TB, what string, p *Recorded) {
	t.Helper()
	code, out := p.Cmd.ProcessState.ExitCode(), p.Output()
	if complaints.Replace(cprogram.Said(out)) == "" && out != "" && code == 1 {
		return
	}
	if code != 0 || out != "" {
		t.Errorf("%s: got exit code %d and output %q, want 0 and none", what, code, out)
	}
}

// Compare checks that both transcripts are the same, line by line.
func Compare(t testing.TB, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Errorf("%s: line %d\ngot  %s\nwant %s", what, i+1, g[min(i, len(g)-1)], w[min(i, len(w)-1)])
		}
	}
}

// Golden compares the first lines, which every libfuse has, with a file. UPDATE=1 writes it.
func Golden(t testing.TB, name, got string) {
	t.Helper()
	if os.Getenv("UPDATE") == "1" {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n := strings.Count(string(want), "\n")
	Compare(t, name, strings.Join(strings.SplitAfter(got, "\n")[:n], ""), string(want))
}
