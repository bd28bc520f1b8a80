package highlevel

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestSubdir_Paths(t *testing.T) {
	for _, c := range []struct{ dir, path, want string }{
		{"/srv", "/a/b", "/srv/a/b"},
		{"/srv", "/", "/srv/"},
		{"/srv/", "/a", "/srv/a"},
		{"srv", "/a", "/srv/a"},
		{"/", "/a", "/a"},
		{"/", "/", "/"},
		{"", "/a", "/a"},
		{"/x/../y", "/a", "/x/../y/a"}, // x may be a link
		{"/srv", "", ""},
	} {
		var got []string
		ops, err := Subdir(c.dir, false)(spy(t, &got))
		if err != nil {
			t.Fatal(err)
		}
		if err := ops.Rmdir(context.Background(), c.path); err != nil || !slices.Equal(got, []string{c.want}) {
			t.Errorf("%q, %q: got %q, %v, want %q", c.dir, c.path, got, err, c.want)
		}
	}
}

func TestSubdir_Links(t *testing.T) {
	for _, c := range []struct{ dir, path, target, want string }{
		{"/srv", "/l", "/srv/a", "a"},
		{"/srv", "/d/l", "/srv/a", "../a"},
		{"/srv", "/d/e/l", "/srv/d/a", "../a"},
		{"/srv", "/d/l", "/srv/d/a/b", "a/b"},
		{"/srv", "/l", "/srv", "."},
		{"/srv", "/d/l", "/srv/", "../"},
		{"/srv", "/d/l", "/srv/d", "."},
		{"/srv", "/l", "/srv/a/", "a/"},
		{"/srv", "/l", "/srv//a", "a"},
		{"/", "/d/l", "/a", "../a"},
		{"/srv", "/l", "/srvx/a", "/srvx/a"},
		{"/srv", "/l", "/other", "/other"},
		{"/srv", "/l", "/", "/"},
		{"/srv", "/l", "a", "a"},
		{"/srv", "/l", "../srv/a", "../srv/a"},
		{"/srv", "/l", "/srv/../etc", "/srv/../etc"},
		{"/srv", "/l", "/srv/l", "/srv/l"},
		{"/srv", "/l", "/srv/l/x", "/srv/l/x"},
		{"/srv", "/l", "", ""},
	} {
		next := &Operations{Readlink: func(_ context.Context, path string) (string, error) {
			if want := c.dir + c.path; path != want && c.dir != "/" {
				t.Errorf("asked for %q, want %q", path, want)
			}
			return c.target, nil
		}}
		for rel, want := range map[bool]string{true: c.want, false: c.target} {
			ops, err := Subdir(c.dir, rel)(next)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ops.Readlink(context.Background(), c.path); got != want || err != nil {
				t.Errorf("%q: %q -> %q, relative %v: got %q, %v, want %q", c.dir, c.path, c.target, rel, got, err, want)
			}
		}
	}
	ops, err := Subdir("/srv", true)(&Operations{Readlink: func(context.Context, string) (string, error) { return "", syscall.ENOENT }})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ops.Readlink(context.Background(), "/l"); got != "" || err != syscall.ENOENT {
		t.Errorf("got %q, %v, want ENOENT", got, err)
	}
}

func TestSubdir_Module(t *testing.T) {
	for _, c := range []struct {
		options   string
		path, rel string // of / and of a link /l to /srv/a
	}{
		{"subdir=/srv", "/srv/", "/srv/a"},
		{"subdir=/srv,rellinks", "/srv/", "a"},
		{"rellinks,subdir=/srv,norellinks", "/srv/", "/srv/a"},
		{"subdir=/other,subdir=/srv", "/srv/", "/srv/a"},
	} {
		layer, rest, err := subdirModule([]string{"prog", "-o", c.options + ",ro"})
		if err != nil {
			t.Errorf("%s: %v", c.options, err)
			continue
		}
		if want := "prog -o ro"; strings.Join(rest, " ") != want {
			t.Errorf("%s: got rest %q, want %q", c.options, rest, want)
		}
		var asked string
		ops, err := layer(&Operations{
			Rmdir:    func(_ context.Context, path string) error { asked = path; return nil },
			Readlink: func(context.Context, string) (string, error) { return "/srv/a", nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := ops.Rmdir(context.Background(), "/"); err != nil || asked != c.path {
			t.Errorf("%s: got %q, %v, want %q", c.options, asked, err, c.path)
		}
		if got, err := ops.Readlink(context.Background(), "/l"); got != c.rel || err != nil {
			t.Errorf("%s: got %q, %v, want %q", c.options, got, err, c.rel)
		}
	}
}
