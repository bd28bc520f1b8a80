package main

import (
	"slices"
	"strings"
	"testing"
)

const inodesSource = `package lowlevel

type Ops struct {
	// Init begins.
	//
	//	void (*init) (void *userdata);
	Init func()

	// Read reads.
	//
	// Nil: ENOSYS.
	//
	//	void (*read) (fuse_req_t req);
	Read func(req *Request, dst []byte) (int, error)

	// ReadBuf reads, too.
	ReadBuf func(req *Request) (BufVec, error)

	// Unlink removes.
	//
	// Nil, or ENOSYS: nobody | nothing.
	//
	//	void (*unlink) (fuse_req_t req);
	Unlink func(req *Request) error
}

var validReplies = [9]replyKind{
	opUnknown:      ^replyKind(0),
	cshim.OpRead:   kindErr | kindBuf,
	cshim.OpUnlink: kindErr,
}

// Err answers.
//
//	int fuse_reply_err(fuse_req_t req, int err);
func (r *Reply) Err(err error) error { return r.send(kindErr, nil) }

// Buf answers.
//
//	int fuse_reply_buf(fuse_req_t req);
func (r *Reply) Buf(p []byte) error { return r.send(kindBuf, nil) }

// Iov answers.
//
//	int fuse_reply_a(fuse_req_t req);
func (r *Reply) Iov() error { return r.send(kindBuf, nil) }

func (r *Reply) Context() context.Context { return r.p.context() }
`

func inodesCoverage(t *testing.T, text string) (*coverage, sources) {
	t.Helper()
	src := sources{low: parseSource(t, text)}
	cov := &coverage{api: src.api()}
	cov.api.ref("struct fuse_lowlevel_ops", "Ops")
	for _, m := range []string{"init", "read", "unlink"} {
		cov.symbol(symbol{Name: "fuse_lowlevel_ops." + m, Kind: kindMember, Header: "fuse_lowlevel.h"})
	}
	return cov, src
}

func TestInodes_SaysHowToReply(t *testing.T) {
	cov, src := inodesCoverage(t, inodesSource)
	got := lines(cov.inodes(src))
	want := []string{
		"| fuse_lowlevel_ops | Go | fuse_reply_* | Reply | nil |",
		"| `init` | `Init()` | - | - | nothing is called |",
		"| `read` | `Read(req *Request, dst []byte) (int, error)` | `fuse_reply_buf`, `fuse_reply_a` | `Buf`, `Iov` | ENOSYS |",
		"| `read` | `ReadBuf(req *Request) (BufVec, error)` | `fuse_reply_buf`, `fuse_reply_a` | `Buf`, `Iov` | Read is called |",
		"| `unlink` | `Unlink(req *Request) error` | `fuse_reply_err` | `Err` | nobody \\| nothing |",
	}
	wantTable(t, cov, got, want)
}

func TestInodes_MissesNothing(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string // part of the problem
	}{
		{"no reply", "cshim.OpUnlink: kindErr,", "", "Ops.Unlink: validReplies"},
		{"no member", "(*unlink) (fuse_req_t req)", "", "Ops.Unlink: counterpart of no member"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cov, src := inodesCoverage(t, strings.Replace(inodesSource, tt.old, tt.new, 1))
			cov.inodes(src)
			if !slices.ContainsFunc(cov.problems, func(p string) bool { return strings.Contains(p, tt.want) }) {
				t.Errorf("got problems %q, want one with %q", cov.problems, tt.want)
			}
		})
	}
}
