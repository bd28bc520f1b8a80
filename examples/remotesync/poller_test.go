package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// mounted is the filesystem without writers: the tests change the remote.
type mounted struct {
	*poller
	t   testing.TB
	fs  *mirror
	dir string
	d   uint64 // a directory
}

func mount(t testing.TB) *mounted {
	t.Helper()
	fusetest.RequireFUSE(t)
	fusetest.CheckLeaks(t)
	r := newRemote()
	m := &mounted{t: t, fs: newMirror(r, time.Hour, true), dir: filepath.Join(t.TempDir(), "mnt")}
	m.d = r.create(rootID, "d", nil)
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := lowlevel.New(m.fs.ops(), lowlevel.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Mount(m.dir); err != nil {
		t.Fatal(err)
	}
	fusetest.Watchdog(t, time.Minute, m.dir)
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	q := s.Notifier().NewQueue(lowlevel.QueueConfig{OnError: func(err error) { t.Error(err) }})
	c := q.Changes(lowlevel.ChangesConfig{Known: m.fs.knownInodes})
	m.fs.changes.Store(c)
	m.poller = &poller{remote: r, queue: q, changes: c, delays: new(delays)}
	return m
}

// sync tells the kernel.
func (m *mounted) sync() {
	m.t.Helper()
	if err := m.poll(context.Background()); err != nil {
		m.t.Fatal(err)
	}
}

// sees runs a shell script in the mount, and compares what it prints.
func (m *mounted) sees(script, want string) {
	m.t.Helper()
	got := strings.TrimSpace(fusetest.Run(m.t, 20*time.Second, "bash", "-c", "cd "+m.dir+" && { "+script+"; true; } 2>&1"))
	if got != want {
		m.t.Errorf("%s\ngot:  %s\nwant: %s", script, got, want)
	}
}

// requests returns how many there are while f runs.
func (m *mounted) requests(f func()) int64 {
	before := m.fs.requests.Load()
	f()
	return m.fs.requests.Load() - before
}

// Each case: what is there, what a client sees (and the kernel keeps), what changes, and what the client sees then.
var cases = []struct {
	name   string
	before func(r *remote, d uint64) (file uint64)
	look   string
	first  string
	change func(r *remote, d, file uint64)
	then   string
}{
	{"other content", one("old"), "cat d/f", "old", func(r *remote, _, f uint64) { r.write(f, []byte("new")) }, "new"},
	{"longer content", one("old"), "cat d/f; stat -c %s d/f", "old3", func(r *remote, _, f uint64) { r.write(f, []byte("longer")) }, "longer6"},
	{"shorter content", one("long"), "cat d/f; stat -c %s d/f", "long4", func(r *remote, _, f uint64) { r.write(f, []byte("new")) }, "new3"},
	{"another mode", one(""), "stat -c %a d/f", "644", func(r *remote, _, f uint64) { r.chmod(f, 0o600) }, "600"},
	{
		"a new file", one(""), "ls d; cat d/g", "f\ncat: d/g: No such file or directory",
		func(r *remote, d, _ uint64) { r.write(r.create(d, "g", []byte{}), []byte("g")) }, "f\ng\ng",
	},
	{"a removed file", one("old"), "ls d; cat d/f", "f\nold", func(r *remote, _, f uint64) { r.remove(f) }, "cat: d/f: No such file or directory"},
	{
		"another name", one("old"), "ls d; cat d/f d/g", "f\noldcat: d/g: No such file or directory",
		func(r *remote, d, f uint64) { r.rename(f, d, "g") }, "g\ncat: d/f: No such file or directory\nold",
	},
	{
		"another directory", one("old"), "ls . d; cat d/f f", ".:\nd\n\nd:\nf\noldcat: f: No such file or directory",
		func(r *remote, _, f uint64) { r.rename(f, rootID, "f") }, ".:\nd\nf\n\nd:\ncat: d/f: No such file or directory\nold",
	},
	{
		"a rename over a file", func(r *remote, d uint64) uint64 { one("replaced")(r, d); return r.create(d, "g", []byte("other")) },
		"cat d/f d/g", "replacedother", func(r *remote, d, g uint64) { r.rename(g, d, "f") }, "othercat: d/g: No such file or directory",
	},
	{"more than the journal holds", one("0"), "cat d/f", "0", func(r *remote, _, f uint64) {
		for i := range 2 * journalLength {
			r.write(f, fmt.Append(nil, i))
		}
	}, fmt.Sprint(2*journalLength - 1)},
}

// one makes a file d/f.
func one(content string) func(r *remote, d uint64) uint64 {
	return func(r *remote, d uint64) uint64 {
		f := r.create(d, "f", []byte{})
		r.write(f, []byte(content))
		return f
	}
}

func TestPoller_ClientsSeeChanges(t *testing.T) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			m := mount(t)
			file := tt.before(m.remote, m.d)
			m.sync()
			m.sees(tt.look, tt.first)
			m.sees(tt.look, tt.first)
			if n := m.requests(func() { m.sees(tt.look, tt.first) }); n != 0 {
				t.Errorf("the kernel has made %d requests for what it knows", n)
			}
			tt.change(m.remote, m.d, file)
			m.sees(tt.look, tt.first) // nobody has told it: this is not a test of nothing
			m.sync()
			m.sees(tt.look, tt.then)
		})
	}
}

func TestPoller_StoresWhatIsWritten(t *testing.T) {
	exampletest.Undisturbed(t, func(t testing.TB) {
		m := mount(t)
		f := m.remote.create(m.d, "f", bytes.Repeat([]byte("a"), 3<<20))
		m.sync()
		m.sees("cat d/f | tail -c 1", "a")
		m.remote.write(f, bytes.Repeat([]byte("b"), 3<<20))
		m.sync()
		// The size is asked for, the data is there.
		if n := m.requests(func() { m.sees("cat d/f | tr -d b | wc -c; tail -c 1 d/f", "0\nb") }); n > 1 {
			t.Errorf("got %d requests, want one Getattr", n)
		}
	})
}
