package main

import (
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

const goSource = `package lowlevel

// Ops is struct fuse_lowlevel_ops.
type Ops struct {
	// Lookup finds.
	//
	//	void (*lookup) (fuse_req_t req,
	//	                fuse_ino_t parent);
	Lookup func()

	// Forget has no prototype, so it does not count.
	Forget func()
}

// ConnInfo is the counterpart of
// struct fuse_conn_info.
//
// It is not struct fuse_other.
type ConnInfo struct{ hidden int }

// MaxWrite returns it.
func (c *ConnInfo) MaxWrite() uint32 { return 0 }

// SetMaxWrite sets it.
func (c *ConnInfo) SetMaxWrite(uint32) error { return nil }

// Serve runs; unlike fuse_daemonize() it does not fork.
//
// Implements:
//
//	int fuse_session_loop(struct fuse_session *se);
//	int fuse_session_loop_mt(struct fuse_session *se,
//	                         struct fuse_loop_config *config);
func Serve() {}

//	int fuse_hidden(void);
func hidden() {}

const (
	CapA Cap = 1 // FUSE_CAP_A: unlike FUSE_CAP_B
	// CapB is FUSE_CAP_B.
	CapB Cap = 2
	capC Cap = 4 // FUSE_CAP_C
)

// Transport is struct fuse_custom_io.
type Transport interface {
	Read() error
	hidden()
}

// Cap is a flag.
type Cap uint64
`

func parseAPI(t *testing.T) *goAPI {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", goSource, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	api := newGoAPI()
	api.file(f)
	return api
}

func TestGoAPI_FindsCounterparts(t *testing.T) {
	api := parseAPI(t)
	tests := []struct {
		c, kind, want string
	}{
		{"fuse_session_loop", kindFunc, "Serve"},
		{"fuse_session_loop_mt", kindFunc, "Serve"},
		{"fuse_daemonize", kindFunc, ""},
		{"fuse_hidden", kindFunc, ""},
		{"fuse_lowlevel_ops.lookup", kindMember, "Ops.Lookup"},
		{"fuse_lowlevel_ops.forget", kindMember, ""},
		{"cuse_lowlevel_ops.lookup", kindMember, ""},
		{"fuse_conn_info.max_write", kindMember, "ConnInfo.MaxWrite ConnInfo.SetMaxWrite"},
		{"fuse_conn_info.hidden", kindMember, ""},
		{"struct fuse_conn_info", kindType, "ConnInfo"},
		{"struct fuse_other", kindType, ""},
		{"fuse_custom_io.read", kindMember, "Transport.Read"},
		{"fuse_custom_io.hidden", kindMember, ""},
		{"FUSE_CAP_A", kindConst, "CapA"},
		{"FUSE_CAP_B", kindConst, "CapB"},
		{"FUSE_CAP_C", kindConst, ""},
	}
	for _, tt := range tests {
		got := strings.Join(api.find(symbol{Name: tt.c, Kind: tt.kind}), " ")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.c, got, tt.want)
		}
	}
}

func cover(t *testing.T, mapping string, syms ...symbol) *coverage {
	t.Helper()
	cov := &coverage{api: parseAPI(t)}
	for line := range strings.SplitSeq(mapping, "\n") {
		if line == "" {
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			t.Fatal(err)
		}
		cov.mapping = append(cov.mapping, e)
	}
	cov.structs()
	for _, s := range syms {
		cov.symbol(s)
	}
	cov.stale()
	return cov
}

func TestCoverage_Problems(t *testing.T) {
	f := func(name string) symbol { return symbol{Name: name, Kind: kindFunc, Header: "h"} }
	tests := []struct {
		name, mapping, c string
		want             string // part of the one problem, or empty
	}{
		{"documented", "", "fuse_session_loop", ""},
		{"mapped", "fuse_x = Serve # note", "fuse_x", ""},
		{"reason", "fuse_x ! because", "fuse_x", ""},
		{"reason for a pattern", "fuse_* ! because", "fuse_x", ""},
		{"neither", "", "fuse_x", "fuse_x (h): neither"},
		{"mapped to nothing", "fuse_x = Gone", "fuse_x", "no such Go name"},
		{"stale mapping", "fuse_y = Serve", "fuse_session_loop", "stale"},
		{"stale reason", "fuse_session_loop ! because", "fuse_session_loop", "stale"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cover(t, tt.mapping, f(tt.c)).problems
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || tt.want == "" || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestLibfuse2_TakesTheCounterpartOfLibfuse3(t *testing.T) {
	cov := cover(t, "fuse_x ! because", symbol{Name: "fuse_session_loop", Kind: kindFunc}, symbol{Name: "fuse_x", Kind: kindFunc})
	rows := cov.libfuse2([]*entry{
		{C: "fuse_loop_2", C3: []string{"fuse_session_loop"}},
		{C: "fuse_x_2", C3: []string{"fuse_x"}, Note: "note"},
		{C: "fuse_gone", C3: []string{"fuse_unknown"}},
	})
	if got := rows[0].Go; !slices.Equal(got, []string{"Serve"}) {
		t.Errorf("fuse_loop_2: got %q, want Serve", got)
	}
	if got, want := rows[1].Note, "note; because"; got != want {
		t.Errorf("fuse_x_2: got note %q, want %q", got, want)
	}
	if len(cov.problems) != 1 || !strings.Contains(cov.problems[0], "fuse_unknown") {
		t.Errorf("got problems %q, want one about fuse_unknown", cov.problems)
	}
}

func TestParseEntry_RefusesOtherLines(t *testing.T) {
	for _, line := range []string{"fuse_x", "fuse_x=Serve", "fuse_x # note"} {
		if e, err := parseEntry(line); err == nil {
			t.Errorf("%q: got %+v, want an error", line, e)
		}
	}
}
